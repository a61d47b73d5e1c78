/** rostrum simulate as an operator runs it: the measured costs, a verdict, the same evening for the same seed, a picture. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program, ROOT, ROSTRUM, temporaryFolder } from '../browser/lib/programs.mjs';
import { Tap } from '../browser/lib/tap.mjs';

const COSTS = join(ROOT, 'tests/bench/costs.json');
const SMALL = ['--listeners', '30000', '--nodes', '80', '--regions', '3', '--egress', '60'];
const t = new Tap();

/** @param {string[]} args */
const simulate = (...args) => new Program(ROSTRUM, ['--json', 'simulate', ...args]).end;

/** @param {string} text */
function wellFormed(text) {
  /** @type {string[]} */
  const open = [];
  for (const [, end, name, empty] of text.matchAll(/<(\/?)([a-z]+)[^<>]*?(\/?)>/g)) {
    if (end === '/' && open.pop() !== name) return false;
    if (end === '' && empty === '') open.push(name);
  }
  return open.length === 0 && text.startsWith('<svg ') && !/NaN|nan|inf/.test(text);
}

await t.run(async () => {
  const picture = join(temporaryFolder(), 'evening.svg');
  const first = await simulate('--costs', COSTS, ...SMALL, '--picture', picture);
  const account = JSON.parse(first.stdout || 'null');
  t.ok(first.status === 0 && account?.kept === true, 'a cluster that is large enough keeps every promise', account?.promises ?? first.stderr);
  t.ok(account.counts.came === 30000 && account.answer_ms.count === 30000, 'everybody is answered', account.answer_ms);
  const last = account.per_second.at(-1);
  t.ok(last.hearing === 30000 && last.silent === 0 && last.in_line === 0, 'at the end everybody hears', last);
  t.ok(account.promises.deepest <= 4 && last.relays > 20, 'over a flat tree of many relays', last);
  t.ok(account.return_ms.region.count > 0 && account.origin_gap_ms.count > 0, 'though a region and the origin failed', account.return_ms.region);

  const again = await simulate('--costs', COSTS, ...SMALL);
  t.ok(again.stdout === first.stdout, 'the same seed gives the same account');
  const other = await simulate('--costs', COSTS, ...SMALL, '--seed', '2');
  t.ok(other.stdout !== first.stdout && other.status === 0, 'another seed gives another one');
  const svg = readFileSync(picture, 'utf8');
  t.ok(wellFormed(svg) && svg.includes('prefers-color-scheme') && svg.includes('time of day'), 'the picture is whole', `${svg.length} characters`);

  const few = await simulate('--costs', COSTS, '--listeners', '20000', '--nodes', '8', '--regions', '1', '--egress', '60', '--fail', 'none');
  const crowded = JSON.parse(few.stdout);
  t.ok(few.status === 0 && crowded.promises.limits && crowded.per_second.at(-1).in_line > 5000, 'a cluster that is too small tells the others a place in line', crowded.counts);

  const tooFew = await simulate('--costs', COSTS, '--listeners', '300000', '--nodes', '1', '--regions', '1', '--arrivals', 'flash', '--fail', 'none');
  t.ok(tooFew.status === 1 && !JSON.parse(tooFew.stdout).promises.answered && /promise/.test(tooFew.stderr), 'one node cannot answer 300,000 at once, and that is a failure', tooFew.stderr);

  const without = await simulate();
  t.ok(without.status === 2 && without.stderr.includes('costs.mjs'), 'without a cost file it says which one it needs', without.stderr);
  const missing = await simulate('--costs', '/nowhere/costs.json');
  t.ok(missing.status === 1 && missing.stderr.includes('node tests/bench/costs.mjs'), 'and how it is made', missing.stderr);
});
