/** ports.mjs - where nodes can be reached whose address must be known before they start. */
import { createServer } from 'node:net';

/** A port that nobody has now. @returns {Promise<string>} */
export const freePort = () => new Promise((done, fail) => {
  const probe = createServer().on('error', fail).listen(0, '127.0.0.1', () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (probe.address());
    probe.close(() => done(String(port)));
  });
});
