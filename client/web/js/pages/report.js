/** report.js - what came of an event, for those who led it; while it is on, what has come of it so far. */
import { Api, ApiError } from '../api.js';
import { thin } from '../chart.js';
import { byId, make, makeButton, saveBlob, setText, startPage, takeToken } from '../dom.js';
import { ConfirmDialog } from '../elements/confirm-dialog.js';
import { HistoryChart } from '../elements/history-chart.js';
import '../elements/language-switch.js';
import { causeWords, formatDateTime, formatMoment, formatNumber, formatRange, formatShare, t } from '../i18n.js';
import { slugOfPath } from '../slug.js';

/** @import {Arrival, Ban, Change, Network, Report, Sample} from '../types.js' */

const REFRESH_MS = 10_000;
const TABLE_LINES = 120;
const LINES_OF_SECONDS_MS = TABLE_LINES * 60_000; /* else no two lines end in the same minute */
const NETWORKS_SHOWN = 20;

const slug = slugOfPath(location.pathname);
/* Who comes from the stage page in this tab has its token already. */
const token = takeToken(`rostrum.report.${slug}`) || (sessionStorage.getItem(`rostrum.token.${slug}`) ?? '');
const api = new Api(token);
const status = byId('report-status', HTMLElement);
const chart = byId('chart', HistoryChart);
const dialog = byId('confirm', ConfirmDialog);
/** @type {Report|null} */
let report = null;
/** @type {Ban[]} */
let bans = [];
/** @type {'loading'|'denied'|'unknown'|'failed'|'loaded'} */
let state = 'loading';

const lifetime = startPage(render);
byId('to-room', HTMLAnchorElement).href = `/r/${slug}`;
const download = byId('download', HTMLButtonElement);
download.addEventListener('click', () => void save());
byId('history-table', HTMLDetailsElement).addEventListener('toggle', renderTable);
void refresh();

async function refresh() {
  state = slug === '' ? 'unknown' : token === '' ? 'denied' : await load();
  render();
  const isOver = report !== null && !['scheduled', 'doors_open', 'live', 'ended'].includes(report.state);
  if (state !== 'failed' && (state !== 'loaded' || isOver)) return;
  const timer = setTimeout(() => void refresh(), REFRESH_MS);
  lifetime.addEventListener('abort', () => clearTimeout(timer));
}

async function load() {
  try {
    [report, bans] = await Promise.all([api.report(slug), api.bans(slug)]);
    return 'loaded';
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404) return 'unknown';
    return error.status === 401 || error.status === 403 ? 'denied' : 'failed';
  }
}

async function save() {
  download.disabled = true;
  try {
    saveBlob(await api.reportTable(slug), `${slug}.csv`);
  } catch {
    setText(status, t('common.network'));
  } finally {
    download.disabled = false;
  }
}

/** @param {Network['network']} network */
async function exclude(network) {
  const question = { title: t('report.banTitle', { network }), text: t('report.banText'), confirm: t('report.ban'), confirmId: 'ban-confirm' };
  if (await dialog.ask(question)) await changeBans(() => api.ban(slug, network));
}

/** @param {() => Promise<unknown>} change */
async function changeBans(change) {
  const problem = byId('bans-problem', HTMLElement);
  try {
    await change();
    bans = await api.bans(slug);
    setText(problem, '');
  } catch (error) {
    setText(problem, error instanceof ApiError && error.code !== 'network' ? error.message : t('common.network'));
  }
  render();
}

/* ---- showing ---- */

function render() {
  document.body.dataset['state'] = state;
  document.title = `${t('report.title')} · ${t('brand.name')}`;
  byId('report', HTMLElement).hidden = report === null || !report.history.length;
  setText(status, message());
  if (!report) return;
  document.body.dataset['room'] = report.state;
  document.title = `${report.title} · ${t('report.title')} · ${t('brand.name')}`;
  setText(byId('report-lead', HTMLElement), t('report.lead', { title: report.title }));
  setText(byId('report-when', HTMLElement), when(report));
  if (!report.history.length) return;
  renderFigures(report);
  chart.show(report.history);
  renderTable();
  setText(byId('facts', HTMLElement), facts(report));
  renderCauses(report);
  const focused = document.activeElement?.closest('#networks-panel') ? document.activeElement.getAttribute('aria-label') : null;
  renderNetworks(report);
  renderBans();
  if (focused) focusAgain(focused);
  renderChanges(report);
}

function message() {
  switch (state) {
    case 'loading':
      return t('common.loading');
    case 'denied':
      return t('report.denied');
    case 'unknown':
      return t('report.unknown');
    case 'failed':
      return t('report.failed');
    case 'loaded':
      return report?.history.length ? '' : t('report.empty');
  }
}

/** @param {Report} of */
function when({ live_ms: liveMs, ended_ms: endedMs, state: room }) {
  if (liveMs === undefined) return room === 'cancelled' ? t('state.cancelled') : t('report.notYet');
  if (endedMs === undefined) return t('report.liveSince', { from: formatDateTime(liveMs) });
  return t('report.live', { range: formatRange(liveMs, endedMs) });
}

/** @param {Report} of */
function renderFigures({ peak, totals }) {
  /** @type {[string, number, string][]} */
  const figures = [
    ['hearing', peak.hearing, t('report.peakHearing')],
    ['people', totals.people, t('report.people')],
    ['seated', totals.by_cause.seated, t('report.seats')],
    ['turned_away', totals.turned_away, t('report.turnedAway')],
  ];
  byId('figures', HTMLElement).replaceChildren(...figures.map(([name, value, words]) => {
    const number = make('dd', '', formatNumber(value));
    number.dataset['figure'] = name;
    return make('div', '', [make('dt', '', words), number]);
  }));
}

/** @param {Report} of */
function facts({ facts: of }) {
  const sentence = t('report.facts', {
    attempts: of.attempts, people: of.people, valid: of.tickets_valid, bad: of.tickets_bad,
    done: of.handshakes_done, failed: of.handshakes_failed,
  });
  if (of.busiest === 0) return sentence;
  const [from, to] = [formatShare(of.busiest_share_permille.from), formatShare(of.busiest_share_permille.to)];
  const share = from === to ? to : t('report.between', { from, to });
  return [sentence, t('report.share', { n: of.busiest, share })].join(' ');
}

/**
 * @param {string[]} heads
 * @param {HTMLElement[][]} lines each begins with what it is about
 */
function table(heads, lines) {
  const head = make('tr', '', heads.map((text, index) => {
    const cell = make('th', index ? 'number' : '', text);
    cell.scope = 'col';
    return cell;
  }));
  return [make('thead', '', [head]), make('tbody', '', lines.map((cells) => make('tr', '', cells)))];
}

/** @param {string|HTMLElement[]} content */
function rowHead(content) {
  const cell = make('th', '', content);
  cell.scope = 'row';
  return cell;
}

/** @param {number} value */
function number(value) {
  return make('td', 'number', formatNumber(value));
}

/** Only what is looked at: a long event has many lines. */
function renderTable() {
  if (!report || !byId('history-table', HTMLDetailsElement).open) return;
  const samples = thin(report.history, TABLE_LINES);
  const spanMs = (samples.at(-1)?.at_ms ?? 0) - (samples[0]?.at_ms ?? 0);
  const heads = [t('report.until'), t('report.series.hearing'), t('report.series.connected'), t('report.series.in_line'),
    t('report.series.turned_away'), t('report.attempts'), t('report.seatsAllowed'), t('report.mode')];
  byId('samples', HTMLTableElement).replaceChildren(...table(heads, samples.map((sample) => [
    rowHead(formatMoment(sample.at_ms, spanMs <= LINES_OF_SECONDS_MS ? 0 : spanMs)), number(sample.hearing),
    number(sample.connected), number(sample.in_line), number(sample.turned_away), number(attempts(sample)),
    number(sample.seats), make('td', 'number', t(`mode.${sample.mode}`)),
  ])));
}

/** @param {Sample} sample */
function attempts({ arrivals = {} }) {
  return (arrivals.ask ?? 0) + (arrivals.ask_again ?? 0) + (arrivals.refused_rate ?? 0) + (arrivals.put_off ?? 0);
}

/** @param {Report} of */
function renderCauses({ totals }) {
  const causes = /** @type {[Arrival, number][]} */ (Object.entries(totals.by_cause));
  byId('causes', HTMLTableElement).replaceChildren(...table([t('report.cause'), t('report.count')], causes.map(([cause, count]) => {
    const cell = number(count);
    cell.dataset['cause'] = cause;
    if (count === 0) cell.classList.add('none');
    return [rowHead(t(`report.cause.${cause}`)), cell];
  })));
}

/** @param {Report} of */
function renderNetworks({ networks }) {
  byId('networks-panel', HTMLElement).hidden = networks.list.length === 0 && bans.length === 0;
  setText(byId('networks-note', HTMLElement), t('report.networksNote', { n: networks.kept, missed: networks.missed }));
  const heads = [t('report.network'), t('report.attempts'), t('report.seatsAllowed'), t('report.handshakes')];
  byId('networks', HTMLTableElement).replaceChildren(...table(heads, networks.list.slice(0, NETWORKS_SHOWN).map(networkLine)));
}

/** @param {Network} network */
function networkLine({ network, attempts: count, too_high: tooHigh, arrivals }) {
  const parts = [make('span', '', network)];
  if (tooHigh > 0) parts.push(make('small', '', t('report.tooHigh', { n: tooHigh })));
  if (bans.some((ban) => ban.network === network)) parts.push(make('small', '', t('report.banned')));
  else if (mayExclude()) parts.push(named(makeButton(t('report.ban'), 'small', () => void exclude(network)), network));
  return [rowHead(parts), number(count), number(arrivals.seated ?? 0), number(arrivals.handshake_done ?? 0)];
}

/** Afterwards nobody listens any more. */
function mayExclude() {
  return report !== null && ['scheduled', 'doors_open', 'live'].includes(report.state);
}

/** The same words stand on many buttons. @param {HTMLButtonElement} button @param {string} network */
function named(button, network) {
  button.setAttribute('aria-label', `${button.textContent} ${network}`);
  return button;
}

/** The keyboard stays where it was when the numbers are renewed. @param {string} name of a button */
function focusAgain(name) {
  const buttons = [...document.querySelectorAll('#networks-panel button')];
  const same = buttons.find((button) => button.getAttribute('aria-label') === name);
  if (same instanceof HTMLButtonElement) same.focus({ preventScroll: true });
}

function renderBans() {
  byId('bans-part', HTMLElement).hidden = bans.length === 0;
  byId('bans', HTMLElement).replaceChildren(...bans.map(({ id, network }) => make('li', '', [
    make('span', '', network), named(makeButton(t('report.unban'), 'small', () => void changeBans(() => api.liftBan(slug, id))), network),
  ])));
}

/** @param {Report} of */
function renderChanges({ changes, changes_complete: isComplete }) {
  setText(byId('changes-note', HTMLElement), isComplete ? '' : t('report.changesCut'));
  byId('changes', HTMLElement).replaceChildren(...changes.map((change) => {
    const time = make('time', '', formatMoment(change.at_ms, 0));
    time.dateTime = new Date(change.at_ms).toISOString();
    return make('li', '', [time, make('span', '', changeWords(change))]);
  }));
}

/** @param {Change} change */
function changeWords({ kind, state: room, mode, cause, value, limit }) {
  if (kind === 'state') return room ? t(`state.${room}`) : '';
  const words = mode ? t(`mode.${mode}`) : '';
  if (cause === undefined) return words;
  const why = causeWords(whoseCause(String(cause)));
  return `${words}: ${value === undefined || limit === undefined ? why : t('report.change.measured', { cause: why, value, limit })}`;
}

/** The log names the person: the admin, or a host by number. @param {string} cause */
function whoseCause(cause) {
  if (cause === 'admin') return 'operator';
  return /^host_\d+$/.test(cause) ? 'owner' : cause;
}
