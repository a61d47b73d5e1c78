import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { ApiError } from '../js/api.js';
import { Line } from '../js/line.js';
import { passOf, Ticket } from '../js/ticket.js';
import { isWorthSaying, waitWords } from '../js/wait-words.js';
import { pass, STEP_MS, stopTime } from './clock.js';
import { FakeApi, FakeStorage } from './fakes.js';

const SECOND_MS = 1_000;
const ticketOf = (/** @type {string} */ letter) => letter.repeat(51);
const NETWORK = new ApiError({ status: 0, code: 'network' });

/** @type {AbortController} */
let lifetime;
/** @type {FakeApi} */
let api;
/** @type {FakeStorage} */
let storage;
/** @type {string[]} */
let events;

beforeEach(() => {
  lifetime = new AbortController();
  api = new FakeApi();
  storage = new FakeStorage();
  events = [];
  stopTime();
  mock.method(Math, 'random', () => 0.5);
});
afterEach(() => {
  lifetime.abort();
  mock.restoreAll();
});

/** @param {number} place @param {number} retryAfterMs @param {string} [letter] */
const inLine = (place, retryAfterMs, letter = 'a') => ({
  answer: 'line', state: 'live', retry_after_ms: retryAfterMs,
  line: { ticket: ticketOf(letter), place, in_line: 300, wait: { from_s: 40, to_s: 90 } },
});
const door = (/** @type {number} */ moved, /** @type {'scheduled'|'doors_open'|'live'} */ state = 'live') => ({ moved, state });
const seat = (/** @type {string} */ letter) => ({ answer: 'seat', ticket: ticketOf(letter), hold_ms: 10_000 });

function makeLine() {
  const ticket = new Ticket('evening', storage);
  const line = new Line('evening', api, ticket, lifetime.signal);
  for (const type of ['seat', 'over']) line.addEventListener(type, () => events.push(type));
  return { line, ticket };
}

test('a newcomer gets a place, checks in when told and not before, each time with the newest ticket', async () => {
  const { line } = makeLine();
  api.answers.askLine = [inLine(17, 4 * SECOND_MS, 'a'), inLine(9, 20 * SECOND_MS, 'b'), seat('c')];
  line.enter();
  assert.equal(line.state, 'asking');
  await pass(SECOND_MS);
  assert.equal(line.state, 'waiting');
  assert.equal(line.placeNow, 17);
  await pass(2.75 * SECOND_MS);
  assert.equal(api.asked.length, 1);
  await pass(SECOND_MS);
  assert.equal(line.placeNow, 9);
  await pass(30 * SECOND_MS);
  assert.deepEqual(api.asked, ['', ticketOf('a'), ticketOf('b')]);
  /* The first answer was read one step of the clock after its question. */
  assert.deepEqual(api.askedAtMs, [0, 4 * SECOND_MS + STEP_MS, 24 * SECOND_MS + STEP_MS]);
  assert.deepEqual(events, ['seat']);
  assert.equal(line.state, 'idle');
});

test('a seat ends the line: the ticket of the seat is kept, nobody asks again', async () => {
  const { line, ticket } = makeLine();
  api.answers.askLine = [seat('s')];
  line.enter();
  await pass(60 * SECOND_MS);
  assert.equal(ticket.value, ticketOf('s'));
  assert.equal(api.asked.length, 1);
  assert.deepEqual(api.left, []);
});

test('without a network the place stays and is asked for within two minutes, again and again', async () => {
  const { line, ticket } = makeLine();
  mock.method(Math, 'random', () => 0.999);
  api.answers.askLine = [inLine(17, 4 * SECOND_MS), NETWORK];
  line.enter();
  await pass(300 * SECOND_MS);
  assert.equal(line.state, 'waiting');
  assert.equal(line.offline, true);
  assert.equal(line.placeNow, 17);
  assert.equal(ticket.value, ticketOf('a'));
  const pauses = api.askedAtMs.slice(1).map((atMs, i) => atMs - Number(api.askedAtMs[i]));
  assert.ok(Math.max(...pauses) <= 60 * SECOND_MS, String(pauses));
  api.answers.askLine = [inLine(3, 2 * SECOND_MS, 'b')];
  line.hurry();
  await pass(SECOND_MS);
  assert.equal(line.offline, false);
  assert.equal(line.placeNow, 3);
  assert.equal(api.asked.at(-1), ticketOf('a'));
});

test('an answer that is none counts as a lost network, not as a lost place', async () => {
  const { line, ticket } = makeLine();
  api.answers.askLine = [inLine(17, SECOND_MS)];
  line.enter();
  await pass(500);
  for (const wrong of [null, {}, [], { answer: 'seat' }, { answer: 'tree' }, { answer: 'line' },
    { answer: 'line', line: { ticket: 7, place: 1, in_line: 1 } },
    { answer: 'line', line: { ticket: ticketOf('x'), place: 0, in_line: 1 } },
    { answer: 'line', line: { ticket: ticketOf('x'), place: 'first', in_line: 1 } }]) {
    api.answers.askLine = [/** @type {any} */ (wrong)];
    await pass(40 * SECOND_MS);
    assert.equal(line.offline, true, JSON.stringify(wrong));
    assert.equal(line.placeNow, 17);
    assert.equal(ticket.value, ticketOf('a'));
  }
  assert.deepEqual(events, []);
});

test('an appointment that is missing, or out of all measure, neither floods nor loses the place', async () => {
  const { line } = makeLine();
  for (const wrong of [undefined, Number.NaN, 1e12]) {
    api.asked = [];
    api.answers.askLine = [inLine(5, /** @type {any} */ (wrong))];
    line.enter();
    await pass(100 * SECOND_MS);
    assert.equal(api.asked.length, 2, String(wrong));
    line.rest();
  }
  api.asked = [];
  api.answers.askLine = [inLine(1, 0)];
  line.enter();
  await pass(10 * SECOND_MS);
  assert.ok(api.asked.length <= 50, String(api.asked.length));
});

test('a page that slept checks in when it is looked at, but only if its time has passed', async () => {
  const { line } = makeLine();
  api.answers.askLine = [inLine(17, 30 * SECOND_MS)];
  line.enter();
  await pass(10 * SECOND_MS);
  line.catchUp();
  assert.equal(api.asked.length, 1);
  const laterMs = Date.now() + 25 * SECOND_MS;
  mock.method(Date, 'now', () => laterMs); /* the clock went on, the timer did not */
  line.catchUp();
  assert.equal(api.asked.length, 2);
});

test('between check-ins the place moves with the door, never under 1', async () => {
  const { line } = makeLine();
  api.answers.askLine = [inLine(17, 60 * SECOND_MS)];
  line.see(door(999)); /* before there was a place */
  line.enter();
  await pass(SECOND_MS);
  line.see(door(1_000)); /* the first look after the check-in */
  assert.equal(line.placeNow, 17);
  line.see(door(1_005));
  assert.equal(line.placeNow, 12);
  line.see(door(Number.NaN));
  assert.equal(line.placeNow, 12);
  line.see(door(1_400));
  assert.equal(line.placeNow, 1);
  line.see(door(900)); /* another server, or an old answer */
  assert.equal(line.placeNow, 17);
});

test('doors that were opened by hand: whoever waited for them asks as soon as the door is seen open, once', async () => {
  const { line } = makeLine();
  const closed = { ...inLine(1, 35 * SECOND_MS), state: 'scheduled' };
  api.answers.askLine = [closed, inLine(1, 3 * SECOND_MS, 'b'), seat('s')];
  line.enter();
  await pass(5 * SECOND_MS);
  line.see(door(0, 'scheduled'));
  assert.equal(api.asked.length, 1);
  line.see(door(0, 'doors_open'));
  line.see(door(0, 'doors_open'));
  assert.equal(api.asked.length, 2);
  await pass(SECOND_MS);
  line.see(door(0, 'live'));
  assert.equal(api.asked.length, 2);
  await pass(3 * SECOND_MS);
  assert.deepEqual(events, ['seat']);
});

test('too many from here, overload: asked again when the server says, at the soonest', async () => {
  const { line } = makeLine();
  for (const [code, status] of /** @type {[string, number][]} */ ([['too_many_here', 429], ['overload', 503], ['closing', 503]])) {
    api.asked = [];
    api.answers.askLine = [new ApiError({ status, code, retryAfterMs: 20 * SECOND_MS }), inLine(4, 30 * SECOND_MS)];
    line.enter();
    await pass(SECOND_MS);
    assert.equal(line.state, 'refused');
    assert.equal(line.refusal?.reason, code);
    await pass(18.75 * SECOND_MS);
    assert.equal(api.asked.length, 1);
    await pass(5 * SECOND_MS);
    assert.equal(api.asked.length, 2);
    assert.equal(line.state, 'waiting');
    line.leave();
  }
});

test('put off with a ticket: asked again with it, for it keeps the turn', async () => {
  const { line, ticket } = makeLine();
  api.answers.askLine = [
    new ApiError({ status: 503, code: 'overload', retryAfterMs: 5 * SECOND_MS, ticket: ticketOf('q') }),
    new ApiError({ status: 503, code: 'overload', retryAfterMs: 5 * SECOND_MS }), inLine(4, 30 * SECOND_MS),
  ];
  line.enter();
  await pass(20 * SECOND_MS);
  assert.deepEqual(api.asked, ['', ticketOf('q'), ticketOf('q')]);
  assert.equal(ticket.value, ticketOf('a'));
  line.leave();
});

test('a line that is full is not asked again by itself', async () => {
  const { line } = makeLine();
  api.answers.askLine = [new ApiError({ status: 503, code: 'full' })];
  line.enter();
  await pass(300 * SECOND_MS);
  assert.equal(api.asked.length, 1);
  assert.deepEqual(line.refusal, { reason: 'full', retryAtMs: null });
  line.enter();
  assert.equal(api.asked.length, 2);
});

test('the room is over: the line ends and says so', async () => {
  const { line, ticket } = makeLine();
  api.answers.askLine = [inLine(17, SECOND_MS), new ApiError({ status: 409, code: 'over' })];
  line.enter();
  assert.equal(ticket.standing, true);
  await pass(10 * SECOND_MS);
  assert.deepEqual(events, ['over']);
  assert.equal(line.state, 'idle');
  assert.equal(ticket.standing, false);
  assert.equal(api.asked.length, 2);
});

test('leaving gives the place up and forgets it, also one that is answered too late', async () => {
  const { line, ticket } = makeLine();
  api.answers.askLine = [inLine(17, SECOND_MS)];
  line.enter();
  line.leave(); /* the answer is still on its way */
  await pass(10 * SECOND_MS);
  assert.equal(line.state, 'idle');
  assert.deepEqual(api.left, [ticketOf('a')]);
  assert.equal(ticket.value, '');
  line.enter();
  await pass(500);
  line.leave();
  await pass(10 * SECOND_MS);
  assert.deepEqual(api.left, [ticketOf('a'), ticketOf('a')]);
  assert.equal(api.asked.length, 2);
});

test('a ticket outlives the page, and damage to the storage', () => {
  const { ticket } = makeLine();
  ticket.keep(ticketOf('a'));
  ticket.standing = true;
  const again = new Ticket('evening', storage);
  assert.equal(again.value, ticketOf('a'));
  assert.equal(again.standing, true);
  assert.equal(new Ticket('another', storage).value, '');
  storage.setItem('rostrum.ticket.evening', '<b>not a ticket</b>');
  assert.equal(new Ticket('evening', storage).value, '');
  const full = { getItem: () => null, setItem: () => { throw new Error('full'); }, removeItem: () => undefined };
  const without = new Ticket('evening', full);
  without.keep(ticketOf('b'));
  assert.equal(without.value, ticketOf('b'));
  without.keep('short');
  assert.equal(without.value, ticketOf('b'));
});

test('a pass counts as a ticket; opened again it does not cost the place that it brought', () => {
  const { ticket } = makeLine();
  const link = passOf(`#pass=${ticketOf('p')}`);
  assert.equal(link, ticketOf('p'));
  assert.equal(passOf(`#${ticketOf('p')}`), '');
  assert.equal(passOf('#pass=short'), '');
  assert.equal(passOf(`#pass=${ticketOf('p')}&x`), '');
  ticket.keepPass(link);
  assert.equal(ticket.value, ticketOf('p'));
  ticket.keep(ticketOf('a'));
  ticket.keepPass(link);
  assert.equal(ticket.value, ticketOf('a'));
  ticket.forget();
  assert.equal(ticket.value, ticketOf('p'));
  ticket.keepPass(ticketOf('q'));
  assert.equal(ticket.value, ticketOf('q'));
});

test('the wait is told as a range in the unit that fits', () => {
  const words = (/** @type {number} */ from_s, /** @type {number} */ to_s) => waitWords({ from_s, to_s });
  assert.equal(words(0, 5), 'It can be your turn at any moment.');
  assert.equal(words(20, 50), 'Expected wait: about 20 to 50 seconds.');
  assert.equal(words(120, 240), 'Expected wait: about 2 to 4 minutes.');
  assert.equal(words(40, 200), 'Expected wait: less than 4 minutes.');
  assert.equal(words(120, 120), 'Expected wait: about 2 minutes.');
  assert.equal(words(3_600, 10_800), 'Expected wait: about 1 to 3 hours.');
  assert.equal(words(172_800, 172_800), 'Expected wait: about 2 days.');
  assert.equal(waitWords(undefined), 'Nobody can know yet how long it takes.');
  assert.equal(words(Number.NaN, 3), 'Nobody can know yet how long it takes.');
});

test('a place is said aloud at the start, then every half minute, and near the front at once', () => {
  assert.equal(isWorthSaying(null, 300, 0), true);
  const said = { place: 300, atMs: 0 };
  assert.equal(isWorthSaying(said, 290, 29_000), false);
  assert.equal(isWorthSaying(said, 290, 30_000), true);
  assert.equal(isWorthSaying(said, 300, 90_000), false);
  assert.equal(isWorthSaying(said, 3, 3_000), true);
  assert.equal(isWorthSaying(said, 3, 2_000), false);
});
