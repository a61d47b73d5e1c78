/** rooms.js - the list of rooms, kept fresh while somebody looks at it. */
import { Api } from '../api.js';
import { byId, make, setText, startPage } from '../dom.js';
import '../elements/language-switch.js';
import { RoomCard } from '../elements/room-card.js';
import { t } from '../i18n.js';

/** @import {ApiRoom, RoomState} from '../types.js' */

const REFRESH_MS = 15_000;
const REFRESH_SPREAD_MS = 5_000;

const api = new Api();
const status = byId('rooms-status', HTMLElement);
/** @type {{section: string, list: string, states: RoomState[], soonestFirst: boolean}[]} */
const GROUPS = [
  { section: 'live-section', list: 'live-rooms', states: ['live', 'doors_open'], soonestFirst: true },
  { section: 'coming-section', list: 'coming-rooms', states: ['scheduled'], soonestFirst: true },
  { section: 'recordings-section', list: 'recordings', states: ['ended', 'published'], soonestFirst: false },
];

/** @type {ApiRoom[]|null} */
let rooms = null;
let shown = '';
const lifetime = startPage(render);
void refresh();
/** @type {ReturnType<typeof setTimeout>} */
let timer = schedule();
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
}, { signal: lifetime });
lifetime.addEventListener('abort', () => clearTimeout(timer));

function schedule() {
  return setTimeout(async () => {
    if (!document.hidden) await refresh();
    timer = schedule();
  }, REFRESH_MS + Math.random() * REFRESH_SPREAD_MS);
}

async function refresh() {
  try {
    rooms = await api.rooms();
    setText(status, '');
  } catch {
    document.body.dataset['state'] = rooms ? 'loaded' : 'failed';
    setText(status, t('common.offline'));
    return;
  }
  const fresh = JSON.stringify(rooms);
  if (fresh !== shown) render(); /* a new list would take the keyboard's focus away */
  shown = fresh;
}

function render() {
  if (!rooms) return;
  document.title = `${t('rooms.title')} · ${t('brand.name')}`;
  document.body.dataset['state'] = rooms.length ? 'loaded' : 'empty';
  if (!rooms.length) setText(status, t('rooms.none'));
  for (const group of GROUPS) {
    const members = rooms
      .filter((room) => group.states.includes(room.state))
      .sort((a, b) => (group.soonestFirst ? 1 : -1) * (timeOf(a) - timeOf(b)));
    byId(group.section, HTMLElement).hidden = members.length === 0;
    byId(group.list, HTMLElement).replaceChildren(...members.map(item));
  }
}

/** @param {ApiRoom} room */
function timeOf(room) {
  return room.live_ms ?? room.start_ms ?? Number.MAX_SAFE_INTEGER;
}

/** @param {ApiRoom} room */
function item(room) {
  const card = new RoomCard();
  card.show(room);
  return make('li', '', [card]);
}
