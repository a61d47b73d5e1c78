/** Fifty listeners for a minute: nothing is lost, everybody is counted, and nobody has a hole in the sound. */
import { Program, rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';
import { Witness } from '../browser/lib/witness.mjs';

const LISTENERS = 50;
const BATCH = 10;
const SECONDS = 60;
const GAP_MS = 60;
const MAY_SEE_A_GAP = LISTENERS * 0.02;
const t = new Tap();

await t.run(async () => {
  const server = await new Server({ flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const { hosts } = await server.createRoom('fifty', ['Ada']);
  await server.api('POST', '/rooms/fifty/open');
  const ada = rostrum(server.url, 'speak', 'fifty', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await server.api('POST', '/rooms/fifty/live');

  const witness = new Witness();
  /** @type {Program[]} */
  const running = [];
  const hearing = async () => (await server.room('fifty')).hearing;
  while (running.length < LISTENERS) { // so that fifty new processes at once don't stall the machine
    for (let i = 0; i < BATCH; i++) {
      const program = rostrum(server.url, 'listen', 'fifty', '--seconds', String(SECONDS));
      t.defer(() => program.kill('SIGKILL'));
      running.push(program);
    }
    await until(`${running.length} hear`, async () => (await hearing()) >= running.length);
  }
  let most = 0;
  const counts = new Set();
  await until('the minute is over', async () => {
    const count = await hearing();
    most = Math.max(most, count);
    if (running.every((program) => !program.ended)) counts.add(count);
    return running.every((program) => program.ended);
  }, (SECONDS + 40) * 1000);
  t.ok(most === LISTENERS, `${LISTENERS} hearing are counted, and never more`, { most });
  t.ok(counts.size === 1, 'nobody falls out of the count while all listen', [...counts]);

  const ended = await Promise.all(running.map((program) => program.end));
  const failed = ended.filter((one) => one.status !== 0);
  t.ok(failed.length === 0, 'every listener listens to the end', failed.map((one) => one.stderr.trim()).slice(0, 3));
  const accounts = ended.filter((one) => one.status === 0).map((one) => JSON.parse(one.stdout));
  const sum = (key) => accounts.reduce((total, one) => total + one[key], 0);
  const largest = (key) => Math.max(...accounts.map((one) => one[key]));
  t.ok(sum('connects') === LISTENERS, 'nobody has to connect again', { connects: sum('connects') });
  t.ok(sum('lost') === 0, 'no packet is lost', { packets: sum('packets'), lost: sum('lost'), duplicates: sum('duplicates') });
  const fewest = Math.min(...accounts.map((one) => one.packets));
  t.ok(fewest >= (SECONDS - 10) * 50, 'everybody has the whole minute', { fewest });

  const stallMs = await witness.stallMs();
  const suffered = accounts.filter((one) => one.longest_gap_ms > GAP_MS + stallMs).length;
  t.figure(`fifty listeners: ${accounts.filter((one) => one.gaps_over_60ms > 0).length} saw a gap over ${GAP_MS} ms, `
    + `longest ${largest('longest_gap_ms')} ms, the machine itself stalled ${stallMs} ms, first sound at most ${largest('first_sound_ms')} ms`);
  t.ok(suffered <= MAY_SEE_A_GAP, `no gap over ${GAP_MS} ms but what the machine stalled`, { suffered });
});
