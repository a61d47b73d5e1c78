/**
 * Everybody knocks while the server does not look, and stands in the kernel's queue when it does again: each gets an
 * answer. Who waits for long is told to come again, with a ticket that keeps the turn, but nobody who has one already.
 */
// build: dev
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { Server } from '../browser/lib/server.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const NEWCOMERS = 3000; // the kernel holds 4096
const EXPECTED = 100;
const PAGES = 20;
const QUEUE = 256; // more are a crowd
const LATER = 20;
const WAITED_MS = 200;
const t = new Tap();

/**
 * A request on a connection of its own, sent as soon as that stands.
 * @param {Server} server @param {string} head
 * @param {string} [line]
 */
function knock(server, head, line = 'POST /api/v1/rooms/storm/line') {
  const knock = { isThere: false, answer: '' };
  const socket = connect(Number(server.httpPort), '127.0.0.1', () => {
    socket.write(`${line} HTTP/1.1\r\nHost: a\r\n${head}Content-Length: 0\r\nConnection: close\r\n\r\n`,
      () => { knock.isThere = true; });
  });
  socket.on('data', (data) => { if (knock.answer === '') knock.answer = String(data); });
  socket.on('error', (error) => { knock.answer ||= error.message; });
  socket.on('close', () => { knock.answer ||= 'closed without an answer'; });
  return knock;
}

/** @param {{answer: string}[]} knocks @param {RegExp} pattern */
const count = (knocks, pattern) => knocks.filter(({ answer }) => pattern.test(answer)).length;

await t.run(async () => {
  const server = await new Server().start();
  t.defer(() => server.stop(t));
  await server.createRoom('storm', ['Ada']);
  const place = await (await fetch(`${server.url}/api/v1/rooms/storm/line`, { method: 'POST' })).json();

  process.kill(server.pid, 'SIGSTOP');
  const expected = Array.from({ length: EXPECTED }, () => knock(server, `Authorization: Bearer ${place.line.ticket}\r\n`));
  await until('those with tickets have knocked', () => expected.every(({ isThere }) => isThere));
  const newcomers = Array.from({ length: NEWCOMERS }, () => knock(server, ''));
  const pages = Array.from({ length: PAGES }, () => knock(server, 'Accept: text/html,*/*\r\n', 'GET /r/storm'));
  const parts = Array.from({ length: PAGES }, () => knock(server, 'Accept: */*\r\n', 'GET /assets/js/line.js'));
  await until('all newcomers, too', () => [...newcomers, ...pages, ...parts].every(({ isThere }) => isThere));
  await pause(2 * WAITED_MS); // what is tested: they have waited
  process.kill(server.pid, 'SIGCONT');

  await until('everybody has an answer', () => [...newcomers, ...expected, ...pages, ...parts].every(({ answer }) => answer !== ''));
  const sentAway = newcomers.filter(({ answer }) => /^HTTP\/1\.1 503 [^]*\r\nRetry-After: \d/.test(answer));
  const answered = count(newcomers, /^HTTP\/1\.1 (200|429) /);
  t.ok(sentAway.length + answered === NEWCOMERS, 'every newcomer is answered, nobody is cut off',
    { sentAway: sentAway.length, answered, other: newcomers.find(({ answer }) => !/^HTTP\/1\.1 (200|429|503) /.test(answer))?.answer });
  t.ok(sentAway.length >= NEWCOMERS / 2, 'nearly all are told to come again', { sentAway: sentAway.length, answered });
  t.ok(count(expected, /^HTTP\/1\.1 200 /) === EXPECTED, 'nobody who has a ticket is sent away',
    { answered: count(expected, /^HTTP\/1\.1 200 /), other: expected.find(({ answer }) => !answer.startsWith('HTTP/1.1 200'))?.answer.slice(0, 80) });
  t.ok(count(parts, /^HTTP\/1\.1 200 /) === PAGES, 'a page that was begun gets its parts',
    { answered: count(parts, /^HTTP\/1\.1 200 /), other: parts.find(({ answer }) => !answer.startsWith('HTTP/1.1 200'))?.answer.slice(0, 80) });
  const laterPages = count(pages, /^HTTP\/1\.1 503 [^]*http-equiv=refresh content=\d/);
  t.ok(laterPages > 0 && laterPages + count(pages, /^HTTP\/1\.1 200 /) === PAGES, 'a page that must wait opens by itself later', { laterPages });
  const { refused } = (await server.api('GET', '/node')).sockets;
  t.ok(refused === sentAway.length + laterPages, 'the server counts whom it sent away', { refused, sentAway: sentAway.length, laterPages });

  const told = await until('the report counts them, too', async () => {
    const { totals } = await server.api('GET', '/rooms/storm/report');
    return totals.by_cause.put_off === sentAway.length && totals;
  });
  t.ok(told.attempts >= NEWCOMERS, 'as attempts', told);

  const problems = sentAway.map(({ answer }) => JSON.parse(answer.slice(answer.indexOf('\r\n\r\n'))));
  t.ok(new Set(problems.map(({ ticket }) => ticket)).size === sentAway.length && problems.every(({ code }) => code === 'overload'),
    'each has a ticket of their own', problems[0]);
  const line = async (headers = {}) => (await fetch(`${server.url}/api/v1/rooms/storm/line`, { method: 'POST', headers })).json();
  for (let i = 0; i < LATER; i++) await line();
  const headers = { authorization: `Bearer ${problems[0].ticket}` };
  const comes = await line(headers);
  t.ok(comes.answer === 'line' && comes.line.place < comes.line.in_line - LATER + 1, 'and stands where the first ask puts them', comes);

  process.kill(server.pid, 'SIGSTOP');
  const again = Array.from({ length: QUEUE + EXPECTED }, () => knock(server, `Authorization: ${headers.authorization}\r\n`));
  await until('they have knocked again', () => again.every(({ isThere }) => isThere));
  await pause(2 * WAITED_MS);
  process.kill(server.pid, 'SIGCONT');
  await until('everybody has an answer again', () => again.every(({ answer }) => answer !== ''));
  t.ok(count(again, /^HTTP\/1\.1 503 [^]*Content-Length: 0\r\n/) > 0, 'that ticket is no reason to be heard before the others, and stays as it is', again[0].answer);
});
