/**
 * seat.js - what a seated listener has: a socket, what is known of the room, the sound. Never touches the page.
 */
import { Listener } from './listener.js';
import { Signal } from './protocol.js';
import { RoomModel } from './room-model.js';

/** @import {Socket} from './protocol.js' */
/** @import {Elsewhere} from './types.js' */

export class Seat {
  signal;
  model;
  listener;
  /** Ends with the seat. */
  life;
  #end = new AbortController();

  /**
   * Asks for the seat at once.
   * @param {{slug: string, token: string, socketUrl: string, at?: Elsewhere|undefined,
   *   createSocket?: ((url: string) => Socket)|undefined}} options at: the node to begin at, instead of home
   */
  constructor({ slug, token, socketUrl, at, createSocket }) {
    this.life = this.#end.signal;
    this.signal = new Signal({
      url: socketUrl, at, hello: { room: slug, as: 'listener', ...(token ? { token } : {}) }, lifetime: this.life,
      ...(createSocket ? { createSocket } : {}),
    });
    this.model = new RoomModel(this.signal, this.life);
    this.listener = new Listener(this.signal, this.model, this.life);
    this.listener.start();
  }

  /** Gives the seat up. */
  end() {
    this.#end.abort();
  }
}
