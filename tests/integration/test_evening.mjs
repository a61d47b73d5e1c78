// build: dev
/**
 * The bad evening in small: everybody at once into a room with few seats, two hogs, all lose their network, the server is
 * killed, quiet. What is asked here are rules that hold on any machine: how fast it all went is for the drill itself to judge.
 */
import { join } from 'node:path';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const SEATS = 40;
const DRILL_MS = 150_000;
const PROMISES = ['goodput', 'hosts', 'seated', 'recording', 'cap', 'order', 'mode', 'hearing', 'refusal', 'restart'];
const t = new Tap();

/**
 * @param {Server} server
 * @param {string} slug
 * @param {string[]} options
 */
async function drill(server, slug, ...options) {
  await server.api('POST', '/rooms', { slug, title: 'A drill', hosts: [{ name: 'Ada' }], seats: SEATS });
  await server.api('POST', `/rooms/${slug}/open`);
  await server.api('POST', `/rooms/${slug}/live`);
  const program = rostrum(server.url, '--token-file', join(server.state, 'admin.token'),
    'rehearse', slug, '--scenario', 'evening', '--small', ...options);
  t.defer(() => program.kill('SIGKILL'));
  return program;
}

/** @param {import('../browser/lib/programs.mjs').Program} program */
async function account(program) {
  await until('the drill ends by itself', () => program.ended, DRILL_MS);
  const { status, stdout, stderr } = await program.end;
  if (!stdout.startsWith('{')) throw new Error(`no account (${status}): ${stderr}`);
  const evening = JSON.parse(stdout);
  const broken = evening.promises.some((/** @type {any} */ { outcome }) => outcome === 'broken');
  t.ok(status === (broken ? 1 : 0), 'the exit status says whether a promise was broken', { status });
  for (const { name, outcome, figure } of evening.promises) t.figure(`${outcome}: ${name}: ${figure}`);
  return evening;
}

/** @param {any} evening @param {string} name */
const promise = (evening, name) => evening.promises.find((/** @type {any} */ one) => one.name === name);

/** @param {any} evening @param {string} name */
const part = (evening, name) => evening.parts.find((/** @type {any} */ one) => one.name === name);

await t.run(async () => {
  const server = await new Server().start();
  t.defer(() => server.stop(t));

  const program = await drill(server, 'evening', '--end', '--expect-restart');
  await until('the server may be killed', () => /restart: the server may be killed/.test(program.stderr), DRILL_MS);
  await server.crash();
  await server.start();
  const evening = await account(program);
  t.ok(JSON.stringify(evening.promises.map((/** @type {any} */ { name }) => name)) === JSON.stringify(PROMISES),
    'every promise has its line');
  t.ok(evening.seats === SEATS && evening.people === 2 * SEATS && evening.small, 'twice what fits came',
    { seats: evening.seats, people: evening.people });
  t.ok(promise(evening, 'cap').outcome === 'kept', 'the room was full and never fuller', promise(evening, 'cap').figure);
  t.ok(promise(evening, 'seated').figure.startsWith('0 evicted'), 'nobody lost a seat', promise(evening, 'seated').figure);
  t.ok(promise(evening, 'hearing').figure.includes('too many by 0'), 'nobody is counted who does not hear',
    promise(evening, 'hearing').figure);
  t.ok(promise(evening, 'recording').figure.startsWith('whole, 0 gaps'), 'the recording is whole',
    promise(evening, 'recording').figure);
  t.ok(promise(evening, 'refusal').outcome !== 'not measured', 'a place in line has its price',
    promise(evening, 'refusal').figure);
  const restart = promise(evening, 'restart');
  t.ok(restart.outcome !== 'not measured' && restart.figure.endsWith('; 0 newcomers before them'),
    'after the restart those with a ticket come back before anybody else', restart.figure);
  t.ok(part(evening, 'storm').newcomers > SEATS && part(evening, 'storm').unanswered === 0, 'everybody was answered',
    part(evening, 'storm'));
  const { lost, heard, newcomers_before: strangers } = evening.reconnect;
  t.ok(lost > 0.9 * SEATS && heard + strangers >= lost, 'who lost the network hears again, unless a newcomer took the seat',
    evening.reconnect);

});
