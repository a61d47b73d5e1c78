/**
 * nodes.js - where a server may send a listener: another node's address, checked and turned into its socket's.
 *
 * A page follows to http(s) addresses alone, and an encrypted page to encrypted ones alone. Holds no state.
 */

/** @import {Elsewhere} from './types.js' */
/** @typedef {{socketUrl: string, ticket: string, region: string}} Node ticket, region '': none was given */

const NODE_URL = /^https?:\/\/[^/?#@\\\s]+$/i;
const NODE_URL_MAX = 255;
const TICKET = /^[A-Za-z0-9_-]{20,128}$/;
const REGION = /^[A-Za-z0-9-]{1,32}$/;

/**
 * @param {Partial<Elsewhere>|undefined} elsewhere as the server says it
 * @param {string} home the socket of the page's own origin
 * @returns {Node|string} or why it is not followed
 */
export function readNode(elsewhere, home) {
  const text = elsewhere?.url;
  if (typeof text !== 'string' || text.length > NODE_URL_MAX || !NODE_URL.test(text)) return 'not the address of a node';
  let url;
  try {
    url = new URL(text);
  } catch {
    return 'not the address of a node';
  }
  const secure = url.protocol === 'https:';
  if (!secure && home.startsWith('wss:')) return 'an encrypted page follows to no unencrypted node';
  const { ticket, region } = elsewhere ?? {};
  return {
    socketUrl: `${secure ? 'wss' : 'ws'}://${url.host}/ws`,
    ticket: typeof ticket === 'string' && TICKET.test(ticket) ? ticket : '',
    region: typeof region === 'string' && REGION.test(region) ? region : '',
  };
}
