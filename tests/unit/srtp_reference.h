/* srtp_reference.h - libsrtp as the other side, for tests: one direction of one SSRC.
 *
 * Owner    the test; srtp_dealloc() what reference_open() gives
 * Thread   any
 * Units    bytes
 * Errors   asserts
 * Spec     RFC 3711, RFC 7714
 */
#ifndef TEST_SRTP_REFERENCE_H
#define TEST_SRTP_REFERENCE_H

#include "rostrum/srtp_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <srtp2/srtp.h>

/* Repeatable noise: splitmix64. */
static inline uint64_t noise(uint64_t *state)
{
    uint64_t z = (*state += 0x9E3779B97F4A7C15u);
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static inline void noise_fill(uint64_t *state, void *out, size_t bytes)
{
    uint8_t *data = out;
    for (size_t i = 0; i < bytes; i++)
        data[i] = (uint8_t)noise(state);
}

static inline srtp_t reference_open(enum srtp_profile profile, const struct srtp_master *master,
                                    uint32_t ssrc)
{
    bool is_gcm = profile == SRTP_AEAD_AES_128_GCM;
    srtp_profile_t theirs = is_gcm ? srtp_profile_aead_aes_128_gcm : srtp_profile_aes128_cm_sha1_80;
    srtp_policy_t policy;
    uint8_t key[SRTP_MASTER_KEY_BYTES + SRTP_MASTER_SALT_MAX];
    srtp_t session = NULL;
    memset(&policy, 0, sizeof(policy));
    memcpy(key, master->key, sizeof(master->key));
    memcpy(key + SRTP_MASTER_KEY_BYTES, master->salt, sizeof(master->salt));
    assert_int_equal(srtp_crypto_policy_set_from_profile_for_rtp(&policy.rtp, theirs), 0);
    assert_int_equal(srtp_crypto_policy_set_from_profile_for_rtcp(&policy.rtcp, theirs), 0);
    policy.ssrc.type = ssrc_specific;
    policy.ssrc.value = ssrc;
    policy.key = key;
    policy.window_size = 128;
    assert_int_equal(srtp_create(&session, &policy), srtp_err_status_ok);
    return session;
}

static inline int reference_startup(void **state)
{
    (void)state;
    return srtp_init() == srtp_err_status_ok ? 0 : -1;
}

static inline int reference_shutdown(void **state)
{
    (void)state;
    return srtp_shutdown() == srtp_err_status_ok ? 0 : -1;
}

#endif
