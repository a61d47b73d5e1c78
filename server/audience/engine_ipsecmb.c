/* The fast engine, for x86-64 with AES-NI: libipsec-mb. GCM runs packet by packet, for one key
 * fills the processor; AES_CM's SHA-1 does not, so there a batch is hashed in parallel lanes.
 *
 * The library has one manager per kind of processor, and expanded GCM keys differ between them, so
 * the kind is chosen once, before the first key is made. */
#define NO_COMPAT_IMB_API_053 /* its old names are OpenSSL's and ours */
#define LINUX                 /* else the header does not align what must be aligned */
#include <intel-ipsec-mb.h>

#include "audience/bytes_internal.h"
#include "audience/engines_internal.h"
#include "audience/srtcp_internal.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdlib.h>

enum {
    PLAIN = IMB_FLAG_SHANI_OFF | IMB_FLAG_GFNI_OFF, /* a manager without the newer instructions */
    BURST_MAX = 64,
    GCM_AHEAD = 2, /* jobs whose keys are being fetched, by trial */
    CM_AHEAD = 8,
    SCHEDULE_BYTES = 11 * IMB_AES_BLOCK_SIZE, /* FIPS 197 section 5.2, AES-128 */
    HMAC_TAG_BYTES = 12, /* the library writes 12 or 20; SRTP sends the first 10 */
    CACHE_LINE = 64,
    ROC_BYTES = 4, /* RFC 3711 section 4.2: authenticated, not sent */
};
_Static_assert((int)HMAC_TAG_BYTES <= SRTP_TRAILER_MAX && (int)ROC_BYTES <= SRTP_TRAILER_MAX,
               "both are written behind the packet");

/* The sending halves. A receiving half is its struct srtp_session_half and nothing else. Of struct
 * gcm_key_data only what the chosen code uses is kept: 384 of 1024 bytes for AVX2. */
struct gcm_key {
    uint8_t salt[SRTP_GCM_SALT_BYTES];
    struct srtp_session_half rtcp;
    alignas(CACHE_LINE) uint8_t cipher[]; /* library.gcm_bytes of it */
};
_Static_assert(offsetof(struct gcm_key, cipher) == CACHE_LINE, "one line before the cipher's");

struct cm_key {
    alignas(16) uint8_t schedule[SCHEDULE_BYTES];
    uint8_t inner[IMB_SHA1_DIGEST_SIZE_IN_BYTES]; /* SHA-1 behind the padded key (RFC 2104) */
    uint8_t outer[IMB_SHA1_DIGEST_SIZE_IN_BYTES];
    uint8_t salt[SRTP_MASTER_SALT_MAX];
    struct srtp_session_half rtcp;
};

/* Counter mode has no use for the second one, but the library makes both. */
struct schedules {
    alignas(16) uint8_t to_encrypt[SCHEDULE_BYTES];
    alignas(16) uint8_t to_decrypt[SCHEDULE_BYTES];
};

struct batch {
    IMB_MGR *manager; /* owned */
    struct gcm_context_data context;
    IMB_JOB ciphers[BURST_MAX];
    IMB_JOB hashes[BURST_MAX];
    alignas(16) uint8_t ivs[BURST_MAX][SRTP_CM_IV_BYTES];
    /* For SRTCP; wiped after use. */
    struct gcm_key_data rtcp_gcm;
    struct schedules rtcp_ctr;
};

/* Set once before any thread reads it. */
static struct {
    uint64_t flags;
    void (*init)(IMB_MGR *manager);
    IMB_MGR *manager; /* owned; lends the functions that expand keys, which keep no state */
    IMB_MGR *gcm;     /* owned; lends those of GCM, likewise */
    size_t gcm_bytes; /* of a struct gcm_key_data that they use */
} library;

static void init_best(IMB_MGR *manager)
{
    init_mb_mgr_auto(manager, NULL);
}

static IMB_MGR *make_manager(uint64_t flags, void (*init)(IMB_MGR *manager))
{
    IMB_MGR *manager = alloc_mb_mgr(flags);
    if (!manager)
        return NULL;
    init(manager);
    if (imb_get_errno(manager) == 0)
        return manager;
    free_mb_mgr(manager);
    return NULL;
}

/* What is written into two structs of different contents is alike in both. */
static size_t find_gcm_bytes(IMB_MGR *manager)
{
    static const uint8_t key[SRTP_KEY_BYTES] = {1};
    struct gcm_key_data probes[2];
    memset(&probes[0], 0x00, sizeof(probes[0]));
    memset(&probes[1], 0xFF, sizeof(probes[1]));
    IMB_AES128_GCM_PRE(manager, key, &probes[0]);
    IMB_AES128_GCM_PRE(manager, key, &probes[1]);
    const uint8_t *first = (const uint8_t *)&probes[0], *second = (const uint8_t *)&probes[1];
    size_t used = sizeof(probes[0]);
    while (used > 0 && first[used - 1] != second[used - 1])
        used--;
    return (used + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

/* The code for AVX-512 with VAES keeps 48 powers of the hash key in 1008 bytes for each listener and
 * saves 9 ns of a packet's 3300 with them; that for AVX2 keeps 8 in 368. */
static bool choose_gcm(void)
{
    enum { LARGE_BYTES = 512 };
    library.gcm = make_manager(library.flags, library.init);
    if (!library.gcm)
        return false;
    if (find_gcm_bytes(library.gcm) > LARGE_BYTES &&
        (imb_get_feature_flags() & IMB_CPUFLAGS_AVX2) == IMB_CPUFLAGS_AVX2) {
        free_mb_mgr(library.gcm);
        library.gcm = make_manager(PLAIN, init_mb_mgr_avx2);
        if (!library.gcm)
            return false;
    }
    library.gcm_bytes = find_gcm_bytes(library.gcm);
    return true;
}

bool ipsecmb_use(enum ipsecmb_kind kind)
{
    static const struct {
        uint64_t features, flags;
        void (*init)(IMB_MGR *manager);
    } kinds[] = {
        /* Without AES-NI the library would emulate it, slower than OpenSSL does without. */
        [IPSECMB_BEST] = {IMB_CPUFLAGS_SSE, 0, init_best},
        [IPSECMB_SSE] = {IMB_CPUFLAGS_SSE, PLAIN, init_mb_mgr_sse},
        [IPSECMB_SSE_SHA] = {IMB_CPUFLAGS_SSE_T2, 0, init_mb_mgr_sse},
        [IPSECMB_AVX2] = {IMB_CPUFLAGS_AVX2, PLAIN, init_mb_mgr_avx2},
        [IPSECMB_AVX2_VAES] = {IMB_CPUFLAGS_AVX2_T2, 0, init_mb_mgr_avx2},
        [IPSECMB_AVX512] = {IMB_CPUFLAGS_AVX512, PLAIN, init_mb_mgr_avx512},
        [IPSECMB_AVX512_VAES] = {IMB_CPUFLAGS_AVX512_T2, 0, init_mb_mgr_avx512},
    };
    if ((imb_get_feature_flags() & kinds[kind].features) != kinds[kind].features)
        return false;
    if (library.manager)
        free_mb_mgr(library.manager);
    if (library.gcm)
        free_mb_mgr(library.gcm);
    library.gcm = NULL;
    library.flags = kinds[kind].flags;
    library.init = kinds[kind].init;
    library.manager = make_manager(library.flags, library.init);
    return library.manager != NULL && choose_gcm();
}

static bool best_works;

static void use_best(void)
{
    best_works = ipsecmb_use(IPSECMB_BEST);
}

bool ipsecmb_works(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    (void)pthread_once(&once, use_best);
    return best_works;
}

static size_t key_bytes(enum srtp_profile profile, enum srtp_half half)
{
    if (half == SRTP_RECEIVING)
        return sizeof(struct srtp_session_half);
    return profile == SRTP_AEAD_AES_128_GCM ? sizeof(struct gcm_key) + library.gcm_bytes
                                            : sizeof(struct cm_key);
}

static void key_clear(void *key, enum srtp_profile profile, enum srtp_half half)
{
    explicit_bzero(key, key_bytes(profile, half));
}

static void save_state(uint8_t out[IMB_SHA1_DIGEST_SIZE_IN_BYTES],
                       const uint8_t key[SRTP_AUTH_KEY_BYTES], uint8_t pad)
{
    uint8_t block[IMB_SHA1_BLOCK_SIZE];
    memset(block, pad, sizeof(block));
    for (size_t i = 0; i < SRTP_AUTH_KEY_BYTES; i++)
        block[i] ^= key[i];
    IMB_SHA1_ONE_BLOCK(library.manager, block, out);
    explicit_bzero(block, sizeof(block));
}

static struct gcm_key_data *cipher_of(struct gcm_key *key)
{
    return (struct gcm_key_data *)(void *)key->cipher;
}

static void gcm_key_init(struct gcm_key *key, const struct srtp_session *session)
{
    IMB_AES128_GCM_PRE(library.gcm, session->rtp.key, cipher_of(key));
    memcpy(key->salt, session->rtp.salt, sizeof(key->salt));
    key->rtcp = session->rtcp;
}

static void cm_key_init(struct cm_key *key, const struct srtp_session *session)
{
    struct schedules made;
    IMB_AES_KEYEXP_128(library.manager, session->rtp.key, made.to_encrypt, made.to_decrypt);
    memcpy(key->schedule, made.to_encrypt, sizeof(key->schedule));
    explicit_bzero(&made, sizeof(made));
    save_state(key->inner, session->rtp.auth, 0x36); /* RFC 2104 section 2: ipad */
    save_state(key->outer, session->rtp.auth, 0x5c); /* opad */
    memcpy(key->salt, session->rtp.salt, sizeof(key->salt));
    key->rtcp = session->rtcp;
}

static int key_init(void *key, enum srtp_profile profile, enum srtp_half half,
                    const struct srtp_master *master)
{
    struct srtp_session session;
    int err = srtp_derive(&session, profile, master);
    if (err != 0)
        return err;
    if (half == SRTP_RECEIVING)
        memcpy(key, &session.rtcp, sizeof(session.rtcp));
    else if (profile == SRTP_AEAD_AES_128_GCM)
        gcm_key_init(key, &session);
    else
        cm_key_init(key, &session);
    explicit_bzero(&session, sizeof(session));
    return 0;
}

static void batch_destroy(void *memory)
{
    struct batch *batch = memory;
    if (!batch)
        return;
    if (batch->manager)
        free_mb_mgr(batch->manager);
    free(batch);
}

static int batch_create(void **out)
{
    struct batch *batch = aligned_alloc(alignof(struct batch), sizeof(*batch));
    if (!batch)
        return ERR_NOMEM;
    memset(batch, 0, sizeof(*batch));
    batch->manager = make_manager(library.flags, library.init);
    if (!batch->manager) {
        batch_destroy(batch);
        return ERR_NOMEM;
    }
    for (size_t i = 0; i < BURST_MAX; i++) {
        batch->ciphers[i] = (IMB_JOB){.key_len_in_bytes = IMB_KEY_128_BYTES,
                                      .iv_len_in_bytes = SRTP_CM_IV_BYTES,
                                      .cipher_mode = IMB_CIPHER_CNTR,
                                      .cipher_direction = IMB_DIR_ENCRYPT,
                                      .hash_alg = IMB_AUTH_NULL};
        batch->hashes[i] = (IMB_JOB){.auth_tag_output_len_in_bytes = HMAC_TAG_BYTES,
                                     .cipher_mode = IMB_CIPHER_NULL,
                                     .hash_alg = IMB_AUTH_HMAC_SHA_1};
    }
    *out = batch;
    return 0;
}

static void protect_gcm(struct batch *batch, struct srtp_job *job)
{
    const struct gcm_key *key = job->key;
    const void *cipher = key->cipher;
    uint8_t iv[SRTP_GCM_IV_BYTES];
    uint8_t *payload = job->packet + SRTP_HEADER_BYTES;
    srtp_gcm_iv(iv, key->salt, bytes_get_u32(job->packet + 8), job->index);
    IMB_AES128_GCM_ENC(library.gcm, cipher, &batch->context, payload, payload,
                       job->bytes - SRTP_HEADER_BYTES, iv, job->packet, SRTP_HEADER_BYTES,
                       job->packet + job->bytes, SRTP_GCM_TAG_BYTES);
    job->bytes += SRTP_GCM_TAG_BYTES;
}

static void protect_all_gcm(struct batch *batch, struct srtp_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (i + GCM_AHEAD < count)
            engine_prefetch(jobs[i + GCM_AHEAD].key, 0, sizeof(struct gcm_key) + library.gcm_bytes);
        protect_gcm(batch, &jobs[i]);
    }
}

static void fill_cipher(IMB_JOB *out, uint8_t iv[SRTP_CM_IV_BYTES], const struct srtp_job *job)
{
    const struct cm_key *key = job->key;
    srtp_cm_iv(iv, key->salt, bytes_get_u32(job->packet + 8), job->index);
    out->enc_keys = key->schedule;
    out->iv = iv;
    out->src = job->packet + SRTP_HEADER_BYTES;
    out->dst = job->packet + SRTP_HEADER_BYTES;
    out->msg_len_to_cipher_in_bytes = job->bytes - SRTP_HEADER_BYTES;
}

/* The tag takes the place of the roll-over counter, once that has been hashed. */
static void fill_hash(IMB_JOB *out, const struct srtp_job *job)
{
    const struct cm_key *key = job->key;
    bytes_put_u32(job->packet + job->bytes, (uint32_t)(job->index >> 16));
    out->u.HMAC._hashed_auth_key_xor_ipad = key->inner;
    out->u.HMAC._hashed_auth_key_xor_opad = key->outer;
    out->src = job->packet;
    out->msg_len_to_hash_in_bytes = job->bytes + ROC_BYTES;
    out->auth_tag_output = job->packet + job->bytes;
}

static int protect_cm(struct batch *batch, struct srtp_job *jobs, uint32_t count)
{
    uint32_t ciphers = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i + CM_AHEAD < count)
            engine_prefetch(jobs[i + CM_AHEAD].key, 0, offsetof(struct cm_key, rtcp));
        fill_hash(&batch->hashes[i], &jobs[i]);
        if (jobs[i].bytes > SRTP_HEADER_BYTES) { /* to encrypt nothing is an error by the manual */
            fill_cipher(&batch->ciphers[ciphers], batch->ivs[ciphers], &jobs[i]);
            ciphers++;
        }
    }
    if (IMB_SUBMIT_CIPHER_BURST_NOCHECK(batch->manager, batch->ciphers, ciphers, IMB_CIPHER_CNTR,
                                        IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES) != ciphers ||
        IMB_SUBMIT_HASH_BURST_NOCHECK(batch->manager, batch->hashes, count, IMB_AUTH_HMAC_SHA_1) !=
            count)
        return ERR_CRYPTO;
    for (uint32_t i = 0; i < count; i++)
        jobs[i].bytes += SRTP_CM_TAG_BYTES;
    return 0;
}

static int protect(void *memory, enum srtp_profile profile, struct srtp_job *jobs, size_t count)
{
    struct batch *batch = memory;
    if (profile == SRTP_AEAD_AES_128_GCM) {
        protect_all_gcm(batch, jobs, count);
        return 0;
    }
    int err = 0;
    for (size_t done = 0; done < count && err == 0; done += BURST_MAX) {
        size_t left = count - done;
        err = protect_cm(batch, jobs + done, (uint32_t)(left < BURST_MAX ? left : BURST_MAX));
    }
    return err;
}

static int rtcp_gcm_seal(void *memory, const uint8_t *key, const uint8_t *iv, struct slice aad,
                         uint8_t *data, size_t bytes, uint8_t *tag)
{
    struct batch *batch = memory;
    IMB_AES128_GCM_PRE(library.gcm, key, &batch->rtcp_gcm);
    IMB_AES128_GCM_ENC(library.gcm, &batch->rtcp_gcm, &batch->context, data, data, bytes, iv,
                       aad.data, aad.bytes, tag, SRTP_GCM_TAG_BYTES);
    explicit_bzero(&batch->rtcp_gcm, sizeof(batch->rtcp_gcm));
    return 0;
}

static int rtcp_gcm_open(void *memory, const uint8_t *key, const uint8_t *iv, struct slice aad,
                         uint8_t *data, size_t bytes, const uint8_t *tag)
{
    struct batch *batch = memory;
    uint8_t expected[SRTP_GCM_TAG_BYTES];
    IMB_AES128_GCM_PRE(library.gcm, key, &batch->rtcp_gcm);
    IMB_AES128_GCM_DEC(library.gcm, &batch->rtcp_gcm, &batch->context, data, data, bytes, iv,
                       aad.data, aad.bytes, expected, sizeof(expected));
    explicit_bzero(&batch->rtcp_gcm, sizeof(batch->rtcp_gcm));
    return CRYPTO_memcmp(expected, tag, sizeof(expected)) == 0 ? 0 : ERR_AUTH;
}

static int rtcp_ctr(void *memory, const uint8_t *key, const uint8_t *iv, uint8_t *data,
                    size_t bytes)
{
    struct batch *batch = memory;
    IMB_JOB *job = &batch->ciphers[0];
    if (bytes == 0)
        return 0;
    struct schedules *made = &batch->rtcp_ctr;
    IMB_AES_KEYEXP_128(batch->manager, key, made->to_encrypt, made->to_decrypt);
    job->enc_keys = made->to_encrypt;
    job->iv = iv;
    job->src = data;
    job->dst = data;
    job->msg_len_to_cipher_in_bytes = bytes;
    uint32_t done = IMB_SUBMIT_CIPHER_BURST_NOCHECK(batch->manager, job, 1, IMB_CIPHER_CNTR,
                                                    IMB_DIR_ENCRYPT, IMB_KEY_128_BYTES);
    explicit_bzero(made, sizeof(*made));
    return done == 1 ? 0 : ERR_CRYPTO;
}

static const struct srtcp_ciphers ciphers = {
    .gcm_seal = rtcp_gcm_seal, .gcm_open = rtcp_gcm_open, .ctr = rtcp_ctr};

static int protect_rtcp(void *batch, enum srtp_profile profile, const void *key, uint8_t *packet,
                        size_t *bytes, uint32_t index)
{
    const struct srtp_session_half *half = profile == SRTP_AEAD_AES_128_GCM
                                               ? &((const struct gcm_key *)key)->rtcp
                                               : &((const struct cm_key *)key)->rtcp;
    return srtcp_protect(&ciphers, batch, profile, half, packet, bytes, index);
}

static int unprotect_rtcp(void *batch, enum srtp_profile profile, const void *key, uint8_t *packet,
                          size_t *bytes, uint32_t *index)
{
    return srtcp_open(&ciphers, batch, profile, key, packet, bytes, index);
}

const struct srtp_engine engine_ipsecmb = {
    .name = "ipsecmb",
    .key_bytes = key_bytes,
    .key_init = key_init,
    .key_clear = key_clear,
    .batch_create = batch_create,
    .batch_destroy = batch_destroy,
    .protect = protect,
    .protect_rtcp = protect_rtcp,
    .unprotect_rtcp = unprotect_rtcp,
};
