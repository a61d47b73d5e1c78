import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Host } from '../js/host.js';
import { Listener } from '../js/listener.js';
import { Signal } from '../js/protocol.js';
import { RoomModel } from '../js/room-model.js';
import { pass, STEP_MS, stopTime } from './clock.js';
import { FakeConnection, FakeSocket, roomView, welcome } from './fakes.js';

/** @type {AbortController} */
let lifetime;

beforeEach(() => {
  FakeSocket.all = [];
  FakeConnection.all = [];
  lifetime = new AbortController();
  stopTime();
  mock.method(Math, 'random', () => 0.5);
  Object.assign(globalThis, {
    RTCPeerConnection: FakeConnection,
    RTCRtpReceiver: { getCapabilities: () => ({ codecs: [] }) },
    MediaStream: class {},
  });
});
afterEach(() => {
  lifetime.abort();
  mock.restoreAll();
});

const sent = (/** @type {string} */ type) => FakeSocket.all.flatMap((socket) => socket.sent).filter((one) => one.type === type);

/** Answers the newest offer. @param {object} [reply] */
async function answer(reply = { type: 'answer', sdp: 'answer' }) {
  await pass(STEP_MS);
  FakeSocket.last.receive({ ...reply, ref: FakeSocket.last.sent.findLast((one) => one.type === 'offer').ref });
  await pass(STEP_MS);
}

/** @param {'listener'|'host'} as @param {string} state */
function meet(as, state) {
  const hello = as === 'host' ? { room: 'evening', as, token: 't'.repeat(32) } : { room: 'evening', as };
  const signal = new Signal({ url: 'ws://test', hello, lifetime: lifetime.signal, createSocket: () => new FakeSocket() });
  const model = new RoomModel(signal, lifetime.signal);
  return { signal, model, state };
}

/** @param {string} state */
function makeListener(state) {
  const { signal, model } = meet('listener', state);
  const listener = new Listener(signal, model, lifetime.signal);
  welcome(state);
  return listener;
}

async function makeHearing() {
  const listener = makeListener('live');
  listener.start();
  await answer();
  FakeConnection.last.become('connected');
  await pass(1_000, () => (FakeConnection.last.packets += 10));
  assert.equal(listener.state, 'hearing');
  return listener;
}

test('whoever is seated before it begins waits in the room', async () => {
  const listener = makeListener('doors_open');
  listener.start();
  await answer();
  FakeConnection.last.become('connected');
  assert.equal(listener.state, 'waiting');
  FakeSocket.last.receive({ type: 'room', room: roomView('live') });
  await pass(1_000, () => (FakeConnection.last.packets += 10));
  assert.equal(listener.state, 'hearing');
});

test('the offer asks for stereo and retransmission', async () => {
  await makeHearing();
  assert.match(sent('offer')[0].sdp, /a=fmtp:111 minptime=10;useinbandfec=1;stereo=1\r\n/);
  assert.match(sent('offer')[0].sdp, /a=rtpmap:111 opus\/48000\/2\r\na=rtcp-fb:111 nack\r\n/);
});

test('silence leads to an ICE restart, a new connection, a new socket', async () => {
  const listener = await makeHearing();
  await pass(3_500);
  assert.equal(listener.state, 'reconnecting');
  assert.deepEqual(FakeConnection.last.offers, [{ iceRestart: false }, { iceRestart: true }]);
  await answer();
  await pass(4_500);
  assert.equal(FakeConnection.all.length, 2);
  assert.equal(FakeConnection.all[0]?.closed, true);
  await answer();
  await pass(8_500);
  assert.equal(FakeSocket.all.length, 2);
  welcome('live');
  await answer();
  FakeConnection.last.become('connected');
  await pass(1_000, () => (FakeConnection.last.packets += 10));
  assert.equal(listener.state, 'hearing');
});

test('a lost socket alone does not stop the sound; the new one gets a new connection', async () => {
  const listener = await makeHearing();
  mock.method(Math, 'random', () => 0.9);
  FakeSocket.last.fail();
  assert.equal(listener.state, 'hearing');
  await pass(500);
  welcome('live');
  await pass(STEP_MS);
  assert.equal(FakeConnection.all.length, 2);
});

test('refused with a time: asked again no sooner, and only once', async () => {
  const listener = makeListener('live');
  listener.start();
  await answer({ type: 'refused', reason: 'full', message: 'full', retry_after_ms: 5_000 });
  assert.equal(listener.state, 'refused');
  await pass(4_500);
  assert.equal(sent('offer').length, 1);
  await pass(1_500);
  assert.equal(sent('offer').length, 2);
});

test('refused for good: nothing is asked until the next click', async () => {
  const listener = makeListener('live');
  listener.start();
  await answer({ type: 'refused', reason: 'removed', message: 'no' });
  await pass(60_000);
  assert.equal(sent('offer').length, 1);
  assert.equal(listener.refusal?.reason, 'removed');
  listener.start();
  await pass(STEP_MS);
  assert.equal(sent('offer').length, 2);
});

test('stop gives the seat back', async () => {
  const listener = await makeHearing();
  listener.stop();
  assert.equal(listener.state, 'idle');
  assert.equal(FakeConnection.last.closed, true);
  assert.equal(sent('leave').length, 1);
});

test('a host returns to the stage, and stays muted', async () => {
  const { signal, model } = meet('host', 'live');
  const host = new Host(signal, model, lifetime.signal);
  welcome('live');
  const track = /** @type {any} */ ({ enabled: true });
  host.join(track);
  await answer();
  FakeConnection.last.become('connected');
  assert.equal(host.state, 'on_stage');
  host.setMuted(true);
  assert.equal(track.enabled, false);
  FakeSocket.last.receive({ type: 'media', state: 'lost' });
  assert.equal(host.state, 'reconnecting');
  await answer();
  await pass(1_000);
  assert.equal(host.state, 'on_stage');
  assert.deepEqual(sent('mute').map((one) => one.muted), [false, true, true]);
});

test('a host before the doors open joins by itself', async () => {
  const { signal, model } = meet('host', 'scheduled');
  const host = new Host(signal, model, lifetime.signal);
  welcome('scheduled');
  host.join(/** @type {any} */ ({ enabled: true }));
  await answer({ type: 'refused', reason: 'not_open', message: 'closed' });
  assert.equal(host.state, 'refused');
  FakeSocket.last.receive({ type: 'room', room: roomView('doors_open') });
  await answer();
  FakeConnection.last.become('connected');
  assert.equal(host.state, 'on_stage');
});
