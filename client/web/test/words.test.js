import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { causeWords, chooseLanguage, countWords, formatBytes, formatClock, formatDuration, phrase } from '../js/i18n.js';
import { withNack, withStereo } from '../js/sdp.js';
import { isSlug, slugOfPath, slugOfTitle } from '../js/slug.js';
import { de } from '../js/strings.de.js';
import { en } from '../js/strings.en.js';

/** @param {unknown} entry */
const placeholders = (entry) => [...new Set(JSON.stringify(entry).match(/\{\w+\}/g) ?? [])].sort();

test('both languages hold the same keys, plurals and placeholders', () => {
  assert.deepEqual(Object.keys(de).sort(), Object.keys(en).sort());
  for (const [key, entry] of Object.entries(en)) {
    const other = de[/** @type {keyof typeof en} */ (key)];
    assert.equal(typeof other, typeof entry, key);
    assert.deepEqual(placeholders(other), placeholders(entry), key);
    assert.ok(!JSON.stringify(other).includes('""'), key);
  }
});

test('every key that a page names exists', () => {
  for (const page of ['rooms', 'listen', 'stage', 'admin', 'report']) {
    const html = readFileSync(new URL(`../${page}.html`, import.meta.url), 'utf8');
    for (const [, key] of html.matchAll(/data-t(?:-label)?="([^"]+)"/g)) assert.ok(String(key) in en, `${page}: ${key}`);
    assert.ok(!/ style=|<style|<script>|javascript:|onclick/.test(html), `${page}: nothing inline`);
  }
});

test('every cause of a mode has a phrase, and an unknown one is told as it is', () => {
  const header = readFileSync(new URL('../../../server/admission/governor.h', import.meta.url), 'utf8');
  const list = /enum governor_cause \{([^}]*)\}/.exec(header)?.[1] ?? '';
  const causes = [...list.matchAll(/GOVERNOR_(\w+),/g)].map(([, name]) => String(name).toLowerCase());
  assert.ok(causes.length >= 17, String(causes));
  for (const cause of [...causes, 'owner', 'operator']) assert.ok(`cause.${cause}` in en, cause);
  assert.equal(causeWords('owner'), 'the owner of this room chose it');
  assert.equal(causeWords('solar_wind'), 'solar_wind');
  assert.equal(causeWords('__proto__'), '__proto__');
});

test('the language follows the wishes of the browser', () => {
  assert.equal(chooseLanguage(['fr-FR', 'de-AT', 'en']), 'de');
  assert.equal(chooseLanguage(['fr']), 'en');
  assert.equal(chooseLanguage([]), 'en');
});

test('plurals and numbers follow the language', () => {
  assert.equal(phrase('en', 'listen.hearing', { n: 1 }), '1 person is hearing this');
  assert.equal(phrase('en', 'listen.hearing', { n: 12_000 }), '12,000 people are hearing this');
  assert.equal(phrase('de', 'listen.hearing', { n: 12_000 }), '12.000 Personen hören zu');
  assert.equal(phrase('de', 'listen.hearing', { n: 0 }), '0 Personen hören zu');
});

test('where not all could be counted it is said so', () => {
  assert.equal(countWords('listen.hearing', {}, { n: 12 }), '12 people are hearing this');
  assert.equal(countWords('listen.hearing', { at_least: false }, { n: 1 }), '1 person is hearing this');
  assert.equal(countWords('listen.hearing', { at_least: true }, { n: 12 }), 'At least 12 people are hearing this');
  assert.equal(countWords('stage.connected', { at_least: true }, { n: 12_000 }), 'at least 12,000 connected');
  assert.equal(phrase('de', 'listen.hearingAtLeast', { n: 12 }), 'Mindestens 12 Personen hören zu');
  assert.equal(phrase('de', 'stage.hearingAtLeast', { n: 1 }), 'mindestens 1 hört zu');
});

test('values are text, never patterns', () => {
  assert.equal(phrase('en', 'common.with', { names: '{names} $& $1' }), 'With {names} $& $1');
});

test('durations and sizes', () => {
  assert.equal(formatClock(3_725_000), '1:02:05');
  assert.equal(formatClock(59_999), '0:59');
  assert.equal(formatClock(-5), '0:00');
  assert.equal(formatDuration(3_725_000), '1 hour 2 minutes');
  assert.equal(formatDuration(0), '0 seconds');
  assert.equal(formatDuration(86_400_000), '1 day');
  assert.equal(formatBytes(28_400_000), '28 MB');
});

test('slugs', () => {
  assert.equal(slugOfTitle('Über Brücken & Öl!'), 'ueber-bruecken-oel');
  assert.equal(slugOfTitle('Café   au lait'), 'cafe-au-lait');
  assert.equal(slugOfTitle('!!!'), '');
  assert.ok(isSlug(slugOfTitle(`${'a'.repeat(62)} b`)));
  assert.ok(!isSlug('a'.repeat(64)) && !isSlug('a--b') && !isSlug('-a') && !isSlug('A'));
  assert.equal(slugOfPath('/r/evening/stage'), 'evening');
  assert.equal(slugOfPath('/r/../x'), '');
});

test('offers are changed once, whatever the payload type', () => {
  const firefox = 'a=rtpmap:109 opus/48000/2\r\na=fmtp:109 maxplaybackrate=48000;stereo=1\r\na=rtcp-fb:109 transport-cc\r\n';
  assert.equal(withStereo(firefox), firefox);
  const once = withNack(firefox);
  assert.match(once, /a=rtcp-fb:109 nack\r\n/);
  assert.equal(withNack(once), once);
  assert.match(withStereo('a=rtpmap:96 OPUS/48000/2\na=fmtp:96 minptime=10\n'), /a=fmtp:96 minptime=10;stereo=1\n/);
});
