/** talk.mjs - a server with one live room in which two hosts talk without end. */
import { join } from 'node:path';
import { rostrum } from '../../browser/lib/programs.mjs';
import { Server } from '../../browser/lib/server.mjs';
import { speech } from '../../browser/lib/speech.mjs';
import { until } from '../../browser/lib/wait.mjs';

export const SLUG = 'evening';
const HOSTS = ['Ada', 'Ben'];
/** More than any rehearsal here brings, so that no limit is measured. */
export const LIMITS = ['--sockets', '18000', '--sockets-per-address', '18000'];

/** @type {Promise<string[]>|null} */
let files = null;

export class Talk {
  #server;
  #marks;
  /** @type {import('../../browser/lib/programs.mjs').Program[]} */
  #speakers = [];

  /**
   * @param {{seats: number, workers?: number, engine?: string, flags?: string[], httpPort?: number, mark?: boolean}} options
   *   workers: as shipped if not given; mark: Ada's voice bears marks
   */
  constructor({ seats, workers, engine = 'auto', flags = [], httpPort = 0, mark = false }) {
    this.#marks = [mark ? ['--mark'] : [], []];
    this.#server = new Server({
      flags: [...LIMITS, '--governor', 'off', '--seats', String(seats), '--srtp-engine', engine, ...(workers ? ['--workers', String(workers)] : []), ...flags],
    });
    this.#server.httpPort = String(httpPort);
  }

  async start() {
    files ??= Promise.all([speech('a'), speech('b')]);
    const server = this.#server;
    await server.start();
    const { hosts } = await server.createRoom(SLUG, HOSTS);
    await server.api('POST', `/rooms/${SLUG}/open`);
    const spoken = await files;
    this.#speakers = hosts.map(({ token }, i) => rostrum(server.url, 'speak', SLUG, spoken[i], '--token', token, '--consent', '--loop', ...this.#marks[i]));
    await until('both hosts have agreed', async () =>
      (await server.api('GET', `/rooms/${SLUG}/invitations`)).invitations.every((/** @type {{agreed: boolean}} */ one) => one.agreed));
    await server.api('POST', `/rooms/${SLUG}/live`);
    return this;
  }

  get url() {
    return this.#server.url;
  }

  /** Of the admin's token. */
  get tokenFile() {
    return join(this.#server.state, 'admin.token');
  }

  get pid() {
    return this.#server.pid;
  }

  /** What the server counts. */
  node() {
    return this.#server.api('GET', '/node');
  }

  /** @param {string} mode normal, economy or small_audience */
  mode(mode) {
    return this.#server.api('POST', `/rooms/${SLUG}/mode`, { mode });
  }

  /** @param {import('../../browser/lib/tap.mjs').Tap} t */
  async stop(t) {
    for (const speaker of this.#speakers) await speaker.kill('SIGTERM');
    this.#speakers = [];
    await this.#server.stop(t);
  }
}
