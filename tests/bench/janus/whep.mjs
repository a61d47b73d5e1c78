/**
 * whep.mjs - WHEP in front of Janus' streaming plugin, so that the same clients can listen to both servers.
 *
 * Janus 1.1.2 wants to offer and have its listeners answer; a WHEP client offers. Both descriptions say the same things
 * (ICE credentials, certificate, candidates), so each side is told the other's as what it waits for. Janus costs what it
 * costs any page: a session, a handle, watch, start. This program's own CPU is not counted for Janus.
 *
 * node whep.mjs JANUS_URL: prints `ready URL`, serves until it is ended.
 */
import { createServer } from 'node:http';
import { ask, MOUNTPOINT, PAYLOAD_TYPE } from './api.mjs';

const OFFER_MAX_BYTES = 16 * 1024;
const POLLS_MAX = 5;
const janus = process.argv[2];
/** @type {Map<string, string>} */
const sessions = new Map();
let lastNumber = 0;

class Refusal extends Error {
  /**
   * @param {number} status
   * @param {string} text
   */
  constructor(status, text) {
    super(text);
    this.status = status;
  }
}

/**
 * The value of the first such attribute.
 * @param {string} sdp
 * @param {string} name
 */
function attribute(sdp, name) {
  const value = new RegExp(`^a=${name}:(.*?)\\r?$`, 'm').exec(sdp)?.[1];
  if (value === undefined) throw new Refusal(400, `The description has no a=${name}.`);
  return value;
}

/** @param {string} sdp */
const candidates = (sdp) => [...sdp.matchAll(/^a=candidate:.*?(?=\r?$)/gm)].map(([line]) => line);

/**
 * One answered audio section.
 * @param {string} sdp whose credentials and candidates it is to carry
 * @param {{mid: string, setup: string, direction: string, lite: boolean}} side
 */
function answer(sdp, { mid, setup, direction, lite }) {
  return [
    'v=0', 'o=- 1 1 IN IP4 127.0.0.1', 's=-', 't=0 0', `a=group:BUNDLE ${mid}`, ...(lite ? ['a=ice-lite'] : []),
    `m=audio 9 UDP/TLS/RTP/SAVPF ${PAYLOAD_TYPE}`, 'c=IN IP4 127.0.0.1', `a=mid:${mid}`, `a=${direction}`, 'a=rtcp-mux',
    `a=rtpmap:${PAYLOAD_TYPE} opus/48000/2`, `a=setup:${setup}`,
    ...['ice-ufrag', 'ice-pwd', 'fingerprint'].map((name) => `a=${name}:${attribute(sdp, name)}`),
    ...candidates(sdp), ...(lite ? ['a=end-of-candidates'] : []), '',
  ].join('\r\n');
}

/** The next event of the session that brings a description. @param {string} session */
async function described(session) {
  for (let i = 0; i < POLLS_MAX; i++) {
    const event = await (await fetch(`${session}?maxev=1`)).json();
    const refusal = event.plugindata?.data?.error;
    if (refusal) throw new Refusal(502, refusal);
    if (event.jsep) return event.jsep.sdp;
  }
  throw new Refusal(504, 'Janus offers nothing.');
}

/** @param {string} offer of the listener */
async function listen(offer) {
  if (!new RegExp(`^a=rtpmap:${PAYLOAD_TYPE} opus/48000/2`, 'im').test(offer))
    throw new Refusal(406, `Opus must be payload type ${PAYLOAD_TYPE}.`);
  const session = `${janus}/${(await ask(janus, { janus: 'create' })).data.id}`;
  const handle = `${session}/${(await ask(session, { janus: 'attach', plugin: 'janus.plugin.streaming' })).data.id}`;
  await ask(handle, { janus: 'message', body: { request: 'watch', id: MOUNTPOINT } });
  const theirs = await described(session);
  const toJanus = answer(offer, { mid: attribute(theirs, 'mid'), setup: 'active', direction: 'recvonly', lite: false });
  await ask(handle, { janus: 'message', body: { request: 'start' }, jsep: { type: 'answer', sdp: toJanus, trickle: false } });
  lastNumber += 1;
  const path = `/whep/s/${lastNumber}`;
  sessions.set(path, session);
  const toListener = answer(theirs, { mid: attribute(offer, 'mid'), setup: 'passive', direction: 'sendonly', lite: true });
  return { path, toListener };
}

/** @param {import('node:http').IncomingMessage} request */
async function body(request) {
  let text = '';
  for await (const part of request.setEncoding('utf8')) {
    text += part;
    if (text.length > OFFER_MAX_BYTES) throw new Refusal(413, 'The offer is too long.');
  }
  return text;
}

/** What a client may ask of a room before it listens. @param {string} slug */
const room = (slug) => ({
  slug, title: 'Janus', state: 'live', hearing: 0, connected: sessions.size, seats: 0, recording: false, hosts: [],
});

/**
 * @param {import('node:http').IncomingMessage} request
 * @param {import('node:http').ServerResponse} response
 */
async function serve(request, response) {
  const { method = '', url = '' } = request;
  const slug = /^\/api\/v1\/rooms\/([^/]+)$/.exec(url)?.[1];
  if (method === 'GET' && slug) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(room(slug)));
  } else if (method === 'POST' && /^\/whep\/[^/]+$/.test(url)) {
    const { path, toListener } = await listen(await body(request));
    response.writeHead(201, { 'content-type': 'application/sdp', location: path, etag: '"1"' }).end(toListener);
  } else if (method === 'DELETE' && sessions.has(url)) {
    await ask(/** @type {string} */ (sessions.get(url)), { janus: 'destroy' });
    sessions.delete(url);
    response.writeHead(200).end();
  } else {
    throw new Refusal(404, 'There is nothing here.');
  }
}

const server = createServer((request, response) => {
  serve(request, response).catch((error) => {
    const status = error instanceof Refusal ? error.status : 502;
    response.writeHead(status, { 'content-type': 'application/problem+json' }).end(JSON.stringify({ status, title: 'Refused', code: 'refused', detail: error.message }));
  });
});
server.keepAliveTimeout = 60_000;
server.listen(0, '127.0.0.1', 4096, () => {
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  console.log(`ready http://127.0.0.1:${port}`);
});
