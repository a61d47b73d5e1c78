/** Economy and back while real browsers listen: they play packets of 60 ms, lose none, and the sound never stops. */
import { join } from 'node:path';
import { checkVoices, stats } from './lib/audio.mjs';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { ADDRESS, enterNamespace } from './lib/netns.mjs';
import { HostPage, ListenPage } from './lib/pages.mjs';
import { rostrum, run, temporaryFolder } from './lib/programs.mjs';
import { Server } from './lib/server.mjs';
import { speech } from './lib/speech.mjs';
import { Tap } from './lib/tap.mjs';
import { letThemTalk, until } from './lib/wait.mjs';
import { Witness } from './lib/witness.mjs';

const NORMAL_S = 5;
const GROWING_S = 6; // packets reach 60 ms five seconds after the order
const ECONOMY_S = 5;
const STEP_MS = 20; // by so much later packets come, twice: a player with no delay in hand would conceal that

enterNamespace();
const t = new Tap();

/** @typedef {{packets: number, lost: number, concealed_ms: number, events: number}} Inbound */

await t.run(async () => {
  const server = await new Server({ address: ADDRESS }).start();
  t.defer(() => server.stop(t));
  const a = await speech('a');
  const room = await server.createRoom('eco', ['Ada']);
  await server.api('POST', '/rooms/eco/open');
  const ada = rostrum(server.url, 'speak', 'eco', await neverSilent(a), '--token', room.hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await server.api('POST', '/rooms/eco/live');
  const [chromium, firefox] = await Promise.all([openChromium(t), openFirefox(t)]);
  const stage = new HostPage('the stage page', await chromium.page());
  const listeners = [new ListenPage('Chromium', await chromium.page()), new ListenPage('Firefox', await firefox.page())];
  await stage.open(room.hosts[0].stage_url);
  await Promise.all(listeners.map(async (one) => {
    await one.open(room.listen_url);
    await one.reaches('idle');
    await one.listen();
    await one.reaches('hearing');
  }));
  await letThemTalk(NORMAL_S);

  const witness = new Witness();
  const start = await look(listeners);
  await Promise.all(listeners.map((one) => one.startCapture()));
  await letThemTalk(NORMAL_S);
  await server.api('PATCH', '/node', { mode: 'economy', hold: 'exactly' });
  await until('the stage page says so', () => stage.page.evaluate(() => /conom/.test(document.querySelector('#mode-name').textContent)));
  await letThemTalk(GROWING_S);
  const grown = await look(listeners);
  await letThemTalk(ECONOMY_S);
  const economy = await look(listeners);
  await server.api('PATCH', '/node', { mode: 'normal', hold: 'exactly' });
  await until('the stage page says no more', () => stage.page.evaluate(() => document.querySelector('#mode-text').textContent === ''));
  await letThemTalk(NORMAL_S);
  const end = await look(listeners);
  const heard = await Promise.all(listeners.map((one) => one.stopCapture()));
  const stallMs = await witness.stallMs();

  for (const [i, { name }] of listeners.entries()) {
    const packets = economy[i].packets - grown[i].packets;
    t.ok(packets > 0 && packets < ECONOMY_S * 50 * 0.5, `${name} plays long packets`, { packets, seconds: ECONOMY_S });
    t.ok(end[i].lost === start[i].lost, `${name} loses no packet`, { lost: end[i].lost });
    const { seconds, longest_silence_s: silence } = await stats(heard[i]);
    t.ok(silence * 1000 <= stallMs, `${name} is never silent`, { seconds, longest_silence_s: silence, stall_ms: stallMs });
    await checkVoices(t, `what ${name} heard`, heard[i], { present: { Ada: a } });
    const concealedMs = end[i].concealed_ms - start[i].concealed_ms;
    t.ok(concealedMs <= 2 * STEP_MS + 3 * stallMs, `${name} has next to nothing to conceal`, { concealed_ms: concealedMs, stall_ms: stallMs });
    t.figure(`economy and back in ${name}: ${concealedMs} ms concealed in ${end[i].events - start[i].events} places, `
      + `the machine itself stalled ${stallMs} ms`);
  }
});

/**
 * The speech over a soft tone: any silence in it is a fault.
 * @param {string} voice
 * @returns {Promise<string>}
 */
async function neverSilent(voice) {
  const path = join(temporaryFolder(), 'never-silent.wav');
  await run('ffmpeg', ['-v', 'error', '-i', voice, '-f', 'lavfi', '-i', 'sine=400:r=48000',
    '-filter_complex', '[1]volume=0.2[q];[0][q]amix=2:normalize=0:duration=first', '-ac', '1', '-c:a', 'pcm_s16le', path]);
  return path;
}

/**
 * @param {ListenPage[]} listeners
 * @returns {Promise<Inbound[]>}
 */
function look(listeners) {
  return Promise.all(listeners.map((one) => one.page.evaluate(inbound)));
}

/* ---- in the page ---- */

async function inbound() {
  for (const report of (await window.rtc.at(-1).getStats()).values()) {
    if (report.type !== 'inbound-rtp') continue;
    return {
      packets: report.packetsReceived,
      lost: report.packetsLost,
      concealed_ms: Math.round(report.concealedSamples / 48),
      events: report.concealmentEvents,
    };
  }
  throw new Error('nothing comes in');
}
