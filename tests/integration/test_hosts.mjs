/** The stage has sixteen places: the seventeenth host is told so, and gets the place that comes free. */
// build: tsan
import { WebSocket } from 'ws';
import { hears } from '../browser/lib/ear.mjs';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const PLACES = 16;
const t = new Tap();

await t.run(async () => {
  const server = await new Server({ flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const names = Array.from({ length: PLACES + 1 }, (_, i) => `Host ${i + 1}`);
  const { hosts } = await server.createRoom('crowd', names);
  await server.api('POST', '/rooms/crowd/open');
  const wav = await speech('a');
  /** @param {string} token */
  const speak = (token) => rostrum(server.url, 'speak', 'crowd', wav, '--token', token, '--consent', '--loop');
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/ws`, 'rostrum.v1');
  /** @type {any[]} */
  let roster = [];
  socket.onopen = () => socket.send(JSON.stringify({ type: 'hello', room: 'crowd', as: 'host', token: hosts[0].token }));
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'roster') roster = message.hosts;
  };
  t.defer(() => socket.close());
  const onStage = () => roster.filter((host) => host.on_stage).length;

  const speakers = hosts.slice(0, PLACES).map(({ token }) => speak(token));
  await until('sixteen hosts are on the stage', () => onStage() === PLACES, 60_000);
  const late = speak(hosts[PLACES].token);
  await until('the seventeenth is refused', () => late.stderr.includes('16 hosts'), 30_000);
  t.ok(onStage() === PLACES, 'sixteen are on the stage, and the next one was told why not', late.stderr.trim());
  await speakers[3].kill('SIGTERM');
  await until('the seventeenth has the free place', () => roster[PLACES].on_stage, 60_000);
  t.ok(!roster[3].on_stage, 'the one who left has not');
  await server.api('POST', '/rooms/crowd/live');
  const heard = await hears(server, 'crowd');
  t.ok(heard.packets > 0 && heard.lost === 0, 'a listener hears them all together', heard);
  const again = speak(hosts[0].token);
  const first = await speakers[0].end;
  t.ok(first.status === 1 && first.stderr.includes('replaced'), 'the same host from elsewhere takes the place over', first.stderr.trim());
  await until('the host is on the stage, once', () => roster[0].on_stage && onStage() === PLACES);
  await server.api('POST', '/rooms/crowd/end');
  await server.published('crowd');
  for (const speaker of [...speakers.filter((_, i) => i !== 3), late, again]) await speaker.end;
});
