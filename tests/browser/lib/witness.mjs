/** witness.mjs - whether the machine itself stood still: what nobody can do anything about. */
import { fileURLToPath } from 'node:url';
import { Program } from './programs.mjs';

const WITNESS = fileURLToPath(new URL('stall_witness.py', import.meta.url));

/** Watches from now on. */
export class Witness {
  #program = new Program('/usr/bin/python3', [WITNESS]);

  /** Ends. @returns {Promise<number>} the longest time in ms that a processor was not to be had */
  async stallMs() {
    return JSON.parse((await this.#program.kill('SIGTERM')).stdout).stall_ms;
  }
}
