/**
 * protocol.js - the WebSocket: says hello, hands on every message, goes where it is sent, comes back by itself.
 *
 * Events: `message` (ServerMessage) and `status` (SignalStatus). Never touches the page.
 *
 *   connecting --welcome--> open --socket lost--> waiting --timer--> connecting
 *        \___ denied, or bye without a time to come back, or close() ___> closed
 *
 * Home is the page's own origin. The server there, or the next one, may send it elsewhere: it follows a few times
 * in a row, then rests and begins at home. Whenever it loses another node it goes home first. A node that says
 * `bye` with `moving` is left by whoever owns this socket; until then the connection beside it goes on.
 */
import { HOST_CAP_MS, retryDelayMs, serverDelayMs } from './backoff.js';
import { emit } from './events.js';
import { readNode } from './nodes.js';

/**
 * @import {Answer, ByeReason, ClientMessage, Elsewhere, ErrorCode, ErrorMessage, Hello, Refused,
 *   ServerMessage} from './types.js'
 */
/**
 * @typedef {{state: 'connecting'} | {state: 'open'}
 *   | {state: 'waiting', retryAtMs: number, reason: 'lost'|'elsewhere'|ByeReason|'refused'}
 *   | {state: 'closed', reason: ErrorCode|ByeReason|'elsewhere'|'refused'|'done', message: string}} SignalStatus
 */
/**
 * The part of WebSocket used here, so that tests can bring their own.
 * @typedef {EventTarget & {send(text: string): void, close(code?: number): void, readyState: number}} Socket
 */

const SUBPROTOCOL = 'rostrum.v1';
const WELCOME_TIMEOUT_MS = 10_000;
const AWAY_WELCOME_TIMEOUT_MS = 5_000;
const STEADY_MS = 10_000;
const HOPS_MAX = 3;
const HOPS_REST_MS = 1_000;
const HOPS_REST_SPREAD_MS = 1_500;
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

  #home;
  /** Where the socket is, or goes next. */
  #url;
  /** Of the node that sent us here; '': none. */
  #region = '';
  #hops = 0;
  /** The node wants to be left: whoever loses this socket does not come back to it by itself. */
  #moving = false;
  #hello;
  #random;
  #createSocket;

  /**
   * @param {{url: string, hello: Omit<Hello, 'type'|'ref'>, lifetime: AbortSignal, at?: Elsewhere|undefined,
   *   random?: () => number, createSocket?: (url: string) => Socket}} options url: home; at: the node to begin at
   */
  constructor({ url, hello, lifetime, at, random = Math.random, createSocket }) {
    super();
    this.#home = this.#url = url;
    this.#hello = hello;
    this.#random = random;
    this.#createSocket = createSocket ?? ((address) => new WebSocket(address, SUBPROTOCOL));
    lifetime.addEventListener('abort', () => this.close(), { once: true });
    if (at) this.#follow(at);
    else this.#connect();
  }

  /** @returns {boolean} not at home, or about to be sent away from there: what is lost is not mended here */
  get isAway() {
    return this.#url !== this.#home || this.#moving;
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

  /** Drops the socket and opens another one, at home: the old one may be dead without knowing. */
  restart() {
    if (this.status.state === 'closed') return;
    const reason = this.isAway ? 'elsewhere' : 'lost';
    this.#dropSocket();
    this.#turnHome();
    this.#waitLonger(reason);
  }

  /** Away from home something was lost: begins anew at home, unless that is under way. */
  goHome() {
    if (this.isAway && (this.status.state === 'open' || this.#moving)) this.restart();
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
    this.#timer = setTimeout(() => this.restart(), this.isAway ? AWAY_WELCOME_TIMEOUT_MS : WELCOME_TIMEOUT_MS);
    const until = { signal: life.signal };
    socket.addEventListener('open', () => {
      this.#helloRef = this.#nextRef();
      const region = this.#region ? { region: this.#region } : {};
      socket.send(JSON.stringify({ type: 'hello', ref: this.#helloRef, ...this.#hello, ...region }));
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
    if (message.type === 'answer') this.#hops = 0;
    if (message.type === 'bye' && message.reason === 'moving') {
      this.#moving = true;
    } else if (message.type === 'refused' && message.reason === 'elsewhere') {
      this.#follow(message.elsewhere);
    } else if (message.type === 'bye') {
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

  /** @param {Elsewhere|undefined} elsewhere */
  #follow(elsewhere) {
    const node = readNode(elsewhere, this.#home);
    if (typeof node === 'string') {
      console.error(`sent to ${JSON.stringify(elsewhere?.url)}: ${node}`);
      this.#finish('elsewhere', node);
      return;
    }
    this.#dropSocket();
    if (node.ticket) this.setToken(node.ticket);
    if (this.#hops === HOPS_MAX) {
      this.#turnHome();
      this.#wait(HOPS_REST_MS + this.#random() * HOPS_REST_SPREAD_MS, 'elsewhere');
      return;
    }
    this.#hops += 1;
    this.#url = node.socketUrl;
    this.#region = node.region || this.#region;
    this.#moving = false;
    this.#connect();
  }

  #turnHome() {
    this.#url = this.#home;
    this.#region = '';
    this.#hops = 0;
    this.#moving = false;
  }

  #lost() {
    const farewell = this.#farewell;
    if (!farewell && this.#moving) {
      this.#dropSocket();
      this.#setStatus({ state: 'waiting', retryAtMs: Infinity, reason: 'moving' });
      return;
    }
    if (this.isAway && (!farewell || farewell.retryAfterMs !== undefined)) {
      this.restart(); /* when that node will be back is nothing to wait for */
      return;
    }
    this.#dropSocket();
    if (!farewell) this.#waitLonger('lost');
    else if (farewell.retryAfterMs === undefined) this.#finish(farewell.reason, farewell.message);
    else this.#wait(serverDelayMs(farewell.retryAfterMs, this.#random), farewell.reason);
  }

  /** The longer the oftener it was in vain. @param {'lost'|'elsewhere'} reason */
  #waitLonger(reason) {
    const capMs = this.#hello.as === 'host' ? HOST_CAP_MS : undefined;
    this.#wait(retryDelayMs(this.#attempt++, this.#random, capMs), reason);
  }

  /**
   * @param {number} delayMs
   * @param {'lost'|'elsewhere'|ByeReason|'refused'} reason
   */
  #wait(delayMs, reason) {
    this.#setStatus({ state: 'waiting', retryAtMs: Date.now() + delayMs, reason });
    this.#timer = setTimeout(() => this.#connect(), delayMs);
  }

  /**
   * @param {ErrorCode|ByeReason|'elsewhere'|'refused'|'done'} reason
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
