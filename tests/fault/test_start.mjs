/** Starts that cannot succeed: each ends at once with a sentence that says what is wrong, and changes nothing. */
// build: dev
import { createSocket } from 'node:dgram';
import { mkdirSync, mkdtempSync, openSync, readFileSync, statSync, writeFileSync, writeSync, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Program, ROSTRUMD, temporaryFolder } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { Tap } from '../browser/lib/tap.mjs';

const t = new Tap();

/**
 * Starts rostrumd with these flags and expects a refusal whose text holds all the words.
 * @param {string} what
 * @param {string[]} flags
 * @param {string[]} words
 * @param {string[]} [settings] NAME=VALUE
 */
async function refused(what, flags, words, settings = []) {
  const ended = await new Program('/usr/bin/env', [...settings, ROSTRUMD, '--http', '127.0.0.1:0', '--media-port', '0', ...flags]).end;
  t.ok(ended.status !== 0 && ended.status !== null, `${what}: it ends with an error`, { status: ended.status });
  for (const word of words) t.ok(ended.stderr.includes(word), `${what}: it names ${word}`, ended.stderr.trim());
  t.ok(!ended.stdout.includes('ready'), `${what}: it is never ready`);
}

/** @param {Server} server @returns {{soft: number, hard: number}} how many descriptors it allows itself */
function descriptors(server) {
  const [, soft, hard] = /^Max open files +(\d+) +(\d+)/m.exec(readFileSync(`/proc/${server.pid}/limits`, 'utf8')) ?? [];
  return { soft: Number(soft), hard: Number(hard) };
}

await t.run(async () => {
  const few = await new Server({ flags: ['--sockets', '100'] }).start();
  const { soft, hard } = descriptors(few);
  t.ok(soft === Math.min(hard, 100 + 8192), 'its table of descriptors is as long as needed', { soft, hard });
  await few.stop(t);
  const first = await new Server().start();
  await first.createRoom('kept', ['Ada']);
  const udp = createSocket('udp6');
  await new Promise((done) => udp.bind(0, () => done(undefined)));
  const tcp = createServer();
  await new Promise((done) => tcp.listen(0, '127.0.0.1', () => done(undefined)));
  t.defer(() => (udp.close(), tcp.close()));
  const tcpPort = /** @type {import('node:net').AddressInfo} */ (tcp.address()).port;

  await refused('a second server on the same folder', ['--state', first.state], [first.state]);
  await refused('a media port that another program has', ['--state', temporaryFolder(), '--media-port', `${udp.address().port}`], ['media port', 'taken']);
  await refused('the media port of a running rostrumd', ['--state', temporaryFolder(), '--media-port', first.mediaPort], ['media port', 'taken']);
  await refused('a taken HTTP port', ['--state', temporaryFolder(), '--http', `127.0.0.1:${tcpPort}`], ['http', `${tcpPort}`]);
  const file = join(temporaryFolder(), 'file');
  writeFileSync(file, '');
  await refused('a state folder that is a file', ['--state', file], [file]);
  await refused('a state folder in a file', ['--state', join(file, 'state')], [file]);
  await refused('a folder of the kernel, where nobody can write', ['--state', '/proc/sys'], ['/proc/sys']);
  await refused('an unknown flag', ['--meda-port', '1'], ['--meda-port', 'media-port']);
  await refused('an unknown variable', ['--state', temporaryFolder()], ['ROSTRUM_MEDA_PORT'], ['ROSTRUM_MEDA_PORT=1']);
  await refused('an engine that is not there', ['--state', temporaryFolder(), '--srtp-engine', 'none'], ['--srtp-engine none', 'auto', 'openssl']);
  await refused('a port beyond all', ['--state', temporaryFolder(), '--media-port', '65536'], ['65536', '65535']);
  const ini = join(temporaryFolder(), 'rostrum.ini');
  writeFileSync(ini, '[media]\nmedia_prot = 1\n');
  await refused('an unknown key in the file', ['--config', ini, '--state', temporaryFolder()], [`${ini}:2`, 'media_prot', 'media_port']);
  await refused('a file that is not there', ['--config', `${ini}.none`, '--state', temporaryFolder()], [`${ini}.none`]);

  await first.stop(t);
  const database = join(first.state, 'rostrum.db');
  const bytes = statSync(database).size;
  const handle = openSync(database, 'r+');
  writeSync(handle, Buffer.alloc(512, 0xa5), 0, 512, 4096);
  const damaged = readFileSync(database);
  await refused('a damaged database', ['--state', first.state], [database]);
  t.ok(readFileSync(database).equals(damaged), 'a damaged database is left as it was', { bytes });
  writeSync(handle, Buffer.alloc(bytes, 0), 0, bytes, 0);
  await refused('a database of zeros', ['--state', first.state], [database]);

  const token = mkdtempSync(join(temporaryFolder(), 'state-'));
  mkdirSync(token, { recursive: true });
  writeFileSync(join(token, 'admin.token'), 'short\n', { mode: 0o600 });
  await refused('an admin token that is none', ['--state', token], ['admin.token']);
  t.ok(!existsSync(join(token, 'rostrum.db')), 'nothing was made in that folder');
  const key = temporaryFolder();
  writeFileSync(join(key, 'dtls.pem'), 'no key', { mode: 0o600 });
  await refused('a certificate that is none', ['--state', key], ['dtls.pem']);
});
