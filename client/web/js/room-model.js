/**
 * room-model.js - what is known of the room, kept up to date from the socket.
 *
 * Events: `change` after each message that changed something, `levels` for meters (frequent),
 * `problem` (ErrorMessage) when a message of ours was not acted upon. Never touches the page.
 */
import { assertNever, emit, listen } from './events.js';

/** @import {Audience, Consent, HostLevel, RoomView, RosterHost, ServerMessage, You} from './types.js' */
/** @import {Signal} from './protocol.js' */

export class RoomModel extends EventTarget {
  /** @type {RoomView|null} */
  room = null;
  /** @type {You|null} */
  you = null;
  /** @type {Consent|null} */
  consent = null;
  /** @type {RosterHost[]} */
  roster = [];
  /** @type {HostLevel[]} */
  levels = [];
  /** @type {Audience|null} */
  audience = null;
  /** The server's clock minus ours. */
  clockOffsetMs = 0;

  /**
   * @param {Signal} signal
   * @param {AbortSignal} lifetime
   */
  constructor(signal, lifetime) {
    super();
    listen(signal, 'message', (/** @type {ServerMessage} */ message) => this.#apply(message), lifetime);
  }

  /** @returns {number} the server's time now, so that countdowns agree everywhere */
  nowMs() {
    return Date.now() + this.clockOffsetMs;
  }

  /** @returns {RosterHost|undefined} our own line of the roster */
  get self() {
    return this.roster.find((host) => host.id === this.you?.id);
  }

  /** @returns {boolean} may steer the room */
  get maySteer() {
    return this.you?.role === 'owner' || this.you?.role === 'moderator';
  }

  /** @param {ServerMessage} message */
  #apply(message) {
    switch (message.type) {
      case 'welcome':
        this.room = message.room;
        this.you = message.you ?? null;
        this.consent = message.consent ?? null;
        this.clockOffsetMs = message.server_time_ms - Date.now();
        break;
      case 'room':
        this.room = message.room;
        break;
      case 'roster':
        this.roster = message.hosts;
        if (this.consent && this.self) this.consent.agreed = this.self.agreed;
        break;
      case 'levels':
        this.levels = message.levels;
        emit(this, 'levels', message.levels);
        return;
      case 'audience':
        this.audience = message;
        break;
      case 'error':
        emit(this, 'problem', message);
        return;
      case 'answer': /* these belong to the connection: peer-link.js and protocol.js */
      case 'refused':
      case 'media':
      case 'bye':
        return;
      default:
        assertNever(message);
        return;
    }
    emit(this, 'change');
  }
}
