/** ear.mjs - a listener who stays until the server has the proof that she hears. */
import { rostrum } from './programs.mjs';
import { until } from './wait.mjs';

/**
 * @param {import('./server.mjs').Server} server where nobody else hears
 * @param {string} slug
 * @returns {Promise<any>} her account
 */
export async function hears(server, slug) {
  const listener = rostrum(server.url, 'listen', slug);
  await until('a listener hears', async () => (await server.room(slug)).hearing === 1, 60_000);
  const { stdout } = await listener.kill('SIGINT');
  return JSON.parse(stdout);
}
