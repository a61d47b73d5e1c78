/**
 * i18n.js - the language of the page: words by key, plurals by rule, dates and numbers by Intl.
 *
 * Chosen by navigator.languages, changed by setLanguage(), remembered. `language` events on `i18n`.
 * Never touches the page (dom.js writes the words into it).
 */
import { emit } from './events.js';
import { de } from './strings.de.js';
import { en } from './strings.en.js';

/** @typedef {keyof typeof en} Key */
/** @typedef {'en'|'de'} Language */
/** @typedef {string|{one: string, other: string}} Phrase */
/** @typedef {Record<string, string|number>} Values */

const STORAGE_KEY = 'rostrum.language';
/** @type {Record<Language, Record<Key, Phrase>>} */
const PHRASES = { en, de };
/** @type {Language[]} */
export const LANGUAGES = ['en', 'de'];

/**
 * @param {readonly string[]} wishes BCP 47 tags, best first
 * @returns {Language}
 */
export function chooseLanguage(wishes) {
  for (const wish of wishes) {
    const found = LANGUAGES.find((language) => wish.toLowerCase().split('-')[0] === language);
    if (found) return found;
  }
  return 'en';
}

/** Tells of `language` changes. */
export const i18n = new EventTarget();
/** @type {Language} */
let language = 'en';
/** The full tag gives dates their regional form (en-GB: 24 hours). */
let locale = 'en';

/** Reads the wish of the browser or an earlier choice; called once by each page. */
export function startLanguage() {
  const stored = read();
  language = chooseLanguage(stored ? [stored] : navigator.languages);
  locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(language)) ?? language;
  emit(i18n, 'language');
}

/** @returns {Language} */
export function currentLanguage() {
  return language;
}

/** @param {Language} wish */
export function setLanguage(wish) {
  try {
    localStorage.setItem(STORAGE_KEY, wish);
  } catch { /* storage may be forbidden; the choice then lasts for this page */ }
  language = wish;
  locale = navigator.languages.find((tag) => tag.toLowerCase().startsWith(wish)) ?? wish;
  emit(i18n, 'language');
}

/**
 * @param {Key} key
 * @param {Values} [values] for {names} in the phrase; `n` also chooses the plural
 * @returns {string}
 */
export function t(key, values = {}) {
  return phrase(language, key, values, locale);
}

/**
 * A number of people: `KEY`, or `KEYAtLeast` where not all could be counted.
 * @template {string} K
 * @param {`${K}AtLeast` extends Key ? K & Key : never} key
 * @param {{at_least?: boolean}} counts
 * @param {Values} values
 * @returns {string}
 */
export function countWords(key, counts, values) {
  return t(counts.at_least ? /** @type {Key} */ (`${key}AtLeast`) : key, values);
}

/** @param {string} cause word of the server, as `worker_busy` @returns {string} an unknown one as it is */
export function causeWords(cause) {
  const key = `cause.${cause}`;
  return Object.hasOwn(en, key) ? t(/** @type {Key} */ (key)) : cause;
}

/**
 * @param {Language} inLanguage
 * @param {Key} key
 * @param {Values} values
 * @param {string} [inLocale]
 * @returns {string}
 */
export function phrase(inLanguage, key, values, inLocale = inLanguage) {
  const entry = PHRASES[inLanguage][key];
  const one = typeof entry !== 'string'
    && new Intl.PluralRules(inLanguage).select(Number(values['n'])) === 'one';
  const text = typeof entry === 'string' ? entry : one ? entry.one : entry.other;
  return text.replace(/\{(\w+)\}/g, (_, name) => {
    const value = values[name] ?? '';
    return typeof value === 'number' ? new Intl.NumberFormat(inLocale).format(value) : value;
  });
}

/** @param {number} timeMs @returns {string} "Saturday, 21 November 2026 at 20:00 CET" */
export function formatDateTime(timeMs) {
  return new Intl.DateTimeFormat(locale, {
    weekday: 'long', year: 'numeric', month: 'long', day: 'numeric', hour: 'numeric', minute: '2-digit',
    timeZoneName: 'short',
  }).format(timeMs);
}

/** @param {number} timeMs @returns {string} */
export function formatDate(timeMs) {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'long' }).format(timeMs);
}

/** @param {number} timeMs @returns {string} */
export function formatShort(timeMs) {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).format(timeMs);
}

/** @param {number} fromMs @param {number} toMs @returns {string} "21 Nov 2026, 20:00–21:10" */
export function formatRange(fromMs, toMs) {
  return new Intl.DateTimeFormat(locale, { dateStyle: 'medium', timeStyle: 'short' }).formatRange(fromMs, toMs);
}

/**
 * @param {number} timeMs
 * @param {number} spanMs of what it is a moment of: up to ten minutes want seconds, more than a day the date
 * @returns {string} "20:00", "20:00:10" or "21 Nov, 20:00"
 */
export function formatMoment(timeMs, spanMs) {
  /** @type {Intl.DateTimeFormatOptions} */
  const day = spanMs > 86_400_000 ? { day: 'numeric', month: 'short' } : {};
  /** @type {Intl.DateTimeFormatOptions} */
  const seconds = spanMs <= 600_000 ? { second: '2-digit' } : {};
  return new Intl.DateTimeFormat(locale, { hour: 'numeric', minute: '2-digit', ...day, ...seconds }).format(timeMs);
}

/** @param {number} permille @returns {string} "78 %" */
export function formatShare(permille) {
  return new Intl.NumberFormat(locale, { style: 'percent' }).format(permille / 1000);
}

/** @param {number} durationMs @returns {string} "1:02:05", as on a clock */
export function formatClock(durationMs) {
  const seconds = Math.max(0, Math.floor(durationMs / 1000));
  const tail = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, '0'));
  const hours = Math.floor(seconds / 3600);
  return hours ? `${hours}:${tail.join(':')}` : `${Number(tail[0])}:${tail[1]}`;
}

/** @param {number} durationMs @returns {string} "1 hour, 2 minutes": the two largest units */
export function formatDuration(durationMs) {
  const seconds = Math.max(0, Math.round(durationMs / 1000));
  /** @type {[number, 'day'|'hour'|'minute'|'second'][]} */
  const parts = [
    [Math.floor(seconds / 86_400), 'day'],
    [Math.floor(seconds / 3600) % 24, 'hour'],
    [Math.floor(seconds / 60) % 60, 'minute'],
    [seconds % 60, 'second'],
  ];
  const first = Math.max(0, parts.findIndex(([count]) => count > 0));
  const start = seconds === 0 ? 3 : first;
  return parts
    .slice(start, start + 2)
    .filter(([count], index) => count > 0 || index === 0)
    .map(([count, unit]) => formatUnit(count, unit))
    .join(' ');
}

/**
 * @param {number} count
 * @param {'second'|'minute'|'hour'|'day'} unit
 * @returns {string} "3 minutes"
 */
export function formatUnit(count, unit) {
  return new Intl.NumberFormat(locale, { style: 'unit', unit, unitDisplay: 'long' }).format(count);
}

/** @param {number} timeMs @returns {string} "20:00" today, else with its day */
export function formatTime(timeMs) {
  const today = new Date(timeMs).toDateString() === new Date().toDateString();
  return new Intl.DateTimeFormat(locale, today ? { timeStyle: 'short' } : { dateStyle: 'medium', timeStyle: 'short' }).format(timeMs);
}

/** @param {number} bytes @returns {string} */
export function formatBytes(bytes) {
  const [size, unit] = bytes >= 1e9 ? [bytes / 1e9, 'gigabyte'] : bytes >= 1e6 ? [bytes / 1e6, 'megabyte'] : [bytes / 1e3, 'kilobyte'];
  return new Intl.NumberFormat(locale, {
    style: 'unit', unit: String(unit), unitDisplay: 'short', maximumFractionDigits: size < 10 ? 1 : 0,
  }).format(size);
}

/** @param {number} count @returns {string} */
export function formatNumber(count) {
  return new Intl.NumberFormat(locale).format(count);
}

/** @param {string[]} names @returns {string} "Anna, Ben and Cleo" */
export function formatList(names) {
  return new Intl.ListFormat(locale, { type: 'conjunction' }).format(names);
}

/** @returns {string|null} */
function read() {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}
