/** quiet.mjs - a room with two talking hosts, recorded, that nobody listens to. */
import { letThemTalk } from '../../browser/lib/wait.mjs';
import { fixed, median } from '../lib/figures.mjs';
import { measure } from '../lib/machine.mjs';
import { row } from '../lib/row.mjs';
import { Talk } from '../lib/talk.mjs';

const PERCENT_MAX = 8;
const SETTLE_S = 3;

/**
 * @param {import('../../browser/lib/tap.mjs').Tap} t
 * @param {{runs: number, seconds?: number}} options
 */
export async function quiet(t, { runs, seconds = 20 }) {
  const talk = await new Talk({ seats: 2000 }).start();
  await letThemTalk(SETTLE_S);
  const windows = [];
  for (let i = 0; i < runs; i++) {
    const end = measure(talk.pid);
    await letThemTalk(seconds);
    windows.push(end());
  }
  await talk.stop(t);
  const percent = median(windows.map((window) => (100 * window.cpuS) / window.seconds));
  return [row('room with two talking hosts and no listener', {
    bar: `≤ ${PERCENT_MAX} % of one core`, figure: `${fixed(percent, 1)} %`, met: percent <= PERCENT_MAX, windows, detail: windows,
  })];
}
