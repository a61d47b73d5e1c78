/** wait-words.js - what is said about a place in line: how long it may take, and when to say it aloud. Pure. */
import { formatNumber, formatUnit, t } from './i18n.js';

/** @import {Line} from './types.js' */

const SECONDS_UP_TO_S = 90;
const MINUTES_UP_TO_S = 90 * 60;
const HOURS_UP_TO_S = 36 * 3600;
const ANY_MOMENT_S = 5;

const SAY_EVERY_MS = 30_000;
const SAY_NEAR_EVERY_MS = 3_000;
const NEAR_PLACES = 3;

/**
 * @param {Line['wait']} wait undefined: unknown
 * @returns {string} a sentence
 */
export function waitWords(wait) {
  if (!wait || !Number.isFinite(wait.from_s) || !Number.isFinite(wait.to_s)) return t('line.waitUnknown');
  const { from_s, to_s } = wait;
  if (to_s <= ANY_MOMENT_S) return t('line.waitNow');
  /** @type {[number, 'second'|'minute'|'hour'|'day']} */
  const [size_s, unit] = to_s <= SECONDS_UP_TO_S ? [1, 'second']
    : to_s <= MINUTES_UP_TO_S ? [60, 'minute']
      : to_s <= HOURS_UP_TO_S ? [3600, 'hour']
        : [86_400, 'day'];
  const from = Math.floor(from_s / size_s);
  const top = Math.ceil(to_s / size_s);
  const to = formatUnit(top, unit);
  if (from <= 0) return t('line.waitMost', { to });
  return from >= top ? t('line.waitAbout', { to }) : t('line.waitRange', { from: formatNumber(from), to });
}

/**
 * Whether a changed place is worth interrupting somebody who listens to a screen reader.
 * @param {{place: number, atMs: number}|null} last what was said last
 * @param {number} place
 * @param {number} nowMs
 * @returns {boolean}
 */
export function isWorthSaying(last, place, nowMs) {
  if (!last) return true;
  if (place === last.place) return false;
  return nowMs - last.atMs >= (place <= NEAR_PLACES ? SAY_NEAR_EVERY_MS : SAY_EVERY_MS);
}
