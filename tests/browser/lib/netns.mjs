/**
 * netns.mjs - a private network for a test with Firefox.
 *
 * Firefox never sends to a loopback candidate, and a test must not depend on the machine's network:
 * the whole program starts again in a network namespace with a pair of virtual Ethernet ends. There, a program may also
 * come from any address of STRANGERS.
 */
import { spawnSync } from 'node:child_process';

/** What the server advertises in there. */
export const ADDRESS = '10.9.0.1';

/** Every 198.18.x.y is an address of this machine in there (RFC 2544: a range for tests). */
export const STRANGERS = '198.18.0.0/16';

// Without IPv6 on the pair: its address would come up a second late, and Chromium drops what it is loading when
// the network changes (ERR_NETWORK_CHANGED).
const SETUP = `set -e
ip link set lo up
echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6
ip link add v0 type veth peer name v1
ip addr add ${ADDRESS}/24 dev v0
ip link set v0 up
ip link set v1 up
ip route add default via 10.9.0.2
ip route add local ${STRANGERS} dev lo
exec "$@"`;

/** Returns inside the namespace; outside it waits for the run inside and ends the process. */
export function enterNamespace() {
  if (process.env.ROSTRUM_TEST_NETNS) return;
  // Who is not root may do this as the root of a user namespace.
  const namespaces = process.getuid?.() === 0 ? ['--net'] : ['--net', '--map-root-user'];
  const { status, error } = spawnSync('unshare', [...namespaces, 'bash', '-c', SETUP, 'netns', process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: 'inherit',
    env: { ...process.env, ROSTRUM_TEST_NETNS: '1' },
  });
  if (error) console.log(`not ok 1 - enters a network namespace # ${error}`);
  process.exit(status ?? 1);
}
