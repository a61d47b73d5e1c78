/** admin.js - the administration: create rooms, invite, move rooms on. */
import { Api, ApiError } from '../api.js';
import { byId, make, setText, startPage, takeToken } from '../dom.js';
import { AdminRoom } from '../elements/admin-room.js';
import { ConfirmDialog } from '../elements/confirm-dialog.js';
import { CopyField } from '../elements/copy-field.js';
import { HostLines } from '../elements/host-lines.js';
import '../elements/language-switch.js';
import { listen } from '../events.js';
import { t } from '../i18n.js';
import { isSlug, slugOfTitle } from '../slug.js';

/** @import {AdminAction} from '../elements/admin-room.js' */
/** @import {ApiRoom, CreatedRoom, Role, RoomDraft} from '../types.js' */

const STORAGE_KEY = 'rostrum.admin';
const REFRESH_MS = 10_000;

const status = byId('admin-status', HTMLElement);
const title = byId('room-title', HTMLInputElement);
const slug = byId('room-slug', HTMLInputElement);
const start = byId('room-start', HTMLInputElement);
const seats = byId('room-seats', HTMLInputElement);
const hostLines = byId('host-lines', HostLines);
const dialog = byId('confirm', ConfirmDialog);
const list = byId('admin-rooms', HTMLElement);

let token = takeToken(STORAGE_KEY);
let api = new Api(token);
/** @type {ApiRoom[]} */
let rooms = [];
/** @type {CreatedRoom & {title: string}|null} */
let created = null;
let slugIsOwn = false;
/** Kept from one list to the next, so that what is open stays open. @type {Map<string, AdminRoom>} */
const lines = new Map();
/** @type {Map<string, string>} */
const shown = new Map();

const lifetime = startPage(() => (shown.clear(), renderRooms(), renderCreated()));
wire();
void refresh();
const timer = setInterval(() => {
  if (token && !document.hidden) void refresh();
}, REFRESH_MS);
lifetime.addEventListener('abort', () => clearInterval(timer));

function wire() {
  byId('sign-in-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    const field = byId('admin-token', HTMLInputElement);
    signIn(field.value.trim());
    field.value = '';
  });
  byId('sign-out', HTMLButtonElement).addEventListener('click', () => signIn(''));
  byId('refresh', HTMLButtonElement).addEventListener('click', () => void refresh());
  byId('add-host', HTMLButtonElement).addEventListener('click', () => hostLines.add());
  byId('create-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void create();
  });
  title.addEventListener('input', () => {
    if (!slugIsOwn) slug.value = slugOfTitle(title.value);
  });
  slug.addEventListener('input', () => (slugIsOwn = slug.value !== ''));
}

/** @param {string} wish */
function signIn(wish) {
  token = wish;
  if (wish) sessionStorage.setItem(STORAGE_KEY, wish);
  else sessionStorage.removeItem(STORAGE_KEY);
  api = new Api(wish);
  shown.clear(); /* the lines' links hold the token */
  created = null;
  renderCreated();
  void refresh();
}

async function refresh() {
  const signedIn = token !== '';
  byId('sign-in', HTMLElement).hidden = signedIn;
  byId('columns', HTMLElement).hidden = !signedIn;
  document.body.dataset['state'] = signedIn ? 'ready' : 'signed_out';
  if (!signedIn) return;
  await attempt(async () => {
    rooms = await api.rooms();
    renderRooms();
  });
}

/**
 * Does something that the server may refuse, and says so.
 * @param {() => Promise<void>} action
 * @param {HTMLElement} [place]
 */
async function attempt(action, place = status) {
  try {
    await action();
    setText(place, '');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) {
      signIn('');
      setText(status, t('admin.badToken'));
    } else {
      setText(place, error.code === 'network' ? t('common.network') : error.message);
    }
  }
}

async function create() {
  const slugIsGood = isSlug(slug.value);
  title.setAttribute('aria-invalid', String(title.value.trim() === ''));
  slug.setAttribute('aria-invalid', String(!slugIsGood));
  if (title.value.trim() === '') return title.focus();
  if (!slugIsGood) return slug.focus();
  /** @type {RoomDraft} */
  const draft = { slug: slug.value, title: title.value.trim(), hosts: hostLines.hosts };
  if (start.value) draft.start_ms = new Date(start.value).getTime();
  if (seats.value) draft.seats = Number(seats.value);
  if (byId('room-stereo', HTMLInputElement).checked) draft.stereo = true;
  await attempt(async () => {
    created = { ...await api.createRoom(draft), title: draft.title };
    byId('create-form', HTMLFormElement).reset();
    hostLines.reset();
    slugIsOwn = false;
    renderCreated();
    await refresh();
  }, byId('create-problem', HTMLElement));
}

function renderCreated() {
  const place = byId('created', HTMLElement);
  if (!created) return place.replaceChildren();
  place.replaceChildren(make('p', '', t('admin.created', { title: created.title })));
  addLink(place, t('share.link'), created.listen_url);
  for (const host of created.hosts) {
    addLink(place, t('admin.stageLink', { name: host.name, role: t(`role.${host.role}`) }), host.stage_url);
  }
}

/**
 * @param {HTMLElement} place
 * @param {string} label
 * @param {string} url
 */
function addLink(place, label, url) {
  const field = new CopyField();
  place.append(field);
  field.show(label, new URL(url, location.origin).href);
}

function renderRooms() {
  for (const room of rooms) {
    const text = JSON.stringify(room);
    if (shown.get(room.slug) === text) continue;
    shown.set(room.slug, text);
    const line = lines.get(room.slug) ?? newLine(room.slug);
    line.token = token;
    line.show(room);
  }
  const wanted = rooms.map((room) => lines.get(room.slug)).filter((line) => line !== undefined);
  const items = wanted.map((line) => line.parentElement ?? make('li', '', [line]));
  if (items.some((item, index) => list.children[index] !== item) || list.childElementCount !== items.length || !items.length) {
    list.replaceChildren(...(items.length ? items : [make('li', 'muted', t('admin.noRooms'))]));
  }
}

/** @param {string} name */
function newLine(name) {
  const line = new AdminRoom();
  lines.set(name, line);
  listen(line, 'steer', (/** @type {{slug: string, action: AdminAction}} */ wish) => void steer(wish.slug, wish.action));
  listen(line, 'want-invitations', () => void showInvitations(line));
  listen(line, 'invite', (/** @type {{name: string, role: Role}} */ guest) => void attempt(async () => {
    line.showNewLink(await api.invite(line.slug, { name: guest.name, role: guest.role }));
    await showInvitations(line);
  }));
  listen(line, 'revoke', (/** @type {{id: number, name: string}} */ one) => void revoke(line, one));
  return line;
}

/** @param {AdminRoom} line */
function showInvitations(line) {
  return attempt(async () => line.showInvitations(await api.invitations(line.slug)));
}

/**
 * @param {AdminRoom} line
 * @param {{id: number, name: string}} one
 */
async function revoke(line, { id, name }) {
  const question = { title: t('admin.revokeTitle', { name }), text: t('admin.revokeText'), confirm: t('admin.revoke') };
  if (!(await dialog.ask(question))) return;
  await attempt(() => api.revoke(line.slug, id));
  await showInvitations(line);
}

/**
 * @param {string} name
 * @param {AdminAction} action
 */
async function steer(name, action) {
  if (!(await isSure(action))) return;
  await attempt(async () => void await api.steer(name, action));
  await refresh();
}

/** @param {AdminAction} action */
async function isSure(action) {
  switch (action) {
    case 'open':
    case 'live':
      return true;
    case 'end':
      return dialog.ask({ title: t('steer.endTitle'), text: t('steer.endText'), confirm: t('steer.endConfirm'), confirmId: 'end-confirm' });
    case 'cancel':
      return dialog.ask({ title: t('steer.cancelTitle'), text: t('steer.cancelText'), confirm: t('steer.cancel') });
    case 'withdraw':
      return dialog.ask({ title: t('admin.withdrawTitle'), text: t('admin.withdrawText'), confirm: t('admin.withdraw') });
  }
}
