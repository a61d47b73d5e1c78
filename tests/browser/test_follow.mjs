/**
 * A browser between two nodes: sent on it hears the other node's voice; when that node is gone it comes home by itself and
 * hears home's; and when its node wants to be left it changes over without a gap, and never hears both at once.
 * Both servers are real and have a room of the same name; the words between come from a front before home.
 */
// waits
import { checkVoices } from './lib/audio.mjs';
import { openChromium } from './lib/browsers.mjs';
import { Front } from './lib/front.mjs';
import { ListenPage } from './lib/pages.mjs';
import { rostrum } from './lib/programs.mjs';
import { Server } from './lib/server.mjs';
import { LOOP_S, speech } from './lib/speech.mjs';
import { Tap } from './lib/tap.mjs';
import { letThemTalk, until } from './lib/wait.mjs';

const SLUG = 'wander';
/* How busy this machine is with browsers is no matter here. */
const FLAGS = ['--governor', 'off'];
const t = new Tap();

/** @param {Server} server @param {string} voice */
async function talkIn(server, voice) {
  const { hosts } = await server.createRoom(SLUG, ['Ada']);
  await server.api('POST', `/rooms/${SLUG}/open`);
  const ada = rostrum(server.url, 'speak', SLUG, voice, '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await server.api('POST', `/rooms/${SLUG}/live`);
}

await t.run(async () => {
  const [a, b] = await Promise.all([speech('a'), speech('b')]);
  const home = await new Server({ flags: FLAGS }).start();
  t.defer(() => home.stop(t));
  const front = await new Front(home.url).start();
  t.defer(() => front.stop());
  const away = await new Server({ flags: [...FLAGS, '--origins', front.url] }).start();
  t.defer(() => away.stop(t));
  await Promise.all([talkIn(home, a), talkIn(away, b)]);
  const connected = async (/** @type {Server} */ server) => (await server.room(SLUG)).connected;

  const chromium = await openChromium(t);
  const page = await chromium.page();
  await page.addInitScript(noteStates);
  const listener = new ListenPage('the listener', page);
  front.elsewhere = { url: away.url, ticket: 't'.repeat(51), region: 'eu-1' };
  await listener.open(`${front.url}/r/${SLUG}`);
  await listener.reaches('idle');
  await listener.listen();
  await listener.reaches('hearing');
  await until('sent on, the page sits at the other node', async () => (await connected(away)) === 1 && (await connected(home)) === 0);
  t.ok(page.url().startsWith(front.url), 'its address stays home', page.url());
  await listener.startCapture();
  await letThemTalk(LOOP_S);
  await checkVoices(t, 'what it heard there', await listener.stopCapture(), { present: { away: b }, absent: { home: a } });

  front.elsewhere = null;
  const before = await listener.reception();
  const goneMs = Date.now();
  process.kill(away.pid, 'SIGSTOP'); // gone without a word: no FIN, no close_notify
  await until('it sits at home', async () => (await connected(home)) === 1);
  const backMs = Date.now() - goneMs;
  await listener.comesBack(before, 'hearing', 10_000);
  t.ok(backMs < 10_000, 'when that node is just gone, the page comes home by itself', { backMs });
  t.figure(`home again ${backMs} ms after the node was stopped`);
  process.kill(away.pid, 'SIGCONT');
  await listener.startCapture();
  await letThemTalk(LOOP_S);
  await checkVoices(t, 'what it heard at home', await listener.stopCapture(), { present: { home: a }, absent: { away: b } });

  await until('the other node has nobody', async () => (await connected(away)) === 0, 30_000);
  await page.evaluate(() => (window.shown = []));
  await page.evaluate(watchSound);
  front.elsewhere = { url: away.url };
  front.say({ type: 'bye', reason: 'moving', retry_after_ms: 1_000 });
  await until('it moved', async () => (await connected(away)) === 1 && (await connected(home)) === 0);
  await letThemTalk(1);
  const { silentMs, both, levels } = await page.evaluate(() => window.sound);
  t.ok(both === 0 && levels > 50, 'never two sounds at once', { looks: levels });
  t.ok(silentMs < 100, 'never none', { silentMs });
  const shown = await page.evaluate(() => window.shown);
  t.ok(shown.every((state) => state === 'hearing'), 'nothing of it is seen', shown);
  await listener.startCapture();
  await letThemTalk(LOOP_S);
  await checkVoices(t, 'what it heard after the move', await listener.stopCapture(), { present: { away: b }, absent: { home: a } });
});

/* ---- in the page ---- */

/** Keeps each state that the page shows. */
function noteStates() {
  window.shown = [];
  document.addEventListener('DOMContentLoaded', () => {
    new MutationObserver(() => window.shown.push(document.body.dataset['state']))
      .observe(document.body, { attributes: true, attributeFilter: ['data-state'] });
  });
}

/** Looks all the time which elements are heard: playing a live track, and not muted. */
function watchSound() {
  window.sound = { silentMs: 0, both: 0, levels: 0 };
  let lastMs = performance.now();
  const look = () => {
    const nowMs = performance.now();
    const heard = [...document.querySelectorAll('audio')].filter((element) =>
      element.srcObject?.getAudioTracks().some((track) => track.readyState === 'live') && !element.muted && !element.paused);
    if (heard.length === 0) window.sound.silentMs += nowMs - lastMs;
    if (heard.length > 1 || (heard.length === 1 && heard[0].id !== 'program')) window.sound.both += 1;
    window.sound.levels += 1;
    lastMs = nowMs;
  };
  setInterval(look, 10);
}
