/**
 * The net between nodes is cut and healed: a relay is cut off from its origin, the origin from everybody, and Redis is away
 * while people come. At the end there is one origin, and all hear. Nodes on networks of their own.
 */
// waits
// build: dev
import { Tap } from '../browser/lib/tap.mjs';
import { letThemTalk, until } from '../browser/lib/wait.mjs';
import { accounts, Hall } from './house/hall.mjs';
import { House } from './house/house.mjs';
import { enterHouse } from './house/network.mjs';

const NODES = ['a', 'b', 'c'];
const SEATS = { a: '10', b: '16', c: '16' };
const LISTENERS = 14;
const CUT_S = 5;
const ALONE_S = 15;
const AWAY_S = 20;
const LATECOMERS = 2;
const WHOLE_MS = 10_000;
const ANSWER_MS = 1000;

await enterHouse();
const t = new Tap();

/** Nobody but `a` may say that the room is its own, and all must know that it is a's. @param {Hall} hall */
async function oneOrigin(hall) {
  const owners = [];
  for (const name of NODES) if ((await hall.house.rooms(name)).some(({ slug }) => slug === hall.slug)) owners.push(name);
  const feeders = [];
  for (const name of NODES) if (/** @type {any} */ (await hall.house.cluster(name)).fed.length > 0) feeders.push(name);
  t.ok(owners.join() === 'a' && feeders.join() === 'a', 'there is one origin', { owners, feeders });
}

/** @param {Hall} hall @param {number} count @param {string} what */
async function allHear(hall, count, what) {
  const begin = performance.now();
  await hall.house.told(NODES, 'up', WHOLE_MS);
  await hall.counts(count, WHOLE_MS * 2);
  const ms = Math.round(performance.now() - begin);
  t.figure(`${what}: healed, all counted after ${ms} ms`);
  t.ok(ms <= WHOLE_MS, `${what}: all hear again, and each is counted once`, { ms });
  await oneOrigin(hall);
}

/** @param {Hall} hall */
async function relayIsCutOff(hall) {
  const [atB, atC] = await hall.seated('b', 'c');
  const relay = atB > 0 ? 'b' : 'c';
  t.ok(atB + atC > 0, 'a relay has listeners', { atB, atC });
  await hall.house.network.cut(relay, 'a');
  await letThemTalk(CUT_S);
  await hall.house.network.heal(relay, 'a');
  await allHear(hall, LISTENERS, `a relay cut off from its origin for ${CUT_S} s`);
}

/** @param {Hall} hall */
async function originIsCutOff(hall) {
  const { network } = hall.house;
  await network.cut('a', network.others('a'));
  await letThemTalk(ALONE_S);
  await network.heal();
  await allHear(hall, LISTENERS, `the origin cut off from everybody for ${ALONE_S} s`);
}

/** What a node answers of a room that nobody has told it. @param {House} house */
async function unknown(house) {
  await house.node('a').createRoom('meanwhile', ['Ben']);
  const answers = [];
  for (const path of ['/r/meanwhile', '/api/v1/rooms/meanwhile', '/whep/meanwhile']) {
    const begin = performance.now();
    const answer = await fetch(house.node('b').url + path, { redirect: 'manual', ...(path.startsWith('/whep') ?
      { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: 'v=0\r\n' } : {}) });
    answers.push({ path, status: answer.status, ms: Math.round(performance.now() - begin), text: (await answer.text()).slice(0, 120) });
  }
  t.ok(answers.every(({ status, ms }) => status >= 400 && ms < ANSWER_MS), 'who asks a node that cannot know is told so at once', answers);
}

/** @param {Hall} hall */
async function redisIsAway(hall) {
  const { house } = hall;
  const ears = hall.listen(1, AWAY_S + 4, 'a');
  await hall.counts(LISTENERS + 1);
  await house.redis.kill();
  await house.told(NODES, 'down', WHOLE_MS);
  const begin = performance.now();
  ears.push(...hall.listen(LATECOMERS, AWAY_S, 'a'), ...hall.listen(LATECOMERS, AWAY_S, 'b'));
  const ms = await hall.counts(LISTENERS + 1 + 2 * LATECOMERS, WHOLE_MS).catch((error) => {
    throw new Error(`${error}: ${ears.map((ear) => ear.stderr)}`);
  });
  t.ok(true, 'without Redis people come to a running room, at its origin and at another node', { ms });
  await unknown(house);
  await letThemTalk(Math.max(0, AWAY_S - 3 - (performance.now() - begin) / 1000));
  await house.redis.start();
  await house.told(NODES, 'up', WHOLE_MS);
  const heard = await accounts(ears);
  t.ok(heard.length === ears.length && heard.every(({ lost, connects }) => lost === 0 && connects === 1), 'and who listens has lost nothing', heard);
  await until('the room that was made meanwhile is known', async () =>
    (await fetch(`${house.node('b').url}/r/meanwhile`, { redirect: 'manual' })).status === 307);
}

await t.run(async () => {
  const own = Object.fromEntries(Object.entries(SEATS).map(([name, seats]) => [name, ['--seats', seats]]));
  const house = await House.build(t, NODES, { own, flags: ['--governor', 'off'] });
  await house.start();
  await house.seeing(NODES, NODES, 5000);
  const hall = new Hall(t, house, 'a');
  await hall.open();
  await hall.come(LISTENERS, 600);
  await hall.counts(LISTENERS);
  await relayIsCutOff(hall);
  await originIsCutOff(hall);
  await redisIsAway(hall);
});
