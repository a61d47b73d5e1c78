/**
 * microphone.js - the chosen microphone: opens it, measures it, follows the devices that come and go.
 *
 * Events: `change` (track, devices, problem). Never touches the page, never the network.
 * Nothing is opened before open() is called.
 */
import { emit } from './events.js';

/** @typedef {'insecure'|'denied'|'missing'|'busy'|'failed'} MicrophoneProblem */
/** @typedef {{id: string, label: string}} Device */

const SILENCE_DB = -100;

export class Microphone extends EventTarget {
  /** @type {MediaStreamTrack|null} */
  track = null;
  /** @type {Device[]} */
  devices = [];
  /** @type {MicrophoneProblem|null} */
  problem = null;
  #deviceId = '';
  #studio = false;
  #stereo = false;
  /** Each opening supersedes the one before. */
  #run = 0;
  /** @type {AudioContext|null} */
  #audio = null;
  /** @type {AnalyserNode|null} */
  #analyser = null;
  /** @type {MediaStreamAudioSourceNode|null} */
  #source = null;
  #samples = new Float32Array(2048);

  /** @param {AbortSignal} lifetime */
  constructor(lifetime) {
    super();
    navigator.mediaDevices?.addEventListener('devicechange', () => void this.#onDevices(), { signal: lifetime });
    lifetime.addEventListener('abort', () => this.close(), { once: true });
  }

  /** @returns {string} '' for the system's default */
  get deviceId() {
    return this.#deviceId;
  }

  /**
   * Opens the microphone, or another one in its place.
   * @param {{deviceId?: string, studio?: boolean, stereo?: boolean}} [wish] studio: the sound as it
   *   is, without echo cancellation, noise suppression and gain control; what is left out stays
   * @returns {Promise<boolean>} false: `problem` says why
   */
  async open(wish = {}) {
    const run = ++this.#run;
    this.#deviceId = wish.deviceId ?? this.#deviceId;
    this.#studio = wish.studio ?? this.#studio;
    this.#stereo = wish.stereo ?? this.#stereo;
    if (!navigator.mediaDevices) return this.#fail('insecure');
    this.#stopTrack(); /* some systems lend a device only once */
    try {
      const stream = await navigator.mediaDevices.getUserMedia({ audio: this.#constraints() });
      const track = stream.getAudioTracks()[0];
      if (run !== this.#run || !track) {
        track?.stop();
        return false;
      }
      this.track = track;
      this.problem = null;
      track.addEventListener('ended', () => void this.#onUnplugged(track));
      this.#measure(stream);
      await this.#listDevices();
      emit(this, 'change');
      return true;
    } catch (error) {
      return run === this.#run ? this.#fail(problemOf(error)) : false;
    }
  }

  close() {
    this.#run += 1;
    this.#stopTrack();
    void this.#audio?.close().catch(() => undefined);
    this.#audio = null;
  }

  /** @returns {number} peak of the last moments in dB of full scale, -100 for silence */
  levelDb() {
    if (!this.#analyser || !this.track) return SILENCE_DB;
    this.#analyser.getFloatTimeDomainData(this.#samples);
    let peak = 0;
    for (const sample of this.#samples) peak = Math.max(peak, Math.abs(sample));
    return peak > 1e-5 ? 20 * Math.log10(peak) : SILENCE_DB;
  }

  /**
   * Records a short take, to be heard by the speaker alone.
   * @param {number} durationMs
   * @returns {Promise<Blob|null>}
   */
  async takeSample(durationMs) {
    const track = this.track;
    if (!track || typeof MediaRecorder === 'undefined') return null;
    const copy = track.clone(); /* a muted microphone can be tried as well */
    copy.enabled = true;
    const recorder = new MediaRecorder(new MediaStream([copy]));
    /** @type {Blob[]} */
    const parts = [];
    recorder.addEventListener('dataavailable', (event) => parts.push(event.data));
    const done = new Promise((resolve) => recorder.addEventListener('stop', resolve, { once: true }));
    recorder.start();
    await new Promise((resolve) => setTimeout(resolve, durationMs));
    if (recorder.state !== 'inactive') recorder.stop();
    await done;
    copy.stop();
    return new Blob(parts, { type: recorder.mimeType || 'audio/ogg' });
  }

  /** @returns {MediaTrackConstraints} */
  #constraints() {
    const processing = !this.#studio;
    return {
      ...(this.#deviceId ? { deviceId: { exact: this.#deviceId } } : {}),
      echoCancellation: processing,
      noiseSuppression: processing,
      autoGainControl: processing,
      channelCount: this.#stereo && this.#studio ? 2 : 1,
    };
  }

  /** @param {MediaStream} stream */
  #measure(stream) {
    this.#audio ??= new AudioContext();
    void this.#audio.resume().catch(() => undefined);
    this.#analyser ??= new AnalyserNode(this.#audio, { fftSize: this.#samples.length });
    this.#source?.disconnect();
    this.#source = this.#audio.createMediaStreamSource(stream);
    this.#source.connect(this.#analyser);
  }

  async #listDevices() {
    const all = await navigator.mediaDevices.enumerateDevices();
    this.devices = all
      .filter((device) => device.kind === 'audioinput' && device.deviceId !== '')
      .map((device) => ({ id: device.deviceId, label: device.label }));
  }

  async #onDevices() {
    if (!this.track) return; /* without permission the list is empty anyway */
    await this.#listDevices();
    emit(this, 'change');
  }

  /** @param {MediaStreamTrack} track */
  async #onUnplugged(track) {
    if (track === this.track) await this.open({ deviceId: '' });
  }

  #stopTrack() {
    this.track?.stop();
    this.track = null;
  }

  /**
   * @param {MicrophoneProblem} problem
   * @returns {false}
   */
  #fail(problem) {
    this.problem = problem;
    emit(this, 'change');
    return false;
  }
}

/**
 * @param {unknown} error
 * @returns {MicrophoneProblem}
 */
function problemOf(error) {
  switch (error instanceof DOMException ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      return 'denied';
    case 'NotFoundError':
    case 'OverconstrainedError':
      return 'missing';
    case 'NotReadableError':
    case 'AbortError':
      return 'busy';
    default:
      return 'failed';
  }
}
