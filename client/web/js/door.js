/**
 * door.js - looks at a room's door again and again: one small answer, the same for everybody.
 *
 * Events: `change` (a new view, or none could be had), `unknown` (there is no such room). Never touches the page.
 */
import { ApiError, askedPauseMs } from './api.js';
import { Appointment } from './appointment.js';
import { retryDelayMs } from './backoff.js';
import { emit } from './events.js';

/** @import {DoorView} from './types.js' */

const POLL_SPREAD = 0.5;
const POLL_MIN_MS = 1_000;
const POLL_MAX_MS = 60_000;

export class Door extends EventTarget {
  /** What was seen last. @type {DoorView|null} */
  view = null;
  /** The last look got no answer. */
  offline = false;
  /** The server's clock minus ours. */
  clockOffsetMs = 0;
  #look;
  #next = new Appointment();
  #attempt = 0;
  #watching = false;
  /** Each stop makes the answers under way worthless. */
  #run = 0;

  /**
   * @param {() => Promise<DoorView>} look
   * @param {AbortSignal} lifetime
   */
  constructor(look, lifetime) {
    super();
    this.#look = look;
    lifetime.addEventListener('abort', () => this.stop(), { once: true });
  }

  /** Looks at once, and from then on as the server wishes. */
  watch() {
    if (this.#watching) return;
    this.#watching = true;
    void this.#again();
  }

  /** What was seen is out of date from now on. */
  stop() {
    this.#watching = false;
    this.#run += 1;
    this.#next.cancel();
    this.#attempt = 0;
    this.view = null;
    this.offline = false;
  }

  /** Something has changed: no need to wait for the next time. */
  hurry() {
    this.#next.hasten();
  }

  /** The page is looked at again. */
  catchUp() {
    this.#next.catchUp();
  }

  async #again() {
    const run = this.#run;
    try {
      const view = await this.#look();
      if (run !== this.#run) return;
      if (typeof view?.state !== 'string') throw new TypeError('not a door');
      this.#see(view);
    } catch (error) {
      if (run !== this.#run) return;
      if (error instanceof ApiError && error.status === 404) {
        this.stop();
        emit(this, 'unknown');
        return;
      }
      this.offline = true;
      this.#next.make(askedPauseMs(error) + retryDelayMs(this.#attempt++, Math.random), () => void this.#again());
    }
    emit(this, 'change');
  }

  /** @param {DoorView} view */
  #see(view) {
    /* An answer that lay in a cache tells a time gone by: the latest clock is the right one. */
    const offsetMs = view.server_time_ms - Date.now();
    this.clockOffsetMs = this.clockOffsetMs === 0 ? offsetMs : Math.max(this.clockOffsetMs, offsetMs);
    this.view = view;
    this.offline = false;
    this.#attempt = 0;
    const pollMs = Math.min(POLL_MAX_MS, Math.max(POLL_MIN_MS, Number(view.poll_ms) || POLL_MAX_MS));
    this.#next.make(pollMs * (1 + Math.random() * POLL_SPREAD), () => void this.#again());
  }
}
