/**
 * tree.mjs - a room's origin and relays on one machine, over loopback.
 *
 * The origin has few seats, so that it asks other nodes to carry the room as soon as some of these are taken; a relay stays as long
 * as somebody listens there.
 */
import { join } from 'node:path';
import { Server } from '../../browser/lib/server.mjs';
import { until } from '../../browser/lib/wait.mjs';
import { freePort } from '../../integration/ports.mjs';
import { clusterFlags, Redis } from '../../integration/redis.mjs';
import { Crowd } from './crowd.mjs';
import { LIMITS, Talk } from './talk.mjs';

const ORIGIN_SEATS = 16;
const ENOUGH_TO_ASK = 13; // of these: less than a quarter is free then
const CARRY_TIMEOUT_MS = 30_000;

export class Tree {
  /**
   * @param {Redis} redis
   * @param {Talk} origin
   * @param {Server[]} relays
   */
  constructor(redis, origin, relays) {
    this.redis = redis;
    this.origin = origin;
    this.relays = relays;
  }

  /**
   * Starts all nodes; none of them is a relay yet.
   * @param {import('../../browser/lib/tap.mjs').Tap} t
   * @param {{relays: number, seats: number, mark?: boolean}} options seats: of each relay; mark: a host's voice bears marks
   */
  static async start(t, { relays, seats, mark = false }) {
    const redis = await new Redis().start();
    t.defer(() => redis.kill());
    const ports = await Promise.all(Array.from({ length: relays + 1 }, freePort));
    const flags = (/** @type {number} */ i) => clusterFlags(redis, `n${i}`, { url: `http://127.0.0.1:${ports[i]}`, region: 'here' });
    const origin = new Talk({ seats: ORIGIN_SEATS, flags: flags(0), httpPort: Number(ports[0]), mark });
    await origin.start();
    const others = ports.slice(1).map((port, i) => {
      const server = new Server({ flags: [...LIMITS, '--governor', 'off', '--seats', String(seats), ...flags(i + 1)] });
      server.httpPort = port;
      return server;
    });
    const tree = new Tree(redis, origin, others);
    t.defer(() => tree.stop(t));
    for (const server of others) await server.start();
    await until('the nodes know each other', async () => (await origin.node()).cluster.nodes.length === relays + 1);
    return tree;
  }

  /** How many of them serve somebody. */
  async carrying() {
    const nodes = await Promise.all(this.relays.map((relay) => relay.api('GET', '/node')));
    return nodes.filter(({ connected }) => connected > 0).length;
  }

  /**
   * Fills the origin and then relay after relay with `perRelay` listeners, who all ask at the origin, until all relays carry the room.
   * Then those at the origin leave. The crowd that stays.
   * @param {import('../../browser/lib/tap.mjs').Tap} t
   * @param {number} perRelay
   */
  async grow(t, perRelay) {
    const first = new Crowd(this.origin, { listeners: ENOUGH_TO_ASK, ramp: 20 });
    t.defer(() => first.kill());
    await first.seated();
    const others = new Crowd({ url: this.origin.url }, { listeners: this.relays.length * perRelay, ramp: 5, whep: 0 });
    t.defer(() => others.kill());
    await until('all relays serve somebody', async () => (await this.carrying()) === this.relays.length, CARRY_TIMEOUT_MS);
    await first.leave();
    return others;
  }

  /** A crowd that asks at the first relay. @param {number} listeners @param {number} ramp */
  crowdAtRelay(listeners, ramp) {
    const [relay] = this.relays;
    const count = async () => (await relay.api('GET', '/node')).connected;
    return new Crowd({ url: relay.url, tokenFile: join(relay.state, 'admin.token') }, { listeners, ramp, whep: 50, count });
  }

  /** @param {import('../../browser/lib/tap.mjs').Tap} t */
  async stop(t) {
    for (const relay of this.relays) await relay.stop(t);
    await this.origin.stop(t);
    await this.redis.kill();
  }
}
