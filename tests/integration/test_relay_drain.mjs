/**
 * A relay is told to end while a crowd and one listener of the command line hear there: all move and hear on, the relay
 * ends by itself when they have gone, the origin counts each once, and the relay comes back.
 */
// waits
// build: dev
import { join } from 'node:path';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';
import { Witness } from '../browser/lib/witness.mjs';
import { freePort } from './ports.mjs';
import { clusterFlags, Redis } from './redis.mjs';

const ORIGIN_SEATS = 8; // of which the origin keeps half back
const RELAY_SEATS = 40;
const LISTENERS = 20;
const SECONDS = 30;
const ENDS_WITHIN_MS = 25_000;
const PACKET_MS = 20;
const GAP_MS = 60;
const t = new Tap();

/** @param {Redis} redis @param {string} name @param {number} seats */
async function node(redis, name, seats) {
  const port = await freePort();
  const flags = clusterFlags(redis, name, { url: `http://127.0.0.1:${port}` });
  const server = new Server({ flags: [...flags, '--governor', 'off', '--seats', String(seats)] });
  server.httpPort = port;
  return server.start();
}

/** @param {Server} server @returns {Promise<number>} who sits there, of the room */
const seatedAt = async (server) =>
  (await server.api('GET', '/node')).cluster.relayed.find((/** @type {any} */ one) => one.room === 'hall')?.seated ?? 0;

/** @param {Server} server */
const knows = async (server) => (await server.api('GET', '/node')).cluster.nodes.length;

await t.run(async () => {
  const redis = await new Redis().start();
  t.defer(() => redis.kill());
  const origin = await node(redis, 'a', ORIGIN_SEATS);
  const relays = [await node(redis, 'b', RELAY_SEATS), await node(redis, 'c', RELAY_SEATS)];
  for (const server of [origin, ...relays]) t.defer(() => server.stop(t));
  await until('three nodes see each other', async () => {
    for (const server of [origin, ...relays]) if ((await knows(server)) !== 3) return false;
    return true;
  });
  const { hosts } = await origin.createRoom('hall', ['Ada']);
  await origin.api('POST', '/rooms/hall/open');
  const ada = rostrum(origin.url, 'speak', 'hall', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await origin.api('POST', '/rooms/hall/live');

  const witness = new Witness();
  const crowd = rostrum(origin.url, '--json', '--token-file', join(origin.state, 'admin.token'), 'rehearse', 'hall',
    '--listeners', String(LISTENERS), '--ramp', '8', '--whep', '0', '--seconds', String(SECONDS));
  t.defer(() => crowd.kill('SIGKILL'));
  await until('all are counted', async () => (await origin.room('hall')).hearing === LISTENERS);
  const told = await Promise.all(relays.map(seatedAt));
  const [leaving, staying] = told[0] >= told[1] ? relays : [...relays].reverse();
  const movers = Math.max(...told);
  t.ok(movers > 0, 'some hear behind the relay that is to end', told);
  const one = rostrum(leaving.url, 'listen', 'hall', '--seconds', '25');
  t.defer(() => one.kill('SIGKILL'));
  await until('one more hears there', async () => (await seatedAt(leaving)) === movers + 1);

  const begunMs = Date.now();
  await leaving.stop(t); // by SIGTERM; SIGKILL after 40 s would be told as a signal
  const tookMs = Date.now() - begunMs;
  t.ok(tookMs < ENDS_WITHIN_MS, 'the relay ended by itself', { tookMs });
  const after = await until('the origin counts each once', async () => {
    const room = await origin.room('hall');
    return room.hearing === LISTENERS + 1 && room.connected === LISTENERS + 1 && !room.at_least ? room : null;
  });
  t.ok((await seatedAt(staying)) > 0, 'and they hear elsewhere', { hearing: after.hearing, there: await seatedAt(staying) });
  await leaving.start();
  await until('the relay is back', async () => (await knows(origin)) === 3);

  const heard = await one.end;
  const alone = JSON.parse(heard.stdout);
  const ended = await crowd.end;
  const stallMs = await witness.stallMs();
  const mayLose = Math.floor(stallMs / PACKET_MS);
  t.ok(heard.status === 0 && alone.connects === 2 && alone.longest_gap_ms <= GAP_MS + stallMs && alone.lost <= mayLose,
    'one listener heard all the time but what the machine stalled', { stallMs, ...alone });
  const account = JSON.parse(ended.stdout);
  t.ok(ended.status === 0 && account.moved === movers && account.disconnects === 0 && account.failed === 0, 'each who sat there moved, and nobody was lost',
    { moved: account.moved, movers, disconnects: account.disconnects, why: account.disconnect_reasons, failed: account.failed, reasons: account.reasons });
  t.ok(account.verdict.most === LISTENERS && account.longest_gap_ms.max <= GAP_MS + stallMs && account.lost <= LISTENERS * mayLose,
    'all heard on without a gap but what the machine stalled', { stallMs, most: account.verdict.most, gaps: account.gaps_over_60ms, longest: account.longest_gap_ms, lost: account.lost });
});
