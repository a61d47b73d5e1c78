/** clock.js - time that stands still until a test lets it pass. (What node:test has for it changed between Node.js 18 and 20.) */
import { mock } from 'node:test';

export const STEP_MS = 250;
let nowMs = 0;
let lastId = 0;
/** @type {Map<number, {dueMs: number, everyMs: number|null, run: () => void}>} */
const timers = new Map();

/** @param {() => void} run @param {number} delayMs @param {number|null} everyMs */
function start(run, delayMs, everyMs) {
  timers.set(++lastId, { dueMs: nowMs + delayMs, everyMs, run });
  return lastId;
}

/** Until mock.restoreAll(). */
export function stopTime() {
  nowMs = 0;
  timers.clear();
  const world = /** @type {any} */ (globalThis);
  mock.method(world, 'setTimeout', (/** @type {() => void} */ run, delayMs = 0) => start(run, delayMs, null));
  mock.method(world, 'setInterval', (/** @type {() => void} */ run, /** @type {number} */ everyMs) => start(run, everyMs, everyMs));
  mock.method(world, 'clearTimeout', (/** @type {number} */ id) => void timers.delete(id));
  mock.method(world, 'clearInterval', (/** @type {number} */ id) => void timers.delete(id));
  mock.method(Date, 'now', () => nowMs);
  mock.method(performance, 'now', () => nowMs);
}

/** @param {number} durationMs */
export function tick(durationMs) {
  const endMs = nowMs + durationMs;
  for (;;) {
    const [next] = [...timers].filter(([, timer]) => timer.dueMs <= endMs).sort(([, a], [, b]) => a.dueMs - b.dueMs);
    if (!next) break;
    const [id, timer] = next;
    nowMs = timer.dueMs;
    if (timer.everyMs === null) timers.delete(id);
    else timer.dueMs += timer.everyMs;
    timer.run();
  }
  nowMs = endMs;
}

/** Lets promises run between the steps of the clock. @param {number} durationMs @param {() => void} [each] */
export async function pass(durationMs, each) {
  for (let spentMs = 0; spentMs < durationMs; spentMs += STEP_MS) {
    each?.();
    tick(STEP_MS);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
