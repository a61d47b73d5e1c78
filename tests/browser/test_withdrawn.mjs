/** A recording is withdrawn while its page is open: the page says so, instead of offering a download. */
import { openChromium } from './lib/browsers.mjs';
import { ListenPage } from './lib/pages.mjs';
import { Server } from './lib/server.mjs';
import { Tap } from './lib/tap.mjs';

const t = new Tap();

await t.run(async () => {
  const server = await new Server({ flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const chromium = await openChromium(t);
  const room = await server.createRoom('gone', ['Ada']);
  await server.api('POST', '/rooms/gone/live');
  await server.api('POST', '/rooms/gone/end');
  await server.published('gone');
  const reader = new ListenPage('a reader', await chromium.page());
  await reader.open(room.listen_url);
  await reader.reaches('published');
  await server.api('POST', '/rooms/gone/withdraw');
  // As a seek beyond what is buffered does: another address, for this short one is wholly in the browser's memory.
  await reader.page.evaluate(() => { document.querySelector('#recording-audio').src += '?again'; });
  await reader.reaches('gone');
  t.ok(true, 'the page tells that it was withdrawn');
});
