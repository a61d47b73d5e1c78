/** Whoever calls GET /node: a node that knows the secret is believed, and nobody else, and no word that was tampered with. */
// waits
// build: dev
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import WebSocket from 'ws';
import { Server } from '../browser/lib/server.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';
import { clusterFlags, Redis } from './redis.mjs';

const SECRET = 'a secret that all nodes of this test know';
const MAC_BYTES = 16;
const t = new Tap();

/** @param {Buffer} key @param {...Buffer} parts */
const hmac = (key, ...parts) => parts.reduce((mac, part) => mac.update(part), createHmac('sha256', key)).digest();

/** @param {number} number */
function counter(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

/** A node in so far as it calls; says what it is told to, true or not (server/tree/trust.h). */
class Caller {
  nonce = randomBytes(16);
  /** @type {Buffer[]} messages that were not read yet */
  messages = [];
  heard = 0;
  said = 0;
  closeCode = 0;

  /**
   * @param {Server} server
   * @param {{id?: string, secret?: string, protocol?: string, headers?: Record<string, string>}} [options]
   */
  constructor(server, { id = 'caller', secret = SECRET, protocol = 'rostrum.node.1', headers = {} } = {}) {
    this.id = id;
    this.key = hmac(Buffer.from(secret), Buffer.from('links'));
    this.socket = new WebSocket(`${server.url.replace(/^http/, 'ws')}/node`, protocol, { perMessageDeflate: false, headers });
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('open', () => resolve(this));
      this.socket.on('error', reject);
      this.socket.on('unexpected-response', (request, response) => reject(new Error(`HTTP ${response.statusCode}`)));
    });
    this.opened.catch(() => {});
    this.socket.on('message', (data) => this.messages.push(/** @type {Buffer} */ (data)));
    this.socket.on('close', (code) => { this.closeCode = code; });
  }

  async next() {
    await until('a message comes', () => {
      if (this.closeCode) throw new Error(`closed: ${this.closeCode}`);
      return this.messages.length > 0;
    });
    return /** @type {Buffer} */ (this.messages.shift());
  }

  closed() {
    return until('the link is closed', () => this.closeCode !== 0);
  }

  greet() {
    this.socket.send(Buffer.concat([Buffer.from([1, this.id.length]), Buffer.from(this.id), this.nonce]));
  }

  /** @param {string} label */
  transcript(label) {
    return Buffer.concat([
      Buffer.from([label.length]), Buffer.from(label), Buffer.from([this.id.length]), Buffer.from(this.id), this.nonce,
      Buffer.from([this.otherId.length]), Buffer.from(this.otherId), this.otherNonce,
    ]);
  }

  /** Takes the server's greeting and proof. */
  async hearGreeting() {
    const greeting = await this.next();
    const chars = greeting[1];
    this.otherId = greeting.subarray(2, 2 + chars).toString();
    this.otherNonce = greeting.subarray(2 + chars, 18 + chars);
    this.otherProof = greeting.subarray(18 + chars);
    if (greeting[0] !== 1 || greeting.length !== 18 + chars + MAC_BYTES) throw new Error(greeting.toString('hex'));
    return this.otherProof.equals(hmac(this.key, this.transcript('called proves')).subarray(0, MAC_BYTES));
  }

  /** As a node does it. */
  async prove() {
    await this.opened;
    this.greet();
    const knowsSecret = await this.hearGreeting();
    this.socket.send(hmac(this.key, this.transcript('caller proves')).subarray(0, MAC_BYTES));
    this.seals = ['caller seals', 'called seals'].map((label) => hmac(this.key, this.transcript(label)));
    return knowsSecret;
  }

  /** @param {string} word @param {number} [number] */
  seal(word, number = this.said++) {
    const bytes = Buffer.concat([counter(number), Buffer.from(word)]);
    return Buffer.concat([bytes, hmac(this.seals[0], bytes).subarray(0, MAC_BYTES)]);
  }

  /** The next word of the server, if it is the next and really its. */
  async word() {
    const sealed = await this.next();
    const bytes = sealed.subarray(0, -MAC_BYTES);
    const right = timingSafeEqual(hmac(this.seals[1], bytes).subarray(0, MAC_BYTES), sealed.subarray(-MAC_BYTES));
    if (!right || !bytes.subarray(0, 8).equals(counter(this.heard++))) throw new Error('not sealed as it should be');
    return bytes.subarray(8);
  }

  /** Says an empty word now and then, as nodes do. */
  talk() {
    const timer = setInterval(() => this.socket.send(this.seal('')), 300);
    this.socket.on('close', () => clearInterval(timer));
    return this;
  }
}

/**
 * The log holds at most one refusal a second: so it is tried until this one is there.
 * @param {Server} server
 * @param {string} what
 * @param {string} line
 * @param {() => Promise<Caller>} attempt resolves when the link is closed
 */
async function refused(server, what, line, attempt) {
  const before = server.log.length;
  await until(`${what} is logged`, async () => {
    const caller = await attempt();
    if (caller.closeCode !== 1006 && caller.closeCode !== 1005) throw new Error(`closed with ${caller.closeCode}`);
    const log = server.log.slice(before);
    if (!log.includes(line)) throw new Error(log);
    return true;
  });
  t.ok(true, `${what} ends the link, and is logged`);
}

/** @param {Server} server @param {object} [options] */
async function proved(server, options) {
  const caller = new Caller(server, options);
  await caller.prove();
  return caller;
}

/** @param {Server} server */
async function testWords(server) {
  const caller = new Caller(server);
  t.ok(await caller.prove(), 'the server knows the secret');
  await until('it is up', () => server.log.includes('tree.link_up node=caller called_by=other'));
  caller.talk();
  for (let i = 0; i < 6; i++)
    if ((await caller.word()).length > 0) throw new Error('a word that is not empty');
  t.ok(caller.closeCode === 0, 'a link over which nothing is said stays, by empty words');

  process.kill(server.pid, 'SIGSTOP');
  const until3s = caller.said + 10;
  await until('ten words are said to a stopped node', () => caller.said >= until3s);
  process.kill(server.pid, 'SIGCONT');
  caller.messages.length = 0;
  await until('it says something again', () => caller.messages.length > 2 || caller.closeCode !== 0);
  t.ok(caller.closeCode === 0, 'a node that was stopped does not take the others for stopped', { code: caller.closeCode });
  caller.socket.close();
  await until('it is down', () => server.log.includes('tree.link_down node=caller'));

  const silent = await proved(server, { id: 'silent' });
  await until('it is up', () => server.log.includes('tree.link_up node=silent'));
  const begin = performance.now();
  await silent.closed();
  const ms = Math.round(performance.now() - begin);
  t.ok(ms > 1400 && server.log.includes('tree.link_down node=silent called_by=other reason=silent'),
    'who says nothing is let go', { ms });
}

/** @param {Server} server */
async function testTampering(server) {
  const line = 'tree.link_refused node=caller reason=changed_or_repeated';
  await refused(server, 'a repeated word', line, async () => {
    const caller = await proved(server);
    const word = caller.seal('a');
    caller.socket.send(word);
    caller.socket.send(word);
    await caller.closed();
    return caller;
  });
  await refused(server, 'a word out of order', line, async () => {
    const caller = await proved(server);
    const first = caller.seal('a');
    caller.socket.send(caller.seal('b'));
    caller.socket.send(first);
    await caller.closed();
    return caller;
  });
  for (const at of [0, 8, -1])
    await refused(server, `a word with one bit changed (${at})`, line, async () => {
      const caller = await proved(server);
      const word = caller.seal('word');
      word[at < 0 ? word.length + at : at] ^= 1;
      caller.socket.send(word);
      await caller.closed();
      return caller;
    });
  await refused(server, 'its own word sent back', line, async () => {
    const caller = await proved(server);
    caller.socket.send(await caller.next());
    await caller.closed();
    return caller;
  });
  await refused(server, 'a word of another link', line, async () => {
    const [one, caller] = [await proved(server), await proved(server)];
    caller.socket.send(one.seal('a'));
    await caller.closed();
    one.socket.close();
    return caller;
  });
  await refused(server, 'a message that is too long', 'tree.link_refused node=caller reason=too_long', async () => {
    const caller = await proved(server);
    caller.socket.send(caller.seal('a'.repeat(65536 - 23)));
    await caller.closed();
    return caller;
  });
  const caller = await proved(server);
  caller.socket.send(caller.seal('a'.repeat(65536 - 24)));
  caller.talk();
  await caller.word();
  await caller.word();
  t.ok(caller.closeCode === 0, 'one that is just not too long is heard');
  caller.socket.close();
}

/** @param {Server} server */
async function testStrangers(server) {
  const first = await proved(server);
  const ownId = /** @type {string} */ (first.otherId);
  first.socket.close();
  await refused(server, 'another secret', 'tree.link_refused node=caller reason=wrong_secret', async () => {
    const caller = new Caller(server, { secret: 'another secret, which is just as long' });
    const knows = await caller.prove();
    await caller.closed();
    t.ok(!knows && caller.messages.length === 0, 'who has another secret hears nothing after its greeting');
    return caller;
  });
  await refused(server, 'the id of the node itself', `tree.link_refused node=${ownId} reason=own_id`, async () => {
    const caller = new Caller(server, { id: ownId });
    await caller.opened;
    caller.greet();
    await caller.closed();
    if (caller.messages.length > 0) throw new Error('it was greeted');
    return caller;
  });
  for (const [what, reason, bytes] of /** @type {[string, string, Buffer|string][]} */ ([
    ['nonsense', 'malformed', Buffer.from('hello')], ['a text', 'malformed', 'hello'],
    ['a long greeting', 'too_long', Buffer.alloc(200)], ['a sealed word before the proof', 'malformed', Buffer.alloc(40)],
  ]))
    await refused(server, what, `reason=${reason}`, async () => {
      const caller = new Caller(server);
      await caller.opened;
      caller.socket.send(bytes);
      await caller.closed();
      if (caller.messages.length > 0) throw new Error('it was greeted');
      return caller;
    });
  const begin = performance.now();
  await refused(server, 'silence instead of a proof', 'reason=no_proof_in_time', async () => {
    const caller = new Caller(server);
    await caller.opened;
    await caller.closed();
    return caller;
  });
  t.ok(performance.now() - begin > 2500, 'there is some time for the proof');
  const page = new Caller(server, { headers: { origin: server.url } });
  t.ok(await page.opened.catch((error) => error.message === 'HTTP 403') === true, 'no page can call');
  const visitor = new Caller(server, { protocol: 'rostrum.v1' });
  t.ok(await visitor.opened.catch((error) => error.message === 'HTTP 400') === true, 'nor one with the subprotocol of visitors');
}

/** @param {Server} server */
async function isNotThere(server) {
  const caller = new Caller(server);
  const upgrade = await caller.opened.catch((error) => error.message);
  return upgrade === 'HTTP 404' && (await fetch(`${server.url}/node`)).status === 404;
}

await t.run(async () => {
  const alone = await new Server().start();
  t.defer(() => alone.stop(t));
  t.ok(await isNotThere(alone), 'a node alone cannot be called');

  const redis = await new Redis().start();
  t.defer(() => redis.kill());
  const server = await new Server({ flags: clusterFlags(redis, 'a', SECRET) }).start();
  t.defer(() => server.stop(t));
  await testWords(server);
  await testTampering(server);
  await testStrangers(server);
  t.ok(!server.log.includes(SECRET), 'the secret is in no log');

  const last = (await proved(server, { id: 'last' })).talk();
  await until('it is up', () => server.log.includes('tree.link_up node=last'));
  await server.stop(t);
  await last.closed();
  t.ok(last.closeCode === 1001, 'a node that ends says so', { code: last.closeCode });
});
