/** slug.js - a room's short name: in addresses, and made from a title. Pure functions. */

const MAX_CHARS = 63;
const PATTERN = /^[a-z0-9](-?[a-z0-9]){0,62}$/;

/** @param {string} text @returns {boolean} */
export function isSlug(text) {
  return text.length <= MAX_CHARS && PATTERN.test(text);
}

/**
 * @param {string} pathname of /r/{slug} or /r/{slug}/stage
 * @returns {string} '' if there is none
 */
export function slugOfPath(pathname) {
  const slug = /^\/r\/([^/]+)/.exec(pathname)?.[1] ?? '';
  return isSlug(slug) ? slug : '';
}

/**
 * @param {string} title
 * @returns {string} '' if nothing usable is left
 */
export function slugOfTitle(title) {
  return title
    .toLowerCase()
    .replace(/ä/g, 'ae').replace(/ö/g, 'oe').replace(/ü/g, 'ue').replace(/ß/g, 'ss')
    .normalize('NFD').replace(/\p{M}/gu, '')
    .replace(/[^a-z0-9]+/g, '-')
    .slice(0, MAX_CHARS)
    .replace(/^-+|-+$/g, '');
}
