/** recording-player.js - `<recording-player>`: the browser's own player with facts and download. */
import { make, makeButton, setText } from '../dom.js';
import { formatBytes, formatDuration, i18n, t } from '../i18n.js';

/** @import {Publication} from '../types.js' */

const SKIP_S = 15;
const SPEEDS = [0.8, 1, 1.2, 1.5, 2];

export class RecordingPlayer extends HTMLElement {
  #audio = make('audio');
  #facts = make('p', 'card-facts');
  #note = make('p', 'notice');
  #download = make('a', 'button');
  #back = makeButton('', '', () => (this.#audio.currentTime -= SKIP_S));
  #forward = makeButton('', '', () => (this.#audio.currentTime += SKIP_S));
  #speed = make('select');
  #speedLabel = make('label', 'speed');
  /** @type {{title: string, slug: string, publication: Publication}|null} */
  #recording = null;

  connectedCallback() {
    if (this.childElementCount) return;
    this.#audio.controls = true;
    this.#audio.preload = 'metadata';
    this.#audio.id = 'recording-audio';
    this.#download.id = 'recording-download';
    this.#note.hidden = true;
    this.#note.setAttribute('role', 'status');
    this.#audio.addEventListener('error', () => this.#fail());
    for (const speed of SPEEDS) this.#speed.add(new Option('', String(speed), speed === 1, speed === 1));
    this.#speed.addEventListener('change', () => (this.#audio.playbackRate = Number(this.#speed.value)));
    const name = make('span');
    this.#speedLabel.append(name, this.#speed);
    const tools = make('div', 'actions', [this.#back, this.#forward, this.#speedLabel]);
    this.append(this.#audio, this.#facts, this.#note, tools, make('div', 'actions', [this.#download]));
    i18n.addEventListener('language', () => this.#label());
  }

  /** @returns {HTMLAudioElement} */
  get audio() {
    return this.#audio;
  }

  /**
   * @param {string} title
   * @param {string} slug
   * @param {Publication} publication
   */
  show(title, slug, publication) {
    const url = new URL(publication.url, location.origin);
    this.#recording = { title, slug, publication };
    if (this.#audio.src !== url.href) this.#audio.src = url.href;
    url.searchParams.set('download', '1');
    this.#download.href = url.href;
    this.#download.download = `${slug}.opus`;
    this.#label();
  }

  #label() {
    if (!this.#recording) return;
    const { title, publication } = this.#recording;
    this.#audio.setAttribute('aria-label', t('player.title', { title }));
    setText(this.#facts, t('player.duration', { duration: formatDuration(publication.duration_ms) }));
    setText(this.#download, t('player.download', { size: formatBytes(publication.bytes) }));
    setText(this.#note, t('player.failed'));
    setText(this.#back, '− 15 s');
    setText(this.#forward, '+ 15 s');
    this.#back.setAttribute('aria-label', t('player.back'));
    this.#forward.setAttribute('aria-label', t('player.forward'));
    if (this.#speedLabel.firstElementChild) this.#speedLabel.firstElementChild.textContent = t('player.speed');
    for (const option of this.#speed.options) option.text = `${Number(option.value).toLocaleString(document.documentElement.lang)} ×`;
  }

  #fail() {
    this.#note.hidden = false;
  }
}

customElements.define('recording-player', RecordingPlayer);
