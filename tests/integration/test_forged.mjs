/**
 * Datagrams of strangers at the one port, while people talk and listen: nothing is answered, nobody loses a packet.
 * STUN without a key, cut at each length and with bits turned; ClientHellos; RTP and RTCP; noise.
 */
// build: tsan
import { createHmac, randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { setImmediate as turn } from 'node:timers/promises';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const ROUNDS = 60;
const t = new Tap();

/** A binding request as a browser sends it, with the integrity of a key that the server does not have. */
function stun(/** @type {string} */ username) {
  const name = Buffer.from(username);
  const padded = Buffer.concat([name, Buffer.alloc((4 - (name.length % 4)) % 4)]);
  const attribute = (/** @type {number} */ type, /** @type {Buffer} */ value, length = value.length) => {
    const head = Buffer.alloc(4);
    head.writeUInt16BE(type, 0);
    head.writeUInt16BE(length, 2);
    return Buffer.concat([head, value]);
  };
  const body = Buffer.concat([
    attribute(0x0006, padded, name.length), attribute(0x0024, Buffer.from([110, 0, 30, 255])), attribute(0x0025, Buffer.alloc(0)),
    attribute(0x802a, randomBytes(8)),
  ]);
  const head = Buffer.alloc(20);
  head.writeUInt16BE(0x0001, 0);
  head.writeUInt16BE(body.length + 24, 2);
  head.writeUInt32BE(0x2112a442, 4);
  randomBytes(12).copy(head, 8);
  const signed = Buffer.concat([head, body]);
  return Buffer.concat([signed, attribute(0x0008, createHmac('sha1', 'not the password').update(signed).digest())]);
}

/** Everything that one round sends. */
function* forgeries() {
  const check = stun(`${randomBytes(6).toString('base64')}:abcd`);
  yield check;
  for (let bytes = 0; bytes < check.length; bytes += 7) yield check.subarray(0, bytes);
  for (let i = 0; i < 20; i++) {
    const turned = Buffer.from(check);
    turned[(i * 5) % turned.length] ^= 1 << (i % 8);
    yield turned;
  }
  const hello = randomBytes(1200); // a DTLS record by its first bytes
  hello.set([22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0xa3, 1]);
  yield hello;
  yield hello.subarray(0, 13);
  const rtp = randomBytes(180);
  rtp.set([0x80, 111]);
  yield rtp;
  const rtcp = randomBytes(60);
  rtcp.set([0x81, 201, 0, 14]);
  yield rtcp;
  for (let i = 0; i < 20; i++) yield randomBytes(1 + ((i * 77) % 1400));
  yield randomBytes(4000); // larger than any datagram of ours
}

await t.run(async () => {
  const server = await new Server({ flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const { hosts } = await server.createRoom('calm', ['Ada']);
  await server.api('POST', '/rooms/calm/open');
  const speaker = rostrum(server.url, 'speak', 'calm', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  await until('the host has agreed', async () => (await server.api('GET', '/rooms/calm/invitations')).invitations[0].agreed);
  await server.api('POST', '/rooms/calm/live');
  const listener = rostrum(server.url, 'listen', 'calm');
  await until('a listener hears', async () => (await server.room('calm')).hearing === 1);

  const stranger = createSocket('udp4');
  t.defer(() => stranger.close());
  let answers = 0;
  let sent = 0;
  stranger.on('message', () => answers++);
  for (let round = 0; round < ROUNDS; round++) {
    for (const datagram of forgeries()) {
      stranger.send(datagram, Number(server.mediaPort), '127.0.0.1');
      sent++;
    }
    await turn();
  }
  const next = rostrum(server.url, 'listen', 'calm');
  await until('the next one can still join', async () => (await server.room('calm')).hearing === 2);
  const [first, second] = await Promise.all([listener, next].map(async (one) => JSON.parse((await one.kill('SIGINT')).stdout)));
  t.ok(answers === 0, 'not one byte comes back', { sent, answers });
  t.ok(first.connects === 1 && first.lost === 0, 'the listener lost nothing', first);
  t.ok(second.lost === 0, 'nor did the next one', second);
  await server.api('POST', '/rooms/calm/end');
  await server.published('calm');
  t.ok((await speaker.end).status === 0, 'the host stayed to the end');
});
