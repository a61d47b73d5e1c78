// The node's own page of numbers: for its operator only.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {api, makeRoom} from './signalling_tools.mjs';

const node = async () => (await api('GET', '/api/v1/node')).json;

test('the node tells what it uses and whom it serves', async () => {
    const before = await node();
    assert.match(before.version, /^\d+\.\d+\.\d+$/);
    assert.ok(before.cores >= 1 && before.workers >= 1 && before.uptime_s >= 0);
    assert.ok(before.rss_bytes > 1e6 && before.cpu_ms > 0, JSON.stringify(before));
    assert.deepEqual(before.seats, {max: 2000, taken: 0});
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
