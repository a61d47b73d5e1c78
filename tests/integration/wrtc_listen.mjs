/** Listens over WHEP with libwebrtc for Node: wrtc_listen.mjs ENDPOINT OUT.wav SECONDS -> one JSON object. */
import { writeFileSync } from 'node:fs';
import wrtc from '@roamhq/wrtc';
import { until } from '../browser/lib/wait.mjs';

const [endpoint, path, seconds] = process.argv.slice(2);
const RATE_HZ = 48000;
const TIMEOUT_MS = 30_000;

/** @param {Int16Array} samples mono */
function wav(samples) {
  const header = Buffer.alloc(44);
  header.write('RIFF', 0);
  header.writeUInt32LE(36 + samples.byteLength, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE_HZ, 24);
  header.writeUInt32LE(RATE_HZ * 2, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write('data', 36);
  header.writeUInt32LE(samples.byteLength, 40);
  return Buffer.concat([header, Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)]);
}

const peer = new wrtc.RTCPeerConnection();
const transceiver = peer.addTransceiver('audio', { direction: 'recvonly' });
const sink = new wrtc.nonstandard.RTCAudioSink(transceiver.receiver.track);
const pcm = new Int16Array(RATE_HZ * Number(seconds));
let count = 0;
sink.ondata = ({ samples, sampleRate, channelCount }) => {
  if (sampleRate !== RATE_HZ || peer.connectionState !== 'connected') return;
  for (let i = 0; i < samples.length && count < pcm.length; i += channelCount) pcm[count++] = samples[i];
};
await peer.setLocalDescription(await peer.createOffer());
await until('candidates are gathered', () => peer.iceGatheringState === 'complete', TIMEOUT_MS);
const response = await fetch(endpoint, { method: 'POST', headers: { 'content-type': 'application/sdp' }, body: peer.localDescription.sdp });
if (response.status !== 201) throw new Error(`${response.status} ${await response.text()}`);
await peer.setRemoteDescription({ type: 'answer', sdp: await response.text() });
await until('enough audio', () => count === pcm.length, TIMEOUT_MS + Number(seconds) * 1000);
const deleted = await fetch(new URL(response.headers.get('location'), response.url), { method: 'DELETE' });
writeFileSync(path, wav(pcm));
console.log(JSON.stringify({ samples: count, deleted: deleted.status }));
sink.stop();
peer.close();
process.exit(0); // libwebrtc's threads would keep the process
