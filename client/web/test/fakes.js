/** fakes.js - a socket and a peer connection that tests hold in their hands. */

// Node.js 18 has none.
globalThis.CustomEvent ??= /** @type {any} */ (class extends Event {
  /** @param {string} type @param {{detail?: unknown}} [options] */
  constructor(type, options) {
    super(type);
    this.detail = options?.detail;
  }
});

export class FakeSocket extends EventTarget {
  /** @type {FakeSocket[]} */
  static all = [];
  readyState = 0;
  url;
  /** @type {any[]} what the client sent, parsed */
  sent = [];

  /** @param {string} [url] */
  constructor(url = '') {
    super();
    this.url = url;
    FakeSocket.all.push(this);
  }

  /** @returns {FakeSocket} the newest */
  static get last() {
    const socket = FakeSocket.all.at(-1);
    if (!socket) throw new Error('no socket was opened');
    return socket;
  }

  /** @param {string} text */
  send(text) {
    this.sent.push(JSON.parse(text));
  }

  close() {
    this.readyState = 3;
  }

  open() {
    this.readyState = 1;
    this.dispatchEvent(new Event('open'));
  }

  /** @param {object} message */
  receive(message) {
    this.dispatchEvent(new MessageEvent('message', { data: JSON.stringify(message) }));
  }

  fail() {
    this.readyState = 3;
    this.dispatchEvent(new Event('close'));
  }
}

/** @param {string} state @returns {any} */
export function roomView(state) {
  return { slug: 'evening', title: 'Evening', state, recording: false, stereo: true, mode: 'normal', hosts: ['Anna'] };
}

/** @param {string} state @param {object} [more] */
export function welcome(state, more = {}) {
  FakeSocket.last.open();
  FakeSocket.last.receive({ type: 'welcome', server_time_ms: Date.now(), room: roomView(state), ...more });
}

const OFFER = [
  'v=0', 'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'a=rtpmap:111 opus/48000/2',
  'a=fmtp:111 minptime=10;useinbandfec=1', '',
].join('\r\n');

export class FakeConnection {
  /** @type {FakeConnection[]} */
  static all = [];
  connectionState = 'new';
  packets = 0;
  closed = false;
  /** @type {(() => void)|null} */
  onconnectionstatechange = null;
  /** @type {((event: any) => void)|null} */
  ontrack = null;
  /** @type {any[]} */
  offers = [];

  constructor() {
    FakeConnection.all.push(this);
  }

  /** @returns {FakeConnection} the newest */
  static get last() {
    const connection = FakeConnection.all.at(-1);
    if (!connection) throw new Error('no connection was made');
    return connection;
  }

  addTransceiver() {
    return { sender: { replaceTrack: async () => undefined }, setCodecPreferences() {} };
  }

  /** @param {object} options */
  async createOffer(options) {
    this.offers.push(options);
    return { type: 'offer', sdp: OFFER };
  }

  async setLocalDescription() {}

  async setRemoteDescription() {}

  async getStats() {
    return new Map([['in', {
      type: 'inbound-rtp', kind: 'audio', packetsReceived: this.packets, totalSamplesReceived: this.packets * 960,
    }]]);
  }

  close() {
    this.closed = true;
  }

  /** @param {string} state */
  become(state) {
    this.connectionState = state;
    this.onconnectionstatechange?.();
  }
}

/** The storage of a tab, as long as the test. */
export class FakeStorage {
  /** @type {Map<string, string>} */
  #values = new Map();

  /** @param {string} key @returns {string|null} */
  getItem(key) {
    return this.#values.get(key) ?? null;
  }

  /** @param {string} key @param {string} value */
  setItem(key, value) {
    this.#values.set(key, value);
  }

  /** @param {string} key */
  removeItem(key) {
    this.#values.delete(key);
  }
}

/**
 * The API as a test wants it: each answer is an object, or an Error to be thrown; the last one stays.
 * @typedef {object|Error} FakeAnswer
 */
export class FakeApi {
  /** @type {Record<'room'|'door'|'askLine', FakeAnswer[]>} */
  answers = { room: [], door: [], askLine: [] };
  /** Tickets in the order in which they were shown; '' is a newcomer. @type {string[]} */
  asked = [];
  /** @type {number[]} when */
  askedAtMs = [];
  /** @type {string[]} */
  left = [];
  looks = 0;

  /** @param {string} _slug @returns {Promise<any>} */
  async room(_slug) {
    return this.#next('room');
  }

  /** @param {string} _slug @returns {Promise<any>} */
  async door(_slug) {
    this.looks += 1;
    return this.#next('door');
  }

  /** @param {string} _slug @param {string} ticket @returns {Promise<any>} */
  async askLine(_slug, ticket) {
    this.asked.push(ticket);
    this.askedAtMs.push(Date.now());
    return this.#next('askLine');
  }

  /** @param {string} _slug @param {string} ticket */
  async leaveLine(_slug, ticket) {
    this.left.push(ticket);
  }

  /** @param {'room'|'door'|'askLine'} what */
  #next(what) {
    const list = this.answers[what];
    const answer = list.length > 1 ? list.shift() : list[0];
    if (answer === undefined) throw new Error(`the test gave no answer for ${what}`);
    if (answer instanceof Error) throw answer;
    return answer;
  }
}
