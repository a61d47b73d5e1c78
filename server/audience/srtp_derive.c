#include "audience/srtp_derive_internal.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdbool.h>

/* RFC 3711 section 4.3.2 */
enum label {
    LABEL_RTP_KEY = 0,
    LABEL_RTP_AUTH = 1,
    LABEL_RTP_SALT = 2,
    LABEL_RTCP_KEY = 3,
    LABEL_RTCP_AUTH = 4,
    LABEL_RTCP_SALT = 5,
};
enum {
    LABEL_AT = 7
}; /* RFC 3711 section 4.3.1: label || 48 zero bits, aligned to the salt's end */

static int generate(EVP_CIPHER_CTX *ctx, const uint8_t salt[SRTP_MASTER_SALT_MAX], enum label label,
                    uint8_t *out, size_t bytes)
{
    static const uint8_t zeros[SRTP_AUTH_KEY_BYTES];
    uint8_t iv[SRTP_CM_IV_BYTES] = {0};
    int written = 0;
    memcpy(iv, salt, SRTP_MASTER_SALT_MAX);
    iv[LABEL_AT] ^= (uint8_t)label;
    if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, iv) != 1 ||
        EVP_EncryptUpdate(ctx, out, &written, zeros, (int)bytes) != 1)
        return ERR_CRYPTO;
    return 0;
}

static int generate_half(EVP_CIPHER_CTX *ctx, enum srtp_profile profile, const uint8_t *salt,
                         enum label first, struct srtp_session_half *out)
{
    enum label auth = first + LABEL_RTP_AUTH;
    enum label own_salt = first + LABEL_RTP_SALT;
    bool is_gcm = profile == SRTP_AEAD_AES_128_GCM;
    size_t salt_bytes = is_gcm ? SRTP_GCM_SALT_BYTES : SRTP_MASTER_SALT_MAX;
    int err = generate(ctx, salt, first, out->key, sizeof(out->key));
    if (err == 0)
        err = generate(ctx, salt, own_salt, out->salt, salt_bytes);
    if (err == 0 && !is_gcm)
        err = generate(ctx, salt, auth, out->auth, sizeof(out->auth));
    return err;
}

int srtp_derive(struct srtp_session *out, enum srtp_profile profile,
                const struct srtp_master *master)
{
    if (profile != SRTP_AEAD_AES_128_GCM && profile != SRTP_AES128_CM_SHA1_80)
        return ERR_INVAL;
    /* RFC 7714 section 11: GCM's 96-bit salt is followed by two zero bytes. */
    uint8_t salt[SRTP_MASTER_SALT_MAX] = {0};
    memcpy(salt, master->salt,
           profile == SRTP_AEAD_AES_128_GCM ? SRTP_GCM_SALT_BYTES : SRTP_MASTER_SALT_MAX);

    struct srtp_session session = {0};
    int err = ERR_CRYPTO;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx && EVP_EncryptInit_ex(ctx, EVP_aes_128_ctr(), NULL, master->key, NULL) == 1) {
        err = generate_half(ctx, profile, salt, LABEL_RTP_KEY, &session.rtp);
        if (err == 0)
            err = generate_half(ctx, profile, salt, LABEL_RTCP_KEY, &session.rtcp);
    }
    EVP_CIPHER_CTX_free(ctx);
    if (err == 0)
        *out = session;
    OPENSSL_cleanse(&session, sizeof(session));
    OPENSSL_cleanse(salt, sizeof(salt));
    return err;
}
