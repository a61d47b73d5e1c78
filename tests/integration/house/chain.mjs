/**
 * chain.mjs - a room whose program goes through a chain of nodes: origin -> first -> second -> third, each with listeners.
 *
 * Nobody commands the chain: a node with a narrow uplink and some listeners has room for one relay, so the next one goes to
 * the one after it. Each node is in a region of its own, for a room goes to every region in which it is asked for.
 */
import { run, temporaryFolder } from '../../browser/lib/programs.mjs';
import { speech } from '../../browser/lib/speech.mjs';
import { until } from '../../browser/lib/wait.mjs';
import { join } from 'node:path';
import { House } from './house.mjs';

export const CHAIN = ['origin', 'first', 'second', 'third'];
const SLUG = 'chain';

/* TREE_EGRESS_MAX is 800 kbit/s of these; a relay is reckoned at 418 and takes 370, a listener takes 140. With two
 * listeners there is room for one relay and not for a second one, though all that is measured were a third more or less. */
const EGRESS_MAX_BPS = 1_000_000;
const PROGRAM_BPS = 128_000;
const FULL_BPS = [200_000, 370_000];
/* Without a governor: in economy a listener costs half as much, and no figure here fits. */
const FLAGS = ['--egress-max-bps', String(EGRESS_MAX_BPS), '--governor', 'off', '--seats', '40'];
const FULL = 2; // listeners
const SEEN_MS = 5000;
const LONG_S = 600;

export class Chain {
  voice = ''; // what Ada says

  /**
   * @param {import('../../browser/lib/tap.mjs').Tap} t
   * @param {House} house
   */
  constructor(t, house) {
    this.t = t;
    this.house = house;
  }

  /**
   * The whole chain, live, with Ada speaking.
   * @param {import('../../browser/lib/tap.mjs').Tap} t
   */
  static async build(t) {
    const regions = Object.fromEntries(CHAIN.map((name) => [name, name]));
    const chain = new Chain(t, await House.build(t, CHAIN, { flags: FLAGS, regions }));
    await chain.house.start('origin');
    await chain.#fillOverNoise();
    return chain;
  }

  /**
   * Noise, hardly heard below the speech, costs the same all the time, which speech with its pauses does not.
   */
  async #fillOverNoise() {
    const server = this.house.node('origin');
    const { hosts: [ada, sea] } = await server.createRoom(SLUG, ['Ada', 'The sea'], { program_bps: PROGRAM_BPS });
    await server.api('POST', `/rooms/${SLUG}/open`);
    this.#speak(await noise(), sea.token);
    await this.#agrees(1);
    await server.api('POST', `/rooms/${SLUG}/live`);
    await this.#grow();
    this.voice = await speech('a');
    this.#speak(this.voice, ada.token);
    await this.#agrees(0);
  }

  /** @param {string} voice @param {string} token */
  #speak(voice, token) {
    const host = this.house.rostrum('origin', 'speak', SLUG, voice, '--token', token, '--consent', '--loop');
    this.t.defer(() => host.kill('SIGTERM'));
    return host;
  }

  /** @param {number} host */
  #agrees(host) {
    return until(`host ${host} has agreed`, async () =>
      (await this.house.node('origin').api('GET', `/rooms/${SLUG}/invitations`)).invitations[host].agreed);
  }

  /** Each relay comes when the one before it is full. */
  async #grow() {
    await this.#fill('origin');
    for (const [at, name] of CHAIN.entries()) {
      if (at === 0) continue;
      await this.house.start(name);
      await this.house.seeing([name, 'origin'], CHAIN.slice(0, at + 1), SEEN_MS);
      await this.house.hears(name, SLUG);
      if (name === 'first') await this.#fill(name);
      else this.listen(name);
    }
  }

  /**
   * Listeners so many that there is room for one relay and no more.
   * @param {string} name
   */
  async #fill(name) {
    const [least, most] = FULL_BPS;
    for (let i = 0; i < FULL; i++) this.listen(name);
    await until(`${name} sends what ${FULL} listeners take`, async () => {
      const { seats, seats_free: free, egress_bps: bps } = await this.#own(name);
      if (seats - free !== FULL || bps < least || bps > most) throw new Error(`${bps} bit/s to ${seats - free}`);
      return true;
    }, 30_000);
  }

  /** What a node tells the others of itself. @param {string} name */
  async #own(name) {
    const cluster = /** @type {any} */ (await this.house.cluster(name));
    return cluster.nodes.find((/** @type {any} */ node) => node.id === cluster.id);
  }

  /**
   * @param {string} name of the node that is asked
   * @param {number} [seconds]
   * @param {string[]} more
   */
  listen(name, seconds = LONG_S, ...more) {
    const ear = this.house.rostrum(name, 'listen', SLUG, '--seconds', String(seconds), ...more);
    this.t.defer(() => ear.kill('SIGTERM')); // it says goodbye, so that nodes that end do not wait for it
    return ear;
  }

  /** How a node carries the room; undefined: it does not. @param {string} name */
  relayed(name) {
    return this.house.relayed(name, SLUG);
  }

  /** The name of the node from which another one takes the program. @param {string} name */
  parent(name) {
    return this.house.parent(name, SLUG);
  }
}

async function noise() {
  const path = join(temporaryFolder(), 'noise.wav');
  await run('ffmpeg', ['-v', 'error', '-f', 'lavfi', '-i', 'anoisesrc=color=pink:amplitude=0.02:duration=5:sample_rate=48000', '-ac', '1', path]);
  return path;
}
