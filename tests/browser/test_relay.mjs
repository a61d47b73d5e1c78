/**
 * A browser behind two relays, on networks of their own: its page comes from the origin, its seat is at a node whose program
 * comes through another one. It hears Ada and sees how many hear; when its node is killed it hears her elsewhere; it is told
 * the end, and plays the recording from the origin.
 */
// waits
import { Chain, FULL, SLUG } from '../integration/house/chain.mjs';
import { enterHouse } from '../integration/house/network.mjs';
import { checkVoices } from './lib/audio.mjs';
import { openChromium } from './lib/browsers.mjs';
import { ListenPage } from './lib/pages.mjs';
import { LOOP_S } from './lib/speech.mjs';
import { Tap } from './lib/tap.mjs';
import { letThemTalk, until } from './lib/wait.mjs';

const BACK_MS = 10_000;
/* The chain's own listeners take what the origin has for listeners (half of it). Of what is free elsewhere, the last node has
 * 996 of a thousand parts. */
const SEATS = { origin: 2 * FULL, second: 10_000 };

await enterHouse();
const t = new Tap();

await t.run(async () => {
  const chain = await Chain.build(t, { relays: 2, seats: SEATS });
  const { house } = chain;
  const origin = house.node('origin');
  const seated = async () => (await chain.relayed('second'))?.seated ?? 0;
  const before = await seated();
  t.ok((await chain.parent('second')) === 'first' && (await chain.parent('first')) === 'origin', 'second is behind two relays\' ways', await chain.relayed('second'));

  process.env.ROSTRUM_CHROMIUM = house.network.wrapper('clients', process.env.ROSTRUM_CHROMIUM ?? '/usr/bin/chromium');
  const page = await (await openChromium(t)).page();
  const listener = new ListenPage('the listener', page);
  await listener.open(`${origin.url}/r/${SLUG}`);
  await listener.reaches('idle');
  await listener.listen();
  await listener.reaches('hearing');
  t.ok((await seated()) === before + 1, 'the page from the origin sits at the last node', { before, now: await seated() });
  t.ok(page.url().startsWith(origin.url), 'its address stays the origin\'s', page.url());
  await listener.startCapture();
  await letThemTalk(LOOP_S);
  await checkVoices(t, 'what it heard behind two relays', await listener.stopCapture(), { present: { Ada: chain.voice } });
  const { hearing } = await origin.room(SLUG);
  const shown = await until('it sees how many hear', async () => (await listener.hearing()) === (await origin.room(SLUG)).hearing);
  t.ok(shown && hearing > before + 1, 'it sees all who hear, at all nodes', { hearing });

  const heard = await listener.reception();
  const killedMs = Date.now();
  await house.node('second').crash();
  await listener.comesBack(heard, 'hearing', BACK_MS);
  t.figure(`the page hears again ${Date.now() - killedMs} ms after its node was killed`);
  await listener.startCapture();
  await letThemTalk(LOOP_S);
  await checkVoices(t, 'what it heard elsewhere', await listener.stopCapture(), { present: { Ada: chain.voice } });

  await origin.api('POST', `/rooms/${SLUG}/end`);
  await listener.reaches('published');
  t.ok(true, 'it is told the end and the publication');
  const length = () => page.evaluate(() => document.querySelector('#recording-audio').duration);
  t.ok(await until('it reads the recording', async () => (await length()) > LOOP_S), 'it can play the recording', `${(await length()).toFixed(1)} s`);
  const plays = await page.evaluate(playRecording);
  t.ok(plays > 0.5, 'and does', { seconds: plays });
  await house.start('second'); // all are to end well
});

/* ---- in the page ---- */

/** How far it came in two seconds. */
async function playRecording() {
  const audio = document.querySelector('#recording-audio');
  audio.muted = true;
  await audio.play();
  await new Promise((done) => setTimeout(done, 2_000));
  return audio.currentTime;
}
