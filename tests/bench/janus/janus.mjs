/**
 * janus.mjs - Debian's Janus with one Opus mountpoint, fed with speech by GStreamer, on loopback, in a temporary folder.
 *
 * Run by itself it serves until it is ended: node tests/bench/janus/janus.mjs [EVENT_LOOPS]
 */
import { once } from 'node:events';
import { mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Program, ROSTRUMD, run, temporaryFolder } from '../../browser/lib/programs.mjs';
import { speech } from '../../browser/lib/speech.mjs';
import { until } from '../../browser/lib/wait.mjs';
import { ask, MOUNTPOINT, PAYLOAD_TYPE } from './api.mjs';

const ADDRESS = '127.0.0.1';
const STARTS_MAX = 5;
const LOOPBACK = resolve(ROSTRUMD, '../../tests/bench/libloopback.so');
const BRIDGE = fileURLToPath(new URL('whep.mjs', import.meta.url));

/** A TCP port that was free a moment ago. */
async function freePort() {
  const server = createServer().listen(0, ADDRESS);
  await once(server, 'listening');
  const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
  server.close();
  await once(server, 'close');
  return port;
}

/**
 * Only the plugin and the transport that are needed are loaded.
 * @param {string} folder
 * @param {string} kind
 * @param {string} name
 */
function linkOnly(folder, kind, name) {
  const installed = ['/usr/lib/x86_64-linux-gnu/janus', '/usr/lib/aarch64-linux-gnu/janus', '/usr/lib/janus'].find((path) => {
    try {
      return readdirSync(path);
    } catch {
      return false;
    }
  });
  if (!installed) throw new Error('janus is not installed');
  mkdirSync(join(folder, kind));
  symlinkSync(join(installed, kind, `lib${name}.so`), join(folder, kind, `lib${name}.so`));
}

/**
 * @param {string} folder
 * @param {number} port
 * @param {number} eventLoops 0: as shipped, a thread for each listener
 */
function writeConfiguration(folder, port, eventLoops) {
  const loops = eventLoops > 0 ? `event_loops = ${eventLoops}` : '';
  writeFileSync(join(folder, 'janus.jcfg'), `general: {
  configs_folder = "${folder}"
  plugins_folder = "${folder}/plugins"
  transports_folder = "${folder}/transports"
  events_folder = "${folder}/none"
  loggers_folder = "${folder}/none"
  debug_level = 3
  session_timeout = 0
  ${loops}
}
nat: {
  ice_lite = true
  ice_enforce_list = "${ADDRESS}"
}
`);
  writeFileSync(join(folder, 'janus.transport.http.jcfg'), `general: {
  json = "compact"
  base_path = "/janus"
  http = true
  port = ${port}
  ip = "${ADDRESS}"
  https = false
}
admin: { admin_http = false }
`);
  writeFileSync(join(folder, 'janus.plugin.streaming.jcfg'), 'general: { }\n');
}

export class Janus {
  /** @type {Program|null} */
  #program = null;
  /** @type {Program|null} */
  #feed = null;
  /** @type {Program|null} */
  #bridge = null;
  #url = '';
  /** Where listeners go: the bridge speaks WHEP. */
  url = '';
  #eventLoops;

  /** @param {{eventLoops?: number}} [options] 0: as shipped */
  constructor({ eventLoops = 0 } = {}) {
    this.#eventLoops = eventLoops;
  }

  get pid() {
    return this.#program?.child.pid ?? 0;
  }

  async start() {
    for (let i = 1; this.#program === null; i++) {
      try {
        await this.#launch();
      } catch (error) {
        await this.stop();
        if (i === STARTS_MAX) throw error;
      }
    }
    await this.#startFeed(await this.#createMountpoint());
    await this.#startBridge();
    return this;
  }

  async #launch() {
    const folder = temporaryFolder();
    const port = await freePort();
    linkOnly(folder, 'plugins', 'janus_streaming');
    linkOnly(folder, 'transports', 'janus_http');
    mkdirSync(join(folder, 'none'));
    writeConfiguration(folder, port, this.#eventLoops);
    const program = new Program('env', [`LD_PRELOAD=${LOOPBACK}`, 'janus',
      '--configs-folder', folder, '--disable-colors']);
    this.#program = program;
    this.#url = `http://${ADDRESS}:${port}/janus`;
    const ready = await until('Janus answers', async () => {
      if (program.ended) return 'ended';
      return (await fetch(`${this.#url}/info`)).ok ? 'ready' : '';
    });
    if (ready !== 'ready') throw new Error(`janus ended: ${program.stdout.slice(-2000)}${program.stderr.slice(-2000)}`);
  }

  /** Returns the port that it wants its RTP on. */
  async #createMountpoint() {
    const session = `${this.#url}/${(await ask(this.#url, { janus: 'create' })).data.id}`;
    const handle = `${session}/${(await ask(session, { janus: 'attach', plugin: 'janus.plugin.streaming' })).data.id}`;
    const created = await ask(handle, {
      janus: 'message',
      body: {
        request: 'create', type: 'rtp', id: MOUNTPOINT, name: 'speech', is_private: false,
        media: [{ type: 'audio', mid: 'a', codec: 'opus', pt: PAYLOAD_TYPE, port: 0, is_ipv6: false }],
      },
    });
    await ask(session, { janus: 'destroy' });
    return created.plugindata.data.stream.ports[0].port;
  }

  /**
   * As many bytes a packet as Rostrum's program has at its default rate, 50 packets a second.
   * @param {number} port
   */
  async #startFeed(port) {
    const raw = join(temporaryFolder(), 'speech.s16');
    await run('ffmpeg', ['-v', 'error', '-i', await speech('a'), '-f', 's16le', '-ac', '1', '-ar', '48000', raw]);
    this.#feed = new Program('gst-launch-1.0', ['-q', 'multifilesrc', `location=${raw}`, 'loop=true', '!',
      'rawaudioparse', 'format=pcm', 'pcm-format=s16le', 'sample-rate=48000', 'num-channels=1', '!',
      'opusenc', 'bitrate=48000', 'bitrate-type=cbr', 'frame-size=20', '!',
      'rtpopuspay', `pt=${PAYLOAD_TYPE}`, '!', 'udpsink', `host=${ADDRESS}`, `port=${port}`]);
  }

  async #startBridge() {
    const bridge = new Program(process.execPath, [BRIDGE, this.#url]);
    this.#bridge = bridge;
    const ready = await until('the bridge is ready', () => /^ready (\S+)$/m.exec(bridge.stdout) ?? bridge.ended);
    if (!Array.isArray(ready)) throw new Error(`the bridge ended: ${bridge.stderr}`);
    this.url = ready[1];
  }

  async stop() {
    for (const program of [this.#bridge, this.#feed, this.#program]) await program?.kill('SIGKILL');
    this.#bridge = this.#feed = this.#program = null;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const janus = await new Janus({ eventLoops: Number(process.argv[2] ?? 0) }).start();
  console.log(`janus ${janus.pid}, WHEP at ${janus.url}/whep/speech`);
  setInterval(() => undefined, 1000);
}
