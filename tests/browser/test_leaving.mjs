/** Whoever is sent from the stage, by hand or because the room is cancelled, has no open microphone left. */
import { openChromium } from './lib/browsers.mjs';
import { ADDRESS, enterNamespace } from './lib/netns.mjs';
import { HostPage } from './lib/pages.mjs';
import { Server } from './lib/server.mjs';
import { speech } from './lib/speech.mjs';
import { Tap } from './lib/tap.mjs';

enterNamespace();
const t = new Tap();

await t.run(async () => {
  const server = await new Server({ address: ADDRESS, flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const chromium = await openChromium(t, { microphone: await speech('a') });
  const room = await server.createRoom('short', ['Ada', 'Bob']);
  await server.api('POST', '/rooms/short/open');
  const [ada, bob] = await Promise.all(['Ada', 'Bob'].map(async (name) => {
    const page = await chromium.page();
    await page.addInitScript(rememberMicrophones);
    return new HostPage(name, page);
  }));
  await ada.goOnStage(room.hosts[0].stage_url);
  await bob.goOnStage(room.hosts[1].stage_url);
  for (const host of [ada, bob]) t.ok(await isOpen(host), `${host.name}'s microphone is open on the stage`);

  await server.api('DELETE', '/rooms/short/invitations/2');
  await bob.reaches('denied');
  t.ok(!(await isOpen(bob)), 'who was removed has none open');
  await server.api('POST', '/rooms/short/cancel');
  await ada.reaches('ended');
  t.ok(!(await isOpen(ada)), 'nor has anybody after a cancellation');
});

/** @param {HostPage} host */
function isOpen(host) {
  return host.page.evaluate(() => window.microphones.some((track) => track.readyState === 'live'));
}

/** In the page: keeps the tracks of every microphone that was opened. */
function rememberMicrophones() {
  const original = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
  window.microphones = [];
  navigator.mediaDevices.getUserMedia = async (wish) => {
    const stream = await original(wish);
    window.microphones.push(...stream.getAudioTracks());
    return stream;
  };
}
