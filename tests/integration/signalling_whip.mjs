// WHIP and WHEP as their clients use them: OBS-like, FFmpeg-like, players in pages.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {fingerprint, api, freshSlug, hello, makeRoom, offer, raw, url} from './signalling_tools.mjs';

const sdp = {'content-type': 'application/sdp'};
const fragment = (ufrag) => `a=ice-ufrag:${ufrag}\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n` +
    'm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 40000 typ host\r\n';
const patch = (path, ifMatch, body, token = null) => api('PATCH', path, {token, body, headers: {
    'content-type': 'application/trickle-ice-sdpfrag', ...(ifMatch ? {'if-match': ifMatch} : {})}});

async function openRoom(hosts) {
    const room = await makeRoom('whip', hosts);
    assert.equal((await api('POST', `/api/v1/rooms/${room.slug}/open`)).status, 200);
    return room;
}

test('WHEP: an offer becomes a session, which trickles, restarts and ends', async () => {
    const {slug} = await openRoom();
    const made = await api('POST', `/whep/${slug}`, {token: null, body: offer({direction: 'recvonly'}),
        headers: {'content-type': 'application/sdp; charset=utf-8'}});
    assert.equal(made.status, 201, made.text);
    assert.equal(made.headers.get('content-type'), 'application/sdp');
    const location = made.headers.get('location');
    assert.match(location, /^\/whep\/s\/[A-Za-z0-9_-]{22}$/);
    const tag = made.headers.get('etag');
    assert.match(tag, /^"[^"]+"$/);
    assert.equal(made.headers.get('access-control-allow-origin'), '*');
    assert.match(made.text, /^v=0\r\n/);
    assert.match(made.text, /a=sendonly/);
    assert.match(made.text, /a=setup:passive/);
    assert.equal((await api('GET', location, {token: null})).status, 204);
    assert.equal((await patch(location, '', fragment('abcd'))).status, 428);
    assert.equal((await patch(location, '"wrong"', fragment('abcd'))).status, 412);
    assert.equal((await patch(location, tag, fragment('abcd'))).status, 204);
    assert.equal((await patch(location, tag, 'nonsense')).status, 400);
    assert.equal((await patch(location, '*', fragment('abcd'))).status, 422);
    assert.equal((await api('PATCH', location, {token: null, body: 'x', headers: {'if-match': tag, ...sdp}})).status, 415);
    const restarted = await patch(location, '"*"', fragment('efgh'));
    assert.equal(restarted.status, 200, restarted.text);
    assert.equal(restarted.headers.get('content-type'), 'application/trickle-ice-sdpfrag');
    assert.match(restarted.text, /a=ice-ufrag:/);
    const fresh = restarted.headers.get('etag');
    assert.notEqual(fresh, tag);
    assert.equal((await patch(location, tag, fragment('efgh'))).status, 412);
    assert.equal((await patch(location, fresh, fragment('ijkl'))).status, 200);
    assert.equal((await api('DELETE', location.replace('whep', 'whip'))).status, 404);
    assert.equal((await api('DELETE', location, {token: null})).status, 200);
    for (const method of ['DELETE', 'GET'])
        assert.equal((await api(method, location, {token: null})).status, 404);
});

test('endpoints: OPTIONS for pages, HEAD for players, wrong bodies', async () => {
    const {slug} = await openRoom();
    for (const path of [`/whep/${slug}`, `/whip/${slug}`]) {
        const options = await api('OPTIONS', path, {token: null});
        assert.equal(options.status, 204);
        assert.equal(options.headers.get('accept-post'), 'application/sdp');
        assert.match(options.headers.get('access-control-allow-methods'), /PATCH/);
        assert.match(options.headers.get('access-control-allow-headers'), /Authorization/);
        assert.equal((await api('GET', path, {token: null})).status, 204);
        const head = await api('HEAD', path, {token: null});
        assert.deepEqual([head.status, head.headers.get('content-type')], [200, 'application/sdp']);
    }
    const post = (body, headers) => api('POST', `/whep/${slug}`, {token: null, body, headers});
    assert.equal((await post('x', {'content-type': 'text/plain'})).status, 415);
    assert.equal((await post('', sdp)).status, 400);
    assert.equal((await post('hello', sdp)).json.code, 'bad_sdp');
    assert.equal((await post(`v=0\r\n${'a=x\r\n'.repeat(5000)}`, sdp)).status, 413);
    assert.equal((await api('POST', `/whep/${freshSlug('none')}`, {token: null, body: 'v=0', headers: sdp})).status, 404);
    assert.match(await raw(`POST /whep/${slug} HTTP/1.1\r\nHost: x\r\nContent-Type: application/sdp\r\n\r\n`), /^HTTP\/1\.1 411 /);
    const early = await makeRoom('early');
    const refused = await api('POST', `/whep/${early.slug}`, {token: null, body: offer({direction: 'recvonly'}), headers: sdp});
    assert.equal(refused.status, 503);
    assert.deepEqual([refused.json.code, refused.json.line.place], ['line', 1]);
    assert.ok(Number(refused.headers.get('retry-after')) >= 1);
});

test('WHEP: a full room answers 503 with Retry-After, a seat given back is free', async () => {
    const {slug} = await makeRoom('full', [{name: 'Ada'}], {seats: 2});
    await api('POST', `/api/v1/rooms/${slug}/open`);
    const ask = (token = null) => api('POST', `/whep/${slug}`, {token, body: offer({direction: 'recvonly'}), headers: sdp});
    const first = await ask();
    assert.equal((await ask()).status, 201);
    const full = await ask();
    assert.equal(full.status, 503);
    assert.deepEqual([full.json.code, full.json.line.place, full.json.line.in_line], ['line', 1, 1]);
    assert.ok(Number(full.headers.get('retry-after')) >= 1);
    await api('DELETE', first.headers.get('location'), {token: null});
    assert.equal((await ask()).json.line.place, 2); /* the other one was there before */
    const seated = await ask(full.json.line.ticket);
    assert.equal(seated.status, 201);
    assert.match(seated.headers.get('rostrum-ticket'), /^[A-Za-z0-9_-]{51}$/);
    assert.match(seated.headers.get('access-control-expose-headers'), /Rostrum-Ticket/);
    /* The same listener in another player: the seat goes over, the former session ends. */
    assert.equal((await ask(seated.headers.get('rostrum-ticket'))).status, 201);
    assert.equal((await api('GET', seated.headers.get('location'), {token: null})).status, 404);
});

test('WHIP: token, consent first, own sessions only, revoked with the invitation', async () => {
    const {slug, hosts} = await openRoom([{name: 'Ada'}, {name: 'Bo'}]);
    const [owner, speaker] = hosts.map((host) => host.token);
    const ask = (token) => api('POST', `/whip/${slug}`, {token, body: offer(), headers: sdp});
    const none = await ask(null);
    assert.equal(none.status, 401);
    assert.match(none.headers.get('www-authenticate'), /^Bearer/);
    assert.equal((await ask('y'.repeat(32))).status, 401);
    const early = await ask(speaker);
    assert.equal(early.status, 403);
    assert.equal(early.json.code, 'consent_first');
    const {wording} = (await api('GET', `/api/v1/rooms/${slug}/consent`, {token: speaker})).json;
    assert.equal((await api('POST', `/api/v1/rooms/${slug}/consent`, {token: speaker, body: {wording}})).status, 204);
    const made = await ask(speaker);
    assert.equal(made.status, 201, made.text);
    assert.match(made.text, /a=recvonly/);
    const location = made.headers.get('location');
    assert.match(location, /^\/whip\/s\//);
    assert.equal((await api('DELETE', location, {token: null})).status, 401);
    assert.equal((await api('DELETE', location, {token: owner})).status, 403);
    assert.equal((await patch(location, made.headers.get('etag'), fragment('abcd'), speaker)).status, 204);
    const again = await ask(speaker); /* a client that lost its way comes back with the same token */
    assert.equal(again.status, 201);
    const watcher = await hello(slug, owner);
    assert.equal((await api('DELETE', `/api/v1/rooms/${slug}/invitations/2`)).status, 204);
    await watcher.next((m) => m.type === 'roster' && m.hosts.length === 1);
    assert.equal((await ask(speaker)).json.code, 'revoked_token');
    const gone = await api('DELETE', again.headers.get('location'), {token: speaker});
    assert.equal(gone.status, 404);
    watcher.close();
});

test('pages of other sites may read why they were refused', async () => {
    const {slug, hosts} = await openRoom();
    const mayRead = (answer) => assert.equal(answer.headers.get('access-control-allow-origin'), '*', answer.text);
    for (const path of [`/whep/${freshSlug('none')}`, `/whip/${freshSlug('none')}`, `/whip/${slug}`])
        mayRead(await api('POST', path, {token: hosts[0].token, body: offer(), headers: sdp}));
    mayRead(await api('POST', `/whip/${slug}`, {token: null, body: offer(), headers: sdp}));
    mayRead(await patch('/whep/s/none', '"x"', fragment('abcd')));
});

test('a stereo room takes stereo from its hosts, another one does not', async () => {
    for (const stereo of [true, false]) {
        const {slug, hosts: [{token}]} = await makeRoom('sound', [{name: 'Ada'}], {stereo});
        await api('POST', `/api/v1/rooms/${slug}/open`);
        const {wording} = (await api('GET', `/api/v1/rooms/${slug}/consent`, {token})).json;
        await api('POST', `/api/v1/rooms/${slug}/consent`, {token, body: {wording}});
        const body = offer().replace('useinbandfec=1', 'useinbandfec=1;stereo=1');
        const {status, text} = await api('POST', `/whip/${slug}`, {token, body, headers: sdp});
        assert.equal(status, 201, text);
        assert.equal(/a=fmtp:111 .*stereo=1/.test(text), stereo, text);
    }
});

test('over the socket: an offer, its restart, another endpoint, leaving', async () => {
    const {slug} = await openRoom();
    const listener = await hello(slug);
    const first = await listener.ask({type: 'offer', sdp: offer({direction: 'recvonly'}), ref: '1'}, 'answer');
    assert.equal(first.ref, '1');
    const pick = (text) => text.match(/a=ice-ufrag:(\S+)/)[1];
    const second = await listener.ask({type: 'offer', sdp: offer({direction: 'recvonly', ufrag: 'efgh'})}, 'answer');
    assert.notEqual(pick(second.sdp), pick(first.sdp));
    const elsewhere = offer({direction: 'recvonly', ufrag: 'ijkl'}).replace(fingerprint, fingerprint.replace('10', '99'));
    const third = await listener.ask({type: 'offer', sdp: elsewhere}, 'answer');
    assert.notEqual(pick(third.sdp), pick(second.sdp));
    listener.send({type: 'leave'});
    assert.ok((await listener.ask({type: 'offer', sdp: elsewhere}, 'answer')).sdp);
    await api('POST', `/api/v1/rooms/${slug}/cancel`);
    assert.equal((await listener.next('media')).state, 'lost');
    assert.equal((await listener.ask({type: 'offer', sdp: elsewhere}, 'refused')).reason, 'over');
    listener.close();
    assert.ok(url);
});
