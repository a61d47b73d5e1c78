/** line-view.js - `<line-view>`: one's place in line, how many there are, how long it may take. */
import { make, setText } from '../dom.js';
import { formatNumber, t } from '../i18n.js';
import { isWorthSaying, waitWords } from '../wait-words.js';

/** @import {Line} from '../types.js' */

export class LineView extends HTMLElement {
  #title = make('p', 'line-title');
  #place = make('p', 'line-place');
  #of = make('p', 'line-of');
  #wait = make('p', 'line-wait');
  #said = make('p', 'visually-hidden');
  /** @type {{place: number, atMs: number}|null} */
  #last = null;

  connectedCallback() {
    if (this.childElementCount) return;
    this.#said.setAttribute('role', 'status');
    this.append(this.#title, this.#place, this.#of, this.#wait, this.#said);
  }

  /**
   * @param {{place: number, inLine: number, wait: Line['wait']}|null} view null: no place (yet)
   */
  show(view) {
    this.hidden = view === null;
    this.dataset['place'] = view ? String(view.place) : '';
    if (!view) {
      this.#last = null;
      setText(this.#said, '');
      return;
    }
    const { place, inLine } = view;
    const wait = waitWords(view.wait);
    setText(this.#title, t('line.title'));
    setText(this.#place, formatNumber(place));
    setText(this.#of, place === 1 ? t('line.next') : t('line.of', { n: Math.max(inLine, place) }));
    setText(this.#wait, wait);
    if (!isWorthSaying(this.#last, place, performance.now())) return;
    this.#last = { place, atMs: performance.now() };
    setText(this.#said, t('line.say', { place, n: Math.max(inLine, place), wait }));
  }
}

customElements.define('line-view', LineView);
