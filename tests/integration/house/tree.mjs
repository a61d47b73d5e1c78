/**
 * tree.mjs - a live room, and relays of two levels: two of a region take the program from the origin, the third one from one
 * of these. Each node is on a network of its own.
 */
import { until } from '../../browser/lib/wait.mjs';
import { Hall } from './hall.mjs';
import { House } from './house.mjs';

export const ORIGIN = 'origin';
export const HEADS = ['first', 'second'];
export const CHILD = 'third';
const NODES = [ORIGIN, ...HEADS, CHILD];
/* The room goes to the next node of a region when hardly a quarter of the seats there is free. */
const FEW_SEATS = ['--seats', '4'];
const FILLED = 3;
const FLAGS = ['--governor', 'off'];
const SEEN_MS = 5000;
export const LONG_S = 600;
const TRIES = 3;

/** So many sit down at a relay. @param {Hall} hall @param {string} name @param {number} count @param {number} [seconds] they stay */
export async function sit(hall, name, count, seconds = LONG_S) {
  const ears = hall.listen(count, seconds, name);
  await until(`${count} sit at ${name}`, async () => (await hall.seated(name))[0] >= count);
  return ears;
}

/** Starts a node that is to carry the room. @param {Hall} hall @param {string} name */
async function join({ house, slug }, name) {
  await house.start(name);
  await house.seeing([name, ORIGIN], NODES.slice(0, NODES.indexOf(name) + 1), SEEN_MS);
  await house.hears(name, slug);
}

/**
 * @param {import('../../browser/lib/tap.mjs').Tap} t
 * @param {Record<string, string[]>} [own] flags of the origin and of the child
 */
export async function growTree(t, own = {}) {
  const regions = Object.fromEntries(NODES.map((name) => [name, name === ORIGIN ? 'near' : 'far']));
  const few = Object.fromEntries(HEADS.map((name) => [name, FEW_SEATS]));
  const house = await House.build(t, NODES, { flags: FLAGS, regions, own: { ...few, ...own } });
  const hall = new Hall(t, house, ORIGIN);
  await house.start(ORIGIN);
  await hall.open();
  for (const head of HEADS) {
    await join(hall, head);
    await sit(hall, head, FILLED);
  }
  await join(hall, CHILD);
  /* Where the machine holds up a head, the child turns to the origin, and stays. */
  for (let i = 0; i < TRIES && !HEADS.includes(await house.parent(CHILD, hall.slug)); i++) {
    await house.node(CHILD).crash();
    await join(hall, CHILD);
  }
  return hall;
}
