/**
 * A crowd of 300, half by WebSocket and half by WHEP, all at once: all hear, half of them leave and come back in one
 * moment, those who lose packets get them again, slow ones hear too, and the server counts what is true. Then the
 * server is pulled from under a crowd, and everybody comes back. At last a few who reach signalling or sound by IPv6.
 */
import { join } from 'node:path';
import { rostrum } from '../browser/lib/programs.mjs';
import { Server } from '../browser/lib/server.mjs';
import { speech } from '../browser/lib/speech.mjs';
import { Tap } from '../browser/lib/tap.mjs';
import { until } from '../browser/lib/wait.mjs';

const LISTENERS = 300;
const HALF = LISTENERS / 2;
const LOSS_PERCENT = 10;
const SLOW_MS = 100;
const STUBBORN = 40; // in the second room
const FEW = 4;
const t = new Tap();

/**
 * A room that is live, with somebody who talks.
 * @param {Server} server @param {string} slug
 */
async function talkIn(server, slug) {
  const { hosts } = await server.createRoom(slug, ['Ada']);
  await server.api('POST', `/rooms/${slug}/open`);
  const ada = rostrum(server.url, 'speak', slug, await speech('a'), '--token', hosts[0].token, '--consent', '--loop');
  t.defer(() => ada.kill('SIGTERM'));
  await server.api('POST', `/rooms/${slug}/live`);
}

await t.run(async () => {
  const server = await new Server().start();
  t.defer(() => server.stop(t));
  await talkIn(server, 'crowd');
  const connected = async () => (await server.room('crowd')).connected;

  const admin = ['--token-file', join(server.state, 'admin.token')];
  const crowd = rostrum(server.url, ...admin, 'rehearse', 'crowd', '--listeners', String(LISTENERS), '--at-once', '--whep', '50',
    '--seconds', '30', '--lossy', `10:${LOSS_PERCENT}`, '--slow', `10:${SLOW_MS}`, '--verify', '10',
    '--leave', '50@10', '--return', '5');
  t.defer(() => crowd.kill('SIGKILL'));
  await until('all are there', async () => (await connected()) === LISTENERS);
  await until('half of them left', async () => {
    const count = await connected();
    return count > HALF * 0.8 && count < HALF * 1.2;
  });
  await until('they came back', async () => (await connected()) === LISTENERS);
  const ended = await crowd.end;
  t.ok(ended.status === 0, 'the rehearsal ends by itself', ended.stderr.trim());
  const account = JSON.parse(ended.stdout);
  const { attempts, joined, refused, failed, disconnects, reasons } = account;
  /* A server that has just begun lets in some at once, and asks the others to wait for a second; one that was given no
     processor for a while sends those who waited for it away for a second (signalling/acceptor). */
  const later = (reasons.line ?? 0) + (reasons.overload ?? 0);
  const returned = joined - LISTENERS;
  t.ok(returned > HALF * 0.8 && returned < HALF * 1.2 && joined + later === attempts && refused === later && failed + disconnects === 0,
    'everybody joined, and came back', { attempts, joined, refused, failed, disconnects, reasons });
  t.ok(account.verdict.most === LISTENERS, 'all heard at once', account.verdict);

  const { packets, lost, dropped_on_purpose: dropped, repaired, verified, damaged, duplicates } = account;
  t.ok(verified > packets * 0.05 && damaged === 0, 'every tenth listener decrypts all, and every tag is right',
    { packets, verified, damaged });
  // A repair can be lost as well, and is asked for again. What a busy machine lost by itself is repaired too.
  t.ok(repaired > dropped * (1 - LOSS_PERCENT / 100) * 0.9,
    'those who lose packets get them again', { dropped, repaired, lost, duplicates });
  const { nacks_sent: nacks, reports_sent: reports, checks_sent: checks } = account;
  t.ok(nacks > 0 && reports >= LISTENERS && checks >= 2 * joined, 'they report and check as browsers do',
    { nacks, reports, checks });
  const { first_sound_ms: first, signalling_ms: signalling, lateness_ms: lateness } = account;
  t.ok(first.count === joined && first.p99 > 5 * SLOW_MS, 'slow ones hear, later', first);
  t.ok(signalling.count === joined && signalling.max <= first.max, 'each attempt was answered', signalling);
  t.ok(lateness.count === packets, 'each packet was judged', { packets, lateness });

  const { hearing } = account;
  t.ok(hearing.true_max === LISTENERS && hearing.server_max === LISTENERS && hearing.overcount_max === 0,
    'the server counts those who hear, and never more', hearing);
  const seen = account.per_second.filter((/** @type {any} */ second) => second.server?.packets_sent > 0);
  const sent = seen.reduce((/** @type {number} */ sum, /** @type {any} */ second) => sum + second.server.packets_sent, 0);
  const came = seen.reduce((/** @type {number} */ sum, /** @type {any} */ second) => sum + second.packets, 0);
  t.ok(seen.length > 20 && Math.abs(sent - came) < came * 0.05, 'what the server says it sent is what came',
    { seconds: seen.length, sent, came });
  t.figure(`300 listeners at once: first sound p50 ${first.p50} ms, p99 ${first.p99} ms; lost ${lost} of ${packets}, `
    + `lateness p99 ${lateness.p99} ms, gaps over 60 ms ${account.gaps_over_60ms}`);

  await talkIn(server, 'again');
  const there = async () => (await server.room('again')).connected;
  const stubborn = rostrum(server.url, 'rehearse', 'again', '--listeners', String(STUBBORN), '--at-once', '--whep', '50',
    '--seconds', '25');
  t.defer(() => stubborn.kill('SIGKILL'));
  await until('the second crowd is there', async () => (await there()) === STUBBORN);
  await server.crash();
  await server.start();
  await until('it is back', async () => (await there()) === STUBBORN);
  const after = JSON.parse((await stubborn.end).stdout);
  t.ok(after.disconnects === STUBBORN && after.joined === 2 * STUBBORN, 'everybody lost the server and came back',
    { disconnects: after.disconnects, joined: after.joined, failed: after.failed, reasons: after.reasons });
  const { disconnect_reasons: causes } = after;
  t.ok(Object.values(causes).reduce((sum, count) => sum + count, 0) === STUBBORN, 'and each says why', causes);

  for (const http of ['127.0.0.1', '[::1]']) {
    const six = await new Server({ address: '::1', flags: ['--http', `${http}:0`] }).start();
    t.defer(() => six.stop(t));
    await talkIn(six, 'six');
    const few = rostrum(six.url, 'rehearse', 'six', '--listeners', String(FEW), '--at-once', '--whep', '50', '--seconds', '60');
    await until('all hear', async () => (await six.room('six')).hearing === FEW, 60_000);
    const { joined: came, packets: heard, lost: missed, reasons: why } = JSON.parse((await few.kill('SIGINT')).stdout);
    t.ok(came === FEW && heard > 0 && missed === 0, `signalling at ${http}, sound by IPv6`, { came, heard, missed, why });
  }
});
