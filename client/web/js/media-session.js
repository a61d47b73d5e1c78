/** media-session.js - what the lock screen and the media keys know. */

/** @import {RoomView} from './types.js' */

/**
 * @param {boolean} playing
 * @param {RoomView} room
 * @param {string} siteName
 */
export function describe(playing, room, siteName) {
  if (!('mediaSession' in navigator)) return;
  navigator.mediaSession.playbackState = playing && room.state === 'live' ? 'playing' : 'none';
  if (!playing) return;
  const artist = room.hosts.join(', ') || siteName;
  if (navigator.mediaSession.metadata?.title === room.title && navigator.mediaSession.metadata.artist === artist) return;
  navigator.mediaSession.metadata = new MediaMetadata({
    title: room.title,
    artist,
    album: siteName,
    artwork: [{ src: '/assets/icons/logo.svg', type: 'image/svg+xml', sizes: 'any' }],
  });
}

/** @param {{play: () => void, stop: () => void}|null} handlers of the live program; null: the browser's own */
export function setHandlers(handlers) {
  if (!('mediaSession' in navigator)) return;
  /** @type {[MediaSessionAction, (() => void)|undefined][]} */
  const actions = [['play', handlers?.play], ['pause', handlers?.stop], ['stop', handlers?.stop]];
  for (const [action, handler] of actions) {
    try {
      navigator.mediaSession.setActionHandler(action, handler ?? null);
    } catch { /* not every browser knows every action */ }
  }
}
