/** Nodes that meet in a real Redis: they see each other, one dies, Redis hangs, dies and comes back empty. */
// waits
// build: dev
import { chmodSync } from 'node:fs';
import { Program, ROSTRUMD, temporaryFolder } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';
import { clusterFlags, Redis } from './redis.mjs';

const t = new Tap();

/** @param {Server} server */
const cluster = async (server) => (await server.api('GET', '/node')).cluster;

/** @param {Server[]} servers */
async function ids(servers) {
  return Promise.all(servers.map(async (server) => (await cluster(server)).id));
}

/**
 * Waits until each of them sees exactly these nodes. How long it took.
 * @param {Server[]} servers
 * @param {string[]} wanted
 * @param {number} withinMs
 */
async function seeing(servers, wanted, withinMs) {
  const begin = performance.now();
  for (const server of servers) {
    await until(`${wanted.length} nodes are seen`, async () => {
      const { nodes } = await cluster(server);
      const seen = nodes.map((/** @type {{id: string}} */ node) => node.id).sort();
      if (JSON.stringify(seen) !== JSON.stringify([...wanted].sort())) throw new Error(JSON.stringify(seen));
      return true;
    }, withinMs - (performance.now() - begin));
  }
  return Math.round(performance.now() - begin);
}

/**
 * @param {Server[]} servers
 * @param {string} state
 * @param {number} withinMs
 */
async function told(servers, state, withinMs) {
  const begin = performance.now();
  for (const server of servers)
    await until(`the directory is ${state}`, async () => (await cluster(server)).directory === state,
      withinMs - (performance.now() - begin));
  return Math.round(performance.now() - begin);
}

/**
 * Starts with settings that cannot be.
 * @param {string} what
 * @param {string[]} flags
 * @param {RegExp} sentence
 */
async function refused(what, flags, sentence) {
  const program = new Program(ROSTRUMD, ['--state', temporaryFolder(), '--http', '127.0.0.1:0', '--media-port', '0', ...flags]);
  const ended = await program.end;
  t.ok(ended.status !== 0 && sentence.test(ended.stderr), `${what} is refused at the start`, ended.stderr.trim());
}

await t.run(async () => {
  const redis = await new Redis().start();
  t.defer(() => redis.kill());
  const names = ['a', 'b', 'c'];
  const servers = names.map((name) => new Server({ flags: clusterFlags(redis, name) }));
  for (const server of servers) await server.start();
  t.defer(() => Promise.all(servers.map((server) => server.stop(t))));
  const [a, b, c] = /** @type {[Server, Server, Server]} */ (/** @type {unknown} */ (servers));
  const all = await ids(servers);
  const [idA, idB, idC] = all;
  t.ok(new Set(all).size === 3 && all.every((id) => /^[a-z0-9]{16}$/.test(id)), 'each node has an id of its own', all);

  t.ok(true, 'three nodes see each other', { ms: await seeing(servers, all, 5000) });
  t.ok(true, 'the directory is up', { ms: await told(servers, 'up', 5000) });
  const view = await cluster(a);
  t.ok(view.nodes[0].id === view.id, 'a node shows itself first');
  const other = view.nodes.find((/** @type {{id: string}} */ node) => node.id === idB);
  t.ok(other.url === 'https://b.example' && other.region === 'region-b', 'url and region are told', other);
  await until('seats are told', async () => {
    const seen = (await cluster(a)).nodes.find((/** @type {{id: string}} */ node) => node.id === idB);
    return seen.seats > 0 && seen.seats_free === seen.seats && seen.joins_per_s > 0;
  });
  t.ok(true, 'seats, free ones and joins are told');

  await c.crash();
  const goneMs = await seeing([a, b], [idA, idB], 7000);
  t.ok(true, 'who dies is gone within the time to live', { ms: goneMs });
  await c.start();
  t.ok((await cluster(c)).id === idC, 'a node keeps its id');
  t.ok(true, 'and is there again', { ms: await seeing(servers, all, 5000) });

  redis.signal('SIGSTOP');
  t.ok(true, 'a Redis that hangs is noticed', { ms: await told(servers, 'down', 5000) });
  const begin = performance.now();
  await a.createRoom('monday', ['Ada']);
  const { nodes } = await cluster(b);
  const tookMs = Math.round(performance.now() - begin);
  t.ok(tookMs < 1000 && nodes.length === 3, 'nobody waits for it, and nobody is forgotten', { ms: tookMs });
  redis.signal('SIGCONT');
  t.ok(true, 'all is well when it goes on', { ms: await told(servers, 'up', 5000) });

  await redis.kill();
  t.ok(true, 'a Redis that dies is noticed', { ms: await told(servers, 'down', 5000) });
  await redis.start();
  t.ok(true, 'all is well when it comes back empty', { ms: await told(servers, 'up', 5000) });
  t.ok(true, 'with all nodes', { ms: await seeing(servers, all, 5000) });

  const stranger = await new Server({ flags: clusterFlags(redis, 'stranger', { secret: 'another secret, which is as long' }) }).start();
  t.defer(() => stranger.stop(t));
  await until('the stranger is heard', async () => (await cluster(a)).words.foreign > 0 && (await cluster(stranger)).words.foreign > 0);
  const [strangerId] = await ids([stranger]);
  await seeing([stranger], [strangerId], 2000);
  t.ok(true, 'with another secret a node is alone', { ms: await seeing(servers, all, 2000) });

  await c.stop(t);
  t.ok(true, 'who ends in order is gone at once', { ms: await seeing([a, b], [idA, idB], 3000) });
  for (const server of servers)
    t.ok(!/sesame/.test(server.log), 'the password is in no log');

  const alone = await new Server().start();
  t.defer(() => alone.stop(t));
  const own = await cluster(alone);
  t.ok(own.directory === 'local' && own.nodes.length === 1 && own.nodes[0].id === own.id, 'a node alone is its own directory', own);

  const flags = clusterFlags(redis, 'd');
  await refused('half a cluster', flags.slice(0, 2), /node_url must be, too/);
  await refused('a cluster without its Redis', flags.slice(2), /no redis_url/);
  await refused('TLS', ['--redis-url', 'rediss://:sesame@h', ...flags.slice(2)], /must be redis:.*no rediss:/);
  chmodSync(/** @type {string} */ (flags.at(-1)), 0o644);
  await refused('a secret that others can read', flags, /chmod 600/);
});
