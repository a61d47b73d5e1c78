/** A listener between nodes: sent elsewhere, back home, and moved while the sound goes on. */
import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { listen } from '../js/events.js';
import { Ticket } from '../js/ticket.js';
import { Visit } from '../js/visit.js';
import { pass, STEP_MS, stopTime, tick } from './clock.js';
import { FakeApi, FakeConnection, FakeSocket, FakeStorage, roomView, welcome } from './fakes.js';

const SECOND_MS = 1_000;
const HOME = 'ws://home.example/ws';
const ticketOf = (/** @type {string} */ letter) => letter.repeat(51);

/** @type {AbortController} */
let lifetime;
/** @type {FakeApi} */
let api;
/** What the page is told about streams, in order. @type {string[]} */
let told;
/** @type {Ticket} */
let ticket;

beforeEach(() => {
  FakeSocket.all = [];
  FakeConnection.all = [];
  lifetime = new AbortController();
  api = new FakeApi();
  told = [];
  stopTime();
  mock.method(Math, 'random', () => 0.5);
  mock.method(console, 'error', () => undefined);
  Object.assign(globalThis, {
    RTCPeerConnection: FakeConnection,
    MediaStream: class { name = `stream ${FakeConnection.all.length}`; },
  });
});
afterEach(() => {
  lifetime.abort();
  mock.restoreAll();
});

const sentBy = (/** @type {FakeSocket} */ socket, /** @type {string} */ type) => socket.sent.filter((one) => one.type === type);
const helloOf = (/** @type {FakeSocket} */ socket) => sentBy(socket, 'hello')[0];
const urls = () => FakeSocket.all.map((socket) => socket.url);

/** @param {object} [more] of the door */
async function visitRoom(more = {}, socketUrl = HOME) {
  api.answers.room = [roomView('live')];
  api.answers.door = [{
    state: 'live', mode: 'normal', server_time_ms: 0, hearing: 2, connected: 3, in_line: 0, turned_away: 0, moved: 0,
    seats_free: true, poll_ms: 4 * SECOND_MS, ...more,
  }];
  ticket = new Ticket('evening', new FakeStorage());
  const visit = new Visit({
    slug: 'evening', api, ticket, socketUrl, lifetime: lifetime.signal, createSocket: (url) => new FakeSocket(url),
  });
  for (const kind of ['track', 'prepare', 'switch']) {
    listen(visit, kind, (/** @type {any} */ stream) => told.push(`${kind} ${stream.name}`));
  }
  visit.start();
  await pass(STEP_MS);
  return visit;
}

/** In reply to the hello of the newest socket. @param {string} url @param {object} [more] */
function sendTo(url, more = {}) {
  const socket = FakeSocket.last;
  socket.open();
  socket.receive({ type: 'refused', ref: 'r1', reason: 'elsewhere', message: 'there', retry_after_ms: 0, elsewhere: { url, ...more } });
}

/** The newest node welcomes and seats; its sound comes. @param {string} letter of the ticket that it gives */
async function admit(letter) {
  welcome('live');
  await pass(STEP_MS);
  const socket = FakeSocket.last;
  socket.receive({ type: 'answer', sdp: 'answer', ticket: ticketOf(letter), ref: sentBy(socket, 'offer').at(-1).ref });
  await pass(STEP_MS);
  const connection = FakeConnection.last;
  connection.ontrack?.({ track: {} });
  connection.become('connected');
  await play(SECOND_MS);
}

/** Packets come to all connections that stand. @param {number} durationMs */
const play = (durationMs) => pass(durationMs, () => {
  for (const connection of FakeConnection.all) if (!connection.closed && connection.connectionState === 'connected') connection.packets += 10;
});

/** @param {string} [letter] */
async function hearElsewhere(letter = 's') {
  const visit = await visitRoom();
  visit.want();
  sendTo('http://a.example');
  await admit(letter);
  assert.equal(visit.state, 'hearing');
  return visit;
}

test('sent elsewhere in reply to the hello: goes there at once, with ticket and region', async () => {
  const visit = await visitRoom();
  visit.want();
  sendTo('http://a.example', { ticket: ticketOf('e'), region: 'eu-1' });
  assert.deepEqual(urls(), [HOME, 'ws://a.example/ws']);
  assert.equal(visit.state, 'connecting');
  assert.equal(FakeSocket.all[0]?.readyState, 3);
  await admit('s');
  assert.equal(visit.state, 'hearing');
  assert.deepEqual(helloOf(FakeSocket.last), { type: 'hello', ref: 'r2', room: 'evening', as: 'listener', token: ticketOf('e'), region: 'eu-1' });
  assert.equal(ticket.value, ticketOf('s'));
  assert.equal(api.asked.length, 0);
});

test('sent elsewhere in reply to the offer: goes there with the ticket it had', async () => {
  const visit = await visitRoom();
  ticket.keep(ticketOf('k'));
  visit.want();
  welcome('live');
  await pass(STEP_MS);
  const socket = FakeSocket.last;
  socket.receive({ type: 'refused', ref: sentBy(socket, 'offer')[0].ref, reason: 'elsewhere', message: 'there', elsewhere: { url: 'http://a.example' } });
  await admit('s');
  assert.equal(visit.state, 'hearing');
  assert.equal(helloOf(FakeSocket.last).token, ticketOf('k'));
  assert.equal(helloOf(FakeSocket.last).region, undefined);
});

test('three hops in a row, not four: then it rests 1 to 2.5 s and begins at home', async () => {
  const visit = await visitRoom();
  visit.want();
  for (const name of ['a', 'b', 'c', 'd']) sendTo(`http://${name}.example`, name === 'a' ? { region: 'eu' } : {});
  assert.deepEqual(urls(), [HOME, 'ws://a.example/ws', 'ws://b.example/ws', 'ws://c.example/ws']);
  assert.equal(helloOf(/** @type {FakeSocket} */ (FakeSocket.all[3])).region, 'eu');
  assert.equal(visit.seat?.signal.status.state, 'waiting');
  visit.hurry();
  tick(1_700); /* 1 s and half of the spread of 1.5 s */
  assert.equal(FakeSocket.all.length, 4);
  tick(100);
  assert.equal(FakeSocket.last.url, HOME);
  sendTo('http://d.example');
  assert.equal(FakeSocket.last.url, 'ws://d.example/ws');
  assert.equal(helloOf(/** @type {FakeSocket} */ (FakeSocket.all[4])).region, undefined);
  await admit('s');
  assert.equal(visit.state, 'hearing');
});

test('a node that is lost, or never answers, leads home with the newest ticket', async () => {
  const visit = await hearElsewhere('s');
  FakeSocket.last.fail();
  assert.equal(visit.state, 'hearing');
  await play(500);
  assert.equal(FakeSocket.last.url, HOME);
  sendTo('http://b.example');
  assert.equal(helloOf(/** @type {FakeSocket} */ (FakeSocket.all.at(-2))).token, ticketOf('s'));
  await pass(5 * SECOND_MS); /* no welcome */
  await pass(SECOND_MS);
  assert.equal(FakeSocket.last.url, HOME);
  await admit('n');
  assert.equal(visit.state, 'hearing');
});

test('a node that says good-bye with a long time is not waited for', async () => {
  await hearElsewhere();
  FakeSocket.last.receive({ type: 'bye', reason: 'closing', retry_after_ms: 60 * SECOND_MS });
  await pass(SECOND_MS);
  assert.equal(FakeSocket.last.url, HOME);
});

test('a node that is just gone: 1.5 s without a packet, then home; no ICE restart there', async () => {
  const visit = await hearElsewhere();
  const { offers } = FakeConnection.last;
  await pass(1_250);
  assert.equal(FakeSocket.all.length, 2);
  await pass(1_000);
  assert.equal(FakeSocket.last.url, HOME);
  assert.equal(visit.state, 'reconnecting');
  assert.equal(offers.length, 1);
  await admit('n');
  assert.equal(visit.state, 'hearing');
  assert.equal(helloOf(FakeSocket.last).token, ticketOf('s'));
});

test('a page that was suspended waits for packets again before it judges', async () => {
  await hearElsewhere();
  const sockets = FakeSocket.all.length;
  const late = performance.now() + 60 * SECOND_MS;
  const now = performance.now;
  mock.method(performance, 'now', () => now() + 60 * SECOND_MS);
  await pass(750);
  await play(2 * SECOND_MS);
  assert.ok(performance.now() > late);
  assert.equal(FakeSocket.all.length, sockets);
  await pass(2_250);
  assert.equal(FakeSocket.last.url, HOME);
});

test('an address that is not followed: says so and asks at home later', async () => {
  const visit = await visitRoom({}, 'wss://home.example/ws');
  visit.want();
  sendTo('http://a.example');
  assert.equal(visit.state, 'refused');
  assert.equal(visit.line.refusal?.reason, 'elsewhere');
  assert.equal(FakeSocket.all.length, 1);
  api.answers.askLine = [{ answer: 'seat', ticket: ticketOf('g'), hold_ms: 10_000 }];
  await pass(12 * SECOND_MS);
  assert.deepEqual(urls(), ['wss://home.example/ws', 'wss://home.example/ws']);
});

test('the line sends elsewhere: begins there, and goes home when that fails', async () => {
  const visit = await visitRoom({ seats_free: false });
  api.answers.askLine = [{ answer: 'elsewhere', url: 'http://a.example', ticket: ticketOf('e') }];
  visit.want();
  await pass(STEP_MS);
  assert.deepEqual(urls(), ['ws://a.example/ws']);
  FakeSocket.last.open();
  assert.equal(helloOf(FakeSocket.last).token, ticketOf('e'));
  assert.equal(ticket.value, ticketOf('e'));
  FakeSocket.last.fail();
  await pass(SECOND_MS);
  assert.equal(FakeSocket.last.url, HOME);
  await admit('s');
  assert.equal(visit.state, 'hearing');
});

test('the line sends to an address that is not followed', async () => {
  const visit = await visitRoom({ seats_free: false });
  api.answers.askLine = [{ answer: 'elsewhere', url: 'http://a.example/x' }];
  visit.want();
  await pass(STEP_MS);
  assert.equal(visit.state, 'refused');
  assert.deepEqual(urls(), []);
});

/** A node wants to be left, and the time for it has come. */
async function beginMove() {
  const visit = await hearElsewhere('s');
  const [first] = [FakeSocket.last];
  first.receive({ type: 'bye', reason: 'moving', retry_after_ms: 2 * SECOND_MS });
  await play(1_750);
  assert.equal(FakeSocket.all.length, 2);
  await play(SECOND_MS);
  assert.equal(FakeSocket.last.url, HOME);
  return { visit, first };
}

test('moving: the first plays until the second one hears, then only that one', async () => {
  const { visit, first } = await beginMove();
  assert.equal(visit.state, 'hearing');
  sendTo('http://b.example', { ticket: ticketOf('b') });
  welcome('live');
  assert.equal(helloOf(FakeSocket.last).token, ticketOf('b'));
  await play(STEP_MS);
  FakeSocket.last.receive({ type: 'answer', sdp: 'answer', ticket: ticketOf('n'), ref: sentBy(FakeSocket.last, 'offer')[0].ref });
  await play(STEP_MS);
  FakeConnection.last.ontrack?.({ track: {} });
  assert.deepEqual(told, ['track stream 1', 'prepare stream 2']);
  assert.equal(FakeConnection.all[0]?.closed, false);
  const states = new Set();
  listen(visit, 'change', () => states.add(visit.state), lifetime.signal);
  FakeConnection.last.become('connected');
  FakeSocket.last.receive({ type: 'audience', hearing: 9, connected: 9, at_least: true });
  assert.deepEqual(told.slice(2), []);
  await play(SECOND_MS);
  assert.deepEqual(told.slice(2), ['switch stream 2']);
  assert.equal(FakeConnection.all[0]?.closed, true);
  assert.equal(FakeConnection.last.closed, false);
  assert.equal(sentBy(first, 'leave').length, 1);
  assert.equal(first.readyState, 3);
  assert.deepEqual([...states], ['hearing']);
  assert.deepEqual(visit.counts, { hearing: 9, connected: 9, in_line: 0, turned_away: 0, at_least: true });
  FakeSocket.last.receive({ type: 'audience', hearing: 10, connected: 10 });
  assert.equal(visit.counts?.at_least, false);
  assert.equal(ticket.value, ticketOf('n'));
  const sockets = FakeSocket.all.length;
  await play(60 * SECOND_MS);
  assert.equal(FakeSocket.all.length, sockets);
});

test('moving: no seat yet, so the first plays on and it is tried again', async () => {
  const { visit } = await beginMove();
  FakeSocket.last.open();
  FakeSocket.last.receive({ type: 'refused', ref: 'r1', reason: 'full', message: 'no', retry_after_ms: 5 * SECOND_MS });
  assert.equal(visit.state, 'hearing');
  const sockets = FakeSocket.all.length;
  await play(4 * SECOND_MS);
  assert.equal(FakeSocket.all.length, sockets);
  await play(3 * SECOND_MS);
  assert.equal(FakeSocket.all.length, sockets + 1);
  await admit('n');
  assert.equal(visit.state, 'hearing');
  assert.equal(told.at(-1), `switch stream ${FakeConnection.all.length}`);
});

test('moving: the node ends its socket, the sound goes on, nothing else is asked', async () => {
  const visit = await hearElsewhere('s');
  FakeSocket.last.receive({ type: 'bye', reason: 'moving', retry_after_ms: 20 * SECOND_MS });
  FakeSocket.last.fail();
  await play(10 * SECOND_MS);
  assert.equal(visit.state, 'hearing');
  assert.equal(FakeSocket.all.length, 2);
  await play(15 * SECOND_MS);
  assert.equal(FakeSocket.all.length, 3);
});

test('moving: lost before its time is a loss as any other', async () => {
  const visit = await hearElsewhere('s');
  FakeSocket.last.receive({ type: 'bye', reason: 'moving', retry_after_ms: 20 * SECOND_MS });
  FakeSocket.last.fail();
  await pass(2_500);
  assert.equal(FakeSocket.last.url, HOME);
  await admit('n');
  assert.equal(visit.state, 'hearing');
  const sockets = FakeSocket.all.length;
  await play(30 * SECOND_MS);
  assert.equal(FakeSocket.all.length, sockets);
});

test('moving: lost while the second one is on its way, that one takes over as it is', async () => {
  const { visit, first } = await beginMove();
  const sockets = FakeSocket.all.length;
  FakeConnection.last.become('failed');
  assert.equal(visit.state, 'connecting');
  assert.equal(first.readyState, 3);
  await admit('n');
  assert.equal(visit.state, 'hearing');
  assert.equal(FakeSocket.all.length, sockets);
  assert.equal(told.at(-1), 'track stream 2');
});

test('moving: stop ends both', async () => {
  const { visit, first } = await beginMove();
  const second = FakeSocket.last;
  visit.stop();
  assert.equal(visit.state, 'idle');
  assert.deepEqual([first.readyState, second.readyState], [3, 3]);
  await pass(30 * SECOND_MS);
  assert.equal(FakeSocket.last, second);
});

test('moving: a place at home is left in the same way', async () => {
  const visit = await visitRoom();
  visit.want();
  await admit('s');
  FakeSocket.last.receive({ type: 'bye', reason: 'moving', retry_after_ms: SECOND_MS });
  await play(1_500);
  sendTo('http://b.example');
  await admit('n');
  assert.equal(visit.state, 'hearing');
  assert.deepEqual(told, ['track stream 1', 'prepare stream 2', 'switch stream 2']);
});
