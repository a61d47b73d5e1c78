/** stage-mic.js - the microphone's panel of the stage page: choice, level, trial take. */
import { byId, setText } from '../dom.js';
import { LevelMeter } from '../elements/level-meter.js';
import { listen } from '../events.js';
import { t } from '../i18n.js';

/** @import {Microphone} from '../microphone.js' */

const METER_MS = 60;
const TAKE_MS = 3_000;

export class MicrophonePanel {
  #mic;
  #choice = byId('mic-choice', HTMLSelectElement);
  #studio = byId('studio-sound', HTMLInputElement);
  #meter = byId('mic-level', LevelMeter);
  #takeText = byId('mic-sample-text', HTMLElement);
  #takeButton = byId('mic-sample', HTMLButtonElement);
  #takeAudio = byId('mic-sample-audio', HTMLAudioElement);
  #shownDevices = '';

  /**
   * @param {Microphone} mic
   * @param {AbortSignal} lifetime
   */
  constructor(mic, lifetime) {
    this.#mic = mic;
    this.#choice.addEventListener('change', () => void this.#reopen());
    this.#studio.addEventListener('change', () => void this.#reopen());
    byId('mic-open', HTMLButtonElement).addEventListener('click', () => void this.open());
    this.#takeButton.addEventListener('click', () => void this.#take());
    listen(mic, 'change', () => this.render(), lifetime);
    const timer = setInterval(() => this.#meter.show(mic.levelDb()), METER_MS);
    lifetime.addEventListener('abort', () => clearInterval(timer));
    this.render();
  }

  /**
   * @param {boolean} [stereo]
   * @returns {Promise<boolean>}
   */
  open(stereo) {
    return this.#mic.open({
      deviceId: this.#choice.value,
      studio: this.#studio.checked,
      ...(stereo === undefined ? {} : { stereo }),
    });
  }

  render() {
    const open = this.#mic.track !== null;
    const problem = this.#mic.problem;
    setText(byId('mic-problem', HTMLElement), problem ? t(`mic.problem.${problem}`) : '');
    byId('mic-open', HTMLElement).hidden = open;
    this.#takeButton.hidden = !open;
    this.#renderDevices();
  }

  #renderDevices() {
    const devices = this.#mic.devices;
    const wanted = JSON.stringify([devices, this.#mic.deviceId, t('mic.default')]);
    if (wanted === this.#shownDevices) return;
    this.#shownDevices = wanted;
    const chosen = this.#mic.deviceId;
    const options = [new Option(t('mic.default'), '')];
    devices.forEach((device, index) => {
      if (device.id !== 'default') options.push(new Option(device.label || t('mic.numbered', { n: index + 1 }), device.id));
    });
    this.#choice.replaceChildren(...options);
    this.#choice.value = chosen;
    if (this.#choice.selectedIndex < 0) this.#choice.value = '';
  }

  /** Another device or sound takes effect at once, but nothing is opened that was closed. */
  async #reopen() {
    if (this.#mic.track) await this.open();
  }

  async #take() {
    this.#takeButton.disabled = true;
    setText(this.#takeText, t('mic.sampling'));
    const take = await this.#mic.takeSample(TAKE_MS);
    this.#takeButton.disabled = false;
    setText(this.#takeText, take ? t('mic.playing') : '');
    if (!take) return;
    URL.revokeObjectURL(this.#takeAudio.src);
    this.#takeAudio.src = URL.createObjectURL(take);
    this.#takeAudio.hidden = false;
    await this.#takeAudio.play().catch(() => undefined);
  }
}
