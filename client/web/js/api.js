/**
 * api.js - the HTTP API: one method per request, errors as ApiError. Never touches the page.
 *
 * Tokens travel in the Authorization header only.
 */

/** @import {ApiRoom, CreatedRoom, Invitation, InvitationLink, Role, RoomDraft, Stem} from './types.js' */

const TIMEOUT_MS = 15_000;

/** A refusal in the form of RFC 9457, or `code: 'network'` when there was no answer at all. */
export class ApiError extends Error {
  /** @param {{status: number, code: string, title?: string, detail?: string, allowed?: string}} problem */
  constructor({ status, code, title = '', detail = '', allowed = '' }) {
    super([detail || title || code, allowed].filter(Boolean).join(' '));
    this.status = status;
    this.code = code;
  }
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

  /** @param {RoomDraft} draft @returns {Promise<CreatedRoom>} */
  createRoom(draft) {
    return this.#json('POST', 'rooms', draft);
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
    return this.#json('POST', `rooms/${slug}/invitations`, guest);
  }

  /** @param {string} slug @param {number} id @returns {Promise<void>} */
  async revoke(slug, id) {
    await this.#request('DELETE', `/api/v1/rooms/${slug}/invitations/${id}`);
  }

  /** @param {string} slug @returns {Promise<Stem[]>} */
  async stems(slug) {
    return (await this.#json('GET', `rooms/${slug}/stems`)).stems;
  }

  /** @param {string} slug @param {number} number @returns {Promise<Blob>} */
  async stem(slug, number) {
    const path = `/api/v1/rooms/${slug}/stems/${number}.opus`;
    return (await this.#request('GET', path, undefined, null)).blob();
  }

  /**
   * @param {string} method
   * @param {string} path below /api/v1/
   * @param {unknown} [body]
   * @returns {Promise<any>} the caller names the type
   */
  async #json(method, path, body) {
    return (await this.#request(method, `/api/v1/${path}`, body)).json();
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {unknown} [body]
   * @param {number|null} [timeoutMs] null: a download may take its time
   * @returns {Promise<Response>} rejects with ApiError
   */
  async #request(method, path, body, timeoutMs = TIMEOUT_MS) {
    /** @type {Record<string, string>} */
    const headers = { accept: 'application/json' };
    if (this.#token) headers['authorization'] = `Bearer ${this.#token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    /** @type {RequestInit} */
    const request = { method, headers, credentials: 'omit', cache: 'no-cache' };
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
    throw new ApiError({ code: 'http', ...problem, status: response.status });
  }
}
