/** copy-field.js - `<copy-field>`: a link, or several lines of them, to hand on, with a button that copies. */
import { make, makeButton, setText } from '../dom.js';
import { t } from '../i18n.js';

let nextId = 1;

export class CopyField extends HTMLElement {
  #label = make('label', 'field-label');
  #input = this.hasAttribute('lines') ? make('textarea') : make('input');
  #button = makeButton('', '', () => void this.#copy());
  #status = make('span', 'copy-status');

  connectedCallback() {
    if (this.childElementCount) return;
    this.#input.id = `copy-field-${nextId++}`;
    this.#input.readOnly = true;
    this.#input.addEventListener('focus', () => this.#input.select());
    this.#label.htmlFor = this.#input.id;
    this.#status.setAttribute('role', 'status');
    this.append(this.#label, make('div', 'copy-row', [this.#input, this.#button]), this.#status);
  }

  /**
   * @param {string} label
   * @param {string} text
   */
  show(label, text) {
    setText(this.#label, label);
    setText(this.#button, t('common.copy'));
    this.#button.setAttribute('aria-label', `${t('common.copy')}: ${label}`);
    this.#input.value = text;
  }

  async #copy() {
    try {
      await navigator.clipboard.writeText(this.#input.value);
      setText(this.#status, t('common.copied'));
    } catch {
      this.#input.focus();
      setText(this.#status, t('common.copyFailed'));
    }
    setTimeout(() => setText(this.#status, ''), 3_000);
  }
}

customElements.define('copy-field', CopyField);
