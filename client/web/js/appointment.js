/**
 * appointment.js - one thing to do at one time, also after the browser has slept over it.
 *
 * Timers of a hidden page may run late or not at all; catchUp() is for the moment when it is looked at again.
 */
import { startSteadyTimer } from './steady-timer.js';

export class Appointment {
  /** @type {(() => void)|undefined} */
  #stop;
  /** @type {(() => void)|null} */
  #task = null;
  #dueMs = 0;
  #steady;

  /** @param {{steady?: boolean}} [options] steady: also in a hidden page */
  constructor({ steady = false } = {}) {
    this.#steady = steady;
  }

  /**
   * Replaces the one before.
   * @param {number} delayMs
   * @param {() => void} task
   */
  make(delayMs, task) {
    this.cancel();
    this.#task = task;
    this.#dueMs = Date.now() + delayMs;
    if (this.#steady) {
      this.#stop = startSteadyTimer(delayMs, () => this.hasten());
    } else {
      const timer = setTimeout(() => this.hasten(), delayMs);
      this.#stop = () => clearTimeout(timer);
    }
  }

  cancel() {
    this.#stop?.();
    this.#task = null;
  }

  /** Keeps an appointment whose time has passed; no other. */
  catchUp() {
    if (Date.now() >= this.#dueMs) this.hasten();
  }

  /** Does it now, if there is one. */
  hasten() {
    const task = this.#task;
    this.cancel();
    task?.();
  }
}
