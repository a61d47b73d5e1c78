/** programs.mjs - child processes: start, read, end by their own handle; none survives the test. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = resolve(fileURLToPath(import.meta.url), '../../../..');
const BUILD = resolve(ROOT, process.env.ROSTRUM_BUILD ?? '.build/release');
export const ROSTRUMD = join(BUILD, 'server/rostrumd');
export const ROSTRUM = join(BUILD, 'client/cli/rostrum');

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/* The server takes ROSTRUM_* for its settings and refuses those that it does not know. */
const inherited = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('ROSTRUM_')));

let everything = '';

/** A temporary folder that goes with the process, unless ROSTRUM_TEST_KEEP is set. */
export function temporaryFolder() {
  if (everything === '') {
    everything = mkdtempSync(join(tmpdir(), 'rostrum-test-'));
    if (process.env.ROSTRUM_TEST_KEEP) console.log(`# files are kept in ${everything}`);
    else process.on('exit', () => rmSync(everything, { recursive: true, force: true }));
  }
  return mkdtempSync(join(everything, 'part-'));
}

/** @typedef {{status: number|null, signal: string|null, stdout: string, stderr: string}} Ended */

export class Program {
  stdout = '';
  stderr = '';
  /** @type {Ended|null} */
  ended = null;

  /**
   * @param {string} path
   * @param {string[]} args
   */
  constructor(path, args) {
    this.child = spawn(path, args, { stdio: ['ignore', 'pipe', 'pipe'], env: inherited });
    running.add(this.child);
    this.child.stdout.setEncoding('utf8').on('data', (text) => (this.stdout += text));
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text));
    /** @type {Promise<Ended>} */
    this.end = new Promise((done) => {
      this.child.on('error', (error) => done((this.ended = this.#account(null, String(error)))));
      this.child.on('close', (status, signal) => done((this.ended = this.#account(status, signal))));
    });
  }

  /** @param {NodeJS.Signals} signal */
  kill(signal) {
    this.child.kill(signal);
    return this.end;
  }

  /**
   * @param {number|null} status
   * @param {string|null} signal
   * @returns {Ended}
   */
  #account(status, signal) {
    running.delete(this.child);
    return { status, signal, stdout: this.stdout, stderr: this.stderr };
  }
}

/**
 * Runs to its end; throws when the exit status is not 0.
 * @param {string} path
 * @param {string[]} args
 */
export async function run(path, args) {
  const ended = await new Program(path, args).end;
  if (ended.status !== 0) throw new Error(`${path} ${args.join(' ')}: ${ended.status ?? ended.signal}\n${ended.stderr}`);
  return ended;
}

/**
 * Starts `rostrum --json`.
 * @param {string} server
 * @param {string[]} args
 */
export function rostrum(server, ...args) {
  return new Program(ROSTRUM, ['--server', server, '--json', ...args]);
}
