/** browsers.mjs - starts Chromium and Firefox; each page answers to the same few words. */
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';

const CHROMIUM_FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
];
const FIREFOX_PREFS = {
  'media.navigator.streams.fake': true,
  'media.navigator.permission.disabled': true,
};

/* Firefox says this of every socket that a server does not take. */
const NO_FAULT = /can.t establish a connection to the server at ws/;

/**
 * @typedef {import('playwright-core').Page|import('puppeteer-core').Page} Page
 */

/**
 * @param {import('./tap.mjs').Tap} t closes it at the end
 * @param {{microphone?: string}} [options] a wav file that is spoken again and again
 */
export async function openChromium(t, { microphone } = {}) {
  const fake = microphone
    ? ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream', `--use-file-for-fake-audio-capture=${microphone}`]
    : [];
  const browser = await chromium.launch({
    executablePath: process.env.ROSTRUM_CHROMIUM ?? '/usr/bin/chromium',
    headless: true,
    args: [...CHROMIUM_FLAGS, ...fake],
  });
  t.defer(() => browser.close());
  return {
    /** @returns {Promise<Page>} a page in a profile of its own */
    async page() {
      const context = await browser.newContext();
      const page = await context.newPage();
      await page.addInitScript(rememberConnections);
      page.on('pageerror', (error) => t.note(`page error: ${error}`));
      return page;
    },
  };
}

/** @param {import('./tap.mjs').Tap} t closes it at the end */
export async function openFirefox(t) {
  const browser = await puppeteer.launch({
    browser: 'firefox',
    executablePath: process.env.ROSTRUM_FIREFOX ?? '/usr/bin/firefox-esr',
    headless: true,
    extraPrefsFirefox: FIREFOX_PREFS,
  });
  t.defer(() => browser.close());
  return {
    /** @returns {Promise<Page>} */
    async page() {
      const page = await browser.newPage();
      await page.evaluateOnNewDocument(rememberConnections);
      page.on('pageerror', (error) => {
        if (!NO_FAULT.test(String(error))) t.note(`page error: ${error}`);
      });
      return page;
    },
  };
}

/** In the page: keeps its connections in `window.rtc`, so that a test can ask them for their statistics. */
function rememberConnections() {
  const Original = window.RTCPeerConnection;
  const all = (window.rtc = []);
  window.RTCPeerConnection = class extends Original {
    /** @param {unknown[]} args */
    constructor(...args) {
      super(...args);
      all.push(this);
    }
  };
}
