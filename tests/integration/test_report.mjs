/** The report of an event with three listeners and a crash of the server: its numbers are those of what happened. */
// waits
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program, ROSTRUM, rostrum, temporaryFolder } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { letThemTalk, until } from '../browser/lib/wait.mjs';

const SPAN_MS = 10_000;
/* Long enough for a whole sample of its own. */
const STRETCH_S = 21;
const t = new Tap();

await t.run(async () => {
  const server = await new Server().start();
  t.defer(() => server.stop(t));
  const { hosts } = await server.createRoom('talk', ['Ada', 'Bo']);
  const [owner, speaker] = hosts.map((host) => host.token);
  const admin = (...args) => rostrum(server.url, '--token-file', join(server.state, 'admin.token'), ...args).end;

  const early = await read(server, owner);
  t.ok(early.status === 200 && early.report.history.length === 0 && early.report.totals.attempts === 0, 'before the doors open there is nothing to tell');
  const openedMs = Date.now();
  await server.api('POST', '/rooms/talk/open');
  const ada = rostrum(server.url, 'speak', 'talk', await speech('a'), '--token', owner, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await server.api('POST', '/rooms/talk/live');

  const listeners = [1, 2, 3].map(() => rostrum(server.url, 'listen', 'talk', '--seconds', '300'));
  for (const listener of listeners) t.defer(() => listener.kill('SIGKILL'));
  await hear(server, 3);
  await letThemTalk(STRETCH_S);
  await listeners[0].kill('SIGTERM');
  await hear(server, 2);
  await admin('room', 'mode', 'talk', 'economy');
  await letThemTalk(STRETCH_S);
  const before = (await read(server, owner)).report;
  const crashedMs = Date.now();
  await server.crash();
  await server.start();
  await hear(server, 2);
  const resumedMs = Date.now();
  await admin('room', 'mode', 'talk', 'normal');
  await letThemTalk(STRETCH_S / 2);
  await server.api('POST', '/rooms/talk/end');
  const endedMs = Date.now();
  await server.published('talk');

  const { report } = await read(server, owner);
  checkPeople(report, { openedMs, crashedMs, resumedMs, endedMs });
  checkArrivals(report);
  checkSurvival(before, report, crashedMs);
  checkChanges(report);
  await checkTable(server, owner, report);
  await checkDoor(server, speaker);
  await checkCommand(server, owner);
});

/** @param {Server} server @param {number} count */
function hear(server, count) {
  return until(`${count} hear`, async () => (await server.room('talk')).hearing === count);
}

/**
 * @param {Server} server
 * @param {string} [token]
 * @param {string} [accept]
 */
async function read(server, token, accept = 'application/json') {
  const headers = token ? { accept, authorization: `Bearer ${token}` } : { accept };
  const reply = await fetch(`${server.url}/api/v1/rooms/talk/report`, { headers });
  const text = await reply.text();
  return { status: reply.status, headers: reply.headers, text, report: accept.includes('json') ? JSON.parse(text) : null };
}

/**
 * @param {any} report
 * @param {Record<string, number>} times
 */
function checkPeople(report, { openedMs, crashedMs, resumedMs, endedMs }) {
  const { history, peak } = report;
  t.ok(peak.hearing === 3 && peak.connected === 3, 'at most three heard it at the same time', peak);
  t.ok(history.every((sample) => sample.hearing <= 3 && sample.connected <= 3), 'no sample tells of more');
  t.ok(history.some((sample) => sample.hearing === 2 && sample.mode === 'economy' && sample.cause),
    'two heard it in economy, and why is told');
  t.ok(history.every((sample) => sample.at_ms % SPAN_MS === 0), 'samples end at whole ten seconds');
  const whole = history.filter((sample) => sample.at_ms - SPAN_MS > openedMs && sample.at_ms < endedMs
    && (sample.at_ms < crashedMs || sample.at_ms - SPAN_MS > resumedMs));
  t.ok(whole.every((sample) => sample.span_s === 10), 'each of ten seconds');
  const expected = Math.floor(endedMs / SPAN_MS) - Math.floor(openedMs / SPAN_MS) + 1;
  t.ok(Math.abs(history.length - expected) <= 1, 'from the doors to the end', { samples: history.length, expected });
  t.ok(report.live_ms >= openedMs && report.ended_ms <= endedMs && report.ended_ms > resumedMs, 'and when that was');
}

/**
 * Three came, two of them once more after the crash; all from this machine.
 * @param {any} report
 */
function checkArrivals({ totals, networks, facts }) {
  const { seated, handshake_done: done, handshake_failed: failed, ticket_bad: bad } = totals.by_cause;
  t.ok(seated === 5 && done === 5 && failed === 0 && bad === 0, 'five seats were given, and five handshakes completed', totals.by_cause);
  t.ok(totals.attempts >= 5 && totals.people >= 3 && totals.people <= totals.attempts && facts.attempts === totals.attempts, 'by as many attempts, or more');
  t.ok(networks.list.length === 1 && networks.list[0].network === '127.0.0.0/24' && networks.missed === 0
    && networks.list[0].attempts === totals.attempts && facts.busiest_share_permille.from === 1000, 'all of one network', networks.list);
}

/**
 * @param {any} before
 * @param {any} after
 * @param {number} crashedMs
 */
function checkSurvival(before, after, crashedMs) {
  const kept = before.history.filter((sample) => sample.at_ms < crashedMs);
  const survived = kept.filter((sample) => after.history.some((other) => JSON.stringify(other) === JSON.stringify(sample)));
  t.ok(kept.length >= 4 && survived.length === kept.length, 'what was told before the crash is told after it, unchanged',
    { kept: kept.length, survived: survived.length });
}

/** @param {any} report */
function checkChanges({ changes, changes_complete: isComplete }) {
  const states = changes.filter((change) => change.kind === 'state').map((change) => change.state);
  t.ok(states.join() === 'doors_open,live,ended,published' && isComplete, 'every state is told in its order', states);
  const modes = changes.filter((change) => change.kind === 'mode' && change.cause === 'admin').map(({ mode, wanted, cause }) => [mode, wanted, cause].join(' '));
  /* A slow machine may change it besides. */
  t.ok(modes.length === 2 && / economy admin$/.test(modes[0]) && / normal admin$/.test(modes[1]), 'and every mode with its cause', modes);
  t.ok(changes.every((change, index) => index === 0 || change.at_ms >= changes[index - 1].at_ms), 'one after the other');
}

/**
 * @param {Server} server
 * @param {string} token
 * @param {any} report
 */
async function checkTable(server, token, report) {
  const { status, headers, text } = await read(server, token, 'text/csv');
  t.ok(status === 200 && /^text\/csv/.test(headers.get('content-type')) && headers.get('cache-control') === 'no-store'
    && headers.get('content-disposition') === 'attachment; filename="talk.csv"', 'the history comes as a table, too');
  const [head, ...lines] = text.trim().split('\r\n').map((line) => line.split(','));
  const rows = lines.map((cells) => Object.fromEntries(cells.map((cell, index) => [head[index], cell])));
  const same = rows.length === report.history.length && report.history.every((sample, index) =>
    Date.parse(rows[index].until) === sample.at_ms && Number(rows[index].hearing) === sample.hearing
      && Number(rows[index].connected) === sample.connected && rows[index].mode === sample.mode);
  t.ok(same, 'with the same numbers', { lines: rows.length });
}

/**
 * @param {Server} server
 * @param {string} speaker
 */
async function checkDoor(server, speaker) {
  const [guest, stranger] = [await read(server, speaker), await read(server)];
  t.ok(guest.status === 403 && guest.report.code === 'not_allowed', 'a speaker does not lead the room');
  t.ok(stranger.status === 401 && stranger.report.code === 'bad_token', 'and a stranger has no token');
}

/**
 * @param {Server} server
 * @param {string} owner
 */
async function checkCommand(server, owner) {
  const file = join(temporaryFolder(), 'owner.token');
  writeFileSync(file, `${owner}\n`);
  const { status, stdout } = await new Program(ROSTRUM, ['--server', server.url, '--token-file', file, 'room', 'report', 'talk']).end;
  t.ok(status === 0 && /^Room talk \(talk\), published$/m.test(stdout) && /at one time: 3 hearing, 3 connected, \d+ in line/.test(stdout)
    && /economy, cause admin/.test(stdout), 'the command line prints it for people', stdout.slice(0, 300));
}
