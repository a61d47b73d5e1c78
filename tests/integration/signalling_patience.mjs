// What shows only after a while (about a minute): pings keep a socket, their lack ends it; trickled headers end.
import assert from 'node:assert/strict';
import {once} from 'node:events';
import {describe, it} from 'node:test';
import {hello, makeRoom, raw, talk} from './signalling_tools.mjs';

describe('after a while', {concurrency: true}, () => {
    it('a quiet socket that answers pings stays', {timeout: 60000}, async () => {
        const {slug} = await makeRoom('quiet');
        const socket = await hello(slug);
        for (let i = 0; i < 3; i++) await once(socket.socket, 'ping'); /* the third comes after 45 s, death after 40 */
        assert.equal((await socket.ask({type: 'steer', action: 'open'}, 'error')).code, 'not_allowed');
        socket.close();
    });

    it('a socket that does not answer pings is dropped', {timeout: 60000}, async () => {
        const {slug} = await makeRoom('dead');
        const socket = await talk({autoPong: false});
        await socket.ask({type: 'hello', room: slug, as: 'listener'}, 'welcome');
        assert.equal(await socket.closed, 1006);
    });

    it('headers that never end are cut', {timeout: 60000}, async () => {
        assert.equal(await raw('GET / HTTP/1.1\r\nHost: x\r\nX-Slow: '), '');
    });

    it('a body that never ends is cut', {timeout: 60000}, async () => {
        assert.equal(await raw('POST /api/v1/rooms HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{'), '');
    });
});
