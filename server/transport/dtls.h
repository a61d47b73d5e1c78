/* dtls.h - one DTLS 1.2 association over datagrams, up to the SRTP keys.
 *
 *     HANDSHAKING --(finished, fingerprint right)--> DONE --(close_notify)--> CLOSED
 *          |---(alert, no common profile, broken message)--> FAILED
 *          +---(another certificate than announced)--> STRANGER
 *
 * OpenSSL's object is large (55 kB). A server sheds it as soon as the keys are exported and keeps
 * two short things instead: its last flight, should the remote miss that, and its close_notify. The
 * rest goes when the remote proved that it has the keys.
 *
 * Owner    one peer
 * Thread   the peer's
 * Units    microseconds, monotonic, passed in; but OpenSSL measures its retransmission timer on the
 *          wall clock by itself, so time must not run faster than real time during a handshake
 * Errors   as named; broken datagrams are dropped or end in FAILED
 * Spec     RFC 6347, RFC 5764, RFC 8122 (fingerprint)
 */
#ifndef TRANSPORT_DTLS_H
#define TRANSPORT_DTLS_H

#include "rostrum/peer.h"
#include "rostrum/slice.h"

enum dtls_state { DTLS_HANDSHAKING, DTLS_DONE, DTLS_CLOSED, DTLS_FAILED, DTLS_STRANGER };

struct dtls; /* opaque: fields live in dtls.c */

/* Called for each datagram; the bytes are lent. */
typedef void dtls_send_fn(void *ctx, const uint8_t *data, size_t bytes);

/* Allocates; release with dtls_destroy(). Borrows identity and expected. ERR_NOMEM. */
MUST_CHECK int dtls_create(struct dtls **out, const struct dtls_identity *identity,
                           enum dtls_role role, const struct fingerprint *expected,
                           dtls_send_fn *send, void *ctx);
void dtls_destroy(struct dtls *dtls); /* NULL is fine */
/* The client's first flight; a server has nothing to say yet. */
enum dtls_state dtls_begin(struct dtls *dtls, uint64_t now_us);
/* One whole datagram; it may carry any part of a flight. */
enum dtls_state dtls_receive(struct dtls *dtls, struct slice datagram, uint64_t now_us);
/* Repeats the last flight when that is due. */
enum dtls_state dtls_tick(struct dtls *dtls, uint64_t now_us);
uint64_t dtls_due_us(const struct dtls *dtls); /* UINT64_MAX: nothing is due */
/* Only in DTLS_DONE. Wipe `out` after use. ERR_BADSTATE, ERR_UNSUPPORTED (no profile), ERR_CRYPTO. */
MUST_CHECK int dtls_export(struct dtls *dtls, struct srtp_keys *out);
/* After dtls_export(), as the server: frees what is large. From then on the remote's close_notify is
 * not understood any more. A client stays as it is: nobody waits for its last flight. */
void dtls_shed(struct dtls *dtls);
/* Sends close_notify when the handshake is done. */
void dtls_close(struct dtls *dtls);

/* For tests, before the first peer: the SRTP profiles to offer and accept, in OpenSSL's notation.
 * ERR_INVAL. */
MUST_CHECK int dtls_identity_restrict(struct dtls_identity *identity, const char *profiles);

#endif
