/** figures.mjs - medians and how figures are written. */

/** @param {number[]} values */
export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** @param {number} value @param {number} [digits] */
export const fixed = (value, digits = 2) => (Number.isFinite(value) ? value.toFixed(digits) : 'unknown');
