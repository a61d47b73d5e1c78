#include "rostrum/srtp_link.h"

#include "rostrum/cursor.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <srtp2/srtp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    REPLAY_WINDOW_PACKETS = 1024, /* 20 s of audio: late retransmissions are no replays */
    SOURCES_MAX = 16,             /* libsrtp keeps 30 kB for each SSRC that it ever received */
    RTP_SSRC_AT = 8,              /* RFC 3550 section 5.1 */
    RTCP_SSRC_AT = 4,             /* RFC 3550 section 6.4.1 */
    GCM_SALT_BYTES = 12,          /* RFC 7714 section 12 */
};

struct srtp_link {
    srtp_t send;                   /* owned */
    srtp_t receive;                /* owned */
    uint32_t sources[SOURCES_MAX]; /* SSRCs that sent something authentic */
    unsigned source_count;
};

static pthread_once_t startup_once = PTHREAD_ONCE_INIT;
static int startup_err;

static void start_library(void)
{
    startup_err = srtp_init() == srtp_err_status_ok ? 0 : ERR_CRYPTO;
}

int srtp_link_startup(void)
{
    (void)pthread_once(&startup_once, start_library);
    return startup_err;
}

static int create_session(srtp_t *out, srtp_ssrc_type_t direction, enum srtp_profile profile,
                          const struct srtp_master *master)
{
    uint8_t key[SRTP_MASTER_KEY_BYTES + SRTP_MASTER_SALT_MAX] = {0};
    memcpy(key, master->key, SRTP_MASTER_KEY_BYTES);
    memcpy(key + SRTP_MASTER_KEY_BYTES, master->salt,
           profile == SRTP_AEAD_AES_128_GCM ? GCM_SALT_BYTES : SRTP_MASTER_SALT_MAX);
    srtp_policy_t policy = {
        .ssrc = {.type = direction},
        .key = key,
        .window_size = REPLAY_WINDOW_PACKETS,
        .allow_repeat_tx = 1,
    };
    if (profile == SRTP_AEAD_AES_128_GCM) {
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtp);
        srtp_crypto_policy_set_aes_gcm_128_16_auth(&policy.rtcp);
    } else {
        srtp_crypto_policy_set_rtp_default(&policy.rtp);
        srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
    }
    srtp_err_status_t status = srtp_create(out, &policy);
    OPENSSL_cleanse(key, sizeof(key));
    if (status != srtp_err_status_ok)
        *out = NULL;
    return status == srtp_err_status_ok ? 0 : ERR_CRYPTO;
}

int srtp_link_create(struct srtp_link **out, const struct srtp_keys *keys)
{
    if (keys->profile != SRTP_AEAD_AES_128_GCM && keys->profile != SRTP_AES128_CM_SHA1_80)
        return ERR_CRYPTO;
    struct srtp_link *link = calloc(1, sizeof(*link));
    if (!link)
        return ERR_NOMEM;
    int err = create_session(&link->send, ssrc_any_outbound, keys->profile, &keys->send);
    if (err)
        goto fail;
    err = create_session(&link->receive, ssrc_any_inbound, keys->profile, &keys->receive);
    if (err)
        goto fail;
    *out = link;
    return 0;
fail:
    srtp_link_destroy(link);
    return err;
}

void srtp_link_destroy(struct srtp_link *link)
{
    if (!link)
        return;
    if (link->send)
        (void)srtp_dealloc(link->send);
    if (link->receive)
        (void)srtp_dealloc(link->receive);
    free(link);
}

typedef srtp_err_status_t transform_fn(srtp_t session, void *packet, int *bytes);

static int protect(srtp_t session, transform_fn *transform, uint8_t *packet, size_t *bytes)
{
    int length = *bytes <= INT_MAX ? (int)*bytes : -1;
    if (length < 0 || transform(session, packet, &length) != srtp_err_status_ok)
        return ERR_CRYPTO;
    *bytes = (size_t)length;
    return 0;
}

int srtp_link_protect(struct srtp_link *link, uint8_t *packet, size_t *bytes)
{
    return protect(link->send, srtp_protect, packet, bytes);
}

int srtp_link_protect_rtcp(struct srtp_link *link, uint8_t *packet, size_t *bytes)
{
    return protect(link->send, srtp_protect_rtcp, packet, bytes);
}

static bool is_known(const struct srtp_link *link, uint32_t ssrc)
{
    for (unsigned i = 0; i < link->source_count; i++)
        if (link->sources[i] == ssrc)
            return true;
    return false;
}

/* A sender that takes ever new SSRCs must not make libsrtp grow without end. */
static int unprotect(struct srtp_link *link, transform_fn *transform, size_t ssrc_at,
                     uint8_t *packet, size_t *bytes)
{
    struct cursor c = cursor_of(slice_of(packet, *bytes));
    cursor_skip(&c, ssrc_at);
    uint32_t ssrc = cursor_u32(&c);
    bool known = is_known(link, ssrc);
    if (c.bad || *bytes > INT_MAX || (!known && link->source_count == SOURCES_MAX))
        return ERR_AUTH;
    int length = (int)*bytes;
    srtp_err_status_t status = transform(link->receive, packet, &length);
    if (status == srtp_err_status_replay_fail || status == srtp_err_status_replay_old)
        return ERR_EXIST;
    if (status != srtp_err_status_ok)
        return ERR_AUTH;
    if (!known)
        link->sources[link->source_count++] = ssrc;
    *bytes = (size_t)length;
    return 0;
}

int srtp_link_unprotect(struct srtp_link *link, uint8_t *packet, size_t *bytes)
{
    return unprotect(link, srtp_unprotect, RTP_SSRC_AT, packet, bytes);
}

int srtp_link_unprotect_rtcp(struct srtp_link *link, uint8_t *packet, size_t *bytes)
{
    return unprotect(link, srtp_unprotect_rtcp, RTCP_SSRC_AT, packet, bytes);
}
