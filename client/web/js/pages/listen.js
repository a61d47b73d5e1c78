/**
 * listen.js - the listening page; afterwards the recording at the same address.
 *
 * `document.body.dataset.state` says what is shown (README.md lists the values).
 */
import { Api } from '../api.js';
import { byId, make, setText, startPage, takePass, tabStorage } from '../dom.js';
import { CountDown } from '../elements/count-down.js';
import '../elements/language-switch.js';
import { LineView } from '../elements/line-view.js';
import { RecordingPlayer } from '../elements/recording-player.js';
import { listen } from '../events.js';
import { countWords, formatClock, formatDate, formatDateTime, formatDuration, formatList, formatTime, t } from '../i18n.js';
import { describe, setHandlers } from '../media-session.js';
import { ProgramSound } from '../program-sound.js';
import { socketUrl } from '../protocol.js';
import { slugOfPath } from '../slug.js';
import { Ticket } from '../ticket.js';
import { Visit } from '../visit.js';

/** @import {RoomView} from '../types.js' */
/** @import {VisitState} from '../visit.js' */

const slug = slugOfPath(location.pathname);
const sound = new ProgramSound(byId('program', HTMLAudioElement));
const listenButton = byId('listen-button', HTMLButtonElement);
const stopButton = byId('stop-button', HTMLButtonElement);
const leaveButton = byId('leave-line', HTMLButtonElement);
const volume = byId('volume', HTMLInputElement);
const countdown = byId('countdown', CountDown);
const lineView = byId('line', LineView);
const player = byId('player', RecordingPlayer);

let handlersSet = false;
const lifetime = startPage(render);
const ticket = new Ticket(slug, tabStorage());
const visit = new Visit({ slug, api: new Api(), ticket, socketUrl: socketUrl(), lifetime });

listenButton.addEventListener('click', onListen);
stopButton.addEventListener('click', onStop);
leaveButton.addEventListener('click', onStop);
player.audio.addEventListener('error', () => visit.lookAgain());
volume.addEventListener('input', () => sound.setVolume(Number(volume.value) / 100));
window.addEventListener('online', () => visit.hurry(), { signal: lifetime });
window.addEventListener('pageshow', () => visit.catchUp(), { signal: lifetime });
window.addEventListener('hashchange', takePassOfLink, { signal: lifetime });
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) visit.catchUp();
}, { signal: lifetime });
listen(visit, 'change', render, lifetime);
listen(visit, 'track', (/** @type {MediaStream} */ stream) => void hear(sound.play(stream)), lifetime);
listen(visit, 'prepare', (/** @type {MediaStream} */ stream) => sound.prepare(stream), lifetime);
listen(visit, 'switch', (/** @type {MediaStream} */ stream) => void hear(sound.switchTo(stream)), lifetime);
const clock = setInterval(renderTimes, 1_000);
lifetime.addEventListener('abort', () => clearInterval(clock));
takePassOfLink();
visit.start();
render();

function takePassOfLink() {
  const pass = takePass();
  if (pass) ticket.keepPass(pass);
}

function onListen() {
  sound.unlock();
  if (visit.state === 'blocked') visit.seat?.listener.setMayPlay(true);
  else visit.want();
}

function onStop() {
  visit.stop();
  sound.stop();
}

/** @param {Promise<boolean|null>} playing */
async function hear(playing) {
  const mayPlay = await playing;
  if (mayPlay !== null) visit.seat?.listener.setMayPlay(mayPlay);
}

function render() {
  const { state, room } = visit;
  document.body.dataset['state'] = state;
  document.body.dataset['room'] = room?.state ?? '';
  if (room) renderRoom(room);
  else setText(byId('room-title', HTMLElement), state === 'unknown' ? t('listen.unknown') : '…');
  const focused = [listenButton, stopButton, leaveButton].some((button) => button === document.activeElement);
  const seated = ['connecting', 'waiting', 'hearing', 'blocked', 'reconnecting'].includes(state);
  setText(byId('state-text', HTMLElement), stateText(state));
  listenButton.hidden = !['scheduled', 'idle', 'blocked', 'replaced'].includes(state)
    && (state !== 'refused' || visit.line.refusal?.retryAtMs !== null);
  setText(byId('listen-label', HTMLElement), buttonText(state));
  byId('playing-tools', HTMLElement).hidden = !seated;
  byId('sound-sign', HTMLElement).hidden = state !== 'hearing';
  byId('line-trust', HTMLElement).hidden = state !== 'line';
  setText(leaveButton, t(state === 'refused' ? 'line.stop' : 'line.leave'));
  leaveButton.hidden = state !== 'line' && (state !== 'refused' || !listenButton.hidden);
  byId('live-panel', HTMLElement).hidden = state === 'published';
  byId('recording-panel', HTMLElement).hidden = state !== 'published';
  if (!seated) sound.stop();
  if (seated !== handlersSet) setHandlers(seated ? { play: onListen, stop: onStop } : null);
  handlersSet = seated;
  if (room) describe(state === 'hearing' || state === 'published', room, t('brand.name'));
  renderCounts(room);
  renderTimes();
  if (focused) keepFocus();
}

/** The button that was pressed has gone, another one stands in its place: the keyboard goes on there. */
function keepFocus() {
  const buttons = [listenButton, stopButton, leaveButton];
  if (buttons.some((button) => button === document.activeElement && button.checkVisibility())) return;
  buttons.find((button) => button.checkVisibility())?.focus();
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

/** Each number for itself; those of trouble only when there is some. @param {RoomView|null} room */
function renderCounts(room) {
  const open = room?.state === 'live' || room?.state === 'doors_open';
  const counts = open || room?.state === 'scheduled' ? visit.counts : null;
  const hearing = byId('hearing-count', HTMLElement);
  const heard = room?.state === 'live' ? counts : null;
  hearing.dataset['count'] = heard ? String(heard.hearing) : '';
  setText(hearing, heard ? countWords('listen.hearing', heard, { n: heard.hearing }) : '');
  const others = [];
  if (open && counts) others.push(countWords('listen.connected', counts, { n: counts.connected }));
  if (counts && counts.in_line > 0 && visit.state !== 'line') others.push(t('listen.inLine', { n: counts.in_line }));
  if (counts && counts.turned_away > 0) others.push(t('listen.turnedAway', { n: counts.turned_away }));
  byId('other-counts', HTMLElement).replaceChildren(...others.map((one) => make('span', '', one)));
  const small = open && room.mode === 'small_audience';
  setText(byId('mode-note', HTMLElement), small ? t('listen.smallAudience') : '');
}

/** @param {RoomView} room */
function startText(room) {
  const coming = room.state === 'scheduled' || room.state === 'doors_open';
  if (room.start_ms === undefined) return coming ? t('listen.noStart') : '';
  return t(coming ? 'listen.start' : 'listen.announced', { time: formatDateTime(room.start_ms) });
}

/** What changes with the clock alone. */
function renderTimes() {
  const { room, state, line } = visit;
  const nowMs = visit.nowMs();
  const coming = room?.state === 'scheduled' || room?.state === 'doors_open';
  countdown.hidden = !coming || room?.start_ms === undefined;
  if (coming && room?.start_ms !== undefined) countdown.show(room.start_ms - nowMs);
  const place = state === 'line' ? line.place : null;
  lineView.show(place ? { place: line.placeNow, inLine: place.in_line, wait: place.wait } : null);
  setText(byId('state-hint', HTMLElement), hintText(nowMs));
}

/** @param {number} nowMs @returns {string} */
function hintText(nowMs) {
  const { state, room, line, seat } = visit;
  if (state === 'unknown') return t('listen.unknownHint');
  if (!room) return '';
  if (state === 'line' && line.offline) return t('line.offline');
  const retryAtMs = state === 'refused' ? line.refusal?.retryAtMs : null;
  if (retryAtMs) return t('listen.retryAt', { time: formatDuration(Math.max(1_000, retryAtMs - Date.now())) });
  if (seat?.listener.strugglesToConnect) return t('listen.networkHint');
  const status = seat?.signal.status;
  if (status?.state === 'waiting' && state !== 'hearing') return waitText(status.reason);
  if (!seat && visit.door.offline) return t('common.offline');
  const doorsMs = visit.door.view?.doors_ms;
  if (room.state === 'scheduled' && doorsMs !== undefined && doorsMs > nowMs) return t('listen.doorsAt', { time: formatTime(doorsMs) });
  if (state === 'idle' && ticket.pass) return t('listen.invited');
  if (room.state === 'live' && room.live_ms !== undefined) return t('listen.onAirFor', { time: formatClock(nowMs - room.live_ms) });
  return '';
}

/** @param {string} reason of a socket that waits @returns {string} */
function waitText(reason) {
  if (reason === 'elsewhere' || reason === 'moving') return t('listen.elsewhere');
  return t(reason === 'closing' ? 'listen.restarting' : 'common.offline');
}

/** @param {VisitState} state @returns {string} */
function stateText(state) {
  const room = visit.room?.state;
  switch (state) {
    case 'loading':
      return t(visit.door.offline ? 'common.offline' : 'common.loading');
    case 'idle':
      if (visit.door.view?.seats_free === false) return t('listen.full');
      return t(room === 'live' ? 'listen.live' : 'listen.doorsOpen');
    case 'line':
      if (visit.wasShed) return t('line.shed');
      if (visit.line.state === 'asking') return t('line.asking');
      return t(room === 'scheduled' ? 'line.scheduled' : 'line.open');
    case 'hearing':
      return t('listen.hearingNow');
    case 'refused':
      return visit.line.refusal ? t(`refused.${visit.line.refusal.reason}`) : '';
    case 'gone':
      return t('listen.withdrawn');
    case 'unknown':
    case 'published':
      return '';
    case 'scheduled':
    case 'connecting':
    case 'waiting':
    case 'blocked':
    case 'reconnecting':
    case 'replaced':
    case 'ended':
    case 'cancelled':
    case 'closing':
      return t(`listen.${state}`);
  }
}

/** @param {VisitState} state */
function buttonText(state) {
  if (state === 'scheduled') return t('listen.remind');
  if (state === 'blocked') return t('listen.soundOn');
  if (state === 'replaced') return t('listen.here');
  if (state === 'idle' && visit.door.view?.seats_free === false) return t('listen.standInLine');
  return t(state === 'refused' ? 'listen.again' : 'listen.button');
}
