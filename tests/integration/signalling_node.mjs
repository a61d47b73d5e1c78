// The node's own page of numbers: for its operator only.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {api, hello, makeRoom} from './signalling_tools.mjs';

const node = async () => (await api('GET', '/api/v1/node')).json;

test('the node tells what it uses and whom it serves', async () => {
    const before = await node();
    assert.match(before.version, /^\d+\.\d+\.\d+$/);
    assert.ok(before.cores >= 1 && before.workers >= 1 && before.uptime_s >= 0);
    assert.ok(before.rss_bytes > 1e6 && before.cpu_ms > 0, JSON.stringify(before));
    assert.deepEqual([before.seats.max, before.seats.taken], [2000, 0]);
    assert.ok(before.seats.now > 0 && before.seats.now <= 2000);
    assert.deepEqual([before.governor.seats, before.governor.mode], [before.seats.now, 'normal']);
    assert.deepEqual([before.connected, before.hearing], [0, 0]);
    const names = before.threads.map((thread) => thread.name);
    assert.equal(names[0], 'control');
    assert.deepEqual(names.filter((name) => name.startsWith('worker')),
                     Array.from({length: before.workers}, (_, i) => `worker${i}`));
    for (const name of ['stage0', 'recorder', 'store']) assert.ok(names.includes(name), name);
    for (const name of ['datagrams_in', 'bytes_out', 'handed_over', 'retransmitted'])
        assert.equal(before.media[name], 0, name);
    for (let i = 0; i < 50; i++) await node();
    assert.ok((await node()).cpu_ms > before.cpu_ms, 'time that was spent is counted');
});

test('the node is nobody else\'s business', async () => {
    const {hosts} = await makeRoom('curious');
    for (const token of [null, hosts[0].token, 'x'.repeat(32)])
        assert.equal((await api('GET', '/api/v1/node', {token})).status, 401);
});

test('a mode that there is not is refused with what there is', async () => {
    const {slug} = await makeRoom('modes');
    for (const body of ['', '[]', {}, {mode: 7}, {mode: 'Economy'}, {mode: 'small-audience'}, {mode: 'lifeboat'},
                        {mode: 'economy', more: 1}])
        for (const [method, path] of [['POST', `/api/v1/rooms/${slug}/mode`], ['PATCH', '/api/v1/node']]) {
            const answer = await api(method, path, {body});
            assert.equal(answer.status, 400, JSON.stringify(body));
            if (body.mode && !body.more) assert.equal(answer.json.allowed, 'normal, economy or small_audience');
        }
    assert.equal((await api('GET', `/api/v1/rooms/${slug}`)).json.mode, 'normal');
});

test('the owner and the admin choose a room\'s mode, nobody else', async () => {
    const {slug, hosts} = await makeRoom('choice', [{name: 'Ada'}, {name: 'Bo'}, {name: 'Cy', role: 'moderator'}]);
    const path = `/api/v1/rooms/${slug}/mode`;
    const body = {mode: 'economy'};
    for (const [token, status] of [[null, 401], [hosts[1].token, 403], [hosts[2].token, 403], [hosts[0].token, 200]])
        assert.equal((await api('POST', path, {body, token})).status, status);
    const {mode, wanted_mode: wanted} = (await api('GET', `/api/v1/rooms/${slug}`)).json;
    assert.deepEqual([mode, wanted], ['economy', 'economy']);
    assert.equal((await api('POST', path, {body: {mode: 'normal'}})).json.mode, 'normal');
    assert.equal((await api('POST', `/api/v1/rooms/${slug}/cancel`)).status, 200);
    const late = await api('POST', path, {body});
    assert.equal(late.status, 409);
    assert.match(late.json.allowed, /before and while it is live/);
    assert.equal((await api('PATCH', '/api/v1/node', {body, token: hosts[0].token})).status, 401);
});

test('listeners and hosts are told of the mode in force', async () => {
    const {slug} = await makeRoom('told');
    const talk = await hello(slug);
    assert.equal(talk.welcome.room.mode, 'normal');
    assert.equal((await api('PATCH', '/api/v1/node', {body: {mode: 'economy'}})).json.mode, 'economy');
    assert.equal((await talk.next('room')).room.mode, 'economy');
    assert.equal((await node()).mode, 'economy');
    const {mode, wanted_mode: wanted} = (await api('GET', `/api/v1/rooms/${slug}`)).json;
    assert.deepEqual([mode, wanted], ['economy', 'normal']);
    await api('PATCH', '/api/v1/node', {body: {mode: 'normal'}});
    assert.equal((await talk.next('room')).room.mode, 'normal');
    talk.close();
});
