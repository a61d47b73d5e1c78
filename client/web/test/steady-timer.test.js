import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';
import { Appointment } from '../js/appointment.js';
import { startSteadyTimer } from '../js/steady-timer.js';
import { stopTime, tick } from './clock.js';

class FakeWorker extends EventTarget {
  /** @type {FakeWorker[]} */
  static all = [];
  /** @type {{id: number, delayMs: number}[]} */
  asked = [];

  constructor() {
    super();
    FakeWorker.all.push(this);
  }

  /** @param {{id: number, delayMs: number}} message */
  postMessage(message) {
    this.asked.push(message);
  }

  /** The time of everything that it was asked for has come. */
  ring() {
    for (const { id } of this.asked.splice(0)) this.dispatchEvent(new MessageEvent('message', { data: id }));
  }
}

let rung = 0;
const ring = () => void (rung += 1);

beforeEach(() => {
  Object.assign(globalThis, { Worker: FakeWorker });
  stopTime();
  rung = 0;
});
afterEach(() => mock.restoreAll());

test('whichever timer is first rings, once; one worker serves all', () => {
  startSteadyTimer(1_000, ring);
  startSteadyTimer(2_000, ring);
  FakeWorker.all[0]?.ring(); /* the page is hidden, its own timers stand still */
  assert.equal(rung, 2);
  tick(60_000);
  assert.equal(rung, 2);
  startSteadyTimer(1_000, ring);
  tick(1_000);
  assert.equal(rung, 3);
  FakeWorker.all[0]?.ring();
  assert.equal(rung, 3);
  assert.equal(FakeWorker.all.length, 1);
});

test('a cancelled appointment is kept by neither timer', () => {
  const appointment = new Appointment({ steady: true });
  appointment.make(1_000, ring);
  appointment.make(5_000, ring); /* replaces it */
  FakeWorker.all[0]?.asked.splice(1);
  FakeWorker.all[0]?.ring();
  tick(4_999);
  assert.equal(rung, 0);
  appointment.cancel();
  tick(60_000);
  assert.equal(rung, 0);
});
