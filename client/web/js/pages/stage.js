/**
 * stage.js - the hosts' page: consent, sound check, stage, leading the room, and what comes after.
 *
 * `document.body.dataset.state` says what is shown (README.md lists the values).
 */
import { Api } from '../api.js';
import { byId, setText, startPage, takeToken } from '../dom.js';
import { ConfirmDialog } from '../elements/confirm-dialog.js';
import { CopyField } from '../elements/copy-field.js';
import '../elements/language-switch.js';
import { RosterList } from '../elements/roster-list.js';
import { listen } from '../events.js';
import { Host } from '../host.js';
import { countWords, currentLanguage, formatClock, t } from '../i18n.js';
import { Microphone } from '../microphone.js';
import { Signal, socketUrl } from '../protocol.js';
import { RoomModel } from '../room-model.js';
import { slugOfPath } from '../slug.js';
import { WakeLock } from '../wake-lock.js';
import { AfterPanel } from './stage-after.js';
import { AudiencePanel } from './stage-audience.js';
import { MicrophonePanel } from './stage-mic.js';

/** @import {SignalStatus} from '../protocol.js' */
/** @import {ClientMessage, ErrorMessage, HostLevel, RoomView, SteerAction} from '../types.js' */
/**
 * @typedef {'loading'|'denied'|'replaced'|'consent'|'check'|'joining'|'reconnecting'|'backstage'
 *   |'live'|'ended'} PageState
 */

const MUTE_KEY_STORAGE = 'rostrum.mute-key';
const PROBLEM_SHOWN_MS = 8_000;

const slug = slugOfPath(location.pathname);
const token = takeToken(`rostrum.token.${slug}`);
const others = byId('others', HTMLAudioElement);
const muteButton = byId('mute', HTMLButtonElement);
const joinButton = byId('join-stage', HTMLButtonElement);
const roster = byId('roster', RosterList);
const dialog = byId('confirm', ConfirmDialog);
const muteKey = byId('mute-key', HTMLInputElement);

const lifetime = startPage(render);
const mic = new Microphone(lifetime);
const micPanel = new MicrophonePanel(mic, lifetime);
const wakeLock = new WakeLock(lifetime);
const after = new AfterPanel(new Api(token), token);
const audiencePanel = new AudiencePanel(new Api(token), dialog);
/** Ends with one connection: the page may be taken over by another window and come back. */
let connection = new AbortController();
/** @type {{signal: Signal, model: RoomModel, host: Host}|null} */
let live = null;
let mayPlay = true;
let alerted = '';
/** @type {ReturnType<typeof setTimeout>|undefined} */
let problemTimer;

listen(mic, 'change', () => {
  if (live && live.host.state !== 'idle') live.host.setTrack(mic.track);
}, lifetime);
wireButtons();
if (slug && token) connect();
const clock = setInterval(renderTimes, 1_000);
lifetime.addEventListener('abort', () => (clearInterval(clock), connection.abort()));
render();

function connect() {
  connection = new AbortController();
  const until = connection.signal;
  const signal = new Signal({ url: socketUrl(), hello: { room: slug, as: 'host', token }, lifetime: until });
  const model = new RoomModel(signal, until);
  const host = new Host(signal, model, until);
  live = { signal, model, host };
  listen(signal, 'status', onStatus, until);
  listen(model, 'change', onRoom, until);
  listen(model, 'levels', (/** @type {HostLevel[]} */ levels) => roster.showLevels(levels), until);
  listen(model, 'problem', onProblem, until);
  listen(host, 'change', render, until);
  listen(host, 'track', (/** @type {MediaStream} */ stream) => void playOthers(stream), until);
}

function wireButtons() {
  click('consent-agree', agree);
  click('join-stage', () => void join());
  click('leave-stage', () => {
    live?.host.leave();
    mic.close();
    others.srcObject = null;
    render();
  });
  click('mute', toggleMute);
  click('hear-others', () => void playOthers(null));
  click('open-doors', () => steer('open'));
  click('go-live', () => steer('live'));
  click('end-room', () => void confirmSteer('end', 'end-confirm'));
  click('cancel-room', () => void confirmSteer('cancel', 'cancel-confirm'));
  click('take-over', () => (connection.abort(), connect(), render()));
  muteKey.checked = localStorage.getItem(MUTE_KEY_STORAGE) !== 'off';
  muteKey.addEventListener('change', () => localStorage.setItem(MUTE_KEY_STORAGE, muteKey.checked ? 'on' : 'off'));
  document.addEventListener('keydown', onKey, { signal: lifetime });
  window.addEventListener('online', () => (live?.signal.hurry(), live?.host.check()), { signal: lifetime });
  listen(roster, 'mute-host', (/** @type {{id: number, muted: boolean}} */ { id, muted }) => {
    tell({ type: 'mute', host: id, muted });
  });
  listen(roster, 'remove-host', (/** @type {{id: number, name: string}} */ one) => void removeHost(one));
}

/**
 * @param {string} id
 * @param {() => void} handler
 */
function click(id, handler) {
  byId(id, HTMLButtonElement).addEventListener('click', handler);
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  if (!muteKey.checked || event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target instanceof HTMLElement ? event.target : document.body;
  if (event.key.toLowerCase() !== 'm' || target.closest('select, dialog, input:not([type="checkbox"])')) return;
  if (!muteButton.hidden) toggleMute();
}

function agree() {
  const consent = live?.model.consent;
  if (!live || !consent) return;
  if (!live.signal.send({ type: 'consent', wording: consent.wording })) return;
  consent.agreed = true; /* the roster confirms it, or the offer is refused */
  render();
  joinButton.focus();
  void micPanel.open(live.model.room?.stereo === true);
}

async function join() {
  if (!live) return;
  joinButton.disabled = true;
  if (!mic.track) await micPanel.open(live.model.room?.stereo === true);
  joinButton.disabled = false;
  if (mic.track) live.host.join(mic.track);
}

function toggleMute() {
  if (live && !muteButton.disabled) live.host.setMuted(!live.host.muted);
}

/** @param {SteerAction} action */
function steer(action) {
  tell({ type: 'steer', action });
}

/**
 * Sends what must not get lost unnoticed.
 * @param {ClientMessage} message
 */
function tell(message) {
  if (!live?.signal.send(message)) showProblem(t('stage.socketLost'));
}

/**
 * @param {'end'|'cancel'} action
 * @param {string} confirmId
 */
async function confirmSteer(action, confirmId) {
  const confirm = t(action === 'end' ? 'steer.endConfirm' : 'steer.cancel');
  if (await dialog.ask({ title: t(`steer.${action}Title`), text: t(`steer.${action}Text`), confirm, confirmId })) steer(action);
}

/** @param {{id: number, name: string}} one */
async function removeHost({ id, name }) {
  const question = { title: t('roster.removeTitle', { name }), text: t('roster.removeText'), confirm: t('roster.removeShort') };
  if (await dialog.ask(question)) tell({ type: 'remove', host: id });
}

/** @param {MediaStream|null} stream null: the same again, after a gesture */
async function playOthers(stream) {
  if (stream) others.srcObject = stream;
  try {
    await others.play();
    mayPlay = true;
  } catch (error) {
    if (error instanceof DOMException && error.name === 'NotAllowedError') mayPlay = false;
  }
  render();
}

/** @param {ErrorMessage} problem */
function onProblem(problem) {
  if (problem.code === 'not_allowed' && live?.model.self?.muted_by_moderator) return; /* shown already */
  showProblem([problem.message, problem.allowed].filter(Boolean).join(' '));
  if (problem.code === 'consent_first' && live?.model.consent) live.model.consent.agreed = false;
  render();
}

/** @param {string} text */
function showProblem(text) {
  const element = byId('problem-text', HTMLElement);
  setText(element, text);
  clearTimeout(problemTimer);
  problemTimer = setTimeout(() => setText(element, ''), PROBLEM_SHOWN_MS);
}

function onRoom() {
  const room = live?.model.room;
  if (room && isOver(room)) mic.close();
  render();
}

/** Nobody who was sent away, or went on in another window, keeps an open microphone. @param {SignalStatus} status */
function onStatus(status) {
  if (status.state === 'closed') mic.close();
  render();
}

/** @returns {PageState} */
function pageState() {
  if (!slug || !token) return 'denied';
  const status = live?.signal.status;
  const room = live?.model.room;
  if (room && isOver(room)) return 'ended';
  if (status?.state === 'closed') return status.reason === 'replaced' ? 'replaced' : 'denied';
  if (!live || !room) return 'loading';
  switch (live.host.state) {
    case 'idle':
      return live.model.consent?.agreed === false ? 'consent' : 'check';
    case 'joining':
      return 'joining';
    case 'refused':
      return live.host.refusal?.retryAtMs || live.host.refusal?.reason === 'not_open' ? 'joining' : 'check';
    case 'reconnecting':
      return 'reconnecting';
    case 'on_stage':
      return room.state === 'live' ? 'live' : 'backstage';
  }
}

/** @param {RoomView} room */
function isOver(room) {
  return room.state !== 'scheduled' && room.state !== 'doors_open' && room.state !== 'live';
}

function render() {
  const state = pageState();
  const model = live?.model;
  const room = model?.room ?? null;
  document.body.dataset['state'] = state;
  document.body.dataset['room'] = room?.state ?? '';
  document.title = room ? `${room.title} · ${t('stage.title')}` : t('stage.title');
  setText(byId('room-title', HTMLElement), room?.title ?? t('stage.title'));
  const you = model?.you;
  setText(byId('you-line', HTMLElement), you ? t('stage.you', { name: you.name, role: t(`role.${you.role}`) }) : '');
  setText(byId('state-text', HTMLElement), stateText(state));
  byId('take-over', HTMLElement).hidden = state !== 'replaced';
  byId('columns', HTMLElement).hidden = !room || state === 'denied' || state === 'replaced';
  renderBanner(room);
  renderMicrophone(state);
  if (room && model) renderRoom(room, model);
  wakeLock.set(state === 'live' || state === 'backstage');
  alertOnAir(state);
  renderTimes();
}

/** @param {PageState} state */
function renderMicrophone(state) {
  const onStage = state === 'live' || state === 'backstage' || state === 'reconnecting' || state === 'joining';
  byId('consent-panel', HTMLElement).hidden = state !== 'consent';
  byId('mic-panel', HTMLElement).hidden = !onStage && state !== 'check';
  joinButton.hidden = state !== 'check';
  muteButton.hidden = !onStage;
  byId('leave-stage', HTMLElement).hidden = !onStage;
  byId('hear-others', HTMLElement).hidden = !onStage || mayPlay;
  const byModerator = live?.model.self?.muted_by_moderator === true && !live.model.maySteer;
  const silenced = live?.host.silenced === true;
  muteButton.setAttribute('aria-pressed', String(silenced));
  muteButton.disabled = byModerator;
  setText(byId('mute-label', HTMLElement), t('host.mute'));
  const consent = live?.model.consent;
  setText(byId('consent-text', HTMLElement), consent?.text[currentLanguage()] ?? '');
  micPanel.render();
}

/** @param {RoomView|null} room */
function renderBanner(room) {
  const key = !room ? 'backstage' : isOver(room) ? 'ended' : room.state === 'live' ? 'onAir' : room.state === 'scheduled' ? 'notOpen' : 'backstage';
  byId('banner', HTMLElement).hidden = !room;
  setText(byId('air-sign', HTMLElement), t(`stage.${key}`));
  byId('rec-sign', HTMLElement).hidden = room?.recording !== true;
  const audience = live?.model.audience;
  const counted = room !== null && !isOver(room) && audience;
  const hearing = byId('hearing-count', HTMLElement);
  hearing.dataset['count'] = counted ? String(audience.hearing) : '';
  setText(hearing, counted ? countWords('stage.hearing', audience, { n: audience.hearing }) : '');
  setText(byId('connected-count', HTMLElement), counted ? countWords('stage.connected', audience, { n: audience.connected }) : '');
  setText(byId('mode-sign', HTMLElement), room && !isOver(room) && room.mode !== 'normal' ? t(`mode.${room.mode}`) : '');
}

/**
 * @param {RoomView} room
 * @param {RoomModel} model
 */
function renderRoom(room, model) {
  const over = isOver(room);
  roster.show(model.roster, { youId: model.you?.id, maySteer: model.maySteer && !over, language: currentLanguage() });
  byId('listen-link', CopyField).show(t('share.link'), `${location.origin}/r/${room.slug}`);
  byId('roster-panel', HTMLElement).hidden = over;
  byId('steer-panel', HTMLElement).hidden = !model.maySteer || over;
  byId('audience-panel', HTMLElement).hidden = over;
  if (!over) audiencePanel.show(room, model.audience, model.you?.role === 'owner');
  for (const id of ['open-doors', 'go-live', 'end-room', 'cancel-room']) {
    byId(id, HTMLButtonElement).disabled = live?.signal.status.state !== 'open';
  }
  byId('open-doors', HTMLElement).hidden = room.state !== 'scheduled';
  byId('go-live', HTMLElement).hidden = room.state !== 'doors_open';
  byId('end-room', HTMLElement).hidden = room.state !== 'live';
  byId('cancel-room', HTMLElement).hidden = room.state === 'live';
  setText(byId('steer-hint', HTMLElement), t(room.state === 'scheduled' ? 'steer.openHint' : room.state === 'live' ? 'steer.endHint' : 'steer.liveHint'));
  byId('after-panel', HTMLElement).hidden = room.state !== 'ended' && room.state !== 'published';
  after.show(room, model.you?.role);
}

/** Said at once, even in the middle of something else. @param {PageState} state */
function alertOnAir(state) {
  if (alerted === state) return;
  const wasOnAir = alerted === 'live';
  alerted = state;
  setText(byId('alert-text', HTMLElement), state === 'live' && !wasOnAir ? t('stage.stateLive') : '');
}

function renderTimes() {
  const room = live?.model.room;
  const onAirMs = room?.state === 'live' && room.live_ms !== undefined ? (live?.model.nowMs() ?? 0) - room.live_ms : null;
  setText(byId('air-time', HTMLElement), onAirMs === null ? '' : formatClock(onAirMs));
}

/**
 * @param {PageState} state
 * @returns {string}
 */
function stateText(state) {
  const status = live?.signal.status;
  const lost = status?.state === 'waiting' ? ` ${t('stage.socketLost')}` : '';
  switch (state) {
    case 'loading':
      return t(lost ? 'stage.socketLost' : 'common.loading');
    case 'denied':
      return deniedText(status);
    case 'replaced':
      return t('stage.replaced');
    case 'consent':
      return t('stage.stateConsent') + lost;
    case 'check':
      return (live?.host.refusal ? t(`refused.${live.host.refusal.reason}`) : t('stage.stateCheck')) + lost;
    case 'joining':
      if (live?.host.refusal?.reason === 'not_open') return t('stage.stateNotOpen');
      return live?.host.refusal ? t(`refused.${live.host.refusal.reason}`) : t('stage.stateJoining');
    case 'reconnecting':
      return t('stage.stateReconnecting');
    case 'backstage':
      return (live?.model.self?.muted_by_moderator ? t('host.mutedByModerator') : t('stage.stateBackstage')) + lost;
    case 'live':
      if (live?.model.self?.muted_by_moderator) return t('host.mutedByModerator') + lost;
      return t(live?.host.silenced ? 'stage.stateLiveMuted' : 'stage.stateLive') + lost;
    case 'ended':
      return t(live?.model.room?.state === 'cancelled' ? 'listen.cancelled' : 'stage.stateEnded');
  }
}

/** @param {SignalStatus|undefined} status */
function deniedText(status) {
  if (!slug || !token) return t('stage.noToken');
  switch (status?.state === 'closed' ? status.reason : '') {
    case 'unknown_room':
      return t('listen.unknown');
    case 'revoked_token':
    case 'removed':
      return t('stage.revoked');
    case 'closing':
      return t('listen.closing');
    default:
      return t('stage.badToken');
  }
}
