// The line over HTTP and WebSocket: places, seats that are held, tickets, passes, the door.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {api, hello, makeRoom, offer, raw, talk} from './signalling_tools.mjs';

const listen = (token) => ({token: token ?? null});
const enter = (slug, token) => api('POST', `/api/v1/rooms/${slug}/line`, listen(token));
const leave = (slug, token) => api('DELETE', `/api/v1/rooms/${slug}/line`, listen(token));
const door = async (slug) => (await api('GET', `/api/v1/rooms/${slug}/door`, {token: null})).json;
const recvonly = () => ({type: 'offer', sdp: offer({direction: 'recvonly'})});

async function openRoom(seats, hosts) {
    const room = await makeRoom('line', hosts, {seats});
    assert.equal((await api('POST', `/api/v1/rooms/${room.slug}/open`)).status, 200);
    return room;
}

async function helloWith(slug, token) {
    const socket = await talk();
    await socket.ask({type: 'hello', room: slug, as: 'listener', token}, 'welcome');
    return socket;
}

async function sit(slug, token) {
    const socket = token ? await helloWith(slug, token) : await hello(slug);
    return {socket, answer: await socket.ask(recvonly(), 'answer')};
}

test('a held seat is taken by hello and offer, and the next one waits', async () => {
    const {slug} = await openRoom(1);
    assert.equal((await door(slug)).seats_free, true);
    const held = await enter(slug);
    assert.equal(held.headers.get('cache-control'), 'no-store');
    assert.equal(held.json.answer, 'seat');
    assert.ok(held.json.hold_ms > 1000);
    const second = (await enter(slug)).json;
    assert.deepEqual([second.answer, second.state, second.line.place, second.line.in_line], ['line', 'doors_open', 1, 1]);
    assert.ok(second.retry_after_ms > 0);
    const {socket, answer} = await sit(slug, held.json.ticket);
    assert.match(answer.ticket, /^[A-Za-z0-9_-]{51}$/);
    assert.equal((await enter(slug, second.line.ticket)).json.answer, 'line');
    socket.send({type: 'leave'});
    await socket.ask({type: 'mute', muted: true}, 'error'); /* what was sent before is done */
    assert.equal((await enter(slug, second.line.ticket)).json.answer, 'seat');
    assert.equal((await leave(slug, second.line.ticket)).status, 204);
    assert.equal((await door(slug)).turned_away, 1);
    socket.close();
});

test('who offers without a seat is told the place and the socket is closed', async () => {
    const {slug} = await openRoom(1);
    const {socket} = await sit(slug);
    const late = await hello(slug);
    const refused = await late.ask(recvonly(), 'refused');
    assert.deepEqual([refused.reason, refused.line.place, refused.line.in_line], ['line', 1, 1]);
    assert.equal(await late.closed, 1000);
    assert.equal((await enter(slug, refused.line.ticket)).json.line.place, 1); /* the same place */
    socket.close();
});

test('the same listener on another socket takes the seat over', async () => {
    const {slug} = await openRoom(1);
    const first = await sit(slug);
    const second = await sit(slug, first.answer.ticket);
    assert.equal((await first.socket.next('bye')).reason, 'replaced');
    assert.equal((await api('GET', '/api/v1/node')).json.seats.taken >= 1, true);
    assert.equal((await door(slug)).seats_free, false);
    second.socket.close();
});

test('the door says what anybody may know, and may be cached', async () => {
    const {slug} = await makeRoom('door', [{name: 'Ada'}], {start_ms: Date.now() + 3600_000});
    const answer = await api('GET', `/api/v1/rooms/${slug}/door`, {token: null});
    assert.equal(answer.headers.get('cache-control'), 'public, max-age=2');
    assert.equal(answer.headers.get('access-control-allow-origin'), '*');
    const view = answer.json;
    assert.deepEqual([view.state, view.mode, view.seats_free, view.in_line, view.turned_away, view.moved],
                     ['scheduled', 'normal', false, 0, 0, 0]);
    assert.ok(view.doors_ms < view.start_ms && view.doors_ms > view.server_time_ms && view.poll_ms >= 1000);
    const early = (await enter(slug)).json;
    assert.deepEqual([early.answer, early.state, early.line.place], ['line', 'scheduled', 1]);
    assert.ok(early.line.wait.from_s > 3000 && early.line.wait.to_s < 3700, JSON.stringify(early.line.wait));
    assert.ok(early.retry_after_ms >= 30000);
    assert.equal((await door(slug)).in_line, 1);
});

test('the doors open by themselves before the announced start', async () => {
    const {slug} = await makeRoom('soon', [{name: 'Ada'}], {start_ms: Date.now() + 30_000});
    const watcher = await hello(slug);
    if (watcher.welcome.room.state === 'scheduled') assert.equal((await watcher.next('room')).room.state, 'doors_open');
    const {socket} = await sit(slug);
    socket.close();
    watcher.close();
});

test('passes come before those who have none, and only owner and admin make them', async () => {
    const {slug, hosts} = await openRoom(1, [{name: 'Ada'}, {name: 'Bo'}]);
    const {socket} = await sit(slug);
    await enter(slug);
    const path = `/api/v1/rooms/${slug}/passes`;
    assert.equal((await api('POST', path, {token: null, body: {}})).status, 401);
    assert.equal((await api('POST', path, {token: hosts[1].token, body: {}})).status, 403);
    for (const count of [0, 1001, 1.5, 'two'])
        assert.equal((await api('POST', path, {body: {count}})).json.code, 'bad_field');
    const made = await api('POST', path, {token: hosts[0].token, body: {count: 2}});
    assert.equal(made.status, 201);
    const pass = new URL(made.json.passes[0]).hash.slice('#pass='.length);
    assert.notEqual(made.json.passes[0], made.json.passes[1]);
    const invited = (await enter(slug, pass)).json;
    assert.deepEqual([invited.line.place, invited.line.in_line], [1, 2]);
    socket.close();
});

/** Asks over a connection of its own; what is true of one answer only is left out. */
async function askAlone(method, path, {version = '1.1', token} = {}) {
    const fields = ['Host: x', 'Connection: close', 'Content-Length: 0', ...(token ? [`Authorization: Bearer ${token}`] : [])];
    const [head, body] = (await raw(`${method} ${path} HTTP/${version}\r\n${fields.join('\r\n')}\r\n\r\n`)).split('\r\n\r\n');
    const kept = head.split('\r\n').filter((line) => !/^(Date|Content-Length|Connection):/.test(line)).sort();
    return {head: kept, saysClose: /^Connection: close$/m.test(head.replaceAll('\r', '')), json: body ? JSON.parse(body) : {}};
}

test('the only request of a connection is answered like any other', async () => {
    const {slug} = await openRoom(1);
    const escaped = `%${slug.charCodeAt(0).toString(16)}${slug.slice(1)}`; // that is no bare request
    const both = async (method, path, options) => {
        const [usual, alone, old] = [await askAlone(method, path(escaped), options), await askAlone(method, path(slug), options),
                                     await askAlone(method, path(slug), {...options, version: '1.0'})];
        for (const {head, json} of [alone, old]) {
            assert.deepEqual(head, usual.head);
            assert.deepEqual(Object.keys(json), Object.keys(usual.json));
        }
        return [usual.json, alone.json, old.json];
    };
    const line = (name) => `/api/v1/rooms/${name}/line`;
    const held = await askAlone('POST', line(slug));
    assert.deepEqual([held.json.answer, held.saysClose], ['seat', true]);
    const waiting = await both('POST', line);
    assert.deepEqual(waiting.map(({answer, line: {place}}) => [answer, place]), [['line', 1], ['line', 2], ['line', 3]]);
    const again = await both('POST', line, {token: waiting[1].line.ticket});
    assert.deepEqual(again.map(({line: {place}}) => place), [2, 2, 2]);
    const [door] = await both('GET', (name) => `/api/v1/rooms/${name}/door`);
    assert.equal(door.in_line, 3);
    await both('DELETE', line, {token: waiting[1].line.ticket});
    assert.equal((await askAlone('POST', line(slug), {token: waiting[2].line.ticket})).json.line.place, 2);
    await both('DELETE', line, {token: 'x'.repeat(51)});
    await both('PUT', line);
    await both('POST', (name) => `${line(name)}/more`);
    assert.equal((await api('POST', `/api/v1/rooms/${slug}/cancel`)).status, 200);
    assert.deepEqual((await both('POST', line)).map(({code}) => code), ['over', 'over', 'over']);
    assert.equal((await askAlone('POST', line('nowhere-at-all'))).json.code, 'unknown_room');
});

test('what is wrong is said, and no ticket is an error', async () => {
    const {slug} = await openRoom(5);
    assert.equal((await enter('nowhere-at-all')).status, 404);
    assert.equal((await enter(slug, 'x'.repeat(51))).json.answer, 'seat');
    assert.equal((await leave(slug, 'x'.repeat(51))).status, 204);
    const path = `/api/v1/rooms/${slug}`;
    assert.equal((await api('PATCH', path, {body: {places_per_address: -1}})).json.code, 'bad_field');
    assert.equal((await api('PATCH', path, {token: null, body: {places_per_address: 100}})).status, 401);
    assert.equal((await api('PATCH', path, {body: {places_per_address: 100}})).json.places_per_address, 100);
    assert.equal((await api('POST', `${path}/cancel`)).status, 200);
    const over = await enter(slug);
    assert.deepEqual([over.status, over.json.code], [409, 'over']);
});

test('a small audience has as many seats as the owner says, and evicts nobody', async () => {
    const {slug, hosts} = await openRoom(0);
    const mode = (body) => api('POST', `/api/v1/rooms/${slug}/mode`, {token: hosts[0].token, body});
    const inside = [await sit(slug), await sit(slug), await sit(slug)];
    assert.match((await mode({mode: 'economy', seats: 2})).json.allowed, /small_audience/);
    const small = (await mode({mode: 'small_audience', seats: 2})).json;
    assert.deepEqual([small.mode, small.mode_cause, small.small_audience_seats, small.seats_now], ['small_audience', 'owner', 2, 2]);
    assert.equal((await inside[0].socket.next('room')).room.mode, 'small_audience');
    assert.equal((await enter(slug)).json.answer, 'line');
    assert.equal((await api('GET', `/api/v1/rooms/${slug}`)).json.turned_away, 0);
    assert.equal((await mode({mode: 'normal'})).json.small_audience_seats, undefined);
    for (const {socket} of inside) {
        assert.equal(socket.messages.some(({type}) => type === 'bye' || type === 'media'), false);
        socket.close();
    }
});
