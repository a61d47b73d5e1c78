/**
 * The command line's listeners between two nodes: sent on by WebSocket, WHEP and the line they hear there; when that node
 * is gone, or takes no connection, they come home. Both servers are real and have a room of the same name; the words between come from a front.
 */
// waits
// build: dev
import { join } from 'node:path';
import { Front } from '../browser/lib/front.mjs';
import { Program, rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const SLUG = 'wander';
const CROWD = 12;
const ROUND = 4; // what a listener asks until it rests: at home, and after each of three hops
const REST_MS = 1000; // at least
const POLL_MS = 100; // of until()
const TICKET = 't'.repeat(51);
const t = new Tap();

/** @param {Server} server */
async function talkIn(server) {
  const { hosts } = await server.createRoom(SLUG, ['Ada']);
  await server.api('POST', `/rooms/${SLUG}/open`);
  const ada = rostrum(server.url, 'speak', SLUG, await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await server.api('POST', `/rooms/${SLUG}/live`);
}

/* Two doors: the queue of one is full and nobody takes from it, so what comes next finds no answer at all; the other
   one takes connections and says nothing. */
const DUMB = `import socket, time
full = socket.create_server(("127.0.0.1", 0), backlog=0)
guests = [socket.socket() for _ in range(4)]
for guest in guests:
    guest.setblocking(False)
    guest.connect_ex(full.getsockname())
mute = socket.create_server(("127.0.0.1", 0))
print("doors", full.getsockname()[1], mute.getsockname()[1], flush=True)
time.sleep(90)`;

/** @param {string} text of standard output */
const account = (text) => JSON.parse(text.slice(text.indexOf('{')));

await t.run(async () => {
  const [home, away] = await Promise.all([1, 2].map(() => new Server({ flags: ['--governor', 'off'] }).start()));
  for (const server of [home, away]) {
    t.defer(() => server.stop(t));
    await talkIn(server);
  }
  const front = await new Front(home.url).start();
  t.defer(() => front.stop());
  const connected = async (/** @type {Server} */ server) => (await server.room(SLUG)).connected;

  front.elsewhere = { url: away.url, ticket: TICKET, region: 'eu-1' };
  const one = rostrum(front.url, 'listen', SLUG, '--seconds', '12');
  t.defer(() => one.kill('SIGKILL'));
  await until('one hears at the other node', async () => (await connected(away)) === 1);
  t.ok((await connected(home)) === 0 && front.sent.length === 1 && front.passed === 0, 'sent on, it hears there and only there');
  front.elsewhere = null;
  const goneMs = Date.now();
  process.kill(away.pid, 'SIGSTOP'); // gone without a word: no FIN, no close_notify
  await until('it came home', async () => (await connected(home)) === 1);
  const backMs = Date.now() - goneMs;
  process.kill(away.pid, 'SIGCONT');
  t.ok(front.passed === 1 && backMs > 1_500, 'and comes home when that node is just gone', { backMs });
  const alone = await one.end;
  const { packets, connects, lost } = account(alone.stdout);
  t.ok(alone.status === 0 && connects === 2 && packets > 300, 'it heard at both', { packets, connects, lost });
  await until('nobody is left there', async () => (await connected(away)) === 0, 40_000);

  const admin = ['--token-file', join(home.state, 'admin.token')];
  const rehearse = (/** @type {string[]} */ ...more) => rostrum(front.url, ...admin, 'rehearse', SLUG, '--listeners', String(CROWD), '--at-once', ...more);
  for (const [way, whep] of [['WebSocket', '0'], ['WHEP', '100']]) {
    front.elsewhere = { url: away.url, ticket: TICKET };
    front.sent = [];
    const crowd = rehearse('--whep', whep, '--seconds', '12');
    t.defer(() => crowd.kill('SIGKILL'));
    await until(`${way}: all hear at the other node`, async () => (await connected(away)) === CROWD);
    front.elsewhere = null;
    process.kill(away.pid, 'SIGSTOP');
    await until(`${way}: all came home`, async () => (await connected(home)) === CROWD);
    process.kill(away.pid, 'SIGCONT');
    const ended = await crowd.end;
    const told = account(ended.stdout);
    const heard = Object.values(told.heard_by_node ?? {});
    t.ok(ended.status === 0 && told.hops === CROWD && heard.length === 2 && heard.every((count) => count === CROWD),
      `${way}: each was sent on once, heard there, and then at home`, { hops: told.hops, nodes: told.heard_by_node, why: told.reasons });
    t.ok(told.disconnects === CROWD && told.failed === 0, `${way}: each lost one node, and none more`,
      { disconnects: told.disconnects, causes: told.disconnect_reasons, failed: told.failed });
    if (way === 'WHEP') {
      await until('each session was deleted', async () => (await connected(home)) === 0);
      t.ok(front.sent.every((one) => one.authorization === undefined), 'nobody had a ticket before', front.sent.length);
    }
    await until('nobody is left there', async () => (await connected(away)) === 0, 40_000);
  }

  front.elsewhere = { url: `${home.url}/nowhere` };
  const misled = rostrum(front.url, 'listen', SLUG);
  t.defer(() => misled.kill('SIGKILL'));
  await until('it says what it does not follow', () => /not followed/.test(misled.stderr));
  await misled.kill('SIGINT');
  t.ok(front.passed === 1 + CROWD, 'an address with a path is not followed', misled.stderr.trim());
  front.elsewhere = { url: front.url };
  front.sent = [];
  const circling = rostrum(front.url, 'listen', SLUG);
  t.defer(() => circling.kill('SIGKILL'));
  const asked = (/** @type {number} */ times) => until(`it has asked ${times} times`, () => front.sent.length >= times);
  await asked(1);
  const firstMs = Date.now();
  await asked(2 * ROUND + 1);
  const roundsMs = Date.now() - firstMs;
  await circling.kill('SIGINT');
  t.ok(roundsMs > 2 * (REST_MS - POLL_MS), 'sent round in circles, it rests after each three hops', { roundsMs });

  const dumb = new Program('python3', ['-c', DUMB]);
  t.defer(() => dumb.kill('SIGKILL'));
  const doors = await until('their ports', () => /^doors (\d+) (\d+)$/m.exec(dumb.stdout));
  for (const [what, port] of [['takes no connection', doors[1]], ['says nothing', doors[2]]]) {
    front.elsewhere = { url: `http://127.0.0.1:${port}`, ticket: TICKET };
    front.sent = [];
    const patient = rostrum(front.url, 'listen', SLUG, '--seconds', '20');
    t.defer(() => patient.kill('SIGKILL'));
    await until('it was sent there', () => front.sent.length === 1);
    front.elsewhere = null;
    const sentMs = Date.now();
    await until('it hears at home', async () => (await connected(home)) === 1);
    const heldMs = Date.now() - sentMs;
    t.ok(heldMs > 3_000, `a node that ${what} does not hold it for long`, { heldMs });
    await patient.kill('SIGKILL'); // libwebsockets leaks what it still tries to connect when it ends
    await until('nobody is left at home', async () => (await connected(home)) === 0, 60_000);
  }
});
