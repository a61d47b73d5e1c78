/**
 * network.mjs - a network of the test's own: each member in a network namespace, joined by a veth pair to a bridge in
 * one more. Members are cut off from each other, and their cables delay and lose.
 *
 * Names and namespaces are seen by nobody else: /run is the test's own, too. So all of it is gone with the last process in it.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Program, ROOT, run, temporaryFolder } from '../../browser/lib/programs.mjs';
import { until } from '../../browser/lib/wait.mjs';

const INSIDE = 'ROSTRUM_TEST_HOUSE';
const NET = '10.77';
const DESK = 'desk';
const SWITCH = 'switch';
const BRIDGE = 'bridge';
const BUILD = resolve(ROOT, process.env.ROSTRUM_BUILD ?? '.build/release');

const SETUP = `set -e
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/netns
exec "$@"`;

/** Returns inside; outside it waits for the run inside and ends the process. However the outside ends, the inside ends with it. */
export async function enterHouse() {
  if (process.env[INSIDE]) return;
  // Who is not root may do this as the root of a user namespace.
  const user = process.getuid?.() === 0 ? [] : ['--map-root-user'];
  const inside = spawn('setpriv', ['--pdeathsig', 'TERM', 'unshare', '--net', '--mount', ...user, 'bash', '-c', SETUP, 'house',
    process.execPath, ...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } });
  const status = await new Promise((done) => {
    inside.on('error', (error) => {
      console.log(`not ok 1 - enters a network namespace # ${error}`);
      done(1);
    });
    inside.on('exit', (code) => done(code ?? 1));
  });
  process.exit(status);
}

/** @typedef {{delayMs?: number, lossPercent?: number}} Cable what it does to each direction */
/** @typedef {{name: string, address: string, namespace: string, port: string}} Member port: its end at the bridge */

export class Network {
  /** So that two houses never have the same names, wherever they are listed. */
  #tag = randomBytes(3).toString('hex');
  /** @type {Map<string, Member>} */
  #members = new Map();
  /** @type {Set<string>} */
  #cuts = new Set();
  /** @type {Map<string, number>} */
  #losses = new Map();
  /** @type {Map<string, import('node:child_process').ChildProcess>} */
  #wires = new Map();
  #hasNetem = false;

  /**
   * The test itself is the member "desk": it is not cut off by cut() of groups unless it is named.
   * @param {string[]} names
   */
  static async build(names) {
    if (!process.env[INSIDE]) throw new Error('await enterHouse() first');
    const network = new Network();
    await network.#build(names);
    return network;
  }

  /** @param {string[]} names */
  async #build(names) {
    const hub = this.#namespace(SWITCH);
    await run('ip', ['netns', 'add', hub]);
    await this.#quiet(this.in(SWITCH));
    await run('ip', ['-n', hub, 'link', 'add', BRIDGE, 'type', 'bridge']);
    await run('ip', ['-n', hub, 'link', 'set', BRIDGE, 'up']);
    let number = 0;
    for (const name of [DESK, ...names]) {
      number += 1;
      await this.#add({ name, address: `${NET}.0.${number}`, namespace: this.#namespace(name), port: `p${number}` });
    }
    await this.#rules();
    this.#hasNetem = (await new Program('tc', ['-n', hub, 'qdisc', 'add', 'dev', BRIDGE, 'root', 'netem']).end).status === 0;
    if (this.#hasNetem) await run('tc', ['-n', hub, 'qdisc', 'del', 'dev', BRIDGE, 'root']);
  }

  /** @param {string} name */
  #namespace(name) {
    return `house-${this.#tag}-${name}`;
  }

  /**
   * Without IPv6: its addresses come up late, and all here is counted by IPv4 address.
   * @param {string[]} inside
   */
  async #quiet(inside) {
    await this.#in(inside, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link set lo up');
  }

  /** @param {string[]} inside @param {string[]} command */
  #in(inside, ...command) {
    const [path, ...args] = [...inside, ...command];
    return run(path, args);
  }

  /** @param {Member} member */
  async #add(member) {
    const { name, address, namespace, port } = member;
    const hub = this.#namespace(SWITCH);
    this.#members.set(name, member);
    if (name !== DESK) await run('ip', ['netns', 'add', namespace]);
    const inside = this.in(name);
    await this.#quiet(inside);
    await this.#in(inside, 'ip', 'link', 'add', 'e0', 'type', 'veth', 'peer', 'name', port, 'netns', hub);
    // The wire sees whole frames only: with their checksums, and no longer than the cable's.
    await this.#in(inside, 'ethtool', '-K', 'e0', 'tx', 'off', 'tso', 'off', 'gso', 'off', 'gro', 'off');
    await this.#in(inside, 'ip', 'address', 'add', `${address}/16`, 'dev', 'e0');
    await this.#in(inside, 'ip', 'link', 'set', 'e0', 'up');
    await run('ip', ['-n', hub, 'link', 'set', port, 'master', BRIDGE, 'up']);
  }

  /** @param {string} name @returns {Member} */
  #member(name) {
    const member = this.#members.get(name);
    if (!member) throw new Error(`nobody here is called ${name}`);
    return member;
  }

  /** How the others reach it. @param {string} name */
  address(name) {
    return this.#member(name).address;
  }

  /** What stands before a command that is to run there. @param {string} name */
  in(name) {
    return name === DESK ? [] : ['ip', 'netns', 'exec', this.#namespace(name)];
  }

  /**
   * Starts a program there; its process id is the program's own.
   * @param {string} name
   * @param {string} path
   * @param {string[]} args
   */
  start(name, path, ...args) {
    const [first, ...others] = [...this.in(name), path, ...args];
    return new Program(first, others);
  }

  /**
   * A file that starts this program there, for those who want one path (a browser's launcher).
   * @param {string} name
   * @param {string} path
   */
  wrapper(name, path) {
    const file = join(temporaryFolder(), `there-${name}`);
    writeFileSync(file, `#!/bin/sh\nexec ${[...this.in(name), path].join(' ')} "$@"\n`);
    chmodSync(file, 0o700);
    return file;
  }

  /**
   * More addresses for a member: one may hold few sockets at a server. Give them to `rehearse --source`.
   * @param {string} name
   * @param {number} count at most 250
   */
  async addresses(name, count) {
    const subnet = this.address(name).split('.')[3];
    const more = Array.from({ length: count }, (_, i) => `${NET}.${100 + Number(subnet)}.${i + 1}`);
    for (const address of more) await this.#in(this.in(name), 'ip', 'address', 'replace', `${address}/16`, 'dev', 'e0');
    return more;
  }

  /* ---- who reaches whom ---- */

  /**
   * From now on nothing goes between any of the one side and any of the other. It is dropped on the way; nobody is told.
   * @param {string|string[]} left
   * @param {string|string[]} right
   */
  async cut(left, right) {
    for (const pair of this.#pairs(left, right)) this.#cuts.add(pair);
    await this.#rules();
  }

  /**
   * Without arguments all cuts are healed.
   * @param {string|string[]} [left]
   * @param {string|string[]} [right]
   */
  async heal(left, right) {
    if (left === undefined || right === undefined) this.#cuts.clear();
    else for (const pair of this.#pairs(left, right)) this.#cuts.delete(pair);
    await this.#rules();
  }

  /** Everybody but these, and but the desk. @param {string[]} names */
  others(...names) {
    return [...this.#members.keys()].filter((name) => name !== DESK && !names.includes(name));
  }

  /**
   * So much of what goes between the two is lost, in each direction; 0: none.
   * @param {string} left
   * @param {string} right
   * @param {number} percent
   */
  async loseBetween(left, right, percent) {
    for (const pair of this.#pairs(left, right)) {
      if (percent > 0) this.#losses.set(pair, percent);
      else this.#losses.delete(pair);
    }
    await this.#rules();
  }

  /** @param {string|string[]} left @param {string|string[]} right */
  #pairs(left, right) {
    const pairs = [];
    for (const one of [left].flat())
      for (const other of [right].flat())
        if (one !== other) pairs.push([one, other].map((name) => this.address(name)).sort().join(' '));
    return pairs;
  }

  /** All rules anew, at once. */
  async #rules() {
    /** @type {string[]} */
    const lines = [];
    /** @param {string} pair @param {string} verdict */
    const both = (pair, verdict) => {
      const [one, other] = pair.split(' ');
      lines.push(`ip saddr ${one} ip daddr ${other} ${verdict}`, `ip saddr ${other} ip daddr ${one} ${verdict}`);
    };
    for (const pair of this.#cuts) both(pair, 'drop');
    for (const [pair, percent] of this.#losses) both(pair, `numgen random mod 1000000 < ${Math.round(percent * 10_000)} drop`);
    const text = ['table bridge house', 'delete table bridge house', 'table bridge house {', 'chain forward {',
      'type filter hook forward priority 0;', ...lines, '}', '}', ''].join('\n');
    const file = join(temporaryFolder(), 'rules');
    writeFileSync(file, text);
    await this.#in(this.in(SWITCH), 'nft', '-f', file);
  }

  /* ---- cables ---- */

  /** "netem", or "wire" where the kernel has none. */
  get cables() {
    return this.#hasNetem ? 'netem' : 'wire';
  }

  /**
   * Pulls a member's cable out, or puts it in again: unlike a cut, its own machine sees that.
   * @param {string} name
   * @param {boolean} isIn
   */
  async plug(name, isIn) {
    await run('ip', ['-n', this.#namespace(SWITCH), 'link', 'set', this.#member(name).port, isIn ? 'up' : 'down']);
  }

  /**
   * What a member's cable does from now on, in each direction; without a cable's figures it is a good one again.
   * @param {string} name
   * @param {Cable} [cable]
   */
  async shape(name, { delayMs = 0, lossPercent = 0 } = {}) {
    if (this.#hasNetem) await this.#shapeByNetem(name, delayMs, lossPercent);
    else await this.#shapeByWire(name, delayMs, lossPercent);
  }

  /** @param {string} name @param {number} delayMs @param {number} lossPercent */
  async #shapeByNetem(name, delayMs, lossPercent) {
    const { port } = this.#member(name);
    const netem = ['netem', 'delay', `${delayMs}ms`, 'loss', `${lossPercent}%`, 'limit', '8192'];
    await this.#in(this.in(name), 'tc', 'qdisc', 'replace', 'dev', 'e0', 'root', ...netem);
    await run('tc', ['-n', this.#namespace(SWITCH), 'qdisc', 'replace', 'dev', port, 'root', ...netem]);
  }

  /** @param {string} name @param {number} delayMs @param {number} lossPercent */
  async #shapeByWire(name, delayMs, lossPercent) {
    const { port } = this.#member(name);
    const hub = this.#namespace(SWITCH);
    const old = this.#wires.get(name);
    if (delayMs === 0 && lossPercent === 0) {
      if (!old) return;
      this.#wires.delete(name);
      await ended(old);
      await run('ip', ['-n', hub, 'link', 'del', `${port}w`]);
      await run('ip', ['-n', hub, 'link', 'set', port, 'master', BRIDGE]);
      return;
    }
    const wire = old ?? (await this.#splice(port));
    this.#wires.set(name, wire);
    const setting = `${Math.round(delayMs * 1000)} ${Math.round(lossPercent * 10_000)}`;
    let said = '';
    const listen = (/** @type {Buffer} */ text) => (said += text);
    wire.stdout?.on('data', listen);
    wire.stdin?.write(`${setting}\n`);
    await until('the wire is set', () => said.includes(`set ${setting}\n`) || wire.exitCode !== null);
    wire.stdout?.off('data', listen);
    if (wire.exitCode !== null) throw new Error(`the wire ended with status ${wire.exitCode}`);
  }

  /** Puts a wire between a port and the bridge. @param {string} port */
  async #splice(port) {
    const path = join(BUILD, 'tests/integration/house/wire');
    await run('cmake', ['--build', BUILD, '--target', 'wire']);
    if (!existsSync(path)) throw new Error(`${path} was not built`);
    const hub = this.#namespace(SWITCH);
    const [ours, bridged] = [`${port}w`, `${port}b`];
    await run('ip', ['-n', hub, 'link', 'add', ours, 'type', 'veth', 'peer', 'name', bridged]);
    await run('ip', ['-n', hub, 'link', 'set', ours, 'up']);
    await run('ip', ['-n', hub, 'link', 'set', port, 'nomaster']);
    await run('ip', ['-n', hub, 'link', 'set', bridged, 'master', BRIDGE, 'up']);
    const [first, ...others] = [...this.in(SWITCH), path, port, ours];
    return spawn(first, others, { stdio: ['pipe', 'pipe', 'inherit'] }); // it ends with us: its standard input does
  }
}

/** @param {import('node:child_process').ChildProcess} child */
function ended(child) {
  return new Promise((done) => {
    if (child.exitCode !== null || child.signalCode !== null) done(undefined);
    child.on('close', done);
    child.stdin?.end();
  });
}
