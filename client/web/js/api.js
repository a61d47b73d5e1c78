/**
 * api.js - the HTTP API: one method per request, errors as ApiError. Never touches the page.
 *
 * Tokens travel in the Authorization header only.
 */

/**
 * @import {ApiRoom, Ban, CreatedRoom, DoorView, Invitation, InvitationLink, LineAnswer, Mode, Report, Role,
 *   RoomDraft, Stem} from './types.js'
 */
/**
 * @typedef {object} RequestOptions
 * @property {unknown} [body]
 * @property {number|null} [timeoutMs] null: a download may take its time
 * @property {string} [token] instead of the one given at the start
 * @property {RequestCache} [cache]
 * @property {string} [accept]
 */

const TIMEOUT_MS = 15_000;

/** A refusal in the form of RFC 9457, or `code: 'network'` when there was no answer at all. */
export class ApiError extends Error {
  /** When it may be asked again; null: the server did not say. @type {number|null} */
  retryAfterMs;
  /** What to ask with then, for it keeps one's turn; '': as before. @type {string} */
  ticket;

  /**
   * @param {{status: number, code: string, title?: string, detail?: string, allowed?: string,
   *   retryAfterMs?: number|null, ticket?: unknown}} problem
   */
  constructor({ status, code, title = '', detail = '', allowed = '', retryAfterMs = null, ticket = '' }) {
    super([detail || title || code, allowed].filter(Boolean).join(' '));
    this.status = status;
    this.code = code;
    this.retryAfterMs = retryAfterMs;
    this.ticket = typeof ticket === 'string' ? ticket : '';
  }
}

/**
 * @param {unknown} error
 * @returns {number} how long the server wants to be left alone at least
 */
export function askedPauseMs(error) {
  return error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
}

export class Api {
  #token;

  /** @param {string} [token] invitation or admin token */
  constructor(token = '') {
    this.#token = token;
  }

  /** @returns {Promise<ApiRoom[]>} */
  async rooms() {
    return (await this.#json('GET', 'rooms')).rooms;
  }

  /** @param {string} slug @returns {Promise<ApiRoom>} */
  room(slug) {
    return this.#json('GET', `rooms/${slug}`);
  }

  /** Caches on the way may answer this one. @param {string} slug @returns {Promise<DoorView>} */
  door(slug) {
    return this.#json('GET', `rooms/${slug}/door`, { cache: 'default' });
  }

  /**
   * Enters the line, or checks in.
   * @param {string} slug
   * @param {string} ticket '': a newcomer
   * @returns {Promise<LineAnswer>}
   */
  askLine(slug, ticket) {
    return this.#json('POST', `rooms/${slug}/line`, { token: ticket });
  }

  /** Gives the place or the held seat up. @param {string} slug @param {string} ticket @returns {Promise<void>} */
  async leaveLine(slug, ticket) {
    await this.#request('DELETE', `/api/v1/rooms/${slug}/line`, { token: ticket });
  }

  /**
   * What the owner wants; the server may still be stricter.
   * @param {string} slug
   * @param {Mode} mode
   * @param {number} seats of small_audience; 0: as many as the server serves well
   * @returns {Promise<ApiRoom>}
   */
  setMode(slug, mode, seats) {
    return this.#json('POST', `rooms/${slug}/mode`, { body: mode === 'small_audience' && seats > 0 ? { mode, seats } : { mode } });
  }

  /** @param {string} slug @param {number} count @returns {Promise<string[]>} links that let in before strangers */
  async makePasses(slug, count) {
    return (await this.#json('POST', `rooms/${slug}/passes`, { body: { count } })).passes;
  }

  /** @param {RoomDraft} draft @returns {Promise<CreatedRoom>} */
  createRoom(draft) {
    return this.#json('POST', 'rooms', { body: draft });
  }

  /**
   * @param {string} slug
   * @param {'open'|'live'|'end'|'cancel'|'withdraw'} action
   * @returns {Promise<ApiRoom>}
   */
  steer(slug, action) {
    return this.#json('POST', `rooms/${slug}/${action}`);
  }

  /** @param {string} slug @returns {Promise<Invitation[]>} */
  async invitations(slug) {
    return (await this.#json('GET', `rooms/${slug}/invitations`)).invitations;
  }

  /**
   * @param {string} slug
   * @param {{name: string, role: Role}} guest
   * @returns {Promise<InvitationLink>}
   */
  invite(slug, guest) {
    return this.#json('POST', `rooms/${slug}/invitations`, { body: guest });
  }

  /** @param {string} slug @param {number} id @returns {Promise<void>} */
  async revoke(slug, id) {
    await this.#request('DELETE', `/api/v1/rooms/${slug}/invitations/${id}`);
  }

  /** @param {string} slug @returns {Promise<Ban[]>} */
  async bans(slug) {
    return (await this.#json('GET', `rooms/${slug}/bans`)).bans;
  }

  /** Ends its listeners and lets none of it in. @param {string} slug @param {string} network @returns {Promise<Ban>} */
  ban(slug, network) {
    return this.#json('POST', `rooms/${slug}/bans`, { body: { network } });
  }

  /** @param {string} slug @param {number} id @returns {Promise<void>} */
  async liftBan(slug, id) {
    await this.#request('DELETE', `/api/v1/rooms/${slug}/bans/${id}`);
  }

  /** @param {string} slug @returns {Promise<Stem[]>} */
  async stems(slug) {
    return (await this.#json('GET', `rooms/${slug}/stems`)).stems;
  }

  /** @param {string} slug @param {number} number @returns {Promise<Blob>} */
  async stem(slug, number) {
    const path = `/api/v1/rooms/${slug}/stems/${number}.opus`;
    return (await this.#request('GET', path, { timeoutMs: null })).blob();
  }

  /** @param {string} slug @returns {Promise<Report>} */
  report(slug) {
    return this.#json('GET', `rooms/${slug}/report`);
  }

  /** @param {string} slug @returns {Promise<Blob>} its history as CSV */
  async reportTable(slug) {
    return (await this.#request('GET', `/api/v1/rooms/${slug}/report`, { accept: 'text/csv' })).blob();
  }

  /**
   * @param {string} method
   * @param {string} path below /api/v1/
   * @param {RequestOptions} [options]
   * @returns {Promise<any>} the caller names the type
   */
  async #json(method, path, options) {
    const response = await this.#request(method, `/api/v1/${path}`, options);
    try {
      return await response.json();
    } catch {
      throw new ApiError({ status: 0, code: 'network' }); /* cut off, or not from this server */
    }
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {RequestOptions} [options]
   * @returns {Promise<Response>} rejects with ApiError
   */
  async #request(method, path, { body, timeoutMs = TIMEOUT_MS, token = this.#token, cache = 'no-cache', accept = 'application/json' } = {}) {
    /** @type {Record<string, string>} */
    const headers = { accept };
    if (token) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    /** @type {RequestInit} */
    const request = { method, headers, credentials: 'omit', cache };
    if (body !== undefined) request.body = JSON.stringify(body);
    if (timeoutMs !== null) request.signal = AbortSignal.timeout(timeoutMs);
    /** @type {Response} */
    let response;
    try {
      response = await fetch(path, request);
    } catch {
      throw new ApiError({ status: 0, code: 'network' });
    }
    if (response.ok) return response;
    const problem = await response.json().catch(() => ({}));
    throw new ApiError({ code: 'http', ...problem, status: response.status, retryAfterMs: retryAfterMs(response) });
  }
}

/** @param {Response} response @returns {number|null} */
function retryAfterMs(response) {
  const seconds = response.headers.get('retry-after');
  return seconds !== null && /^\d{1,6}$/.test(seconds) ? Number(seconds) * 1000 : null;
}
