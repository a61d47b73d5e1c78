/**
 * A network is excluded from a room: its listeners are ended at once, on every node that carries the room, whoever of it asks is
 * refused, hosts are not concerned, and a restart changes nothing.
 */
// build: dev
import { request } from 'node:http';
import { join } from 'node:path';
import WebSocket from 'ws';
import { enterNamespace } from '../browser/lib/netns.mjs';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';
import { clusterFlags, Redis } from './redis.mjs';

enterNamespace();

const HOME = '198.18.255.1'; // where the servers are reached, and where their host comes from
const WITHIN_MS = 2000;
const ORIGIN_SEATS = 8; // of which the origin keeps half back
const RELAY_SEATS = 40;
const CROWD = 16;
const t = new Tap();

const OFFER = [
  'v=0', 'o=- 1 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0', 'a=ice-ufrag:abcd', 'a=ice-pwd:abcdefghijklmnopqrstuvwx',
  `a=fingerprint:sha-256 ${Array(32).fill('AB').join(':')}`, 'a=setup:actpass', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0',
  'a=mid:0', 'a=recvonly', 'a=rtcp-mux', 'a=rtpmap:111 opus/48000/2', '',
].join('\r\n');

/** Somebody with a WebSocket: a listener who takes a seat, or a host's page. */
class Visitor {
  /** @type {any[]} */
  messages = [];
  byeMs = 0;
  closedMs = 0;

  /** @param {Server} server @param {string} from @param {string} room @param {string} [hostToken] */
  constructor(server, from, room, hostToken) {
    const hello = hostToken ? { as: 'host', token: hostToken } : { as: 'listener' };
    this.socket = new WebSocket(`ws://${HOME}:${server.httpPort}/ws`, 'rostrum.v1', { localAddress: from, perMessageDeflate: false });
    this.socket.on('open', () => this.socket.send(JSON.stringify({ type: 'hello', room, ...hello })));
    this.socket.on('message', (data) => this.#take(JSON.parse(String(data)), !hostToken));
    this.socket.on('error', () => undefined);
    this.socket.on('close', () => (this.closedMs = performance.now()));
    t.defer(() => this.socket.terminate());
  }

  /** @param {any} message @param {boolean} wantsSeat */
  #take(message, wantsSeat) {
    this.messages.push(message);
    if (message.type === 'bye') this.byeMs = performance.now();
    if (message.type === 'welcome' && wantsSeat) this.socket.send(JSON.stringify({ type: 'offer', sdp: OFFER }));
  }

  /** @param {string} type */
  said(type) {
    return this.messages.find((message) => message.type === type);
  }

  /** @param {string} type */
  says(type) {
    return until(`${type} comes`, () => this.said(type));
  }
}

/**
 * A request from some address of this machine.
 * @param {Server} server @param {string} from @param {string} method @param {string} path @param {string} [body] @param {string} [type]
 * @returns {Promise<{status: number, headers: import('node:http').IncomingHttpHeaders, body: any}>}
 */
function ask(server, from, method, path, body = '', type = 'application/sdp') {
  return new Promise((resolve, reject) => {
    const options = { host: HOME, port: server.httpPort, localAddress: from, method, path,
      headers: body ? { 'content-type': type, 'content-length': body.length } : {} };
    const asked = request(options, (answer) => {
      let text = '';
      answer.on('data', (data) => (text += data)).on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text.startsWith('{') ? JSON.parse(text) : text }));
    });
    asked.on('error', reject).end(body);
  });
}

/** @param {() => Promise<unknown>} call @returns {Promise<string>} "404 {…}", of a call that must fail */
const refusal = (call) => call().then(() => 'it was done', (error) => String(error.message).replace(/^.*?: /, ''));

/** Excludes somebody's network; how long after the wish they were told and cut. @param {Visitor} listener @param {() => Promise<any>} exclude */
async function ended(listener, exclude) {
  const beganMs = performance.now();
  const made = await exclude();
  await until('the listener is ended', () => listener.said('bye') && listener.closedMs > 0);
  return { made, tookMs: Math.round(Math.max(listener.byeMs, listener.closedMs) - beganMs) };
}

/** @param {Server} server @param {string[]} args */
async function command(server, ...args) {
  const { stdout, stderr, status } = await rostrum(server.url, '--token-file', join(server.state, 'admin.token'), ...args).end;
  return { stdout, stderr, status };
}

async function oneNode() {
  const server = await new Server({ address: HOME, http: HOME, flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const { hosts } = await server.createRoom('siege', ['Ada', 'Ben']);
  await server.api('POST', '/rooms/siege/open');
  const [ada, ben] = hosts.map((host) => host.token);
  const bans = '/rooms/siege/bans';

  t.ok(/^400 .*203\.0\.113\.0\/24/.test(await refusal(() => server.api('POST', bans, { network: '203.0.113.0/16' }))),
    'what is no network of ours is refused with what is allowed');
  t.ok(/^400 .*bad_field/.test(await refusal(() => server.api('POST', bans, { network: 7 }))), 'and so is what is no text');
  t.ok(/^400 .*unknown_field/.test(await refusal(() => server.api('POST', bans, { net: '203.0.113.1' }))), 'and an unknown field');
  t.ok(/^409 .*protected_network/.test(await refusal(() => server.api('POST', bans, { network: '127.0.0.1' }))), 'loopback cannot be excluded');
  t.ok(/^403 .*not_allowed/.test(await refusal(() => server.api('POST', bans, { network: '203.0.113.1' }, ben))), 'nor may a speaker do it');
  t.ok(/^404 .*unknown_ban/.test(await refusal(() => server.api('DELETE', `${bans}/1`))), 'what is not there cannot be lifted');

  const page = new Visitor(server, '198.18.7.1', 'siege', ben);
  await page.says('welcome');
  const guarded = await refusal(() => server.api('POST', bans, { network: '198.18.7.200' }, ada));
  t.ok(/^409 .*protected_network.*host/.test(guarded), 'where a host has a page open cannot be excluded', guarded);

  const listener = new Visitor(server, '198.18.1.1', 'siege');
  const neighbour = new Visitor(server, '198.18.2.1', 'siege');
  await listener.says('answer');
  await neighbour.says('answer');
  const session = await ask(server, '198.18.1.9', 'POST', '/whep/siege', OFFER);
  const place = await ask(server, '198.18.1.10', 'POST', '/api/v1/rooms/siege/line');
  t.ok(session.status === 201 && place.body.answer === 'seat', 'listeners have seats, one over WHEP, one is held', place.body);
  const { made, tookMs } = await ended(listener, () => server.api('POST', bans, { network: '198.18.1.77' }, ada));
  t.figure(`a listener of an excluded network was ended after ${tookMs} ms`);
  t.ok(made.network === '198.18.1.0/24' && made.by === 1 && made.id === 1, 'the answer says which network', made);
  const bye = listener.said('bye');
  t.ok(tookMs < WITHIN_MS && bye.reason === 'banned' && bye.retry_after_ms === undefined, 'its listener is told, and never to come back', bye);
  t.ok((await ask(server, '198.18.1.9', 'PATCH', String(session.headers.location), 'a=x')).status === 404, 'the WHEP session is gone');
  t.ok(!neighbour.said('bye') && neighbour.closedMs === 0, 'the next network is not concerned');

  const late = new Visitor(server, '198.18.1.2', 'siege');
  const refused = await late.says('refused');
  t.ok(refused.reason === 'banned' && refused.retry_after_ms === undefined && !late.said('welcome'), 'who comes later is refused', refused);
  const line = await ask(server, '198.18.1.3', 'POST', '/api/v1/rooms/siege/line');
  const whep = await ask(server, '198.18.1.4', 'POST', '/whep/siege', OFFER);
  t.ok([line, whep].every((one) => one.status === 403 && one.body.code === 'banned' && one.headers['retry-after'] === undefined),
    'in line and over WHEP, too', line.body);
  const host = new Visitor(server, '198.18.1.5', 'siege', ada);
  t.ok((await host.says('welcome')).type === 'welcome', 'a host comes in from there');
  const report = await server.api('GET', '/rooms/siege/report');
  t.ok(report.totals.by_cause.refused_closed === 3, 'each of the three is counted', report.totals.by_cause);

  const again = await server.api('POST', bans, { network: '198.18.1.0/24' });
  t.ok(again.id === made.id, 'twice is once');
  const cli = await command(server, 'room', 'ban', 'siege', '2001:db8:9::1');
  t.ok(cli.status === 0 && cli.stdout.includes('2001:db8:9::/48'), 'the command line does it, too', cli);
  const listed = await command(server, 'room', 'bans', 'siege');
  t.ok(listed.stdout.includes('198.18.1.0/24') && listed.stdout.includes('2001:db8:9::/48'), 'and lists them', listed.stdout);
  const wrong = await command(server, 'room', 'ban', 'siege', 'everybody');
  t.ok(wrong.status === 1 && wrong.stderr.includes('203.0.113.0/24'), 'and says what is allowed', wrong.stderr);

  await server.crash();
  await server.start();
  const kept = (await server.api('GET', bans)).bans;
  t.ok(kept.length === 2 && kept[0].network === '198.18.1.0/24', 'both outlive a crash', kept);
  const after = await new Visitor(server, '198.18.1.2', 'siege').says('refused');
  t.ok(after.reason === 'banned', 'and still hold', after);
  const lifted = await command(server, 'room', 'unban', 'siege', String(made.id));
  t.ok(lifted.status === 0 && (await server.api('GET', bans)).bans.length === 1, 'one is lifted', lifted);
  t.ok(Boolean(await new Visitor(server, '198.18.1.2', 'siege').says('welcome')), 'then they come in again');
}

/** @param {Redis} redis @param {string} name @param {number} seats @param {string} port */
async function node(redis, name, seats, port) {
  const flags = clusterFlags(redis, name, { url: `http://${HOME}:${port}` });
  const server = new Server({ address: HOME, http: HOME, flags: [...flags, '--governor', 'off', '--seats', String(seats)] });
  server.httpPort = port;
  await server.start();
  t.defer(() => server.stop(t));
  return server;
}

/** @param {Server} server */
const cluster = async (server) => (await server.api('GET', '/node')).cluster;
/** @param {Server} server */
const relayed = async (server) => (await cluster(server)).relayed.find((/** @type {any} */ one) => one.room === 'hall');

async function twoNodes() {
  const redis = await new Redis().start();
  t.defer(() => redis.kill());
  const origin = await node(redis, 'a', ORIGIN_SEATS, '18081');
  const relay = await node(redis, 'b', RELAY_SEATS, '18082');
  await until('the nodes see each other', async () => (await cluster(origin)).nodes.length === 2 && (await cluster(relay)).nodes.length === 2);
  const { hosts } = await origin.createRoom('hall', ['Ada']);
  await origin.api('POST', '/rooms/hall/open');
  const ada = rostrum(origin.url, 'speak', 'hall', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await origin.api('POST', '/rooms/hall/live');
  const early = await origin.api('POST', '/rooms/hall/bans', { network: '198.18.4.0/24' });

  const crowd = rostrum(origin.url, '--json', '--token-file', join(origin.state, 'admin.token'), 'rehearse', 'hall',
    '--listeners', String(CROWD), '--ramp', '8', '--seconds', '60', '--source', '198.18.8.1');
  t.defer(() => crowd.kill('SIGKILL'));
  await until('all hear', async () => (await origin.room('hall')).hearing === CROWD, 40_000);
  t.ok((await relayed(relay))?.seated > 0, 'some sit at the relay', await relayed(relay));
  const old = await new Visitor(relay, '198.18.4.1', 'hall').says('refused');
  t.ok(old.reason === 'banned', 'what was excluded before the relay came is excluded there', old);

  const listener = new Visitor(relay, '198.18.3.1', 'hall');
  const neighbour = new Visitor(relay, '198.18.5.1', 'hall');
  await listener.says('answer');
  await neighbour.says('answer');
  const { made, tookMs } = await ended(listener, () => origin.api('POST', '/rooms/hall/bans', { network: '198.18.3.0/24' }));
  t.figure(`a listener of an excluded network was ended at a relay after ${tookMs} ms`);
  t.ok(tookMs < WITHIN_MS && listener.said('bye').reason === 'banned', 'a listener at the relay is ended', listener.said('bye'));
  t.ok(!neighbour.said('bye') && neighbour.closedMs === 0, 'the next network is not concerned');
  const refused = await new Visitor(relay, '198.18.3.2', 'hall').says('refused');
  const whep = await ask(relay, '198.18.3.3', 'POST', '/whep/hall', OFFER);
  t.ok(refused.reason === 'banned' && whep.status === 403 && whep.body.code === 'banned', 'who comes later is refused there', refused);
  const elsewhere = await ask(relay, '198.18.3.4', 'GET', '/api/v1/rooms/hall/bans');
  t.ok(elsewhere.status === 307, 'the list is the origin\'s', elsewhere.headers.location);

  await origin.api('DELETE', `/rooms/hall/bans/${made.id}`);
  await until('it is lifted at the relay', async () => {
    const visitor = new Visitor(relay, '198.18.3.5', 'hall');
    await until('some answer', () => visitor.said('refused') || visitor.said('answer'));
    visitor.socket.terminate();
    return visitor.said('answer');
  });
  t.ok(true, 'what is lifted is lifted there');

  // While they cannot hear each other one is lifted and one is made.
  t.defer(() => relay.signal('SIGCONT'));
  relay.signal('SIGSTOP');
  await until('the relay is silent', () => /tree\.link_down node=/.test(origin.log));
  await origin.api('DELETE', `/rooms/hall/bans/${early.id}`);
  await origin.api('POST', '/rooms/hall/bans', { network: '198.18.6.0/24' });
  relay.signal('SIGCONT');
  await until('the relay has heard of both', async () => {
    const [free, excluded] = ['198.18.4.2', '198.18.6.2'].map((from) => new Visitor(relay, from, 'hall'));
    await until('some answer', () => free.messages.length > 0 && excluded.messages.length > 0);
    for (const one of [free, excluded]) one.socket.terminate();
    return free.said('welcome') && excluded.said('refused')?.reason === 'banned';
  });
  t.ok(true, 'a relay that was away has the whole list anew');

  await until('the crowd is there again', async () => (await origin.room('hall')).connected === CROWD);
  t.ok((await relayed(relay)).seated > 0, 'on both nodes', await relayed(relay));
  const beganMs = performance.now();
  await origin.api('POST', '/rooms/hall/bans', { network: '198.18.8.1' });
  await until('nobody is connected any more', async () => (await origin.room('hall')).connected === 0);
  const goneMs = Math.round(performance.now() - beganMs);
  t.figure(`${CROWD} listeners of an excluded network, at two nodes, were gone from the count after ${goneMs} ms`);
  t.ok(true, 'a crowd that hears is ended on both'); // the count is told once a second
  const live = (await origin.api('GET', '/rooms/hall')).state;
  t.ok(live === 'live' && !ada.ended, 'and the host speaks on', live);
}

await t.run(async () => {
  await oneNode();
  await twoNodes();
});
