/** chart.js - the geometry of a curve over time: pure functions, no page. */

/** @import {Arrival, Arrivals, Mode, Sample} from './types.js' */
/** @typedef {'hearing'|'connected'|'in_line'} Series */
/** @typedef {{x: number, y: number, width: number, height: number}} Box */
/** @typedef {{fromMs: number, toMs: number, top: number}} Range */

/**
 * How many at one time. Who was turned away is counted up all evening: beside that all others would lie flat.
 * @type {Series[]}
 */
export const SERIES = ['hearing', 'connected', 'in_line'];

/* 1 s to a day: what people read off a clock. */
const TIME_STEPS_S = [1, 5, 10, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/**
 * As many samples as can be told apart: neighbours are joined; the most people and all arrivals are kept.
 * @param {Sample[]} samples
 * @param {number} most
 * @returns {Sample[]}
 */
export function thin(samples, most) {
  const each = Math.ceil(samples.length / most);
  if (each <= 1) return samples;
  const joined = [];
  for (let at = 0; at < samples.length; at += each) joined.push(join(samples.slice(at, at + each)));
  return joined;
}

/** @param {Sample[]} samples at least one @returns {Sample} */
function join(samples) {
  const last = /** @type {Sample} */ (samples.at(-1));
  const first = /** @type {Sample} */ (samples[0]);
  /** @param {'hearing'|'connected'|'in_line'} key */
  const most = (key) => Math.max(...samples.map((sample) => sample[key]));
  /** @type {Arrivals} */
  const arrivals = {};
  for (const sample of samples) {
    for (const [cause, count] of /** @type {[Arrival, number][]} */ (Object.entries(sample.arrivals ?? {}))) {
      arrivals[cause] = (arrivals[cause] ?? 0) + count;
    }
  }
  const span = Math.round((last.at_ms - first.at_ms) / 1000) + first.span_s;
  return { ...last, span_s: span, hearing: most('hearing'), connected: most('connected'), in_line: most('in_line'), arrivals };
}

/**
 * @param {Sample[]} samples at least one
 * @returns {Range} top: a round number that no curve goes beyond
 */
export function rangeOf(samples) {
  const first = /** @type {Sample} */ (samples[0]);
  const last = /** @type {Sample} */ (samples.at(-1));
  const most = Math.max(...samples.map((sample) => Math.max(...SERIES.map((key) => sample[key]))));
  const step = stepOf(most);
  return { fromMs: first.at_ms - first.span_s * 1000, toMs: last.at_ms, top: Math.max(step, Math.ceil(most / step) * step) };
}

/** @param {number} most @returns {number} 1, 2 or 5 times a power of ten, at most five of which reach `most` */
export function stepOf(most) {
  for (let power = 1; ; power *= 10) {
    for (const factor of [1, 2, 5]) if (factor * power * 5 >= most) return factor * power;
  }
}

/**
 * @param {Range} range
 * @param {number} most ticks
 * @param {number} [offsetMs] of local time
 * @returns {number[]} round moments within the range
 */
export function timeTicks(range, most, offsetMs = 0) {
  const spanS = (range.toMs - range.fromMs) / 1000;
  const step = (TIME_STEPS_S.find((seconds) => spanS / seconds <= most) ?? Math.ceil(spanS / most / 86_400) * 86_400) * 1000;
  const ticks = [];
  for (let at = Math.ceil((range.fromMs + offsetMs) / step) * step - offsetMs; at <= range.toMs; at += step) ticks.push(at);
  return ticks;
}

/** @param {Range} range @param {Box} box @param {number} atMs */
export function xOf(range, box, atMs) {
  return box.x + ((atMs - range.fromMs) / (range.toMs - range.fromMs || 1)) * box.width;
}

/** @param {Range} range @param {Box} box @param {number} value */
export function yOf(range, box, value) {
  return box.y + box.height - (value / range.top) * box.height;
}

/**
 * A line that breaks where there was no server to count.
 * @param {Sample[]} samples
 * @param {Series} series
 * @param {Range} range
 * @param {Box} box
 * @returns {string} the `d` of an SVG path
 */
export function pathOf(samples, series, range, box) {
  let endMs = NaN;
  return samples.map((sample) => {
    const beginMs = sample.at_ms - sample.span_s * 1000;
    const y = yOf(range, box, sample[series]).toFixed(1);
    const start = beginMs === endMs ? '' : `M${xOf(range, box, beginMs).toFixed(1)} ${y}`;
    endMs = sample.at_ms;
    return `${start}L${xOf(range, box, sample.at_ms).toFixed(1)} ${y}`;
  }).join('');
}

/**
 * When the room was served otherwise than normally.
 * @param {Sample[]} samples
 * @returns {{fromMs: number, toMs: number, mode: Mode}[]}
 */
export function modeSpans(samples) {
  /** @type {{fromMs: number, toMs: number, mode: Mode}[]} */
  const spans = [];
  for (const { at_ms: toMs, span_s: spanS, mode } of samples) {
    const fromMs = toMs - spanS * 1000;
    const last = spans.at(-1);
    if (mode === 'normal') continue;
    if (last && last.mode === mode && last.toMs === fromMs) last.toMs = toMs;
    else spans.push({ fromMs, toMs, mode });
  }
  return spans;
}
