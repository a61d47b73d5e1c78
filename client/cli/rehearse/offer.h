/* offer.h - the SDP offer of somebody who only listens, as Chromium writes it: the server parses as
 * much for one of the crowd as for a real listener.
 *
 * Owner    values; pointers are borrowed for the call
 * Thread   any
 * Units    bytes
 * Errors   as named
 * Spec     RFC 8866, RFC 8829, RFC 8839, RFC 8122
 */
#ifndef REHEARSE_OFFER_H
#define REHEARSE_OFFER_H

#include "rostrum/cursor.h"
#include "rostrum/error.h"
#include "rostrum/peer.h"

enum { OFFER_BYTES_MAX = 4096 };

struct offer_params {
    uint64_t session_id; /* below 2^62 */
    const char *ufrag, *pwd;
    const struct fingerprint *fingerprint; /* SHA-256 */
    bool nack; /* Chromium does not offer it for Opus; who wants lost packets again must */
};

/* Appends the text. ERR_FULL: out->at is as before. */
MUST_CHECK int offer_write(const struct offer_params *params, struct writer *out);

#endif
