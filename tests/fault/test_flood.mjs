/**
 * Sockets that are held open by hundreds of addresses, while people talk and listen: each address and each network has
 * its share, who waits longest makes way, and what is left at the end is for hosts.
 */
// build: dev
import { Agent, request } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import WebSocket from 'ws';
import { enterNamespace } from '../browser/lib/netns.mjs';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { letThemTalk, until } from '../browser/lib/wait.mjs';

enterNamespace();

const HOME = '198.18.255.1'; // where the server is reached, and where its host comes from
const SOCKETS = 200;
const PER_ADDRESS = 8;
const PER_NETWORK = 50; // a quarter
const RESERVED = 25; // an eighth
const READ_BURST = 2000;
const FLOODED_S = 5;
const t = new Tap();
/** @type {Server} */
let server;

/** Sockets that say the beginning of a request and nothing more. */
class Flood {
  /** @type {Set<import('node:net').Socket>} */
  #open = new Set();
  refused = 0;
  most = 0;

  /** @param {string} from */
  add(from) {
    const socket = connect({ host: HOME, port: Number(server.httpPort), localAddress: from });
    let isOpen = false;
    const gone = () => {
      if (isOpen) this.#open.delete(socket);
      isOpen = false;
    };
    socket.on('connect', () => {
      isOpen = true;
      this.#open.add(socket);
      socket.write('GET / HTTP/1.1\r\nX');
    });
    socket.on('data', (data) => {
      if (String(data).startsWith('HTTP/1.1 503 ')) this.refused++;
    });
    socket.on('error', gone).on('close', gone);
  }

  get open() {
    return this.#open.size;
  }

  end() {
    for (const socket of this.#open) socket.destroy();
  }
}

/** @param {string} from @param {object} hello */
async function sayHello(from, hello) {
  const socket = new WebSocket(`ws://${HOME}:${server.httpPort}/ws`, 'rostrum.v1', { localAddress: from, perMessageDeflate: false });
  t.defer(() => socket.terminate());
  const first = new Promise((resolve, reject) => {
    socket.on('message', (data) => resolve(JSON.parse(String(data))));
    socket.on('error', reject);
    socket.on('close', () => reject(new Error('closed')));
  });
  first.catch(() => undefined); // whoever is refused is told by the next line
  await new Promise((resolve, reject) => socket.on('open', () => resolve(0)).on('error', reject).on('close', reject));
  socket.send(JSON.stringify({ type: 'hello', ...hello }));
  return { socket, answer: await first };
}

async function shares() {
  const one = new Flood();
  for (let i = 0; i < 3 * PER_ADDRESS; i++) one.add('198.18.1.1');
  await until('an address has its share', () => one.open === PER_ADDRESS && one.refused > 0);
  t.ok(one.open === PER_ADDRESS, 'an address holds its share of sockets', one.open);
  const network = new Flood();
  for (let i = 2; i < 30; i++) for (let k = 0; k < 4; k++) network.add(`198.18.1.${i}`);
  await until('a network has its share', () => network.open === PER_NETWORK - PER_ADDRESS && network.refused > 0);
  t.ok(network.open + one.open === PER_NETWORK, 'its /24 holds no more than a quarter', network.open + one.open);
  const other = new Flood();
  other.add('198.18.2.1');
  await pause(500);
  t.ok(other.open === 1, 'the next /24 is not concerned');
  for (const flood of [one, network, other]) flood.end();
}

const OFFER = [
  'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0', 'a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuvwx',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, 'a=setup:actpass', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0',
  'a=mid:0', 'a=recvonly', 'a=rtcp-mux', 'a=rtpmap:111 opus/48000/2', '',
].join('\r\n');

/**
 * @param {string} from @param {string} method @param {string} path @param {string} [body] @param {Agent|false} [agent]
 * @returns {Promise<import('node:http').IncomingMessage>}
 */
function ask(from, method, path, body = '', agent = false) {
  return new Promise((resolve, reject) => {
    const options = { host: HOME, port: server.httpPort, localAddress: from, agent, method, path,
      headers: body ? { 'content-type': 'application/sdp', 'content-length': body.length } : {} };
    const asked = request(options, (answer) => answer.resume().on('end', () => resolve(answer)));
    asked.on('error', reject).end(body);
  });
}

/** Requests as fast as they are answered: one address gets its share of answers. */
async function reads() {
  const from = '198.18.50.1';
  const agent = new Agent({ keepAlive: true, maxSockets: 4, localAddress: from });
  t.defer(() => agent.destroy());
  let answered = 0;
  let refused = null;
  for (let i = 0; i < 100 && !refused; i++) {
    const answers = await Promise.all(Array.from({ length: 100 }, () => ask(from, 'GET', '/livez', '', agent)));
    answered += answers.filter((answer) => answer.statusCode === 200).length;
    refused = answers.find((answer) => answer.statusCode === 429);
  }
  t.ok(refused?.headers['retry-after'] === '1' && refused.headers.connection === 'close' && answered >= READ_BURST,
    'an address reads no faster than its share', answered);
  t.ok((await ask('198.18.51.1', 'GET', '/livez')).statusCode === 200, 'and another one is not concerned');
}

/** Offers without a socket that stays: one address gets no more seats by them. */
async function sessions() {
  const from = '198.18.40.1';
  const answers = [];
  for (let i = 0; i < 3 * PER_ADDRESS; i++) answers.push(await ask(from, 'POST', '/whep/siege', OFFER));
  const made = answers.filter((answer) => answer.statusCode === 201);
  const refused = answers.filter((answer) => answer.statusCode === 429 || answer.statusCode === 503);
  t.ok(made.length === PER_ADDRESS - 1 && refused.length === answers.length - made.length,
    'an address holds its share of sessions, and the socket that it asks with', made.length);
  const other = await ask('198.18.41.1', 'POST', '/whep/siege', OFFER);
  t.ok(other.statusCode === 201, 'another one is not concerned');
  for (const session of [made[0], other]) await ask(from, 'DELETE', session.headers.location ?? '');
  t.ok((await ask(from, 'POST', '/whep/siege', OFFER)).statusCode === 201, 'a session that ends makes room');
}

await t.run(async () => {
  server = await new Server({
    address: HOME,
    flags: ['--http', '0.0.0.0:0', '--sockets', String(SOCKETS), '--sockets-per-address', String(PER_ADDRESS)],
  }).start();
  server.url = `http://${HOME}:${server.httpPort}`;
  t.defer(() => server.stop(t));
  const { hosts } = await server.createRoom('siege', ['Ada', 'Bob']);
  await shares();

  await server.api('POST', '/rooms/siege/open');
  await sessions();
  await reads();
  const speaker = rostrum(server.url, 'speak', 'siege', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  await until('the host has agreed', async () => (await server.api('GET', '/rooms/siege/invitations')).invitations[0].agreed);
  await server.api('POST', '/rooms/siege/live');
  const listener = rostrum(server.url, 'listen', 'siege');
  await until('a listener hears', async () => (await server.room('siege')).hearing === 1);
  const hearsMs = Date.now();

  const socketCounts = async () => (await server.api('GET', '/node')).sockets;
  const flood = new Flood();
  let seconds = 0;
  const timer = setInterval(() => {
    // 4 networks times 10 addresses, again and again
    for (let i = 0; i < 160; i++) flood.add(`198.18.${10 + (i % 4)}.${1 + (seconds * 7 + i) % 40}`);
    seconds++;
  }, 400);
  t.defer(() => clearInterval(timer));
  await until('the sockets are used up', async () => (await socketCounts()).made_way > 20);
  for (const [who, from, hello] of /** @type {Array<[string, string, object]>} */ ([
    ['a host whose address is known', HOME, { room: 'siege', as: 'host', token: hosts[1].token }],
    ['a host from elsewhere', '198.18.77.1', { room: 'siege', as: 'host', token: hosts[1].token }],
  ])) {
    const startMs = Date.now();
    const { socket, answer } = await sayHello(from, hello);
    t.ok(answer.type === 'welcome' && Date.now() - startMs < 2000, `${who} comes in within two seconds`, `${Date.now() - startMs} ms`);
    socket.close();
  }
  const startMs = Date.now();
  const during = await socketCounts();
  t.ok(Date.now() - startMs < 2000, 'and so does the admin', `${Date.now() - startMs} ms`);
  t.ok(during.open > SOCKETS - RESERVED - 10 && during.open <= SOCKETS, 'while nearly all sockets are in use', during);
  await letThemTalk(FLOODED_S);
  const heardMs = Date.now() - hearsMs;
  const ear = JSON.parse((await listener.kill('SIGINT')).stdout);
  clearInterval(timer);
  t.ok(ear.lost === 0 && ear.connects === 1 && ear.sound_ms > 0.8 * heardMs, 'the listener lost nothing', ear);
  flood.end();

  // Listeners of many addresses, until there is no more room for any.
  let welcome = 0;
  let refused = null;
  for (let i = 0; i < SOCKETS && !refused; i++) {
    const { answer } = await sayHello(`198.18.${20 + (i % 8)}.${1 + Math.floor(i / 8)}`, { room: 'siege', as: 'listener' });
    if (answer.type === 'welcome') welcome++;
    else refused = answer;
  }
  t.ok(refused?.type === 'refused' && refused.reason === 'overload' && refused.retry_after_ms > 0, 'the last sockets are not for listeners', refused);
  t.ok(welcome <= SOCKETS - RESERVED && welcome > SOCKETS - RESERVED - 20, 'all others are', welcome);
  const host = await sayHello('198.18.78.1', { room: 'siege', as: 'host', token: hosts[1].token });
  t.ok(host.answer.type === 'welcome', 'but for a host');

  // Nobody waits any more who could make way: the very last are for addresses where a host was before.
  let more = 0;
  const asHost = { room: 'siege', as: 'host', token: hosts[1].token };
  const comesIn = (/** @type {string} */ from) => sayHello(from, asHost).then(({ answer }) => answer.type === 'welcome', () => false);
  while (more < RESERVED && (await comesIn(`198.18.79.${1 + more}`))) more++;
  t.ok(more > 0 && more < RESERVED, 'hosts from elsewhere have a part of the rest', more);
  t.ok(await comesIn(HOME), 'those whose address is known have all of it');
  await server.api('POST', '/rooms/siege/end');
  t.ok((await speaker.end).status === 0, 'the host stayed to the end');
});
