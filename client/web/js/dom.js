/** dom.js - the page's few tools: find, make, translate. The only place that knows `data-t`. */
import { listen } from './events.js';
import { currentLanguage, i18n, startLanguage, t } from './i18n.js';
import { passOf } from './ticket.js';

/** @import {Key} from './i18n.js' */

const KEEP_BLOB_MS = 60_000;
const TOKEN = /^[A-Za-z0-9_-]{20,128}$/;

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const element = document.getElementById(id);
  if (!(element instanceof type)) throw new Error(`the page lacks #${id}`);
  return element;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {string} [className]
 * @param {string|HTMLElement[]} [content] a text or children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function make(tag, className = '', content = '') {
  const element = document.createElement(tag);
  if (className) element.className = className;
  if (typeof content === 'string') element.textContent = content;
  else element.append(...content);
  return element;
}

/**
 * @param {string} text
 * @param {string} className
 * @param {() => void} onClick
 * @returns {HTMLButtonElement}
 */
export function makeButton(text, className, onClick) {
  const button = make('button', className, text);
  button.type = 'button';
  button.addEventListener('click', onClick);
  return button;
}

/**
 * Writes only what changed: status regions are read aloud at each write.
 * @param {HTMLElement} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * @param {Blob} blob
 * @param {string} name of the file
 */
export function saveBlob(blob, name) {
  const link = make('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), KEEP_BLOB_MS);
}

/** @param {ParentNode} root */
export function translate(root) {
  for (const element of root.querySelectorAll('[data-t]')) {
    element.textContent = t(/** @type {Key} */ (element.getAttribute('data-t')));
  }
  for (const element of root.querySelectorAll('[data-t-label]')) {
    element.setAttribute('aria-label', t(/** @type {Key} */ (element.getAttribute('data-t-label'))));
  }
}

/**
 * Starts a page: its language, its lifetime.
 * @param {() => void} render called at once after each change of language
 * @returns {AbortSignal} ends with the page
 */
export function startPage(render) {
  const page = new AbortController();
  startLanguage();
  const apply = () => {
    document.documentElement.lang = currentLanguage();
    translate(document);
    render();
  };
  listen(i18n, 'language', apply, page.signal);
  window.addEventListener('pagehide', (event) => {
    if (!event.persisted) page.abort();
  });
  document.documentElement.lang = currentLanguage();
  translate(document);
  return page.signal;
}

/**
 * Takes the token out of the address, where others could see it, and keeps it for reloads of this tab.
 * @param {string} storageKey
 * @returns {string} '' if there is none
 */
export function takeToken(storageKey) {
  const token = location.hash.slice(1);
  if (!TOKEN.test(token)) return sessionStorage.getItem(storageKey) ?? '';
  sessionStorage.setItem(storageKey, token);
  history.replaceState(null, '', location.pathname + location.search);
  return token;
}

/**
 * Takes the pass of an invited listener out of the address.
 * @returns {string} '' if there is none
 */
export function takePass() {
  const pass = passOf(location.hash);
  if (pass) history.replaceState(null, '', location.pathname + location.search);
  return pass;
}

/** @returns {Storage|null} of this tab; null where the browser has none to give */
export function tabStorage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
