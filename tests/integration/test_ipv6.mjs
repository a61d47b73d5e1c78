/** The same port speaks IPv6: a host and a listener who know the server by an IPv6 address only. */
// build: dev
import { hears } from '../browser/lib/ear.mjs';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const t = new Tap();

await t.run(async () => {
  const server = await new Server({ address: '::1', flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const { hosts } = await server.createRoom('six', ['Ada']);
  await server.api('POST', '/rooms/six/open');
  const speaker = rostrum(server.url, 'speak', 'six', await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  await until('the host has agreed', async () => (await server.api('GET', '/rooms/six/invitations')).invitations[0].agreed);
  await server.api('POST', '/rooms/six/live');
  const ear = await hears(server, 'six');
  t.ok(ear.packets > 0 && ear.lost === 0, 'the listener hears', ear);
  await server.api('POST', '/rooms/six/end');
  await server.published('six');
  const spoken = await speaker.end;
  t.ok(spoken.status === 0 && JSON.parse(spoken.stdout).packets > 0, 'the host was heard', spoken.stdout.trim());
  const recording = await fetch(`${server.url}/r/six/recording.opus`);
  t.ok(recording.ok && (await recording.arrayBuffer()).byteLength > 5000, 'and recorded');
});
