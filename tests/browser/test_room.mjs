/** A whole evening in real browsers: two hosts speak, three listeners hear both, the recording is there at once. */
import { checkOggOpus, checkVoices, download } from './lib/audio.mjs';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { ADDRESS, enterNamespace } from './lib/netns.mjs';
import { HostPage, ListenPage } from './lib/pages.mjs';
import { Server } from './lib/server.mjs';
import { LOOP_S, speech } from './lib/speech.mjs';
import { Tap } from './lib/tap.mjs';
import { letThemTalk, until } from './lib/wait.mjs';

enterNamespace();
const t = new Tap();

await t.run(async () => {
  const server = await new Server({ address: ADDRESS, flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const [a, b] = await Promise.all([speech('a'), speech('b')]);
  const room = await server.createRoom('evening', ['Ada', 'Bob']);
  const [stageOfAda, stageOfBob] = room.hosts.map((host) => host.stage_url);

  const [forAda, forBob, chromium, firefox] = await Promise.all([
    openChromium(t, { microphone: a }), openChromium(t, { microphone: b }), openChromium(t), openFirefox(t),
  ]);
  const ada = new HostPage('Ada', await forAda.page());
  const bob = new HostPage('Bob', await forBob.page());
  const listeners = [
    new ListenPage('the first Chromium', await chromium.page()),
    new ListenPage('the second Chromium', await chromium.page()),
    new ListenPage('Firefox', await firefox.page()),
  ];
  const [early, late, fox] = listeners;

  await early.open(room.listen_url);
  await early.reaches('scheduled');
  await early.listen(); // remembered until the doors open
  await ada.open(stageOfAda);
  await ada.reaches('consent');
  await ada.click('#open-doors');
  await Promise.all([ada.goOnStage(stageOfAda), bob.goOnStage(stageOfBob)]);
  t.ok(await bob.page.evaluate(() => document.querySelectorAll('#roster li[data-host]').length) === 2, 'both hosts are in the roster');
  await fox.open(room.listen_url);
  await fox.reaches('idle');
  await fox.listen();
  await Promise.all([early.reaches('waiting'), fox.reaches('waiting')]);
  t.ok(true, 'listeners who came early wait in the room');

  await ada.click('#go-live');
  await Promise.all([ada.reaches('live'), bob.reaches('live')]);
  await Promise.all([early.reaches('hearing'), fox.reaches('hearing')]);
  await late.open(room.listen_url);
  await late.reaches('idle');
  await late.armStopwatch();
  await late.listen();
  await late.reaches('hearing');
  t.ok(true, 'all listeners hear');
  t.figure(`first sound in Chromium ${Math.round(await late.firstSoundMs())} ms after the click`);

  const everybody = [ada, bob, ...listeners];
  await Promise.all(everybody.map((one) => one.startCapture()));
  await letThemTalk(LOOP_S);
  const heard = await Promise.all(everybody.map((one) => one.stopCapture()));
  t.ok(await until('everybody is counted', async () => (await ada.hearing()) === 3 && (await early.hearing()) === 3), 'the pages count three who hear');
  t.ok((await server.room('evening')).hearing === 3, 'so does the API');
  const recSign = await ada.page.evaluate(() => document.querySelector('#rec-sign').checkVisibility());
  t.ok(recSign, 'the stage shows that it is recorded');

  await ada.endRoom();
  await Promise.all(listeners.map((one) => one.reaches('published')));
  t.ok(true, 'every listener has the published recording on the same page, by itself');
  await bob.reaches('ended');
  for (const one of listeners) {
    const length = () => one.page.evaluate(() => document.querySelector('#recording-audio').duration);
    t.ok(await until(`${one.name} can play the recording`, async () => (await length()) > LOOP_S), `${one.name} reads the recording's length`, `${(await length()).toFixed(1)} s`);
  }

  const [byAda, byBob, ...byListeners] = heard;
  for (const [i, path] of byListeners.entries()) {
    await checkVoices(t, `what ${listeners[i].name} heard`, path, { present: { Ada: a, Bob: b } });
  }
  await checkVoices(t, 'what Ada heard', byAda, { present: { Bob: b }, absent: { Ada: a } });
  await checkVoices(t, 'what Bob heard', byBob, { present: { Ada: a }, absent: { Bob: b } });

  const recording = await download(`${server.url}/r/evening/recording.opus`);
  await checkVoices(t, 'the recording', recording, { present: { Ada: a, Bob: b } });
  await checkOggOpus(t, 'the recording', recording);
  await checkStems(server, room.hosts[0].token, { Ada: a, Bob: b });
});

/**
 * Each host's own track holds that host and nobody else.
 * @param {Server} server
 * @param {string} token the owner's
 * @param {Record<string, string>} voices
 */
async function checkStems(server, token, voices) {
  const { stems } = await server.api('GET', '/rooms/evening/stems', undefined, token);
  t.ok(stems.length === 2, 'there are two stems', stems.map((stem) => stem.name));
  for (const stem of stems) {
    const { [stem.name]: own, ...others } = voices;
    const path = await download(new URL(stem.url, server.url).href, token);
    await checkVoices(t, `the stem of ${stem.name}`, path, { present: { [stem.name]: own }, absent: others });
    await checkOggOpus(t, `the stem of ${stem.name}`, path);
  }
}
