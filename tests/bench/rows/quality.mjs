/** quality.mjs - how late packets are on a full core, and how many listeners the machine holds cleanly. */
import { cpus } from 'node:os';
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
const FULL = 0.93; // of all cores: the rest is the hosts', the kernel's and the meter's

/** @typedef {import('../../browser/lib/tap.mjs').Tap} Tap */

/**
 * Milliseconds that 99 of 100 packets of these seconds do not exceed.
 * @param {{late: number[]}[]} seconds
 */
function p99(seconds) {
  /** @type {number[]} */
  const counts = [];
  for (const { late } of seconds) late.forEach((count, i) => (counts[i] = (counts[i] ?? 0) + count));
  const rank = 0.99 * counts.reduce((sum, count) => sum + count, 0);
  let seen = 0;
  return 1 + counts.findIndex((count) => (seen += count) >= rank);
}

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
 * @typedef {object} Held
 * @property {import('../lib/steady.mjs').Steady} sitting
 * @property {any} account of `rostrum rehearse`
 * @property {number} lateMs p99 of its packets' lateness
 * @property {number} worstLateMs and of the worst of them
 * @property {number} crowdCores what the generator used
 */

/**
 * @param {Tap} t
 * @param {{listeners: number, seconds: number, workers?: number, unread?: number, mode?: string}} options
 * @returns {Promise<Held>}
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
    const worstLateMs = Math.max(...during.map((/** @type {{late_ms_p99: number}} */ second) => second.late_ms_p99));
    return { sitting, account, lateMs: p99(during), worstLateMs, crowdCores: cores };
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
  const lateMs = median(taken.map((run) => run.lateMs));
  const losses = taken.map((run) => run.sitting.late);
  const worker = median(taken.map((run) => run.sitting.window.threads.worker / run.sitting.window.seconds));
  return [row(`lateness of packets, ${listeners} seats on one worker`, {
    bar: `p99 ≤ ${LATE_MS_MAX} ms, none lost in the server`,
    figure: `p99 ${fixed(lateMs, 0)} ms (of the worst second ${taken.map((run) => run.worstLateMs).join(', ')} ms), ${losses.join(', ')} packets lost in the server; its worker used ${fixed(100 * worker, 0)} % of a core`,
    met: lateMs <= LATE_MS_MAX && losses.every((count) => count === 0),
    windows: taken.map((run) => run.sitting.window), detail: taken,
  })];
}

/** @param {Held} run */
const isClean = ({ sitting, lateMs }) => lateMs <= CLEAN_MS_MAX && sitting.late === 0;

/**
 * More and more listeners, all of whom read, until most runs of a step are not clean.
 * @param {Tap} t
 * @param {'normal'|'economy'} mode
 * @param {{first: number, step: number, runs: number, seconds: number}} options
 */
async function climb(t, mode, { first, step, runs, seconds }) {
  /** @type {{listeners: number, passed: boolean, taken: Held[]}[]} */
  const steps = [];
  for (let i = 0; i < STEPS_MAX; i++) {
    const listeners = first + i * step;
    /** @type {Held[]} */
    const taken = [];
    /** @param {boolean} clean */
    const most = (clean) => taken.filter((run) => isClean(run) === clean).length > runs / 2;
    while (!most(true) && !most(false) && taken.length < runs) taken.push(await hold(t, { listeners, seconds, mode }));
    const passed = most(true);
    steps.push({ listeners, passed, taken });
    if (!passed) break;
  }
  return steps;
}

/** @param {Held} run */
function words({ sitting, crowdCores, lateMs }) {
  const serverCores = sitting.window.cpuS / sitting.window.seconds;
  const full = serverCores + crowdCores >= FULL * cpus().length;
  const limit = !full ? 'neither filled the machine' : `the machine was full, with the ${serverCores > crowdCores ? 'server' : 'generator'} as the larger part`;
  return `lateness p99 ${lateMs} ms, ${sitting.late} packets lost in the server, server ${fixed(serverCores)} and generator ${fixed(crowdCores)} cores (${limit})`;
}

/** Of the runs of a step, the one in the middle. @param {Held[]} taken */
const middle = (taken) => [...taken].sort((a, b) => a.sitting.late - b.sitting.late || a.lateMs - b.lateMs)[Math.floor(taken.length / 2)];

/**
 * @param {Tap} t
 * @param {{runs: number, seconds?: number}} options
 */
export async function capacity(t, { runs, seconds = 15 }) {
  const rows = [];
  for (const [mode, first, step] of /** @type {['normal'|'economy', number, number][]} */ ([['normal', 4000, 500], ['economy', 9000, 1000]])) {
    const steps = await climb(t, mode, { first, step, runs, seconds });
    const clean = steps.filter((one) => one.passed);
    const held = clean.length > 0 ? clean[clean.length - 1].listeners : 0;
    rows.push(row(`listeners that this machine holds clean with the generator on it, ${mode} mode`, {
      bar: `≥ ${first}`,
      figure: `${held > 0 ? held : `fewer than ${first}`}${clean.length === STEPS_MAX ? ' or more, no higher step was tried' : ''}; ${steps.slice(-2).map((one) => `at ${one.listeners}: ${words(middle(one.taken))}`).join('; ')}`,
      met: held >= first,
      windows: steps.flatMap((one) => one.taken.map((run) => run.sitting.window)), detail: steps,
    }));
  }
  return rows;
}
