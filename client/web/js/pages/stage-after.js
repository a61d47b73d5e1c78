/** stage-after.js - what remains on the stage page when the room is over: recording and tracks. */
import { ApiError } from '../api.js';
import { byId, make, makeButton, saveBlob } from '../dom.js';
import { formatBytes, t } from '../i18n.js';

/** @import {Api} from '../api.js' */
/** @import {Role, RoomView, Stem} from '../types.js' */

const ASK_AGAIN_MS = 2_000;

export class AfterPanel {
  #api;
  #token;
  /** @type {Stem[]|null} */
  #stems = null;
  #asked = false;
  /** @type {RoomView|null} */
  #room = null;

  /**
   * @param {Api} api with the invitation's token
   * @param {string} token
   */
  constructor(api, token) {
    this.#api = api;
    this.#token = token;
  }

  /**
   * @param {RoomView} room
   * @param {Role|undefined} role
   */
  show(room, role) {
    this.#room = room;
    const published = room.state === 'published';
    byId('after-wait', HTMLElement).hidden = room.state !== 'ended';
    const link = byId('after-recording', HTMLAnchorElement);
    link.hidden = !published;
    link.href = `/r/${room.slug}`;
    const report = byId('after-report', HTMLAnchorElement);
    report.hidden = role !== 'owner' && role !== 'moderator';
    report.href = `/r/${room.slug}/report#${this.#token}`;
    if (published && role === 'owner' && !this.#asked) void this.#ask(room.slug);
    this.#render();
  }

  /** @param {string} slug */
  async #ask(slug) {
    this.#asked = true;
    try {
      this.#stems = await this.#api.stems(slug);
      this.#render();
    } catch (error) {
      const final = error instanceof ApiError && error.status >= 400 && error.status < 500;
      if (!final) setTimeout(() => void this.#ask(slug), ASK_AGAIN_MS);
    }
  }

  #render() {
    byId('stems', HTMLElement).hidden = this.#stems === null;
    const lines = (this.#stems ?? []).map((stem) => {
      const label = t('after.stem', { name: stem.name, size: formatBytes(stem.bytes) });
      const button = makeButton(label, 'small', () => void this.#download(stem, button));
      return make('li', '', [button]);
    });
    byId('stem-list', HTMLElement).replaceChildren(...(lines.length ? lines : [make('li', 'muted', t('after.noStems'))]));
  }

  /**
   * Fetched with the token in a header: a plain link would need it in the address.
   * @param {Stem} stem
   * @param {HTMLButtonElement} button
   */
  async #download(stem, button) {
    if (!this.#room) return;
    button.disabled = true;
    try {
      saveBlob(await this.#api.stem(this.#room.slug, stem.number), `${this.#room.slug}-${stem.number}.opus`);
    } catch {
      button.textContent = t('common.network');
    } finally {
      button.disabled = false;
    }
  }
}
