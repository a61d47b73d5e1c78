/** server.mjs - a rostrumd of its own for each test: free ports, its own state folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program, ROOT, ROSTRUMD, temporaryFolder } from './programs.mjs';
import { until } from './wait.mjs';

const READY = /^ready http=(http:\/\/\S+:(\d+)) media=(\d+) admin=(\S+) links=\S+$/m;
const STOP_MS = 40_000; // of these, up to 20 s are for listeners who are to move
const SANITIZER = /AddressSanitizer|LeakSanitizer|ThreadSanitizer|runtime error:/;

/** @typedef {{id: number, name: string, role: string, stage_url: string, token: string}} Invitation */
/** @typedef {{slug: string, listen_url: string, hosts: Invitation[]}} Created */

export class Server {
  url = '';
  httpPort = '0';
  mediaPort = '0';
  state = temporaryFolder();
  /** @type {Program|null} */
  #program = null;
  #admin = '';
  #address;
  #http;
  #inside;
  #flags;

  /**
   * @param {{address?: string, http?: string, inside?: string[], flags?: string[]}} [options] address: what listeners are told
   *   to send to; http: where pages and API are; inside: what stands before the command (`ip netns exec …`)
   */
  constructor({ address = '127.0.0.1', http = '127.0.0.1', inside = [], flags = [] } = {}) {
    this.#address = address;
    this.#http = http;
    this.#inside = inside;
    this.#flags = flags;
  }

  /** Starts, or starts again on the same ports and state. */
  async start() {
    const [path, ...args] = [
      ...this.#inside, ROSTRUMD,
      '--state', this.state, '--web', join(ROOT, 'client/web'), '--http', `${this.#http}:${this.httpPort}`,
      '--media-port', this.mediaPort, '--public-address', this.#address, ...this.#flags,
    ];
    const program = new Program(path, args);
    this.#program = program;
    const ready = await until('the ready line', () => {
      const match = READY.exec(program.stdout);
      if (!match && program.ended) return [];
      if (!match) throw new Error(program.stdout + program.stderr);
      return match;
    });
    if (ready.length === 0) throw new Error(`rostrumd ended: ${JSON.stringify(program.ended)}`);
    [, this.url, this.httpPort, this.mediaPort] = /** @type {string[]} */ (/** @type {unknown} */ (ready));
    this.#admin = readFileSync(ready[4], 'utf8').trim();
    return this;
  }

  get log() {
    return this.#program?.stderr ?? '';
  }

  get pid() {
    return this.#program?.child.pid ?? 0;
  }

  /** Such as SIGSTOP and SIGCONT. @param {NodeJS.Signals} signal */
  signal(signal) {
    this.#program?.child.kill(signal);
  }

  /** Pulls the plug. */
  async crash() {
    await this.#program?.kill('SIGKILL');
  }

  /**
   * Ends it in an orderly way.
   * @param {import('./tap.mjs').Tap} t
   */
  async stop(t) {
    const program = this.#program;
    if (!program) return;
    this.#program = null;
    const before = program.ended;
    program.child.kill('SIGTERM');
    const timer = setTimeout(() => program.child.kill('SIGKILL'), STOP_MS);
    const ended = await program.end;
    clearTimeout(timer);
    const clean = t.ok(before === null && ended.status === 0, 'the server ran to the end and stopped with status 0',
      { status: ended.status, signal: ended.signal });
    const silent = t.ok(!SANITIZER.test(ended.stderr), 'the server reports no memory or thread fault');
    if (!clean || !silent) t.note(ended.stderr.split('\n').slice(-60).join('\n'));
  }

  /**
   * One request to the API; throws when it is not answered by 2xx.
   * @param {string} method
   * @param {string} path below /api/v1
   * @param {object} [body]
   * @param {string} [token] without: the admin's
   */
  async api(method, path, body, token = this.#admin) {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? null : JSON.parse(text);
  }

  /**
   * @param {string} slug
   * @param {string[]} hosts names; the first is the owner
   * @param {object} [more] of the room
   * @returns {Promise<Created>}
   */
  createRoom(slug, hosts, more = {}) {
    return this.api('POST', '/rooms', { slug, title: `Room ${slug}`, hosts: hosts.map((name) => ({ name })), ...more });
  }

  /** @param {string} slug */
  room(slug) {
    return this.api('GET', `/rooms/${slug}`);
  }

  /**
   * Waits for the publication.
   * @param {string} slug
   */
  published(slug) {
    return until(`${slug} is published`, async () => {
      const room = await this.room(slug);
      return room.state === 'published' ? room : null;
    });
  }
}
