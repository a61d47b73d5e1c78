/**
 * host.js - a host's place on the stage: sends the microphone, receives the others.
 *
 * Events: `change` (state, muted), `track` (MediaStream of the others, to be attached at once).
 * Never touches the page. The microphone's track belongs to microphone.js; it is only lent.
 *
 *   idle --join()--> joining --connected--> on_stage <--> reconnecting
 *   joining --refused--> refused --doors open or its time is over--> joining
 *   any --leave(), the room is over--> idle
 */
import { emit, listen } from './events.js';
import { PeerLink } from './peer-link.js';
import { withNack, withStereo } from './sdp.js';

/** @import {Signal} from './protocol.js' */
/** @import {RoomModel} from './room-model.js' */
/** @typedef {'idle'|'joining'|'on_stage'|'reconnecting'|'refused'} HostState */

export class Host extends EventTarget {
  /** @type {HostState} */
  state = 'idle';
  /** What this host chose; `silenced` says what is true. */
  muted = false;
  #signal;
  #model;
  #link;
  #wanted = false;
  /** @type {MediaStreamTrack|null} */
  #track = null;
  /** @type {RTCRtpTransceiver|null} */
  #transceiver = null;

  /**
   * @param {Signal} signal
   * @param {RoomModel} model
   * @param {AbortSignal} lifetime
   */
  constructor(signal, model, lifetime) {
    super();
    this.#signal = signal;
    this.#model = model;
    this.#link = new PeerLink(signal, {
      prepare: (connection) => this.#prepare(connection),
      shapeOffer: (sdp) => withNack(model.room?.stereo ? withStereo(sdp) : sdp),
      expectsPackets: () => false, /* whoever is alone on the stage hears nobody */
    }, lifetime);
    listen(this.#link, 'change', () => this.#update(), lifetime);
    listen(this.#link, 'track', (/** @type {MediaStream} */ stream) => emit(this, 'track', stream), lifetime);
    listen(model, 'change', () => this.#onRoom(), lifetime);
  }

  /** @returns {import('./peer-link.js').Refusal|null} */
  get refusal() {
    return this.#link.refusal;
  }

  /** @returns {boolean} nothing of this microphone is heard: by own choice or a moderator's */
  get silenced() {
    return this.muted || this.#model.self?.muted_by_moderator === true;
  }

  /**
   * Goes to the stage with this microphone. The host must have agreed to be recorded.
   * @param {MediaStreamTrack} track
   */
  join(track) {
    this.#wanted = true;
    this.setTrack(track);
    this.#link.start();
    this.#update();
  }

  leave() {
    this.#wanted = false;
    this.#link.stop();
    this.#update();
  }

  /**
   * Another microphone, without a new connection.
   * @param {MediaStreamTrack|null} track
   */
  setTrack(track) {
    this.#track = track;
    this.#silence();
    void this.#transceiver?.sender.replaceTrack(track).catch((error) => {
      if (this.#link.connection) console.warn('microphone not replaced', error);
    });
  }

  /** @param {boolean} muted */
  setMuted(muted) {
    this.muted = muted;
    this.#silence(); /* at once, whatever the network does */
    this.#signal.send({ type: 'mute', muted });
    emit(this, 'change');
  }

  /** The network came back. */
  check() {
    this.#link.check();
  }

  /** @param {RTCPeerConnection} connection */
  #prepare(connection) {
    const transceiver = connection.addTransceiver(this.#track ?? 'audio', { direction: 'sendrecv' });
    this.#transceiver = transceiver;
    const codecs = RTCRtpReceiver.getCapabilities('audio')?.codecs ?? [];
    const redundant = codecs.filter((codec) => /^audio\/red$/i.test(codec.mimeType));
    const opus = codecs.filter((codec) => /^audio\/opus$/i.test(codec.mimeType));
    if (redundant.length && opus.length) transceiver.setCodecPreferences([...redundant, ...opus]);
  }

  #silence() {
    if (this.#track) this.#track.enabled = !this.silenced;
  }

  #onRoom() {
    const state = this.#model.room?.state;
    if (state && state !== 'scheduled' && state !== 'doors_open' && state !== 'live') {
      this.leave();
    } else if (this.#wanted && state !== 'scheduled' && this.#link.state !== 'connected') {
      const refused = this.#link.state === 'refused' && this.#link.refusal?.reason === 'not_open';
      if (refused) this.#link.stop();
      if (refused || this.#link.state === 'idle') this.#link.start();
    }
    this.#silence();
    this.#update();
  }

  #update() {
    const state = this.#judge();
    if (state !== this.state && state === 'on_stage') this.#signal.send({ type: 'mute', muted: this.muted });
    this.state = state;
    emit(this, 'change');
  }

  /** @returns {HostState} */
  #judge() {
    if (!this.#wanted) return this.#link.state === 'refused' ? 'refused' : 'idle';
    switch (this.#link.state) {
      case 'idle':
      case 'connecting':
        return 'joining';
      case 'connected':
        return 'on_stage';
      case 'reconnecting':
        return 'reconnecting';
      case 'refused':
        return 'refused';
    }
  }
}
