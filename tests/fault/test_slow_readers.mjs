/**
 * Those who ask and do not read, but go on talking: downloads and a WebSocket. And those who never finish asking. They
 * cost the server little memory, and are cut; the others notice nothing.
 */
// build: dev
import { cpSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { Program, ROOT, temporaryFolder } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const DOWNLOADS = 100;
const BEGUN_MAX = 2048; // requests that are not whole, of all addresses together
const CLIENT = fileURLToPath(new URL('slow_client.py', import.meta.url));
const t = new Tap();

/**
 * More sockets than may wait for their first request: those that had a second for it are closed when others come.
 * @param {Server} server
 */
async function neverFinish(server) {
  const before = await server.api('GET', '/node');
  /** @type {Set<import('node:net').Socket>} */
  const open = new Set();
  t.defer(() => open.forEach((socket) => socket.destroy()));
  const begin = () => Promise.all(Array.from({ length: 100 }, () => new Promise((resolve) => {
    const socket = connect(Number(server.httpPort), '127.0.0.1', () => {
      open.add(socket);
      socket.write('GET / HTTP/1.1\r\nX-Slow: ');
      resolve(0);
    });
    socket.on('error', resolve).on('close', () => open.delete(socket));
  })));
  while (open.size < BEGUN_MAX + 200) await begin();
  let after = before;
  await until('those over the bound made way', async () => {
    await begin();
    after = await server.api('GET', '/node');
    return after.sockets.made_way - before.sockets.made_way >= 200;
  });
  t.ok(after.sockets.made_way - before.sockets.made_way >= 200, 'requests that are never whole make way', after.sockets);
  const each = (after.rss_bytes - before.rss_bytes) / BEGUN_MAX / 1024;
  t.ok(each < 25, 'and cost less than 25 KiB each', `${each.toFixed(1)} KiB`);
}

await t.run(async () => {
  const web = join(temporaryFolder(), 'web');
  cpSync(join(ROOT, 'client/web'), web, { recursive: true, filter: (path) => !path.includes('node_modules') });
  writeFileSync(join(web, 'js', 'large.js'), '/* */\n'.repeat(300_000));
  const server = await new Server({ flags: ['--web', web] }).start();
  t.defer(() => server.stop(t));
  const names = Array.from({ length: 12 }, (_, i) => `Host ${i} ${'with a long name '.repeat(2)}`);
  const { hosts } = await server.createRoom('slow', names);
  const node = () => server.api('GET', '/node');
  await neverFinish(server);
  const before = await node();

  /** @param {string[]} args */
  const slow = (...args) => {
    const program = new Program('/usr/bin/env', ['python3', CLIENT, '127.0.0.1', server.httpPort, ...args]);
    t.defer(() => program.kill('SIGKILL'));
    return program;
  };
  const downloads = slow(String(DOWNLOADS), 'get', '/assets/js/large.js');
  const reader = slow('1', 'ws', JSON.stringify({ type: 'hello', room: 'slow', as: 'host', token: hosts[1].token }));
  await until('all have asked', () => [downloads, reader].every((program) => program.stdout.startsWith('ready')));
  await until('the downloads are under way', async () => (await node()).sockets.open > DOWNLOADS);
  const during = await node();

  // The owner mutes herself now and then: each time the roster is told to all hosts.
  const owner = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, 'rostrum.v1', { perMessageDeflate: false });
  t.defer(() => owner.terminate());
  let rosters = 0;
  owner.on('message', (data) => {
    if (JSON.parse(String(data)).type === 'roster') rosters++;
  });
  await new Promise((resolve, reject) => owner.on('open', () => resolve(0)).on('error', reject));
  owner.send(JSON.stringify({ type: 'hello', room: 'slow', as: 'host', token: hosts[0].token }));
  let muted = false;
  const timer = setInterval(() => owner.send(JSON.stringify({ type: 'mute', muted: (muted = !muted) })), 60);
  t.defer(() => clearInterval(timer));

  const MANY_MS = 90_000;
  await until('the WebSocket is cut', () => reader.stdout.includes('cut'), MANY_MS);
  const told = rosters;
  t.ok(told > 100, 'a WebSocket that does not read is cut, while another one was told each change', told);
  await until('the downloads are cut', () => downloads.stdout.split('cut').length - 1 === DOWNLOADS, MANY_MS);
  const after = await node();
  t.ok(after.sockets.slow - before.sockets.slow >= DOWNLOADS + 1, 'each of them is counted', after.sockets);
  const grown = (Math.max(during.rss_bytes, after.rss_bytes) - before.rss_bytes) / 1024 / 1024;
  t.ok(grown < 60, 'they cost less than 60 MiB', `${grown.toFixed(1)} MiB`);
  await until('the owner is still told', () => rosters > told + 5);
});
