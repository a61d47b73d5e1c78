/**
 * A room on three nodes: who finds no seat at the origin sits behind relays and hears, all are counted once, one
 * relay is killed and its listeners come to the others, one is drained and nobody loses a word, the origin is
 * killed and comes back, and at the end all are told that the recording is there.
 */
// build: dev
import { createServer } from 'node:net';
import { join } from 'node:path';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';
import { clusterFlags, Redis } from './redis.mjs';

const ORIGIN_SEATS = 8; // of which the origin keeps half back
const RELAY_SEATS = 30;
const LISTENERS = 24;
const t = new Tap();

/** @returns {Promise<string>} */
const freePort = () => new Promise((resolve) => {
  const probe = createServer().listen(0, '127.0.0.1', () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
    probe.close(() => resolve(String(port)));
  });
});

/** @param {Redis} redis @param {string} name @param {number} seats */
async function node(redis, name, seats) {
  const port = await freePort();
  const flags = clusterFlags(redis, name);
  flags[flags.indexOf('--node-url') + 1] = `http://127.0.0.1:${port}`;
  const server = new Server({ flags: [...flags, '--seats', String(seats)] });
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
  await a.api('POST', '/rooms/hall/open');
  const ada = rostrum(a.url, 'speak', 'hall', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await a.api('POST', '/rooms/hall/live');

  const elsewhere = await until('the room is known to all', async () => {
    const answer = await fetch(`${b.url}/r/hall`, { redirect: 'manual' });
    return answer.status === 307 ? answer : null;
  });
  t.ok(elsewhere.headers.get('location') === `${a.url}/r/hall`, 'a page leads to the origin',
    { location: elsewhere.headers.get('location') });

  const first = crowd(a, 'hall', 30);
  const counted = await until('all are counted', async () => {
    const room = await a.room('hall');
    return room.hearing === LISTENERS ? room : null;
  });
  t.ok(counted.connected === LISTENERS && !counted.at_least, 'all hear, and each is counted once', counted);
  const places = await Promise.all([b, c].map((server) => relayed(server, 'hall')));
  t.ok(places.some((place) => place?.seated > 0 && place.hears), 'some of them behind a relay', places);
  const ended = await first.end;
  const account = JSON.parse(ended.stdout);
  t.ok(account.verdict.most === LISTENERS && account.failed === 0 && account.disconnects === 0, 'nobody was lost', account.verdict);
  t.note(JSON.stringify({ heard_by_node: account.heard_by_node, hops: account.hops, lost: account.lost, packets: account.packets }));
});
