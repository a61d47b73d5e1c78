/** joins.mjs - what a join costs, what stays of it, and what two thousand at once do to those who sit. */
import { letThemTalk } from '../../browser/lib/wait.mjs';
import { Crowd } from '../lib/crowd.mjs';
import { fixed, median } from '../lib/figures.mjs';
import { measure, rssBytes } from '../lib/machine.mjs';
import { row } from '../lib/row.mjs';
import { Talk } from '../lib/talk.mjs';

const JOIN_MS_MAX = 0.75;
const SEAT_KIB_MAX = { WHEP: 2.5, WebSocket: 9 };
const FIRST = 50; // who sit already, so that what is made once is made
const SITTING_S = 5; // before and after a rush
const GAP_MS_MAX = 60;

/** @typedef {import('../../browser/lib/tap.mjs').Tap} Tap */
/** @typedef {keyof typeof SEAT_KIB_MAX} Way */

/**
 * Joins at an even pace into a live room where a few sit already, so that the server's passes run. What those inside cost
 * meanwhile is taken off: the room with its first few at the price it had before, each packet beyond them at what a packet
 * costs when the room is full.
 * @param {Tap} t
 * @param {Way} way
 * @param {{listeners: number, ramp: number, seconds: number, settleS: number}} options
 */
async function fill(t, way, { listeners, ramp, seconds, settleS }) {
  const talk = await new Talk({ seats: listeners + FIRST }).start();
  const whep = way === 'WHEP' ? 100 : 0;
  const first = new Crowd(talk, { listeners: FIRST, whep, ramp: 0, unread: 100 });
  t.defer(() => first.kill());
  await first.seated();
  await letThemTalk(settleS);
  const base = await measured(talk, () => letThemTalk(seconds));
  const emptyBytes = rssBytes(talk.pid);

  const crowd = new Crowd(talk, { listeners, whep, ramp, unread: 100 });
  t.defer(() => crowd.kill());
  let seated = 0;
  const joining = await measured(talk, async () => {
    seated = await crowd.seated(FIRST);
    await letThemTalk(2); // the last ones' handshakes are put away
  });
  await letThemTalk(settleS);
  const fullBytes = rssBytes(talk.pid);
  const full = await measured(talk, () => letThemTalk(seconds));
  const account = await crowd.leave();
  await first.leave();
  await talk.stop(t);

  const perPacketS = (full.cores - base.cores) / (full.packetsPerS - base.packetsPerS);
  const mediaS = (base.cores + perPacketS * (joining.packetsPerS - base.packetsPerS)) * joining.window.seconds;
  return {
    window: joining.window,
    msPerJoin: ((joining.window.cpuS - mediaS) * 1000) / seated,
    msPerJoinWithMedia: (joining.window.cpuS * 1000) / seated,
    kibPerSeat: (fullBytes - emptyBytes) / 1024 / seated,
    emptyBytes, fullBytes, base, joining, full, account,
  };
}

/**
 * @param {Talk} talk
 * @param {() => Promise<void>} what
 */
async function measured(talk, what) {
  const before = (await talk.node()).media.program_sent;
  const end = measure(talk.pid);
  await what();
  const window = end();
  const packets = (await talk.node()).media.program_sent - before;
  return { window, packets, cores: window.cpuS / window.seconds, packetsPerS: packets / window.seconds };
}

/**
 * @param {Tap} t
 * @param {{runs: number, listeners?: number, ramp?: number, seconds?: number, settleS?: number}} options settleS: until what a join took is given back
 */
export async function joins(t, { runs, listeners = 4000, ramp = 400, seconds = 10, settleS = 16 }) {
  /** @type {Record<Way, Awaited<ReturnType<typeof fill>>[]>} */
  const taken = { WHEP: [], WebSocket: [] };
  for (let i = 0; i < runs; i++)
    for (const way of /** @type {Way[]} */ (['WHEP', 'WebSocket'])) taken[way].push(await fill(t, way, { listeners, ramp, seconds, settleS }));
  return Object.entries(taken).flatMap(([way, fills]) => {
    const windows = fills.map((one) => one.window);
    const ms = median(fills.map((one) => one.msPerJoin));
    const kib = median(fills.map((one) => one.kibPerSeat));
    const kibMax = SEAT_KIB_MAX[/** @type {Way} */ (way)];
    const raw = fixed(median(fills.map((one) => one.msPerJoinWithMedia)));
    return [
      row(`server CPU per join by ${way}, ${listeners} at ${ramp} a second`, {
        bar: `≤ ${JOIN_MS_MAX} ms`, figure: `${fixed(ms)} ms (${raw} ms with the media that was sent meanwhile)`, met: ms <= JOIN_MS_MAX, windows, detail: fills,
      }),
      row(`memory per seat by ${way}, ${settleS} s after the last of ${listeners} joined`, {
        bar: `≤ ${kibMax} KiB`, figure: `${fixed(kib)} KiB`, met: kib <= kibMax, windows: [], detail: fills.map((one) => [one.emptyBytes, one.fullBytes]),
      }),
    ];
  });
}

/**
 * Everybody at once, by both ways, while some sit already.
 * @param {Tap} t
 * @param {{seated: number, newcomers: number}} options
 */
async function rush(t, { seated, newcomers }) {
  const talk = await new Talk({ seats: seated + newcomers }).start();
  const sitting = new Crowd(talk, { listeners: seated, ramp: 200 });
  t.defer(() => sitting.kill());
  await sitting.seated();
  await letThemTalk(SITTING_S);
  const coming = new Crowd(talk, { listeners: newcomers, ramp: 0, whep: 50 });
  t.defer(() => coming.kill());
  const end = measure(talk.pid);
  await coming.seated(seated);
  await letThemTalk(SITTING_S);
  const window = end();
  const accounts = { coming: await coming.leave(), sitting: await sitting.leave() };
  await talk.stop(t);
  return { window, ...accounts };
}

/**
 * @param {Tap} t
 * @param {{runs: number, seated?: number, newcomers?: number}} options
 */
export async function storm(t, { runs, seated = 500, newcomers = 2000 }) {
  const taken = [];
  for (let i = 0; i < runs; i++) taken.push(await rush(t, { seated, newcomers }));
  const heard = taken.map(({ coming }) => coming.joined);
  const gap = taken.map(({ sitting }) => sitting.longest_gap_ms.max);
  const p99 = median(taken.map(({ coming }) => coming.first_sound_ms.p99));
  const refused = taken.map(({ coming }) => coming.refused + coming.failed);
  return [row(`${newcomers} joins at once while ${seated} are seated`, {
    bar: `all hear; no gap over ${GAP_MS_MAX} ms of those seated`,
    figure: `${heard.join(', ')} hear (${refused.join(', ')} attempts refused or failed before), first sound p99 ${fixed(p99, 0)} ms; longest gap ${gap.map((ms) => fixed(ms, 0)).join(', ')} ms`,
    met: taken.every(({ coming, sitting }) => coming.joined === newcomers && coming.disconnects + sitting.disconnects === 0) && gap.every((ms) => ms <= GAP_MS_MAX),
    windows: taken.map(({ window }) => window), detail: taken,
  })];
}
