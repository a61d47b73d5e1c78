/** room-card.js - `<room-card>`: one room of the list. */
import { make } from '../dom.js';
import { countWords, formatDate, formatDuration, formatList, formatShort, t } from '../i18n.js';

/** @import {ApiRoom} from '../types.js' */

export class RoomCard extends HTMLElement {
  /** @param {ApiRoom} room */
  show(room) {
    const link = make('a', '', room.title);
    link.href = `/r/${room.slug}`;
    const facts = make('p', 'card-facts', [make('span', 'badge', t(`state.${room.state}`)), make('span', '', when(room))]);
    facts.dataset['state'] = room.state;
    const parts = [facts, make('h3', '', [link])];
    if (room.hosts.length) parts.push(make('p', 'card-hosts', t('common.with', { names: formatList(room.hosts) })));
    if (room.state === 'live' && room.hearing > 0) parts.push(make('p', 'card-note', countWords('listen.hearing', room, { n: room.hearing })));
    this.dataset['state'] = room.state;
    this.replaceChildren(...parts);
  }
}

/**
 * @param {ApiRoom} room
 * @returns {string}
 */
function when(room) {
  if (room.state === 'ended') return t('rooms.soonRecorded');
  if (room.state === 'published') {
    const date = formatDate(room.live_ms ?? room.start_ms ?? room.ended_ms ?? 0);
    return [date, formatDuration(room.publication?.duration_ms ?? 0)].join(' · ');
  }
  const startMs = room.start_ms ?? room.live_ms;
  return startMs === undefined ? t('rooms.noTime') : formatShort(startMs);
}

customElements.define('room-card', RoomCard);
