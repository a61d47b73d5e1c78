import assert from 'node:assert/strict';
import { test } from 'node:test';
import { modeSpans, pathOf, rangeOf, stepOf, thin, timeTicks, xOf, yOf } from '../js/chart.js';
import { formatMoment, formatRange, formatShare, t } from '../js/i18n.js';
import { de } from '../js/strings.de.js';

/** @import {Sample} from '../js/types.js' */

const BOX = { x: 50, y: 10, width: 200, height: 100 };
const BEGIN_MS = 1_800_000_000_000;

/**
 * @param {number} second when its time ends
 * @param {Partial<Sample>} [rest]
 * @returns {Sample}
 */
function sample(second, rest = {}) {
  return { at_ms: BEGIN_MS + second * 1000, span_s: 10, hearing: 0, connected: 0, in_line: 0, turned_away: 0, seats: 9, mode: 'normal', ...rest };
}

test('neighbours are joined: the most people, all arrivals, the last word on the rest', () => {
  const samples = [
    sample(10, { hearing: 5, connected: 6, arrivals: { ask: 2, seated: 1 } }),
    sample(20, { hearing: 9, in_line: 4, turned_away: 1, arrivals: { ask: 3 } }),
    sample(30, { hearing: 1, turned_away: 2, mode: 'economy' }),
    sample(40, { hearing: 2, turned_away: 3 }),
  ];
  assert.equal(thin(samples, 4), samples);
  const [first, second, ...others] = thin(samples, 2);
  assert.deepEqual(first, sample(20, { span_s: 20, hearing: 9, connected: 6, in_line: 4, turned_away: 1, arrivals: { ask: 5, seated: 1 } }));
  assert.deepEqual(second, sample(40, { span_s: 20, hearing: 2, turned_away: 3, arrivals: {} }));
  assert.deepEqual(others, []);
  assert.deepEqual(samples[0]?.arrivals, { ask: 2, seated: 1 });
  for (const count of [1, 7, 100, 4320]) {
    const many = Array.from({ length: count }, (_, index) => sample(index * 10 + 10, { arrivals: { ask: 1 } }));
    const few = thin(many, 60);
    assert.ok(few.length <= 60 && few.length > Math.min(count, 60) / 2);
    assert.equal(few.reduce((sum, one) => sum + (one.arrivals?.ask ?? 0), 0), count);
    assert.equal(few.reduce((sum, one) => sum + one.span_s, 0), count * 10);
  }
});

test('axes end at round numbers and nothing goes beyond them', () => {
  assert.deepEqual([0, 1, 5, 6, 11, 26, 51, 812, 9_999].map(stepOf), [1, 1, 1, 2, 5, 10, 20, 200, 2_000]);
  for (const most of [0, 1, 7, 99, 100, 101, 12_345]) {
    const range = rangeOf([sample(10), sample(60, { in_line: most, turned_away: 1_000_000 })]);
    assert.ok(range.top >= Math.max(1, most) && range.top <= Math.max(1, most * 2), `${most}: ${range.top}`);
    assert.equal(range.top % stepOf(most), 0);
    assert.equal(range.toMs - range.fromMs, 60_000);
    assert.ok(yOf(range, BOX, most) >= BOX.y);
  }
});

test('times on the axis are round, within it and not too many', () => {
  for (const seconds of [10, 600, 4_800, 86_400, 30 * 86_400]) {
    const range = { fromMs: BEGIN_MS - 3_333, toMs: BEGIN_MS + seconds * 1000, top: 1 };
    const ticks = timeTicks(range, 5, 3_600_000);
    assert.ok(ticks.length >= 1 && ticks.length <= 6, `${seconds}: ${ticks.length}`);
    assert.ok(ticks.every((at) => at >= range.fromMs && at <= range.toMs));
  }
  const day = { fromMs: BEGIN_MS, toMs: BEGIN_MS + 2 * 86_400_000, top: 1 };
  for (const at of timeTicks(day, 2, 3_600_000)) assert.equal((at + 3_600_000) % 86_400_000, 0); // midnight of local time
});

test('a curve breaks where nobody counted', () => {
  const samples = [sample(10, { hearing: 2 }), sample(20, { hearing: 4 }), sample(50, { hearing: 0 })];
  const range = rangeOf(samples);
  assert.equal(pathOf(samples, 'hearing', range, BOX), 'M50.0 60.0L90.0 60.0L130.0 10.0M210.0 110.0L250.0 110.0');
  assert.equal(xOf(range, BOX, range.fromMs), BOX.x);
  assert.equal(xOf(range, BOX, range.toMs), BOX.x + BOX.width);
});

test('other modes are spans of time', () => {
  const modes = /** @type {const} */ (['normal', 'economy', 'economy', 'small_audience', 'normal', 'economy', 'normal', 'economy']);
  const spans = modeSpans(modes.map((mode, index) => sample(index * 10 + 10, { mode })));
  assert.deepEqual(spans.map(({ fromMs, toMs, mode }) => [(fromMs - BEGIN_MS) / 1000, (toMs - BEGIN_MS) / 1000, mode]),
    [[10, 30, 'economy'], [30, 40, 'small_audience'], [50, 60, 'economy'], [70, 80, 'economy']]);
});

test('moments are told as exactly as their span wants', () => {
  assert.match(formatMoment(BEGIN_MS, 60_000), /:\d\d:\d\d/);
  assert.doesNotMatch(formatMoment(BEGIN_MS, 3_600_000), /:\d\d:\d\d/);
  assert.match(formatMoment(BEGIN_MS, 200_000_000), /Jan/);
  assert.match(formatRange(BEGIN_MS, BEGIN_MS + 3_600_000), /2027.*:.*:/);
  assert.equal(formatShare(785), '79%');
});

test('every cause has its words', () => {
  const causes = ['ask', 'ask_again', 'refused_rate', 'put_off', 'ticket_valid', 'ticket_bad', 'seated', 'lined', 'refused_full',
    'refused_here', 'refused_closed', 'handshake_done', 'handshake_failed', 'lapsed', 'gave_up'];
  const keys = Object.keys(de).filter((key) => key.startsWith('report.cause.')).map((key) => key.slice('report.cause.'.length));
  assert.deepEqual(keys.sort(), causes.sort());
  assert.equal(t('report.cause.seated'), 'got a seat');
});
