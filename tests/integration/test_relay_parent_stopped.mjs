/**
 * A relay's parent hangs, and says nothing to anybody: the relay follows another one, and those who listen behind it stay where
 * they are and hardly hear it. Nodes on networks of their own.
 */
// waits
// build: dev
import { Tap } from '../browser/lib/tap.mjs';
import { enterHouse } from './house/network.mjs';
import { losesItsParent } from './house/orphan.mjs';

await enterHouse();
const t = new Tap();

await t.run(async () => {
  await losesItsParent(t, 'stopped', (parent) => {
    parent.signal('SIGSTOP');
    t.defer(() => parent.signal('SIGCONT')); // all are to end well
  });
});
