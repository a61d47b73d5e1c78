/**
 * A room on three nodes: who finds no seat at the origin sits behind relays and hears, all are counted once, at the
 * end all are told that the recording is there. Then a room with fewer seats than people: they are never more than that
 * over all nodes, and the line is one.
 */
// waits
// build: dev
import { join } from 'node:path';
import WebSocket from 'ws';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../browser/lib/wait.mjs';
import { freePort } from './ports.mjs';
import { clusterFlags, Redis } from './redis.mjs';

const ORIGIN_SEATS = 8; // of which the origin keeps half back
const RELAY_SEATS = 30;
const LISTENERS = 24;
const CAP = 12;
const EMPTY_MS = 30_000; // a relay keeps an empty room so long
const t = new Tap();

/** @param {Redis} redis @param {string} name @param {number} seats */
async function node(redis, name, seats) {
  const port = await freePort();
  const flags = clusterFlags(redis, name, { url: `http://127.0.0.1:${port}` });
  const server = new Server({ flags: [...flags, '--governor', 'off', '--seats', String(seats)] });
  server.httpPort = port;
  return server.start();
}

/** @param {Server} server */
const cluster = async (server) => (await server.api('GET', '/node')).cluster;
/** @param {Server} server @param {string} slug */
const relayed = async (server, slug) =>
  (await cluster(server)).relayed.find((/** @type {any} */ one) => one.room === slug);

/** @param {Server} server @param {string} slug @param {number} seconds @param {string[]} more */
function crowd(server, slug, seconds, ...more) {
  const program = rostrum(server.url, '--json', '--token-file', join(server.state, 'admin.token'), 'rehearse', slug,
    '--listeners', String(LISTENERS), '--ramp', '8', '--seconds', String(seconds), ...more);
  t.defer(() => program.kill('SIGKILL'));
  return program;
}

/**
 * Says hello on a socket of its own.
 * @param {Server} server @param {object} who
 */
function greet(server, who) {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, 'rostrum.v1');
  /** @type {any[]} */
  const received = [];
  socket.on('open', () => socket.send(JSON.stringify({ type: 'hello', ...who })));
  socket.on('message', (data) => received.push(JSON.parse(String(data))));
  return { socket, received };
}

/** Somebody talks, and the room is live. @param {Server} server @param {string} slug @param {string} token */
async function talkIn(server, slug, token) {
  await server.api('POST', `/rooms/${slug}/open`);
  const ada = rostrum(server.url, 'speak', slug, await speech('a'), '--token', token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await server.api('POST', `/rooms/${slug}/live`);
}

/**
 * Fewer seats than people, on three nodes.
 * @param {Server} origin @param {Server[]} relays
 */
async function capped(origin, relays) {
  const { hosts } = await origin.api('POST', '/rooms', { slug: 'small', title: 'Small', seats: CAP, hosts: [{ name: 'Ada' }] });
  await talkIn(origin, 'small', hosts[0].token);
  const program = crowd(origin, 'small', 20, '--line', '100', '--leave', '40@8', '--return', '4');
  let most = 0, inLine = 0;
  const atRelays = async () => {
    const places = await Promise.all(relays.map((server) => relayed(server, 'small')));
    return places.reduce((sum, place) => sum + (place?.seated ?? 0), 0);
  };
  await until('people sit behind relays, and wait', async () => {
    const room = await origin.room('small');
    inLine = Math.max(inLine, room.in_line);
    return inLine > 0 && (await atRelays()) > 0;
  });
  while (!program.ended) {
    const { connected, in_line: waiting } = await origin.room('small');
    most = Math.max(most, connected);
    inLine = Math.max(inLine, waiting);
    await pause(50);
  }
  const account = JSON.parse((await program.end).stdout);
  /* In the second of the leaving, who goes and who comes both hear. */
  const above = account.per_second.filter((/** @type {any} */ one) => one.hearing > CAP);
  t.ok(most === CAP && above.length <= 2, 'over all nodes no more sit than may, and all seats are used', { most, above, inLine });
  t.ok(account.joined > CAP, 'seats that came free were handed on', { joined: account.joined, heard: account.heard_by_node, hops: account.hops });
}

/**
 * The owner asks for a small audience of one, who sits already.
 * @param {Server} origin @param {Server} relay @param {any[]} received by somebody who watches at the relay
 */
async function small(origin, relay, received) {
  const ear = rostrum(relay.url, '--json', 'listen', 'hall');
  t.defer(() => ear.kill('SIGKILL'));
  await until('one hears', async () => (await origin.room('hall')).hearing === 1);
  const shows = (/** @type {string} */ mode) => until(`a relay's listener is told of ${mode}`, () =>
    received.findLast(({ type }) => type === 'room')?.room.mode === mode);
  await origin.api('POST', '/rooms/hall/mode', { mode: 'small_audience', seats: 1 });
  await shows('small_audience');
  for (const [where, server] of Object.entries({ origin, relay })) {
    const asked = await fetch(`${server.url}/api/v1/rooms/hall/line`, { method: 'POST' });
    const answer = await asked.json();
    t.ok(answer.answer === 'line', `in a small audience a newcomer at the ${where} stands in line`, answer);
  }
  await origin.api('POST', '/rooms/hall/mode', { mode: 'normal' });
  await shows('normal');
  const { connects, gaps_over_60ms: gaps } = JSON.parse((await ear.kill('SIGINT')).stdout);
  t.ok(connects === 1, 'who sits notices nothing', { connects, gaps });
}

await t.run(async () => {
  const redis = await new Redis().start();
  t.defer(() => redis.kill());
  const a = await node(redis, 'a', ORIGIN_SEATS);
  const b = await node(redis, 'b', RELAY_SEATS);
  const c = await node(redis, 'c', RELAY_SEATS);
  for (const server of [a, b, c]) t.defer(() => server.stop(t));
  await until('three nodes see each other', async () => {
    for (const server of [a, b, c]) if ((await cluster(server)).nodes.length !== 3) return false;
    return true;
  });

  const { hosts } = await a.createRoom('hall', ['Ada']);
  await talkIn(a, 'hall', hosts[0].token);

  const elsewhere = await until('the room is known to all', async () => {
    const answer = await fetch(`${b.url}/r/hall`, { redirect: 'manual' });
    return answer.status === 307 ? answer : null;
  });
  t.ok(elsewhere.headers.get('location') === `${a.url}/r/hall`, 'a page leads to the origin',
    { location: elsewhere.headers.get('location') });

  const shown = await rostrum(b.url, 'room', 'show', 'hall').end;
  t.ok(shown.status === 0 && JSON.parse(shown.stdout).title === 'Room hall', 'the command line shows it wherever it is asked', shown);
  const closed = await rostrum(b.url, '--token-file', join(b.state, 'admin.token'), 'room', 'bans', 'hall').end;
  t.ok(closed.status === 1 && closed.stderr.includes(`${a.url}/api/v1/rooms/hall/bans`), 'and says who is to be asked for the rest', closed);

  const first = crowd(a, 'hall', 25);
  const counted = await until('all are counted', async () => {
    const room = await a.room('hall');
    return room.hearing === LISTENERS ? room : null;
  });
  t.ok(counted.connected === LISTENERS && !counted.at_least, 'all hear, and each is counted once', counted);
  const places = await Promise.all([b, c].map((server) => relayed(server, 'hall')));
  t.ok(places.some((place) => place?.seated > 0 && place.hears), 'some of them behind a relay', places);
  const account = JSON.parse((await first.end).stdout);
  const { heard_by_node: heard, hops, lost, packets } = account;
  t.ok(account.verdict.most === LISTENERS && account.failed + account.disconnects === 0 && Object.keys(heard).length > 1,
    'nobody was lost', { heard, hops, lost, packets, verdict: account.verdict });

  const carrier = [b, c][places.findIndex((place) => place?.hears)];
  const { socket: listener, received } = greet(carrier, { room: 'hall', as: 'listener' });
  const welcome = await until('a relay says welcome', () => received.find(({ type }) => type === 'welcome'));
  t.ok(welcome.room.title === 'Room hall' && welcome.room.hosts[0] === 'Ada', 'a relay shows the room as the origin does', welcome.room);
  await small(a, carrier, received);
  await a.api('POST', '/rooms/hall/end');
  const told = await until('who listens at a relay is told of the recording', () =>
    received.findLast(({ type, room }) => type === 'room' && room.publication) ?? null);
  t.ok(told.room.state === 'published' && told.room.publication.url === '/r/hall/recording.opus', 'the recording is announced behind a relay', told.room.publication);
  const host = greet(b, { room: 'hall', as: 'host', token: hosts[0].token });
  const led = await until('a host is answered', () => host.received[0]);
  t.ok(led.type === 'refused' && led.reason === 'elsewhere' && led.elsewhere.url === a.url, 'a host is led to the origin', led);
  const whip = await fetch(`${b.url}/whip/hall`, { method: 'POST', redirect: 'manual' });
  t.ok(whip.status === 307 && whip.headers.get('location') === `${a.url}/whip/hall`, 'by WHIP, too', { status: whip.status });
  const recording = await fetch(`${b.url}/r/hall/recording.opus`);
  t.ok(recording.status === 200 && recording.url.startsWith(a.url), 'and a relay leads to it', { url: recording.url });
  listener.close();
  await capped(a, [b, c]);
  await until('nobody carries a room in which nobody sits', async () => {
    for (const server of [b, c]) if ((await cluster(server)).relayed.length > 0) return false;
    return true;
  }, EMPTY_MS + 20_000);
  t.ok(true, 'rooms in which nobody sits are left');
});
