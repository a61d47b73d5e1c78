#include "audience/bytes_internal.h"
#include "audience/engines_internal.h"
#include "audience/srtp_derive_internal.h"
#include "srtp_reference.h"

#include <stdlib.h>

/* Every engine of this build, in every variant that this processor can run, is held against libsrtp,
 * byte for byte. */

enum { BUFFER_BYTES = 2048, SSRC_OFFSET = 8, PAYLOAD_MAX = 1400, CANARY = 0xA5, SEATS_MAX = 67 };

static const enum srtp_profile profiles[] = {SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80};

/* One engine, one profile, one master: ours and theirs. */
struct bed {
    const struct srtp_engine *engine;
    enum srtp_profile profile;
    struct srtp_master master;
    uint32_t ssrc;
    uint64_t index; /* of the last packet, for who keeps it here */
    void *batch;
    void *key;         /* sending */
    void *receive_key; /* of the same master */
    srtp_t sender;
    srtp_t receiver;
};

static void *make_key(const struct bed *bed, enum srtp_half half)
{
    size_t bytes = (bed->engine->key_bytes(bed->profile, half) + 63) / 64 * 64;
    void *key = aligned_alloc(64, bytes);
    assert_non_null(key);
    assert_int_equal(bed->engine->key_init(key, bed->profile, half, &bed->master), 0);
    return key;
}

static void bed_init(struct bed *bed, const struct srtp_engine *engine, enum srtp_profile profile,
                     uint64_t *seed)
{
    *bed = (struct bed){.engine = engine, .profile = profile, .ssrc = (uint32_t)noise(seed)};
    noise_fill(seed, &bed->master, sizeof(bed->master));
    bed->key = make_key(bed, SRTP_SENDING);
    bed->receive_key = make_key(bed, SRTP_RECEIVING);
    assert_int_equal(engine->batch_create(&bed->batch), 0);
    bed->sender = reference_open(profile, &bed->master, bed->ssrc);
    bed->receiver = reference_open(profile, &bed->master, bed->ssrc);
}

static void bed_clear(struct bed *bed)
{
    bed->engine->key_clear(bed->key, bed->profile, SRTP_SENDING);
    bed->engine->key_clear(bed->receive_key, bed->profile, SRTP_RECEIVING);
    bed->engine->batch_destroy(bed->batch);
    free(bed->key);
    free(bed->receive_key);
    srtp_dealloc(bed->sender);
    srtp_dealloc(bed->receiver);
}

typedef void (*run_fn)(const struct srtp_engine *engine, enum srtp_profile profile);

static void for_each_profile(const struct srtp_engine *engine, run_fn run)
{
    for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++)
        run(engine, profiles[i]);
}

#ifdef ROSTRUM_IPSECMB
static void for_each_processor(run_fn run)
{
    static const struct {
        enum ipsecmb_kind kind;
        const char *name;
    } kinds[] = {{IPSECMB_SSE, "SSE"},        {IPSECMB_SSE_SHA, "SSE with SHA"},
                 {IPSECMB_AVX2, "AVX2"},      {IPSECMB_AVX2_VAES, "AVX2 with VAES"},
                 {IPSECMB_AVX512, "AVX-512"}, {IPSECMB_AVX512_VAES, "AVX-512 with VAES"},
                 {IPSECMB_BEST, "the best"}};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (ipsecmb_use(kinds[i].kind))
            for_each_profile(&engine_ipsecmb, run);
        else
            print_message("ipsecmb: this processor lacks %s\n", kinds[i].name);
    }
}
#endif

static void for_each(run_fn run)
{
    for_each_profile(&engine_openssl, run);
#ifdef ROSTRUM_IPSECMB
    for_each_processor(run);
#endif
}

static size_t write_rtp(uint8_t *out, uint32_t ssrc, uint64_t index, size_t payload_bytes,
                        uint64_t *seed)
{
    out[0] = 0x80;
    out[1] = (uint8_t)(noise(seed) & 1 ? 0x80 | 111 : 111);
    out[2] = (uint8_t)(index >> 8);
    out[3] = (uint8_t)index;
    bytes_put_u32(out + 4, (uint32_t)noise(seed));
    bytes_put_u32(out + SSRC_OFFSET, ssrc);
    noise_fill(seed, out + SRTP_HEADER_BYTES, payload_bytes);
    return SRTP_HEADER_BYTES + payload_bytes;
}

/* Ours must equal theirs, and theirs must open ours. */
static void check_packet(struct bed *bed, uint64_t index, size_t payload_bytes, uint64_t *seed)
{
    uint8_t clear[BUFFER_BYTES], ours[BUFFER_BYTES], theirs[BUFFER_BYTES];
    size_t bytes = write_rtp(clear, bed->ssrc, index, payload_bytes, seed);
    memset(ours, CANARY, sizeof(ours));
    memcpy(ours, clear, bytes);
    memcpy(theirs, clear, bytes);
    int their_bytes = (int)bytes;
    assert_int_equal(srtp_protect(bed->sender, theirs, &their_bytes), srtp_err_status_ok);
    struct srtp_job job = {
        .key = bed->key, .packet = ours, .index = index, .bytes = (uint32_t)bytes};
    assert_int_equal(bed->engine->protect(bed->batch, bed->profile, &job, 1), 0);
    assert_int_equal(job.bytes, their_bytes);
    assert_memory_equal(ours, theirs, job.bytes);
    for (size_t i = bytes + SRTP_TRAILER_MAX; i < sizeof(ours); i++)
        assert_int_equal(ours[i], CANARY);
    int opened_bytes = (int)job.bytes;
    assert_int_equal(srtp_unprotect(bed->receiver, ours, &opened_bytes), srtp_err_status_ok);
    assert_int_equal(opened_bytes, bytes);
    assert_memory_equal(ours, clear, bytes);
}

static void run_sizes(const struct srtp_engine *engine, enum srtp_profile profile)
{
    uint64_t seed = 1;
    for (unsigned round = 0; round < 3; round++) {
        struct bed bed;
        bed_init(&bed, engine, profile, &seed);
        uint64_t index = 65536 - noise(&seed) % PAYLOAD_MAX; /* rolls over on the way */
        for (size_t bytes = 0; bytes <= PAYLOAD_MAX; bytes++)
            check_packet(&bed, index++, bytes, &seed);
        bed_clear(&bed);
    }
}

static void test_packets_of_every_size_equal_the_reference(void **state)
{
    (void)state;
    for_each(run_sizes);
}

static void run_roll_over(const struct srtp_engine *engine, enum srtp_profile profile)
{
    static const uint32_t rocs[] = {0,       1,           0xFFFE,      0xFFFF,
                                    0x10000, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFEu};
    uint64_t seed = 2;
    for (size_t i = 0; i < sizeof(rocs) / sizeof(rocs[0]); i++) {
        struct bed bed;
        bed_init(&bed, engine, profile, &seed);
        assert_int_equal(srtp_set_stream_roc(bed.sender, bed.ssrc, rocs[i]), 0);
        assert_int_equal(srtp_set_stream_roc(bed.receiver, bed.ssrc, rocs[i]), 0);
        uint64_t index = (uint64_t)rocs[i] << 16 | 0xFFF0;
        for (unsigned k = 0; k < 40; k++)
            check_packet(&bed, index++, 1 + noise(&seed) % 200, &seed);
        bed_clear(&bed);
    }
}

static void test_the_index_goes_over_every_border(void **state)
{
    (void)state;
    for_each(run_roll_over);
}

/* `count` seats, each with its own key, index and length, in one call. */
static void check_batch(struct bed *beds, size_t count, uint64_t *seed)
{
    static uint8_t clear[SEATS_MAX][BUFFER_BYTES], ours[SEATS_MAX][BUFFER_BYTES],
        theirs[SEATS_MAX][BUFFER_BYTES];
    struct srtp_job jobs[SEATS_MAX];
    int their_bytes[SEATS_MAX];
    uint32_t clear_bytes[SEATS_MAX];
    for (size_t i = 0; i < count; i++) {
        struct bed *bed = &beds[i];
        size_t payload_bytes = noise(seed) % 8 == 0 ? 0 : noise(seed) % (PAYLOAD_MAX + 1);
        bed->index += 1 + noise(seed) % 3;
        size_t bytes = write_rtp(clear[i], bed->ssrc, bed->index, payload_bytes, seed);
        memcpy(ours[i], clear[i], bytes);
        memcpy(theirs[i], clear[i], bytes);
        clear_bytes[i] = (uint32_t)bytes;
        their_bytes[i] = (int)bytes;
        assert_int_equal(srtp_protect(bed->sender, theirs[i], &their_bytes[i]), 0);
        jobs[i] = (struct srtp_job){
            .key = bed->key, .packet = ours[i], .index = bed->index, .bytes = (uint32_t)bytes};
    }
    assert_int_equal(beds[0].engine->protect(beds[0].batch, beds[0].profile, jobs, count), 0);
    for (size_t i = 0; i < count; i++) {
        int opened_bytes = (int)jobs[i].bytes;
        assert_int_equal(jobs[i].bytes, their_bytes[i]);
        assert_memory_equal(ours[i], theirs[i], jobs[i].bytes);
        assert_int_equal(srtp_unprotect(beds[i].receiver, ours[i], &opened_bytes), 0);
        assert_int_equal(opened_bytes, clear_bytes[i]);
        assert_memory_equal(ours[i], clear[i], clear_bytes[i]);
    }
}

static void run_batch(const struct srtp_engine *engine, enum srtp_profile profile)
{
    static struct bed beds[SEATS_MAX];
    uint64_t seed = 3;
    for (unsigned i = 0; i < SEATS_MAX; i++) {
        bed_init(&beds[i], engine, profile, &seed);
        uint32_t roc = i % 2 == 0 ? 0 : (uint32_t)noise(&seed) % 0xFFFFFFFEu;
        beds[i].index = (uint64_t)roc << 16 | (0xFF80 + noise(&seed) % 0x80);
        assert_int_equal(srtp_set_stream_roc(beds[i].sender, beds[i].ssrc, roc), 0);
        assert_int_equal(srtp_set_stream_roc(beds[i].receiver, beds[i].ssrc, roc), 0);
    }
    for (size_t count = 1; count <= SEATS_MAX; count++)
        check_batch(beds, count, &seed);
    for (unsigned i = 0; i < SEATS_MAX; i++)
        bed_clear(&beds[i]);
}

static void test_batches_of_every_size_serve_many_keys(void **state)
{
    (void)state;
    for_each(run_batch);
}

static size_t write_rtcp(uint8_t *out, uint32_t ssrc, size_t words, uint64_t *seed)
{
    out[0] = 0x80;
    out[1] = 201;
    out[2] = (uint8_t)((words - 1) >> 8);
    out[3] = (uint8_t)(words - 1);
    bytes_put_u32(out + 4, ssrc);
    noise_fill(seed, out + 8, words * 4 - 8);
    return words * 4;
}

static void run_rtcp(const struct srtp_engine *engine, enum srtp_profile profile)
{
    uint64_t seed = 4;
    struct bed bed;
    bed_init(&bed, engine, profile, &seed);
    for (uint32_t index = 1; index < PAYLOAD_MAX / 4 + 10; index++) {
        uint8_t clear[BUFFER_BYTES], ours[BUFFER_BYTES], theirs[BUFFER_BYTES];
        size_t bytes = write_rtcp(clear, bed.ssrc, 2 + index % (PAYLOAD_MAX / 4), &seed);
        size_t our_bytes = bytes;
        int their_bytes = (int)bytes;
        memcpy(ours, clear, bytes);
        memcpy(theirs, clear, bytes);
        assert_int_equal(engine->protect_rtcp(bed.batch, profile, bed.key, ours, &our_bytes, index),
                         0);
        assert_int_equal(srtp_protect_rtcp(bed.sender, theirs, &their_bytes), 0);
        assert_int_equal(our_bytes, their_bytes);
        assert_memory_equal(ours, theirs, our_bytes);

        int opened_bytes = (int)our_bytes;
        assert_int_equal(srtp_unprotect_rtcp(bed.receiver, ours, &opened_bytes), 0);
        assert_int_equal(opened_bytes, bytes);
        assert_memory_equal(ours, clear, bytes);

        uint32_t opened_index = 0;
        our_bytes = (size_t)their_bytes;
        assert_int_equal(engine->unprotect_rtcp(bed.batch, profile, bed.receive_key, theirs,
                                                &our_bytes, &opened_index),
                         0);
        assert_int_equal(opened_index, index);
        assert_int_equal(our_bytes, bytes);
        assert_memory_equal(theirs, clear, bytes);
    }
    bed_clear(&bed);
}

static void test_rtcp_equals_the_reference_both_ways(void **state)
{
    (void)state;
    for_each(run_rtcp);
}

static void run_high_index(const struct srtp_engine *engine, enum srtp_profile profile)
{
    uint64_t seed = 5;
    struct bed bed;
    bed_init(&bed, engine, profile, &seed);
    static const uint32_t indices[] = {0x10000, 0x12345678, 0x7FFFFFFF};
    for (size_t i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
        uint8_t clear[BUFFER_BYTES], packet[BUFFER_BYTES];
        size_t bytes = write_rtcp(clear, bed.ssrc, 8, &seed);
        size_t protected_bytes = bytes;
        uint32_t index = 0;
        memcpy(packet, clear, bytes);
        assert_int_equal(
            engine->protect_rtcp(bed.batch, profile, bed.key, packet, &protected_bytes, indices[i]),
            0);
        int opened_bytes = (int)protected_bytes;
        uint8_t copy[BUFFER_BYTES];
        memcpy(copy, packet, protected_bytes);
        assert_int_equal(srtp_unprotect_rtcp(bed.receiver, copy, &opened_bytes), 0);
        assert_memory_equal(copy, clear, bytes);
        assert_int_equal(engine->unprotect_rtcp(bed.batch, profile, bed.receive_key, packet,
                                                &protected_bytes, &index),
                         0);
        assert_int_equal(index, indices[i]);
    }
    bed_clear(&bed);
}

static void test_rtcp_index_has_31_bits(void **state)
{
    (void)state;
    for_each(run_high_index);
}

/* Bytes that the engine must refuse with this error, leaving length and index alone. */
static void expect_refused(struct bed *bed, const uint8_t *packet, size_t bytes, int expected)
{
    uint8_t *exact = malloc(bytes + 1); /* so that a step past the end is seen; never 0 */
    assert_non_null(exact);
    memcpy(exact, packet, bytes);
    size_t opened_bytes = bytes;
    uint32_t index = 77;
    int err = bed->engine->unprotect_rtcp(bed->batch, bed->profile, bed->receive_key, exact,
                                          &opened_bytes, &index);
    if (expected != 0)
        assert_int_equal(err, expected);
    else
        assert_true(err == ERR_AUTH || err == ERR_PROTO);
    assert_int_equal(opened_bytes, bytes);
    assert_int_equal(index, 77);
    free(exact);
}

/* What libsrtp protected, with each bit turned and cut everywhere. */
static void run_forged(const struct srtp_engine *engine, enum srtp_profile profile)
{
    uint64_t seed = 6;
    struct bed bed;
    uint8_t good[BUFFER_BYTES], packet[BUFFER_BYTES];
    bed_init(&bed, engine, profile, &seed);
    int good_bytes = (int)write_rtcp(good, bed.ssrc, 8, &seed);
    assert_int_equal(srtp_protect_rtcp(bed.sender, good, &good_bytes), 0);
    size_t bytes = (size_t)good_bytes;
    bool is_gcm = profile == SRTP_AEAD_AES_128_GCM;
    size_t word_at = bytes - (is_gcm ? SRTCP_INDEX_BYTES : SRTCP_INDEX_BYTES + SRTP_CM_TAG_BYTES);
    for (size_t bit = 0; bit < bytes * 8; bit++) {
        bool is_e_flag = bit == word_at * 8 + 7;
        memcpy(packet, good, bytes);
        packet[bit / 8] ^= (uint8_t)(1u << bit % 8);
        expect_refused(&bed, packet, bytes, is_e_flag ? ERR_PROTO : ERR_AUTH);
        int their_bytes = good_bytes;
        assert_int_not_equal(srtp_unprotect_rtcp(bed.receiver, packet, &their_bytes), 0);
    }
    for (size_t cut = 0; cut < bytes; cut++) {
        bool too_short = cut < SRTCP_HEADER_BYTES + bytes - 32;
        expect_refused(&bed, good, cut, too_short ? ERR_PROTO : 0);
    }
    bed_clear(&bed);
}

static void test_forged_and_cut_rtcp_is_refused(void **state)
{
    (void)state;
    for_each(run_forged);
}

static void run_strangers(const struct srtp_engine *engine, enum srtp_profile profile)
{
    uint64_t seed = 7;
    struct bed bed, other;
    bed_init(&bed, engine, profile, &seed);
    bed_init(&other, engine, profile, &seed);
    for (size_t words = 2; words < 20; words++) {
        uint8_t packet[BUFFER_BYTES];
        int bytes = (int)write_rtcp(packet, bed.ssrc, words, &seed);
        expect_refused(&bed, packet, (size_t)bytes, 0); /* in clear */
        assert_int_equal(srtp_protect_rtcp(bed.sender, packet, &bytes), 0);
        expect_refused(&other, packet, (size_t)bytes, ERR_AUTH);
    }
    bed_clear(&bed);
    bed_clear(&other);
}

static void test_rtcp_in_clear_or_of_another_key_is_refused(void **state)
{
    (void)state;
    for_each(run_strangers);
}

static void run_sizes_of_keys(const struct srtp_engine *engine, enum srtp_profile profile)
{
    static const uint8_t zeros[2048];
    static const enum srtp_half halves[] = {SRTP_SENDING, SRTP_RECEIVING};
    const struct srtp_master master = {.key = {1}, .salt = {2}};
    assert_in_range(engine->key_bytes(profile, SRTP_RECEIVING), 1, 64);
    assert_in_range(engine->key_bytes(profile, SRTP_SENDING), 1, 576);
    for (size_t i = 0; i < sizeof(halves) / sizeof(halves[0]); i++) {
        size_t bytes = engine->key_bytes(profile, halves[i]);
        void *key = aligned_alloc(64, (bytes + 63) / 64 * 64);
        assert_non_null(key);
        assert_int_equal(engine->key_init(key, SRTP_NONE, halves[i], &master), ERR_INVAL);
        assert_int_equal(engine->key_init(key, profile, halves[i], &master), 0);
        assert_memory_not_equal(key, zeros, bytes);
        engine->key_clear(key, profile, halves[i]);
        assert_memory_equal(key, zeros, bytes);
        free(key);
    }
}

static void test_keys_are_small_and_wiped(void **state)
{
    (void)state;
    for_each(run_sizes_of_keys);
}

/* RFC 3711 appendix B.3 */
static void test_session_keys_equal_the_rfc(void **state)
{
    (void)state;
    static const struct srtp_master master = {.key = {0xE1, 0xF9, 0x7A, 0x0D, 0x3E, 0x01, 0x8B,
                                                      0xE0, 0xD6, 0x4F, 0xA3, 0x2C, 0x06, 0xDE,
                                                      0x41, 0x39},
                                              .salt = {0x0E, 0xC6, 0x75, 0xAD, 0x49, 0x8A, 0xFE,
                                                       0xEB, 0xB6, 0x96, 0x0B, 0x3A, 0xAB, 0xE6}};
    static const uint8_t key[] = {0xC6, 0x1E, 0x7A, 0x93, 0x74, 0x4F, 0x39, 0xEE,
                                  0x10, 0x73, 0x4A, 0xFE, 0x3F, 0xF7, 0xA0, 0x87};
    static const uint8_t salt[] = {0x30, 0xCB, 0xBC, 0x08, 0x86, 0x3D, 0x8C,
                                   0x85, 0xD4, 0x9D, 0xB3, 0x4A, 0x9A, 0xE1};
    static const uint8_t auth[] = {0xCE, 0xBE, 0x32, 0x1F, 0x6F, 0xF7, 0x71, 0x6B, 0x6F, 0xD4,
                                   0xAB, 0x49, 0xAF, 0x25, 0x6A, 0x15, 0x6D, 0x38, 0xBA, 0xA4};
    struct srtp_session session;
    assert_int_equal(srtp_derive(&session, SRTP_AES128_CM_SHA1_80, &master), 0);
    assert_memory_equal(session.rtp.key, key, sizeof(key));
    assert_memory_equal(session.rtp.salt, salt, sizeof(salt));
    assert_memory_equal(session.rtp.auth, auth, sizeof(auth));
    assert_int_equal(srtp_derive(&session, SRTP_NONE, &master), ERR_INVAL);
}

static void test_engines_are_found_by_name(void **state)
{
    (void)state;
    const struct srtp_engine *fastest = NULL;
    for (const char *const *name = srtp_engine_names(); *name; name++) {
        const struct srtp_engine *engine = srtp_engine_find(*name);
        if (engine)
            assert_string_equal(engine->name, *name);
        if (!fastest)
            fastest = engine;
    }
    assert_non_null(fastest);
    assert_ptr_equal(srtp_engine_find("auto"), fastest);
    assert_ptr_equal(srtp_engine_find("openssl"), &engine_openssl);
#ifdef ROSTRUM_IPSECMB
    assert_string_equal(srtp_engine_names()[0], "ipsecmb");
    assert_ptr_equal(srtp_engine_find("ipsecmb"), ipsecmb_works() ? &engine_ipsecmb : NULL);
#else
    assert_null(srtp_engine_find("ipsecmb"));
#endif
    assert_null(srtp_engine_find("no such engine"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_session_keys_equal_the_rfc),
        cmocka_unit_test(test_engines_are_found_by_name),
        cmocka_unit_test(test_packets_of_every_size_equal_the_reference),
        cmocka_unit_test(test_the_index_goes_over_every_border),
        cmocka_unit_test(test_batches_of_every_size_serve_many_keys),
        cmocka_unit_test(test_rtcp_equals_the_reference_both_ways),
        cmocka_unit_test(test_rtcp_index_has_31_bits),
        cmocka_unit_test(test_forged_and_cut_rtcp_is_refused),
        cmocka_unit_test(test_rtcp_in_clear_or_of_another_key_is_refused),
        cmocka_unit_test(test_keys_are_small_and_wiped),
    };
    return cmocka_run_group_tests(tests, reference_startup, reference_shutdown);
}
