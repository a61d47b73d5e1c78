/**
 * steady-timer.js - a timer that also runs while the page is hidden.
 *
 * After some minutes browsers let the timers of a hidden page run once a minute only: too late for somebody at the
 * front of a line, who is asked for every second. Timers of a worker go on. The page's own timer runs beside it, so
 * that nothing is lost where there is no worker.
 */

/** @type {Worker|null|undefined} undefined: not tried yet */
let worker;
let lastId = 0;
/** @type {Map<number, {timer: ReturnType<typeof setTimeout>, task: () => void}>} */
const running = new Map();

/**
 * @param {number} delayMs
 * @param {() => void} task
 * @returns {() => void} stops it
 */
export function startSteadyTimer(delayMs, task) {
  const id = ++lastId;
  running.set(id, { timer: setTimeout(() => run(id), delayMs), task });
  if (worker === undefined) worker = startWorker();
  worker?.postMessage({ id, delayMs });
  return () => {
    clearTimeout(running.get(id)?.timer);
    running.delete(id);
  };
}

/** @param {number} id */
function run(id) {
  const one = running.get(id);
  if (!one) return; /* stopped, or the other timer was first */
  clearTimeout(one.timer);
  running.delete(id);
  one.task();
}

/** @returns {Worker|null} */
function startWorker() {
  if (typeof Worker === 'undefined') return null;
  try {
    const started = new Worker(new URL('./steady-timer-worker.js', import.meta.url));
    started.addEventListener('message', (event) => run(event.data));
    return started;
  } catch {
    return null;
  }
}
