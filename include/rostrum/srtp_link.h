/* srtp_link.h - both directions of one SRTP association by libsrtp: for hosts, for the client, and
 * as the reference of every test. The audience has its own batch engines (audience/srtp_batch.h).
 *
 * Owner    whoever made it: one host of a worker, one session of the client
 * Thread   the owner's; srtp_link_startup() once per process, before the first
 * Units    bytes
 * Errors   ERR_AUTH: forged, damaged; ERR_EXIST: replayed; both are normal on a network: count, do
 *          not log
 * Spec     RFC 3711, RFC 7714
 */
#ifndef ROSTRUM_SRTP_LINK_H
#define ROSTRUM_SRTP_LINK_H

#include "rostrum/error.h"
#include "rostrum/srtp_keys.h"

#include <stddef.h>
#include <stdint.h>

struct srtp_link; /* opaque: fields live in srtp_link.c */

MUST_CHECK int srtp_link_startup(void);
/* Allocates; release with srtp_link_destroy(). Copies the keys. ERR_NOMEM, ERR_CRYPTO. */
MUST_CHECK int srtp_link_create(struct srtp_link **out, const struct srtp_keys *keys);
void srtp_link_destroy(struct srtp_link *link); /* NULL is fine */
/* In place. The buffer has SRTP_TRAILER_MAX (SRTCP_TRAILER_MAX) spare bytes behind *bytes. The same
 * sequence number may be protected again (retransmission). ERR_CRYPTO. */
MUST_CHECK int srtp_link_protect(struct srtp_link *link, uint8_t *packet, size_t *bytes);
MUST_CHECK int srtp_link_protect_rtcp(struct srtp_link *link, uint8_t *packet, size_t *bytes);
/* In place. ERR_AUTH, ERR_EXIST. */
MUST_CHECK int srtp_link_unprotect(struct srtp_link *link, uint8_t *packet, size_t *bytes);
MUST_CHECK int srtp_link_unprotect_rtcp(struct srtp_link *link, uint8_t *packet, size_t *bytes);

#endif
