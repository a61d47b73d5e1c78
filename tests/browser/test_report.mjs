/** The report as its readers meet it: from the stage page after the end, with the numbers of the API, on a phone, too. */
import { openChromium } from './lib/browsers.mjs';
import { HostPage } from './lib/pages.mjs';
import { rostrum } from './lib/programs.mjs';
import { Server } from './lib/server.mjs';
import { speech } from './lib/speech.mjs';
import { Tap } from './lib/tap.mjs';
import { until } from './lib/wait.mjs';

const PHONE = { width: 390, height: 844 };
const t = new Tap();

await t.run(async () => {
  const server = await new Server({ flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const chromium = await openChromium(t);
  const { hosts: [owner] } = await server.createRoom('talk', ['Ada']);
  const ada = rostrum(server.url, 'speak', 'talk', await speech('a'), '--token', owner.token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await server.api('POST', '/rooms/talk/live');
  const listener = rostrum(server.url, 'listen', 'talk', '--seconds', '60');
  t.defer(() => listener.kill('SIGKILL'));
  await until('the listener hears', async () => (await server.room('talk')).hearing === 1);
  await server.api('POST', '/rooms/talk/end');
  await server.published('talk');
  const report = await server.api('GET', '/rooms/talk/report');

  const page = new HostPage('the owner', await chromium.page());
  await page.open(owner.stage_url);
  await page.reaches('ended');
  await page.click('#after-report');
  await page.reaches('loaded');
  const seen = await page.page.evaluate(look);
  t.ok(seen.path === '/r/talk/report' && seen.hash === '', 'the stage page leads there, and the token leaves the address', seen.path);
  const { peak, totals, history } = report;
  t.ok(seen.figures.join() === [peak.hearing, totals.people, totals.by_cause.seated, totals.turned_away].join()
    && seen.figures[0] === '1', 'its figures are those of the API', seen.figures);
  t.ok(seen.curves === 3 && seen.label !== '', 'three curves, which have a name');
  t.ok(seen.rows === history.length && seen.until === history.map((sample) => sample.hearing).join(), 'and a table with the same numbers', seen.until);
  t.ok(seen.causes.join() === Object.values(totals.by_cause).join(), 'every cause is told', seen.causes);
  t.ok(seen.changes === report.changes.length, 'and every change', seen.changes);

  await page.page.setViewportSize(PHONE);
  const narrow = await until('the curves fit', () => page.page.evaluate(fits));
  t.ok(narrow, 'on a phone nothing reaches over the edge');
  await page.click('language-switch button[lang="de"]');
  await until('the page is German', () => page.page.evaluate(() => document.querySelector('h1').textContent === 'Bericht'));
  t.ok(true, 'in German as well');

  const stranger = new HostPage('a stranger', await chromium.page());
  await stranger.open(`${server.url}/r/talk/report`);
  await stranger.reaches('denied');
  t.ok(await stranger.page.evaluate(() => document.querySelector('#report').hidden), 'who has no token sees nothing of it');
});

/* ---- in the page ---- */

function look() {
  const table = document.querySelector('#history-table');
  table.open = true;
  table.dispatchEvent(new Event('toggle'));
  const texts = (selector) => [...document.querySelectorAll(selector)].map((element) => element.textContent);
  return {
    path: location.pathname,
    hash: location.hash,
    figures: texts('[data-figure]'),
    curves: document.querySelectorAll('#chart > svg > .curve').length,
    label: document.querySelector('#chart > svg').getAttribute('aria-label'),
    rows: document.querySelectorAll('#samples tbody tr').length,
    until: texts('#samples tbody td:nth-child(2)').join(),
    causes: texts('[data-cause]'),
    changes: document.querySelectorAll('#changes li').length,
  };
}

function fits() {
  const svg = document.querySelector('#chart > svg');
  return svg && svg.getBoundingClientRect().width <= 390 && document.documentElement.scrollWidth <= 390;
}
