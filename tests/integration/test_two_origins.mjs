/**
 * Two nodes that could not reach each other have each made a room of the same name. When they meet again one of them is its
 * origin, and the other leads there; a third one that comes to know of it does, too.
 */
// waits
// build: dev
import { Server } from '../browser/lib/server.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';
import { clusterFlags, Redis } from './redis.mjs';
import { freePort } from './ports.mjs';

const t = new Tap();

/** @param {Server} server */
const look = async (server) => {
  const { status, headers } = await fetch(`${server.url}/r/twin`, { redirect: 'manual' });
  return { status, to: headers.get('location') };
};
/** @param {Server} server */
const directory = async (server) => (await server.api('GET', '/node')).cluster.directory;

await t.run(async () => {
  const redis = await new Redis().start();
  t.defer(() => redis.kill());
  /** @type {Server[]} */
  const servers = [];
  for (const name of ['a', 'b']) {
    const port = await freePort();
    const server = new Server({ flags: clusterFlags(redis, name, { url: `http://127.0.0.1:${port}` }) });
    server.httpPort = port;
    servers.push(await server.start());
    t.defer(() => server.stop(t));
  }
  for (const server of servers) await until('the directory is up', async () => (await directory(server)) === 'up');
  await redis.kill();
  for (const server of servers) await until('the directory is down', async () => (await directory(server)) === 'down');
  for (const server of servers) {
    await server.createRoom('twin', ['Ada']);
    await server.api('POST', '/rooms/twin/open');
    t.ok((await look(server)).status === 200, 'alone, each has the room');
  }
  const refused = await fetch(`${servers[0]?.url}/r/elsewhere`, { redirect: 'manual' });
  t.ok(refused.status === 503 && Number(refused.headers.get('retry-after')) > 0, 'of a room that it does not have a node says that it cannot know',
    { status: refused.status });

  await redis.start();
  const begin = performance.now();
  const seen = await until('one of them is the origin', async () => {
    const looks = await Promise.all(servers.map(look));
    return looks.filter(({ status }) => status === 200).length === 1 && looks.some(({ status }) => status === 307) ? looks : null;
  });
  const winner = seen.findIndex(({ status }) => status === 200);
  t.ok(seen[1 - winner]?.to === `${servers[winner]?.url}/r/twin`, 'and the other leads there', { seen, ms: Math.round(performance.now() - begin) });
});
