/** stage-after.js - what remains on the stage page when the room is over: recording and tracks. */
import { ApiError } from '../api.js';
import { byId, make, makeButton } from '../dom.js';
import { formatBytes, t } from '../i18n.js';

/** @import {Api} from '../api.js' */
/** @import {RoomView, Stem} from '../types.js' */

const ASK_AGAIN_MS = 2_000;
const KEEP_BLOB_MS = 60_000;

export class AfterPanel {
  #api;
  /** @type {Stem[]|null} */
  #stems = null;
  #asked = false;
  /** @type {RoomView|null} */
  #room = null;

  /** @param {Api} api with the invitation's token */
  constructor(api) {
    this.#api = api;
  }

  /**
   * @param {RoomView} room
   * @param {boolean} isOwner
   */
  show(room, isOwner) {
    this.#room = room;
    const published = room.state === 'published';
    byId('after-wait', HTMLElement).hidden = room.state !== 'ended';
    const link = byId('after-recording', HTMLAnchorElement);
    link.hidden = !published;
    link.href = `/r/${room.slug}`;
    if (published && isOwner && !this.#asked) void this.#ask(room.slug);
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
      const url = URL.createObjectURL(await this.#api.stem(this.#room.slug, stem.number));
      const link = make('a');
      link.href = url;
      link.download = `${this.#room.slug}-${stem.number}.opus`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(url), KEEP_BLOB_MS);
    } catch {
      button.textContent = t('common.network');
    } finally {
      button.disabled = false;
    }
  }
}
