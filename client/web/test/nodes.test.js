import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readNode } from '../js/nodes.js';

const HOME = 'wss://home.example/ws';

test('a node is an address, and perhaps a ticket and a region', () => {
  const ticket = 't'.repeat(51);
  assert.deepEqual(readNode({ url: 'https://a.example:8443', ticket, region: 'eu-1' }, HOME),
    { socketUrl: 'wss://a.example:8443/ws', ticket, region: 'eu-1' });
  assert.deepEqual(readNode({ url: 'https://[2001:db8::1]' }, HOME), { socketUrl: 'wss://[2001:db8::1]/ws', ticket: '', region: '' });
  assert.deepEqual(readNode({ url: 'http://a.example' }, 'ws://home.example/ws'),
    { socketUrl: 'ws://a.example/ws', ticket: '', region: '' });
  assert.equal(/** @type {any} */ (readNode({ url: 'https://a.example' }, 'ws://home.example/ws')).socketUrl, 'wss://a.example/ws');
});

test('an encrypted page follows to no unencrypted node', () => {
  assert.match(String(readNode({ url: 'http://a.example' }, HOME)), /unencrypted/);
});

test('no other address is followed', () => {
  const bad = [
    'a.example', '//a.example', 'ftp://a.example', 'javascript:alert(1)', 'wss://a.example', 'https://', 'https://a.example/',
    'https://a.example/x', 'https://a.example?x', 'https://a.example#x', 'https://user@a.example', 'https://user:word@a.example',
    'https://a.example\\x', 'https://a .example', 'https://a.example:99999', `https://${'a'.repeat(250)}.example`, '',
  ];
  for (const url of bad) assert.equal(typeof readNode({ url }, HOME), 'string', url);
  for (const none of [undefined, {}, { url: 7 }]) assert.equal(typeof readNode(/** @type {any} */ (none), HOME), 'string');
});

test('a ticket or region that is none is left out', () => {
  const node = readNode(/** @type {any} */ ({ url: 'https://a.example', ticket: 'short', region: 'a b' }), HOME);
  assert.deepEqual(node, { socketUrl: 'wss://a.example/ws', ticket: '', region: '' });
  assert.equal(/** @type {any} */ (readNode({ url: 'https://a.example', region: 'a'.repeat(33) }, HOME)).region, '');
});
