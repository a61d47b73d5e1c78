import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parseServerMessage } from '../js/protocol.js';

/** @import {ClientMessage} from '../js/types.js' */

const read = (/** @type {string} */ path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const schema = JSON.parse(read('../../../include/rostrum/protocol.schema.json'));
const ajv = new Ajv2020({ strict: false });
ajv.addSchema(schema);
const isClientMessage = ajv.compile({ $ref: 'rostrum.v1#/$defs/client' });
const namesOf = (/** @type {string} */ side) =>
  schema.$defs[side].oneOf.map((/** @type {{$ref: string}} */ one) => one.$ref.split('/').at(-1));

/** Every form of message that the pages send. @type {ClientMessage[]} */
const SENT = [
  { type: 'hello', ref: 'r1', room: 'evening', as: 'listener' },
  { type: 'hello', ref: 'r1', room: 'evening', as: 'listener', token: 't'.repeat(51) },
  { type: 'hello', ref: 'r1', room: 'evening', as: 'listener', token: 't'.repeat(51), region: 'eu-1' },
  { type: 'hello', ref: 'r1', room: 'evening', as: 'host', token: 't'.repeat(32) },
  { type: 'consent', wording: '2026-11' },
  { type: 'offer', ref: 'r2', sdp: 'v=0\r\n' },
  { type: 'mute', muted: true },
  { type: 'mute', host: 3, muted: false },
  { type: 'steer', action: 'open' },
  { type: 'steer', action: 'live' },
  { type: 'steer', action: 'end' },
  { type: 'steer', action: 'cancel' },
  { type: 'remove', host: 3 },
  { type: 'leave' },
];

test('what the pages send follows the schema', () => {
  for (const message of SENT) assert.ok(isClientMessage(message), `${message.type}: ${ajv.errorsText(isClientMessage.errors)}`);
  assert.deepEqual([...new Set(SENT.map((one) => one.type))].sort(), namesOf('client').sort());
});

test('every message of the server is known', () => {
  for (const type of namesOf('server')) assert.equal(parseServerMessage(JSON.stringify({ type }))?.type, type);
});

test('the types name the same fields as the schema', () => {
  const types = read('../js/types.js');
  for (const name of [...namesOf('client'), ...namesOf('server')]) {
    const text = types.split('@typedef').find((part) => part.includes(`type: '${name}'`)) ?? '';
    for (const field of Object.keys(schema.$defs[name].properties)) {
      const optional = !schema.$defs[name].required.includes(field);
      assert.ok(text.includes(`${field}${optional ? '?' : ''}:`), `${name}.${field}`);
    }
  }
});

test('the types name the same words as the schema', () => {
  const types = read('../js/types.js');
  const words = [
    ...schema.$defs.refused.properties.reason.enum, ...schema.$defs.bye.properties.reason.enum,
    ...schema.$defs.error.properties.code.enum, ...schema.$defs.room_state.enum, ...schema.$defs.role.enum,
    ...schema.$defs.mode.enum,
  ];
  for (const word of words) assert.ok(types.includes(`'${word}'`), word);
});
