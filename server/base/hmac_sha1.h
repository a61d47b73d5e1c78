/* hmac_sha1.h - HMAC-SHA1 that takes no memory and no look-up, for what runs once per packet.
 *
 * A prepared key holds the two states of SHA-1 behind the padded key, so a digest costs as many
 * blocks as the message needs and one more.
 *
 * Owner    values; wipe prepared keys with explicit_bzero() when done
 * Thread   any
 * Units    bytes
 * Errors   none
 * Spec     RFC 2104, FIPS 180-4
 */
#ifndef BASE_HMAC_SHA1_H
#define BASE_HMAC_SHA1_H

#include "rostrum/slice.h"

enum { HMAC_SHA1_BYTES = 20 };

struct hmac_sha1_key {
    uint32_t inner[5];
    uint32_t outer[5];
};

/* Prepares a secret of any length; the empty one is valid. */
void hmac_sha1_key_init(struct hmac_sha1_key *key, struct slice secret);
/* The digest of `count` parts as if they were one. */
void hmac_sha1(const struct hmac_sha1_key *key, const struct slice *parts, size_t count,
               uint8_t out[HMAC_SHA1_BYTES]);

#endif
