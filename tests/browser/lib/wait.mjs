/** wait.mjs - waiting for conditions, with deadlines. */
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 100;

/**
 * @template T
 * @param {string} what named when the time is over
 * @param {() => T|Promise<T>} look truthy: done; what it throws means "not yet"
 * @param {number} [timeoutMs]
 * @returns {Promise<NonNullable<T>>}
 */
export async function until(what, look, timeoutMs = 20_000) {
  const deadlineMs = performance.now() + timeoutMs;
  let last = 'nothing';
  for (;;) {
    try {
      const value = await look();
      if (value) return value;
      last = String(value);
    } catch (error) {
      last = String(error);
    }
    if (performance.now() > deadlineMs) throw new Error(`not within ${timeoutMs} ms: ${what} (last: ${last})`);
    await pause(POLL_MS);
  }
}

/**
 * Lets the speakers speak: a stretch of real time is what is being recorded here.
 * @param {number} seconds
 */
export function letThemTalk(seconds) {
  return pause(seconds * 1000);
}
