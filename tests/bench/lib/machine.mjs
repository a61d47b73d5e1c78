/**
 * machine.mjs - processor time and memory of processes, and what the rest of the machine did meanwhile, from /proc.
 *
 * The kernel's part of a process (its sends, and on loopback the receiver's half of them too) is in its own time.
 */
import { readFileSync, readdirSync } from 'node:fs';

const TICKS_PER_S = 100; // USER_HZ of Linux
const KERNEL_THREADS = 2; // their parent
const BUSY_CORES = 0.1; // that others take: more disturbs

/** @param {string} path */
function text(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** @param {string} path of a `stat` file */
function stat(path) {
  const line = text(path);
  const after = line.slice(line.lastIndexOf(')') + 2).split(' ');
  const ticks = (/** @type {number} */ from, /** @type {number} */ to) =>
    after.slice(from, to).reduce((sum, field) => sum + Number(field), 0) / TICKS_PER_S;
  const name = line.slice(line.indexOf('(') + 1, line.lastIndexOf(')'));
  return { name, parent: Number(after[1]), ownS: ticks(11, 13), withEndedS: ticks(11, 15) };
}

/**
 * Processor seconds that the process has used, ended threads included.
 * @param {number} pid
 */
export const cpuSeconds = (pid) => stat(`/proc/${pid}/stat`).ownS;

/**
 * Of each living thread; of several with one name each gets its number.
 * @param {number} pid
 * @returns {Record<string, number>}
 */
function threadSeconds(pid) {
  /** @type {Record<string, number>} */
  const seconds = {};
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    const base = text(`/proc/${pid}/task/${task}/comm`).trim();
    let name = base;
    for (let i = 1; name in seconds; i++) name = `${base}${i}`;
    seconds[name] = Number(text(`/proc/${pid}/task/${task}/schedstat`).split(' ')[0]) / 1e9;
  }
  return seconds;
}

/** @param {number} pid */
export function rssBytes(pid) {
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(text(`/proc/${pid}/status`))?.[1] ?? NaN) * 1024;
}

/** Seconds of all processors together. */
function machineSeconds() {
  const [user, nice, system, , , irq, softirq, steal] = text('/proc/stat').split('\n')[0].trim().split(/\s+/).slice(1).map((ticks) => Number(ticks) / TICKS_PER_S);
  return { busyS: user + nice + system + irq + softirq, stealS: steal };
}

/** Seconds of this program and all that it has started, and of the kernel's threads that work for the network. */
function ourSeconds() {
  const all = new Map(readdirSync('/proc').filter((name) => /^\d+$/.test(name)).map((name) => [Number(name), stat(`/proc/${name}/stat`)]));
  /** @param {number} pid @returns {boolean} */
  const isOurs = (pid) => pid === process.pid || (pid > 1 && all.has(pid) && isOurs(all.get(pid)?.parent ?? 0));
  let ours = 0;
  let softirq = 0;
  for (const [pid, { name, parent, withEndedS }] of all) {
    if (isOurs(pid)) ours += withEndedS;
    else if (parent === KERNEL_THREADS && name.startsWith('ksoftirqd/')) softirq += withEndedS;
  }
  return { ours, softirq };
}

/** @typedef {{seconds: number, cpuS: number, threads: Record<string, number>, ksoftirqdS: number, othersCores: number, stolenCores: number}} Window */

/**
 * Begins to measure a process; call the result to end.
 * @param {number} pid
 * @returns {() => Window} othersCores: what processes of others took meanwhile, in cores
 */
export function measure(pid) {
  const look = () => ({ ms: performance.now(), cpu: cpuSeconds(pid), threads: threadSeconds(pid), machine: machineSeconds(), our: ourSeconds() });
  const begin = look();
  return () => {
    const end = look();
    const seconds = (end.ms - begin.ms) / 1000;
    const ksoftirqdS = end.our.softirq - begin.our.softirq;
    const othersS = end.machine.busyS - begin.machine.busyS - (end.our.ours - begin.our.ours) - ksoftirqdS;
    return {
      seconds,
      cpuS: end.cpu - begin.cpu,
      threads: Object.fromEntries(Object.entries(end.threads).map(([name, s]) => [name, s - (begin.threads[name] ?? 0)])),
      ksoftirqdS,
      othersCores: Math.max(0, othersS) / seconds,
      stolenCores: (end.machine.stealS - begin.machine.stealS) / seconds,
    };
  };
}

/** Why figures that were taken in these windows are not to be trusted, or ''. @param {Window[]} windows */
export function disturbance(windows) {
  const others = Math.max(...windows.map((window) => window.othersCores));
  const stolen = Math.max(...windows.map((window) => window.stolenCores));
  return others + stolen > BUSY_CORES ? `busy machine: others took up to ${others.toFixed(2)} cores, ${stolen.toFixed(2)} stolen` : '';
}
