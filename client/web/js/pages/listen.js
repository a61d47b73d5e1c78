/**
 * listen.js - the listening page; afterwards the recording at the same address.
 *
 * `document.body.dataset.state` says what is shown (README.md lists the values).
 */
import { Api, ApiError } from '../api.js';
import { byId, setText, startPage } from '../dom.js';
import { CountDown } from '../elements/count-down.js';
import '../elements/language-switch.js';
import { RecordingPlayer } from '../elements/recording-player.js';
import { listen } from '../events.js';
import { formatClock, formatDate, formatDateTime, formatDuration, formatList, t } from '../i18n.js';
import { Listener } from '../listener.js';
import { describe, setHandlers } from '../media-session.js';
import { Signal, socketUrl } from '../protocol.js';
import { RoomModel } from '../room-model.js';
import { slugOfPath } from '../slug.js';

/** @import {SignalStatus} from '../protocol.js' */
/** @import {RoomView} from '../types.js' */
/**
 * @typedef {'loading'|'scheduled'|'idle'|'connecting'|'waiting'|'hearing'|'blocked'|'reconnecting'
 *   |'refused'|'ended'|'published'|'unknown'|'gone'|'cancelled'|'closing'} PageState
 */

const slug = slugOfPath(location.pathname);
const audio = byId('program', HTMLAudioElement);
const listenButton = byId('listen-button', HTMLButtonElement);
const volume = byId('volume', HTMLInputElement);
const countdown = byId('countdown', CountDown);
const player = byId('player', RecordingPlayer);

const lifetime = startPage(render);
/** What the API said before there was a socket. @type {RoomView|null} */
let firstView = null;
let unknown = false;
/** @type {AbortController|null} */
let connection = null;
/** @type {{signal: Signal, model: RoomModel, listener: Listener}|null} */
let live = null;

listenButton.addEventListener('click', onListen);
byId('stop-button', HTMLButtonElement).addEventListener('click', onStop);
player.audio.addEventListener('error', () => void lookAgain());
volume.addEventListener('input', () => (audio.volume = Number(volume.value) / 100));
window.addEventListener('online', () => (live?.signal.hurry(), live?.listener.check()), { signal: lifetime });
const clock = setInterval(renderTimes, 1_000);
lifetime.addEventListener('abort', () => (clearInterval(clock), connection?.abort()));
void start();

/** A finished room needs no socket: its page costs the server one small answer. */
async function start() {
  if (!slug) {
    unknown = true;
    render();
    return;
  }
  try {
    firstView = await new Api().room(slug);
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) unknown = true;
  }
  if (!unknown && !isFinal(firstView)) connect();
  render();
}

/** A recording that plays no more may have been withdrawn meanwhile. */
async function lookAgain() {
  try {
    firstView = await new Api().room(slug);
  } catch {
    return; /* the player itself says that it failed */
  }
  render();
}

function connect() {
  connection = new AbortController();
  const until = connection.signal;
  const signal = new Signal({ url: socketUrl(), hello: { room: slug, as: 'listener' }, lifetime: until });
  const model = new RoomModel(signal, until);
  const listener = new Listener(signal, model, until);
  live = { signal, model, listener };
  setHandlers({ play: onListen, stop: onStop });
  until.addEventListener('abort', () => setHandlers(null));
  listen(signal, 'status', onStatus, until);
  listen(model, 'change', onRoom, until);
  listen(listener, 'change', render, until);
  listen(listener, 'track', (/** @type {MediaStream} */ stream) => void play(stream), until);
}

/** @param {SignalStatus} status */
function onStatus(status) {
  if (status.state === 'closed' && status.reason === 'unknown_room') unknown = true;
  render();
}

function onRoom() {
  if (isFinal(live?.model.room ?? null)) {
    firstView = live?.model.room ?? null;
    connection?.abort();
    live = null;
  }
  render();
}

/** @param {RoomView|null} room */
function isFinal(room) {
  return room?.state === 'published' || room?.state === 'withdrawn' || room?.state === 'cancelled';
}

function onListen() {
  /* In the gesture itself: some browsers only let an element play that was started by hand. */
  void audio.play().catch(() => undefined);
  if (live?.listener.state === 'blocked') live.listener.setMayPlay(true);
  else live?.listener.start();
}

function onStop() {
  live?.listener.stop();
  audio.srcObject = null;
}

/** @param {MediaStream} stream */
async function play(stream) {
  audio.srcObject = stream;
  try {
    await audio.play();
    live?.listener.setMayPlay(true);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotAllowedError') live?.listener.setMayPlay(false);
  }
}

/** @returns {PageState} */
function pageState() {
  if (unknown) return 'unknown';
  const room = currentRoom();
  if (!room) return 'loading';
  switch (room.state) {
    case 'withdrawn':
      return 'gone';
    case 'cancelled':
    case 'ended':
    case 'published':
      return room.state;
    case 'scheduled':
    case 'doors_open':
    case 'live':
      break;
  }
  if (live?.signal.status.state === 'closed') return 'closing';
  const state = live?.listener.state ?? 'idle';
  if (room.state === 'scheduled' && state !== 'refused') return 'scheduled';
  return state === 'standing_by' ? 'scheduled' : state;
}

function currentRoom() {
  return live?.model.room ?? firstView;
}

function render() {
  const state = pageState();
  const room = currentRoom();
  document.body.dataset['state'] = state;
  document.body.dataset['room'] = room?.state ?? '';
  if (room) renderRoom(room);
  else setText(byId('room-title', HTMLElement), state === 'unknown' ? t('listen.unknown') : '…');
  const wanted = live?.listener.state === 'standing_by';
  const active = ['connecting', 'waiting', 'hearing', 'reconnecting'].includes(state) || wanted;
  const askable = ['scheduled', 'idle', 'blocked', 'refused'].includes(state) && !active;
  setText(byId('state-text', HTMLElement), stateText(state, wanted));
  listenButton.hidden = !askable || (state === 'refused' && live?.listener.refusal?.retryAtMs !== null);
  setText(byId('listen-label', HTMLElement), buttonText(state));
  byId('playing-tools', HTMLElement).hidden = !active && state !== 'blocked';
  byId('sound-sign', HTMLElement).hidden = state !== 'hearing';
  byId('live-panel', HTMLElement).hidden = state === 'published';
  byId('recording-panel', HTMLElement).hidden = state !== 'published';
  if (state !== 'hearing' && state !== 'blocked' && !active) audio.srcObject = null;
  const hearing = live?.model.audience?.hearing;
  const count = byId('hearing-count', HTMLElement);
  const counted = room?.state === 'live' && hearing !== undefined;
  count.dataset['count'] = counted ? String(hearing) : '';
  setText(count, counted ? t('listen.hearing', { n: hearing }) : '');
  if (room) describe(state === 'hearing' || state === 'published', room, t('brand.name'));
  renderTimes();
}

/** @param {RoomView} room */
function renderRoom(room) {
  document.title = `${room.title} · ${t('brand.name')}`;
  setText(byId('room-title', HTMLElement), room.title);
  setText(byId('room-hosts', HTMLElement), room.hosts.length ? t('common.with', { names: formatList(room.hosts) }) : '');
  const badge = byId('room-badge', HTMLElement);
  badge.hidden = false;
  setText(badge, t(`state.${room.state}`));
  byId('room-facts', HTMLElement).dataset['state'] = room.state;
  const begunMs = room.live_ms ?? room.start_ms;
  setText(byId('room-when', HTMLElement), room.state === 'published' && begunMs !== undefined
    ? t('listen.published', { date: formatDate(begunMs) })
    : startText(room));
  if (room.state === 'published' && room.publication) player.show(room.title, room.slug, room.publication);
}

/** @param {RoomView} room */
function startText(room) {
  const coming = room.state === 'scheduled' || room.state === 'doors_open';
  if (room.start_ms === undefined) return coming ? t('listen.noStart') : '';
  return t(coming ? 'listen.start' : 'listen.announced', { time: formatDateTime(room.start_ms) });
}

/** What changes with the clock alone. */
function renderTimes() {
  const room = currentRoom();
  const nowMs = live?.model.nowMs() ?? Date.now();
  const coming = room?.state === 'scheduled' || room?.state === 'doors_open';
  countdown.hidden = !coming || room?.start_ms === undefined;
  if (coming && room?.start_ms !== undefined) countdown.show(room.start_ms - nowMs);
  setText(byId('state-hint', HTMLElement), hintText(nowMs));
}

/** @param {number} nowMs */
function hintText(nowMs) {
  const room = currentRoom();
  if (unknown) return t('listen.unknownHint');
  if (!live || !room) return '';
  const status = live.signal.status;
  const { refusal, state } = live.listener;
  if (refusal?.retryAtMs) return t('listen.retryAt', { time: formatDuration(Math.max(1_000, refusal.retryAtMs - Date.now())) });
  if (live.listener.strugglesToConnect) return t('listen.networkHint');
  if (status.state === 'waiting' && state !== 'hearing') return t(status.reason === 'closing' ? 'listen.restarting' : 'common.offline');
  if (room.state === 'live' && room.live_ms !== undefined) return t('listen.onAirFor', { time: formatClock(nowMs - room.live_ms) });
  return '';
}

/**
 * @param {PageState} state
 * @param {boolean} wanted
 * @returns {string}
 */
function stateText(state, wanted) {
  switch (state) {
    case 'loading':
      return t(live?.signal.status.state === 'waiting' ? 'common.offline' : 'common.loading');
    case 'scheduled':
      return t(wanted ? 'listen.scheduledWanted' : 'listen.scheduled');
    case 'idle':
      return t(currentRoom()?.state === 'live' ? 'listen.live' : 'listen.doorsOpen');
    case 'hearing':
      return t('listen.hearingNow');
    case 'refused':
      return live?.listener.refusal ? t(`refused.${live.listener.refusal.reason}`) : '';
    case 'gone':
      return t('listen.withdrawn');
    case 'unknown':
    case 'published':
      return '';
    case 'connecting':
    case 'waiting':
    case 'blocked':
    case 'reconnecting':
    case 'ended':
    case 'cancelled':
    case 'closing':
      return t(`listen.${state}`);
  }
}

/** @param {PageState} state */
function buttonText(state) {
  if (state === 'scheduled') return t('listen.remind');
  if (state === 'blocked') return t('listen.soundOn');
  return t(state === 'refused' ? 'listen.again' : 'listen.button');
}
