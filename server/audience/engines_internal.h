/* engines_internal.h - the engines that srtp_batch.c chooses from.
 *
 * Owner    constants
 * Thread   any; ipsecmb_use() before there are others
 * Units    as in srtp_batch.h
 * Errors   as in srtp_batch.h
 * Spec     as in srtp_batch.h
 */
#ifndef AUDIENCE_ENGINES_INTERNAL_H
#define AUDIENCE_ENGINES_INTERNAL_H

#include "audience/srtp_batch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A pass goes through more keys than the caches hold, and the processor cannot guess where the next
 * one lies. Begins to fetch bytes [from, to) of it while others are at work. Always inlined: gcc
 * takes a function that only prefetches for one without effect and drops the call. */
__attribute__((always_inline)) static inline void engine_prefetch(const void *key, size_t from,
                                                                  size_t to)
{
    for (size_t at = from; at < to; at += 64)
        __builtin_prefetch((const uint8_t *)key + at);
}

extern const struct srtp_engine engine_openssl;

/* Only in builds with libipsec-mb. */
extern const struct srtp_engine engine_ipsecmb;
/* Whether this processor has what the engine needs; prepares the engine at the first call. */
bool ipsecmb_works(void);

enum ipsecmb_kind {
    IPSECMB_BEST,
    IPSECMB_SSE,
    IPSECMB_SSE_SHA, /* and SHA-1 instructions */
    IPSECMB_AVX2,
    IPSECMB_AVX2_VAES, /* and vectors of AES */
    IPSECMB_AVX512,
    IPSECMB_AVX512_VAES,
};
/* For tests: the code for another kind of processor. Keys and batches made before are invalid
 * then. false: this processor lacks it. */
bool ipsecmb_use(enum ipsecmb_kind kind);
#endif
