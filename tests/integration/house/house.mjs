/**
 * house.mjs - nodes of one cluster, each on a network of its own, with a Redis, clients and a switch between them.
 *
 * Members: the nodes by their names, "redis", "clients" (audience and speakers), "desk" (the test itself). They start, die,
 * hang and are cut off from each other while the test asks them over HTTP what they know.
 */
import { Server } from '../../browser/lib/server.mjs';
import { ROSTRUM } from '../../browser/lib/programs.mjs';
import { until } from '../../browser/lib/wait.mjs';
import { clusterFlags, Redis } from '../redis.mjs';
import { Network } from './network.mjs';

const HTTP_PORT = '8080';
const MEDIA_PORT = '5004';
const ASK_AGAIN_MS = 3000; // who asks is sent to where a relay is to fit: not while they sit there

/** @typedef {{id: string, url: string, region: string, age_ms: number}} Seen */
/** @typedef {{directory: string, id: string, nodes: Seen[], relayed: Relayed[], words: Record<string, number>}} Cluster what `GET /api/v1/node` says of it */
/** @typedef {{room: string, parent: string, level: number, seats: number, seated: number, reserves: number, children: number,
 *   hears: boolean, frames: number, missing: number, repaired_red: number, repaired_again: number}} Relayed */

export class House {
  /** @type {Map<string, Server>} */
  #nodes = new Map();

  /**
   * @param {Network} network
   * @param {Redis} redis
   */
  constructor(network, redis) {
    this.network = network;
    this.redis = redis;
  }

  /**
   * Builds it and starts Redis; the nodes are started by start(). `await enterHouse()` comes first.
   * @param {import('../../browser/lib/tap.mjs').Tap} t ends what runs
   * @param {string[]} names of the nodes
   * @param {{flags?: string[], regions?: Record<string, string>, own?: Record<string, string[]>}} [options] flags: of every
   *   node; own: of some
   */
  static async build(t, names, { flags = [], regions = {}, own = {} } = {}) {
    const network = await Network.build(['redis', 'clients', ...names]);
    const redis = new Redis({ address: network.address('redis'), inside: network.in('redis') });
    const house = new House(network, redis);
    await redis.start();
    t.defer(() => redis.kill());
    for (const name of names) {
      const address = network.address(name);
      const cluster = clusterFlags(redis, name, { url: `http://${address}:${HTTP_PORT}`, region: regions[name] ?? 'here' });
      const server = new Server({ address, http: address, inside: network.in(name), flags: [...cluster, ...flags, ...(own[name] ?? [])] });
      [server.httpPort, server.mediaPort] = [HTTP_PORT, MEDIA_PORT];
      house.#nodes.set(name, server);
    }
    t.defer(() => Promise.all(house.all.map((server) => server.stop(t))));
    return house;
  }

  /** Starts nodes; without names, all. @param {string[]} names */
  async start(...names) {
    const wanted = names.length > 0 ? names : [...this.#nodes.keys()];
    await Promise.all(wanted.map((name) => this.node(name).start()));
  }

  /** To be asked, stopped, killed. @param {string} name */
  node(name) {
    const server = this.#nodes.get(name);
    if (!server) throw new Error(`there is no node ${name}`);
    return server;
  }

  get all() {
    return [...this.#nodes.values()];
  }

  /** Everything that a node tells its operator. @param {string} name */
  report(name) {
    return this.node(name).api('GET', '/node');
  }

  /** @param {string} name @returns {Promise<Cluster>} */
  async cluster(name) {
    return (await this.report(name)).cluster;
  }

  /** @param {string} name @returns {Promise<Array<{slug: string, state: string}>>} */
  async rooms(name) {
    return (await this.node(name).api('GET', '/rooms')).rooms;
  }

  /** How a node carries a room; undefined: it does not. @param {string} name @param {string} slug */
  async relayed(name, slug) {
    return (await this.cluster(name)).relayed.find(({ room }) => room === slug);
  }

  /** The name of the node from which another one takes the program. @param {string} name @param {string} slug */
  async parent(name, slug) {
    const { relayed, nodes } = await this.cluster(name);
    const id = relayed.find(({ room }) => room === slug)?.parent;
    const url = nodes.find((node) => node.id === id)?.url;
    return [...this.#nodes.keys()].find((one) => url !== undefined && this.node(one).url === url) ?? '';
  }

  /** Waits until a room is carried there; where nobody asked for it, somebody does. @param {string} name @param {string} slug */
  hears(name, slug) {
    let askMs = 0;
    return until(`${name} hears`, async () => {
      const place = await this.relayed(name, slug);
      if (place?.hears && place.seats > 0) return true;
      if (performance.now() >= askMs) {
        await this.rostrum(name, 'listen', slug, '--seconds', '1').end; // who asks does not wait for it
        askMs = performance.now() + ASK_AGAIN_MS;
      }
      throw new Error(JSON.stringify(place ?? 'it is not carried'));
    }, 40_000);
  }

  /**
   * `rostrum --json` among the clients, against a node.
   * @param {string} name
   * @param {string[]} args
   */
  rostrum(name, ...args) {
    return this.network.start('clients', ROSTRUM, '--server', this.node(name).url, '--json', ...args);
  }

  /**
   * A crowd among the clients. More than 64 need `--source` and network.addresses().
   * @param {string} name of the node at which they ask first
   * @param {string} slug
   * @param {number} listeners
   * @param {string[]} args
   */
  rehearse(name, slug, listeners, ...args) {
    return this.rostrum(name, 'rehearse', slug, '--listeners', String(listeners), ...args);
  }

  /**
   * Waits until each of `observers` sees exactly `wanted`. How long it took, in ms.
   * @param {string[]} observers
   * @param {string[]} wanted
   * @param {number} withinMs
   */
  async seeing(observers, wanted, withinMs) {
    const begin = performance.now();
    const urls = JSON.stringify(wanted.map((name) => this.node(name).url).sort());
    for (const observer of observers)
      await until(`${observer} sees ${wanted}`, async () => {
        const seen = JSON.stringify((await this.cluster(observer)).nodes.map(({ url }) => url).sort());
        if (seen !== urls) throw new Error(seen);
        return true;
      }, withinMs - (performance.now() - begin));
    return Math.round(performance.now() - begin);
  }

  /**
   * Waits until each of them says so of the directory ("up", "down"). How long it took, in ms.
   * @param {string[]} observers
   * @param {string} state
   * @param {number} withinMs
   */
  async told(observers, state, withinMs) {
    const begin = performance.now();
    for (const observer of observers)
      await until(`to ${observer} the directory is ${state}`, async () => (await this.cluster(observer)).directory === state,
        withinMs - (performance.now() - begin));
    return Math.round(performance.now() - begin);
  }
}
