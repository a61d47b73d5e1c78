/* srtp_batch.h - SRTP for very many keys: one call protects one packet for each of many seats.
 *
 * An engine is chosen once per process. It owns nothing per seat: each seat's keys lie in memory
 * that the audience gives it, engine->key_bytes each, aligned to 64 bytes. A key has a half: who
 * listens sends no media, so what comes from a listener needs no more than SRTCP.
 *
 * Owner    engines are constants; key memory belongs to the caller
 * Thread   a batch object belongs to one worker; keys to the worker of their seat
 * Units    bytes; index is the 48-bit SRTP packet index (ROC * 2^16 + SEQ), 31-bit for SRTCP
 * Errors   ERR_CRYPTO: the library failed. ERR_AUTH: tag wrong. ERR_PROTO: too short
 * Spec     RFC 3711 (AES_CM_128_HMAC_SHA1_80), RFC 7714 (AEAD_AES_128_GCM); byte-identical to
 * libsrtp by test
 */
#ifndef AUDIENCE_SRTP_BATCH_H
#define AUDIENCE_SRTP_BATCH_H

#include "rostrum/error.h"
#include "rostrum/srtp_keys.h"

#include <stddef.h>
#include <stdint.h>

struct srtp_job {
    const void *key; /* SRTP_SENDING, made by srtp_engine.key_init */
    uint8_t *packet; /* a 12-byte RTP header and the payload, in clear; protected in place */
    uint64_t index;  /* the sequence number in the header is its low 16 bits */
    uint32_t
        bytes; /* in: header and payload; out: with the tag. SRTP_TRAILER_MAX spare bytes behind */
};

enum srtp_half {
    SRTP_SENDING,   /* protects RTP and RTCP */
    SRTP_RECEIVING, /* opens RTCP only; small, and no memory beyond its own */
};

struct srtp_engine {
    const char *name; /* "openssl", "ipsecmb" */
    /* Memory for one half. */
    size_t (*key_bytes)(enum srtp_profile profile, enum srtp_half half);
    /* Expands the session keys of `master` into `key`. ERR_CRYPTO, ERR_INVAL: no such profile. */
    int (*key_init)(void *key, enum srtp_profile profile, enum srtp_half half,
                    const struct srtp_master *master);
    /* Wipes, frees what key_init took. */
    void (*key_clear)(void *key, enum srtp_profile profile, enum srtp_half half);
    /* Per worker scratch. ERR_NOMEM. */
    int (*batch_create)(void **batch);
    void (*batch_destroy)(void *batch);
    /* Protects every job in place; all keys have the same profile. ERR_CRYPTO. */
    int (*protect)(void *batch, enum srtp_profile profile, struct srtp_job *jobs, size_t count);
    /* SRTCP, one packet. protect (key: SRTP_SENDING): `index` is 1 more at each call of the owner.
     * unprotect (key: SRTP_RECEIVING): returns the packet's index; the caller refuses replays.
     * *bytes grows and shrinks. ERR_AUTH, ERR_PROTO, ERR_CRYPTO. */
    int (*protect_rtcp)(void *batch, enum srtp_profile profile, const void *key, uint8_t *packet,
                        size_t *bytes, uint32_t index);
    int (*unprotect_rtcp)(void *batch, enum srtp_profile profile, const void *key, uint8_t *packet,
                          size_t *bytes, uint32_t *index);
};

/* "auto" takes the fastest that works here; NULL: no such engine in this build, or this processor
 * lacks what it needs. */
const struct srtp_engine *srtp_engine_find(const char *name);
/* Lends the names of the engines in this build, NULL-terminated, fastest first. */
const char *const *srtp_engine_names(void);

#endif
