/* The low-level functions are deprecated, but what replaces them allocates at each call, which
 * costs several times the digest itself. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/hmac_sha1.h"

#include <openssl/sha.h>

_Static_assert(HMAC_SHA1_BYTES == SHA_DIGEST_LENGTH, "SHA-1");

static void save_state(uint32_t out[5], const uint8_t secret[SHA_CBLOCK], uint8_t pad)
{
    uint8_t block[SHA_CBLOCK];
    SHA_CTX sha;
    for (size_t i = 0; i < sizeof(block); i++)
        block[i] = secret[i] ^ pad;
    SHA1_Init(&sha);
    SHA1_Transform(&sha, block);
    const uint32_t words[5] = {sha.h0, sha.h1, sha.h2, sha.h3, sha.h4};
    memcpy(out, words, sizeof(words));
    explicit_bzero(block, sizeof(block));
    explicit_bzero(&sha, sizeof(sha));
}

static void resume(SHA_CTX *sha, const uint32_t state[5])
{
    sha->h0 = state[0];
    sha->h1 = state[1];
    sha->h2 = state[2];
    sha->h3 = state[3];
    sha->h4 = state[4];
    sha->Nl = SHA_CBLOCK * 8; /* bits so far: the padded key */
    sha->Nh = 0;
    sha->num = 0;
}

void hmac_sha1_key_init(struct hmac_sha1_key *key, struct slice secret)
{
    uint8_t block[SHA_CBLOCK] = {0};
    /* RFC 2104 section 3: what is longer than a block is replaced by its digest. */
    if (secret.bytes > sizeof(block))
        SHA1(secret.data, secret.bytes, block);
    else if (secret.bytes > 0)
        memcpy(block, secret.data, secret.bytes);
    save_state(key->inner, block, 0x36); /* RFC 2104 section 2: ipad */
    save_state(key->outer, block, 0x5c); /* opad */
    explicit_bzero(block, sizeof(block));
}

void hmac_sha1(const struct hmac_sha1_key *key, const struct slice *parts, size_t count,
               uint8_t out[HMAC_SHA1_BYTES])
{
    SHA_CTX sha;
    resume(&sha, key->inner);
    for (size_t i = 0; i < count; i++)
        SHA1_Update(&sha, parts[i].data, parts[i].bytes);
    SHA1_Final(out, &sha);
    resume(&sha, key->outer);
    SHA1_Update(&sha, out, HMAC_SHA1_BYTES);
    SHA1_Final(out, &sha);
}
