/**
 * protocol.js - the WebSocket: says hello, hands on every message, comes back by itself.
 *
 * Events: `message` (ServerMessage) and `status` (SignalStatus). Never touches the page.
 *
 *   connecting --welcome--> open --socket lost--> waiting --timer--> connecting
 *        \___ denied, or bye without a time to come back, or close() ___> closed
 */
import { retryDelayMs, serverDelayMs } from './backoff.js';
import { emit } from './events.js';

/** @import {Answer, ByeReason, ClientMessage, ErrorCode, ErrorMessage, Hello, Refused, ServerMessage} from './types.js' */
/**
 * @typedef {{state: 'connecting'} | {state: 'open'}
 *   | {state: 'waiting', retryAtMs: number, reason: 'lost'|ByeReason|'refused'}
 *   | {state: 'closed', reason: ErrorCode|ByeReason|'refused'|'done', message: string}} SignalStatus
 */
/**
 * The part of WebSocket used here, so that tests can bring their own.
 * @typedef {EventTarget & {send(text: string): void, close(code?: number): void, readyState: number}} Socket
 */

const SUBPROTOCOL = 'rostrum.v1';
const WELCOME_TIMEOUT_MS = 10_000;
const STEADY_MS = 10_000;
const SOCKET_OPEN = 1;

/** @type {ReadonlySet<string>} */
const KINDS = new Set([
  'welcome', 'room', 'roster', 'levels', 'audience', 'answer', 'refused', 'media', 'error', 'bye',
]);
/** Errors that no second try would mend. @type {ReadonlySet<ErrorCode>} */
const FINAL_ERRORS = new Set(/** @type {ErrorCode[]} */ ([
  'unknown_room', 'bad_token', 'revoked_token', 'not_allowed', 'bad_field', 'unknown_field',
]));

/** A request that got no reply: its socket was lost, or time ran out. */
export class NoReply extends Error {}

/**
 * @param {string} text
 * @returns {ServerMessage|null} null: not a message that this version knows
 */
export function parseServerMessage(text) {
  try {
    const value = JSON.parse(text);
    return value !== null && typeof value === 'object' && KINDS.has(value.type) ? value : null;
  } catch {
    return null;
  }
}

/** @returns {string} the address of this site's socket */
export function socketUrl() {
  return `${location.origin.replace(/^http/, 'ws')}/ws`;
}

export class Signal extends EventTarget {
  /** @type {SignalStatus} */
  status = { state: 'connecting' };
  /** @type {Socket|null} */
  #socket = null;
  /** Ends with the socket it belongs to. */
  #socketLife = new AbortController();
  #attempt = 0;
  #refs = 0;
  #helloRef = '';
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #steadyTimer;
  /** What the server said last about coming back. @type {{reason: ByeReason|'refused', retryAfterMs: number|undefined, message: string}|null} */
  #farewell = null;
  /** @type {Map<string, {resolve: (reply: Answer|Refused|ErrorMessage) => void, reject: (why: NoReply) => void}>} */
  #pending = new Map();

  #url;
  #hello;
  #random;
  #createSocket;

  /**
   * @param {{url: string, hello: Omit<Hello, 'type'|'ref'>, lifetime: AbortSignal,
   *   random?: () => number, createSocket?: (url: string) => Socket}} options
   */
  constructor({ url, hello, lifetime, random = Math.random, createSocket }) {
    super();
    this.#url = url;
    this.#hello = hello;
    this.#random = random;
    this.#createSocket = createSocket ?? ((address) => new WebSocket(address, SUBPROTOCOL));
    lifetime.addEventListener('abort', () => this.close(), { once: true });
    this.#connect();
  }

  /**
   * @param {ClientMessage} message
   * @returns {boolean} false: there is no welcome yet, nothing was sent
   */
  send(message) {
    if (this.status.state !== 'open' || this.#socket?.readyState !== SOCKET_OPEN) return false;
    this.#socket.send(JSON.stringify(message));
    return true;
  }

  /**
   * Sends and waits for the reply that carries the same ref.
   * @param {ClientMessage} message
   * @param {number} timeoutMs
   * @returns {Promise<Answer|Refused|ErrorMessage>} rejects with NoReply
   */
  request(message, timeoutMs) {
    const ref = this.#nextRef();
    return new Promise((resolve, reject) => {
      if (!this.send({ ...message, ref })) {
        reject(new NoReply('not connected'));
        return;
      }
      const timer = setTimeout(() => {
        this.#pending.delete(ref);
        reject(new NoReply('no reply in time'));
      }, timeoutMs);
      this.#pending.set(ref, {
        resolve: (reply) => (clearTimeout(timer), resolve(reply)),
        reject: (why) => (clearTimeout(timer), reject(why)),
      });
    });
  }

  /** What the next hello carries: a listener's newest ticket. @param {string} token */
  setToken(token) {
    this.#hello = { ...this.#hello, token };
  }

  /** Drops the socket and opens another one: the old one may be dead without knowing. */
  restart() {
    if (this.status.state === 'closed') return;
    this.#dropSocket();
    this.#wait(retryDelayMs(this.#attempt++, this.#random), 'lost');
  }

  /** The network is back: no need to sit out the rest of a long wait, unless the server set it. */
  hurry() {
    if (this.status.state !== 'waiting' || this.status.reason !== 'lost') return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** Ends for good. */
  close() {
    this.#finish('done', '');
  }

  #nextRef() {
    this.#refs += 1;
    return `r${this.#refs}`;
  }

  #connect() {
    this.#farewell = null;
    this.#setStatus({ state: 'connecting' });
    const life = new AbortController();
    this.#socketLife = life;
    const socket = this.#createSocket(this.#url);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.restart(), WELCOME_TIMEOUT_MS);
    const until = { signal: life.signal };
    socket.addEventListener('open', () => {
      this.#helloRef = this.#nextRef();
      socket.send(JSON.stringify({ type: 'hello', ref: this.#helloRef, ...this.#hello }));
    }, until);
    socket.addEventListener('message', (event) => {
      const message = parseServerMessage(String(/** @type {MessageEvent} */ (event).data));
      if (message) this.#receive(message);
    }, until);
    socket.addEventListener('close', () => this.#lost(), until);
  }

  /** @param {ServerMessage} message */
  #receive(message) {
    const greeting = this.status.state === 'connecting';
    if (message.type === 'welcome') {
      clearTimeout(this.#timer);
      this.#setStatus({ state: 'open' });
      this.#steadyTimer = setTimeout(() => (this.#attempt = 0), STEADY_MS);
    }
    emit(this, 'message', message);
    if (this.#socket === null) return; /* whoever heard it has closed this socket */
    if (message.type === 'bye') {
      this.#farewell = { reason: message.reason, retryAfterMs: message.retry_after_ms, message: '' };
      this.#lost(); /* its own close may take its time */
    } else if (message.type === 'error' && greeting && FINAL_ERRORS.has(message.code)) {
      this.#finish(message.code, message.message);
    } else if (message.type === 'refused' && greeting) {
      this.#farewell = { reason: 'refused', retryAfterMs: message.retry_after_ms, message: message.message };
      this.#lost();
    } else if (message.type === 'answer' || message.type === 'refused' || message.type === 'error') {
      const ref = message.ref ?? '';
      this.#pending.get(ref)?.resolve(message);
      this.#pending.delete(ref);
    }
  }

  #lost() {
    const farewell = this.#farewell;
    this.#dropSocket();
    if (!farewell) this.#wait(retryDelayMs(this.#attempt++, this.#random), 'lost');
    else if (farewell.retryAfterMs === undefined) this.#finish(farewell.reason, farewell.message);
    else this.#wait(serverDelayMs(farewell.retryAfterMs, this.#random), farewell.reason);
  }

  /**
   * @param {number} delayMs
   * @param {'lost'|ByeReason|'refused'} reason
   */
  #wait(delayMs, reason) {
    this.#setStatus({ state: 'waiting', retryAtMs: Date.now() + delayMs, reason });
    this.#timer = setTimeout(() => this.#connect(), delayMs);
  }

  /**
   * @param {ErrorCode|ByeReason|'refused'|'done'} reason
   * @param {string} message
   */
  #finish(reason, message) {
    if (this.status.state === 'closed') return;
    this.#dropSocket();
    this.#setStatus({ state: 'closed', reason, message });
  }

  #dropSocket() {
    clearTimeout(this.#timer);
    clearTimeout(this.#steadyTimer);
    this.#socketLife.abort();
    this.#socket?.close();
    this.#socket = null;
    for (const request of this.#pending.values()) request.reject(new NoReply('socket lost'));
    this.#pending.clear();
  }

  /** @param {SignalStatus} status */
  #setStatus(status) {
    this.status = status;
    emit(this, 'status', status);
  }
}
