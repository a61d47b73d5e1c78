/**
 * move.js - from a node that wants to be left to another one, while the first still plays: make before break.
 *
 *   pausing --its time--> asking --hears, or would if it were live--> `ready`
 *      ^                    | refused, or no seat: the first one plays on
 *      +--------------------+
 *
 * Events: `message` (ServerMessage of the next seat), `prepare` (MediaStream: attach it at once, unheard), `ready`.
 * Whoever has `take()`n the next seat owns it. Never touches the page.
 */
import { serverDelayMs } from './backoff.js';
import { emit, listen } from './events.js';

/** @import {Seat} from './seat.js' */
/** @import {ServerMessage} from './types.js' */

const AGAIN_MIN_MS = 1_000;
const AGAIN_MS = 10_000;

export class Move extends EventTarget {
  /** The next seat; null: its time has not come, or it was refused. @type {Seat|null} */
  next = null;
  /** What it plays, once it came. @type {MediaStream|null} */
  stream = null;
  #makeSeat;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** Ends with each next seat. */
  #watch = new AbortController();

  /**
   * @param {() => Seat} makeSeat from home
   * @param {number} afterMs as the node wishes
   */
  constructor(makeSeat, afterMs) {
    super();
    this.#makeSeat = makeSeat;
    this.#pause(afterMs);
  }

  /** @returns {{seat: Seat, stream: MediaStream|null}|null} the next seat, as far as it is; null: there is none */
  take() {
    const taken = this.next ? { seat: this.next, stream: this.stream } : null;
    this.#forget();
    return taken;
  }

  /** Not any more. */
  end() {
    const seat = this.next;
    this.#forget();
    seat?.listener.stop();
    seat?.end();
  }

  /** @param {number} delayMs */
  #pause(delayMs) {
    this.#timer = setTimeout(() => this.#begin(), serverDelayMs(delayMs, Math.random));
  }

  #begin() {
    const seat = this.#makeSeat();
    const until = this.#watch.signal;
    this.next = seat;
    listen(seat.signal, 'message', (/** @type {ServerMessage} */ message) => this.#onMessage(message), until);
    listen(seat.signal, 'status', () => this.#onStatus(), until);
    listen(seat.listener, 'track', (/** @type {MediaStream} */ stream) => this.#onTrack(stream), until);
    listen(seat.listener, 'change', () => this.#onListener(), until);
    listen(seat.model, 'change', () => this.#onListener(), until);
    this.#onStatus(); /* it may have been over before anybody listened */
  }

  /** @param {ServerMessage} message */
  #onMessage(message) {
    emit(this, 'message', message);
    const refused = message.type === 'refused' && message.reason !== 'elsewhere';
    const shed = message.type === 'media' && message.state === 'lost' && message.cause === 'shed';
    if (refused) this.#again(message.retry_after_ms ?? AGAIN_MS);
    else if (shed) this.#again(AGAIN_MS);
  }

  #onStatus() {
    if (this.next?.signal.status.state === 'closed') this.#again(AGAIN_MS);
  }

  /** @param {MediaStream} stream */
  #onTrack(stream) {
    this.stream = stream;
    emit(this, 'prepare', stream);
  }

  #onListener() {
    const state = this.next?.listener.state;
    const over = this.next?.model.room?.state === 'ended';
    if (over || state === 'hearing' || state === 'blocked' || state === 'waiting') emit(this, 'ready');
  }

  /** @param {number} delayMs */
  #again(delayMs) {
    this.end();
    this.#pause(Math.max(AGAIN_MIN_MS, delayMs));
  }

  #forget() {
    clearTimeout(this.#timer);
    this.#watch.abort();
    this.#watch = new AbortController();
    this.next = null;
    this.stream = null;
  }
}
