/**
 * The command line behind a TLS proxy: whose certificate is for the host it talks to, by name, IPv4 and IPv6 address,
 * serves as without TLS; another's gets no request, no token, and is named as the cause. Both are trusted as such.
 */
// waits
// build: dev
import { appendFileSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import tls from 'node:tls';
import { Program, ROSTRUM, run, temporaryFolder } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const HOSTS = ['localhost', '127.0.0.1', '[::1]'];
const CROWD = 4;
const LOOKS = 3; // what a rehearsal without a token asks before its crowd comes, each over a connection of its own
const t = new Tap();
const folder = temporaryFolder();
const trusted = join(folder, 'trusted.pem');

/** @param {string} name @param {string} hosts */
async function certificate(name, hosts) {
  const [key, cert] = [join(folder, `${name}.key`), join(folder, `${name}.pem`)];
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-keyout', key, '-out', cert, '-subj', `/CN=${name}`, '-addext', `subjectAltName=${hosts}`]);
  return { key: readFileSync(key), cert: readFileSync(cert) };
}

/** Takes TLS off and passes on; counts whom it agreed with and keeps what they said. */
class Proxy {
  agreed = 0;
  heard = '';
  #tls;

  /** @param {{key: Buffer, cert: Buffer}} identity @param {string} to */
  constructor(identity, to) {
    this.#tls = tls.createServer(identity, (near) => {
      this.agreed += 1;
      const far = net.connect(Number(to), '127.0.0.1');
      near.on('data', (bytes) => (this.heard += bytes.toString('latin1')));
      near.on('error', () => far.destroy()).pipe(far);
      far.on('error', () => near.destroy()).pipe(near);
    });
    this.#tls.on('tlsClientError', () => undefined); // whom our certificate does not please
  }

  /** @param {net.Socket} socket */
  take(socket) {
    this.#tls.emit('connection', socket);
  }
}

/** @param {() => Proxy} choose asked at each connection @returns {Promise<number>} the port */
async function listenFor(choose) {
  const server = net.createServer((socket) => choose().take(socket));
  await new Promise((ready) => server.listen(0, '::', () => ready(undefined)));
  return /** @type {net.AddressInfo} */ (server.address()).port;
}

/** @param {string} url @param {string[]} args */
function rostrum(url, ...args) {
  return new Program('env', [`SSL_CERT_FILE=${trusted}`, ROSTRUM, '--server', url, '--json', ...args]);
}

/** @param {Promise<import('../browser/lib/programs.mjs').Ended>} end */
async function account(end) {
  const { status, stdout, stderr } = await end;
  return status === 0 ? JSON.parse(stdout) : { failed: stderr };
}

/** @param {Server} server @param {string} url @param {string[]} admin */
async function served(server, url, admin) {
  const hearing = (/** @type {number} */ count) => until(`${url}: ${count} hear`, async () => (await server.room('tls')).hearing === count, 60_000);
  await hearing(0); // who heard at the host before has left
  const ear = rostrum(url, 'listen', 'tls');
  const crowd = rostrum(url, 'rehearse', 'tls', '--listeners', String(CROWD), '--at-once', '--whep', '50', '--seconds', '60');
  const list = await account(rostrum(url, ...admin, 'room', 'list').end);
  t.ok(list.rooms?.length === 1, `${url}: its rooms`, list);
  await hearing(1 + CROWD);
  const [heard, seen] = await Promise.all([ear, crowd].map((program) => account(program.kill('SIGINT'))));
  t.ok(heard.packets > 0, `${url}: sound`, heard);
  t.ok(seen.joined === CROWD && seen.failed === 0, `${url}: a crowd`, seen.reasons ?? seen);
}

/** @param {string} url @param {string[]} admin @param {RegExp} why */
async function refused(url, admin, why) {
  const commands = [[...admin, 'room', 'list'], ['listen', 'tls', '--seconds', '20'],
    [...admin, 'rehearse', 'tls', '--listeners', String(CROWD), '--seconds', '2']];
  for (const command of commands) {
    const { status, stderr } = await rostrum(url, ...command).end;
    t.ok(status === 1 && why.test(stderr), `${url}: ${command.find((word) => /^[a-z]+$/.test(word))} says why not`, stderr.trim());
  }
}

await t.run(async () => {
  const server = await new Server({ flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const admin = ['--token-file', join(server.state, 'admin.token')];
  const right = await certificate('right', 'DNS:localhost,IP:127.0.0.1,IP:::1');
  const wrong = await certificate('wrong', 'DNS:other.example,IP:192.0.2.1,IP:2001:db8::1');
  const unknown = await certificate('unknown', 'DNS:localhost,IP:127.0.0.1,IP:::1');
  [right, wrong].forEach(({ cert }) => appendFileSync(trusted, cert));
  const [own, other, stranger] = [right, wrong, unknown].map((identity) => new Proxy(identity, server.httpPort));
  const [ownPort, otherPort, strangerPort] = [await listenFor(() => own), await listenFor(() => other), await listenFor(() => stranger)];

  const { hosts } = await server.createRoom('tls', ['Ada']);
  await server.api('POST', '/rooms/tls/open');
  const ada = rostrum(`https://[::1]:${ownPort}`, 'speak', 'tls', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await until('the host has agreed', async () => (await server.api('GET', '/rooms/tls/invitations')).invitations[0].agreed);
  await server.api('POST', '/rooms/tls/live');

  for (const host of HOSTS) {
    await served(server, `https://${host}:${ownPort}`, admin);
    t.ok(own.heard.includes(`Host: ${host}:${ownPort}\r\n`), `${host}: the Host field names it`);
    await refused(`https://${host}:${otherPort}`, admin, /certificate verify failed: (hostname|IP address) mismatch/);
  }
  await refused(`https://localhost:${strangerPort}`, admin, /certificate verify failed: self-signed certificate/);
  t.ok(other.heard === '' && stranger.heard === '', 'the others were told nothing', other.heard.split('\r\n')[0]);

  const late = new Proxy(wrong, server.httpPort), early = new Proxy(right, server.httpPort);
  const turning = await listenFor(() => (early.agreed < LOOKS ? early : late));
  for (const host of HOSTS) {
    early.agreed = 0;
    const crowd = await rostrum(`https://${host}:${turning}`, 'rehearse', 'tls', '--listeners', String(CROWD), '--at-once', '--whep', '50', '--seconds', '1').end;
    t.ok(crowd.status === 1 && early.agreed === LOOKS && late.heard === '',
      `${host}: a crowd does not go to whom the look did not see`, crowd.stderr.trim() + late.heard.split('\r\n')[0]);
  }
});
