/**
 * backoff.js - when to try again.
 *
 * Full jitter: many clients that lose one server at the same moment must not come back together.
 */

const FIRST_CAP_MS = 500;
const LAST_CAP_MS = 30_000;
/** Hosts are few, and everybody waits for them. */
export const HOST_CAP_MS = 1_000;
const SERVER_WISH_SPREAD = 0.2;

/**
 * @param {number} attempt 0 for the first retry
 * @param {() => number} random 0 <= random() < 1
 * @param {number} [capMs]
 * @returns {number} a delay in random(0, min(cap, 0.5 s * 2^attempt))
 */
export function retryDelayMs(attempt, random, capMs = LAST_CAP_MS) {
  return random() * Math.min(capMs, FIRST_CAP_MS * 2 ** Math.min(attempt, 10));
}

/**
 * The server said when: never sooner, and a little spread after that.
 * @param {number} retryAfterMs
 * @param {() => number} random
 * @returns {number}
 */
export function serverDelayMs(retryAfterMs, random) {
  return retryAfterMs + random() * Math.min(5_000, 100 + retryAfterMs * SERVER_WISH_SPREAD);
}
