/** quality.mjs - how late packets are on a full core, and how many listeners the machine holds cleanly. */
import { letThemTalk } from '../../browser/lib/wait.mjs';
import { Crowd } from '../lib/crowd.mjs';
import { fixed, median } from '../lib/figures.mjs';
import { row } from '../lib/row.mjs';
import { look } from '../lib/steady.mjs';
import { Talk } from '../lib/talk.mjs';

const LATE_MS_MAX = 15;
const CLEAN_MS_MAX = 20;
const SETTLE_S = 8;
const RAMP = 250;
const UNREAD_PERCENT = 80;
const STEPS_MAX = 6;

/** @typedef {import('../../browser/lib/tap.mjs').Tap} Tap */

/**
 * The seconds of an account that lie wholly between two moments.
 * @param {any} account
 * @param {number} beginMs
 * @param {number} endMs
 */
function rowsBetween(account, beginMs, endMs) {
  const during = account.per_second.filter((/** @type {{second: number}} */ { second }) =>
    account.started_ms + second * 1000 >= beginMs && account.started_ms + (second + 1) * 1000 <= endMs);
  const percents = during.map((/** @type {{crowd_cpu_percent: number}} */ second) => second.crowd_cpu_percent);
  return { during, cores: median(percents) / 100 };
}

/**
 * @param {Tap} t
 * @param {{listeners: number, seconds: number, workers?: number, unread?: number, mode?: string}} options
 */
async function hold(t, { listeners, seconds, workers, unread = 0, mode = 'normal' }) {
  const talk = await new Talk({ seats: listeners, workers }).start();
  try {
    await talk.mode(mode);
    const crowd = new Crowd(talk, { listeners, unread, ramp: RAMP });
    t.defer(() => crowd.kill());
    const seated = await crowd.seated();
    await letThemTalk(SETTLE_S);
    const beginMs = Date.now();
    const sitting = await look(talk, seated, seconds);
    const endMs = Date.now();
    const account = await crowd.leave();
    const { during, cores } = rowsBetween(account, beginMs, endMs);
    const lateMs = during.map((second) => second.late_ms_p99);
    return { sitting, account, lateMs: median(lateMs), worstLateMs: Math.max(...lateMs), crowdCores: cores };
  } finally {
    await talk.stop(t);
  }
}

/**
 * Most sockets are left unread, so that the other core is not full of listeners.
 * @param {Tap} t
 * @param {{runs: number, listeners?: number, seconds?: number}} options
 */
export async function lateness(t, { runs, listeners = 5000, seconds = 15 }) {
  const taken = [];
  for (let i = 0; i < runs; i++) taken.push(await hold(t, { listeners, seconds, workers: 1, unread: UNREAD_PERCENT }));
  const p99 = median(taken.map((run) => run.lateMs));
  const losses = taken.map((run) => run.sitting.late);
  const worker = median(taken.map((run) => run.sitting.window.threads.worker / run.sitting.window.seconds));
  return [row(`lateness of packets, ${listeners} seats on one worker`, {
    bar: `p99 ≤ ${LATE_MS_MAX} ms, none lost in the server`,
    figure: `p99 ${fixed(p99, 0)} ms (of the worst second ${taken.map((run) => run.worstLateMs).join(', ')} ms), ${losses.join(', ')} packets lost in the server; its worker used ${fixed(100 * worker, 0)} % of a core`,
    met: p99 <= LATE_MS_MAX && losses.every((count) => count === 0),
    windows: taken.map((run) => run.sitting.window), detail: taken,
  })];
}

/**
 * More and more listeners, all of whom read, until it is not clean any more.
 * @param {Tap} t
 * @param {'normal'|'economy'} mode
 * @param {{first: number, step: number, runs: number, seconds: number}} options
 */
async function climb(t, mode, { first, step, runs, seconds }) {
  const steps = [];
  for (let i = 0; i < STEPS_MAX; i++) {
    const listeners = first + i * step;
    const taken = [];
    for (let r = 0; r < runs; r++) taken.push(await hold(t, { listeners, seconds, mode, unread: 0 }));
    const isClean = median(taken.map((run) => run.lateMs)) <= CLEAN_MS_MAX && median(taken.map((run) => run.sitting.late)) === 0;
    steps.push({ listeners, isClean, taken });
    if (!isClean) break;
  }
  return steps;
}

/** @param {{sitting: import('../lib/steady.mjs').Steady, crowdCores: number, lateMs: number}} run */
const words = ({ sitting, crowdCores, lateMs }) =>
  `lateness p99 ${lateMs} ms, ${sitting.late} packets lost in the server, server ${fixed(sitting.window.cpuS / sitting.window.seconds)} and generator ${fixed(crowdCores)} cores`;

/**
 * @param {Tap} t
 * @param {{runs: number, seconds?: number}} options
 */
export async function capacity(t, { runs, seconds = 15 }) {
  const rows = [];
  for (const [mode, first, step] of /** @type {['normal'|'economy', number, number][]} */ ([['normal', 4000, 500], ['economy', 9000, 1000]])) {
    const steps = await climb(t, mode, { first, step, runs, seconds });
    const clean = steps.filter((one) => one.isClean);
    const last = steps[steps.length - 1];
    const held = clean.length > 0 ? clean[clean.length - 1].listeners : 0;
    rows.push(row(`listeners that this machine holds clean with the generator on it, ${mode} mode`, {
      bar: `≥ ${first}`,
      figure: `${held > 0 ? held : `fewer than ${first}`}; at ${last.listeners}: ${words(last.taken[0])}`,
      met: held >= first,
      windows: steps.flatMap((one) => one.taken.map((run) => run.sitting.window)), detail: steps,
    }));
  }
  return rows;
}
