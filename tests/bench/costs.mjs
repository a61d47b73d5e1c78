/**
 * costs.mjs - measures what a node's work costs, for `rostrum simulate`: node tests/bench/costs.mjs --out FILE [--listeners N]
 *
 * Wants `cmake --build --preset release` and a machine that does nothing else. What others took of it stands in the file.
 * The more listeners, the nearer to a full node: in a room with few of them each finds its caches cold and costs more.
 */
import { writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { Tap } from '../browser/lib/tap.mjs';
import { letThemTalk } from '../browser/lib/wait.mjs';
import { Crowd } from './lib/crowd.mjs';
import { disturbance, measure } from './lib/machine.mjs';
import { SLUG, Talk } from './lib/talk.mjs';

const RAMP = 25; // joins per second
const WINDOW_S = 15;
const SETTLE_S = 5;
const ANSWERS = 500; // people who are told a place in line
const HEADER_BYTES = 28; // IPv4 and UDP

const { values } = parseArgs({ options: { out: { type: 'string' }, listeners: { type: 'string', default: '2000' } } });
const listeners = Number(values.listeners);
if (!values.out || !(listeners >= 10)) {
  console.error('usage: costs.mjs --out FILE [--listeners N]');
  process.exit(2);
}

/** @typedef {import('./lib/machine.mjs').Window} Window */

/**
 * CPU by thread, which is finer than that of the process, and what the server sent meanwhile.
 * @param {Talk} talk
 * @param {() => Promise<void>} what
 */
async function look(talk, what) {
  const before = (await talk.node()).media;
  const end = measure(talk.pid);
  await what();
  const window = end();
  const after = (await talk.node()).media;
  const us = 1e6 * Object.values(window.threads).reduce((sum, s) => sum + s, 0);
  const bits = 8 * (after.bytes_out - before.bytes_out + HEADER_BYTES * (after.datagrams_out - before.datagrams_out));
  const packets = after.program_sent - before.program_sent;
  return { window, us, packets, usPerS: us / window.seconds, bps: bits / window.seconds, packetsPerS: packets / window.seconds };
}

/**
 * One after the other, each on a connection of its own as a stranger's browser makes it: the page, and the line.
 * @param {string} url
 * @param {string} method
 */
function ask(url, method) {
  return new Promise((done, fail) => {
    const sent = request(url, { method, agent: false, headers: { 'content-type': 'application/json' } }, (response) => {
      response.resume().on('end', () => done(response.statusCode));
    });
    sent.on('error', fail).end(method === 'POST' ? '{}' : undefined);
  });
}

/** @param {Talk} talk */
async function askAll(talk) {
  for (let i = 0; i < ANSWERS; i++) {
    await ask(`${talk.url}/r/${SLUG}`, 'GET');
    const status = await ask(`${talk.url}/api/v1/rooms/${SLUG}/line`, 'POST');
    if (status !== 200) throw new Error(`a place in line: status ${status}`);
  }
}

const t = new Tap();
await t.run(async () => {
  const begun = new Date();
  const talk = await new Talk({ seats: listeners }).start();
  t.defer(() => talk.stop(t));
  await letThemTalk(SETTLE_S);
  const room = await look(talk, () => letThemTalk(WINDOW_S));

  const crowd = new Crowd(talk, { listeners, whep: 50, ramp: Math.max(RAMP, listeners / 40) });
  t.defer(() => crowd.kill());
  let seated = 0;
  const joining = await look(talk, async () => {
    seated = await crowd.seated();
    await letThemTalk(2); // the last ones' handshakes are put away
  });
  await letThemTalk(SETTLE_S);
  const full = await look(talk, () => letThemTalk(WINDOW_S));
  const answers = await look(talk, () => askAll(talk));
  const account = await crowd.leave();

  const perPacketUs = (full.usPerS - room.usPerS) / (full.packetsPerS - room.packetsPerS);
  const joinUs = (joining.us - room.usPerS * joining.window.seconds - perPacketUs * joining.packets) / seated;
  const answerUs = (answers.us - full.usPerS * answers.window.seconds) / ANSWERS;
  const costs = {
    format: 'rostrum costs 1',
    machine: `${cpus().length} cores, ${cpus()[0].model}`,
    measured: begun.toISOString(),
    how: `${seated} listeners, half by WHEP, on loopback; ${disturbance([room.window, joining.window, full.window, answers.window]) || 'quiet machine'}`,
    room_us_per_s: Math.round(room.usPerS),
    listener_us_per_s: Number(((full.usPerS - room.usPerS) / seated).toFixed(1)),
    join_us: Math.round(joinUs),
    answer_us: Math.round(answerUs),
    first_sound_ms: Number(account.first_sound_ms.p50.toFixed(1)),
    listener_bps: Math.round((full.bps - room.bps) / seated),
    relay_us_per_s: null, // until a bench row has relays
    relay_bps: null,
    hop_ms: null,
  };
  writeFileSync(values.out ?? '', `${JSON.stringify(costs, null, 2)}\n`);
  t.note(JSON.stringify(costs));
  t.ok(costs.listener_us_per_s > 0 && costs.join_us > 0 && costs.answer_us > 0, 'there are figures', values.out);
});
