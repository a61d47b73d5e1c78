/* stun_internal.h - numbers and digests that reading and writing STUN share.
 *
 * Owner    nobody
 * Thread   any
 * Units    bytes
 * Errors   0 or a negative ERR_*
 * Spec     RFC 8489 sections 14 and 18.3, RFC 8445 section 16.1
 */
#ifndef WIRE_STUN_INTERNAL_H
#define WIRE_STUN_INTERNAL_H

#include "base/hmac_sha1.h"
#include "rostrum/stun.h"

enum {
    ATTR_MAPPED_ADDRESS = 0x0001,     /* RFC 8489 section 14.1 */
    ATTR_USERNAME = 0x0006,           /* RFC 8489 section 14.3 */
    ATTR_MESSAGE_INTEGRITY = 0x0008,  /* RFC 8489 section 14.5 */
    ATTR_ERROR_CODE = 0x0009,         /* RFC 8489 section 14.8 */
    ATTR_UNKNOWN_ATTRIBUTES = 0x000A, /* RFC 8489 section 14.13 */
    ATTR_REALM = 0x0014,              /* RFC 8489 section 14.9 */
    ATTR_NONCE = 0x0015,              /* RFC 8489 section 14.10 */
    ATTR_XOR_MAPPED_ADDRESS = 0x0020, /* RFC 8489 section 14.2 */
    ATTR_PRIORITY = 0x0024,           /* RFC 8445 section 16.1 */
    ATTR_USE_CANDIDATE = 0x0025,      /* RFC 8445 section 16.1 */
    ATTR_OPTIONAL = 0x8000,           /* RFC 8489 section 14: from here on, ignore if unknown */
    ATTR_FINGERPRINT = 0x8028,        /* RFC 8489 section 14.7 */
    ATTR_ICE_CONTROLLED = 0x8029,     /* RFC 8445 section 16.1 */
    ATTR_ICE_CONTROLLING = 0x802A,    /* RFC 8445 section 16.1 */

    ATTR_HEADER_BYTES = 4,
    DIGEST_BYTES = HMAC_SHA1_BYTES, /* RFC 8489 section 14.5 */
    FINGERPRINT_BYTES = 8,          /* attribute header and CRC */
    FAMILY_IPV4 = 1,                /* RFC 8489 section 14.1 */
    FAMILY_IPV6 = 2
};
#define FINGERPRINT_XOR 0x5354554Eu /* RFC 8489 section 14.7 */

/* HMAC-SHA1 over a message whose header says `length` instead of what stands there. */
void stun_digest(struct slice message, uint16_t length, struct slice key,
                 uint8_t out[DIGEST_BYTES]);
/* CRC-32 of ITU-T V.42 over the message (RFC 8489 section 14.7), already xored. */
uint32_t stun_crc(struct slice message);
/* XORs an address with cookie and transaction id: the same both ways (RFC 8489 section 14.2). */
void stun_xor_address(struct address *address, const uint8_t txid[STUN_TXID_BYTES]);

#endif
