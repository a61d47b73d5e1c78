/**
 * speech.mjs - two texts of real human speech as microphones' files.
 *
 * Telephone prompts of the Debian package asterisk-core-sounds-en-wav, both by the same speaker: to
 * tell them apart takes the words, not the voice. Of different length, with pauses, to be looped: so
 * they alternate and overlap.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { run, temporaryFolder } from './programs.mjs';

const SOUNDS = '/usr/share/asterisk/sounds';
const TEXTS = {
  a: { prompts: ['demo-thanks', 'vm-rec-busy'], pause_s: 1.2 },
  b: { prompts: ['queue-periodic-announce', 'vm-rec-name'], pause_s: 1.6 },
};

/** Longer than each of the texts with its pauses: whoever listens so long has met every word. */
export const LOOP_S = 16;

/**
 * @param {keyof typeof TEXTS} which
 * @returns {Promise<string>} path of a mono wav at 48 kHz, a whole number of 10 ms long
 */
export async function speech(which) {
  const folder = temporaryFolder();
  const { prompts, pause_s } = TEXTS[which];
  const voice = readdirSync(SOUNDS).find((name) => name.startsWith('en_US'));
  if (!voice) throw new Error('asterisk-core-sounds-en-wav is not installed');
  const path = join(folder, `speech-${which}.wav`);
  const inputs = prompts.flatMap((prompt) => ['-i', join(SOUNDS, voice, `${prompt}.wav`)]);
  const parts = prompts.map((_, i) => `[${i}]aresample=48000,volume=0.6,apad=pad_dur=${pause_s}[p${i}]`);
  const joined = `${prompts.map((_, i) => `[p${i}]`).join('')}concat=n=${prompts.length}:v=0:a=1,asetnsamples=n=480:p=1`;
  await run('ffmpeg', ['-v', 'error', ...inputs, '-filter_complex', `${parts.join(';')};${joined}`, '-ac', '1', '-c:a', 'pcm_s16le', path]);
  return path;
}
