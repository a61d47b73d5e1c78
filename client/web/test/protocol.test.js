import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { retryDelayMs, serverDelayMs } from '../js/backoff.js';
import { NoReply, parseServerMessage, Signal } from '../js/protocol.js';
import { RoomModel } from '../js/room-model.js';
import { stopTime, tick } from './clock.js';
import { FakeSocket, roomView, welcome } from './fakes.js';

const life = () => new AbortController();
/** @param {AbortController} lifetime @param {number} [random] @param {'host'|'listener'} [as] */
function makeSignal(lifetime, random = 0.5, as = 'listener') {
  return new Signal({
    url: 'ws://test/ws', hello: { room: 'evening', as }, lifetime: lifetime.signal,
    random: () => random, createSocket: () => new FakeSocket(),
  });
}

beforeEach(() => {
  FakeSocket.all = [];
  stopTime();
});
afterEach(() => mock.restoreAll());

test('full jitter stays below its cap and grows to 30 s', () => {
  assert.equal(retryDelayMs(0, () => 0.999), 499.5);
  assert.equal(retryDelayMs(3, () => 0.5), 2_000);
  assert.equal(retryDelayMs(50, () => 0.5), 15_000);
  assert.equal(retryDelayMs(9, () => 0), 0);
});

test('the server is never asked sooner than it wished', () => {
  assert.equal(serverDelayMs(4_000, () => 0), 4_000);
  assert.ok(serverDelayMs(4_000, () => 0.999) < 5_000);
});

test('unknown or broken messages are left aside', () => {
  assert.equal(parseServerMessage('{'), null);
  assert.equal(parseServerMessage('null'), null);
  assert.equal(parseServerMessage('{"type":"toString"}'), null);
  assert.equal(parseServerMessage('{"type":"bye","reason":"idle"}')?.type, 'bye');
});

test('says hello first and is open after the welcome', () => {
  const signal = makeSignal(life());
  assert.equal(signal.send({ type: 'leave' }), false);
  welcome('live');
  assert.deepEqual(FakeSocket.last.sent[0], { type: 'hello', ref: 'r1', room: 'evening', as: 'listener' });
  assert.equal(signal.status.state, 'open');
  assert.equal(signal.send({ type: 'leave' }), true);
});

test('comes back after a lost socket and says hello again', () => {
  const signal = makeSignal(life());
  welcome('live');
  FakeSocket.last.fail();
  assert.equal(signal.status.state, 'waiting');
  tick(249);
  assert.equal(FakeSocket.all.length, 1);
  tick(1);
  assert.equal(FakeSocket.all.length, 2);
  FakeSocket.last.open();
  assert.equal(FakeSocket.last.sent[0].type, 'hello');
});

for (const [as, mostMs] of /** @type {const} */ ([['host', 1_000], ['listener', 30_000]]))
  test(`a ${as} asks again after ${mostMs} ms at most, however long the server was away`, () => {
    const signal = makeSignal(life(), 1, as);
    for (let i = 0; i < 10; i++) {
      FakeSocket.last.fail();
      assert.equal(signal.status.state, 'waiting');
      tick(signal.status.state === 'waiting' ? signal.status.retryAtMs - Date.now() : 0);
    }
    FakeSocket.last.fail();
    assert.deepEqual(signal.status, { state: 'waiting', reason: 'lost', retryAtMs: Date.now() + mostMs });
  });

test('a server that closes says when to come back', () => {
  const signal = makeSignal(life(), 0);
  welcome('live');
  FakeSocket.last.receive({ type: 'bye', reason: 'closing', retry_after_ms: 3_000 });
  assert.deepEqual(signal.status, { state: 'waiting', reason: 'closing', retryAtMs: Date.now() + 3_000 });
  signal.hurry();
  tick(2_999);
  assert.equal(FakeSocket.all.length, 1);
  tick(1);
  assert.equal(FakeSocket.all.length, 2);
});

test('a bye without a time, and an unknown room, are final', () => {
  const first = makeSignal(life());
  welcome('live');
  FakeSocket.last.receive({ type: 'bye', reason: 'replaced' });
  assert.equal(first.status.state === 'closed' && first.status.reason, 'replaced');
  const second = makeSignal(life());
  FakeSocket.last.open();
  FakeSocket.last.receive({ type: 'error', code: 'unknown_room', message: 'no' });
  assert.equal(second.status.state === 'closed' && second.status.reason, 'unknown_room');
  tick(60_000);
  assert.equal(FakeSocket.all.length, 2);
});

test('a silent server is left after ten seconds', () => {
  makeSignal(life());
  FakeSocket.last.open();
  tick(10_000);
  tick(500);
  assert.equal(FakeSocket.all.length, 2);
});

test('replies find their request; a lost socket rejects it', async () => {
  const signal = makeSignal(life());
  welcome('live');
  const answered = signal.request({ type: 'offer', sdp: 'x' }, 1_000);
  const { ref } = FakeSocket.last.sent[1];
  FakeSocket.last.receive({ type: 'answer', ref: 'other', sdp: 'no' });
  FakeSocket.last.receive({ type: 'answer', ref, sdp: 'yes' });
  assert.deepEqual(await answered, { type: 'answer', ref, sdp: 'yes' });
  const lost = signal.request({ type: 'offer', sdp: 'x' }, 1_000);
  FakeSocket.last.fail();
  await assert.rejects(lost, NoReply);
});

test('ends with its lifetime', () => {
  const lifetime = life();
  const signal = makeSignal(lifetime);
  welcome('live');
  lifetime.abort();
  assert.equal(signal.status.state, 'closed');
  tick(60_000);
  assert.equal(FakeSocket.all.length, 1);
});

test('the model follows the room, the roster and the clock', () => {
  const signal = makeSignal(life());
  const model = new RoomModel(signal, life().signal);
  let changes = 0;
  model.addEventListener('change', () => (changes += 1));
  welcome('doors_open', {
    server_time_ms: Date.now() + 5_000, you: { id: 2, name: 'Anna', role: 'moderator' },
    consent: { wording: '2026-11', text: { en: 'a', de: 'b' }, agreed: false },
  });
  FakeSocket.last.receive({ type: 'room', room: roomView('live') });
  FakeSocket.last.receive({ type: 'roster', hosts: [{ id: 2, name: 'Anna', role: 'moderator', agreed: true }] });
  FakeSocket.last.receive({ type: 'audience', hearing: 12, connected: 14 });
  assert.equal(changes, 4);
  assert.equal(model.room?.state, 'live');
  assert.equal(model.maySteer, true);
  assert.equal(model.consent?.agreed, true);
  assert.equal(model.audience?.hearing, 12);
  assert.equal(model.nowMs() - Date.now(), 5_000);
});
