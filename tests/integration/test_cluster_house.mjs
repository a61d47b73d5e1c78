/**
 * Nodes on networks of their own meet in Redis, die, hang, are cut off and come back; and Redis is away for a minute, while a
 * room goes on. Before that: the house itself, for a test on cables that do not delay or cuts that do not cut proves nothing.
 */
// waits
// build: dev
import { letThemTalk, until } from '../browser/lib/wait.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { House } from './house/house.mjs';
import { enterHouse } from './house/network.mjs';

const NODES = ['a', 'b', 'c'];
const TTL_MS = 5000; // DIRECTORY_NODE_TTL_MS: who said nothing for so long is gone
const GONE_MS = TTL_MS + 2500;
const BACK_MS = 5000;
const AWAY_S = 60;
const PINGS = 300;
const AWAY_LISTENS_S = AWAY_S + 20;

await enterHouse();
const t = new Tap();

/**
 * @param {House} house
 * @param {string} from
 * @param {string} to
 * @param {number} [count]
 */
async function ping(house, from, to, count = PINGS) {
  const { stdout } = await house.network.start(from, 'ping', '-n', '-q', '-i', '0.01', '-W', '1', '-c', String(count), house.network.address(to)).end;
  return { lossPercent: Number(/([\d.]+)% packet loss/.exec(stdout)?.[1]), ms: Number(/= ([\d.]+)\//.exec(stdout)?.[1] ?? NaN) }; // the shortest: a busy machine adds to the others
}

/** @param {House} house */
async function cables(house) {
  const { network } = house;
  const plain = await ping(house, 'a', 'b');
  t.ok(plain.lossPercent === 0, 'a good cable loses nothing', plain);
  await network.shape('b', { delayMs: 20, lossPercent: 10 });
  const shaped = await ping(house, 'a', 'b');
  /* Ten of a hundred on each way: 19 of 100. Less than 8 or more than 32 happens to one run of millions. */
  t.ok(shaped.ms >= 40 && shaped.lossPercent > 8 && shaped.lossPercent < 32, `a cable delays and loses (${network.cables})`, shaped);
  const beside = await ping(house, 'a', 'c');
  t.ok(beside.lossPercent === 0 && beside.ms < 20, 'and no other cable does', beside);
  await network.shape('b', { delayMs: 5 });
  const slow = await ping(house, 'clients', 'b', 100);
  t.ok(slow.lossPercent === 0 && slow.ms >= 10, 'other figures take the place of the first ones', slow);
  await network.shape('b');
  const mended = await ping(house, 'a', 'b');
  t.ok(mended.lossPercent === 0 && mended.ms < 10, 'a cable can be mended', mended);

  await network.loseBetween('a', 'c', 30);
  const lossy = await ping(house, 'a', 'c');
  t.ok(lossy.lossPercent > 35 && lossy.lossPercent < 67, 'between two, so much is lost on each way as was asked for', lossy);
  const others = await ping(house, 'b', 'c', 100);
  t.ok(others.lossPercent === 0, 'and between no others', others);
  await network.loseBetween('a', 'c', 0);
}

/** @param {House} house */
async function cuts(house) {
  const { network } = house;
  const lost = async (/** @type {string} */ from, /** @type {string} */ to) => (await ping(house, from, to, 5)).lossPercent;
  await network.cut('a', 'c');
  t.ok(await lost('a', 'c') === 100 && await lost('c', 'a') === 100, 'two are cut off from each other');
  t.ok(await lost('a', 'b') === 0 && await lost('c', 'redis') === 0, 'and from nobody else');
  t.ok((await house.cluster('a')).nodes.length === 3, 'the directory does not need them to hear each other');
  await network.heal('a', 'c');
  await network.cut(['a', 'b'], network.others('a', 'b'));
  t.ok(await lost('a', 'b') === 0 && await lost('a', 'c') === 100 && await lost('b', 'redis') === 100, 'a group is cut off, and stays together');
  await network.heal();
  t.ok(await lost('a', 'c') === 0 && await lost('b', 'redis') === 0, 'and heals');
  await network.plug('c', false);
  t.ok(await lost('a', 'c') === 100, 'a cable can be pulled');
  await network.plug('c', true);
  t.ok(await lost('a', 'c') === 0, 'and put in again');
}

/** @param {House} house */
async function deaths(house) {
  const { id } = await house.cluster('c');
  await house.node('c').crash();
  t.ok(true, 'who is killed is gone', { ms: await house.seeing(['a', 'b'], ['a', 'b'], GONE_MS) });
  await house.start('c');
  t.ok(true, 'and there again when it is started', { ms: await house.seeing(NODES, NODES, BACK_MS) });
  t.ok((await house.cluster('c')).id === id, 'as the same node');

  house.node('b').signal('SIGSTOP');
  t.ok(true, 'who hangs is gone', { ms: await house.seeing(['a', 'c'], ['a', 'c'], GONE_MS) });
  house.node('b').signal('SIGCONT');
  t.ok(true, 'and there again when it goes on', { ms: await house.seeing(NODES, NODES, BACK_MS) });
  await house.told(NODES, 'up', BACK_MS);
}

/** @param {House} house */
async function split(house) {
  await house.network.cut('b', 'redis');
  const saidMs = await house.told(['b'], 'down', GONE_MS);
  t.ok(true, 'who cannot reach Redis says so', { ms: saidMs });
  t.ok(true, 'and is gone for the others', { ms: await house.seeing(['a', 'c'], ['a', 'c'], GONE_MS) });
  t.ok((await house.cluster('a')).directory === 'up' && (await ping(house, 'a', 'b', 5)).lossPercent === 0, 'who could reach it still');
  await house.network.heal('b', 'redis');
  const begin = performance.now();
  await house.told(['b'], 'up', BACK_MS);
  await house.seeing(NODES, NODES, BACK_MS - (performance.now() - begin));
  t.ok(true, 'when the split heals all is well again', { ms: Math.round(performance.now() - begin) });
}

/**
 * A room at `a` with one who speaks and one who listens, both among the clients.
 * @param {House} house
 */
async function liveRoom(house) {
  const server = house.node('a');
  const { hosts } = await server.createRoom('minute', ['Ada']);
  await server.api('POST', '/rooms/minute/open');
  const ada = house.rostrum('a', 'speak', 'minute', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await until('Ada has agreed', async () => (await server.api('GET', '/rooms/minute/invitations')).invitations[0].agreed);
  await server.api('POST', '/rooms/minute/live');
  const ear = house.rostrum('a', 'listen', 'minute', '--seconds', String(AWAY_LISTENS_S));
  t.defer(() => ear.kill('SIGKILL'));
  await until('somebody hears it', async () => {
    const { hearing, connected } = await server.room('minute');
    if (hearing !== 1) throw new Error(JSON.stringify({ hearing, connected, ear: ear.ended ?? ear.stderr, ada: ada.ended ?? ada.stderr }));
    return true;
  });
  return ear;
}

/** @param {House} house */
async function minuteWithoutRedis(house) {
  const pids = house.all.map((server) => server.pid);
  const ear = await liveRoom(house);
  await house.redis.kill();
  const killedMs = performance.now();
  t.ok(true, 'a Redis that dies is noticed', { ms: await house.told(NODES, 'down', GONE_MS) });
  const answersMs = [];
  while (performance.now() - killedMs < AWAY_S * 1000) {
    const askedMs = performance.now();
    for (const name of NODES) await house.rooms(name);
    answersMs.push(performance.now() - askedMs);
    await letThemTalk(1);
  }
  const askedMs = performance.now();
  await house.node('b').createRoom('meanwhile', ['Ben']);
  const madeMs = performance.now() - askedMs;
  const halfMs = answersMs.sort((one, other) => one - other)[answersMs.length >> 1];
  t.ok(halfMs < 1000 && madeMs < 3000, 'for a minute nobody waits for it', { half_of_the_answers_ms: Math.round(halfMs), room_ms: Math.round(madeMs) });
  t.ok((await house.node('a').room('minute')).hearing === 1, 'the room goes on');

  await house.redis.start();
  const begin = performance.now();
  await house.told(NODES, 'up', BACK_MS);
  await house.seeing(NODES, NODES, BACK_MS - (performance.now() - begin));
  t.ok(true, 'all is well again when it is back', { ms: Math.round(performance.now() - begin) });
  t.ok(JSON.stringify(house.all.map((server) => server.pid)) === JSON.stringify(pids), 'without a restart');
  const { status, stdout, stderr } = await ear.end;
  const heard = JSON.parse(stdout || 'null');
  t.ok(status === 0 && heard?.lost === 0 && heard.connects === 1 && heard.sound_ms > AWAY_S * 1000, 'and its listener has lost nothing', heard ?? stderr);
}

await t.run(async () => {
  const beganMs = performance.now();
  const house = await House.build(t, NODES);
  await house.start();
  t.ok(true, 'three nodes on three networks see each other', { ms: await house.seeing(NODES, NODES, BACK_MS) });
  await house.told(NODES, 'up', BACK_MS);
  t.note(`the house stood after ${Math.round(performance.now() - beganMs)} ms`);
  await cables(house);
  await cuts(house);
  await deaths(house);
  await split(house);
  await minuteWithoutRedis(house);
});
