/** `kill -9` twice in the middle of it: every browser comes back by itself, and the recording is whole. */
// waits
import { checkOggOpus, checkVoices, download, stats } from './lib/audio.mjs';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { ADDRESS, enterNamespace } from './lib/netns.mjs';
import { HostPage, ListenPage } from './lib/pages.mjs';
import { Server } from './lib/server.mjs';
import { LOOP_S, speech } from './lib/speech.mjs';
import { Tap } from './lib/tap.mjs';
import { letThemTalk, until } from './lib/wait.mjs';

const COME_BACK_MS = 60_000;
const MAY_DIFFER_S = 2;
/* How busy this machine is with browsers is no matter here. */
const FLAGS = ['--governor', 'off'];
const DOWN_S = [0, 3]; // at once, and as long as a slow restart

enterNamespace();
const t = new Tap();

await t.run(async () => {
  const server = await new Server({ address: ADDRESS, flags: FLAGS }).start();
  t.defer(() => server.stop(t));
  const [a, b] = await Promise.all([speech('a'), speech('b')]);
  const voices = { Ada: a, Bob: b };
  const room = await server.createRoom('storm', ['Ada', 'Bob']);
  const owner = room.hosts[0].token;

  const [forAda, forBob, chromium, firefox] = await Promise.all([
    openChromium(t, { microphone: a }), openChromium(t, { microphone: b }), openChromium(t), openFirefox(t),
  ]);
  const ada = new HostPage('Ada', await forAda.page());
  const bob = new HostPage('Bob', await forBob.page());
  const hosts = [ada, bob];
  const listeners = [new ListenPage('Chromium', await chromium.page()), new ListenPage('Firefox', await firefox.page())];
  await server.api('POST', '/rooms/storm/open');
  await Promise.all(hosts.map((host, i) => host.goOnStage(room.hosts[i].stage_url)));
  await ada.click('#go-live');
  await Promise.all(listeners.map(async (one) => {
    await one.open(room.listen_url);
    await one.reaches('idle');
    await one.listen();
    await one.reaches('hearing');
  }));

  /** @type {Array<{name: string, beginMs: number}>} */
  const phases = [];
  const phase = async (name) => {
    await Promise.all(listeners.map((one) => one.startCapture()));
    phases.push({ name, beginMs: Date.now() });
    await letThemTalk(LOOP_S);
    for (const one of listeners) await checkVoices(t, `${name}, what ${one.name} heard`, await one.stopCapture(), { present: voices });
  };
  await phase('before');
  for (const [crash, name] of ['after the first crash', 'after the second crash'].entries()) {
    const before = await Promise.all([...hosts, ...listeners].map((one) => one.reception()));
    await server.crash();
    const crashedMs = performance.now();
    await letThemTalk(DOWN_S[crash]);
    await server.start();
    t.ok((await server.room('storm')).state === 'live', `${name} the room is live`);
    await Promise.all([...hosts, ...listeners].map(async (one, i) => {
      await one.comesBack(before[i], i < hosts.length ? 'live' : 'hearing', COME_BACK_MS);
      t.figure(`${name} ${one.name} hears again after ${((performance.now() - crashedMs) / 1000).toFixed(1)} s`);
    }));
    t.ok(true, `${name} hosts and listeners come back by themselves`);
    await until('both are counted', async () => (await server.room('storm')).hearing === 2);
    await phase(name);
  }

  await ada.endRoom();
  await Promise.all(listeners.map((one) => one.reaches('published')));
  const published = await server.published('storm');
  const wallS = (published.ended_ms - published.live_ms) / 1000;
  const recording = await download(`${server.url}/r/storm/recording.opus`);
  const { seconds } = await stats(recording);
  t.ok(Math.abs(seconds - wallS) < MAY_DIFFER_S, 'the recording is as long as the evening, silence where nobody could be heard', { seconds, wallS });
  t.ok(Math.abs(published.publication.duration_ms / 1000 - seconds) < 0.1, 'its length is told rightly', published.publication);
  await checkOggOpus(t, 'the recording', recording);
  for (const { name, beginMs } of phases) {
    const fromS = (beginMs - published.live_ms) / 1000;
    await checkVoices(t, `the recording ${name}`, recording, { present: voices }, fromS, fromS + LOOP_S);
  }
  const { stems } = await server.api('GET', '/rooms/storm/stems', undefined, owner);
  t.ok(stems.length === 2, 'there are two stems', stems);
  for (const stem of stems) {
    const { [stem.name]: own, ...others } = voices;
    const path = await download(new URL(stem.url, server.url).href, owner);
    await checkOggOpus(t, `the stem of ${stem.name}`, path);
    t.ok(Math.abs((await stats(path)).seconds - wallS) < MAY_DIFFER_S, `the stem of ${stem.name} is as long as the evening`, await stats(path));
    for (const { name, beginMs } of phases) {
      const fromS = (beginMs - published.live_ms) / 1000;
      await checkVoices(t, `the stem of ${stem.name} ${name}`, path, { present: { [stem.name]: own }, absent: others }, fromS, fromS + LOOP_S);
    }
  }
});
