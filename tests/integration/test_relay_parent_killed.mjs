/**
 * A relay's parent is killed: the relay follows another one, and those who listen behind it stay where they are and hardly hear
 * it. Nodes on networks of their own.
 */
// waits
// build: dev
import { Tap } from '../browser/lib/tap.mjs';
import { enterHouse } from './house/network.mjs';
import { losesItsParent } from './house/orphan.mjs';

await enterHouse();
const t = new Tap();

await t.run(async () => {
  await losesItsParent(t, 'killed', async (parent) => {
    await parent.crash();
    t.defer(() => parent.start()); // all are to end well
  });
});
