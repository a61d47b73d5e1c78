/**
 * What one small room costs and how quick it is. Nothing is asserted but that there was something to measure: these
 * are figures for people, printed with what they were measured on.
 */
import { once } from 'node:events';
import { statSync } from 'node:fs';
import { cpus } from 'node:os';
import { Program, ROSTRUMD, rostrum, temporaryFolder } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { letThemTalk, until } from '../browser/lib/wait.mjs';
import { median } from './lib/figures.mjs';
import { cpuSeconds } from './lib/machine.mjs';

const STARTS = 9;
const WINDOW_S = 20;
const t = new Tap();

/** @param {string} name @param {string} value */
const figure = (name, value) => console.log(`figure: ${name}: ${value}`);

/** Percent of one core over the next WINDOW_S seconds. @param {number} pid */
async function load(pid) {
  const [cpu, ms] = [cpuSeconds(pid), performance.now()];
  await letThemTalk(WINDOW_S);
  return ((cpuSeconds(pid) - cpu) / (performance.now() - ms)) * 100_000;
}

await t.run(async () => {
  figure('machine', `${cpus().length} cores, ${cpus()[0].model}`);
  figure('size of rostrumd', `${(statSync(ROSTRUMD).size / 1e6).toFixed(2)} MB with symbols`);

  const startsMs = [];
  for (let i = 0; i < STARTS; i++) {
    const beginMs = performance.now();
    const program = new Program(ROSTRUMD, ['--state', temporaryFolder(), '--http', '127.0.0.1:0', '--media-port', '0']);
    await once(program.child.stdout, 'data');
    startsMs.push(performance.now() - beginMs);
    await program.kill('SIGTERM');
  }
  figure('start to the ready line', `${median(startsMs).toFixed(0)} ms (median of ${STARTS}, first start with a new state folder)`);

  const server = await new Server().start();
  t.defer(() => server.stop(t));
  figure('CPU of an idle server', `${(await load(server.pid)).toFixed(2)} % of one core`);

  const { hosts } = await server.createRoom('figures', ['Ada', 'Ben']);
  await server.api('POST', '/rooms/figures/open');
  const files = [await speech('a'), await speech('b')];
  const marked = [['--mark'], []];
  const speakers = hosts.map(({ token }, i) =>
    rostrum(server.url, 'speak', 'figures', files[i], '--token', token, '--consent', '--loop', ...marked[i]));
  const invited = async () => (await server.api('GET', '/rooms/figures/invitations')).invitations;
  await until('both agreed', async () => (await invited()).every((/** @type {any} */ i) => i.agreed));
  await server.api('POST', '/rooms/figures/live');
  figure('CPU of a live room, two hosts talking, recording, no listener', `${(await load(server.pid)).toFixed(2)} % of one core`);

  const ear = await rostrum(server.url, 'listen', 'figures', '--marked', '--seconds', '30').end;
  const account = JSON.parse(ear.stdout);
  t.ok(account.latency_ms !== null && account.latency_ms.count > 10, 'marks were heard', account);
  figure('mouth to ear, speak to listen', `p50 ${account.latency_ms.p50} ms, p95 ${account.latency_ms.p95} ms, max ${account.latency_ms.max} ms of ${account.latency_ms.count} marks`);
  figure('first packet after the start of `rostrum listen`', `${account.first_sound_ms} ms`);

  const live = await server.room('figures');
  const endedMs = performance.now();
  await server.api('POST', '/rooms/figures/end');
  await server.published('figures');
  const head = await fetch(`${server.url}/r/figures/recording.opus`, { method: 'HEAD' });
  figure('"end" to a downloadable recording', `${(performance.now() - endedMs).toFixed(0)} ms (polled every 100 ms), ${head.headers.get('content-length')} bytes`);
  t.ok(head.status === 200 && live.recording, 'the recording is there');
  for (const speaker of speakers) await speaker.end;
});
