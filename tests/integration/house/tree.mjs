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
const RELAYS = [...HEADS, CHILD];
const NODES = [ORIGIN, ...RELAYS];
/* The room goes to the next node of a region when hardly a quarter of the seats there is free. */
const FEW_SEATS = ['--seats', '4'];
const FILLED = 3;
const FLAGS = ['--governor', 'off'];
const SEEN_MS = 10_000;
export const LONG_S = 600;
export const TRIES = 4; // where the machine decides who is where

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

/** The ears that fill the heads. @param {Hall} hall */
async function grow(hall) {
  const ears = [];
  for (const head of HEADS) {
    await join(hall, head);
    ears.push(...await sit(hall, head, FILLED));
  }
  await join(hall, CHILD);
  return ears;
}

/** @param {Hall} hall */
async function isGrown({ house, slug }) {
  const parents = await Promise.all(RELAYS.map((name) => house.parent(name, slug)));
  return parents.every((parent, i) => (RELAYS[i] === CHILD ? HEADS.includes(parent) : parent === ORIGIN));
}

/**
 * @param {import('../../browser/lib/tap.mjs').Tap} t
 * @param {Record<string, string[]>} [own] flags of the origin and of the child
 * @param {(hall: Hall) => Promise<boolean>} [isReady] asked when it stands
 */
export async function growTree(t, own = {}, isReady = async () => true) {
  const regions = Object.fromEntries(NODES.map((name) => [name, name === ORIGIN ? 'near' : 'far']));
  const few = Object.fromEntries(HEADS.map((name) => [name, FEW_SEATS]));
  const house = await House.build(t, NODES, { flags: FLAGS, regions, own: { ...few, ...own } });
  const hall = new Hall(t, house, ORIGIN);
  await house.start(ORIGIN);
  await hall.open();
  let ears = await grow(hall);
  /* A node that the machine holds up turns to another parent, and stays there: then they begin anew. */
  for (let i = 0; i < TRIES && !((await isGrown(hall)) && (await isReady(hall))); i++) {
    await Promise.all(ears.map((ear) => ear.kill('SIGTERM')));
    await Promise.all(RELAYS.map((name) => house.node(name).crash()));
    ears = await grow(hall);
  }
  return hall;
}
