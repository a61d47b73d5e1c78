/** Everything that signalling_*.mjs asks of a running server, each file with a server of its own. */
// waits
// build: dev
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { Tap } from '../browser/lib/tap.mjs';

const t = new Tap();

await t.run(async () => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const files = readdirSync(folder).filter((name) => /^signalling_(?!tools).*\.mjs$/.test(name));
  await Promise.all(files.map(async (name) => {
    const server = await new Server().start();
    const token = readFileSync(join(server.state, 'admin.token'), 'utf8').trim();
    const settings = [`ROSTRUM_URL=${server.url}`, `ROSTRUM_ADMIN_TOKEN=${token}`];
    const ended = await new Program('/usr/bin/env', [...settings, process.execPath, join(folder, name)]).end;
    if (!t.ok(ended.status === 0, name)) t.note(`${ended.stdout}\n${ended.stderr}`);
    await server.stop(t);
  }));
  t.ok(files.length >= 5, 'all files were found', files.length);
});
