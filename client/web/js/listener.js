/**
 * listener.js - hears a room's program, and knows truly whether it does.
 *
 * Events: `change` (state), `track` (MediaStream, to be attached at once). Never touches the page.
 *
 * | state        | holds                                                                |
 * |--------------|----------------------------------------------------------------------|
 * | idle         | nothing is wanted                                                    |
 * | connecting   | wanted, no audio yet                                                 |
 * | waiting      | connected, the room is not live yet                                  |
 * | hearing      | packets arrive and are played                                        |
 * | blocked      | packets arrive, the browser does not play them                       |
 * | reconnecting | was heard, does not arrive now; recovers by itself                   |
 * | refused      | the server said no; `refusal` says why and when it is asked again    |
 */
import { emit, listen } from './events.js';
import { PeerLink } from './peer-link.js';
import { withNack, withStereo } from './sdp.js';

/** @import {Signal} from './protocol.js' */
/** @import {RoomModel} from './room-model.js' */
/**
 * @typedef {'idle'|'connecting'|'waiting'|'hearing'|'blocked'|'reconnecting'
 *   |'refused'} ListenerState
 */

export class Listener extends EventTarget {
  /** @type {ListenerState} */
  state = 'idle';
  #model;
  #link;
  #wanted = false;
  #heard = false;
  #mayPlay = true;

  /**
   * @param {Signal} signal
   * @param {RoomModel} model
   * @param {AbortSignal} lifetime
   */
  constructor(signal, model, lifetime) {
    super();
    this.#model = model;
    this.#link = new PeerLink(signal, {
      prepare: (connection) => void connection.addTransceiver('audio', { direction: 'recvonly' }),
      shapeOffer: (sdp) => withNack(model.room?.stereo ? withStereo(sdp) : sdp),
      expectsPackets: () => model.room?.state === 'live',
    }, lifetime);
    listen(this.#link, 'change', () => this.#update(), lifetime);
    listen(this.#link, 'track', (/** @type {MediaStream} */ stream) => emit(this, 'track', stream), lifetime);
    listen(model, 'change', () => this.#onRoom(), lifetime);
  }

  /** @returns {import('./peer-link.js').Refusal|null} */
  get refusal() {
    return this.#link.refusal;
  }

  /** @returns {boolean} it never got through: the network may be in the way */
  get strugglesToConnect() {
    return !this.#heard && this.#link.step >= 3;
  }

  /** To be called in the user's gesture. */
  start() {
    this.#wanted = true;
    this.#heard = false;
    this.#mayPlay = true;
    this.#link.start();
    this.#update();
  }

  stop() {
    this.#wanted = false;
    this.#link.stop();
    this.#update();
  }

  /** The network came back. */
  check() {
    this.#link.check();
  }

  /**
   * The page tells whether the browser let it play.
   * @param {boolean} mayPlay
   */
  setMayPlay(mayPlay) {
    this.#mayPlay = mayPlay;
    this.#update();
  }

  #onRoom() {
    const state = this.#model.room?.state;
    if (state && state !== 'scheduled' && state !== 'doors_open' && state !== 'live') this.stop();
    this.#update();
  }

  #update() {
    const state = this.#judge();
    if (state === 'hearing') this.#heard = true;
    const refused = state === 'refused';
    if (state === this.state && !refused) return;
    this.state = state;
    if (refused && this.#link.refusal?.retryAtMs === null) this.#wanted = false;
    emit(this, 'change');
  }

  /** @returns {ListenerState} */
  #judge() {
    if (this.#link.state === 'refused') return 'refused';
    if (!this.#wanted) return 'idle';
    const live = this.#model.room?.state === 'live';
    switch (this.#link.state) {
      case 'idle':
      case 'connecting':
        return 'connecting';
      case 'reconnecting':
        return 'reconnecting';
      case 'connected':
        if (!live) return 'waiting';
        if (this.#link.flowing) return this.#link.playing && this.#mayPlay ? 'hearing' : 'blocked';
        return this.#heard ? 'reconnecting' : 'connecting';
    }
  }
}
