/** `kill -9` twice while a room is live: everybody comes back, little is lost, every file is whole. */
// build: tsan
import { copyFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Program, ROSTRUM, rostrum, run, temporaryFolder } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { letThemTalk, until } from '../browser/lib/wait.mjs';
import { Witness } from '../browser/lib/witness.mjs';

const SPEECH = '/usr/share/asterisk/sounds/en_US_f_Allison/demo-congrats.wav';
const LOST_AT_MOST_MS = 250; // the promise of the recording
const t = new Tap();

/** @param {string} path @returns {Promise<any>} */
async function verify(path) {
  const ended = await new Program(ROSTRUM, ['--json', 'verify', path]).end;
  return ended.stdout === '' ? { failed: ended.stderr } : JSON.parse(ended.stdout);
}

/** Every file of the recording, as it lies on the disk now. @param {Server} server */
function journal(server) {
  const folder = join(server.state, 'recordings');
  const [recording] = readdirSync(folder);
  return readdirSync(join(folder, recording)).filter((name) => name.endsWith('.opus')).map((name) => join(folder, recording, name));
}

/**
 * Kills the server and looks at what is left: it plays.
 * @param {Server} server @param {string} slug @param {string} which
 * @returns {Promise<number>} how much of the program is missing, in ms
 */
async function crash(server, slug, which) {
  const { live_ms: liveMs } = await server.room(slug);
  const killedMs = Date.now();
  await server.crash();
  let lostMs = NaN;
  for (const path of journal(server)) {
    const left = join(temporaryFolder(), 'left.opus');
    copyFileSync(path, left);
    const seen = await verify(left);
    const name = path.split('/').pop();
    t.ok(seen.packets > 0 && seen.damaged_places === 0 && seen.gaps === 0, `${which}: ${name} plays as it was left`, seen);
    // Going live takes a moment until the first packet, so this errs on the strict side.
    if (name === 'program.opus') lostMs = killedMs - liveMs - seen.duration_ms;
    await run('ffmpeg', ['-v', 'error', '-i', left, '-f', 'null', '-']);
  }
  return lostMs;
}

await t.run(async () => {
  const server = await new Server({ flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const { hosts } = await server.createRoom('evening', ['Ada', 'Ben']);
  await server.api('POST', '/rooms/evening/open');
  const speakers = hosts.map(({ token }) => rostrum(server.url, 'speak', 'evening', SPEECH, '--token', token, '--consent', '--loop'));
  const invited = async () => (await server.api('GET', '/rooms/evening/invitations')).invitations;
  await until('both have agreed', async () => (await invited()).every((/** @type {any} */ i) => i.agreed));
  const heard = join(temporaryFolder(), 'heard.opus');
  const listener = rostrum(server.url, 'listen', 'evening', '--out', heard);
  const witness = new Witness();
  const lostMs = [];
  await server.api('POST', '/rooms/evening/live');
  await until('somebody hears', async () => (await server.room('evening')).hearing === 1);

  for (const which of ['first kill', 'second kill']) {
    await letThemTalk(4);
    lostMs.push(await crash(server, 'evening', which));
    await server.start();
    t.ok((await server.room('evening')).state === 'live', `${which}: the room is live after the restart`);
    t.ok((await server.room('evening')).recording, `${which}: the recording goes on`);
    await until('the listener is back', async () => {
      const { hearing, connected } = await server.room('evening');
      if (hearing !== 1) throw new Error(JSON.stringify({ hearing, connected, listener: listener.ended ?? listener.stderr }));
      return true;
    }, 40_000);
  }
  const stallMs = await witness.stallMs();
  t.ok(lostMs.every((ms) => ms <= LOST_AT_MOST_MS + 100 + stallMs), 'no more is lost than one page, and what the machine stalled', { lostMs, stallMs });
  await letThemTalk(4);
  const wallMs = Date.now() - (await server.room('evening')).live_ms;
  await server.api('POST', '/rooms/evening/end');
  const room = await server.published('evening');
  const driftMs = room.publication.duration_ms - wallMs;
  t.ok(Math.abs(driftMs) < 1000, 'the publication is as long as the evening was', { wallMs, driftMs });
  t.ok(journal(server).length === 3, 'one program and two stems', journal(server).length);
  for (const path of journal(server)) {
    const seen = await verify(path);
    t.ok(seen.whole && seen.end_mark, `${path.split('/').pop()} is whole`, seen);
    t.ok(Math.abs(seen.duration_ms - room.publication.duration_ms) <= 1, 'and as long as the program');
    await run('oggz-validate', [path]);
    await run('opusinfo', [path]);
    await run('ffmpeg', ['-v', 'error', '-xerror', '-i', path, '-f', 'null', '-']);
  }
  const account = JSON.parse((await listener.end).stdout);
  t.ok(account.connects === 3, 'the listener connected three times', account);
  t.ok((await verify(heard)).whole, 'what the listener kept is whole');
  for (const speaker of speakers) t.ok((await speaker.end).status === 0, 'a speaker saw the room end', speaker.stdout.trim());
});
