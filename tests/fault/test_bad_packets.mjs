/**
 * Datagrams that come from a host's and from a listener's own address and port, as far as anybody can see: nobody's
 * session ends, nobody loses a packet, and they are counted.
 */
// build: dev
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { enterNamespace } from '../browser/lib/netns.mjs';
import { Program, rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { letThemTalk, until } from '../browser/lib/wait.mjs';

enterNamespace(); // there we may forge senders

const HOME = '198.18.255.1';
const ROUNDS = 200;
const STRANGERS = 10_000;
const GO_ON_S = 3;
const FORGE = fileURLToPath(new URL('forge.py', import.meta.url));
const t = new Tap();

/** The UDP port of a process. @param {Program} program */
function portOf(program) {
  const { stdout } = spawnSync('ss', ['-Huanp'], { encoding: 'utf8' });
  const line = stdout.split('\n').find((text) => text.includes(`pid=${program.child.pid},`));
  return /:(\d+) /.exec(line ?? '')?.[1];
}

/** @param {unknown[]} args */
async function forge(...args) {
  const ended = await new Program('/usr/bin/env', ['python3', FORGE, HOME, ...args.map(String)]).end;
  if (ended.status !== 0) throw new Error(ended.stderr);
  return JSON.parse(ended.stdout);
}

await t.run(async () => {
  const server = await new Server({ address: HOME, flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const { hosts } = await server.createRoom('forged', ['Ada']);
  await server.api('POST', '/rooms/forged/open');
  const speaker = rostrum(server.url, 'speak', 'forged', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  await until('the host has agreed', async () => (await server.api('GET', '/rooms/forged/invitations')).invitations[0].agreed);
  await server.api('POST', '/rooms/forged/live');
  const listener = rostrum(server.url, 'listen', 'forged');
  await until('a listener hears', async () => (await server.room('forged')).hearing === 1);
  const hearsMs = Date.now();
  const node = () => server.api('GET', '/node');
  const media = async () => (await node()).media;

  const quiet = await node();
  const strangers = await forge(server.mediaPort, 'strangers', STRANGERS);
  const crowded = await until('they are counted', async () => {
    const now = await node();
    return now.media.dropped_unauthenticated - quiet.media.dropped_unauthenticated > 0.9 * strangers.sent && now;
  });
  const grown = (crowded.rss_bytes - quiet.rss_bytes) / 1024 / 1024;
  t.ok(grown < 5, 'ten thousand strangers leave nothing behind', `${grown.toFixed(1)} MiB`);
  const before = await media();

  const victims = { host: await until('its port', () => portOf(speaker)), listener: await until('its port', () => portOf(listener)) };
  const forged = await Promise.all(Object.values(victims).map((port) => forge(server.mediaPort, HOME, port, ROUNDS)));
  const [atHost, atListener] = forged;
  t.ok(atHost.knew_the_name && atListener.knew_the_name && atHost.repeats > ROUNDS, 'the forger saw what they send', forged);
  const after = await media();
  const unauthenticated = after.dropped_unauthenticated - before.dropped_unauthenticated;
  t.ok(unauthenticated > (atHost.sent + atListener.sent) / 3, 'what is not authentic is counted', unauthenticated);
  const replayed = after.dropped_replayed - before.dropped_replayed;
  t.ok(replayed > atHost.repeats / 2, 'what is repeated, too', replayed);
  t.ok((await server.room('forged')).connected === 1, 'the listener is still connected');
  await letThemTalk(GO_ON_S);
  const heardMs = Date.now() - hearsMs;
  const ear = JSON.parse((await listener.kill('SIGINT')).stdout);
  t.ok(ear.lost === 0 && ear.connects === 1 && ear.sound_ms > 0.8 * heardMs, 'and lost nothing', ear);
  await server.api('POST', '/rooms/forged/end');
  await server.published('forged');
  const spoken = await speaker.end;
  t.ok(spoken.status === 0 && JSON.parse(spoken.stdout).connects !== 2, 'the host stayed to the end', spoken.stdout.trim());
});
