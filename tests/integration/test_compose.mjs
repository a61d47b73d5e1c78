/**
 * deploy/compose.yaml without containers: its services run with their own settings, secrets, commands and health checks, each on a
 * network of its own. A setting that rostrumd does not know ends it at the start, and so this test.
 */
// waits
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Program, ROOT, ROSTRUM, ROSTRUMD, run, temporaryFolder } from '../browser/lib/programs.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';
import { enterHouse, Network } from './house/network.mjs';

const DEPLOY = join(ROOT, 'deploy');
const SECRETS = '/run/secrets'; // the test's own, see enterHouse()
const NODE_IMAGE = 'rostrum:local';
const SYSTEM = /^libc6/; // every image has it

/** @typedef {{image: string, environment?: Record<string, string>, command?: string[], ports?: string[], volumes?: string[], secrets?: string[], hostname?: string, stop_grace_period?: string, healthcheck: {test: string[]}}} Service */
/** @typedef {{services: Record<string, Service>, secrets: Record<string, {file: string}>, volumes: Record<string, null>}} Compose */

await enterHouse();
const t = new Tap();

/** As `docker compose` does it: ${NAME}, ${NAME:-default}, ${NAME:?complaint}, $$. @param {string} text @param {Record<string, string>} settings */
function filled(text, settings) {
  return text.replace(/\$\$|\$\{(\w+)(?::([-?])([^}]*))?\}/g, (all, name, kind, rest) => {
    if (all === '$$') return '$';
    if (settings[name]) return settings[name];
    if (kind === '-') return rest;
    throw new Error(`env.example does not set ${name}`);
  });
}

/** @returns {Compose} */
function compose() {
  const settings = Object.fromEntries(readFileSync(join(DEPLOY, 'env.example'), 'utf8').split('\n')
    .filter((line) => /^\w+=/.test(line)).map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
  const code = 'import json, sys, yaml; json.dump(yaml.safe_load(open(sys.argv[1])), sys.stdout)';
  const text = execFileSync('/usr/bin/python3', ['-c', code, join(DEPLOY, 'compose.yaml')], { encoding: 'utf8' });
  return JSON.parse(text, (_, value) => (typeof value === 'string' ? filled(value, settings) : value));
}

/** What a service says fits what the file defines. @param {Compose} file */
function checkReferences({ services, secrets, volumes }) {
  const nodes = Object.entries(services).filter(([, { image }]) => image === NODE_IMAGE);
  t.ok(nodes.length === 3 && 'redis' in services && 'caddy' in services, 'there are three nodes, Redis and a proxy', Object.keys(services));
  for (const [name, service] of nodes) {
    const port = service.environment?.ROSTRUM_MEDIA_PORT;
    t.ok(service.ports?.includes(`${port}:${port}/udp`) ?? false, `${name}: its media port is published as it is told to listeners`, service.ports);
    t.ok(service.hostname === name && service.environment?.ROSTRUM_PUBLIC_ADDRESS?.endsWith(`, ${name}`) === true, `${name}: its neighbours reach it by its own name`);
    t.ok(/^\d+s$/.test(service.stop_grace_period ?? ''), `${name}: it is given time to let its listeners go`, service.stop_grace_period);
  }
  const used = Object.values(services).flatMap((service) => service.volumes ?? []).map((volume) => volume.split(':')[0]).filter((name) => !name.startsWith('.'));
  t.ok(JSON.stringify(used.sort()) === JSON.stringify(Object.keys(volumes).sort()), 'each volume is defined and used', used);
  const granted = new Set(Object.values(services).flatMap((service) => service.secrets ?? []));
  t.ok(JSON.stringify([...granted].sort()) === JSON.stringify(Object.keys(secrets).sort()), 'each secret is defined and used', [...granted]);
  for (const [name, { command = [], environment = {} }] of Object.entries(services))
    t.ok(!/:[^/ @]+@|requirepass|password/i.test(JSON.stringify([command, environment])), `${name}: no password in its command or settings`);
}

/** As make-secrets leaves them, where the containers find them. @param {Compose} file */
async function placeSecrets({ secrets }) {
  const folder = temporaryFolder();
  await run(join(DEPLOY, 'make-secrets'), [folder]);
  const before = readFileSync(join(folder, 'cluster.secret'), 'utf8');
  await run(join(DEPLOY, 'make-secrets'), [folder]);
  t.ok(readFileSync(join(folder, 'cluster.secret'), 'utf8') === before, 'secrets that are there stay');
  t.ok(readdirSync(folder).every((name) => (statSync(join(folder, name)).mode & 0o77) === 0), 'nobody but their owner reads them');
  mkdirSync(SECRETS);
  for (const [name, { file }] of Object.entries(secrets)) copyFileSync(join(folder, file.replace('secrets/', '')), join(SECRETS, name));
}

/** Services find each other by name. @param {Network} network @param {string[]} names */
async function nameThem(network, names) {
  const hosts = join(temporaryFolder(), 'hosts');
  writeFileSync(hosts, ['127.0.0.1 localhost', ...names.map((name) => `${network.address(name)} ${name}`), ''].join('\n'));
  await run('mount', ['--bind', hosts, '/etc/hosts']); // in here only
}

/** @param {Network} network @param {string} name @param {Service} service */
async function isHealthy(network, name, { healthcheck: { test } }) {
  const command = test[0] === 'CMD-SHELL' ? ['sh', '-c', ...test.slice(1)] : test.slice(1);
  return (await network.start(name, command[0], ...command.slice(1)).end).status === 0;
}

/** @param {Network} network @param {string} name @param {Service} service @param {Record<string, string>} [more] */
function startNode(network, name, { environment = {} }, more = {}) {
  const state = temporaryFolder();
  const settings = Object.entries({ ...environment, ROSTRUM_STATE: state, ...more }).map(([key, value]) => `${key}=${value}`);
  return { name, state, program: network.start(name, 'env', ...settings, ROSTRUMD) };
}

/** Libraries that the programs are linked with, and that none of these packages has. @param {string[]} packages */
async function missingLibraries(packages) {
  const needed = new Set();
  for (const program of [ROSTRUMD, ROSTRUM])
    for (const [, library] of (await run('objdump', ['-p', program])).stdout.matchAll(/NEEDED +(\S+)/g)) needed.add(library);
  const missing = [];
  for (const library of needed) {
    const owners = (await run('dpkg', ['-S', `*/${library}`])).stdout.trim().split('\n').map((line) => line.split(':')[0]);
    if (!owners.some((owner) => SYSTEM.test(owner) || packages.includes(owner))) missing.push(`${library} of ${owners}`);
  }
  return missing;
}

await t.run(async () => {
  const file = compose();
  checkReferences(file);
  await placeSecrets(file);
  const nodes = Object.entries(file.services).filter(([, { image }]) => image === NODE_IMAGE);
  const names = [...nodes.map(([name]) => name), 'redis'];
  const network = await Network.build(names);
  await nameThem(network, names);

  const { redis } = file.services;
  const [path, ...args] = redis.command ?? [];
  const store = network.start('redis', path, ...args);
  t.defer(() => store.kill('SIGKILL'));
  await until('Redis is healthy', () => isHealthy(network, 'redis', redis));
  t.ok(true, 'Redis starts, and its health check passes');

  const running = nodes.map(([name, service]) => startNode(network, name, service));
  t.defer(() => Promise.all(running.map(({ program }) => program.kill('SIGKILL'))));
  for (const [i, [name, service]] of nodes.entries())
    await until(`${name} is healthy`, async () => {
      const { ended } = running[i].program;
      if (ended) return ended;
      return isHealthy(network, name, service);
    });
  if (!t.ok(running.every(({ program }) => program.ended === null), 'each node knows all of its settings, and its health check passes',
    running.map(({ program }) => program.ended?.stderr ?? 'runs'))) return;

  await until('the nodes see each other', async () => {
    for (const { name, state } of running) {
      const token = readFileSync(join(state, 'admin.token'), 'utf8').trim();
      const reply = await fetch(`http://${network.address(name)}:8080/api/v1/node`, { headers: { authorization: `Bearer ${token}` } });
      const { cluster } = await reply.json();
      if (cluster.directory !== 'up' || cluster.nodes.length !== nodes.length) throw new Error(JSON.stringify(cluster));
    }
    return true;
  });
  t.ok(true, 'they meet in this Redis, with these secrets');

  const [name, service] = nodes[0];
  for (const { program } of running) t.ok((await program.kill('SIGTERM')).status === 0, 'and end when they are told to');
  t.ok(!(await isHealthy(network, name, service)), 'who does not run is not healthy');
  const wrong = await startNode(network, name, service, { ROSTRUM_NO_SUCH_SETTING: '1' }).program.end;
  t.ok(wrong.status !== 0 && /NO_SUCH_SETTING/.test(wrong.stderr), 'with a setting that there is not, it would have said so', wrong.stderr.trim());

  const listed = readFileSync(join(DEPLOY, 'packages'), 'utf8').split('\n').filter((line) => /^(image|run) /.test(line)).map((line) => line.split(' ')[1]);
  const missing = await missingLibraries(listed);
  t.ok(missing.length === 0, 'the image has what the programs are linked with', missing);
});
