/** orphan.mjs - a relay whose parent is lost follows another one, and those who listen behind it hardly hear it. */
import { letThemTalk, until } from '../../browser/lib/wait.mjs';
import { Chain } from './chain.mjs';

const EARS = 4;
const LISTEN_S = 16;
const SETTLED_S = 2;
/* The promise is 0.5 s and 0.7 s; on a machine that does other things, too, this is what no run may take. */
const FOLLOWS_MS = 2000;
const GAP_MS = 2500;
/* An ear hears a pause as two packets apart: 20 ms belong to the packet. */
const PACKET_MS = 20;

/** When a line with this event was logged, in ms of the day's clock. @param {string} log @param {string} event @param {number} sinceMs */
function logged(log, event, sinceMs) {
  for (const line of log.split('\n')) {
    const [stamp, , name] = line.split(' ');
    if (name === event && Date.parse(stamp) >= sinceMs) return Date.parse(stamp);
  }
  return NaN;
}

/**
 * Builds a chain, does something to the parent of its last relay, and checks what those hear who listen behind that.
 * @param {import('../../browser/lib/tap.mjs').Tap} t
 * @param {string} what is done
 * @param {(parent: import('../../browser/lib/server.mjs').Server) => Promise<void>|void} fault
 */
export async function losesItsParent(t, what, fault) {
  const child = 'second';
  const chain = await Chain.build(t, { relays: 2 });
  const ears = Array.from({ length: EARS }, () => chain.listen(child, LISTEN_S));
  await until('they listen', async () => {
    const place = await chain.relayed(child);
    if ((place?.seated ?? 0) < EARS) throw new Error(JSON.stringify(place));
    return true;
  });
  await chain.hush();
  await letThemTalk(SETTLED_S);
  const parent = await chain.parent(child);
  t.ok(parent === 'first', `${child} takes the program from another relay`, parent);
  const faultMs = Date.now();
  await fault(chain.house.node(parent));
  const next = await until(`${child} follows another`, async () => {
    const place = await chain.relayed(child);
    const now = await chain.parent(child);
    return place?.hears && now !== '' && now !== parent ? now : null;
  });
  const { log } = chain.house.node(child);
  const lostMs = logged(log, 'tree.parent_lost', faultMs);
  const followsMs = logged(log, 'tree.parent', lostMs) - faultMs;
  const heard = await Promise.all(ears.map(async (ear) => {
    const { stdout } = await ear.end;
    return JSON.parse(stdout.slice(stdout.indexOf('{')) || 'null');
  }));
  const gaps = heard.map((one) => Math.round(one.longest_gap_ms - PACKET_MS));
  t.figure(`parent ${what}: noticed after ${lostMs - faultMs} ms, ${next} heard after ${followsMs} ms (0.5 s); listeners' longest gaps ${gaps} ms (0.7 s)`);
  t.ok(followsMs <= FOLLOWS_MS, `its parent ${what}, ${child} soon hears ${next}`, { followsMs });
  t.ok(heard.every(({ connects }) => connects === 1), 'its listeners stay', heard);
  t.ok(gaps.every((gap) => gap <= GAP_MS), 'and go on hearing', gaps);
}
