/**
 * redis.mjs - a Redis (or Valkey) of the test's own: a Unix socket (or an address in a network of the test's own), a
 * password, nothing on the disk.
 */
import { chmodSync, existsSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program, temporaryFolder } from '../browser/lib/programs.mjs';
import { until } from '../browser/lib/wait.mjs';

export class Redis {
  folder = temporaryFolder();
  socket = join(this.folder, 'redis');
  password = 'open sesame:@/';
  /** @type {Program|null} */
  #program = null;
  #address;
  #inside;

  /** @param {{address?: string, inside?: string[]}} [options] inside: what stands before the command */
  constructor({ address = '', inside = [] } = {}) {
    this.#address = address;
    this.#inside = inside;
  }

  get url() {
    const password = encodeURIComponent(this.password);
    return this.#address ? `redis://:${password}@${this.#address}:6379` : `unix://:${password}@${this.socket}`;
  }

  /** Starts, with an empty memory. */
  async start() {
    const listen = this.#address ? ['--port', '6379', '--bind', this.#address] : ['--port', '0'];
    rmSync(this.socket, { force: true }); // of one that was killed: it says when this one is there
    const [path, ...args] = [
      ...this.#inside, process.env.ROSTRUM_TEST_REDIS ?? 'redis-server', ...listen, '--unixsocket', this.socket, '--dir', this.folder,
      '--save', '', '--appendonly', 'no', '--requirepass', this.password,
    ];
    const program = new Program(path, args);
    this.#program = program;
    await until('Redis is ready', () => {
      if (program.ended) throw new Error(JSON.stringify(program.ended));
      return existsSync(this.socket) && /Ready to accept connections/i.test(program.stdout);
    });
    return this;
  }

  /** @param {NodeJS.Signals} signal */
  signal(signal) {
    this.#program?.child.kill(signal);
  }

  async kill() {
    await this.#program?.kill('SIGKILL');
    this.#program = null;
  }
}

/**
 * What a node needs to be in a cluster.
 * @param {Redis} redis
 * @param {string} name
 * @param {{secret?: string, url?: string, region?: string}} [options] url: where the other nodes find it
 */
export function clusterFlags(redis, name, { secret = 'a secret that all nodes of this test know', url = `https://${name}.example`, region = `region-${name}` } = {}) {
  const file = join(redis.folder, `secret-${name}`);
  writeFileSync(file, `${secret}\n`);
  chmodSync(file, 0o600);
  return ['--redis-url', redis.url, '--node-url', url, '--region', region, '--cluster-secret-file', file];
}
