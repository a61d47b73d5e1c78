/** Clients that nobody here wrote: three listen over WHEP, one speaks over WHIP. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { checkOggOpus, checkVoices } from '../browser/lib/audio.mjs';
import { ADDRESS, enterNamespace } from '../browser/lib/netns.mjs';
import { Program, rostrum, temporaryFolder } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { LOOP_S, speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const PYTHON = '/usr/bin/python3';
const here = (name) => fileURLToPath(new URL(name, import.meta.url));
const SECONDS = String(Math.ceil(LOOP_S));
const SPEAK_S = 30;

enterNamespace();
const t = new Tap();

await t.run(async () => {
  const server = await new Server({ address: ADDRESS, flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const [a, b] = await Promise.all([speech('a'), speech('b')]);
  const out = (name) => join(temporaryFolder(), name);
  const { hosts } = await server.createRoom('clients', ['Ada', 'Bob']);
  await server.api('POST', '/rooms/clients/open');

  const ada = rostrum(server.url, 'speak', 'clients', a, '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  const whip = `${server.url}/whip/clients`;
  const refused = await fetch(whip, { method: 'POST', headers: { 'content-type': 'application/sdp', authorization: `Bearer ${hosts[1].token}` }, body: 'v=0\r\n' });
  t.ok(refused.status === 403 && (await refused.json()).code === 'consent_first', 'nobody speaks over WHIP who has not agreed to be recorded');
  const { wording } = await server.api('GET', '/rooms/clients/consent', undefined, hosts[1].token);
  await server.api('POST', '/rooms/clients/consent', { wording }, hosts[1].token);
  const bob = new Program(PYTHON, [here('aiortc_peer.py'), 'speak', whip, b, String(SPEAK_S), hosts[1].token]);
  t.defer(() => bob.kill('SIGTERM'));
  await server.api('POST', '/rooms/clients/live');

  const whep = `${server.url}/whep/clients`;
  const cliPath = out('cli.opus');
  const listeners = {
    'GStreamer webrtcbin': { path: out('gst.wav'), command: (path) => new Program(PYTHON, [here('gst_listen.py'), whep, path, SECONDS]) },
    aiortc: { path: out('aiortc.wav'), command: (path) => new Program(PYTHON, [here('aiortc_peer.py'), 'listen', whep, path, SECONDS]) },
    '@roamhq/wrtc': { path: out('wrtc.wav'), command: (path) => new Program(process.execPath, [here('wrtc_listen.mjs'), whep, path, SECONDS]) },
    'rostrum listen': { path: cliPath, command: (path) => rostrum(server.url, 'listen', 'clients', '--out', path, '--seconds', SECONDS) },
  };
  const count = Object.keys(listeners).length;
  const running = Object.values(listeners).map(({ path, command }) => command(path));
  running.forEach((program) => t.defer(() => program.kill('SIGKILL')));
  const counted = until('all are counted', async () => {
    if (running.some((program) => program.ended)) return 'over';
    return (await server.room('clients')).hearing === count ? 'counted' : '';
  }, 40_000);
  t.ok((await counted) === 'counted', 'all kinds of listeners are counted as hearing');
  const ended = await Promise.all(running.map((program) => program.end));

  for (const [i, [name, { path }]] of Object.entries(listeners).entries()) {
    const account = ended[i].stdout.trim();
    if (!t.ok(ended[i].status === 0, `${name} listens to the end`, account)) {
      t.note(ended[i].stderr);
      continue;
    }
    await checkVoices(t, `what ${name} heard`, path, { present: { 'the CLI host': a, 'the aiortc host': b } });
  }
  await checkOggOpus(t, 'what rostrum listen wrote', cliPath);
  const spoken = await bob.end;
  if (!t.ok(spoken.status === 0, 'the aiortc host spoke to the end', spoken.stdout.trim())) t.note(spoken.stderr);
  await until('all have gone', async () => (await server.room('clients')).connected === 0);
  t.ok(true, 'those who have left are counted no more');
  await server.api('POST', '/rooms/clients/end');
  await server.published('clients');
  const last = await ada.end;
  t.ok(last.status === 0, 'the CLI host ends with the room', last.stdout.trim());
});
