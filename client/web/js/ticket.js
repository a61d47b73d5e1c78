/**
 * ticket.js - what proves this tab's seat, place in line or invitation; kept over a reload of the tab.
 *
 * One text, whichever it is: the server gives a new one with each answer, and the last one counts.
 */

const TOKEN = /^[A-Za-z0-9_-]{20,128}$/;
const PASS = /^#pass=([A-Za-z0-9_-]{20,128})$/;

/**
 * @param {string} hash of the page's address
 * @returns {string} '' if it holds no pass
 */
export function passOf(hash) {
  return PASS.exec(hash)?.[1] ?? '';
}

export class Ticket {
  #keys;
  #storage;
  /** Also without storage, as long as the page lives. @type {Map<string, string>} */
  #values = new Map();

  /**
   * @param {string} slug
   * @param {Pick<Storage, 'getItem'|'setItem'|'removeItem'>|null} storage of the tab; null: none to be had
   */
  constructor(slug, storage) {
    this.#storage = storage;
    this.#keys = { ticket: `rostrum.ticket.${slug}`, pass: `rostrum.pass.${slug}`, standing: `rostrum.standing.${slug}` };
    for (const key of Object.values(this.#keys)) {
      const value = storage?.getItem(key) ?? '';
      if (TOKEN.test(value) || value === 'yes') this.#values.set(key, value);
    }
  }

  /** @returns {string} '': none */
  get value() {
    return this.#values.get(this.#keys.ticket) ?? this.pass;
  }

  /** @returns {string} of the link; '': none */
  get pass() {
    return this.#values.get(this.#keys.pass) ?? '';
  }

  /** Stands in line: a reload of the page goes on with it. */
  get standing() {
    return this.#values.has(this.#keys.standing);
  }

  set standing(stands) {
    this.#write(this.#keys.standing, stands ? 'yes' : '');
  }

  /** @param {string} ticket the server's newest */
  keep(ticket) {
    if (TOKEN.test(ticket)) this.#write(this.#keys.ticket, ticket);
  }

  /** The link was opened (again): what was got with the same pass stays. @param {string} pass */
  keepPass(pass) {
    if (pass === this.pass) return;
    this.#write(this.#keys.pass, pass);
    this.forget();
  }

  /** Seat or place were given up; a pass stays a pass. */
  forget() {
    this.#write(this.#keys.ticket, '');
    this.standing = false;
  }

  /** @param {string} key @param {string} value */
  #write(key, value) {
    if (value) this.#values.set(key, value);
    else this.#values.delete(key);
    try {
      if (value) this.#storage?.setItem(key, value);
      else this.#storage?.removeItem(key);
    } catch { /* full or forbidden: then it lasts as long as the page */ }
  }
}
