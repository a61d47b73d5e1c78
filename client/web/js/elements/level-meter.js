/**
 * level-meter.js - `<level-meter>`: a level as a bar with marks and in a word, not by colour alone.
 *
 * The meter is never announced by itself: it changes too often.
 */
import { make, setText } from '../dom.js';
import { t } from '../i18n.js';

const FLOOR_DB = -60;
const QUIET_DB = -36;
const LOUD_DB = -3;
const FALL_DB_PER_UPDATE = 4;

export class LevelMeter extends HTMLElement {
  #bar = make('div', 'meter-bar');
  #word = make('span', 'meter-word');
  #shownDb = FLOOR_DB;

  connectedCallback() {
    if (this.childElementCount) return;
    const track = make('div', 'meter-track', [this.#bar]);
    track.setAttribute('aria-hidden', 'true');
    this.append(track, this.#word);
    this.setAttribute('role', 'meter');
    this.setAttribute('aria-valuemin', String(FLOOR_DB));
    this.setAttribute('aria-valuemax', '0');
    this.show(FLOOR_DB);
  }

  /** @param {number} levelDb peak, dB of full scale; rises at once and falls slowly */
  show(levelDb) {
    this.#shownDb = Math.max(FLOOR_DB, Math.min(0, levelDb), this.#shownDb - FALL_DB_PER_UPDATE);
    const key = this.#shownDb <= FLOOR_DB + 3 ? 'silent'
      : this.#shownDb < QUIET_DB ? 'quiet'
      : this.#shownDb < LOUD_DB ? 'good' : 'loud';
    this.#bar.style.setProperty('--level', String(1 - this.#shownDb / FLOOR_DB));
    this.dataset['level'] = key;
    setText(this.#word, t(`level.${key}`));
    this.setAttribute('aria-valuenow', String(Math.round(this.#shownDb)));
    this.setAttribute('aria-valuetext', `${Math.round(this.#shownDb)} dB, ${t(`level.${key}`)}`);
  }
}

customElements.define('level-meter', LevelMeter);
