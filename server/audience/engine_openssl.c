/* The engine that runs everywhere. Its cipher contexts belong to the batch and are keyed anew for
 * each packet. A context per seat would save that (GCM 150 ns, CM 60) while all of them stay in the
 * cache, but they are 1.2 KiB each in several pieces: where 10 000 seats have come and gone, a
 * packet waited 400 ns for them. */
#include "audience/bytes_internal.h"
#include "audience/engines_internal.h"
#include "audience/srtcp_internal.h"
#include "base/hmac_sha1.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>

/* The sending half. A receiving half is its struct srtp_session_half and nothing else. */
struct key {
    struct srtp_session_half rtcp;
    uint8_t rtp_key[SRTP_KEY_BYTES];
    uint8_t rtp_salt[SRTP_MASTER_SALT_MAX];
    struct hmac_sha1_key rtp_hmac; /* AES_CM only */
};

struct batch {
    EVP_CIPHER_CTX *gcm_seal; /* owned; keyed anew at each use, as the other two */
    EVP_CIPHER_CTX *gcm_open; /* owned */
    EVP_CIPHER_CTX *ctr;      /* owned */
};

static size_t key_bytes(enum srtp_profile profile, enum srtp_half half)
{
    (void)profile;
    return half == SRTP_SENDING ? sizeof(struct key) : sizeof(struct srtp_session_half);
}

static void key_clear(void *key, enum srtp_profile profile, enum srtp_half half)
{
    OPENSSL_cleanse(key, key_bytes(profile, half));
}

static void sending_init(struct key *key, enum srtp_profile profile,
                         const struct srtp_session *session)
{
    memset(key, 0, sizeof(*key));
    key->rtcp = session->rtcp;
    memcpy(key->rtp_key, session->rtp.key, sizeof(key->rtp_key));
    memcpy(key->rtp_salt, session->rtp.salt, sizeof(key->rtp_salt));
    if (profile == SRTP_AES128_CM_SHA1_80)
        hmac_sha1_key_init(&key->rtp_hmac, slice_of(session->rtp.auth, sizeof(session->rtp.auth)));
}

static int key_init(void *key, enum srtp_profile profile, enum srtp_half half,
                    const struct srtp_master *master)
{
    struct srtp_session session;
    int err = srtp_derive(&session, profile, master);
    if (err != 0)
        return err;
    if (half == SRTP_SENDING)
        sending_init(key, profile, &session);
    else
        memcpy(key, &session.rtcp, sizeof(session.rtcp));
    OPENSSL_cleanse(&session, sizeof(session));
    return 0;
}

static void batch_destroy(void *memory)
{
    struct batch *batch = memory;
    if (!batch)
        return;
    EVP_CIPHER_CTX_free(batch->gcm_seal);
    EVP_CIPHER_CTX_free(batch->gcm_open);
    EVP_CIPHER_CTX_free(batch->ctr);
    free(batch);
}

static int batch_create(void **out)
{
    struct batch *batch = calloc(1, sizeof(*batch));
    if (!batch)
        return ERR_NOMEM;
    batch->gcm_seal = EVP_CIPHER_CTX_new();
    batch->gcm_open = EVP_CIPHER_CTX_new();
    batch->ctr = EVP_CIPHER_CTX_new();
    if (!batch->gcm_seal || !batch->gcm_open || !batch->ctr)
        goto fail;
    if (EVP_EncryptInit_ex(batch->gcm_seal, EVP_aes_128_gcm(), NULL, NULL, NULL) != 1 ||
        EVP_DecryptInit_ex(batch->gcm_open, EVP_aes_128_gcm(), NULL, NULL, NULL) != 1 ||
        EVP_EncryptInit_ex(batch->ctr, EVP_aes_128_ctr(), NULL, NULL, NULL) != 1)
        goto fail;
    *out = batch;
    return 0;
fail:
    batch_destroy(batch);
    return ERR_NOMEM;
}

/* Both directions work in place. */
static int gcm_seal(void *memory, const uint8_t *key, const uint8_t *iv, struct slice aad,
                    uint8_t *data, size_t bytes, uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = ((struct batch *)memory)->gcm_seal;
    int written;
    bool good = EVP_EncryptInit_ex(ctx, NULL, NULL, key, iv) == 1 &&
                EVP_EncryptUpdate(ctx, NULL, &written, aad.data, (int)aad.bytes) == 1 &&
                (bytes == 0 || EVP_EncryptUpdate(ctx, data, &written, data, (int)bytes) == 1) &&
                EVP_EncryptFinal_ex(ctx, data + bytes, &written) == 1 &&
                EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SRTP_GCM_TAG_BYTES, tag) == 1;
    return good ? 0 : ERR_CRYPTO;
}

static int gcm_open(void *memory, const uint8_t *key, const uint8_t *iv, struct slice aad,
                    uint8_t *data, size_t bytes, const uint8_t *tag)
{
    EVP_CIPHER_CTX *ctx = ((struct batch *)memory)->gcm_open;
    uint8_t expected[SRTP_GCM_TAG_BYTES]; /* the control call takes no const */
    int written;
    memcpy(expected, tag, sizeof(expected));
    if (EVP_DecryptInit_ex(ctx, NULL, NULL, key, iv) != 1 ||
        EVP_DecryptUpdate(ctx, NULL, &written, aad.data, (int)aad.bytes) != 1 ||
        (bytes > 0 && EVP_DecryptUpdate(ctx, data, &written, data, (int)bytes) != 1) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, sizeof(expected), expected) != 1)
        return ERR_CRYPTO;
    return EVP_DecryptFinal_ex(ctx, data + bytes, &written) == 1 ? 0 : ERR_AUTH;
}

static int ctr(void *memory, const uint8_t *key, const uint8_t *iv, uint8_t *data, size_t bytes)
{
    EVP_CIPHER_CTX *ctx = ((struct batch *)memory)->ctr;
    int written;
    bool good = EVP_EncryptInit_ex(ctx, NULL, NULL, key, iv) == 1 &&
                (bytes == 0 || EVP_EncryptUpdate(ctx, data, &written, data, (int)bytes) == 1);
    return good ? 0 : ERR_CRYPTO;
}

static int protect_gcm(void *batch, struct srtp_job *job)
{
    const struct key *key = job->key;
    uint8_t iv[SRTP_GCM_IV_BYTES];
    srtp_gcm_iv(iv, key->rtp_salt, bytes_get_u32(job->packet + 8), job->index);
    int err = gcm_seal(batch, key->rtp_key, iv, slice_of(job->packet, SRTP_HEADER_BYTES),
                       job->packet + SRTP_HEADER_BYTES, job->bytes - SRTP_HEADER_BYTES,
                       job->packet + job->bytes);
    if (err == 0)
        job->bytes += SRTP_GCM_TAG_BYTES;
    return err;
}

static int protect_cm(void *batch, struct srtp_job *job)
{
    const struct key *key = job->key;
    uint8_t iv[SRTP_CM_IV_BYTES];
    uint8_t roc[4];
    uint8_t tag[HMAC_SHA1_BYTES];
    srtp_cm_iv(iv, key->rtp_salt, bytes_get_u32(job->packet + 8), job->index);
    int err = ctr(batch, key->rtp_key, iv, job->packet + SRTP_HEADER_BYTES,
                  job->bytes - SRTP_HEADER_BYTES);
    if (err != 0)
        return err;
    /* RFC 3711 section 4.2: the roll-over counter is authenticated and not sent. */
    bytes_put_u32(roc, (uint32_t)(job->index >> 16));
    const struct slice parts[] = {slice_of(job->packet, job->bytes), slice_of(roc, sizeof(roc))};
    hmac_sha1(&key->rtp_hmac, parts, sizeof(parts) / sizeof(parts[0]), tag);
    memcpy(job->packet + job->bytes, tag, SRTP_CM_TAG_BYTES);
    job->bytes += SRTP_CM_TAG_BYTES;
    return 0;
}

static int protect(void *batch, enum srtp_profile profile, struct srtp_job *jobs, size_t count)
{
    int (*protect_one)(void *, struct srtp_job *) =
        profile == SRTP_AEAD_AES_128_GCM ? protect_gcm : protect_cm;
    int err = 0;
    for (size_t i = 0; i < count && err == 0; i++) {
        if (i + 1 < count)
            engine_prefetch(jobs[i + 1].key, 0, sizeof(struct key));
        err = protect_one(batch, &jobs[i]);
    }
    return err;
}

static const struct srtcp_ciphers ciphers = {
    .gcm_seal = gcm_seal, .gcm_open = gcm_open, .ctr = ctr};

static int protect_rtcp(void *batch, enum srtp_profile profile, const void *key, uint8_t *packet,
                        size_t *bytes, uint32_t index)
{
    return srtcp_protect(&ciphers, batch, profile, &((const struct key *)key)->rtcp, packet, bytes,
                         index);
}

static int unprotect_rtcp(void *batch, enum srtp_profile profile, const void *key, uint8_t *packet,
                          size_t *bytes, uint32_t *index)
{
    return srtcp_open(&ciphers, batch, profile, key, packet, bytes, index);
}

const struct srtp_engine engine_openssl = {
    .name = "openssl",
    .key_bytes = key_bytes,
    .key_init = key_init,
    .key_clear = key_clear,
    .batch_create = batch_create,
    .batch_destroy = batch_destroy,
    .protect = protect,
    .protect_rtcp = protect_rtcp,
    .unprotect_rtcp = unprotect_rtcp,
};
