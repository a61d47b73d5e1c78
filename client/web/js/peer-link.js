/**
 * peer-link.js - one wanted WebRTC connection to the room, kept alive by itself.
 *
 * Events: `change`, `track` (MediaStream, to be attached at once). Never touches the page.
 *
 *   idle --start()--> connecting --connected--> connected
 *   connected --ICE disconnected/failed, no packets, `media lost`--> reconnecting --> connected
 *   any --refused by the server--> refused --its time is over--> connecting
 *   any --stop()--> idle
 *
 * Recovery climbs one step each time the step before did not help: ICE restart, a wholly new
 * connection, a new socket with a new connection (then with growing patience, for ever).
 * A new socket always means a new connection: the server knows the old one by its old socket.
 * At another node than home there is one step only, and a shorter patience: to begin anew at home.
 */
import { serverDelayMs } from './backoff.js';
import { emit, listen } from './events.js';
import { NoReply } from './protocol.js';

/** @import {RefusedReason, ServerMessage} from './types.js' */
/** @import {Signal, SignalStatus} from './protocol.js' */
/** @typedef {'idle'|'connecting'|'connected'|'reconnecting'|'refused'} LinkState */
/** @typedef {{reason: RefusedReason, message: string, retryAtMs: number|null}} Refusal */
/**
 * @typedef {object} LinkOptions
 * @property {(connection: RTCPeerConnection) => void} prepare adds tracks and transceivers
 * @property {(sdp: string) => string} shapeOffer
 * @property {() => boolean} expectsPackets whether silence on the wire means a fault
 */

const POLL_MS = 500;
const NO_PACKETS_MS = 3_000;
const AWAY_NO_PACKETS_MS = 1_500;
/* A timer so late stood still with the whole page, and so did the counting of packets. */
const SUSPENDED_MS = 1_200;
const FLOWING_MS = 1_600;
const NOT_PLAYED_MS = 2_500;
const ANSWER_TIMEOUT_MS = 8_000;
const STEADY_MS = 5_000;
const RESTART_PATIENCE_MS = 4_000;
const FRESH_PATIENCE_MS = 7_000;
const AWAY_PATIENCE_MS = 4_000;
const LAST_PATIENCE_MS = 60_000;

export class PeerLink extends EventTarget {
  /** @type {LinkState} */
  state = 'idle';
  /** @type {Refusal|null} */
  refusal = null;
  /** Packets of the last moments prove that audio arrives. */
  flowing = false;
  /** What arrives is decoded: false while the browser holds back the sound. */
  playing = true;
  /** How many steps of recovery were needed since it last ran steadily. */
  step = 0;

  #signal;
  #options;
  #wanted = false;
  /** @type {RTCPeerConnection|null} */
  #connection = null;
  /** Each negotiation supersedes the one before. */
  #run = 0;
  #negotiating = false;
  #wasConnected = false;
  /** This very connection stood once: an ICE restart may save it. */
  #established = false;
  #patientUntilMs = 0;
  #healthySinceMs = 0;
  /** Start of the present silence: the last packet, or the moment packets became due. */
  #quietSinceMs = 0;
  #expected = false;
  #polledAtMs = performance.now();
  #packets = 0;
  #samples = 0;
  #samplesRoseAtMs = 0;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #retryTimer;

  /**
   * @param {Signal} signal
   * @param {LinkOptions} options
   * @param {AbortSignal} lifetime
   */
  constructor(signal, options, lifetime) {
    super();
    this.#signal = signal;
    this.#options = options;
    listen(signal, 'message', (/** @type {ServerMessage} */ message) => this.#onMessage(message), lifetime);
    listen(signal, 'status', (/** @type {SignalStatus} */ status) => this.#onSignal(status), lifetime);
    const poll = setInterval(() => void this.#poll(), POLL_MS);
    lifetime.addEventListener('abort', () => (clearInterval(poll), this.stop()), { once: true });
  }

  /** @returns {RTCPeerConnection|null} */
  get connection() {
    return this.#connection;
  }

  start() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.step = 0;
    this.#wasConnected = false;
    this.#setState('connecting');
    if (this.#signal.status.state === 'open') void this.#negotiate('fresh');
  }

  /** Gives the connection up; tells the server so. */
  stop() {
    if (!this.#wanted) return;
    this.#wanted = false;
    if (this.#connection) this.#signal.send({ type: 'leave' });
    this.#drop();
    this.#setState('idle');
  }

  /** The network changed or came back: look now, don't wait for the next sign of trouble. */
  check() {
    if (this.#wanted && !this.#healthy()) this.#recover();
  }

  /** @param {ServerMessage} message */
  #onMessage(message) {
    if (message.type === 'media' && message.state === 'lost' && this.state === 'connected') this.#recover();
  }

  /** @param {SignalStatus} status */
  #onSignal(status) {
    if (status.state === 'open' && this.#wanted) void this.#negotiate('fresh');
    else if (status.state === 'closed' && this.#wanted) {
      this.#wanted = false;
      this.#drop();
      this.#setState('idle');
    }
  }

  /** @param {'fresh'|'restart'} how */
  async #negotiate(how) {
    const run = ++this.#run;
    clearTimeout(this.#retryTimer);
    this.refusal = null;
    this.#negotiating = true;
    this.#patientUntilMs = performance.now() + this.#patienceMs(how);
    this.#setState(this.#wasConnected ? 'reconnecting' : 'connecting');
    try {
      const connection = how === 'restart' && this.#connection ? this.#connection : this.#open();
      const offer = await connection.createOffer({ iceRestart: how === 'restart' });
      if (run !== this.#run) return;
      const sdp = this.#options.shapeOffer(offer.sdp ?? '');
      await connection.setLocalDescription({ type: 'offer', sdp });
      if (run !== this.#run) return;
      /* The server is ICE-lite and learns our address from our checks: no wait for candidates. */
      const reply = await this.#signal.request({ type: 'offer', sdp }, ANSWER_TIMEOUT_MS);
      if (run !== this.#run) return;
      if (reply.type === 'answer') await connection.setRemoteDescription(reply);
      else if (reply.type === 'refused') this.#refuse(reply.reason, reply.message, reply.retry_after_ms);
      else if (reply.code === 'consent_first' || reply.code === 'not_allowed') this.stop();
      else this.#drop();
    } catch (error) {
      if (run !== this.#run) return;
      if (error instanceof NoReply && this.#signal.status.state === 'open') this.#signal.restart();
      else if (!(error instanceof NoReply)) console.warn('negotiation failed', error);
    } finally {
      if (run === this.#run) this.#negotiating = false;
    }
  }

  /** @returns {RTCPeerConnection} */
  #open() {
    this.#closeConnection();
    const connection = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.#connection = connection;
    this.#established = false;
    this.#packets = this.#samples = 0;
    this.#quietSinceMs = this.#samplesRoseAtMs = performance.now();
    connection.ontrack = (event) => emit(this, 'track', new MediaStream([event.track]));
    connection.onconnectionstatechange = () => this.#onConnection(connection);
    this.#options.prepare(connection);
    return connection;
  }

  /** @param {RTCPeerConnection} connection */
  #onConnection(connection) {
    if (connection !== this.#connection || !this.#wanted) return;
    if (connection.connectionState === 'connected') {
      const nowMs = performance.now();
      this.#wasConnected = this.#established = true;
      this.#healthySinceMs = this.#quietSinceMs = this.#samplesRoseAtMs = nowMs;
      this.#patientUntilMs = 0;
      this.#setState('connected');
    } else if (this.state === 'connected') {
      this.#recover();
    }
  }

  /** @returns {boolean} */
  #healthy() {
    if (this.#connection?.connectionState !== 'connected') return false;
    return !this.#expected || performance.now() - this.#quietSinceMs < (this.#signal.isAway ? AWAY_NO_PACKETS_MS : NO_PACKETS_MS);
  }

  async #poll() {
    const connection = this.#connection;
    const sleptMs = performance.now() - this.#polledAtMs - POLL_MS;
    this.#polledAtMs = performance.now();
    if (sleptMs > SUSPENDED_MS - POLL_MS) this.#quietSinceMs += sleptMs;
    if (!this.#wanted) return;
    if (connection) {
      const inbound = await readInbound(connection);
      if (connection !== this.#connection || !this.#wanted) return;
      this.#measure(inbound);
    }
    const nowMs = performance.now();
    if (this.#healthy()) {
      if (this.state === 'reconnecting' && !this.#negotiating) this.#setState('connected');
      if (nowMs - this.#healthySinceMs > STEADY_MS && (this.flowing || !this.#expected)) this.step = 0;
    } else {
      this.#healthySinceMs = nowMs;
      const stuck = this.state !== 'refused' && !this.#negotiating && nowMs > this.#patientUntilMs;
      const { status } = this.#signal;
      const alone = status.state === 'waiting' && status.reason === 'moving'; /* no welcome is on its way */
      if (stuck && (status.state === 'open' || alone)) this.#recover();
    }
  }

  /** @param {{packets: number, samples: number|undefined}} inbound */
  #measure({ packets, samples }) {
    const nowMs = performance.now();
    const expected = this.#options.expectsPackets();
    if (expected && !this.#expected) this.#quietSinceMs = Math.max(this.#quietSinceMs, nowMs);
    this.#expected = expected;
    const before = `${this.flowing} ${this.playing}`;
    if (packets > this.#packets) this.#quietSinceMs = nowMs;
    this.flowing = packets > 0 && nowMs - this.#quietSinceMs < FLOWING_MS;
    if (samples === undefined || samples > this.#samples || !this.flowing) this.#samplesRoseAtMs = nowMs;
    this.playing = nowMs - this.#samplesRoseAtMs < NOT_PLAYED_MS;
    this.#packets = packets;
    this.#samples = samples ?? 0;
    if (before !== `${this.flowing} ${this.playing}`) emit(this, 'change');
  }

  #recover() {
    if (!this.#wanted || this.state === 'refused') return;
    const step = this.step++;
    this.#setState(this.#wasConnected ? 'reconnecting' : 'connecting');
    if (this.#signal.isAway) this.#signal.goHome();
    if (this.#signal.status.state !== 'open') return; /* its welcome starts a new connection */
    if (step === 0 && this.#established) void this.#negotiate('restart');
    else if (step <= 1) void this.#negotiate('fresh');
    else this.#signal.restart();
  }

  /**
   * @param {'fresh'|'restart'} how
   * @returns {number} how long to wait before the next step of recovery
   */
  #patienceMs(how) {
    if (how === 'restart') return RESTART_PATIENCE_MS;
    if (this.#signal.isAway) return AWAY_PATIENCE_MS;
    return Math.min(LAST_PATIENCE_MS, FRESH_PATIENCE_MS * 2 ** Math.max(0, Math.min(this.step, 8) - 2));
  }

  /**
   * @param {RefusedReason} reason
   * @param {string} message
   * @param {number|undefined} retryAfterMs
   */
  #refuse(reason, message, retryAfterMs) {
    this.#closeConnection();
    const delayMs = retryAfterMs === undefined ? null : serverDelayMs(retryAfterMs, Math.random);
    this.refusal = { reason, message, retryAtMs: delayMs === null ? null : Date.now() + delayMs };
    if (delayMs === null) this.#wanted = false;
    else this.#retryTimer = setTimeout(() => this.#signal.status.state === 'open' && void this.#negotiate('fresh'), delayMs);
    this.#setState('refused');
  }

  #drop() {
    this.#run += 1;
    this.#negotiating = false;
    clearTimeout(this.#retryTimer);
    this.refusal = null;
    this.#closeConnection();
  }

  #closeConnection() {
    const connection = this.#connection;
    this.#connection = null;
    this.#established = false;
    this.flowing = false;
    this.playing = true;
    if (!connection) return;
    connection.ontrack = connection.onconnectionstatechange = null;
    connection.close();
  }

  /** @param {LinkState} state */
  #setState(state) {
    this.state = state;
    emit(this, 'change');
  }
}

/**
 * @param {RTCPeerConnection} connection
 * @returns {Promise<{packets: number, samples: number|undefined}>} samples: undefined where the
 *   browser does not count them
 */
async function readInbound(connection) {
  let packets = 0;
  /** @type {number|undefined} */
  let samples;
  for (const report of (await connection.getStats()).values()) {
    if (report.type !== 'inbound-rtp' || report.kind !== 'audio') continue;
    packets += report.packetsReceived ?? 0;
    if (report.totalSamplesReceived !== undefined) samples = (samples ?? 0) + report.totalSamplesReceived;
  }
  return { packets, samples };
}
