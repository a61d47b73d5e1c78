/**
 * history-chart.js - `<history-chart>`: who heard, was connected and waited, over time.
 *
 * A picture for those who see it: the page has the same numbers in a table.
 */
import { make } from '../dom.js';
import { SERIES, modeSpans, pathOf, rangeOf, stepOf, thin, timeTicks, xOf, yOf } from '../chart.js';
import { formatMoment, formatNumber, t } from '../i18n.js';

/** @import {Sample} from '../types.js' */
/** @import {Box, Range} from '../chart.js' */

const SVG = 'http://www.w3.org/2000/svg';
const HEIGHT = 300;
const BELOW = 28;
const ABOVE = 12;
const TICK_EVERY = 75;
const CHARACTER = 8.5;

export class HistoryChart extends HTMLElement {
  /** @type {Sample[]} */
  #samples = [];
  #width = 0;
  #observer = new ResizeObserver(() => {
    if (this.clientWidth !== this.#width) this.#render();
  });

  connectedCallback() {
    this.#observer.observe(this);
  }

  disconnectedCallback() {
    this.#observer.disconnect();
  }

  /** @param {Sample[]} samples */
  show(samples) {
    this.#samples = samples;
    this.#render();
  }

  #render() {
    this.#width = this.clientWidth;
    if (!this.#samples.length || this.#width < 100) return this.replaceChildren();
    const samples = thin(this.#samples, Math.floor(this.#width / 2));
    const range = rangeOf(samples);
    const left = formatNumber(range.top).length * CHARACTER + 10;
    const box = { x: left, y: ABOVE, width: this.#width - left - 8, height: HEIGHT - ABOVE - BELOW };
    const image = svg('svg', { viewBox: `0 0 ${this.#width} ${HEIGHT}`, width: this.#width, height: HEIGHT, role: 'img' });
    image.setAttribute('aria-label', t('report.chartLabel'));
    image.append(...modes(samples, range, box), ...grid(range, box));
    for (const series of SERIES) image.append(svg('path', { d: pathOf(samples, series, range, box), class: `curve curve-${series}` }));
    this.replaceChildren(image, legend(samples));
  }
}

/**
 * @param {string} tag
 * @param {Record<string, string|number>} attributes
 * @param {string} [text]
 */
function svg(tag, attributes, text = '') {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  element.textContent = text;
  return element;
}

/** @param {Sample[]} samples @param {Range} range @param {Box} box */
function modes(samples, range, box) {
  return modeSpans(samples).map(({ fromMs, toMs, mode }) => {
    const x = xOf(range, box, fromMs);
    return svg('rect', { x, y: box.y, width: xOf(range, box, toMs) - x, height: box.height, class: `mode-span mode-${mode}` });
  });
}

/** @param {Range} range @param {Box} box */
function grid(range, box) {
  const parts = [];
  const right = box.x + box.width;
  for (let value = 0; value <= range.top; value += stepOf(range.top)) {
    const y = yOf(range, box, value);
    parts.push(svg('line', { x1: box.x, x2: right, y1: y, y2: y, class: 'grid' }));
    parts.push(svg('text', { x: box.x - 8, y: y + 4, 'text-anchor': 'end' }, formatNumber(value)));
  }
  const offsetMs = -new Date(range.fromMs).getTimezoneOffset() * 60_000;
  const ticks = timeTicks(range, Math.max(2, Math.floor(box.width / TICK_EVERY)), offsetMs);
  for (const atMs of ticks) {
    const x = xOf(range, box, atMs);
    const bottom = box.y + box.height;
    parts.push(svg('line', { x1: x, x2: x, y1: bottom, y2: bottom + 5, class: 'grid' }));
    const anchor = x > right - 30 ? 'end' : x < box.x + 30 ? 'start' : 'middle';
    parts.push(svg('text', { x, y: bottom + 20, 'text-anchor': anchor }, formatMoment(atMs, range.toMs - range.fromMs)));
  }
  return parts;
}

/** @param {Sample[]} samples */
function legend(samples) {
  const items = SERIES.map((series) => {
    const line = svg('svg', { viewBox: '0 0 28 10', width: 28, height: 10, 'aria-hidden': 'true' });
    line.append(svg('path', { d: 'M0 5H28', class: `curve curve-${series}` }));
    const item = make('li', '', t(`report.series.${series}`));
    item.prepend(line);
    return item;
  });
  for (const mode of new Set(modeSpans(samples).map((span) => span.mode))) {
    const patch = svg('svg', { viewBox: '0 0 28 14', width: 28, height: 14, 'aria-hidden': 'true' });
    patch.append(svg('rect', { width: 28, height: 14, class: `mode-span mode-${mode}` }));
    const item = make('li', '', t(`mode.${mode}`));
    item.prepend(patch);
    items.push(item);
  }
  return make('ul', 'legend', items);
}

customElements.define('history-chart', HistoryChart);
