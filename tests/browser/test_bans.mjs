/** A network is excluded with the button of the report, and let in again; the page of a listener from there says so. */
import { openChromium } from './lib/browsers.mjs';
import { Server } from './lib/server.mjs';
import { Tap } from './lib/tap.mjs';
import { until } from './lib/wait.mjs';

const PHONE = { width: 390, height: 844 };
const t = new Tap();

await t.run(async () => {
  const server = await new Server({ flags: ['--trusted-proxy', 'loopback', '--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const { hosts: [owner] } = await server.createRoom('talk', ['Ada']);
  await server.api('POST', '/rooms/talk/live');
  const line = (/** @type {string} */ from) =>
    fetch(`${server.url}/api/v1/rooms/talk/line`, { method: 'POST', headers: { 'X-Forwarded-For': from } });
  for (const from of ['203.0.113.7', '203.0.113.9', '2001:db8:4711::5']) await line(from);
  await until('the report has a line', async () => (await server.api('GET', '/rooms/talk/report')).history.length > 0);

  const chromium = await openChromium(t);
  const page = await chromium.page();
  await page.setViewportSize(PHONE);
  await page.goto(`${server.url}/r/talk/report#${new URL(owner.stage_url).hash.slice(1)}`);
  await until('the networks are there', () => page.evaluate(() => document.querySelectorAll('#networks button').length === 2));
  await page.click('#networks button[aria-label*="203.0.113.0/24"]');
  await page.click('#ban-confirm');
  await until('it is in the list', () => page.evaluate(() => document.querySelector('#bans li')?.textContent?.includes('203.0.113.0/24')));
  t.ok((await line('203.0.113.77')).status === 403, 'excluded with the button');
  t.ok(await page.evaluate(() => document.querySelectorAll('#networks button').length === 1), 'and the button is gone');
  t.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 390), 'on a phone nothing reaches over the edge');

  const ear = await chromium.page();
  await ear.setExtraHTTPHeaders({ 'X-Forwarded-For': '203.0.113.8' });
  await ear.goto(`${server.url}/r/talk`);
  await ear.click('#listen-button');
  await until('the listener is refused', () => ear.evaluate(() => document.body.dataset['state'] === 'refused'));
  for (const [language, words] of [['en', 'have excluded the network'], ['de', 'hat das Netz ausgeschlossen']]) {
    await ear.click(`language-switch button[lang="${language}"]`);
    await until(`it is said in ${language}`, async () => (await ear.evaluate(() => document.querySelector('#state-text')?.textContent))?.includes(words));
  }
  t.ok(true, 'a listener from there is told so, in both languages');

  await page.click('#bans button[aria-label*="203.0.113.0/24"]');
  await until('it is lifted', async () => (await server.api('GET', '/rooms/talk/bans')).bans.length === 0);
  t.ok((await line('203.0.113.77')).status === 200, 'and let in again with the other one');
});
