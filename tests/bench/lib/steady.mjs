/** steady.mjs - what a server spends while its listeners sit, joins and leaving left out. */
import { letThemTalk } from '../../browser/lib/wait.mjs';
import { Crowd } from './crowd.mjs';
import { measure } from './machine.mjs';

/**
 * @typedef {object} Steady
 * @property {number} listeners
 * @property {import('./machine.mjs').Window} window
 * @property {number} packets that the server gave to the system
 * @property {number} late of the program's packets, dropped in the server or refused by the system
 * @property {number} nsPerPacket server CPU, everything included
 * @property {number} usPerListenerSecond
 */

/**
 * One window of a Rostrum server that is full already.
 * @param {import('./talk.mjs').Talk} talk
 * @param {number} listeners
 * @param {number} seconds
 * @returns {Promise<Steady>}
 */
export async function look(talk, listeners, seconds) {
  const before = (await talk.node()).media;
  const end = measure(talk.pid);
  await letThemTalk(seconds);
  const window = end();
  const after = (await talk.node()).media;
  const refused = after.send_failures - before.send_failures;
  const packets = after.program_sent - before.program_sent - refused;
  return {
    listeners,
    window,
    packets,
    late: after.program_late + after.program_failed - before.program_late - before.program_failed + refused,
    nsPerPacket: (window.cpuS * 1e9) / packets,
    usPerListenerSecond: (window.cpuS * 1e6) / listeners / window.seconds,
  };
}

/**
 * Fills the server, waits until joining costs nothing any more, looks, and has everybody leave. It is filled in economy
 * mode, for joining is not what is measured here, and goes faster so on a machine that the audience will nearly fill.
 * @param {import('../../browser/lib/tap.mjs').Tap} t
 * @param {import('./talk.mjs').Talk} talk
 * @param {import('./crowd.mjs').CrowdOptions & {seconds: number, settleS: number}} options
 */
export async function steady(t, talk, { seconds, settleS, ...options }) {
  await talk.mode('economy');
  const crowd = new Crowd(talk, options);
  t.defer(() => crowd.kill());
  const seated = await crowd.seated();
  await talk.mode('normal');
  await letThemTalk(settleS);
  const figures = await look(talk, seated, seconds);
  return { ...figures, account: await crowd.leave() };
}
