/**
 * line.js - a place in the line for a seat: checks in when told, keeps its ticket whatever happens.
 *
 * Events: `change`; `seat` (one is held, connect now; Elsewhere: at that node); `over` (no seats will be given any more).
 * Never touches the page.
 *
 *   idle --enter()--> asking --a place--> waiting --a seat--> idle
 *   asking, waiting --refused--> refused --its time is over, or enter()--> asking
 *   any --leave() or rest()--> idle
 *
 * Without an answer it stays what it is and tries again (`offline`), with growing, random pauses: the server
 * keeps a place for two minutes.
 */
import { ApiError, askedPauseMs } from './api.js';
import { Appointment } from './appointment.js';
import { retryDelayMs, serverDelayMs } from './backoff.js';
import { emit } from './events.js';

/** @import {Api} from './api.js' */
/** @import {Ticket} from './ticket.js' */
/** @import {DoorView, Line as Place, LineAnswer, RefusedReason} from './types.js' */
/** @typedef {'idle'|'asking'|'waiting'|'refused'} LineState */
/** @typedef {{reason: RefusedReason, retryAtMs: number|null}} LineRefusal */

const AGAIN_MIN_MS = 200;
const AGAIN_MAX_MS = 90_000;
/** @type {ReadonlySet<string>} */
const REFUSALS = new Set(/** @type {RefusedReason[]} */ (['too_many_here', 'full', 'closing', 'overload', 'removed', 'banned']));

export class Line extends EventTarget {
  /** @type {LineState} */
  state = 'idle';
  /** As the server said it last. @type {Place|null} */
  place = null;
  /** @type {LineRefusal|null} */
  refusal = null;
  /** The last check-in got no answer. */
  offline = false;
  #slug;
  #api;
  #ticket;
  #next = new Appointment({ steady: true });
  #attempt = 0;
  #run = 0;
  /** The door's count at the first look after the last check-in. @type {number|null} */
  #movedThen = null;
  #moved = 0;
  /** At the last check-in. */
  #doorsClosed = false;

  /**
   * @param {string} slug
   * @param {Pick<Api, 'askLine'|'leaveLine'>} api
   * @param {Ticket} ticket
   * @param {AbortSignal} lifetime
   */
  constructor(slug, api, ticket, lifetime) {
    super();
    this.#slug = slug;
    this.#api = api;
    this.#ticket = ticket;
    lifetime.addEventListener('abort', () => this.#end(), { once: true });
  }

  /** @returns {number} the place now, as far as the door tells; 0: none yet */
  get placeNow() {
    if (!this.place) return 0;
    const gone = this.#movedThen === null ? 0 : Math.max(0, this.#moved - this.#movedThen);
    return Math.max(1, this.place.place - gone);
  }

  /**
   * Asks for a seat or a place.
   * @param {number} [delayMs] so long after
   */
  enter(delayMs = 0) {
    if (this.state === 'asking' || this.state === 'waiting') return;
    this.#end();
    this.#ticket.standing = true;
    this.state = 'asking';
    if (delayMs > 0) this.#next.make(delayMs, () => void this.#ask());
    else void this.#ask();
    emit(this, 'change');
  }

  /**
   * Whoever asked for a seat elsewhere got this place instead.
   * @param {Place} place
   * @param {number} retryAfterMs
   */
  resume(place, retryAfterMs) {
    this.#end();
    this.#ticket.standing = true;
    this.#stand(place, retryAfterMs);
    emit(this, 'change');
  }

  /**
   * @param {RefusedReason} reason
   * @param {number|null} retryAfterMs null: not again by itself
   */
  refuse(reason, retryAfterMs) {
    const delayMs = retryAfterMs === null ? null : serverDelayMs(retryAfterMs, Math.random);
    this.#end();
    this.state = 'refused';
    this.refusal = { reason, retryAtMs: delayMs === null ? null : Date.now() + delayMs };
    if (delayMs !== null) this.#next.make(delayMs, () => this.enter());
    emit(this, 'change');
  }

  /** Gives the place up and tells the server. */
  leave() {
    const ticket = this.#ticket.value;
    this.#end();
    this.#ticket.forget();
    if (ticket) this.#giveUp(ticket);
    emit(this, 'change');
  }

  /** Ends without giving anything up: there is a seat, or the room is over. */
  rest() {
    this.#end();
    this.#ticket.standing = false;
  }

  /** The page is looked at again: a check-in that was slept over is due now, no other. */
  catchUp() {
    this.#next.catchUp();
  }

  /** The network is back. */
  hurry() {
    if (this.offline) this.#next.hasten();
  }

  /**
   * What the door tells between two check-ins.
   * @param {Pick<DoorView, 'state'|'moved'>} door
   */
  see({ state, moved }) {
    if (!this.place) return;
    if (Number.isFinite(moved)) {
      this.#movedThen ??= moved;
      this.#moved = moved;
    }
    /* The one reason to come before the time: it was made for closed doors, and they were opened by hand. The looks at
       the door are spread, and so is this. */
    if (this.#doorsClosed && (state === 'doors_open' || state === 'live')) {
      this.#doorsClosed = false;
      this.#next.hasten();
    }
  }

  async #ask() {
    const run = this.#run;
    try {
      const answer = await this.#api.askLine(this.#slug, this.#ticket.value);
      if (run !== this.#run) this.#tooLate(answer);
      else this.#take(answer);
    } catch (error) {
      if (run !== this.#run) return;
      this.#missed(error);
    }
  }

  /** @param {LineAnswer} answer */
  #take(answer) {
    if (answer?.answer === 'seat' && typeof answer.ticket === 'string') {
      this.#ticket.keep(answer.ticket);
      this.rest();
      emit(this, 'change');
      emit(this, 'seat');
    } else if (answer?.answer === 'elsewhere' && typeof answer.url === 'string') {
      if (answer.ticket) this.#ticket.keep(answer.ticket);
      this.rest();
      emit(this, 'change');
      emit(this, 'seat', { url: answer.url, ticket: answer.ticket, region: answer.region });
    } else if (answer?.answer === 'line' && isPlace(answer.line)) {
      this.#stand(answer.line, answer.retry_after_ms);
      this.#doorsClosed = answer.state === 'scheduled';
      emit(this, 'change');
    } else {
      throw new TypeError('not an answer of the line');
    }
  }

  /**
   * @param {Place} place
   * @param {number} retryAfterMs
   */
  #stand(place, retryAfterMs) {
    this.#ticket.keep(place.ticket);
    this.state = 'waiting';
    this.place = place;
    this.refusal = null;
    this.offline = false;
    this.#attempt = 0;
    this.#movedThen = null;
    this.#doorsClosed = false;
    /* Exactly then: the server has spread the check-ins. Whatever it says, a place must not lapse. */
    const delayMs = Math.min(AGAIN_MAX_MS, Math.max(AGAIN_MIN_MS, Number.isFinite(retryAfterMs) ? retryAfterMs : AGAIN_MAX_MS));
    this.#next.make(delayMs, () => void this.#ask());
  }

  /** @param {unknown} error */
  #missed(error) {
    const code = error instanceof ApiError ? error.code : '';
    if (code === 'over' || (error instanceof ApiError && error.status === 404)) {
      this.rest();
      emit(this, 'change');
      emit(this, 'over');
      return;
    }
    if (error instanceof ApiError && REFUSALS.has(code)) {
      this.#ticket.keep(error.ticket);
      this.refuse(/** @type {RefusedReason} */ (code), error.retryAfterMs);
      return;
    }
    this.offline = true;
    this.#next.make(askedPauseMs(error) + retryDelayMs(this.#attempt++, Math.random), () => void this.#ask());
    emit(this, 'change');
  }

  /** It was left meanwhile: nobody waits with this one. @param {LineAnswer} answer */
  #tooLate(answer) {
    const ticket = answer?.answer === 'line' ? answer.line?.ticket : answer?.ticket;
    if (ticket && ticket !== this.#ticket.value) this.#giveUp(ticket);
  }

  /** @param {string} ticket */
  #giveUp(ticket) {
    this.#api.leaveLine(this.#slug, ticket).catch(() => undefined); /* it lapses by itself */
  }

  #end() {
    this.#run += 1;
    this.#next.cancel();
    this.#attempt = 0;
    this.state = 'idle';
    this.place = null;
    this.refusal = null;
    this.offline = false;
    this.#movedThen = null;
  }
}

/** @param {unknown} value @returns {boolean} */
function isPlace(value) {
  const place = /** @type {Place|null|undefined} */ (value);
  return typeof place?.ticket === 'string' && Number.isInteger(place.place) && place.place >= 1 && Number.isInteger(place.in_line);
}
