/**
 * visit.js - a listener's whole way at one room: the door, the line, the seat, the recording.
 *
 * Events: `change`, `track` (MediaStream, to be attached at once), `prepare` (MediaStream of the next seat, to be
 * attached at once and not heard yet), `switch` (the stream that was prepared is heard from now on, and no other).
 * Never touches the page.
 *
 *   outside --want()--> in line --a seat is held--> seated      (no line if the door says that seats are free)
 *   seated --refused with a place, shed--> in line              (with the ticket, by itself)
 *   any --the room is over--> ended --> published               (told by the door, or by the socket)
 *
 *   seated --the node wants to be left--> seated twice --the second one hears, or the first has gone--> seated
 *
 * Only who is seated holds a socket; all others look at the door.
 */
import { ApiError, askedPauseMs } from './api.js';
import { Appointment } from './appointment.js';
import { retryDelayMs } from './backoff.js';
import { Door } from './door.js';
import { emit, listen } from './events.js';
import { Line } from './line.js';
import { Move } from './move.js';
import { Seat } from './seat.js';

/** @import {Api} from './api.js' */
/** @import {ListenerState} from './listener.js' */
/** @import {Socket} from './protocol.js' */
/** @import {Ticket} from './ticket.js' */
/** @import {Audience, Elsewhere, RoomState, RoomView, ServerMessage} from './types.js' */
/**
 * @typedef {'loading'|'scheduled'|'idle'|'line'|'connecting'|'waiting'|'hearing'|'blocked'|'reconnecting'
 *   |'replaced'|'refused'|'ended'|'published'|'unknown'|'gone'|'cancelled'|'closing'} VisitState
 */
/** @typedef {{hearing: number, connected: number, in_line: number, turned_away: number, at_least: boolean}} Counts */

/** All who were shed at once do not come back at once; their tickets keep their order. */
const SHED_SPREAD_MS = 2_000;
/** After an address that is not followed. */
const MISLED_PAUSE_MS = 10_000;
/** @type {RoomState[]} */
const COURSE = ['scheduled', 'doors_open', 'live', 'ended'];

export class Visit extends EventTarget {
  /** @type {Seat|null} */
  seat = null;
  /** @type {Line} */
  line;
  /** @type {Door} */
  door;
  /** The server took the seat to protect the stage; until there is one again. */
  wasShed = false;
  #options;
  #unknown = false;
  #replaced = false;
  /** To another node, while the seat plays on. @type {Move|null} */
  #move = null;
  /** Of any seat, for the moment until a new one tells it. @type {Audience|null} */
  #audience = null;
  /** As the API or the last socket told it. @type {RoomView|null} */
  #view = null;
  #fetching = false;
  #fetchAgain = new Appointment();
  #fetchAttempt = 0;

  /**
   * @param {object} options
   * @param {string} options.slug
   * @param {Pick<Api, 'room'|'door'|'askLine'|'leaveLine'>} options.api
   * @param {Ticket} options.ticket
   * @param {string} options.socketUrl
   * @param {AbortSignal} options.lifetime
   * @param {(url: string) => Socket} [options.createSocket]
   */
  constructor(options) {
    super();
    this.#options = options;
    const { slug, api, ticket, lifetime } = options;
    this.line = new Line(slug, api, ticket, lifetime);
    this.door = new Door(() => api.door(slug), lifetime);
    listen(this.line, 'change', () => emit(this, 'change'), lifetime);
    listen(this.line, 'seat', (/** @type {Elsewhere|undefined} */ at) => this.#sit(at ?? undefined), lifetime);
    listen(this.line, 'over', () => void this.#fetch(), lifetime);
    listen(this.door, 'change', () => this.#onDoor(), lifetime);
    listen(this.door, 'unknown', () => this.#onUnknown(), lifetime);
    lifetime.addEventListener('abort', () => (this.#endMove(), this.seat?.end(), this.#fetchAgain.cancel()), { once: true });
  }

  /** Looks at the room; goes on with a place that this tab has in its line. */
  start() {
    this.door.watch();
    void this.#fetch();
    if (this.#options.ticket.standing) this.line.enter();
  }

  /** @returns {RoomView|null} */
  get room() {
    const view = this.seat?.model.room ?? this.#view;
    const seen = this.seat ? null : this.door.view;
    if (!view || !seen || isFinal(view.state)) return view;
    /* The door knows better what changes, but not all of what a finished room shows: see #onDoor(). */
    const { mode, mode_cause, start_ms } = { start_ms: view.start_ms, ...seen };
    const state = isFinal(seen.state) ? 'ended' : later(view.state, seen.state);
    return /** @type {RoomView} */ ({ ...view, state, mode, mode_cause, start_ms });
  }

  /** @returns {Counts|null} */
  get counts() {
    const seen = this.seat ? (this.seat.model.audience ?? this.#audience) : this.door.view;
    if (!seen) return null;
    const { hearing, connected, in_line = 0, turned_away = 0, at_least = false } = seen;
    return { hearing, connected, in_line, turned_away, at_least };
  }

  /** @returns {number} the server's time now, so that countdowns agree everywhere */
  nowMs() {
    return this.seat?.model.room ? this.seat.model.nowMs() : Date.now() + this.door.clockOffsetMs;
  }

  /** @returns {VisitState} */
  get state() {
    if (this.#unknown) return 'unknown';
    const room = this.room;
    if (!room) return 'loading';
    if (room.state === 'withdrawn') return 'gone';
    if (room.state === 'ended' || room.state === 'published' || room.state === 'cancelled') return room.state;
    if (this.#replaced) return 'replaced';
    if (this.seat?.signal.status.state === 'closed') return 'closing';
    if (this.seat) return seated(this.seat.listener.state);
    if (this.line.state === 'refused') return 'refused';
    if (this.line.state !== 'idle') return 'line';
    return room.state === 'scheduled' ? 'scheduled' : 'idle';
  }

  /** Wants to hear; to be called in the user's gesture. */
  want() {
    this.#replaced = false;
    const seen = this.door.view;
    const open = seen?.state === 'doors_open' || seen?.state === 'live';
    if (this.seat) this.seat.listener.start();
    else if (open && seen.seats_free && this.line.state !== 'waiting') this.#sit();
    else this.line.enter();
  }

  /** Gives up seat or place. */
  stop() {
    this.wasShed = false;
    if (this.seat) {
      this.seat.listener.stop();
      this.#stand();
    } else {
      this.line.leave();
    }
    emit(this, 'change');
  }

  /** The page is looked at again. */
  catchUp() {
    this.line.catchUp();
    this.door.catchUp();
  }

  /** The network is back. */
  hurry() {
    this.line.hurry();
    if (this.door.offline) this.door.hurry();
    if (this.#fetchAttempt > 0) this.#fetchAgain.hasten();
    this.seat?.signal.hurry();
    this.seat?.listener.check();
  }

  /** A recording that plays no more may have been withdrawn meanwhile. */
  lookAgain() {
    void this.#fetch();
  }

  /** @param {Elsewhere} [at] the node to begin at; else home */
  #sit(at) {
    this.line.rest();
    this.door.stop();
    this.#take(this.#makeSeat(at));
    emit(this, 'change');
  }

  /** @param {Elsewhere} [at] @returns {Seat} */
  #makeSeat(at) {
    const { slug, ticket, socketUrl, createSocket } = this.#options;
    return new Seat({ slug, token: ticket.value, socketUrl, at, createSocket });
  }

  /** From now on this is the seat. @param {Seat} seat */
  #take(seat) {
    this.seat = seat;
    listen(seat.signal, 'message', (/** @type {ServerMessage} */ message) => this.#onMessage(message), seat.life);
    listen(seat.signal, 'status', () => this.#onStatus(), seat.life);
    listen(seat.model, 'change', () => this.#onModel(), seat.life);
    listen(seat.listener, 'change', () => this.#onListener(), seat.life);
    listen(seat.listener, 'track', (/** @type {MediaStream} */ stream) => emit(this, 'track', stream), seat.life);
    if (seat.signal.status.state === 'closed') this.#onStatus();
  }

  /** Up from the seat: the socket goes, the door is looked at again. */
  #stand() {
    const seat = this.seat;
    this.#endMove();
    this.#view = seat?.model.room ?? this.#view;
    this.#audience = null;
    this.seat = null;
    seat?.end();
    if (this.#view && isFinal(this.#view.state)) return;
    this.door.watch();
  }

  /** @param {ServerMessage} message */
  #onMessage(message) {
    if (message.type === 'answer') {
      this.wasShed = false;
      this.#keepTicket(message.ticket);
    } else if (message.type === 'refused' && message.reason === 'elsewhere') {
      this.#keepTicket(message.elsewhere?.ticket); /* the socket goes there by itself */
    } else if (message.type === 'refused') {
      this.#stand();
      if (message.line) this.line.resume(message.line, message.retry_after_ms ?? 0);
      else if (message.reason === 'not_open' || message.reason === 'line') this.line.enter();
      else if (message.reason === 'over') void this.#fetch();
      else this.line.refuse(message.reason, message.retry_after_ms ?? null);
    } else if (message.type === 'media' && message.state === 'lost' && message.cause === 'shed') {
      this.wasShed = true;
      this.#stand();
      this.line.enter(Math.random() * SHED_SPREAD_MS);
    } else if (message.type === 'bye' && message.reason === 'moving') {
      this.#beginMove(message.retry_after_ms ?? 0);
    }
  }

  /** @param {string|undefined} newest */
  #keepTicket(newest) {
    const { ticket } = this.#options;
    if (newest) ticket.keep(newest);
    if (ticket.value) this.seat?.signal.setToken(ticket.value);
  }

  /** @param {number} afterMs */
  #beginMove(afterMs) {
    if (this.#move) return;
    const move = new Move(() => this.#makeSeat(), afterMs);
    this.#move = move;
    listen(move, 'message', (/** @type {ServerMessage} */ message) => {
      if (message.type === 'answer') this.#keepTicket(message.ticket);
    });
    listen(move, 'prepare', (/** @type {MediaStream} */ stream) => emit(this, 'prepare', stream));
    listen(move, 'ready', () => this.#moveOn());
  }

  /** The next seat takes over, whatever it has come to; without one, the present one mends what it lost. */
  #moveOn() {
    const taken = this.#move?.take();
    this.#move = null;
    const before = this.seat;
    if (!taken || !before) return;
    this.#view = before.model.room ?? this.#view;
    this.#audience = before.model.audience ?? this.#audience;
    this.#take(taken.seat);
    if (taken.stream) emit(this, 'switch', taken.stream);
    before.listener.stop();
    before.end();
    this.#onModel();
  }

  #endMove() {
    this.#move?.end();
    this.#move = null;
  }

  #onListener() {
    if (this.#move && this.seat?.listener.state === 'reconnecting') this.#moveOn();
    emit(this, 'change');
  }

  #onStatus() {
    const status = this.seat?.signal.status;
    if (this.#move?.next && status?.state === 'closed') {
      this.#moveOn();
    } else if (status?.state === 'closed' && status.reason === 'replaced') {
      this.#replaced = true;
      this.#stand();
    } else if (status?.state === 'closed' && status.reason === 'banned') {
      this.#stand();
      this.line.refuse('banned', null);
    } else if (status?.state === 'closed' && status.reason === 'unknown_room') {
      this.#onUnknown();
    } else if (status?.state === 'closed' && status.reason === 'elsewhere') {
      this.#stand();
      this.line.refuse('elsewhere', MISLED_PAUSE_MS);
    }
    emit(this, 'change');
  }

  #onModel() {
    this.#audience = this.seat?.model.audience ?? this.#audience;
    if (isFinal(this.seat?.model.room?.state)) this.#stand();
    emit(this, 'change');
  }

  #onDoor() {
    const seen = this.door.view;
    if (seen) this.line.see(seen);
    if (seen && seen.state !== 'scheduled' && seen.state !== 'doors_open' && seen.state !== 'live') {
      this.wasShed = this.#replaced = false;
      this.line.rest();
    }
    if (seen && isFinal(seen.state) && !isFinal(this.#view?.state)) void this.#fetch();
    emit(this, 'change');
  }

  #onUnknown() {
    this.#unknown = true;
    this.line.rest();
    this.door.stop();
    emit(this, 'change');
  }

  /** The whole room, as a page shows it; once at the start, and when it is over. */
  async #fetch() {
    if (this.#fetching) return;
    this.#fetching = true;
    try {
      this.#view = await this.#options.api.room(this.#options.slug);
      this.#fetchAttempt = 0;
      if (isFinal(this.#view.state)) {
        this.line.rest();
        this.door.stop();
      }
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) this.#onUnknown();
      else this.#fetchAgain.make(askedPauseMs(error) + retryDelayMs(this.#fetchAttempt++, Math.random), () => void this.#fetch());
    } finally {
      this.#fetching = false;
    }
    emit(this, 'change');
  }
}

/** One of the two may have lain in a cache. @param {RoomState} a @param {RoomState} b @returns {RoomState} */
function later(a, b) {
  return COURSE.indexOf(a) > COURSE.indexOf(b) ? a : b;
}

/** Nothing more will change but by hand. @param {RoomState|undefined} state */
function isFinal(state) {
  return state === 'published' || state === 'withdrawn' || state === 'cancelled';
}

/** @param {ListenerState} state @returns {VisitState} */
function seated(state) {
  return state === 'idle' ? 'connecting' : state;
}
