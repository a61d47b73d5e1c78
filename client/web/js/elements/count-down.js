/** count-down.js - `<count-down>`: the time left, as day, hour, minute and second cells. */
import { make, setText } from '../dom.js';
import { formatClock, formatDuration, t } from '../i18n.js';

const DAY_MS = 86_400_000;

export class CountDown extends HTMLElement {
  #label = make('p', 'countdown-label');
  #value = make('p', 'countdown-value');

  connectedCallback() {
    if (this.childElementCount) return;
    this.setAttribute('role', 'timer');
    this.append(this.#label, this.#value);
  }

  /** @param {number} leftMs */
  show(leftMs) {
    const begun = leftMs <= 0;
    setText(this.#label, begun ? '' : t('listen.startsIn'));
    setText(this.#value, begun ? t('listen.anyMoment') : leftMs > DAY_MS ? formatDuration(leftMs) : formatClock(leftMs));
    this.classList.toggle('in-words', begun || leftMs > DAY_MS);
  }
}

customElements.define('count-down', CountDown);
