/* The engine that runs everywhere: one EVP context per sending key with its key schedule made once,
 * so that a packet costs an IV reset and no set-up. */
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
    /* Used for each packet: the first 64 bytes. */
    EVP_CIPHER_CTX *rtp; /* owned */
    struct hmac_sha1_key rtp_hmac;
    uint8_t rtp_salt[SRTP_MASTER_SALT_MAX];
    /* Used a few times a minute. */
    struct srtp_session_half rtcp;
};
_Static_assert(offsetof(struct key, rtcp) <= 64, "one cache line for SRTP");

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

static void key_clear(void *memory, enum srtp_profile profile, enum srtp_half half)
{
    if (half == SRTP_SENDING)
        EVP_CIPHER_CTX_free(((struct key *)memory)->rtp); /* wipes its key schedule */
    OPENSSL_cleanse(memory, key_bytes(profile, half));
}

static int sending_init(struct key *key, bool is_gcm, const struct srtp_session *session)
{
    EVP_CIPHER_CTX *rtp = EVP_CIPHER_CTX_new();
    if (!rtp || EVP_EncryptInit_ex(rtp, is_gcm ? EVP_aes_128_gcm() : EVP_aes_128_ctr(), NULL,
                                   session->rtp.key, NULL) != 1) {
        EVP_CIPHER_CTX_free(rtp);
        return ERR_CRYPTO;
    }
    memset(key, 0, sizeof(*key));
    key->rtp = rtp;
    if (!is_gcm)
        hmac_sha1_key_init(&key->rtp_hmac, slice_of(session->rtp.auth, sizeof(session->rtp.auth)));
    memcpy(key->rtp_salt, session->rtp.salt, sizeof(key->rtp_salt));
    key->rtcp = session->rtcp;
    return 0;
}

static int key_init(void *key, enum srtp_profile profile, enum srtp_half half,
                    const struct srtp_master *master)
{
    struct srtp_session session;
    int err = srtp_derive(&session, profile, master);
    if (err != 0)
        return err;
    if (half == SRTP_SENDING)
        err = sending_init(key, profile == SRTP_AEAD_AES_128_GCM, &session);
    else
        memcpy(key, &session.rtcp, sizeof(session.rtcp));
    OPENSSL_cleanse(&session, sizeof(session));
    return err;
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

/* Both ciphers work in place; a NULL cipher key keeps the one that ctx has. */
static bool seal(EVP_CIPHER_CTX *ctx, const uint8_t *cipher_key, const uint8_t *iv,
                 struct slice aad, uint8_t *data, size_t bytes, uint8_t *tag)
{
    int written;
    return EVP_EncryptInit_ex(ctx, NULL, NULL, cipher_key, iv) == 1 &&
           EVP_EncryptUpdate(ctx, NULL, &written, aad.data, (int)aad.bytes) == 1 &&
           (bytes == 0 || EVP_EncryptUpdate(ctx, data, &written, data, (int)bytes) == 1) &&
           EVP_EncryptFinal_ex(ctx, data + bytes, &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SRTP_GCM_TAG_BYTES, tag) == 1;
}

static bool crypt(EVP_CIPHER_CTX *ctx, const uint8_t *cipher_key, const uint8_t *iv, uint8_t *data,
                  size_t bytes)
{
    int written;
    return EVP_EncryptInit_ex(ctx, NULL, NULL, cipher_key, iv) == 1 &&
           (bytes == 0 || EVP_EncryptUpdate(ctx, data, &written, data, (int)bytes) == 1);
}

static int protect_gcm(struct srtp_job *job)
{
    const struct key *key = job->key;
    uint8_t iv[SRTP_GCM_IV_BYTES];
    srtp_gcm_iv(iv, key->rtp_salt, bytes_get_u32(job->packet + 8), job->index);
    if (!seal(key->rtp, NULL, iv, slice_of(job->packet, SRTP_HEADER_BYTES),
              job->packet + SRTP_HEADER_BYTES, job->bytes - SRTP_HEADER_BYTES,
              job->packet + job->bytes))
        return ERR_CRYPTO;
    job->bytes += SRTP_GCM_TAG_BYTES;
    return 0;
}

static int protect_cm(struct srtp_job *job)
{
    const struct key *key = job->key;
    uint8_t iv[SRTP_CM_IV_BYTES];
    uint8_t roc[4];
    uint8_t tag[HMAC_SHA1_BYTES];
    srtp_cm_iv(iv, key->rtp_salt, bytes_get_u32(job->packet + 8), job->index);
    if (!crypt(key->rtp, NULL, iv, job->packet + SRTP_HEADER_BYTES, job->bytes - SRTP_HEADER_BYTES))
        return ERR_CRYPTO;
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
    (void)batch;
    int err = 0;
    if (profile == SRTP_AEAD_AES_128_GCM) {
        for (size_t i = 0; i < count && err == 0; i++)
            err = protect_gcm(&jobs[i]);
    } else {
        for (size_t i = 0; i < count && err == 0; i++)
            err = protect_cm(&jobs[i]);
    }
    return err;
}

static int rtcp_gcm_seal(void *memory, const uint8_t *key, const uint8_t *iv, struct slice aad,
                         uint8_t *data, size_t bytes, uint8_t *tag)
{
    struct batch *batch = memory;
    return seal(batch->gcm_seal, key, iv, aad, data, bytes, tag) ? 0 : ERR_CRYPTO;
}

static int rtcp_gcm_open(void *memory, const uint8_t *key, const uint8_t *iv, struct slice aad,
                         uint8_t *data, size_t bytes, const uint8_t *tag)
{
    struct batch *batch = memory;
    EVP_CIPHER_CTX *ctx = batch->gcm_open;
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

static int rtcp_ctr(void *memory, const uint8_t *key, const uint8_t *iv, uint8_t *data,
                    size_t bytes)
{
    struct batch *batch = memory;
    return crypt(batch->ctr, key, iv, data, bytes) ? 0 : ERR_CRYPTO;
}

static const struct srtcp_ciphers ciphers = {
    .gcm_seal = rtcp_gcm_seal, .gcm_open = rtcp_gcm_open, .ctr = rtcp_ctr};

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
