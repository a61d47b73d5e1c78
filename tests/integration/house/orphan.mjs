/** orphan.mjs - a relay whose parent is lost follows another one, and those who listen behind it hardly hear it. */
import { letThemTalk, until } from '../../browser/lib/wait.mjs';
import { accounts } from './hall.mjs';
import { CHILD, growTree, HEADS, ORIGIN, sit } from './tree.mjs';

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
 * Does something to a relay that has a child, and checks what those hear who listen behind that.
 * @param {import('../../browser/lib/tap.mjs').Tap} t
 * @param {string} what is done
 * @param {(parent: import('../../browser/lib/server.mjs').Server) => Promise<void>|void} fault
 */
export async function losesItsParent(t, what, fault) {
  /** @type {import('../../browser/lib/programs.mjs').Program[]} */
  let ears = [];
  let parent = '';
  const { house, slug } = await growTree(t, {}, async (hall) => {
    ears = await sit(hall, CHILD, EARS, LISTEN_S);
    await letThemTalk(SETTLED_S);
    parent = await until('it has a parent and reserves, or has turned to the origin', async () => {
      const above = await hall.house.parent(CHILD, hall.slug);
      const reserves = (await hall.house.relayed(CHILD, hall.slug))?.reserves ?? 0;
      return above === ORIGIN || (above !== '' && reserves > 0) ? above : null;
    });
    if (parent === ORIGIN) await Promise.all(ears.map((ear) => ear.kill('SIGTERM')));
    return parent !== ORIGIN;
  });
  t.ok(HEADS.includes(parent), 'it has another relay for its parent, and reserves', parent);
  const faultMs = Date.now();
  await fault(house.node(parent));
  const next = await until(`${CHILD} follows another`, async () => {
    const place = await house.relayed(CHILD, slug);
    const now = await house.parent(CHILD, slug);
    return place?.hears && now !== '' && now !== parent ? now : null;
  });
  const { log } = house.node(CHILD);
  const lostMs = logged(log, 'tree.parent_lost', faultMs);
  const followsMs = logged(log, 'tree.parent', lostMs) - faultMs;
  const heard = await accounts(ears);
  const gaps = heard.map((one) => Math.round(one.longest_gap_ms - PACKET_MS));
  t.figure(`parent ${what}: noticed after ${lostMs - faultMs} ms, ${next} heard after ${followsMs} ms (0.5 s); listeners' longest gaps ${gaps} ms (0.7 s)`);
  t.ok(followsMs <= FOLLOWS_MS, `its parent ${what}, ${CHILD} soon hears ${next}`, { followsMs });
  t.ok(heard.length === EARS && heard.every(({ connects }) => connects === 1), 'its listeners stay', heard);
  t.ok(gaps.every((gap) => gap <= GAP_MS), 'and go on hearing', gaps);
}
