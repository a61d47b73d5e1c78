/* srtp_keys.h - the SRTP keys of one DTLS association, as exported, and what each profile is made
 * of.
 *
 * Owner    values; wipe copies with OPENSSL_cleanse() when done
 * Thread   any
 * Units    bytes
 * Errors   none
 * Spec     RFC 5764 section 4.1.2 and 4.2, RFC 7714 section 14.2
 */
#ifndef ROSTRUM_SRTP_KEYS_H
#define ROSTRUM_SRTP_KEYS_H

#include <stdint.h>

enum {
    SRTP_MASTER_KEY_BYTES = 16, /* both profiles are AES-128 */
    SRTP_MASTER_SALT_MAX = 14,  /* AES_CM 14, AEAD_AES_GCM 12 */
    SRTP_TRAILER_MAX = 16,      /* longest SRTP tag: GCM 16, HMAC-SHA1-80 10 */
    SRTCP_TRAILER_MAX = 20,     /* tag + 4 bytes of E flag and index */
};

enum srtp_profile {
    SRTP_NONE = 0,
    SRTP_AES128_CM_SHA1_80 = 0x0001, /* RFC 5764 section 4.1.2 */
    SRTP_AEAD_AES_128_GCM = 0x0007,  /* RFC 7714 section 14.2 */
};

struct srtp_master {
    uint8_t key[SRTP_MASTER_KEY_BYTES];
    uint8_t salt[SRTP_MASTER_SALT_MAX]; /* GCM uses the first 12 */
};

struct srtp_keys {
    enum srtp_profile profile;
    struct srtp_master send;    /* what we protect with */
    struct srtp_master receive; /* what the peer protects with */
};

#endif
