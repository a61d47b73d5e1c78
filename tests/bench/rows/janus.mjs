/** janus.mjs - the same listeners at Janus' streaming plugin, in turn with Rostrum. */
import { letThemTalk } from '../../browser/lib/wait.mjs';
import { Janus } from '../janus/janus.mjs';
import { Crowd } from '../lib/crowd.mjs';
import { fixed, median } from '../lib/figures.mjs';
import { measure } from '../lib/machine.mjs';
import { row } from '../lib/row.mjs';
import { Talk } from '../lib/talk.mjs';

const SETTLE_S = 8;
const RAMP = 50; // Janus' joins are slow, and both are asked for the same

/** As shipped: a thread for each listener. Tuned: two event loops. The steps are the last that Janus does cleanly on two cores. */
const TUNINGS = {
  tuned: { title: 'tuned (event_loops = 2)', eventLoops: 2, listeners: 800, timesLess: 8 },
  shipped: { title: 'as shipped', eventLoops: 0, listeners: 600, timesLess: 12 },
};

/** @typedef {import('../../browser/lib/tap.mjs').Tap} Tap */

/**
 * @param {Tap} t
 * @param {{url: string, pid: number, tokenFile?: string}} server
 * @param {number} listeners
 * @param {number} seconds
 */
async function listen(t, server, listeners, seconds) {
  const crowd = new Crowd(server, { listeners, ramp: RAMP });
  t.defer(() => crowd.kill());
  const seated = await crowd.seated();
  await letThemTalk(SETTLE_S);
  const end = measure(server.pid);
  await letThemTalk(seconds);
  const window = end();
  return { window, usPerListenerSecond: (window.cpuS * 1e6) / seated / window.seconds, account: await crowd.leave() };
}

/**
 * @param {Tap} t
 * @param {{runs: number, tuning?: keyof typeof TUNINGS, listeners?: number, seconds?: number}} options
 */
export async function againstJanus(t, { runs, tuning = 'tuned', listeners = TUNINGS[tuning].listeners, seconds = 15 }) {
  const { title, eventLoops, timesLess } = TUNINGS[tuning];
  /** @typedef {Awaited<ReturnType<typeof listen>>} Heard @type {{ours: Heard, theirs: Heard, times: number}[]} */
  const taken = [];
  for (let i = 0; i < runs; i++) {
    const janus = await new Janus({ eventLoops }).start();
    t.defer(() => janus.stop());
    const theirs = await listen(t, janus, listeners, seconds);
    await janus.stop();
    const talk = await new Talk({ seats: listeners }).start();
    const ours = await listen(t, talk, listeners, seconds);
    await talk.stop(t);
    taken.push({ ours, theirs, times: theirs.usPerListenerSecond / ours.usPerListenerSecond });
  }
  const times = median(taken.map((one) => one.times));
  const us = (/** @type {'ours'|'theirs'} */ whose) => fixed(median(taken.map((one) => one[whose].usPerListenerSecond)), 0);
  return [row(`server CPU per listener-second, ${listeners} listeners, against Janus ${title}`, {
    bar: `≤ 1/${timesLess}`, figure: `1/${fixed(times, 1)}: ${us('ours')} µs, Janus ${us('theirs')} µs`, met: times >= timesLess,
    windows: taken.flatMap((one) => [one.ours.window, one.theirs.window]), detail: taken,
  })];
}
