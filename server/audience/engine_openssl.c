/* The engine that runs everywhere: one EVP context per key with its key schedule made once, so that
 * a packet costs an IV reset and no set-up. HMAC-SHA1 starts from saved states through the
 * low-level SHA1 functions: they are deprecated, but EVP_MAC costs 130 ns more per packet (of 400).
 */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "audience/bytes_internal.h"
#include "audience/engines_internal.h"
#include "audience/srtp_derive_internal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdlib.h>

/* SHA-1 after the padded key (RFC 2104 section 4): five words each. */
struct hmac_state {
    SHA_LONG inner[5];
    SHA_LONG outer[5];
};

/* The sending half. */
struct key {
    /* Used for each packet: the first 64 bytes. */
    EVP_CIPHER_CTX *rtp; /* owned */
    struct hmac_state rtp_hmac;
    uint8_t rtp_salt[SRTP_MASTER_SALT_MAX];
    /* Used a few times a minute: its cipher context is the batch's, keyed anew each time. */
    struct srtp_session_half rtcp;
};
_Static_assert(offsetof(struct key, rtcp) <= 64, "one cache line for SRTP");
/* A receiving half is its struct srtp_session_half and nothing else. */

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

static void save_state(SHA_LONG out[5], const uint8_t key[SRTP_AUTH_KEY_BYTES], uint8_t pad)
{
    uint8_t block[SHA_CBLOCK];
    SHA_CTX sha;
    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < SRTP_AUTH_KEY_BYTES; i++)
        block[i] ^= key[i];
    SHA1_Init(&sha);
    SHA1_Update(&sha, block, sizeof(block));
    const SHA_LONG words[5] = {sha.h0, sha.h1, sha.h2, sha.h3, sha.h4};
    memcpy(out, words, sizeof(words));
    OPENSSL_cleanse(block, sizeof(block));
    OPENSSL_cleanse(&sha, sizeof(sha));
}

static SHA_CTX resume(const SHA_LONG state[5])
{
    return (SHA_CTX){.h0 = state[0],
                     .h1 = state[1],
                     .h2 = state[2],
                     .h3 = state[3],
                     .h4 = state[4],
                     .Nl = SHA_CBLOCK * 8};
}

static void hmac_init(struct hmac_state *state, const uint8_t key[SRTP_AUTH_KEY_BYTES])
{
    save_state(state->inner, key, 0x36); /* RFC 2104 section 2: ipad */
    save_state(state->outer, key, 0x5c); /* opad */
}

/* Over `data` followed by `word`, which for SRTP is the ROC. */
static void hmac(const struct hmac_state *state, const uint8_t *data, size_t bytes, uint32_t word,
                 uint8_t tag[SHA_DIGEST_LENGTH])
{
    uint8_t word_bytes[4];
    bytes_put_u32(word_bytes, word);
    SHA_CTX sha = resume(state->inner);
    SHA1_Update(&sha, data, bytes);
    SHA1_Update(&sha, word_bytes, sizeof(word_bytes));
    SHA1_Final(tag, &sha);
    sha = resume(state->outer);
    SHA1_Update(&sha, tag, SHA_DIGEST_LENGTH);
    SHA1_Final(tag, &sha);
}

/* For SRTCP, whose keys keep no states: two more blocks to hash. */
static void hmac_once(const uint8_t key[SRTP_AUTH_KEY_BYTES], const uint8_t *data, size_t bytes,
                      uint32_t word, uint8_t tag[SHA_DIGEST_LENGTH])
{
    struct hmac_state state;
    hmac_init(&state, key);
    hmac(&state, data, bytes, word, tag);
    OPENSSL_cleanse(&state, sizeof(state));
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
        hmac_init(&key->rtp_hmac, session->rtp.auth);
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

/* Encrypts data in place and writes the tag behind it. The context has its key and IV. */
static bool gcm_seal(EVP_CIPHER_CTX *ctx, const uint8_t *aad, size_t aad_bytes, uint8_t *data,
                     size_t bytes)
{
    int written;
    return EVP_EncryptUpdate(ctx, NULL, &written, aad, (int)aad_bytes) == 1 &&
           (bytes == 0 || EVP_EncryptUpdate(ctx, data, &written, data, (int)bytes) == 1) &&
           EVP_EncryptFinal_ex(ctx, data + bytes, &written) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, SRTP_GCM_TAG_BYTES, data + bytes) == 1;
}

/* AES counter mode, both ways, in place. A NULL cipher key keeps the one that ctx has. */
static bool cm_crypt(EVP_CIPHER_CTX *ctx, const uint8_t *cipher_key, const uint8_t *iv,
                     uint8_t *data, size_t bytes)
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
    if (EVP_EncryptInit_ex(key->rtp, NULL, NULL, NULL, iv) != 1 ||
        !gcm_seal(key->rtp, job->packet, SRTP_HEADER_BYTES, job->packet + SRTP_HEADER_BYTES,
                  job->bytes - SRTP_HEADER_BYTES))
        return ERR_CRYPTO;
    job->bytes += SRTP_GCM_TAG_BYTES;
    return 0;
}

static int protect_cm(struct srtp_job *job)
{
    const struct key *key = job->key;
    uint8_t iv[SRTP_CM_IV_BYTES];
    uint8_t tag[SHA_DIGEST_LENGTH];
    srtp_cm_iv(iv, key->rtp_salt, bytes_get_u32(job->packet + 8), job->index);
    if (!cm_crypt(key->rtp, NULL, iv, job->packet + SRTP_HEADER_BYTES,
                  job->bytes - SRTP_HEADER_BYTES))
        return ERR_CRYPTO;
    hmac(&key->rtp_hmac, job->packet, job->bytes, (uint32_t)(job->index >> 16), tag);
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

/* RFC 7714 section 9.2: the header in clear and the E flag with the index. */
enum { RTCP_AAD_BYTES = SRTCP_HEADER_BYTES + SRTCP_INDEX_BYTES };

static void rtcp_aad(uint8_t aad[RTCP_AAD_BYTES], const uint8_t *packet, uint32_t word)
{
    memcpy(aad, packet, SRTCP_HEADER_BYTES);
    bytes_put_u32(aad + SRTCP_HEADER_BYTES, word);
}

static int protect_rtcp(void *memory, enum srtp_profile profile, const void *key_memory,
                        uint8_t *packet, size_t *bytes, uint32_t index)
{
    struct batch *batch = memory;
    const struct srtp_session_half *key = &((const struct key *)key_memory)->rtcp;
    if (*bytes < SRTCP_HEADER_BYTES)
        return ERR_PROTO;
    uint32_t ssrc = bytes_get_u32(packet + 4);
    uint32_t word = index | SRTCP_E_FLAG;
    uint8_t *body = packet + SRTCP_HEADER_BYTES;
    size_t body_bytes = *bytes - SRTCP_HEADER_BYTES;
    uint8_t iv[SRTP_CM_IV_BYTES];
    if (profile == SRTP_AEAD_AES_128_GCM) {
        uint8_t aad[RTCP_AAD_BYTES];
        rtcp_aad(aad, packet, word);
        srtp_gcm_iv(iv, key->salt, ssrc, index);
        if (EVP_EncryptInit_ex(batch->gcm_seal, NULL, NULL, key->key, iv) != 1 ||
            !gcm_seal(batch->gcm_seal, aad, sizeof(aad), body, body_bytes))
            return ERR_CRYPTO;
        bytes_put_u32(packet + *bytes + SRTP_GCM_TAG_BYTES, word);
        *bytes += SRTP_GCM_TAG_BYTES + SRTCP_INDEX_BYTES;
        return 0;
    }
    uint8_t tag[SHA_DIGEST_LENGTH];
    srtp_cm_iv(iv, key->salt, ssrc, index);
    if (!cm_crypt(batch->ctr, key->key, iv, body, body_bytes))
        return ERR_CRYPTO;
    hmac_once(key->auth, packet, *bytes, word, tag);
    bytes_put_u32(packet + *bytes, word);
    memcpy(packet + *bytes + SRTCP_INDEX_BYTES, tag, SRTP_CM_TAG_BYTES);
    *bytes += SRTCP_INDEX_BYTES + SRTP_CM_TAG_BYTES;
    return 0;
}

static int open_gcm(struct batch *batch, const struct srtp_session_half *key, uint8_t *packet,
                    size_t clear_bytes, uint32_t word)
{
    uint8_t iv[SRTP_GCM_IV_BYTES];
    uint8_t aad[RTCP_AAD_BYTES];
    EVP_CIPHER_CTX *ctx = batch->gcm_open;
    uint8_t *body = packet + SRTCP_HEADER_BYTES;
    size_t body_bytes = clear_bytes - SRTCP_HEADER_BYTES;
    int written;
    rtcp_aad(aad, packet, word);
    srtp_gcm_iv(iv, key->salt, bytes_get_u32(packet + 4), word & ~SRTCP_E_FLAG);
    if (EVP_DecryptInit_ex(ctx, NULL, NULL, key->key, iv) != 1 ||
        EVP_DecryptUpdate(ctx, NULL, &written, aad, sizeof(aad)) != 1 ||
        (body_bytes > 0 && EVP_DecryptUpdate(ctx, body, &written, body, (int)body_bytes) != 1) ||
        EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, SRTP_GCM_TAG_BYTES, packet + clear_bytes) !=
            1)
        return ERR_CRYPTO;
    return EVP_DecryptFinal_ex(ctx, packet + clear_bytes, &written) == 1 ? 0 : ERR_AUTH;
}

static int open_cm(struct batch *batch, const struct srtp_session_half *key, uint8_t *packet,
                   size_t clear_bytes, uint32_t word)
{
    uint8_t iv[SRTP_CM_IV_BYTES];
    uint8_t tag[SHA_DIGEST_LENGTH];
    hmac_once(key->auth, packet, clear_bytes, word, tag);
    if (CRYPTO_memcmp(tag, packet + clear_bytes + SRTCP_INDEX_BYTES, SRTP_CM_TAG_BYTES) != 0)
        return ERR_AUTH;
    srtp_cm_iv(iv, key->salt, bytes_get_u32(packet + 4), word & ~SRTCP_E_FLAG);
    if (!cm_crypt(batch->ctr, key->key, iv, packet + SRTCP_HEADER_BYTES,
                  clear_bytes - SRTCP_HEADER_BYTES))
        return ERR_CRYPTO;
    return 0;
}

static int unprotect_rtcp(void *memory, enum srtp_profile profile, const void *key, uint8_t *packet,
                          size_t *bytes, uint32_t *index)
{
    bool is_gcm = profile == SRTP_AEAD_AES_128_GCM;
    size_t trailer_bytes = SRTCP_INDEX_BYTES + (is_gcm ? SRTP_GCM_TAG_BYTES : SRTP_CM_TAG_BYTES);
    if (*bytes < SRTCP_HEADER_BYTES + trailer_bytes)
        return ERR_PROTO;
    size_t clear_bytes = *bytes - trailer_bytes;
    size_t word_at = is_gcm ? *bytes - SRTCP_INDEX_BYTES : clear_bytes;
    uint32_t word = bytes_get_u32(packet + word_at);
    /* Both profiles encrypt SRTCP (RFC 5764 section 4.1.2), so a packet in clear is not the peer's.
     */
    if ((word & SRTCP_E_FLAG) == 0)
        return ERR_PROTO;
    int err = is_gcm ? open_gcm(memory, key, packet, clear_bytes, word)
                     : open_cm(memory, key, packet, clear_bytes, word);
    if (err != 0)
        return err;
    *bytes = clear_bytes;
    *index = word & ~SRTCP_E_FLAG;
    return 0;
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
