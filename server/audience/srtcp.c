#include "audience/srtcp_internal.h"

#include "audience/bytes_internal.h"
#include "base/hmac_sha1.h"

#include <openssl/crypto.h>

enum { AAD_BYTES = SRTCP_HEADER_BYTES + SRTCP_INDEX_BYTES };

/* RFC 7714 section 9.2: the header in clear and the E flag with the index. */
static void write_aad(uint8_t aad[AAD_BYTES], const uint8_t *packet, uint32_t word)
{
    memcpy(aad, packet, SRTCP_HEADER_BYTES);
    bytes_put_u32(aad + SRTCP_HEADER_BYTES, word);
}

/* RFC 3711 section 4.2: over the packet and the E flag with the index. The key is prepared anew, so
 * that a seat need not keep it: two more blocks to hash. */
static void cm_tag(const struct srtp_session_half *key, const uint8_t *packet, size_t bytes,
                   uint32_t word, uint8_t tag[HMAC_SHA1_BYTES])
{
    struct hmac_sha1_key prepared;
    uint8_t word_bytes[SRTCP_INDEX_BYTES];
    bytes_put_u32(word_bytes, word);
    const struct slice parts[] = {slice_of(packet, bytes),
                                  slice_of(word_bytes, sizeof(word_bytes))};
    hmac_sha1_key_init(&prepared, slice_of(key->auth, sizeof(key->auth)));
    hmac_sha1(&prepared, parts, sizeof(parts) / sizeof(parts[0]), tag);
    OPENSSL_cleanse(&prepared, sizeof(prepared));
}

static int protect_gcm(const struct srtcp_ciphers *ciphers, void *batch,
                       const struct srtp_session_half *key, uint8_t *packet, size_t *bytes,
                       uint32_t index)
{
    uint32_t word = index | SRTCP_E_FLAG;
    uint8_t aad[AAD_BYTES];
    uint8_t iv[SRTP_GCM_IV_BYTES];
    write_aad(aad, packet, word);
    srtp_gcm_iv(iv, key->salt, bytes_get_u32(packet + 4), index);
    int err = ciphers->gcm_seal(batch, key->key, iv, slice_of(aad, sizeof(aad)),
                                packet + SRTCP_HEADER_BYTES, *bytes - SRTCP_HEADER_BYTES,
                                packet + *bytes);
    if (err != 0)
        return err;
    bytes_put_u32(packet + *bytes + SRTP_GCM_TAG_BYTES, word);
    *bytes += SRTP_GCM_TAG_BYTES + SRTCP_INDEX_BYTES;
    return 0;
}

static int protect_cm(const struct srtcp_ciphers *ciphers, void *batch,
                      const struct srtp_session_half *key, uint8_t *packet, size_t *bytes,
                      uint32_t index)
{
    uint32_t word = index | SRTCP_E_FLAG;
    uint8_t iv[SRTP_CM_IV_BYTES];
    uint8_t tag[HMAC_SHA1_BYTES];
    srtp_cm_iv(iv, key->salt, bytes_get_u32(packet + 4), index);
    int err =
        ciphers->ctr(batch, key->key, iv, packet + SRTCP_HEADER_BYTES, *bytes - SRTCP_HEADER_BYTES);
    if (err != 0)
        return err;
    cm_tag(key, packet, *bytes, word, tag);
    bytes_put_u32(packet + *bytes, word);
    memcpy(packet + *bytes + SRTCP_INDEX_BYTES, tag, SRTP_CM_TAG_BYTES);
    *bytes += SRTCP_INDEX_BYTES + SRTP_CM_TAG_BYTES;
    return 0;
}

int srtcp_protect(const struct srtcp_ciphers *ciphers, void *batch, enum srtp_profile profile,
                  const struct srtp_session_half *key, uint8_t *packet, size_t *bytes,
                  uint32_t index)
{
    if (*bytes < SRTCP_HEADER_BYTES)
        return ERR_PROTO;
    return profile == SRTP_AEAD_AES_128_GCM ? protect_gcm(ciphers, batch, key, packet, bytes, index)
                                            : protect_cm(ciphers, batch, key, packet, bytes, index);
}

static int open_gcm(const struct srtcp_ciphers *ciphers, void *batch,
                    const struct srtp_session_half *key, uint8_t *packet, size_t clear_bytes,
                    uint32_t word)
{
    uint8_t iv[SRTP_GCM_IV_BYTES];
    uint8_t aad[AAD_BYTES];
    write_aad(aad, packet, word);
    srtp_gcm_iv(iv, key->salt, bytes_get_u32(packet + 4), word & ~SRTCP_E_FLAG);
    return ciphers->gcm_open(batch, key->key, iv, slice_of(aad, sizeof(aad)),
                             packet + SRTCP_HEADER_BYTES, clear_bytes - SRTCP_HEADER_BYTES,
                             packet + clear_bytes);
}

static int open_cm(const struct srtcp_ciphers *ciphers, void *batch,
                   const struct srtp_session_half *key, uint8_t *packet, size_t clear_bytes,
                   uint32_t word)
{
    uint8_t iv[SRTP_CM_IV_BYTES];
    uint8_t tag[HMAC_SHA1_BYTES];
    cm_tag(key, packet, clear_bytes, word, tag);
    if (CRYPTO_memcmp(tag, packet + clear_bytes + SRTCP_INDEX_BYTES, SRTP_CM_TAG_BYTES) != 0)
        return ERR_AUTH;
    srtp_cm_iv(iv, key->salt, bytes_get_u32(packet + 4), word & ~SRTCP_E_FLAG);
    return ciphers->ctr(batch, key->key, iv, packet + SRTCP_HEADER_BYTES,
                        clear_bytes - SRTCP_HEADER_BYTES);
}

int srtcp_open(const struct srtcp_ciphers *ciphers, void *batch, enum srtp_profile profile,
               const struct srtp_session_half *key, uint8_t *packet, size_t *bytes, uint32_t *index)
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
    int err = is_gcm ? open_gcm(ciphers, batch, key, packet, clear_bytes, word)
                     : open_cm(ciphers, batch, key, packet, clear_bytes, word);
    if (err != 0)
        return err;
    *bytes = clear_bytes;
    *index = word & ~SRTCP_E_FLAG;
    return 0;
}
