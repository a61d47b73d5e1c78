/** Economy and back while people listen: nothing is lost, no hole in the sound, and a restart remembers it. */
import { join } from 'node:path';
import { checkOggOpus, checkVoices } from '../browser/lib/audio.mjs';
import { rostrum, run, temporaryFolder } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { letThemTalk, until } from '../browser/lib/wait.mjs';
import { Witness } from '../browser/lib/witness.mjs';

const GAP_MS = 60;
/* Two economies of 9 s, by the room and by the node, normal time before, between and behind. */
const NORMAL_S = 4;
const ECONOMY_S = 9;
const SPOKEN_BPS = 16000;
const SECONDS = 3 * NORMAL_S + 2 * ECONOMY_S;
const t = new Tap();

await t.run(async () => {
  const server = await new Server().start();
  t.defer(() => server.stop(t));
  const a = await speech('a');
  const { hosts } = await server.createRoom('eco', ['Ada']);
  await server.api('POST', '/rooms/eco/open');
  const ada = rostrum(server.url, 'speak', 'eco', a, '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await server.api('POST', '/rooms/eco/live');
  const admin = (...args) => rostrum(server.url, '--token-file', join(server.state, 'admin.token'), ...args).end;

  const witness = new Witness();
  const path = join(temporaryFolder(), 'heard.opus');
  const listener = rostrum(server.url, 'listen', 'eco', '--out', path, '--seconds', String(SECONDS + 5));
  t.defer(() => listener.kill('SIGKILL'));
  await until('the listener hears', async () => (await server.room('eco')).hearing === 1);
  await letThemTalk(NORMAL_S);
  const first = JSON.parse((await admin('room', 'mode', 'eco', 'economy')).stdout);
  t.ok(first.mode === 'economy' && first.wanted_mode === 'economy', 'the room goes to economy by the command line', { mode: first.mode });
  await letThemTalk(ECONOMY_S);
  await admin('room', 'mode', 'eco', 'normal');
  await letThemTalk(NORMAL_S);
  const node = JSON.parse((await admin('node', 'mode', 'economy')).stdout);
  t.ok(node.mode === 'economy', 'so does the whole node');
  await letThemTalk(ECONOMY_S);
  t.ok((await server.room('eco')).hearing === 1, 'who listens is counted as before');
  await admin('node', 'mode', 'normal');
  const ended = await listener.end;
  const stallMs = await witness.stallMs();
  if (!t.ok(ended.status === 0, 'the listener listens to the end')) t.note(ended.stderr);
  await checkAccount(JSON.parse(ended.stdout), stallMs, path);
  await checkVoices(t, 'what was heard through all switches', path, { present: { Ada: a } });
  await checkOggOpus(t, 'what was heard', path);
  await checkRate(path);

  const refused = await admin('room', 'mode', 'eco', 'lifeboat');
  t.ok(refused.status === 1 && /allowed: normal, economy or small_audience/.test(refused.stderr), 'another mode is refused with those that there are', refused.stderr.trim());
  for (const line of [/room\.mode room=eco mode=economy wanted=economy cause=admin/, /node\.mode mode=economy cause=operator/,
    /room\.mode room=eco mode=economy wanted=normal cause=operator/, /room\.mode room=eco mode=normal wanted=normal cause=operator/]) {
    t.ok(line.test(server.log), `the log says ${line.source}`);
  }
  await checkRestart(server, admin);
});

/**
 * @param {{packets: number, lost: number, duplicates: number, connects: number, asked_again: number, sound_ms: number,
 *   longest_gap_ms: number, gaps_over_60ms: number, longest_packet_ms: number}} account of `rostrum listen`
 * @param {number} stallMs what the machine itself stood still
 * @param {string} path
 */
async function checkAccount(account, stallMs, path) {
  const { packets, lost, duplicates, connects, asked_again: askedAgain, sound_ms: soundMs } = account;
  t.ok(lost === 0 && connects === 1, 'no packet is lost', { packets, lost, duplicates, asked_again: askedAgain });
  t.ok(account.longest_packet_ms === 60, 'packets of 60 ms came', { longest_packet_ms: account.longest_packet_ms });
  t.ok(packets < (soundMs / 20) * 0.8, 'and many fewer of them', { packets, sound_ms: soundMs });
  t.ok(account.longest_gap_ms <= GAP_MS + 20 + stallMs, `no gap over ${GAP_MS + 20} ms but what the machine stalled`,
    { longest_gap_ms: account.longest_gap_ms, gaps_over_60ms: account.gaps_over_60ms, stall_ms: stallMs });
  const file = JSON.parse((await rostrum('', 'verify', path).end).stdout);
  t.ok(file.whole && file.gaps === 0 && file.filler_packets === 0 && Math.abs(file.duration_ms + 80 - soundMs) < 1,
    'each packet begins where the one before ended', { duration_ms: file.duration_ms, sound_ms: soundMs });
}

/**
 * The program's encoder had the lower rate in long packets, and its own in short ones again.
 * @param {string} path
 */
async function checkRate(path) {
  const args = ['-v', 'error', '-show_entries', 'packet=size,duration_time', '-of', 'csv=p=0', path];
  const sums = new Map([[20, { ms: 0, bytes: 0 }], [60, { ms: 0, bytes: 0 }]]);
  for (const line of (await run('ffprobe', args)).stdout.trim().split('\n')) {
    const [seconds, bytes] = line.split(',').map(Number);
    const sum = sums.get(Math.round(seconds * 1000));
    if (!sum || bytes < seconds * SPOKEN_BPS / 8) continue; // the pauses of the speech cost next to nothing at any rate
    sum.ms += seconds * 1000;
    sum.bytes += bytes;
  }
  const [short, long] = [...sums.values()].map(({ ms, bytes }) => Math.round((bytes * 8000) / ms));
  t.ok(long < short * 0.85, 'in long packets each second takes fewer bits', { short_bps: short, long_bps: long });
}

/**
 * @param {Server} server
 * @param {(...args: string[]) => Promise<import('../browser/lib/programs.mjs').Ended>} admin
 */
async function checkRestart(server, admin) {
  await admin('room', 'mode', 'eco', 'economy');
  await server.stop(t);
  await server.start();
  const { mode, wanted_mode: wanted, state } = await server.room('eco');
  t.ok(mode === 'economy' && wanted === 'economy' && state === 'live', 'after a restart the room is live and in economy', { mode, wanted, state });
  const again = await rostrum(server.url, 'listen', 'eco', '--seconds', '10').end;
  const account = JSON.parse(again.stdout);
  t.ok(account.longest_packet_ms === 60 && account.lost === 0, 'and its listeners get packets of 60 ms', account);
}
