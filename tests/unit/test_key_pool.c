#include "audience/key_pool_internal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { PAIRS = 1200, LINE_BYTES = 64 }; /* several chunks */

static const enum srtp_profile profiles[] = {SRTP_AEAD_AES_128_GCM, SRTP_AES128_CM_SHA1_80};

static struct srtp_keys keys_of(enum srtp_profile profile, unsigned number)
{
    struct srtp_keys keys = {.profile = profile};
    memset(&keys.send, (int)number, sizeof(keys.send));
    memset(&keys.receive, (int)number ^ 0x80, sizeof(keys.receive));
    return keys;
}

static void take(struct key_pool *pool, unsigned number, struct key_pair **out)
{
    struct srtp_keys keys = keys_of(pool->profile, number);
    assert_int_equal(key_pool_take(pool, &keys, out), 0);
}

/* What is protected with one master's sending half opens with its receiving half. */
static void expect_keys_of(const struct key_pool *pool, const struct key_pair *pair,
                           unsigned number)
{
    const struct srtp_engine *engine = pool->engine;
    struct key_pool other_pool;
    struct srtp_keys swapped = keys_of(pool->profile, number);
    const struct srtp_master send = swapped.send;
    swapped.send = swapped.receive;
    swapped.receive = send;
    struct key_pair *other;
    key_pool_init(&other_pool, engine, pool->profile);
    assert_int_equal(key_pool_take(&other_pool, &swapped, &other), 0);
    void *batch;
    assert_int_equal(engine->batch_create(&batch), 0);
    for (unsigned both = 0; both < 2; both++) {
        const struct key_pair *from = both == 0 ? pair : other;
        const void *to =
            both == 0 ? key_pool_receiving(&other_pool, other) : key_pool_receiving(pool, pair);
        uint8_t packet[64] = {0x80, 201, 0, 7};
        size_t bytes = 32;
        uint32_t index = 0;
        assert_int_equal(engine->protect_rtcp(batch, pool->profile, from, packet, &bytes, 5), 0);
        assert_int_equal(engine->unprotect_rtcp(batch, pool->profile, to, packet, &bytes, &index),
                         0);
        assert_int_equal(index, 5);
    }
    engine->batch_destroy(batch);
    key_pool_give(&other_pool, other);
    key_pool_clear(&other_pool);
}

static void test_keys_stay_while_others_come_and_go(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof(profiles) / sizeof(profiles[0]); p++) {
        struct key_pool pool;
        struct key_pair *pairs[PAIRS];
        key_pool_init(&pool, srtp_engine_find("auto"), profiles[p]);
        for (unsigned i = 0; i < PAIRS; i++)
            take(&pool, i, &pairs[i]);
        for (unsigned i = 0; i < PAIRS; i += 3)
            key_pool_give(&pool, pairs[i]);
        for (unsigned i = 0; i < PAIRS; i += 6)
            take(&pool, i + 1, &pairs[i]);
        for (unsigned i = 0; i < PAIRS; i++)
            if (i % 3 != 0 || i % 6 == 0)
                expect_keys_of(&pool, pairs[i], i % 3 != 0 ? i : i + 1);
        for (unsigned i = 0; i < PAIRS; i++)
            if (i % 3 != 0 || i % 6 == 0)
                key_pool_give(&pool, pairs[i]);
        key_pool_clear(&pool);
    }
}

static void test_a_pair_begins_on_a_cache_line(void **state)
{
    (void)state;
    for (size_t p = 0; p < sizeof(profiles) / sizeof(profiles[0]); p++) {
        struct key_pool pool;
        struct key_pair *pairs[3];
        key_pool_init(&pool, srtp_engine_find("auto"), profiles[p]);
        for (unsigned i = 0; i < 3; i++) {
            take(&pool, i, &pairs[i]);
            assert_int_equal((uintptr_t)pairs[i] % LINE_BYTES, 0);
            assert_int_equal((uintptr_t)key_pool_receiving(&pool, pairs[i]) % LINE_BYTES, 0);
        }
        for (unsigned i = 0; i < 3; i++)
            key_pool_give(&pool, pairs[i]);
        key_pool_clear(&pool);
    }
}

static void test_what_is_given_back_is_wiped_and_used_again(void **state)
{
    (void)state;
    static const uint8_t zeros[8192];
    for (size_t p = 0; p < sizeof(profiles) / sizeof(profiles[0]); p++) {
        const struct srtp_engine *engine = srtp_engine_find("auto");
        struct key_pool pool;
        struct key_pair *pair, *again;
        key_pool_init(&pool, engine, profiles[p]);
        take(&pool, 1, &pair);
        key_pool_give(&pool, pair);
        assert_ptr_equal(pool_take(&pool.pairs), pair); /* to look at it */
        assert_true(pool.pairs.object_bytes < sizeof(zeros));
        assert_memory_equal(pair, zeros, pool.pairs.object_bytes);
        pool_give(&pool.pairs, pair);
        take(&pool, 2, &again);
        assert_ptr_equal(again, pair);
        key_pool_give(&pool, again);
        key_pool_clear(&pool);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_keys_stay_while_others_come_and_go),
        cmocka_unit_test(test_a_pair_begins_on_a_cache_line),
        cmocka_unit_test(test_what_is_given_back_is_wiped_and_used_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
