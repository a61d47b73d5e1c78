/* srtp_derive_internal.h - what every engine needs: session keys from a master, and the IV of a
 * packet.
 *
 * Owner    values; wipe them with OPENSSL_cleanse() when done
 * Thread   any
 * Units    bytes; index as in srtp_batch.h
 * Errors   ERR_INVAL: no such profile. ERR_CRYPTO
 * Spec     RFC 3711 section 4.1.1 and 4.3, RFC 7714 section 8.1, 9.1 and 11
 */
#ifndef AUDIENCE_SRTP_DERIVE_INTERNAL_H
#define AUDIENCE_SRTP_DERIVE_INTERNAL_H

#include "rostrum/error.h"
#include "rostrum/srtp_keys.h"

#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum {
    SRTP_KEY_BYTES = 16,
    SRTP_AUTH_KEY_BYTES = 20, /* RFC 3711 section 5.2 */
    SRTP_GCM_IV_BYTES = 12,   /* RFC 7714 section 8.1 */
    SRTP_CM_IV_BYTES = 16,
    SRTP_GCM_SALT_BYTES = 12, /* RFC 7714 section 12 */
    SRTP_GCM_TAG_BYTES = 16,  /* RFC 7714 section 13.1 */
    SRTP_CM_TAG_BYTES = 10,   /* RFC 3711 section 5.2: 80 bits, SRTCP too */
    SRTCP_INDEX_BYTES = 4,    /* RFC 3711 section 3.4: E flag and 31-bit index */
    SRTP_HEADER_BYTES = 12,   /* RFC 3550 section 5.1 without CSRC and extension */
    SRTCP_HEADER_BYTES = 8,   /* RFC 3550 section 6.4: what SRTCP leaves in clear */
};
#define SRTCP_E_FLAG 0x80000000u /* RFC 3711 section 3.4 */

/* The keys of one kind of packet: SRTP or SRTCP. */
struct srtp_session_half {
    uint8_t key[SRTP_KEY_BYTES];
    uint8_t salt[SRTP_MASTER_SALT_MAX]; /* GCM uses the first 12 */
    uint8_t auth[SRTP_AUTH_KEY_BYTES];  /* AES_CM only; zeros for GCM */
};

struct srtp_session {
    struct srtp_session_half rtp;
    struct srtp_session_half rtcp;
};

MUST_CHECK int srtp_derive(struct srtp_session *out, enum srtp_profile profile,
                           const struct srtp_master *master);

/* XORs the low `bytes` bytes of value into out, most significant first. */
static inline void srtp_xor_be(uint8_t *out, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        out[i] ^= (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

/* RFC 7714 section 8.1 (two zero bytes, SSRC, ROC, SEQ) and 9.1: the 31-bit SRTCP index stands
 * where the low bits of the 48-bit one do, so one function serves both. */
static inline void srtp_gcm_iv(uint8_t iv[SRTP_GCM_IV_BYTES], const uint8_t *salt, uint32_t ssrc,
                               uint64_t index)
{
    memcpy(iv, salt, SRTP_GCM_IV_BYTES);
    srtp_xor_be(iv + 2, ssrc, 4);
    srtp_xor_be(iv + 6, index, 6);
}

/* RFC 3711 section 4.1.1: salt * 2^16 XOR SSRC * 2^64 XOR index * 2^16. */
static inline void srtp_cm_iv(uint8_t iv[SRTP_CM_IV_BYTES], const uint8_t *salt, uint32_t ssrc,
                              uint64_t index)
{
    memcpy(iv, salt, SRTP_MASTER_SALT_MAX);
    iv[14] = 0;
    iv[15] = 0;
    srtp_xor_be(iv + 4, ssrc, 4);
    srtp_xor_be(iv + 8, index, 6);
}

#endif
