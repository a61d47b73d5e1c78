/**
 * bars.mjs - every promise of the fan-out, measured: node tests/bench/bars.mjs [--runs N] [--only GROUP[,GROUP]...]
 *
 * Builds nothing: it wants `cmake --build --preset release` and the same with `--target bench`. Prints the table as
 * Markdown and writes it with all that it was made of to .build/bench. A quiet machine is needed; what others took of it
 * stands with each row.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ROOT } from '../browser/lib/programs.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { table } from './lib/row.mjs';
import { againstFloor, economy, manyAgainstFew } from './rows/fanout.mjs';
import { againstJanus } from './rows/janus.mjs';
import { joins, storm } from './rows/joins.mjs';
import { capacity, lateness } from './rows/quality.mjs';
import { quiet } from './rows/quiet.mjs';

/** @type {Record<string, (t: Tap, options: {runs: number}) => Promise<import('./lib/row.mjs').Row[]>>} */
const GROUPS = {
  quiet,
  floor: againstFloor,
  many: manyAgainstFew,
  economy,
  joins,
  storm,
  janus: againstJanus,
  shipped: (t, options) => againstJanus(t, { ...options, tuning: 'shipped' }),
  lateness,
  capacity,
};

const { values } = parseArgs({
  options: { runs: { type: 'string', default: '3' }, only: { type: 'string', default: Object.keys(GROUPS).join(',') } },
});
const wanted = values.only.split(',');
const unknown = wanted.filter((name) => !(name in GROUPS));
if (unknown.length > 0 || !(Number(values.runs) > 0)) {
  console.error(`usage: bars.mjs [--runs N] [--only ${Object.keys(GROUPS).join(',')}]`);
  process.exit(2);
}

const t = new Tap();
await t.run(async () => {
  const machine = `${cpus().length} cores, ${cpus()[0].model}`;
  const begun = new Date();
  const folder = join(ROOT, '.build/bench');
  const path = join(folder, `bars-${begun.toISOString().replace(/[:.]/g, '-')}.json`);
  /** @type {import('./lib/row.mjs').Row[]} */
  const rows = [];
  for (const name of wanted) {
    const startMs = performance.now();
    try {
      rows.push(...await GROUPS[name](t, { runs: Number(values.runs) }));
    } catch (error) { // the others are worth having
      t.ok(false, `${name} runs to its end`);
      t.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    t.note(`${name} took ${((performance.now() - startMs) / 1000).toFixed(0)} s`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, JSON.stringify({ machine, begun, runs: Number(values.runs), rows }, null, 1));
  }
  console.log(`\n${machine}, medians of ${values.runs}, ${begun.toISOString()}\n\n${table(rows)}\n`);
  t.ok(rows.length > 0, 'there are figures', path);
});
