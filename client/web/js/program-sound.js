/**
 * program-sound.js - plays the program; two elements take turns, so that it can come from one node and then from
 * another without a gap. The one that is heard is `#program`; the other is silent.
 */

export class ProgramSound {
  #heard;
  #spare;

  /** @param {HTMLAudioElement} program in the page */
  constructor(program) {
    this.#heard = program;
    this.#spare = document.createElement('audio');
    this.#spare.setAttribute('playsinline', '');
    this.#spare.muted = true;
    program.after(this.#spare);
  }

  /** In the gesture itself: some browsers only let an element play that was started by hand. */
  unlock() {
    for (const element of [this.#heard, this.#spare]) void element.play().catch(() => undefined);
  }

  /**
   * Heard from now on.
   * @param {MediaStream} stream
   * @returns {Promise<boolean|null>} whether the browser lets it; null: another stream took its place meanwhile
   */
  async play(stream) {
    const element = this.#heard;
    element.srcObject = stream;
    try {
      await element.play();
    } catch (error) {
      return error instanceof DOMException && error.name === 'NotAllowedError' ? false : null;
    }
    return true;
  }

  /** Decoded at once, but not heard. @param {MediaStream} stream */
  prepare(stream) {
    this.#spare.srcObject = stream;
    void this.#spare.play().catch(() => undefined);
  }

  /**
   * What was prepared is heard from now on, and nothing else.
   * @param {MediaStream} stream
   * @returns {Promise<boolean|null>} as play()
   */
  async switchTo(stream) {
    if (this.#spare.srcObject !== stream || this.#spare.paused) return this.play(stream);
    const before = this.#heard;
    this.#heard = this.#spare;
    this.#spare = before;
    this.#heard.volume = before.volume;
    before.muted = true;
    this.#heard.muted = false;
    before.removeAttribute('id');
    this.#heard.id = 'program';
    before.srcObject = null;
    return true;
  }

  /** @param {number} volume 0..1 */
  setVolume(volume) {
    this.#heard.volume = volume;
  }

  stop() {
    for (const element of [this.#heard, this.#spare]) {
      if (element.srcObject) element.srcObject = null;
    }
  }
}
