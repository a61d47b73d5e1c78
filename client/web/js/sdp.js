/** sdp.js - the few changes that an offer needs before it is set. Pure functions over text. */

/**
 * @param {string} sdp
 * @returns {string[]} payload types of Opus, in order; names match without case
 */
function opusPayloadTypes(sdp) {
  return [...sdp.matchAll(/^a=rtpmap:(\d+) opus\/48000/gim)].map((match) => match[1] ?? '');
}

/**
 * Asks for retransmission of lost audio, which browsers can do but don't offer.
 * @param {string} sdp
 * @returns {string}
 */
export function withNack(sdp) {
  for (const payloadType of opusPayloadTypes(sdp)) {
    if (new RegExp(`^a=rtcp-fb:${payloadType} nack\\s*$`, 'm').test(sdp)) continue;
    sdp = sdp.replace(
      new RegExp(`^(a=rtpmap:${payloadType} .*?)(\\r?\\n)`, 'm'),
      `$1$2a=rtcp-fb:${payloadType} nack$2`,
    );
  }
  return sdp;
}

/**
 * Without this line in the *receiver's* offer a browser plays stereo as mono.
 * @param {string} sdp
 * @returns {string}
 */
export function withStereo(sdp) {
  for (const payloadType of opusPayloadTypes(sdp)) {
    sdp = sdp.replace(new RegExp(`^(a=fmtp:${payloadType} )(.*)$`, 'm'), (line, head, values) =>
      /(^|;)\s*stereo=1/.test(values) ? line : `${head}${values};stereo=1`);
  }
  return sdp;
}
