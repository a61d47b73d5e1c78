// The HTTP surface: pages, API, limits, what a stranger may try.
import assert from 'node:assert/strict';
import net from 'node:net';
import {test} from 'node:test';
import {adminToken, api, checkRoomView, freshSlug, makeRoom, raw, url} from './signalling_tools.mjs';

const get = (path, fields = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${fields}\r\n`;

test('health, pages, security headers', async () => {
    assert.equal((await api('GET', '/livez', {token: null})).text, 'ok\n');
    assert.equal((await api('GET', '/readyz', {token: null})).status, 200);
    for (const [path, status] of [['/', 200], ['/admin', 200], [`/r/${freshSlug('none')}`, 404],
                                  [`/r/${freshSlug('none')}/stage`, 404]]) {
        const page = await api('GET', path, {token: null});
        assert.equal(page.status, status, path);
        assert.match(page.headers.get('content-type'), /^text\/html/);
        assert.match(page.headers.get('content-security-policy'), /default-src 'self'; script-src 'self'/);
        assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
        assert.equal(page.headers.get('referrer-policy'), 'no-referrer');
        assert.equal(page.headers.get('cache-control'), 'no-cache');
    }
});

test('assets: validated by tag, nothing else of the folder or the disk', async () => {
    const page = (await api('GET', '/', {token: null})).text;
    const asset = page.match(/\/assets\/[\w./-]+/)[0];
    const first = await api('GET', asset, {token: null});
    assert.equal(first.status, 200, asset);
    const tag = first.headers.get('etag');
    const headers = {'if-none-match': `W/"x", ${tag}`};
    assert.equal((await api('GET', asset, {token: null, headers})).status, 304);
    for (const path of ['/assets/package.json', '/assets/rooms.html', '/assets/', '/assets/js',
                        '/assets/node_modules/ajv/package.json', '/assets/../package.json', '/assets/%2e%2e/%2e%2e/etc/passwd',
                        '/assets/..%2f..%2fetc/passwd', '/assets//etc/passwd', '/assets/%00', '/etc/passwd'])
        assert.match(await raw(get(path, 'Connection: close\r\n')), /^(HTTP\/1\.1 (404|400|403) |$)/, path);
});

test('methods: HEAD as GET without body, 405 with Allow, OPTIONS', async () => {
    const head = await api('HEAD', '/api/v1/rooms');
    assert.equal(head.status, 200);
    assert.equal(head.text, '');
    assert.ok(Number(head.headers.get('content-length')) > 0);
    const wrong = await api('DELETE', '/api/v1/rooms');
    assert.equal(wrong.status, 405);
    assert.equal(wrong.headers.get('allow'), 'GET, HEAD, POST, OPTIONS');
    assert.equal(wrong.json.code, 'bad_method');
    const options = await api('OPTIONS', '/api/v1/rooms');
    assert.equal(options.status, 204);
    assert.equal((await api('GET', '/nothing/here')).json.code, 'unknown_path');
    assert.match(await raw('PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\nab'), /^HTTP\/1\.1 405 /);
    assert.equal(await raw('CONNECT example.org:80 HTTP/1.1\r\nHost: x\r\n\r\n'), '');
});

test('a room from start to cancellation', async () => {
    const slug = freshSlug('room');
    const body = {slug, title: 'Ein Abend ❤', start_ms: Date.now() + 3600000, seats: 20, stereo: true,
                  hosts: [{name: 'Ada'}, {name: 'Bo'}, {name: 'Cy', role: 'moderator'}]};
    const made = await api('POST', '/api/v1/rooms', {body});
    assert.equal(made.status, 201);
    assert.deepEqual(made.json.hosts.map((host) => host.role), ['owner', 'speaker', 'moderator']);
    assert.match(made.json.listen_url, new RegExp(`/r/${slug}$`));
    for (const host of made.json.hosts) {
        assert.match(host.token, /^[A-Za-z0-9_-]{32}$/);
        assert.equal(new URL(host.stage_url).hash, `#${host.token}`);
    }
    const room = (await api('GET', `/api/v1/rooms/${slug}`, {token: null})).json;
    const {hearing, connected, seats, wanted_mode: wanted, in_line: line, turned_away: away, seats_now: cap,
        places_per_address: places, ...view} = room;
    checkRoomView(view);
    assert.deepEqual([hearing, connected, seats, view.stereo, view.title, wanted], [0, 0, 20, true, body.title, 'normal']);
    assert.deepEqual([line, away, cap, places], [0, 0, 20, 0]);
    assert.equal((await api('POST', '/api/v1/rooms', {body})).json.code, 'slug_taken');
    assert.equal((await api('POST', `/api/v1/rooms/${slug}/end`)).json.code, 'bad_state');
    assert.equal((await api('POST', `/api/v1/rooms/${slug}/open`)).json.state, 'doors_open');
    assert.ok((await api('GET', '/api/v1/rooms', {token: null})).json.rooms.some((r) => r.slug === slug));
    assert.equal((await api('POST', `/api/v1/rooms/${slug}/cancel`)).json.state, 'cancelled');
    assert.ok(!(await api('GET', '/api/v1/rooms', {token: null})).json.rooms.some((r) => r.slug === slug));
    assert.equal((await api('GET', `/r/${slug}/recording.opus`)).json.code, 'not_published');
});

test('bodies are read strictly', async () => {
    const good = {slug: freshSlug('strict'), title: 'T'};
    for (const [body, code] of [
        ['', 'bad_json'], ['[]', 'bad_json'], ['{"slug":"a","slug":"b"}', 'bad_json'],
        [`{"a":${'['.repeat(9)}${']'.repeat(9)}}`, 'bad_json'], [{...good, colour: 'red'}, 'unknown_field'],
        [{...good, slug: 7}, 'bad_field'], [{...good, slug: 'Über'}, 'bad_field'], [{slug: good.slug}, 'bad_field'],
        [{...good, title: ''}, 'bad_field'], [{...good, title: 'x'.repeat(201)}, 'bad_field'],
        [{...good, seats: -1}, 'bad_field'], [{...good, start_ms: 'soon'}, 'bad_field'],
        [{...good, stereo: 1}, 'bad_field'], [{...good, program_bps: 7}, 'bad_field'],
        [{...good, hosts: [{name: ''}]}, 'bad_field'], [{...good, hosts: [{name: 'x'.repeat(81)}]}, 'bad_field'],
        [{...good, hosts: [{name: 'A', role: 'king'}]}, 'bad_field'], [{...good, hosts: [{nom: 'A'}]}, 'bad_field'],
        [{...good, hosts: Array.from({length: 65}, () => ({name: 'A'}))}, 'bad_field']]) {
        const answer = await api('POST', '/api/v1/rooms', {body});
        assert.equal(answer.status, 400, JSON.stringify(body).slice(0, 60));
        assert.equal(answer.json.code, code, JSON.stringify(body).slice(0, 60));
        assert.equal(answer.headers.get('content-type'), 'application/problem+json');
    }
    assert.equal((await api('GET', `/api/v1/rooms/${good.slug}`)).status, 404);
});

test('who may do what', async () => {
    const {slug, hosts} = await makeRoom('rights', [{name: 'Ada'}, {name: 'Bo'}, {name: 'Cy', role: 'moderator'}]);
    const other = await makeRoom('other');
    const [owner, speaker, moderator] = hosts.map((host) => host.token);
    const room = `/api/v1/rooms/${slug}`;
    const none = await api('POST', '/api/v1/rooms', {body: {slug: 'x', title: 'x'}, token: null});
    assert.equal(none.status, 401);
    assert.match(none.headers.get('www-authenticate'), /^Bearer/);
    assert.equal((await api('POST', '/api/v1/rooms', {body: {slug: 'x', title: 'x'}, token: owner})).status, 401);
    for (const [method, path, token, status] of [
        ['POST', '/open', null, 401], ['POST', '/open', 'x'.repeat(32), 401], ['POST', '/open', other.hosts[0].token, 401],
        ['POST', '/open', speaker, 403], ['GET', '/invitations', speaker, 403], ['GET', '/invitations', moderator, 200],
        ['GET', '/stems', moderator, 403], ['GET', '/stems', owner, 200], ['POST', '/withdraw', moderator, 403],
        ['POST', '/withdraw', owner, 409], ['GET', '/consent', speaker, 200], ['GET', '/consent', adminToken, 403],
        ['DELETE', '/invitations/1', moderator, 403], ['DELETE', '/invitations/9', owner, 404],
        ['DELETE', '/invitations/x', owner, 404], ['POST', '/open', moderator, 200]])
        assert.equal((await api(method, room + path, {token})).status, status, `${method} ${path} ${token}`);
    const invited = await api('POST', `${room}/invitations`, {body: {name: 'Di', role: 'speaker'}, token: moderator});
    assert.equal(invited.status, 201);
    assert.equal((await api('POST', `${room}/invitations`, {body: {name: 'Di', role: 'x'}})).json.code, 'bad_field');
    const consent = (await api('GET', `${room}/consent`, {token: invited.json.token})).json;
    assert.equal(consent.agreed, false);
    const wrong = await api('POST', `${room}/consent`, {body: {wording: 'old'}, token: invited.json.token});
    assert.equal(wrong.json.code, 'bad_wording');
    const given = await api('POST', `${room}/consent`, {body: {wording: consent.wording}, token: invited.json.token});
    assert.equal(given.status, 204);
    assert.equal((await api('GET', `${room}/consent`, {token: invited.json.token})).json.agreed, true);
    assert.equal((await api('DELETE', `${room}/invitations/${invited.json.id}`)).status, 204);
    assert.equal((await api('GET', `${room}/consent`, {token: invited.json.token})).json.code, 'revoked_token');
    const list = (await api('GET', `${room}/invitations`)).json.invitations;
    assert.deepEqual(list.map((entry) => entry.revoked), [false, false, false, true]);
    assert.ok(list[3].agreed);
});

test('sizes: 411, 413, 414, 431, 400 for odd lengths', async () => {
    const post = (fields, body = '') => `POST /api/v1/rooms HTTP/1.1\r\nHost: x\r\n${fields}\r\n${body}`;
    assert.match(await raw(post('')), /^HTTP\/1\.1 411 /);
    assert.match(await raw(post('Transfer-Encoding: chunked\r\n', '0\r\n\r\n')), /^HTTP\/1\.1 411 /);
    assert.match(await raw(post('Content-Length: 16385\r\n', 'x')), /^HTTP\/1\.1 413 /);
    for (const length of ['-1', '+2', '2x', '0x2', '9999999999999999999', '2, 2'])
        assert.match(await raw(post(`Content-Length: ${length}\r\n`, '{}')), /^HTTP\/1\.1 (400|413) /, length);
    assert.match(await raw(post('Content-Length: 2\r\nContent-Length: 3\r\n', '{}')), /^HTTP\/1\.1 400 /);
    assert.match(await raw(get(`/${'a'.repeat(2000)}`)), /^HTTP\/1\.1 414 /);
    assert.match(await raw(get('/', `Cookie: ${'a'.repeat(13000)}\r\n`)), /^HTTP\/1\.1 431 /);
    assert.equal(await raw(get('/', `Cookie: ${'a'.repeat(20000)}\r\n`)), '');
    const large = await api('POST', '/api/v1/rooms', {body: 'x'.repeat(3000000)}).catch(() => ({status: 413}));
    assert.equal(large.status, 413);
});

test('one connection: one request after the other, never two at once', async () => {
    const body = JSON.stringify({slug: freshSlug('pipe'), title: 'T'});
    const post = 'POST /api/v1/rooms HTTP/1.1\r\nHost: x\r\n' + `Authorization: Bearer ${adminToken}\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`;
    const withBody = 'GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello';
    const empty = 'POST /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n';
    const last = get('/livez', 'Connection: close\r\n');
    const statuses = (text) => text.match(/HTTP\/1\.1 \d+/g).map((line) => Number(line.slice(9)));
    for (const [first, status] of [[get('/livez'), 200], [post, 201], [withBody, 200], [empty, 405]])
        assert.deepEqual(statuses(await raw(first, {delayed: last})), [status, 200]);
    // Two in one packet: libwebsockets 4.1 would loop for ever over a body that it finds in its own buffer.
    for (const [first, status] of [[get('/livez'), 200], [post, 409], [withBody, 200], [empty, 405]])
        for (const second of [last, post, withBody])
            assert.deepEqual(statuses(await raw(first + second)), [status]);
    assert.match(await raw('GET /livez HTTP/1.0\r\n\r\n'), /^HTTP\/1\.1 200 .*ok\n$/s);
    const expect = 'POST /api/v1/rooms HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\nConnection: close\r\n\r\n';
    assert.match(await raw(expect, {delayed: '{}'}), /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 401 /);
});

test('a proxied connection takes one request', async () => {
    const answer = await raw(get('/livez', 'X-Forwarded-For: 192.0.2.7\r\n') + get('/livez'));
    assert.equal(answer.match(/HTTP\/1\.1 200 OK/g).length, 1);
    assert.match(answer, /Connection: close/);
});

test('clients that vanish or trickle hurt nobody', async () => {
    const {hostname, port} = new URL(url);
    for (let i = 0; i < 30; i++) {
        const body = JSON.stringify({slug: freshSlug('gone'), title: 'T'});
        const socket = net.connect({host: hostname, port: Number(port)});
        socket.on('error', () => {});
        socket.write('POST /api/v1/rooms HTTP/1.1\r\nHost: x\r\n' + `Authorization: Bearer ${adminToken}\r\n` +
            `Content-Length: ${body.length}\r\n\r\n${body}`, () => socket.resetAndDestroy());
    }
    const idle = Array.from({length: 30}, () => net.connect({host: hostname, port: Number(port)}));
    idle.forEach((socket) => socket.on('error', () => {}).write('GET / HT'));
    const started = Date.now();
    assert.equal((await api('GET', '/livez')).status, 200);
    assert.ok(Date.now() - started < 5000);
    idle.forEach((socket) => socket.destroy());
});

test('a long list: what is on now comes first', async () => {
    const {slug} = await makeRoom('now');
    assert.equal((await api('POST', `/api/v1/rooms/${slug}/open`)).status, 200);
    const coming = Date.now() + 3600 * 1000;
    for (let i = 0; i < 201; i++) await makeRoom('later', [], {start_ms: coming + i});
    const {rooms} = (await api('GET', '/api/v1/rooms')).json;
    assert.equal(rooms.length, 200);
    assert.ok(rooms.some((room) => room.slug === slug), 'the room whose doors are open is listed');
});

test('a host whose name cannot be leaves no half a room behind', async () => {
    const slug = freshSlug('half');
    for (const name of ['a\nb', '\u007f', 'x'.repeat(81)])
        assert.equal((await api('POST', '/api/v1/rooms', {body: {slug, title: 'T', hosts: [{name: 'Ada'}, {name}]}})).status, 400);
    assert.equal((await api('GET', `/api/v1/rooms/${slug}`)).status, 404);
    assert.equal((await api('POST', '/api/v1/rooms', {body: {slug, title: 'T', hosts: [{name: '🎙️ <b>ﷺ'}]}})).status, 201);
});
