/** tap.mjs - counts checks, prints them as TAP, cleans up, ends the process. */

/** One test program: `const t = new Tap(); await t.run(async () => { t.ok(…); });` */
export class Tap {
  #count = 0;
  #failed = 0;
  /** @type {Array<() => unknown>} */
  #cleanups = [];

  /**
   * @param {boolean} good
   * @param {string} text
   * @param {unknown} [detail] printed beside the text: the figures behind the verdict
   */
  ok(good, text, detail) {
    this.#count += 1;
    if (!good) this.#failed += 1;
    const figures = detail === undefined ? '' : ` # ${typeof detail === 'string' ? detail : JSON.stringify(detail)}`;
    console.log(`${good ? 'ok' : 'not ok'} ${this.#count} - ${text}${figures}`);
    return good;
  }

  /** @param {string} text */
  note(text) {
    console.log(`# ${text.replaceAll('\n', '\n# ')}`);
  }

  /**
   * A measurement that the runner shows, and nobody judges.
   * @param {string} text
   */
  figure(text) {
    console.log(`figure: ${text}`);
  }

  /**
   * Runs at the end whatever happens, the last one first.
   * @param {() => unknown} cleanup
   */
  defer(cleanup) {
    this.#cleanups.push(cleanup);
  }

  /** @param {() => Promise<void>} body */
  async run(body) {
    const startMs = Date.now();
    try {
      await body();
    } catch (error) {
      this.ok(false, 'runs to its end', '');
      this.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    for (const cleanup of this.#cleanups.reverse()) {
      try {
        await cleanup();
      } catch (error) {
        this.ok(false, 'cleans up', String(error));
      }
    }
    console.log(`1..${this.#count}`);
    this.note(`${this.#count - this.#failed} of ${this.#count} passed in ${((Date.now() - startMs) / 1000).toFixed(1)} s`);
    process.exit(this.#failed === 0 && this.#count > 0 ? 0 : 1);
  }
}
