/** The short form of bars.mjs: fewer listeners, one run each. Nothing is judged here, for any machine may be busy. */
import { Tap } from '../browser/lib/tap.mjs';
import { againstFloor, economy } from './rows/fanout.mjs';
import { againstJanus } from './rows/janus.mjs';
import { joins } from './rows/joins.mjs';

const t = new Tap();

await t.run(async () => {
  const runs = 1;
  const parts = {
    floor: () => againstFloor(t, { runs, listeners: 2000, seconds: 5, engines: ['auto'] }),
    economy: () => economy(t, { runs, listeners: 1000, seconds: 4 }),
    joins: () => joins(t, { runs, listeners: 400, seconds: 4, settleS: 16 }),
    janus: () => againstJanus(t, { runs, listeners: 200, seconds: 6 }),
  };
  for (const [part, measure] of Object.entries(parts)) {
    const rows = await measure();
    t.ok(rows.length > 0, `${part} was measured`);
    for (const { name, bar, figure, disturbed } of rows) t.figure(`${name}: ${figure}; bar ${bar}${disturbed ? `; ${disturbed}` : ''}`);
  }
});
