/** pages.mjs - what people do on the pages: look, click, listen. Works in Chromium and Firefox. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from './programs.mjs';
import { until } from './wait.mjs';

const SETTLE_MS = 30_000;

/** @typedef {import('./browsers.mjs').Page} Page */

class RoomPage {
  /**
   * @param {string} name
   * @param {Page} page
   * @param {string} sound selector of the element that plays what arrives
   */
  constructor(name, page, sound) {
    this.name = name;
    this.page = page;
    this.sound = sound;
  }

  /** @param {string} url */
  async open(url) {
    await this.page.goto(url);
  }

  /**
   * @param {string} selector
   */
  async click(selector) {
    await until(`${this.name}: ${selector} can be clicked`, () => this.page.evaluate(isReady, selector), SETTLE_MS);
    await this.page.click(selector);
  }

  state() {
    return this.page.evaluate(() => document.body.dataset['state'] ?? '');
  }

  /**
   * @param {string} state
   * @param {number} [timeoutMs]
   */
  reaches(state, timeoutMs = SETTLE_MS) {
    let now = '';
    return until(`${this.name} is ${state}`, async () => {
      now = await this.state();
      if (now !== state) throw new Error(now);
      return true;
    }, timeoutMs);
  }

  /** The number of listeners who hear, as the page shows it; NaN when it shows none. */
  async hearing() {
    return Number.parseInt(await this.page.evaluate(() => document.querySelector('#hearing-count').dataset['count'] ?? ''), 10);
  }

  /** Begins to record what the page plays. */
  async startCapture() {
    await until(`${this.name} has a stream to record`, () => this.page.evaluate(beginCapture, this.sound), SETTLE_MS);
  }

  /** @returns {Promise<string>} path of the file that was recorded */
  async stopCapture() {
    const path = join(temporaryFolder(), 'captured');
    writeFileSync(path, Buffer.from(await this.page.evaluate(endCapture), 'base64'));
    return path;
  }

  /** @returns {Promise<{connections: number, seconds: number}>} seconds: sound decoded by the newest one */
  reception() {
    return this.page.evaluate(reception);
  }

  /**
   * After a fault: a new connection brings sound, and the page says so.
   * @param {{connections: number}} before
   * @param {string} state
   * @param {number} timeoutMs
   */
  async comesBack(before, state, timeoutMs) {
    let seconds = Infinity;
    await until(`${this.name} hears again by itself`, async () => {
      const now = await this.reception();
      const shown = await this.state();
      const rises = now.connections > before.connections && now.seconds > seconds;
      seconds = now.seconds;
      if (!rises || shown !== state) throw new Error(JSON.stringify({ ...now, shown }));
      return true;
    }, timeoutMs);
  }
}

export class HostPage extends RoomPage {
  /**
   * @param {string} name
   * @param {Page} page
   */
  constructor(name, page) {
    super(name, page, 'audio#others');
  }

  /**
   * The whole way to the stage, by the buttons: agree, leave the sound as it is, join.
   * @param {string} stageUrl
   */
  async goOnStage(stageUrl) {
    await this.open(stageUrl);
    await this.reaches('consent');
    await this.click('#consent-agree');
    await this.reaches('check');
    await this.click('#studio-sound');
    await until(`${this.name}: the microphone is open`, () => this.page.evaluate(() => document.querySelector('#mic-open').hidden));
    await this.click('#join-stage');
    await this.reaches('backstage');
  }

  async endRoom() {
    await this.click('#end-room');
    await this.click('#end-confirm');
    await this.reaches('ended');
  }
}

export class ListenPage extends RoomPage {
  /**
   * @param {string} name
   * @param {Page} page
   */
  constructor(name, page) {
    super(name, page, 'audio#program');
  }

  async listen() {
    await this.click('#listen-button');
  }

  /** Measures from the next click of the button. */
  async armStopwatch() {
    await this.page.evaluate(armStopwatch);
  }

  /** @returns {Promise<number>} ms from the click to the first decoded sound */
  firstSoundMs() {
    return until(`${this.name}: first sound`, () => this.page.evaluate(() => window.firstSoundMs));
  }
}

/* ---- in the page ---- */

/** @param {string} selector */
function isReady(selector) {
  const element = document.querySelector(selector);
  return Boolean(element && element.checkVisibility() && !element.disabled);
}

/** @param {string} selector */
function beginCapture(selector) {
  const stream = document.querySelector(selector).srcObject;
  const track = stream?.getAudioTracks()[0];
  if (!track || track.readyState !== 'live') return false;
  const recorder = new MediaRecorder(new MediaStream([track]));
  const parts = [];
  recorder.ondataavailable = (event) => parts.push(event.data);
  recorder.start(1_000);
  window.capture = { recorder, parts };
  return true;
}

async function endCapture() {
  const { recorder, parts } = window.capture;
  if (recorder.state !== 'inactive') {
    const stopped = new Promise((done) => (recorder.onstop = done));
    recorder.stop();
    await stopped;
  }
  const reader = new FileReader();
  const read = new Promise((done) => (reader.onload = done));
  reader.readAsDataURL(new Blob(parts));
  await read;
  return reader.result.slice(reader.result.indexOf(',') + 1);
}

async function reception() {
  let seconds = 0;
  const connection = window.rtc.at(-1);
  /* Firefox never settles this promise when the connection is closed meanwhile. */
  const none = new Promise((done) => setTimeout(done, 1_000, new Map()));
  const reports = connection ? await Promise.race([connection.getStats(), none]) : new Map();
  for (const report of reports.values()) {
    if (report.type === 'inbound-rtp') seconds += report.totalSamplesDuration ?? 0;
  }
  return { connections: window.rtc.length, seconds };
}

function armStopwatch() {
  const button = document.querySelector('#listen-button');
  button.addEventListener('click', () => {
    const startMs = performance.now();
    const look = setInterval(async () => {
      for (const connection of window.rtc) {
        for (const report of (await connection.getStats()).values()) {
          if (report.type === 'inbound-rtp' && report.totalAudioEnergy > 0) {
            window.firstSoundMs ??= performance.now() - startMs;
            clearInterval(look);
          }
        }
      }
    }, 10);
  }, { capture: true, once: true });
}
