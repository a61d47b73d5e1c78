/** row.mjs - a row of the table: what was promised, what was measured, and whether the machine was quiet meanwhile. */
import { fixed, median } from './figures.mjs';
import { disturbance } from './machine.mjs';

/**
 * @typedef {object} Row
 * @property {string} name
 * @property {string} bar in words
 * @property {string} figure in words
 * @property {boolean} met
 * @property {string} disturbed '' or why the figure is not to be trusted
 * @property {unknown} detail everything that it was made of
 */

/**
 * @param {string} name
 * @param {{bar: string, figure: string, met: boolean, windows: import('./machine.mjs').Window[], detail: unknown}} parts
 * @returns {Row}
 */
export function row(name, { bar, figure, met, windows, detail }) {
  return { name, bar, figure, met, disturbed: disturbance(windows), detail };
}

/**
 * A ratio with its bar, the median of the runs.
 * @param {string} name
 * @param {{limit: number, ratios: number[], of: string, windows: import('./machine.mjs').Window[], detail: unknown}} parts of: the figures behind it, in words
 */
export function ratioRow(name, { limit, ratios, of, windows, detail }) {
  const ratio = median(ratios);
  const spread = ratios.length > 1 ? ` (${fixed(Math.min(...ratios))} to ${fixed(Math.max(...ratios))})` : '';
  return row(name, { bar: `≤ ${fixed(limit)} ×`, figure: `${fixed(ratio)} ×${spread}: ${of}`, met: ratio <= limit, windows, detail });
}

/** @param {Row[]} rows */
export function table(rows) {
  const lines = rows.map(({ name, bar, figure, met, disturbed }) =>
    `| ${name} | ${bar} | ${figure}${disturbed ? ` (${disturbed})` : ''} | ${met ? 'met' : '**not met**'} |`);
  return ['| | bar | measured | |', '|---|---|---|---|', ...lines].join('\n');
}
