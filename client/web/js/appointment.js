/**
 * appointment.js - one thing to do at one time, also after the browser has slept over it.
 *
 * Timers of a hidden page run late or not at all; catchUp() is for the moment when it is looked at again.
 */
export class Appointment {
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  /** @type {(() => void)|null} */
  #task = null;
  #dueMs = 0;

  /**
   * Replaces the one before.
   * @param {number} delayMs
   * @param {() => void} task
   */
  make(delayMs, task) {
    this.cancel();
    this.#task = task;
    this.#dueMs = Date.now() + delayMs;
    this.#timer = setTimeout(() => this.hasten(), delayMs);
  }

  cancel() {
    clearTimeout(this.#timer);
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
