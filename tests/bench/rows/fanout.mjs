/** fanout.mjs - what one packet for one listener costs, against the floor taken just before and after. */
import { letThemTalk } from '../../browser/lib/wait.mjs';
import { Crowd } from '../lib/crowd.mjs';
import { fixed, median } from '../lib/figures.mjs';
import { floor } from '../lib/floor.mjs';
import { ratioRow } from '../lib/row.mjs';
import { look, steady } from '../lib/steady.mjs';
import { Talk } from '../lib/talk.mjs';

const FLOOR_MAX = 1.25;
const FLOOR_OPENSSL_MAX = 1.45;
const MANY_MAX = 1.1;
const ECONOMY_MAX = 0.4;
const SETTLE_S = 14; // handshakes' memory was given back, unread sockets are full
const RAMP = 250;

/** @typedef {import('../../browser/lib/tap.mjs').Tap} Tap */
/** @typedef {import('../lib/steady.mjs').Steady} Steady */

/**
 * A server of its own, filled by WHEP; nobody reads, as nobody reads in the floor program.
 * @param {Tap} t
 * @param {{listeners: number, engine?: string, seconds: number}} options
 */
async function serve(t, { listeners, engine, seconds }) {
  const talk = await new Talk({ seats: listeners, engine }).start();
  try {
    return await steady(t, talk, { listeners, unread: 100, ramp: RAMP, seconds, settleS: SETTLE_S });
  } finally {
    await talk.stop(t);
  }
}

/** @param {Steady[]} runs */
const nsOf = (runs) => fixed(median(runs.map((run) => run.nsPerPacket)), 0);

/**
 * Floor and servers take turns, and each server is held against the floors on both sides of it, so that a machine that
 * grows slower or faster counts for both.
 * @param {Tap} t
 * @param {{runs: number, listeners?: number, seconds?: number, engines?: string[]}} options
 */
export async function againstFloor(t, { runs, listeners = 4000, seconds = 15, engines = ['auto', 'openssl'] }) {
  const take = () => floor({ destinations: listeners, seconds: seconds / 2 });
  /** @type {Record<string, {server: Steady, floor: import('../lib/floor.mjs').Floor, ratio: number}[]>} */
  const taken = Object.fromEntries(engines.map((engine) => [engine, []]));
  const floors = [await take()];
  for (let i = 0; i < runs; i++) {
    for (const engine of engines) {
      const server = await serve(t, { listeners, engine, seconds });
      floors.push(await take());
      const ns = median(floors.slice(-2).map((one) => one.ns_per_packet));
      taken[engine].push({ server, floor: floors[floors.length - 1], ratio: server.nsPerPacket / ns });
    }
  }
  const ground = fixed(median(floors.map((one) => one.ns_per_packet)), 0);
  return engines.map((engine) => {
    const servers = taken[engine].map((one) => one.server);
    return ratioRow(`server CPU per delivered packet, ${listeners} seats, engine ${engine}, against the floor with ${floors[0].engine}`, {
      limit: engine === 'openssl' ? FLOOR_OPENSSL_MAX : FLOOR_MAX,
      ratios: taken[engine].map((one) => one.ratio),
      of: `${nsOf(servers)} ns, floor ${ground} ns`,
      windows: servers.map((server) => server.window),
      detail: { servers, floors },
    });
  });
}

/**
 * @param {Tap} t
 * @param {{runs: number, few?: number, many?: number, seconds?: number}} options
 */
export async function manyAgainstFew(t, { runs, few = 1000, many = 10_000, seconds = 15 }) {
  /** @type {{few: Steady, many: Steady}[]} */
  const taken = [];
  for (let i = 0; i < runs; i++)
    taken.push({ few: await serve(t, { listeners: few, seconds }), many: await serve(t, { listeners: many, seconds }) });
  return [ratioRow(`server CPU per delivered packet, ${many} seats against ${few}`, {
    limit: MANY_MAX,
    ratios: taken.map((one) => one.many.nsPerPacket / one.few.nsPerPacket),
    of: `${nsOf(taken.map((one) => one.many))} ns and ${nsOf(taken.map((one) => one.few))} ns, ${taken.map((one) => one.many.late).join(', ')} packets late`,
    windows: taken.flatMap((one) => [one.few.window, one.many.window]),
    detail: taken,
  })];
}

/**
 * The same listeners in both modes, in turn.
 * @param {Tap} t
 * @param {{runs: number, listeners?: number, seconds?: number}} options
 */
export async function economy(t, { runs, listeners = 4000, seconds = 15 }) {
  const talk = await new Talk({ seats: listeners }).start();
  const crowd = new Crowd(talk, { listeners, unread: 100, ramp: RAMP });
  t.defer(() => crowd.kill());
  const seated = await crowd.seated();
  /** @param {string} mode */
  const inMode = async (mode) => {
    await talk.mode(mode);
    await letThemTalk(SETTLE_S);
    return look(talk, seated, seconds);
  };
  const normal = [await inMode('normal')];
  /** @type {Steady[]} */
  const saving = [];
  for (let i = 0; i < runs; i++) {
    saving.push(await inMode('economy'));
    normal.push(await inMode('normal'));
  }
  const account = await crowd.leave();
  await talk.stop(t);
  const us = (/** @type {Steady[]} */ runs_) => median(runs_.map((run) => run.usPerListenerSecond));
  return [ratioRow(`economy against normal, server CPU per listener-second, ${listeners} seats`, {
    limit: ECONOMY_MAX,
    ratios: saving.map((run, i) => run.usPerListenerSecond / us(normal.slice(i, i + 2))),
    of: `${fixed(us(saving), 1)} µs and ${fixed(us(normal), 1)} µs`,
    windows: [...normal, ...saving].map((run) => run.window),
    detail: { normal, saving, account },
  })];
}
