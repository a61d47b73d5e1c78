/** wait.mjs - waiting for conditions, with deadlines. */
import { setTimeout as pause } from 'node:timers/promises';

const POLL_MS = 100;
const LOOK_MS = 10_000;

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
      const value = await answered(look(), Math.min(LOOK_MS, deadlineMs - performance.now()));
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
 * A browser may never answer: then it is asked again.
 * @template T
 * @param {T|Promise<T>} promise
 * @param {number} timeoutMs
 * @returns {Promise<T>}
 */
async function answered(promise, timeoutMs) {
  const end = new AbortController();
  const late = pause(Math.max(timeoutMs, POLL_MS), undefined, { signal: end.signal }).then(() => {
    throw new Error('no answer to the question');
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    late.catch(() => undefined);
    end.abort();
  }
}

/**
 * Lets the speakers speak: a stretch of real time is what is being recorded here.
 * @param {number} seconds
 */
export function letThemTalk(seconds) {
  return pause(seconds * 1000);
}
