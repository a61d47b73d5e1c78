// A published recording: whole, in parts, if changed, withdrawn.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import {api, hello, makeRoom, raw} from './signalling_tools.mjs';

async function publish() {
    const room = await makeRoom('file');
    const watcher = await hello(room.slug);
    await api('POST', `/api/v1/rooms/${room.slug}/live`);
    await watcher.next((m) => m.type === 'room' && m.room.recording);
    /* 409 as long as the recorder is only just starting. */
    while ((await api('POST', `/api/v1/rooms/${room.slug}/end`)).status === 409);
    const {room: view} = await watcher.next((m) => m.type === 'room' && m.room.state === 'published');
    watcher.close();
    return {...room, publication: view.publication};
}

test('a recording is served whole, by range, by tag, and not any more once withdrawn', async () => {
    const {slug, hosts, publication} = await publish();
    const path = `/r/${slug}/recording.opus`;
    assert.equal(publication.url, path);
    const whole = await api('GET', path, {token: null});
    const bytes = publication.bytes;
    assert.equal(whole.status, 200);
    assert.equal(Number(whole.headers.get('content-length')), bytes);
    assert.equal(whole.headers.get('content-type'), 'audio/ogg; codecs=opus');
    assert.equal(whole.headers.get('accept-ranges'), 'bytes');
    assert.equal(whole.headers.get('content-disposition'), `inline; filename="${slug}.opus"`);
    const tag = whole.headers.get('etag');
    assert.match(tag, /^"[^"]+"$/);
    const head = await api('HEAD', path, {token: null});
    assert.deepEqual([head.status, head.headers.get('content-length'), head.text], [200, String(bytes), '']);
    const ask = async (headers) => {
        const {status, headers: fields, text} = await api('GET', path, {token: null, headers});
        return {status, range: fields.get('content-range'), text, length: Number(fields.get('content-length'))};
    };
    const part = await ask({range: 'bytes=0-3'});
    assert.deepEqual(part, {status: 206, range: `bytes 0-3/${bytes}`, text: 'OggS', length: 4});
    assert.equal((await ask({range: 'bytes=-1'})).range, `bytes ${bytes - 1}-${bytes - 1}/${bytes}`);
    assert.equal((await ask({range: `bytes=${bytes - 2}-`})).length, 2);
    assert.deepEqual([(await ask({range: `bytes=${bytes}-`})).status, (await ask({range: `bytes=${bytes}-`})).range],
        [416, `bytes */${bytes}`]);
    assert.equal((await ask({range: `bytes=0-1${',2-3'.repeat(1300)}`})).status, 200);
    assert.equal((await ask({range: 'bytes=0-3', 'if-range': tag})).status, 206);
    assert.equal((await ask({range: 'bytes=0-3', 'if-range': '"other"'})).status, 200);
    assert.equal((await ask({'if-none-match': tag})).status, 304);
    assert.equal((await ask({'if-none-match': '"other"', range: 'bytes=0-0'})).status, 206);
    assert.equal((await ask({'if-match': '"other"'})).status, 412);
    const download = await api('GET', `${path}?download=1`, {token: null});
    assert.match(download.headers.get('content-disposition'), /^attachment/);
    assert.match(await raw(`HEAD ${path} HTTP/1.1\r\nHost: x\r\nRange: bytes=0-3\r\nConnection: close\r\n\r\n`),
        /^HTTP\/1\.1 206 [^]*Content-Length: 4\r\n[^]*\r\n\r\n$/);

    const stems = await api('GET', `/api/v1/rooms/${slug}/stems`, {token: hosts[0].token});
    assert.deepEqual(stems.json, {stems: []});
    assert.equal((await api('GET', `/api/v1/rooms/${slug}/stems/1.opus`)).json.code, 'unknown_stem');
    assert.equal((await api('GET', `/api/v1/rooms/${slug}/stems/1.opus`, {token: null})).status, 401);

    assert.equal((await api('POST', `/api/v1/rooms/${slug}/withdraw`, {token: hosts[0].token})).json.state, 'withdrawn');
    assert.equal((await api('GET', path, {token: null})).status, 410);
});
