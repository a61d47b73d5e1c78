/** The comparison itself: the right speech scores high, the other one low, noise and silence nothing. */
import { join } from 'node:path';
import { ABSENT, checkVoices, contains, PRESENT } from './lib/audio.mjs';
import { run, temporaryFolder } from './lib/programs.mjs';
import { speech } from './lib/speech.mjs';
import { Tap } from './lib/tap.mjs';

const t = new Tap();

await t.run(async () => {
  const folder = temporaryFolder();
  const [a, b] = await Promise.all([speech('a'), speech('b')]);
  const file = (name) => join(folder, name);
  const ffmpeg = (...args) => run('ffmpeg', ['-v', 'error', ...args]);
  const loop = (path) => ['-stream_loop', '4', '-i', path];
  const mix = (gain) => `[0]volume=${gain}[q];[q][1]amix=2:normalize=0:duration=shortest,atrim=3:23`;

  await ffmpeg(...loop(a), '-t', '20', '-c:a', 'libopus', '-b:a', '16k', file('a.opus'));
  await ffmpeg(...loop(b), '-ss', '5', '-t', '20', '-c:a', 'libopus', '-b:a', '16k', file('b.opus'));
  await ffmpeg(...loop(a), ...loop(b), '-filter_complex', mix(1), '-c:a', 'libopus', '-b:a', '32k', file('both.opus'));
  await ffmpeg(...loop(a), ...loop(b), '-filter_complex', mix(0.1), '-c:a', 'libopus', '-b:a', '32k', file('leak.opus'));
  await ffmpeg(...loop(a), '-t', '20', '-filter:a', 'atempo=1.02', '-c:a', 'libopus', file('stretched.opus'));
  await ffmpeg('-f', 'lavfi', '-i', 'anoisesrc=d=20:r=48000:a=0.25', file('noise.wav'));
  await ffmpeg('-f', 'lavfi', '-i', 'sine=440:d=20:r=48000', file('tone.wav'));
  await ffmpeg('-f', 'lavfi', '-i', 'anullsrc=r=48000:cl=mono', '-t', '20', file('silence.wav'));

  await checkVoices(t, 'a through 16 kb/s', file('a.opus'), { present: { a }, absent: { b } });
  await checkVoices(t, 'b through 16 kb/s', file('b.opus'), { present: { b }, absent: { a } });
  await checkVoices(t, 'a and b at once', file('both.opus'), { present: { a, b } });
  await checkVoices(t, 'a played 2 % faster', file('stretched.opus'), { present: { a }, absent: { b } });
  for (const nothing of ['noise.wav', 'tone.wav', 'silence.wav']) {
    await checkVoices(t, nothing, file(nothing), { absent: { a, b } });
  }
  const leak = await contains(file('leak.opus'), a);
  t.ok(leak.similarity > ABSENT, 'a voice that leaks 20 dB below the other one does not pass as absent', leak);
  t.figure(`speech comparison: present means at least ${PRESENT}, absent at most ${ABSENT}`);
});
