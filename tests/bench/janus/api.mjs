/** api.mjs - one request to Janus' HTTP API. */

/** Of the one Opus mountpoint. */
export const MOUNTPOINT = 1;
export const PAYLOAD_TYPE = 111;

/**
 * Throws when it is refused.
 * @param {string} url of Janus, of a session, or of a handle
 * @param {object} message
 */
export async function ask(url, message) {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ ...message, transaction: 'rostrum' }),
  });
  const reply = await response.json();
  const refusal = reply.error?.reason ?? reply.plugindata?.data?.error;
  if (refusal) throw new Error(`Janus refuses: ${refusal}`);
  return reply;
}
