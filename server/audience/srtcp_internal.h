/* srtcp_internal.h - what SRTCP looks like, the same for every engine: which bytes are encrypted,
 * which are authenticated, and where index and tag stand. The engine lends its ciphers.
 *
 * Owner    none
 * Thread   the worker that owns the batch
 * Units    bytes; index is SRTCP's of 31 bits
 * Errors   ERR_PROTO: too short or in clear. ERR_AUTH: tag wrong. ERR_CRYPTO: the cipher failed
 * Spec     RFC 3711 section 3.4, RFC 7714 section 9
 */
#ifndef AUDIENCE_SRTCP_INTERNAL_H
#define AUDIENCE_SRTCP_INTERNAL_H

#include "audience/srtp_derive_internal.h"
#include "rostrum/slice.h"

/* Ciphers keyed anew at each use, for SRTCP comes a few times a minute. They work in place. */
struct srtcp_ciphers {
    int (*gcm_seal)(void *batch, const uint8_t key[SRTP_KEY_BYTES],
                    const uint8_t iv[SRTP_GCM_IV_BYTES], struct slice aad, uint8_t *data,
                    size_t bytes, uint8_t tag[SRTP_GCM_TAG_BYTES]);
    int (*gcm_open)(void *batch, const uint8_t key[SRTP_KEY_BYTES],
                    const uint8_t iv[SRTP_GCM_IV_BYTES], struct slice aad, uint8_t *data,
                    size_t bytes, const uint8_t tag[SRTP_GCM_TAG_BYTES]);
    /* AES counter mode, both ways. */
    int (*ctr)(void *batch, const uint8_t key[SRTP_KEY_BYTES], const uint8_t iv[SRTP_CM_IV_BYTES],
               uint8_t *data, size_t bytes);
};

/* As in struct srtp_engine. */
MUST_CHECK int srtcp_protect(const struct srtcp_ciphers *ciphers, void *batch,
                             enum srtp_profile profile, const struct srtp_session_half *key,
                             uint8_t *packet, size_t *bytes, uint32_t index);
MUST_CHECK int srtcp_open(const struct srtcp_ciphers *ciphers, void *batch,
                          enum srtp_profile profile, const struct srtp_session_half *key,
                          uint8_t *packet, size_t *bytes, uint32_t *index);

#endif
