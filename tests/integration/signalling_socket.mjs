// The WebSocket protocol as strangers, listeners and hosts use it.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {api, freshSlug, hello, makeRoom, raw, Talk, talk, url} from './signalling_tools.mjs';

const refusedStatus = async (options) => {
    try {
        (await new Talk(options).opened).close();
        return 101;
    } catch (error) {
        return error.status;
    }
};

test('origin: our own and none are let in, foreign ones are not', async () => {
    const {host} = new URL(url);
    assert.equal(await refusedStatus({}), 101);
    assert.equal(await refusedStatus({headers: {origin: url}}), 101);
    assert.equal(await refusedStatus({headers: {origin: `https://${host}`}}), 101);
    for (const origin of ['https://evil.example', 'null', `http://${host}.evil.example`, `http://evil.${host}`])
        assert.equal(await refusedStatus({headers: {origin}}), 403, origin);
});

test('upgrades: only /ws, only rostrum.v1, never h2c', async () => {
    assert.equal(await refusedStatus({protocol: 'other'}), 400);
    const head = (path, upgrade) => `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\n` +
        `Upgrade: ${upgrade}\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\nSec-WebSocket-Version: 13\r\n` +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: rostrum.v1\r\n\r\n';
    assert.match(await raw(head('/', 'h2c')), /^HTTP\/1\.1 400 /);
    assert.match(await raw(head('/livez', 'websocket')), /^HTTP\/1\.1 404 /);
    assert.match(await raw(head('/ws', 'websocket'), {until: /\r\n\r\n/}), /^HTTP\/1\.1 101 /);
    assert.match(await raw(head('/ws', 'websocket').replace('Version: 13', 'Version: 8')), /^HTTP\/1\.1 426 /);
    assert.equal((await api('GET', '/ws')).status, 426);
    // An unknown upgrade as the second request: libwebsockets frees the headers, then asks us once more.
    await raw('GET /livez HTTP/1.1\r\nHost: x\r\n\r\n', {delayed: head('/ws', 'telnet')});
    assert.equal((await api('GET', '/livez')).status, 200);
});

test('compression is not offered', async () => {
    const socket = await talk({perMessageDeflate: true});
    assert.equal(socket.socket.extensions, '');
    socket.close();
});

test('a frame that says it is compressed ends the socket', async () => {
    const head = 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: rostrum.v1\r\n\r\n';
    const answer = await raw(head, {delayed: Buffer.from([0xc1, 0x82, 1, 2, 3, 4, 5, 6])});
    assert.match(answer, /^HTTP\/1\.1 101 /);
    assert.doesNotMatch(answer, /bad_json/); /* it was not read */
});

test('strictness: each mistake has its code, the socket stays', async () => {
    const {slug, hosts} = await makeRoom('strict');
    const socket = await talk();
    const cases = [
        ['nonsense', 'bad_json'], ['[]', 'bad_json'], ['{"type":"hello","type":"hello"}', 'bad_json'],
        ['['.repeat(2000), 'bad_json'], ['{"a":"\\u0000"}', 'bad_json'],
        [{type: 'dance', ref: 'r'}, 'unknown_type'], [{ref: 'r'}, 'unknown_type'], [{type: 7}, 'unknown_type'],
        [{type: 'hello', room: slug, as: 'listener', extra: 1}, 'unknown_field'],
        [{type: 'hello', room: slug, as: 'listener', ['ä'.repeat(300)]: 1}, 'unknown_field'],
        [{type: 'hello', room: slug, as: 'guest'}, 'bad_field'], [{type: 'hello', room: 7, as: 'listener'}, 'bad_field'],
        [{type: 'hello', room: 'UPPER', as: 'listener'}, 'bad_field'],
        [{type: 'hello', room: slug, as: 'listener', ref: 'x'.repeat(33)}, 'bad_field'],
        [{type: 'hello', room: slug, as: 'host'}, 'bad_field'],
        [{type: 'leave'}, 'hello_first'], [{type: 'offer', sdp: 'v=0'}, 'hello_first'],
        [{type: 'hello', room: freshSlug('none'), as: 'listener'}, 'unknown_room'],
        [{type: 'hello', room: slug, as: 'host', token: 'x'.repeat(32)}, 'bad_token'],
    ];
    for (const [message, code] of cases) {
        const error = await socket.ask(message, 'error');
        assert.equal(error.code, code, JSON.stringify(message).slice(0, 80));
        if (message.ref && message.ref.length <= 32) assert.equal(error.ref, message.ref);
    }
    const welcome = await socket.ask({type: 'hello', room: slug, as: 'host', token: hosts[0].token, ref: 'ü1'}, 'welcome');
    assert.equal(welcome.ref, 'ü1');
    for (const [message, code] of [
        [{type: 'hello', room: slug, as: 'listener'}, 'hello_again'], [{type: 'offer', sdp: ''}, 'bad_field'],
        [{type: 'mute', muted: 'yes'}, 'bad_field'], [{type: 'mute', muted: true, host: 99}, 'unknown_host'],
        [{type: 'remove', host: 0}, 'bad_field'], [{type: 'remove', host: 99}, 'unknown_host'],
        [{type: 'steer', action: 'explode'}, 'bad_field'], [{type: 'steer', action: 'end'}, 'bad_state'],
        [{type: 'consent', wording: 'other'}, 'bad_wording'], [{type: 'consent'}, 'bad_field']])
        assert.equal((await socket.ask(message, 'error')).code, code, JSON.stringify(message));
    socket.socket.send(Buffer.from('{"type":"leave"}'), {binary: true});
    socket.close();
});

test('a listener is welcomed, sees changes, and may not steer', async () => {
    const {slug, hosts} = await makeRoom('listener', [{name: 'Ada'}, {name: 'Zoë', role: 'moderator'}]);
    const listener = await hello(slug);
    assert.deepEqual(listener.welcome.room.hosts, ['Ada', 'Zoë']);
    assert.equal(listener.welcome.you, undefined);
    assert.ok(Math.abs(listener.welcome.server_time_ms - Date.now()) < 60000);
    for (const message of [{type: 'mute', muted: true}, {type: 'steer', action: 'open'},
                           {type: 'remove', host: 1}, {type: 'consent', wording: 'x'}])
        assert.equal((await listener.ask(message, 'error')).code, 'not_allowed');
    const early = await hello(slug);
    assert.equal((await early.ask({type: 'offer', sdp: 'v=0'}, 'refused')).reason, 'line');
    assert.equal(await early.closed, 1000);
    const owner = await hello(slug, hosts[0].token);
    owner.send({type: 'steer', action: 'open'});
    assert.equal((await listener.next('room')).room.state, 'doors_open');
    assert.equal((await listener.ask({type: 'offer', sdp: 'v=0', ref: 'o'}, 'error')).code, 'bad_sdp');
    owner.close();
    listener.close();
});

test('hosts: roster, consent first, muting, removal', async () => {
    const {slug, hosts} = await makeRoom('hosts', [{name: 'Ada'}, {name: 'Bo'}, {name: 'Cy', role: 'moderator'}]);
    const owner = await hello(slug, hosts[0].token);
    assert.equal(owner.welcome.you.role, 'owner');
    assert.equal(owner.welcome.consent.agreed, false);
    assert.ok(owner.welcome.consent.text.de.length > 20);
    const entry = (roster, id) => roster.hosts.find((host) => host.id === id);
    await owner.next((m) => m.type === 'roster' && entry(m, 1).present);
    const speaker = await hello(slug, hosts[1].token);
    await owner.next((m) => m.type === 'roster' && entry(m, 2).present);
    owner.send({type: 'steer', action: 'open'});
    await speaker.next((m) => m.type === 'room' && m.room.state === 'doors_open');
    assert.equal((await speaker.ask({type: 'offer', sdp: 'v=0', ref: 'a'}, 'error')).code, 'consent_first');
    speaker.send({type: 'consent', wording: speaker.welcome.consent.wording});
    await speaker.next((m) => m.type === 'roster' && entry(m, 2).agreed);
    assert.equal((await speaker.ask({type: 'offer', sdp: 'v=0', ref: 'a'}, 'error')).code, 'bad_sdp');
    assert.equal((await speaker.ask({type: 'mute', host: 1, muted: true}, 'error')).code, 'not_allowed');
    assert.equal((await speaker.ask({type: 'steer', action: 'live'}, 'error')).code, 'not_allowed');
    owner.send({type: 'mute', host: 2, muted: true});
    await speaker.next((m) => m.type === 'roster' && entry(m, 2).muted_by_moderator);
    assert.equal((await speaker.ask({type: 'mute', muted: false}, 'error')).code, 'not_allowed');
    const moderator = await hello(slug, hosts[2].token);
    assert.equal((await moderator.ask({type: 'remove', host: 1}, 'error')).code, 'not_allowed');
    moderator.send({type: 'remove', host: 2});
    assert.equal((await speaker.next('bye')).reason, 'removed');
    await speaker.closed;
    const again = await talk();
    const error = await again.ask({type: 'hello', room: slug, as: 'host', token: hosts[1].token}, 'error');
    assert.equal(error.code, 'revoked_token');
    for (const socket of [owner, moderator, again]) socket.close();
});

test('limits: size, rate, silence', async () => {
    const large = await talk();
    large.send(JSON.stringify({type: 'hello', room: 'x'.repeat(16400)}));
    assert.equal((await large.next('error')).code, 'too_large');
    assert.equal((await large.next('bye')).reason, 'protocol');
    assert.equal(await large.closed, 1009);
    const fast = await hello((await makeRoom('fast')).slug); /* or it would be idle first, on a slow machine */
    const flood = setInterval(() => {
        for (let i = 0; i < 200; i++) fast.send({type: 'leave', ref: `${i}`});
    }, 10);
    assert.equal((await fast.next((m) => m.code === 'too_fast')).type, 'error');
    assert.equal((await fast.next('bye')).reason, 'protocol');
    clearInterval(flood);
    await fast.closed;
    const silent = await talk();
    assert.equal((await silent.next('bye')).reason, 'idle');
    await silent.closed;
});

test('a message in many frames is put together', async () => {
    const {slug} = await makeRoom('frames');
    const socket = await talk();
    const text = JSON.stringify({type: 'hello', room: slug, as: 'listener'});
    for (let i = 0; i < text.length; i += 8)
        socket.socket.send(text.slice(i, i + 8), {fin: i + 8 >= text.length});
    assert.equal((await socket.next('welcome')).room.slug, slug);
    socket.close();
});

test('fifty watchers see one change each, in the state it ended in', async () => {
    const {slug} = await makeRoom('many');
    const sockets = await Promise.all(Array.from({length: 50}, () => hello(slug)));
    await api('POST', `/api/v1/rooms/${slug}/open`);
    for (const socket of sockets)
        assert.equal((await socket.next('room')).room.state, 'doors_open');
    sockets.forEach((socket) => socket.close());
});
