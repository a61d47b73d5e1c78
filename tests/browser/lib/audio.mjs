/** audio.mjs - what a recording contains, and whether other people's tools accept the file. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program, ROSTRUM, run, temporaryFolder } from './programs.mjs';

const TOOL = fileURLToPath(new URL('audio.py', import.meta.url));
/* python3-numpy is Debian's: another python in the PATH would not have it. */
const PYTHON = '/usr/bin/python3';

/** Between these two lies nobody (test_audio.mjs shows the figures). */
export const PRESENT = 0.6;
export const ABSENT = 0.2;

/** @typedef {{similarity: number, correlation: number, pieces: number, seconds: number}} Likeness */

/**
 * @param {string} recorded
 * @param {string} source
 * @param {number[]} window [fromS[, toS]] of the recording
 * @returns {Promise<Likeness>}
 */
export async function contains(recorded, source, ...window) {
  return JSON.parse((await run(PYTHON, [TOOL, 'contains', recorded, source, ...window.map(String)])).stdout);
}

/**
 * @param {string} recorded
 * @param {number[]} window
 * @returns {Promise<{seconds: number, rms: number, longest_silence_s: number}>}
 */
export async function stats(recorded, ...window) {
  return JSON.parse((await run(PYTHON, [TOOL, 'stats', recorded, ...window.map(String)])).stdout);
}

/**
 * Checks who is heard in a recording and who is not.
 * @param {import('./tap.mjs').Tap} t
 * @param {string} what
 * @param {string} recorded
 * @param {{present?: Record<string, string>, absent?: Record<string, string>}} voices name -> source
 * @param {number[]} window
 */
export async function checkVoices(t, what, recorded, { present = {}, absent = {} }, ...window) {
  for (const [name, source] of Object.entries(present)) {
    const likeness = await contains(recorded, source, ...window);
    t.ok(likeness.similarity >= PRESENT, `${what} contains ${name}`, likeness);
  }
  for (const [name, source] of Object.entries(absent)) {
    const likeness = await contains(recorded, source, ...window);
    t.ok(likeness.similarity <= ABSENT, `${what} does not contain ${name}`, likeness);
  }
}

/**
 * Each of the tools reads the file without complaint.
 * @param {import('./tap.mjs').Tap} t
 * @param {string} what
 * @param {string} path
 */
export async function checkOggOpus(t, what, path) {
  const tools = [
    ['opusinfo', [path]],
    ['oggz-validate', [path]],
    ['ffmpeg', ['-v', 'error', '-i', path, '-f', 'null', '-']],
    [ROSTRUM, ['verify', path]],
  ];
  const complaints = [];
  for (const [tool, args] of /** @type {Array<[string, string[]]>} */ (tools)) {
    const ended = await new Program(tool, args).end;
    const warned = /WARNING|ERROR|invalid/i.test(ended.stdout + ended.stderr) || (tool === 'ffmpeg' && ended.stderr !== '');
    if (ended.status !== 0 || warned) complaints.push(`${tool}: ${ended.status} ${ended.stdout}${ended.stderr}`);
  }
  if (!t.ok(complaints.length === 0, `${what} is accepted by opusinfo, oggz-validate, ffmpeg and rostrum verify`)) {
    t.note(complaints.join('\n'));
  }
}

/**
 * Fetches a file over HTTP; throws when it is not there.
 * @param {string} url
 * @param {string} [token]
 * @returns {Promise<string>} its path
 */
export async function download(url, token) {
  const response = await fetch(url, { headers: token ? { authorization: `Bearer ${token}` } : {} });
  if (!response.ok) throw new Error(`${url}: ${response.status}`);
  const path = join(temporaryFolder(), 'download.opus');
  writeFileSync(path, new Uint8Array(await response.arrayBuffer()));
  return path;
}
