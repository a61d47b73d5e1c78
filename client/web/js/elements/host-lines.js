/** host-lines.js - `<host-lines>`: the hosts of a new room, a name and a role each. */
import { make, makeButton } from '../dom.js';
import { t } from '../i18n.js';

/** @import {Role} from '../types.js' */

/** @type {Role[]} */
const ROLES = ['owner', 'speaker', 'moderator'];
const NAME_MAX_CHARS = 80;

/**
 * @param {Role} chosen
 * @returns {HTMLSelectElement}
 */
export function roleChoice(chosen) {
  const select = make('select');
  for (const role of ROLES) {
    const option = new Option(t(`role.${role}`), role, role === chosen, role === chosen);
    option.dataset['t'] = `role.${role}`;
    select.add(option);
  }
  select.setAttribute('aria-label', t('admin.hostRole'));
  select.dataset['tLabel'] = 'admin.hostRole';
  return select;
}

/** @returns {HTMLInputElement} */
export function nameInput() {
  const input = make('input');
  input.maxLength = NAME_MAX_CHARS;
  input.autocomplete = 'off';
  input.setAttribute('aria-label', t('admin.hostName'));
  input.dataset['tLabel'] = 'admin.hostName';
  return input;
}

export class HostLines extends HTMLElement {
  connectedCallback() {
    if (!this.childElementCount) this.add();
  }

  add() {
    const input = nameInput();
    const drop = makeButton('×', 'small', () => (line.remove(), this.connectedCallback()));
    drop.setAttribute('aria-label', t('admin.dropHost'));
    drop.dataset['tLabel'] = 'admin.dropHost';
    const line = make('div', 'host-line', [input, roleChoice(this.childElementCount ? 'speaker' : 'owner'), drop]);
    const isFirst = this.childElementCount === 0;
    this.append(line);
    if (!isFirst) input.focus();
  }

  /** @returns {{name: string, role: Role}[]} lines without a name are left out */
  get hosts() {
    return [...this.querySelectorAll('.host-line')].map((line) => ({
      name: line.querySelector('input')?.value.trim() ?? '',
      role: /** @type {Role} */ (line.querySelector('select')?.value ?? 'speaker'),
    })).filter((host) => host.name !== '');
  }

  reset() {
    this.replaceChildren();
    this.add();
  }
}

customElements.define('host-lines', HostLines);
