/** crowd.mjs - `rostrum rehearse` as the audience of a server, or of what speaks WHEP like one. */
import { rostrum } from '../../browser/lib/programs.mjs';
import { until } from '../../browser/lib/wait.mjs';
import { SLUG } from './talk.mjs';

const JOIN_TIMEOUT_MS = 240_000;
const STALLED_MS = 20_000;
const ENOUGH = 0.99;
const STAY_S = 600; // until they are told to leave

/**
 * @typedef {object} CrowdOptions
 * @property {number} listeners
 * @property {number} [ramp] joins per second; 0: all at once
 * @property {number} [whep] percent that come by WHEP, the others by WebSocket
 * @property {number} [unread] percent whose sockets are left unread once sound came
 * @property {string[]} [flags] others of rehearse
 * @property {() => Promise<number>} [count] how many the server has; if not given, what it says of the room
 */

export class Crowd {
  #url;
  #count;
  #program;
  #listeners;

  /**
   * @param {{url: string, tokenFile?: string}} server
   * @param {CrowdOptions} options
   */
  constructor({ url, tokenFile }, { listeners, ramp = 200, whep = 100, unread = 0, flags = [], count }) {
    this.#url = url;
    this.#count = count ?? (() => this.#connected());
    this.#listeners = listeners;
    const pace = ramp > 0 ? ['--ramp', String(ramp)] : ['--at-once'];
    const token = tokenFile ? ['--token-file', tokenFile] : [];
    this.#program = rostrum(url, ...token, 'rehearse', SLUG, '--listeners', String(listeners), ...pace, '--seconds', String(STAY_S),
      '--whep', String(whep), '--unread', String(unread), ...flags);
  }

  async #connected() {
    const response = await fetch(`${this.#url}/api/v1/rooms/${SLUG}`);
    return (await response.json()).connected;
  }

  /**
   * Until the server counts all of them besides `others` who were there before, or, as one in a hundred may fail, until
   * nobody has come for a while. Returns how many of ours are in.
   * @param {number} [others]
   */
  async seated(others = 0) {
    const program = this.#program;
    let most = 0;
    let grewMs = performance.now();
    await until(`${this.#listeners} listeners are in`, async () => {
      const count = (await this.#count()) - others;
      if (count > most) [most, grewMs] = [count, performance.now()];
      return program.ended !== null || most >= this.#listeners || performance.now() - grewMs > STALLED_MS;
    }, JOIN_TIMEOUT_MS);
    if (program.ended) throw new Error(`rehearse ended early: ${program.stderr.slice(-1500)}`);
    if (most < ENOUGH * this.#listeners) {
      const { reasons, refused, failed } = await this.leave();
      throw new Error(`only ${most} of ${this.#listeners} are in: ${JSON.stringify({ refused, failed, reasons })}\n${program.stderr.slice(-1500)}`);
    }
    return most;
  }

  /** Has them all leave; their account. */
  async leave() {
    const { status, stdout, stderr } = await this.#program.kill('SIGINT');
    if (status !== 0) throw new Error(`rehearse: status ${status}: ${stderr.slice(-1500)}`);
    return JSON.parse(stdout);
  }

  /** For a clean-up: nobody says good-bye. */
  kill() {
    return this.#program.kill('SIGKILL');
  }
}
