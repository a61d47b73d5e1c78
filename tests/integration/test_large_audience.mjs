// build: dev
/** Very many open pages: the audience's numbers reach everybody, hosts at once, listeners in turn. */
import WebSocket from 'ws';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const PAGES = 450; // more than are told in two seconds
const BATCH = 50;
const t = new Tap();

/** @param {string} url @param {object} hello */
function open(url, hello) {
  const page = { connected: -1, welcomed: false, socket: new WebSocket(`${url.replace(/^http/, 'ws')}/ws`, 'rostrum.v1') };
  page.socket.on('open', () => page.socket.send(JSON.stringify(hello)));
  page.socket.on('message', (data) => {
    const message = JSON.parse(String(data));
    if (message.type === 'welcome') page.welcomed = true;
    if (message.type === 'audience') page.connected = message.connected;
  });
  t.defer(() => page.socket.terminate());
  return page;
}

await t.run(async () => {
  const server = await new Server({ flags: ['--sockets-per-address', '1000'] }).start();
  t.defer(() => server.stop(t));
  const { hosts } = await server.createRoom('crowded', ['Ada']);
  await server.api('POST', '/rooms/crowded/open');
  const ada = rostrum(server.url, 'speak', 'crowded', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await server.api('POST', '/rooms/crowded/live');

  const pages = [];
  while (pages.length < PAGES) {
    for (let i = 0; i < BATCH; i++) pages.push(open(server.url, { type: 'hello', room: 'crowded', as: 'listener' }));
    await until(`${pages.length} pages are open`, async () => pages.every((page) => page.welcomed));
  }
  const listener = rostrum(server.url, 'listen', 'crowded');
  t.defer(() => listener.kill('SIGTERM'));
  await until('every page has heard of the listener', async () => pages.every((page) => page.connected === 1));
  t.ok(true, `${PAGES} pages have heard of the listener`);

  // Some leave while others are being told: the turn must not be lost with them.
  for (const page of pages.filter((_, i) => i % 3 === 0)) page.socket.close();
  const staying = pages.filter((_, i) => i % 3 !== 0);
  await listener.kill('SIGTERM');
  await until('every page has heard that it left', async () => staying.every((page) => page.connected === 0));
  t.ok(true, 'those who stayed have heard that it left');
});
