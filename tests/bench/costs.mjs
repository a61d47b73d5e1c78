/**
 * costs.mjs - measures what a node's work costs, for `rostrum simulate`:
 * node tests/bench/costs.mjs --out FILE [--listeners N] [--relays N] [--part origin]
 *
 * First a node alone, then an origin with relays. Beside these stands a peer: a node with a room of its own, seen in the very same
 * seconds, for what a machine gives changes. A relay's listener is held against the peer's, who are as many; a relay at its parent
 * against two listeners of the peer; and a mark heard behind a relay against the same mark heard at the origin.
 * Wants `cmake --build --preset release` and a machine that does nothing else. What others took of it stands in the file.
 * The more listeners, the nearer to a full node: in a room with few of them each finds its caches cold and costs more.
 */
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Tap } from '../browser/lib/tap.mjs';
import { letThemTalk, until } from '../browser/lib/wait.mjs';
import { rostrum } from '../browser/lib/programs.mjs';
import { fixed } from './lib/figures.mjs';
import { Crowd } from './lib/crowd.mjs';
import { disturbance, measure } from './lib/machine.mjs';
import { SLUG, Talk } from './lib/talk.mjs';
import { Tree } from './lib/tree.mjs';

const RAMP = 25; // joins per second
const WINDOW_S = 15;
const SETTLE_S = 5;
const ANSWERS = 500; // people who are told a place in line
const RELAY_SEATS = 4; // of each relay, when the parent is looked at: all are taken, so each has its listeners
const HEADER_BYTES = 28; // IPv4 and UDP

const MARKS_S = 40; // one a second

const { values } = parseArgs({
  options: {
    out: { type: 'string' },
    listeners: { type: 'string', default: '2000' },
    relays: { type: 'string', default: '8' },
    part: { type: 'string', default: 'all' },
  },
});
const listeners = Number(values.listeners);
const half = Math.round(listeners / 2); // at a relay and at its peer each
const relayCount = Number(values.relays);
if (!values.out || !(listeners >= 10) || !(relayCount >= 1 && relayCount <= 32) || !['all', 'origin'].includes(values.part)) {
  console.error('usage: costs.mjs --out FILE [--listeners N] [--relays N, 1 to 32] [--part origin]');
  process.exit(2);
}

/** @typedef {import('./lib/machine.mjs').Window} Window */

/**
 * CPU by thread, which is finer than that of the process, and what the server sent meanwhile.
 * @param {{pid: number, node: () => Promise<any>}} server
 * @param {() => Promise<void>} what
 */
async function look(server, what) {
  const before = (await server.node()).media;
  const end = measure(server.pid);
  await what();
  const window = end();
  const after = (await server.node()).media;
  const us = 1e6 * Object.values(window.threads).reduce((sum, s) => sum + s, 0);
  /* The stage's part changes with what is being said, and is not for the audience. */
  const audienceUs = us - 1e6 * Object.entries(window.threads).reduce((sum, [name, s]) => sum + (/^(stage|recorder)/.test(name) ? s : 0), 0);
  const bits = 8 * (after.bytes_out - before.bytes_out + HEADER_BYTES * (after.datagrams_out - before.datagrams_out));
  const packets = after.program_sent - before.program_sent;
  return {
    window, us, packets, usPerS: us / window.seconds, audienceUsPerS: audienceUs / window.seconds, bps: bits / window.seconds, packetsPerS: packets / window.seconds,
  };
}

/** @param {{pid: number, node: () => Promise<any>}} server */
async function settled(server) {
  await letThemTalk(SETTLE_S);
  return look(server, () => letThemTalk(WINDOW_S));
}

/**
 * One after the other, each on a connection of its own as a stranger's browser makes it: the page, and the line.
 * @param {string} url
 * @param {string} method
 */
function ask(url, method) {
  return new Promise((done, fail) => {
    const sent = request(url, { method, agent: false, headers: { 'content-type': 'application/json' } }, (response) => {
      response.resume().on('end', () => done(response.statusCode));
    });
    sent.on('error', fail).end(method === 'POST' ? '{}' : undefined);
  });
}

/** @param {Talk} talk */
async function askAll(talk) {
  for (let i = 0; i < ANSWERS; i++) {
    await ask(`${talk.url}/r/${SLUG}`, 'GET');
    const status = await ask(`${talk.url}/api/v1/rooms/${SLUG}/line`, 'POST');
    if (status !== 200) throw new Error(`a place in line: status ${status}`);
  }
}

/** @typedef {Awaited<ReturnType<typeof look>>} Looked */

const t = new Tap();
/** @type {Window[]} */
const windows = [];

/** A node alone. */
async function alone() {
  const talk = await new Talk({ seats: listeners }).start();
  t.defer(() => talk.stop(t));
  const room = await settled(talk);

  const crowd = new Crowd(talk, { listeners, whep: 50, ramp: Math.max(RAMP, listeners / 40) });
  t.defer(() => crowd.kill());
  let seated = 0;
  const joining = await look(talk, async () => {
    seated = await crowd.seated();
    await letThemTalk(2); // the last ones' handshakes are put away
  });
  const full = await settled(talk);
  const answers = await look(talk, () => askAll(talk));
  const account = await crowd.leave();
  await talk.stop(t);
  windows.push(...[room, joining, full, answers].map(({ window }) => window));

  const perPacketUs = (full.usPerS - room.usPerS) / (full.packetsPerS - room.packetsPerS);
  return {
    seated,
    roomUsPerS: room.usPerS,
    listenerUsPerS: (full.usPerS - room.usPerS) / seated,
    listenerBps: (full.bps - room.bps) / seated,
    joinUs: (joining.us - room.usPerS * joining.window.seconds - perPacketUs * joining.packets) / seated,
    answerUs: (answers.us - full.usPerS * answers.window.seconds) / ANSWERS,
    firstSoundMs: account.first_sound_ms.p50,
  };
}

/** @param {Parameters<typeof settled>[0][]} servers seen at the same time */
async function settledTogether(...servers) {
  const looked = await Promise.all(servers.map(settled));
  windows.push(looked[0].window);
  return looked;
}

/** A node with a room of its own. @param {number} seats */
async function peer(seats) {
  const talk = await new Talk({ seats, mark: true }).start();
  t.defer(() => talk.stop(t));
  return talk;
}

/**
 * What relays cost their origin, each, and what two listeners cost a node. On loopback whoever sends pays for waking the
 * receiver: each listener is a program of its own, as each relay is, and none of them asks what the server measures. The origin
 * keeps a few listeners of one program: no more is taken off for them than a full node's cost.
 * @param {Tree} tree
 * @param {{listenerUsPerS: number, listenerBps: number}} full
 */
async function atTheParent(tree, full) {
  const other = await peer(2 * relayCount);
  const [before, otherBefore] = await settledTogether(tree.origin, other);
  const crowd = await tree.grow(t, RELAY_SEATS);
  const ears = Array.from({ length: 2 * relayCount }, () => rostrum(other.url, 'listen', SLUG, '--seconds', '600'));
  for (const ear of ears) t.defer(() => ear.kill('SIGTERM'));
  await until('all listen', async () => (await other.node()).hearing === ears.length);
  const [after, otherAfter] = await settledTogether(tree.origin, other);
  if ((await tree.carrying()) !== relayCount) throw new Error('a relay was left meanwhile');
  const kept = (await tree.origin.node()).seats.taken;
  await Promise.all([crowd.leave(), ...ears.map((ear) => ear.kill('SIGTERM'))]);
  await other.stop(t);
  return {
    usPerS: (after.audienceUsPerS - before.audienceUsPerS - kept * full.listenerUsPerS) / relayCount,
    bps: (after.bps - before.bps - kept * full.listenerBps) / relayCount,
    twoListenersUsPerS: (otherAfter.audienceUsPerS - otherBefore.audienceUsPerS) / relayCount,
  };
}

/**
 * Marks heard at a node, by one who asks there.
 * @param {string} url
 */
async function marks(url) {
  const { status, stdout, stderr } = await rostrum(url, 'listen', SLUG, '--marked', '--seconds', String(MARKS_S)).end;
  const latency = status === 0 ? JSON.parse(stdout).latency_ms : null;
  if (!latency || latency.count < MARKS_S / 2) throw new Error(`too few marks were heard at ${url}: ${stdout}${stderr}`);
  return latency;
}

/* More than the origin has seats for, beside those who sit there: one of them comes when the relay can take them. */
const ENOUGH_TO_BE_SENT = 4;

/** The delay of a relay, and then what its listeners cost, and those of a peer. @param {Tree} tree */
async function atTheRelay(tree) {
  const [relay] = tree.relays;
  const served = { pid: relay.pid, node: () => relay.api('GET', '/node') };
  const first = await tree.grow(t, ENOUGH_TO_BE_SENT);
  const [near, far] = await Promise.all([marks(tree.origin.url), marks(relay.url)]);
  const other = await peer(half);
  const [before, otherBefore] = await settledTogether(served, other);
  const inside = (await served.node()).connected;
  const ramp = Math.max(RAMP, half / 40);
  const crowds = [tree.crowdAtRelay(half, ramp), new Crowd(other, { listeners: half, ramp, whep: 50 })];
  for (const crowd of crowds) t.defer(() => crowd.kill());
  const [seated, otherSeated] = await Promise.all([crowds[0].seated(inside), crowds[1].seated()]);
  const [full, otherFull] = await settledTogether(served, other);
  await Promise.all([...crowds, first].map((crowd) => crowd.leave()));
  await other.stop(t);
  return {
    seated,
    listenerUsPerS: (full.audienceUsPerS - before.audienceUsPerS) / seated,
    peerUsPerS: (otherFull.audienceUsPerS - otherBefore.audienceUsPerS) / otherSeated,
    hopP50Ms: far.p50 - near.p50,
    hopP95Ms: far.p95 - near.p95,
  };
}

/**
 * With nodes of its own, one part after the other. Null: it could not be measured.
 * @template T
 * @param {string} name
 * @param {Parameters<typeof Tree.start>[1]} nodes
 * @param {(tree: Tree) => Promise<T>} part
 */
async function withTree(name, nodes, part) {
  if (values.part === 'origin') return null;
  const tree = await Tree.start(t, nodes);
  try {
    return await part(tree);
  } catch (error) { // the rest is worth having
    t.ok(false, `${name} is measured`);
    t.note(String(error));
    return null;
  } finally {
    await tree.stop(t);
  }
}

await t.run(async () => {
  const begun = new Date();
  const node = await alone();
  const parent = await withTree('what a relay costs its parent', { relays: relayCount, seats: RELAY_SEATS }, (tree) => atTheParent(tree, node));
  const relay = await withTree('a relay', { relays: 1, seats: half + 16, mark: true }, atTheRelay);
  const costs = {
    format: 'rostrum costs 1',
    machine: `${cpus().length} cores, ${cpus()[0].model}`,
    measured: begun.toISOString(),
    how: `${node.seated} listeners, half by WHEP, on loopback; ${disturbance(windows) || 'quiet machine'}`,
    room_us_per_s: Math.round(node.roomUsPerS),
    listener_us_per_s: Number(node.listenerUsPerS.toFixed(1)),
    join_us: Math.round(node.joinUs),
    answer_us: Math.round(node.answerUs),
    first_sound_ms: Number(node.firstSoundMs.toFixed(1)),
    listener_bps: Math.round(node.listenerBps),
    relay_us_per_s: parent && Number(Math.max(parent.usPerS, 0.1).toFixed(1)),
    relay_bps: parent && Math.round(parent.bps),
    hop_ms: relay && Number(Math.max(relay.hopP50Ms, 0.1).toFixed(1)),
  };
  writeFileSync(values.out ?? '', `${JSON.stringify(costs, null, 2)}\n`);
  t.note(JSON.stringify(costs));
  if (relay) {
    t.figure(`a relay's listener against a peer's: ${fixed(relay.listenerUsPerS / relay.peerUsPerS)} × (${fixed(relay.listenerUsPerS, 0)} and ${fixed(relay.peerUsPerS, 0)} us a second, ${relay.seated} listeners each, seen together); bar 1.05 ×`);
    t.figure(`added delay of a hop: p50 ${fixed(relay.hopP50Ms, 1)} ms, p95 ${fixed(relay.hopP95Ms, 1)} ms; bar 5 ms`);
  }
  if (parent)
    t.figure(`a relay at its parent against two listeners: ${fixed(parent.usPerS / parent.twoListenersUsPerS)} × (${fixed(parent.usPerS, 0)} and ${fixed(parent.twoListenersUsPerS, 0)} us a second, ${relayCount} relays and ${2 * relayCount} listeners, seen together); bar 1 ×`);
  t.ok(costs.listener_us_per_s > 0 && costs.join_us > 0 && costs.answer_us > 0, 'there are figures', values.out);
});
