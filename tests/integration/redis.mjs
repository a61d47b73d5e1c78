/** redis.mjs - a Redis (or Valkey) of the test's own: a Unix socket, a password, nothing on the disk. */
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program, temporaryFolder } from '../browser/lib/programs.mjs';
import { until } from '../browser/lib/wait.mjs';

export class Redis {
  folder = temporaryFolder();
  socket = join(this.folder, 'redis');
  password = 'open sesame:@/';
  /** @type {Program|null} */
  #program = null;

  get url() {
    return `unix://:${encodeURIComponent(this.password)}@${this.socket}`;
  }

  /** Starts, with an empty memory. */
  async start() {
    const program = new Program(process.env.ROSTRUM_TEST_REDIS ?? 'redis-server', [
      '--port', '0', '--unixsocket', this.socket, '--dir', this.folder, '--save', '', '--appendonly', 'no',
      '--requirepass', this.password,
    ]);
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
 * @param {string} [secret]
 */
export function clusterFlags(redis, name, secret = 'a secret that all nodes of this test know') {
  const file = join(redis.folder, `secret-${name}`);
  writeFileSync(file, `${secret}\n`);
  chmodSync(file, 0o600);
  return ['--redis-url', redis.url, '--node-url', `https://${name}.example`, '--region', `region-${name}`,
    '--cluster-secret-file', file];
}
