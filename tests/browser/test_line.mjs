/** The line in real browsers: one seat, three who want it, and what becomes of each without a reload. */
import { checkVoices } from './lib/audio.mjs';
import { openChromium, openFirefox } from './lib/browsers.mjs';
import { ADDRESS, enterNamespace } from './lib/netns.mjs';
import { HostPage, ListenPage } from './lib/pages.mjs';
import { rostrum } from './lib/programs.mjs';
import { Server } from './lib/server.mjs';
import { LOOP_S, speech } from './lib/speech.mjs';
import { Tap } from './lib/tap.mjs';
import { letThemTalk, until } from './lib/wait.mjs';

const SEATS = 5; // of the small audience

enterNamespace();
const t = new Tap();

await t.run(async () => {
  const server = await new Server({ address: ADDRESS, flags: ['--governor', 'off'] }).start();
  t.defer(() => server.stop(t));
  const a = await speech('a');
  await server.api('PATCH', '/node', { mode: 'normal', hold: 'exactly' }); // the room's mode is the owner's alone here
  const room = await server.api('POST', '/rooms', { slug: 'narrow', title: 'One seat', seats: 1, hosts: [{ name: 'Ada' }] });
  const ada = rostrum(server.url, 'speak', 'narrow', a, '--token', room.hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  const [chromium, firefox] = await Promise.all([openChromium(t), openFirefox(t)]);
  const first = new ListenPage('the first in Chromium', await chromium.page());
  const second = new ListenPage('the second in Firefox', await firefox.page());
  const third = new ListenPage('the third in Chromium', await chromium.page());

  await first.open(room.listen_url);
  await first.reaches('scheduled');
  await first.listen();
  await first.reaches('line');
  t.ok(await hasPlace(first, 1), 'whoever waits before the doors open has a place in line');
  await server.api('POST', '/rooms/narrow/open');
  await first.reaches('waiting');
  await server.api('POST', '/rooms/narrow/live');
  await first.reaches('hearing');
  t.ok(true, 'and hears the beginning without another click');

  await playInAnotherTab(first);

  await standInLine(second, room.listen_url, 1);
  await standInLine(third, room.listen_url, 2);
  t.ok(await shows(third, '#line-trust') && await shows(third, '#leave-line'), 'the page says that one need not stay, and lets one go');
  await until('both are counted', async () => (await server.room('narrow')).in_line === 2);
  t.ok((await server.room('narrow')).connected === 1, 'two are in line, one is connected');
  await until('a seated listener sees the line', () => first.page.evaluate(() => /2/.test(document.querySelector('#other-counts').textContent)));

  const leftMs = performance.now();
  await first.click('#stop-button');
  await second.reaches('hearing');
  t.figure(`the free seat is heard ${Math.round(performance.now() - leftMs)} ms after it was left`);
  await second.startCapture();
  await letThemTalk(LOOP_S);
  await checkVoices(t, 'what the second heard without touching anything', await second.stopCapture(), { present: { Ada: a } });
  t.ok(await hasPlace(third, 1), 'the third has moved up');

  await third.page.reload();
  await markDocument(third);
  await third.reaches('line');
  t.ok(await hasPlace(third, 1), 'a reload does not cost the place');
  await third.click('#leave-line');
  await third.reaches('idle');
  await until('nobody is in line', async () => (await server.room('narrow')).in_line === 0);
  await third.listen();
  await third.reaches('line');

  const stage = new HostPage('the stage page', await chromium.page());
  await stage.open(room.hosts[0].stage_url);
  await stage.click('#mode-form input[value="small_audience"]');
  await until('the seats can be told', () => shows(stage, '#mode-seats'));
  await stage.page.fill('#mode-seats', String(SEATS));
  await stage.click('#mode-apply');
  await stage.click('#mode-confirm');
  await until('the stage page tells mode and cause', () => stage.page.evaluate((seats) => {
    const text = (/** @type {string} */ id) => document.querySelector(id).textContent;
    return text('#mode-name').includes(seats) && text('#mode-cause') !== '' && text('#mode-sign') !== '';
  }, String(SEATS)));
  const narrow = await server.room('narrow');
  t.ok(narrow.mode === 'small_audience' && narrow.mode_cause === 'owner' && narrow.small_audience_seats === SEATS,
    'the owner has switched to a small audience with a number', { mode: narrow.mode, cause: narrow.mode_cause, seats: narrow.small_audience_seats });
  await second.reaches('hearing');
  t.ok(await second.page.evaluate(() => document.querySelector('#mode-note').textContent !== ''), 'nobody was sent away for it, and the pages say so');

  const guest = new ListenPage('a guest with a pass', await chromium.page());
  await guest.open(await onePass(stage));
  await guest.reaches('idle');
  t.ok(await guest.page.evaluate(() => location.hash === ''), 'the pass has left the address bar');
  await guest.listen();
  t.ok(await hasPlace(guest, 1) && await hasPlace(third, 2), 'a pass of the owner comes before those who have none');

  await server.api('POST', '/rooms/narrow/end');
  await Promise.all([second, third].map((one) => one.reaches('published')));
  t.ok(await third.page.evaluate(() => window.sameDocument === true), 'in line to the end: the recording is there on the same page, without a reload');
  const length = () => third.page.evaluate(() => document.querySelector('#recording-audio').duration);
  t.ok(await until('it can be played', async () => (await length()) > LOOP_S), 'its length is read', `${(await length()).toFixed(1)} s`);
});

/**
 * @param {ListenPage} one
 * @param {string} url
 * @param {number} place
 */
async function standInLine(one, url, place) {
  await one.open(url);
  await one.reaches('idle');
  await one.listen();
  await one.reaches('line');
  t.ok(await hasPlace(one, place), `${one.name} has place ${place}`);
}

/**
 * A copy of the tab has its ticket, too: the one seat goes over to it, and back by hand.
 * @param {ListenPage} one in Chromium
 */
async function playInAnotherTab(one) {
  const opened = one.page.context().waitForEvent('page');
  await one.page.evaluate(() => void window.open(location.href));
  const copy = new ListenPage('a copy of the tab', await opened);
  await copy.reaches('idle');
  await copy.listen();
  await Promise.all([copy.reaches('hearing'), one.reaches('replaced')]);
  t.ok(true, 'a copy of the tab takes over the seat, the tab says so');
  await one.listen();
  await Promise.all([one.reaches('hearing'), copy.reaches('replaced')]);
  t.ok(true, 'and takes it back by hand');
  await copy.page.close();
}

/**
 * @param {HostPage} stage the owner's
 * @returns {Promise<string>} a link
 */
async function onePass(stage) {
  await stage.click('#passes summary');
  await stage.page.fill('#pass-count', '1');
  await stage.click('#make-passes');
  return until('the pass is shown', () => stage.page.evaluate(() => document.querySelector('#pass-links textarea')?.value));
}

/**
 * @param {ListenPage} one
 * @param {number} place
 */
function hasPlace(one, place) {
  return until(`${one.name} has place ${place}`, () => one.page.evaluate(
    (wanted) => document.querySelector('#line').dataset['place'] === wanted, String(place),
  ));
}

/**
 * @param {HostPage|ListenPage} one
 * @param {string} selector
 */
function shows(one, selector) {
  return one.page.evaluate((wanted) => document.querySelector(wanted).checkVisibility(), selector);
}

/** @param {ListenPage} one */
function markDocument(one) {
  return one.page.evaluate(() => (window.sameDocument = true));
}
