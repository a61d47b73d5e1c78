/**
 * A browser behind two relays, on networks of their own: its page comes from the origin, its seat is at a node whose program
 * comes through another one. It hears Ada and sees how many hear; when its node is killed it hears her elsewhere; it is told
 * the end, and plays the recording from the origin.
 */
// waits
import { enterHouse } from '../integration/house/network.mjs';
import { CHILD, growTree, HEADS, LONG_S, ORIGIN, sit, TRIES } from '../integration/house/tree.mjs';
import { checkVoices } from './lib/audio.mjs';
import { openChromium } from './lib/browsers.mjs';
import { ListenPage } from './lib/pages.mjs';
import { LOOP_S } from './lib/speech.mjs';
import { Tap } from './lib/tap.mjs';
import { letThemTalk, until } from './lib/wait.mjs';

const BACK_MS = 10_000;
/* The origin keeps half of its seats back. Of what is free elsewhere nearly all is at the last node. */
const FULL = 2;
const OWN = { [ORIGIN]: ['--seats', String(2 * FULL)], [CHILD]: ['--seats', '10000'] };

await enterHouse();
const t = new Tap();

await t.run(async () => {
  const hall = await growTree(t, OWN);
  const { house, slug } = hall;
  const origin = house.node(ORIGIN);
  const seated = async () => (await hall.seated(CHILD))[0];
  await sit(hall, CHILD, 1);
  await until('who asked for the room has gone', async () => (await seated()) === 1);
  hall.listen(FULL, LONG_S, ORIGIN);
  await until('the origin has no seat for a listener', async () => (await house.report(ORIGIN)).seats.taken >= FULL);
  const parent = await house.parent(CHILD, slug);
  t.ok(HEADS.includes(parent) && (await house.parent(parent, slug)) === ORIGIN, `${CHILD} is behind two relays' ways`, parent);

  process.env.ROSTRUM_CHROMIUM = house.network.wrapper('clients', process.env.ROSTRUM_CHROMIUM ?? '/usr/bin/chromium');
  const browser = await openChromium(t);
  let listener = await comeIn(await browser.page(), `${origin.url}/r/${slug}`);
  /* While the machine holds up the last node, who comes is sent to another one. */
  for (let i = 0; i < TRIES && (await seated()) !== 2; i++) {
    await listener.page.close();
    listener = await comeIn(await browser.page(), `${origin.url}/r/${slug}`);
  }
  const { page } = listener;
  t.ok((await seated()) === 2, 'the page from the origin sits at the last node', await hall.seated(...HEADS, CHILD));
  t.ok(page.url().startsWith(origin.url), 'its address stays the origin\'s', page.url());
  await listener.startCapture();
  await letThemTalk(LOOP_S);
  await checkVoices(t, 'what it heard behind two relays', await listener.stopCapture(), { present: { Ada: hall.voice } });
  const { hearing } = await origin.room(slug);
  const shown = await until('it sees how many hear', async () => (await listener.hearing()) === (await origin.room(slug)).hearing);
  t.ok(shown && hearing > 2, 'it sees all who hear, at all nodes', { hearing });

  const heard = await listener.reception();
  const killedMs = Date.now();
  await house.node(CHILD).crash();
  await listener.comesBack(heard, 'hearing', BACK_MS);
  t.figure(`the page hears again ${Date.now() - killedMs} ms after its node was killed`);
  await listener.startCapture();
  await letThemTalk(LOOP_S);
  await checkVoices(t, 'what it heard elsewhere', await listener.stopCapture(), { present: { Ada: hall.voice } });

  await origin.api('POST', `/rooms/${slug}/end`);
  await listener.reaches('published');
  t.ok(true, 'it is told the end and the publication');
  const length = () => page.evaluate(() => document.querySelector('#recording-audio').duration);
  t.ok(await until('it reads the recording', async () => (await length()) > LOOP_S), 'it can play the recording', `${(await length()).toFixed(1)} s`);
  const plays = await page.evaluate(playRecording);
  t.ok(plays > 0.5, 'and does', { seconds: plays });
  await house.start(CHILD); // all are to end well
});

/** @param {import('./lib/browsers.mjs').Page} page @param {string} url */
async function comeIn(page, url) {
  const listener = new ListenPage('the listener', page);
  await listener.open(url);
  await listener.reaches('idle');
  await listener.listen();
  await listener.reaches('hearing');
  return listener;
}

/* ---- in the page ---- */

/** How far it came in two seconds. */
async function playRecording() {
  const audio = document.querySelector('#recording-audio');
  audio.muted = true;
  await audio.play();
  await new Promise((done) => setTimeout(done, 2_000));
  return audio.currentTime;
}
