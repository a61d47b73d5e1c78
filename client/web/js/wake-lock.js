/** wake-lock.js - keeps a host's screen on: a sleeping device would take the microphone away. */

export class WakeLock {
  #wanted = false;
  /** @type {WakeLockSentinel|null} */
  #lock = null;

  /** @param {AbortSignal} lifetime */
  constructor(lifetime) {
    document.addEventListener('visibilitychange', () => void this.#apply(), { signal: lifetime });
    lifetime.addEventListener('abort', () => this.set(false), { once: true });
  }

  /** @param {boolean} wanted */
  set(wanted) {
    if (wanted === this.#wanted) return;
    this.#wanted = wanted;
    void this.#apply();
  }

  async #apply() {
    if (!('wakeLock' in navigator)) return;
    try {
      if (!this.#wanted) await this.#lock?.release();
      else if (!document.hidden && (this.#lock === null || this.#lock.released)) {
        this.#lock = await navigator.wakeLock.request('screen');
      }
    } catch { /* a wish, not a need: low battery may refuse it */ }
  }
}
