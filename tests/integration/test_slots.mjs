/**
 * A scheduled start: two hundred wait before the doors open, come when they are told, and all have a seat before the
 * announced time; in the order in which they came.
 */
// waits
import { Server } from '../browser/lib/server.mjs';
import { Tap } from '../browser/lib/tap.mjs';

const PEOPLE = 200;
const START_IN_MS = 75_000; /* the doors open a minute before */
const PATH = '/api/v1/rooms/evening/line';
const t = new Tap();

const wait = (/** @type {number} */ ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Stands in line as a page does, until a seat is held. @param {Server} server @param {number} number */
async function visitor(server, number) {
  let ticket = '';
  const seen = { number, firstPlace: 0, wait: null, checkIns: 0, early: 0, seatedMs: 0, outcome: '' };
  for (;;) {
    const headers = ticket ? { authorization: `Bearer ${ticket}` } : {};
    const reply = await fetch(server.url + PATH, { method: 'POST', headers });
    const answer = await reply.json();
    seen.checkIns++;
    if (answer.answer !== 'line') {
      seen.outcome = answer.answer ?? answer.code;
      seen.seatedMs = Date.now();
      return seen;
    }
    ticket = answer.line.ticket;
    seen.firstPlace ||= answer.line.place;
    seen.wait ??= answer.line.wait ?? null;
    seen.early += answer.state === 'scheduled' ? 1 : 0;
    await wait(answer.retry_after_ms);
  }
}

await t.run(async () => {
  const server = await new Server({ flags: ['--joins-max-per-s', '40'] }).start();
  t.defer(() => server.stop(t));
  const startMs = Date.now() + START_IN_MS;
  await server.api('POST', '/rooms', { slug: 'evening', title: 'An evening', hosts: [{ name: 'Ada' }], start_ms: startMs });
  const door = async () => (await fetch(`${server.url}/api/v1/rooms/evening/door`)).json();
  const before = await door();
  t.ok(before.state === 'scheduled' && before.doors_ms < startMs, 'the room says when its doors open',
    { doors_s: (before.doors_ms - Date.now()) / 1000 });

  /* One after the other, so that each knows who came before. */
  const visitors = [];
  for (let number = 1; number <= PEOPLE; number++) {
    visitors.push(visitor(server, number));
    await wait(5);
  }
  const waiting = await door();
  t.ok(waiting.in_line === PEOPLE && waiting.state === 'scheduled', 'all of them wait in line', { in_line: waiting.in_line });
  const seen = await Promise.all(visitors);

  t.ok(seen.every((one) => one.outcome === 'seat'), 'everybody who waited has a seat', seen.find((one) => one.outcome !== 'seat'));
  t.ok(seen.every((one) => one.seatedMs < startMs), 'before the announced start', { late: seen.filter((one) => one.seatedMs >= startMs).length });
  t.ok(seen.every((one) => one.firstPlace === one.number), 'each was told the place in which they came');
  t.ok(seen.every((one) => one.wait && one.wait.to_s >= one.wait.from_s), 'and for how long to wait', seen[PEOPLE - 1].wait);
  const firstMs = Math.min(...seen.map((one) => one.seatedMs));
  t.ok(seen.every((one) => one.checkIns < 60), 'nobody had to ask all the time', { most: Math.max(...seen.map((one) => one.checkIns)) });
  t.figure(`${PEOPLE} who waited were seated within ${Math.max(...seen.map((one) => one.seatedMs)) - firstMs} ms, at most 40 a second`);
  t.ok((await door()).in_line === 0, 'and nobody is in line any more');
});
