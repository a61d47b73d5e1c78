/**
 * admin-room.js - `<admin-room>`: one room of the administration.
 *
 * Sends `steer` {slug, action}, `want-invitations` {slug}, `invite` {slug, name, role} and
 * `revoke` {slug, id, name}; does nothing by itself.
 */
import { make, makeButton } from '../dom.js';
import { emit } from '../events.js';
import { countWords, currentLanguage, formatShort, t } from '../i18n.js';
import { CopyField } from './copy-field.js';
import { nameInput, roleChoice } from './host-lines.js';

/** @import {ApiRoom, Invitation, InvitationLink, Role, RoomState} from '../types.js' */
/** @typedef {'open'|'live'|'end'|'cancel'|'withdraw'} AdminAction */

/** @type {Record<RoomState, AdminAction[]>} */
const ACTIONS = {
  scheduled: ['open', 'cancel'],
  doors_open: ['live', 'cancel'],
  live: ['end'],
  ended: [],
  published: ['withdraw'],
  withdrawn: [],
  cancelled: [],
};

export class AdminRoom extends HTMLElement {
  #details = make('details');
  #list = make('div');
  #newLinks = make('div');
  #facts = make('div', 'room-facts');
  #language = '';
  slug = '';
  /** of the admin: the report's address needs it */
  token = '';

  connectedCallback() {
    if (this.childElementCount) return;
    this.append(make('div', 'room-line', [this.#facts, this.#details]));
    this.#details.addEventListener('toggle', () => {
      if (this.#details.open) emit(this, 'want-invitations', { slug: this.slug });
    });
  }

  /** @param {ApiRoom} room */
  show(room) {
    this.slug = room.slug;
    const link = make('a', '', room.title);
    link.href = `/r/${room.slug}`;
    const startMs = room.start_ms ?? room.live_ms;
    const facts = make('p', 'card-facts', [
      make('span', 'badge', t(`state.${room.state}`)),
      make('span', '', startMs === undefined ? t('rooms.noTime') : formatShort(startMs)),
    ]);
    facts.dataset['state'] = room.state;
    this.dataset['state'] = room.state;
    /** @type {HTMLElement[]} */
    const actions = ACTIONS[room.state].map((action) => {
      const className = action === 'end' || action === 'withdraw' ? 'small danger' : 'small';
      const button = makeButton(t(`admin.${action}`), className, () => emit(this, 'steer', { slug: room.slug, action }));
      button.dataset['action'] = action;
      return button;
    });
    const parts = [facts, make('h3', '', [link])];
    if (room.state === 'live') parts.push(make('p', 'muted', countWords('admin.numbers', room, { hearing: room.hearing, connected: room.connected })));
    const report = make('a', 'button small', t('admin.report'));
    report.href = `/r/${room.slug}/report#${this.token}`;
    actions.push(report);
    parts.push(make('div', 'actions', actions));
    if (this.#language !== currentLanguage()) this.#renderDetails();
    this.#facts.replaceChildren(...parts);
  }

  /** @param {Invitation[]} invitations */
  showInvitations(invitations) {
    this.#list.replaceChildren(...invitations.map((one) => {
      const agreed = one.revoked ? t('admin.revoked') : t(one.agreed ? 'admin.agreed' : 'admin.notAgreed');
      const line = make('div', 'invitation', [make('p', 'roster-name', [
        make('strong', '', one.name),
        make('span', 'muted', [t(`role.${one.role}`), agreed].join(', ')),
      ])]);
      if (!one.revoked) {
        const button = makeButton(t('admin.revoke'), 'small', () => emit(this, 'revoke', { slug: this.slug, id: one.id, name: one.name }));
        button.setAttribute('aria-label', t('admin.revokeFor', { name: one.name }));
        line.append(button);
      }
      return line;
    }));
  }

  /** @param {InvitationLink} link */
  showNewLink(link) {
    const field = new CopyField();
    this.#newLinks.append(field);
    field.show(t('admin.stageLink', { name: link.name, role: t(`role.${link.role}`) }), new URL(link.stage_url, location.origin).href);
  }

  /** Made once for each language: what is being typed there must survive the next update. */
  #renderDetails() {
    this.#language = currentLanguage();
    this.#details.replaceChildren(make('summary', '', t('admin.invitations')), this.#list, this.#newLinks, this.#inviteForm());
    if (this.#details.open) emit(this, 'want-invitations', { slug: this.slug });
  }

  #inviteForm() {
    const name = nameInput();
    const role = roleChoice('speaker');
    const submit = make('button', 'small', t('admin.invite'));
    const form = make('form', 'invite-form', [name, role, submit]);
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      if (name.value.trim() === '') return name.focus();
      emit(this, 'invite', { slug: this.slug, name: name.value.trim(), role: /** @type {Role} */ (role.value) });
      name.value = '';
    });
    return form;
  }
}

customElements.define('admin-room', AdminRoom);
