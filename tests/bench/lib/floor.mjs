/** floor.mjs - runs the floor program, see ../floor.c. */
import { resolve } from 'node:path';
import { ROSTRUMD, run } from '../../browser/lib/programs.mjs';

const FLOOR = resolve(ROSTRUMD, '../../tests/bench/floor');

/** @typedef {{ns_per_packet: number, seal_ns_per_packet: number, engine: string, sent: number, refused: number, late_passes: number}} Floor */

/**
 * @param {{destinations: number, engine?: string, seconds?: number, intervalMs?: number, payloadBytes?: number}} options
 * @returns {Promise<Floor>}
 */
export async function floor({ destinations, engine = 'auto', seconds = 8, intervalMs = 20, payloadBytes = 120 }) {
  const { stdout } = await run(FLOOR, ['--json', '--destinations', destinations, '--engine', engine, '--seconds', seconds,
    '--interval', intervalMs, '--payload', payloadBytes].map(String));
  return JSON.parse(stdout);
}
