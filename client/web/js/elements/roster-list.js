/**
 * roster-list.js - `<roster-list>`: the hosts, who is here, who speaks.
 *
 * Sends `mute-host` {id, muted} and `remove-host` {id, name}; does nothing by itself.
 */
import { make, makeButton, setText } from '../dom.js';
import { emit } from '../events.js';
import { t } from '../i18n.js';

/** @import {HostLevel, RosterHost} from '../types.js' */
/** @typedef {{item: HTMLLIElement, bar: HTMLElement, speaking: HTMLElement}} Line */

const FLOOR_DB = -60;

export class RosterList extends HTMLElement {
  #list = make('ul', 'roster');
  /** @type {Map<number, Line>} */
  #lines = new Map();
  /** What is shown now; a new list of buttons would take the keyboard's focus away. */
  #shown = '';

  connectedCallback() {
    if (!this.childElementCount) this.append(this.#list);
  }

  /**
   * @param {RosterHost[]} hosts
   * @param {{youId: number|undefined, maySteer: boolean, language: string}} view
   */
  show(hosts, view) {
    const wanted = JSON.stringify([hosts, view]);
    if (wanted === this.#shown) return;
    this.#shown = wanted;
    const focused = document.activeElement?.getAttribute('data-key');
    this.#lines.clear();
    this.#list.replaceChildren(...hosts.map((host) => this.#line(host, view)));
    if (focused) this.querySelector(/** @type {'button'} */ (`[data-key="${focused}"]`))?.focus();
  }

  /** @param {HostLevel[]} levels */
  showLevels(levels) {
    for (const [id, line] of this.#lines) {
      const level = levels.find((one) => one.id === id);
      const share = level ? Math.max(0, 1 - Math.max(FLOOR_DB, level.level_dbov) / FLOOR_DB) : 0;
      line.bar.style.setProperty('--level', String(share));
      line.item.classList.toggle('speaking', level?.speaking === true);
      setText(line.speaking, level?.speaking ? t('roster.speaking') : '');
    }
  }

  /**
   * @param {RosterHost} host
   * @param {{youId: number|undefined, maySteer: boolean}} view
   * @returns {HTMLLIElement}
   */
  #line(host, { youId, maySteer }) {
    const isYou = host.id === youId;
    const name = make('p', 'roster-name', [
      make('strong', '', host.name),
      make('span', 'muted', [t(`role.${host.role}`), ...(isYou ? [t('roster.you')] : [])].join(', ')),
    ]);
    const speaking = make('span', 'speaking-word');
    const facts = make('p', 'roster-facts', [make('span', '', factsOf(host)), speaking]);
    const bar = make('div', 'meter-bar');
    const meter = make('div', 'meter-track small', [bar]);
    meter.setAttribute('aria-hidden', 'true');
    const item = make('li', host.on_stage ? 'on-stage' : host.present ? 'present' : 'absent', [make('div', 'roster-who', [name, facts, meter])]);
    item.dataset['host'] = String(host.id);
    if (maySteer && !isYou) item.append(this.#tools(host));
    this.#lines.set(host.id, { item, bar, speaking });
    return item;
  }

  /**
   * @param {RosterHost} host
   * @returns {HTMLElement}
   */
  #tools(host) {
    const { id, name } = host;
    const muted = host.muted_by_moderator;
    const mute = makeButton(t(muted ? 'roster.unmuteShort' : 'roster.muteShort'), 'small', () => emit(this, 'mute-host', { id, muted: !muted }));
    mute.setAttribute('aria-label', t(muted ? 'roster.unmute' : 'roster.mute', { name }));
    mute.dataset['key'] = `mute-${id}`;
    mute.hidden = !host.on_stage && !muted;
    const remove = makeButton(t('roster.removeShort'), 'small', () => emit(this, 'remove-host', { id, name }));
    remove.setAttribute('aria-label', t('roster.remove', { name }));
    remove.dataset['key'] = `remove-${id}`;
    return make('div', 'actions', [mute, remove]);
  }
}

/**
 * @param {RosterHost} host
 * @returns {string}
 */
function factsOf(host) {
  const facts = [t(host.on_stage ? 'roster.onStage' : host.present ? 'roster.present' : 'roster.absent')];
  if (host.muted_by_moderator) facts.push(t('roster.mutedByModerator'));
  else if (host.muted && host.on_stage) facts.push(t('roster.muted'));
  if (!host.agreed && host.present) facts.push(t('roster.notAgreed'));
  return facts.join(' · ');
}

customElements.define('roster-list', RosterList);
