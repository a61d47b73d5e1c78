/** stage-audience.js - the stage page's panel of the audience: numbers, mode and its cause, the owner's switch, passes. */
import { ApiError } from '../api.js';
import { byId, make, setText } from '../dom.js';
import { CopyField } from '../elements/copy-field.js';
import { causeWords, formatNumber, t } from '../i18n.js';

/** @import {Api} from '../api.js' */
/** @import {ConfirmDialog} from '../elements/confirm-dialog.js' */
/** @import {ApiRoom, Audience, Mode, RoomView} from '../types.js' */
/** @typedef {{mode: Mode, seats: number}} Wish seats: of small_audience; 0: as many as the server serves well */

const SEATS_MAX = 65_536;
const PASSES_MAX = 1_000;
/** @type {(keyof Pick<Audience, 'hearing'|'connected'|'in_line'|'turned_away'>)[]} */
const NUMBERS = ['hearing', 'connected', 'in_line', 'turned_away'];

export class AudiencePanel {
  #api;
  #dialog;
  #form = byId('mode-form', HTMLFormElement);
  #seats = byId('mode-seats', HTMLInputElement);
  #apply = byId('mode-apply', HTMLButtonElement);
  #passCount = byId('pass-count', HTMLInputElement);
  #makePasses = byId('make-passes', HTMLButtonElement);
  /** What the owner chose, as the server knows it. @type {Wish|null} */
  #wish = null;
  /** The form holds something that was not sent yet. */
  #edited = false;
  #busy = false;
  #slug = '';
  #connected = 0;
  /** Of the room, when #wish was asked for. */
  #askedFor = '';

  /**
   * @param {Api} api with the invitation's token
   * @param {ConfirmDialog} dialog
   */
  constructor(api, dialog) {
    this.#api = api;
    this.#dialog = dialog;
    this.#form.addEventListener('input', () => {
      this.#edited = true;
      this.#renderForm();
    });
    this.#form.addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#switch();
    });
    this.#passCount.addEventListener('input', () => this.#renderPasses());
    byId('pass-form', HTMLFormElement).addEventListener('submit', (event) => {
      event.preventDefault();
      void this.#invite();
    });
  }

  /**
   * @param {RoomView} room not over
   * @param {Audience|null} audience
   * @param {boolean} isOwner
   */
  show(room, audience, isOwner) {
    this.#slug = room.slug;
    this.#connected = audience?.connected ?? 0;
    byId('audience-numbers', HTMLElement).replaceChildren(...NUMBERS.map((name) => {
      const partly = audience?.at_least && (name === 'hearing' || name === 'connected');
      const number = audience ? formatNumber(audience[name] ?? 0) : '–';
      const value = make('dd', '', partly ? [make('small', '', t('audience.atLeast')), make('span', '', number)] : number);
      value.dataset['number'] = name;
      return make('div', '', [make('dt', '', t(`audience.${name}`)), value]);
    }));
    const seats = room.mode === 'small_audience' ? room.small_audience_seats : undefined;
    setText(byId('mode-name', HTMLElement), seats ? t('mode.smallOf', { n: seats }) : t(`mode.${room.mode}`));
    byId('mode-box', HTMLElement).dataset['mode'] = room.mode;
    setText(byId('mode-cause', HTMLElement), room.mode !== 'normal' && room.mode_cause ? t('mode.cause', { cause: causeWords(room.mode_cause) }) : '');
    setText(byId('mode-text', HTMLElement), modeText(room.mode));
    this.#form.hidden = !isOwner;
    byId('passes', HTMLElement).hidden = !isOwner;
    const asksFor = `${room.mode} ${room.mode_cause} ${room.small_audience_seats}`;
    if (isOwner && this.#askedFor !== asksFor) {
      this.#askedFor = asksFor;
      void this.#learnWish();
    }
    this.#renderForm();
    this.#renderPasses();
  }

  #renderPasses() {
    setText(this.#makePasses, t('passes.make', { n: this.#passes() }));
  }

  /** The room's view tells the mode in force; what the owner chose may be milder. */
  async #learnWish() {
    try {
      this.#setWish(await this.#api.room(this.#slug));
    } catch {
      this.#askedFor = ''; /* asked again with the next change */
    }
  }

  /** @param {ApiRoom} room */
  #setWish(room) {
    this.#wish = { mode: room.wanted_mode, seats: room.wanted_mode === 'small_audience' ? (room.small_audience_seats ?? 0) : 0 };
    this.#renderForm();
  }

  #renderForm() {
    const wish = this.#wish;
    if (wish && !this.#edited) {
      for (const radio of this.#radios()) radio.checked = radio.value === wish.mode;
      this.#seats.value = wish.seats > 0 ? String(wish.seats) : '';
    }
    const chosen = this.#chosen();
    byId('mode-seats-field', HTMLElement).hidden = chosen?.mode !== 'small_audience';
    const news = chosen !== null && (chosen.mode !== wish?.mode || chosen.seats !== wish.seats);
    this.#apply.disabled = this.#busy || !wish || !news;
    this.#seats.placeholder = t('audience.seatsAll');
  }

  /** @returns {HTMLInputElement[]} */
  #radios() {
    return [...this.#form.querySelectorAll('input')].filter((input) => input.type === 'radio');
  }

  /** @returns {Wish|null} as the form stands; null: no whole number of seats */
  #chosen() {
    const mode = /** @type {Mode} */ (this.#radios().find((radio) => radio.checked)?.value ?? 'normal');
    if (mode !== 'small_audience') return { mode, seats: 0 };
    if (!this.#seats.validity.valid) return null;
    const seats = this.#seats.value === '' ? 0 : Number(this.#seats.value);
    return Number.isInteger(seats) && seats >= 0 && seats <= SEATS_MAX ? { mode, seats } : null;
  }

  async #switch() {
    const chosen = this.#chosen();
    if (!chosen || this.#apply.disabled) return;
    const { mode, seats } = chosen;
    const title = t('audience.confirmTitle', { mode: seats ? t('mode.smallOf', { n: seats }) : t(`mode.${mode}`) });
    if (!await this.#dialog.ask({ title, text: this.#consequence(chosen), confirm: t('audience.apply'), confirmId: 'mode-confirm' })) return;
    this.#busy = true;
    this.#tell('');
    this.#renderForm();
    try {
      this.#setWish(await this.#api.setMode(this.#slug, mode, seats));
      this.#edited = false;
    } catch (error) {
      this.#tell(problemOf(error));
    }
    this.#busy = false;
    this.#renderForm();
  }

  /** What will happen. @param {Wish} wish @returns {string} */
  #consequence({ mode, seats }) {
    if (mode === 'economy') return t('audience.willEconomy');
    if (mode !== 'small_audience') return t('audience.willNormal');
    const parts = [t(seats ? 'audience.willSeats' : 'audience.willAll', { n: seats }), t('audience.willSmall')];
    if (seats && this.#connected > seats) parts.push(t('audience.willShrink', { n: this.#connected, seats: formatNumber(seats) }));
    return parts.join(' ');
  }

  async #invite() {
    const count = this.#passes();
    this.#makePasses.disabled = true;
    this.#tell('');
    try {
      const links = (await this.#api.makePasses(this.#slug, count)).map((url) => new URL(url, location.origin).href);
      const field = byId('pass-links', CopyField);
      field.hidden = false;
      field.show(t('passes.links', { n: links.length }), links.join('\n'));
    } catch (error) {
      this.#tell(problemOf(error));
    }
    this.#makePasses.disabled = false;
  }

  /** @returns {number} */
  #passes() {
    return Math.min(PASSES_MAX, Math.max(1, Math.floor(Number(this.#passCount.value)) || 1));
  }

  /** @param {string} problem */
  #tell(problem) {
    setText(byId('audience-problem', HTMLElement), problem);
  }
}

/** @param {unknown} error */
function problemOf(error) {
  return error instanceof ApiError && error.status > 0 ? error.message : t('common.network');
}

/** What a host is told of the mode in force. @param {Mode} mode */
function modeText(mode) {
  switch (mode) {
    case 'normal':
      return '';
    case 'economy':
      return t('stage.economy');
    case 'small_audience':
      return t('stage.smallAudience');
    case 'lifeboat':
      return t('stage.lifeboat');
  }
}
