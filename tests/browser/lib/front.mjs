/**
 * front.mjs - stands before a server as its only door, and sends listeners elsewhere on demand: what a node of a cluster
 * answers, in words of the protocol. Everything else passes unchanged.
 */
import http from 'node:http';
import { WebSocket, WebSocketServer } from 'ws';

const SUBPROTOCOL = 'rostrum.v1';

/** @typedef {{url: string, ticket?: string, region?: string}} Elsewhere */

export class Front {
  url = '';
  /** Where listeners are sent now; null: they are let through. @type {Elsewhere|null} */
  elsewhere = null;
  /** Of those who were sent away: their hellos, and the requests of the others. @type {any[]} */
  sent = [];
  /** How many sockets went through. */
  passed = 0;
  #sockets = new WebSocketServer({ noServer: true, handleProtocols: () => SUBPROTOCOL });
  /** @type {Set<WebSocket>} */
  #near = new Set();
  #to;
  #http;

  /** @param {string} to the server's URL */
  constructor(to) {
    this.#to = new URL(to);
    this.#http = http.createServer((request, response) => this.#request(request, response));
    this.#http.on('upgrade', (request, socket, head) => {
      this.#sockets.handleUpgrade(request, socket, head, (near) => this.#take(near, request));
    });
  }

  async start() {
    await new Promise((ready) => this.#http.listen(0, '127.0.0.1', () => ready(undefined)));
    this.url = `http://127.0.0.1:${/** @type {import('node:net').AddressInfo} */ (this.#http.address()).port}`;
    return this;
  }

  stop() {
    for (const near of this.#sockets.clients) near.terminate();
    this.#http.closeAllConnections();
    this.#http.close();
  }

  /** @param {object} message to every socket that went through */
  say(message) {
    for (const near of this.#near) near.send(JSON.stringify(message));
  }

  /** @param {http.IncomingMessage} request @param {http.ServerResponse} response */
  #request(request, response) {
    const { method, headers, url: path } = request;
    const { elsewhere } = this;
    if (elsewhere && method === 'POST' && path?.startsWith('/whep/')) {
      this.sent.push({ path, authorization: headers.authorization });
      const ticket = elsewhere.ticket ? { 'rostrum-ticket': elsewhere.ticket } : {};
      request.resume().on('end', () => response.writeHead(307, { location: elsewhere.url + path, ...ticket }).end());
      return;
    }
    if (elsewhere && method === 'POST' && path?.endsWith('/line')) {
      this.sent.push({ path, authorization: headers.authorization });
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ answer: 'elsewhere', ...elsewhere }));
      return;
    }
    const far = http.request({ host: this.#to.hostname, port: this.#to.port, method, path, headers, agent: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(response);
    });
    far.on('error', () => response.destroy());
    request.pipe(far);
  }

  /** @param {WebSocket} near @param {http.IncomingMessage} request */
  #take(near, request) {
    near.on('error', () => near.terminate());
    const { elsewhere } = this;
    if (elsewhere) {
      near.once('message', (text) => {
        const hello = JSON.parse(String(text));
        this.sent.push(hello);
        near.send(JSON.stringify({ type: 'refused', ref: hello.ref, reason: 'elsewhere', message: 'There.', retry_after_ms: 0, elsewhere }));
        near.close(1000);
      });
      return;
    }
    this.passed += 1;
    this.#near.add(near);
    const { origin } = request.headers;
    const far = new WebSocket(new URL('/ws', this.#to.href.replace(/^http/, 'ws')), SUBPROTOCOL,
      { headers: { host: request.headers.host, ...(origin ? { origin } : {}) } });
    /** @type {string[]} what came before the server took us */
    const early = [];
    near.on('message', (text) => (far.readyState === WebSocket.OPEN ? far.send(String(text)) : early.push(String(text))));
    far.on('open', () => early.forEach((text) => far.send(text)));
    far.on('message', (text) => near.readyState === WebSocket.OPEN && near.send(String(text)));
    far.on('error', () => near.terminate());
    far.on('close', () => near.close());
    near.on('close', () => (this.#near.delete(near), far.close()));
  }
}
