/** hall.mjs - a live room at the first node of a house, with Ada speaking, and ears that tell what they heard. */
import { speech } from '../../browser/lib/speech.mjs';
import { until } from '../../browser/lib/wait.mjs';

const HALL = 'hall';
const LOOKS_MS = 50;
const COME_MS = 200;

/** @typedef {{packets: number, lost: number, connects: number, longest_gap_ms: number, sound_ms: number}} Heard */

export class Hall {
  slug = HALL;
  voice = ''; // what Ada says

  /**
   * @param {import('../../browser/lib/tap.mjs').Tap} t
   * @param {import('./house.mjs').House} house
   * @param {string} origin
   */
  constructor(t, house, origin) {
    this.t = t;
    this.house = house;
    this.origin = origin;
  }

  async open() {
    const server = this.house.node(this.origin);
    const { hosts } = await server.createRoom(HALL, ['Ada']);
    await server.api('POST', `/rooms/${HALL}/open`);
    this.voice = await speech('a');
    const ada = this.house.rostrum(this.origin, 'speak', HALL, this.voice, '--token', hosts[0].token, '--consent', '--loop');
    this.t.defer(() => ada.kill('SIGTERM'));
    await until('Ada has agreed', async () => (await server.api('GET', `/rooms/${HALL}/invitations`)).invitations[0].agreed);
    await server.api('POST', `/rooms/${HALL}/live`);
    for (const other of this.house.all.filter((one) => one !== server && one.url))
      await until('the others know whose it is', async () =>
        (await fetch(`${other.url}/r/${HALL}`, { redirect: 'manual' })).status === 307);
  }

  /**
   * One after another, for so long as there is a relay to be woken; who all come at once wait in line together.
   * @param {number} count
   * @param {number} seconds
   */
  async come(count, seconds) {
    const ears = [];
    for (let i = 0; i < count; i++) {
      ears.push(...this.listen(1, seconds));
      await new Promise((next) => setTimeout(next, COME_MS));
    }
    return ears;
  }

  /**
   * Programs that listen for so long, and ask at a node first.
   * @param {number} count
   * @param {number} seconds
   * @param {string} [at]
   */
  listen(count, seconds, at = this.origin) {
    return Array.from({ length: count }, () => {
      const ear = this.house.rostrum(at, 'listen', HALL, '--seconds', String(seconds));
      this.t.defer(() => ear.kill('SIGTERM'));
      return ear;
    });
  }

  /** What the origin tells of it. */
  told() {
    return this.house.node(this.origin).room(HALL);
  }

  /**
   * Waits until so many hear, as the origin counts. How long it took, in ms.
   * @param {number} count
   * @param {number} [withinMs]
   */
  async counts(count, withinMs) {
    const begin = performance.now();
    await until(`${count} hear`, async () => {
      const { hearing, connected, at_least } = await this.told();
      if (hearing !== count || connected !== count || at_least) throw new Error(JSON.stringify({ hearing, connected, at_least }));
      return true;
    }, withinMs);
    return Math.round(performance.now() - begin);
  }

  /** Seats taken at each of these relays. @param {string[]} names @returns {Promise<number[]>} */
  seated(...names) {
    return Promise.all(names.map(async (name) => (await this.house.relayed(name, HALL))?.seated ?? 0));
  }

  /**
   * The most seats that a node gave in any second while this lasts, as long as nobody leaves it.
   * @param {string} name
   * @param {Promise<unknown>} meanwhile
   */
  async busiest(name, meanwhile) {
    let isOver = false;
    void meanwhile.finally(() => (isOver = true));
    /** @type {Array<{fromMs: number, toMs: number, taken: number}>} looked somewhere between */
    const looks = [];
    while (!isOver) {
      const fromMs = performance.now();
      const { seats } = await this.house.report(name);
      looks.push({ fromMs, toMs: performance.now(), taken: seats.taken });
      await new Promise((next) => setTimeout(next, LOOKS_MS));
    }
    await meanwhile;
    return Math.max(0, ...looks.map(({ toMs, taken }) =>
      taken - (looks.find((one) => one.fromMs >= toMs - 1000)?.taken ?? taken)));
  }
}

/** @param {import('../../browser/lib/programs.mjs').Program[]} ears @returns {Promise<Heard[]>} of those who heard anything */
export async function accounts(ears) {
  const all = await Promise.all(ears.map((ear) => ear.end));
  return all.filter(({ stdout }) => stdout.includes('{')).map(({ stdout }) => JSON.parse(stdout.slice(stdout.indexOf('{'))));
}
