// What the signalling tests share: the server named by ROSTRUM_URL, raw sockets, schema checks.
import {readFileSync} from 'node:fs';
import net from 'node:net';
import Ajv from 'ajv/dist/2020.js';
import WebSocket from 'ws';

export const url = process.env.ROSTRUM_URL?.replace(/\/$/, '');
export const adminToken = process.env.ROSTRUM_ADMIN_TOKEN;
if (!url || !adminToken) {
    console.error('Set ROSTRUM_URL and ROSTRUM_ADMIN_TOKEN.');
    process.exit(2);
}

const schemaFile = new URL('../../include/rostrum/protocol.schema.json', import.meta.url);
const ajv = new Ajv({strict: false, allErrors: true});
ajv.addSchema(JSON.parse(readFileSync(schemaFile, 'utf8')), 'rostrum.v1');
const isServerMessage = ajv.getSchema('rostrum.v1#/$defs/server');
const isRoomView = ajv.getSchema('rostrum.v1#/$defs/room_view');

export function checkRoomView(view) {
    if (!isRoomView(view)) throw new Error(ajv.errorsText(isRoomView.errors));
}

let counter = 0;
export const freshSlug = (what) => `${what}-${process.pid}-${++counter}`;

/** fetch() of a path with a bearer token (the admin's unless told) and a JSON body. */
export async function api(method, path, {body, token = adminToken, headers = {}} = {}) {
    const init = {method, headers: {...headers}, redirect: 'manual'};
    if (token) init.headers.authorization = `Bearer ${token}`;
    if (body !== undefined) {
        init.headers['content-type'] ??= 'application/json';
        init.body = typeof body === 'string' ? body : JSON.stringify(body);
    }
    const response = await fetch(url + path, init);
    const text = await response.text();
    const isJson = /json/.test(response.headers.get('content-type') ?? '');
    return {status: response.status, headers: response.headers, text,
            json: isJson && text ? JSON.parse(text) : undefined};
}

export async function makeRoom(what, hosts = [{name: 'Ada'}], extra = {}) {
    const slug = freshSlug(what);
    const made = await api('POST', '/api/v1/rooms', {body: {slug, title: `Room ${what}`, hosts, ...extra}});
    if (made.status !== 201) throw new Error(`room: ${made.status} ${made.text}`);
    return {slug, hosts: made.json.hosts};
}

/** A WebSocket whose every message is held against the schema and can be waited for. */
export class Talk {
    constructor(options = {}) {
        this.messages = [];
        this.waiting = [];
        this.socket = new WebSocket(url.replace(/^http/, 'ws') + '/ws', options.protocol ?? 'rostrum.v1', {
            perMessageDeflate: options.perMessageDeflate ?? false,
            headers: options.headers, autoPong: options.autoPong ?? true});
        this.opened = new Promise((resolve, reject) => {
            this.socket.on('open', () => resolve(this));
            this.socket.on('error', reject);
            this.socket.on('unexpected-response', (request, response) =>
                reject(Object.assign(new Error(`HTTP ${response.statusCode}`), {status: response.statusCode})));
        });
        this.opened.catch(() => {});
        this.closed = new Promise((resolve) => this.socket.on('close', (code) => resolve(code)));
        this.socket.on('message', (data, isBinary) => this.#take(data, isBinary));
        this.closed.then(() => this.waiting.splice(0).forEach(({reject}) => reject(new Error('closed'))));
    }

    #take(data, isBinary) {
        const message = isBinary ? {type: 'binary'} : JSON.parse(data.toString());
        if (!isServerMessage(message))
            message.schemaErrors = ajv.errorsText(isServerMessage.errors);
        const index = this.waiting.findIndex(({wants}) => wants(message));
        if (index >= 0) this.waiting.splice(index, 1)[0].resolve(message);
        else this.messages.push(message);
    }

    send(message) {
        this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
    }

    /** The next message of that type (or that the function wants), which must fit the schema. */
    async next(type) {
        const wants = typeof type === 'function' ? type : (message) => message.type === type;
        const index = this.messages.findIndex(wants);
        const message = index >= 0 ? this.messages.splice(index, 1)[0]
            : await new Promise((resolve, reject) => this.waiting.push({wants, resolve, reject}));
        if (message.schemaErrors) throw new Error(`${JSON.stringify(message)}: ${message.schemaErrors}`);
        return message;
    }

    async ask(message, type) {
        this.send(message);
        return this.next(type);
    }

    close() {
        this.socket.close();
    }
}

export async function talk(options) {
    return new Talk(options).opened;
}

export async function hello(slug, token) {
    const socket = await talk();
    const message = token ? {type: 'hello', room: slug, as: 'host', token}
        : {type: 'hello', room: slug, as: 'listener'};
    socket.welcome = await socket.ask(message, 'welcome');
    return socket;
}

export const fingerprint = Array.from({length: 32}, (_, i) => (i + 16).toString(16).toUpperCase()).join(':');

/** An SDP offer as a player sends it; nobody answers its checks. */
export function offer({direction = 'sendonly', ufrag = 'abcd', pwd = 'abcdefghijklmnopqrstuvwx'} = {}) {
    return ['v=0', 'o=- 4611731400430051336 2 IN IP4 127.0.0.1', 's=-', 't=0 0', 'a=group:BUNDLE 0',
            `a=ice-ufrag:${ufrag}`, `a=ice-pwd:${pwd}`, `a=fingerprint:sha-256 ${fingerprint}`, 'a=setup:actpass',
            'm=audio 9 UDP/TLS/RTP/SAVPF 111', 'c=IN IP4 0.0.0.0', 'a=mid:0', `a=${direction}`, 'a=rtcp-mux',
            'a=rtpmap:111 opus/48000/2', 'a=fmtp:111 minptime=10;useinbandfec=1', ''].join('\r\n');
}

/** Sends raw bytes, gives everything that comes back until the server closes (or `until` matches). */
export function raw(bytes, {until, delayed} = {}) {
    const {hostname, port} = new URL(url);
    return new Promise((resolve, reject) => {
        const socket = net.connect({host: hostname, port: Number(port)}, () => socket.write(bytes));
        let text = '';
        socket.setEncoding('latin1');
        socket.on('data', (piece) => {
            text += piece;
            if (delayed && text.includes('\r\n\r\n')) {
                socket.write(delayed);
                delayed = undefined;
            }
            if (until && until.test(text)) {
                socket.destroy();
                resolve(text);
            }
        });
        socket.on('close', () => resolve(text));
        socket.on('error', (error) => (text ? resolve(text) : reject(error)));
    });
}
