import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { ApiError } from '../js/api.js';
import { Ticket } from '../js/ticket.js';
import { Visit } from '../js/visit.js';
import { pass, STEP_MS, stopTime } from './clock.js';
import { FakeApi, FakeConnection, FakeSocket, FakeStorage, roomView, welcome } from './fakes.js';

const SECOND_MS = 1_000;
const ticketOf = (/** @type {string} */ letter) => letter.repeat(51);

/** @type {AbortController} */
let lifetime;
/** @type {FakeApi} */
let api;
/** @type {FakeStorage} */
let storage;

beforeEach(() => {
  FakeSocket.all = [];
  FakeConnection.all = [];
  lifetime = new AbortController();
  api = new FakeApi();
  storage = new FakeStorage();
  stopTime();
  mock.method(Math, 'random', () => 0.5);
  Object.assign(globalThis, { RTCPeerConnection: FakeConnection, MediaStream: class {} });
});
afterEach(() => {
  lifetime.abort();
  mock.restoreAll();
});

/** @param {string} state @param {object} [more] */
const door = (state, more = {}) => ({
  state, mode: 'normal', server_time_ms: Date.now(), hearing: 2, connected: 3, in_line: 0, turned_away: 0,
  moved: 0, seats_free: true, poll_ms: 4 * SECOND_MS, ...more,
});
const inLine = (/** @type {number} */ place, /** @type {number} */ retryAfterMs) => ({
  answer: 'line', state: 'live', retry_after_ms: retryAfterMs, line: { ticket: ticketOf('a'), place, in_line: 3 },
});
const seat = (/** @type {string} */ letter) => ({ answer: 'seat', ticket: ticketOf(letter), hold_ms: 10_000 });
const PUBLISHED = { ...roomView('published'), publication: { url: '/r/evening/recording.opus', bytes: 1, duration_ms: 1 } };

/** @param {string} state @param {object} [more] of the door */
async function visitRoom(state, more) {
  api.answers.room = [roomView(state)];
  api.answers.door = [door(state, more)];
  const ticket = new Ticket('evening', storage);
  const visit = new Visit({
    slug: 'evening', api, ticket, socketUrl: 'ws://test', lifetime: lifetime.signal, createSocket: () => new FakeSocket(),
  });
  visit.start();
  await pass(STEP_MS);
  return { visit, ticket };
}

/** The server welcomes and seats whoever asked. @param {string} [letter] of the ticket that it gives */
async function admit(letter = 's') {
  welcome('live');
  await pass(STEP_MS);
  reply({ type: 'answer', sdp: 'answer', ticket: ticketOf(letter) });
  await pass(STEP_MS);
  FakeConnection.last.become('connected');
  await pass(SECOND_MS, () => (FakeConnection.last.packets += 10));
}

/** @param {object} message to the newest offer */
function reply(message) {
  FakeSocket.last.receive({ ...message, ref: FakeSocket.last.sent.findLast((one) => one.type === 'offer').ref });
}

const helloOf = (/** @type {FakeSocket} */ socket) => socket.sent.find((one) => one.type === 'hello');

test('whoever only looks holds no socket and no place; the door is polled as it wishes, with jitter', async () => {
  const { visit } = await visitRoom('scheduled');
  assert.equal(visit.state, 'scheduled');
  await pass(20 * SECOND_MS);
  assert.equal(api.looks, 5); /* 4 s and a half of the spread of 2 s */
  assert.equal(FakeSocket.all.length, 0);
  assert.deepEqual(api.asked, []);
});

test('free seats: a click leads to a socket at once, with the ticket of this tab', async () => {
  new Ticket('evening', storage).keep(ticketOf('k'));
  const { visit } = await visitRoom('live');
  assert.equal(visit.state, 'idle');
  visit.want();
  assert.equal(visit.state, 'connecting');
  await admit();
  assert.equal(visit.state, 'hearing');
  assert.equal(helloOf(FakeSocket.last).token, ticketOf('k'));
  assert.deepEqual(api.asked, []);
  const looks = api.looks;
  await pass(30 * SECOND_MS, () => (FakeConnection.last.packets += 10));
  assert.equal(api.looks, looks); /* whoever is seated hears it all from the socket */
});

test('no seats: a place, then a seat by itself, with the ticket that was given for it', async () => {
  const { visit, ticket } = await visitRoom('live', { seats_free: false });
  api.answers.askLine = [inLine(2, 3 * SECOND_MS), seat('g')];
  visit.want();
  await pass(SECOND_MS);
  assert.equal(visit.state, 'line');
  assert.equal(visit.line.placeNow, 2);
  assert.equal(FakeSocket.all.length, 0);
  await pass(3 * SECOND_MS);
  assert.equal(visit.state, 'connecting');
  await admit();
  assert.equal(visit.state, 'hearing');
  assert.equal(helloOf(FakeSocket.last).token, ticketOf('g'));
  assert.equal(ticket.value, ticketOf('s'));
});

test('waiting before the doors open is a place in line', async () => {
  const { visit } = await visitRoom('scheduled');
  api.answers.askLine = [inLine(1, 3 * SECOND_MS), seat('g')];
  visit.want();
  await pass(SECOND_MS);
  assert.equal(visit.state, 'line');
  assert.equal(visit.room?.state, 'scheduled');
  await pass(3 * SECOND_MS);
  assert.equal(visit.state, 'connecting');
});

test('refused with a place: the socket ends, the line goes on from there', async () => {
  const { visit, ticket } = await visitRoom('live');
  visit.want();
  welcome('live');
  await pass(STEP_MS);
  api.answers.askLine = [seat('g')];
  reply({ type: 'refused', reason: 'line', message: 'wait', line: inLine(7, 0).line, retry_after_ms: 5 * SECOND_MS });
  FakeSocket.last.fail();
  assert.equal(visit.state, 'line');
  assert.equal(visit.line.placeNow, 7);
  assert.equal(ticket.value, ticketOf('a'));
  await pass(4.5 * SECOND_MS);
  assert.equal(FakeSocket.all.length, 1);
  assert.deepEqual(api.asked, []);
  await pass(SECOND_MS);
  assert.deepEqual(api.asked, [ticketOf('a')]);
  assert.equal(FakeSocket.all.length, 2);
});

test('refused in reply to the hello: no second socket comes of it', async () => {
  const { visit } = await visitRoom('live');
  visit.want();
  FakeSocket.last.open();
  FakeSocket.last.receive({ type: 'refused', ref: 'r1', reason: 'overload', message: 'no', retry_after_ms: 10 * SECOND_MS });
  assert.equal(visit.state, 'refused');
  api.answers.askLine = [inLine(1, 60 * SECOND_MS)];
  await pass(9 * SECOND_MS);
  assert.deepEqual(api.asked, []);
  await pass(4 * SECOND_MS);
  assert.deepEqual(api.asked, ['']);
  assert.equal(FakeSocket.all.length, 1);
  assert.equal(visit.state, 'line');
});

test('a lost socket and a restarted server: back with the newest ticket, by itself', async () => {
  const { visit } = await visitRoom('live');
  visit.want();
  await admit('s');
  FakeSocket.last.fail();
  await pass(2 * SECOND_MS);
  welcome('live');
  assert.equal(helloOf(FakeSocket.last).token, ticketOf('s'));
  await pass(STEP_MS);
  reply({ type: 'answer', sdp: 'answer', ticket: ticketOf('n') });
  FakeSocket.last.receive({ type: 'bye', reason: 'closing', retry_after_ms: SECOND_MS });
  await pass(3 * SECOND_MS);
  await admit();
  assert.equal(helloOf(FakeSocket.last).token, ticketOf('n'));
  assert.equal(visit.state, 'hearing');
});

test('shed: says why, stands in line with the ticket of the seat, is seated again by itself', async () => {
  const { visit } = await visitRoom('live');
  visit.want();
  await admit('s');
  api.answers.askLine = [inLine(1, 3 * SECOND_MS), seat('g')];
  FakeSocket.last.receive({ type: 'media', state: 'lost', cause: 'shed' });
  assert.equal(visit.state, 'line');
  assert.equal(visit.wasShed, true);
  assert.equal(FakeConnection.last.closed, true);
  await pass(2 * SECOND_MS);
  assert.equal(visit.state, 'line');
  assert.deepEqual(api.asked, [ticketOf('s')]);
  await pass(4 * SECOND_MS);
  await admit();
  assert.equal(visit.state, 'hearing');
  assert.equal(visit.wasShed, false);
});

test('another tab took the seat: says so, and takes it back only by hand', async () => {
  const { visit } = await visitRoom('live');
  visit.want();
  await admit('s');
  FakeSocket.last.receive({ type: 'bye', reason: 'replaced' });
  assert.equal(visit.state, 'replaced');
  await pass(60 * SECOND_MS);
  assert.equal(FakeSocket.all.length, 1);
  assert.deepEqual(api.asked, []);
  visit.want();
  await admit();
  assert.equal(visit.state, 'hearing');
  assert.equal(helloOf(FakeSocket.last).token, ticketOf('s'));
});

test('in line while the room ends: the recording comes to this page by itself', async () => {
  const { visit, ticket } = await visitRoom('live', { seats_free: false });
  api.answers.askLine = [inLine(9, 30 * SECOND_MS)];
  visit.want();
  await pass(SECOND_MS);
  api.answers.door = [door('ended', { seats_free: false })];
  await pass(7 * SECOND_MS);
  assert.equal(visit.state, 'ended');
  assert.equal(ticket.standing, false);
  api.answers.room = [new ApiError({ status: 503, code: 'overload' }), PUBLISHED];
  api.answers.door = [door('published', { publication: PUBLISHED.publication })];
  await pass(7 * SECOND_MS);
  assert.equal(visit.state, 'published');
  assert.equal(visit.room?.publication?.url, '/r/evening/recording.opus');
  const looks = api.looks;
  await pass(60 * SECOND_MS);
  assert.equal(api.looks, looks);
  assert.equal(api.asked.length, 1);
});

test('the line says that it is over before the door does', async () => {
  const { visit } = await visitRoom('live', { seats_free: false });
  api.answers.askLine = [new ApiError({ status: 409, code: 'over' })];
  api.answers.room = [roomView('ended')];
  visit.want();
  await pass(SECOND_MS);
  assert.equal(visit.state, 'ended');
  api.answers.room = [PUBLISHED];
  api.answers.door = [door('published')];
  await pass(7 * SECOND_MS);
  assert.equal(visit.state, 'published');
});

test('a reload goes on with the place in line, not with a seat', async () => {
  const first = await visitRoom('live', { seats_free: false });
  api.answers.askLine = [inLine(9, 30 * SECOND_MS)];
  first.visit.want();
  await pass(SECOND_MS);
  lifetime.abort();
  lifetime = new AbortController();
  const { visit } = await visitRoom('live', { seats_free: false });
  assert.equal(visit.state, 'line');
  assert.deepEqual(api.asked, ['', ticketOf('a')]);
  api.answers.askLine = [seat('g')];
  await pass(31 * SECOND_MS);
  await admit('s');
  lifetime.abort();
  lifetime = new AbortController();
  const again = await visitRoom('live');
  assert.equal(again.visit.state, 'idle');
  assert.equal(again.ticket.value, ticketOf('s'));
});

test('stop gives up seat or place; the door is looked at again', async () => {
  const { visit } = await visitRoom('live');
  visit.want();
  await admit('s');
  visit.stop();
  assert.equal(visit.state, 'idle');
  assert.equal(FakeSocket.last.sent.at(-1).type, 'leave');
  await pass(STEP_MS);
  api.answers.askLine = [inLine(2, 30 * SECOND_MS)];
  api.answers.door = [door('live', { seats_free: false })];
  await pass(7 * SECOND_MS);
  visit.want();
  await pass(SECOND_MS);
  assert.deepEqual(api.asked, [ticketOf('s')]);
  visit.stop();
  assert.equal(visit.state, 'idle');
  assert.deepEqual(api.left, [ticketOf('a')]);
});

test('no room at this address', async () => {
  const missing = new ApiError({ status: 404, code: 'unknown_room' });
  const { visit } = await visitRoom('live');
  api.answers.door = [missing];
  await pass(7 * SECOND_MS);
  assert.equal(visit.state, 'unknown');
  const looks = api.looks;
  await pass(60 * SECOND_MS);
  assert.equal(api.looks, looks);
});

test('a server out of reach is looked for again and again, and the page is right when it answers', async () => {
  api.answers.room = api.answers.door = [new ApiError({ status: 0, code: 'network' })];
  const visit = new Visit({
    slug: 'evening', api, ticket: new Ticket('evening', storage), socketUrl: '', lifetime: lifetime.signal,
  });
  visit.start();
  await pass(60 * SECOND_MS);
  assert.equal(visit.state, 'loading');
  assert.equal(visit.door.offline, true);
  assert.ok(api.looks >= 4 && api.looks <= 20, String(api.looks));
  api.answers.room = [roomView('live')];
  api.answers.door = [door('live')];
  visit.hurry();
  await pass(SECOND_MS);
  assert.equal(visit.state, 'idle');
  assert.equal(visit.door.offline, false);
});

test('a door out of a cache neither turns the clock back nor the room', async () => {
  const { visit } = await visitRoom('live');
  api.answers.door = [door('doors_open', { server_time_ms: Date.now() - 5 * SECOND_MS })];
  await pass(7 * SECOND_MS);
  assert.equal(visit.room?.state, 'live');
  assert.equal(visit.nowMs() - Date.now(), visit.door.clockOffsetMs);
  assert.ok(visit.door.clockOffsetMs > -STEP_MS * 2, String(visit.door.clockOffsetMs));
});

test('whose network is excluded while they hear is told so, and their page asks nobody any more', async () => {
  const { visit } = await visitRoom('live');
  visit.want();
  await admit();
  FakeSocket.last.receive({ type: 'bye', reason: 'banned' });
  await pass(STEP_MS);
  assert.equal(visit.state, 'refused');
  assert.equal(visit.line.refusal?.reason, 'banned');
  assert.equal(visit.line.refusal?.retryAtMs, null);
  await pass(120 * SECOND_MS);
  assert.equal(visit.state, 'refused');
  assert.equal(FakeSocket.all.length, 1);
  assert.deepEqual(api.asked, []);
});

test('whose network is excluded hears of it as answer to hello, and in line', async () => {
  const { visit } = await visitRoom('live');
  visit.want();
  await pass(STEP_MS);
  FakeSocket.last.open();
  FakeSocket.last.receive({ type: 'refused', ref: FakeSocket.last.sent[0].ref, reason: 'banned', message: 'no' });
  await pass(STEP_MS);
  assert.equal(visit.line.refusal?.reason, 'banned');
  await pass(120 * SECOND_MS);
  assert.equal(FakeSocket.all.length, 1);
  api.answers.door = [door('live', { seats_free: false })];
  await pass(30 * SECOND_MS);
  api.answers.askLine = [new ApiError({ status: 403, code: 'banned' })];
  visit.want();
  await pass(120 * SECOND_MS);
  assert.equal(visit.state, 'refused');
  assert.equal(visit.line.refusal?.reason, 'banned');
  assert.equal(api.asked.length, 1);
});
