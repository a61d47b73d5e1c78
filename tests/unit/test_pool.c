#include "base/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { OBJECT_BYTES = 632, MANY = 1500 /* several chunks */ };

static void assert_is_zero(const uint8_t *object)
{
    for (size_t i = 0; i < OBJECT_BYTES; i++)
        assert_int_equal(object[i], 0);
}

static void test_objects_are_zero_aligned_and_apart(void **state)
{
    struct pool pool;
    uint8_t *objects[MANY];
    (void)state;
    pool_init(&pool, OBJECT_BYTES);
    for (unsigned i = 0; i < MANY; i++) {
        objects[i] = pool_take(&pool);
        assert_non_null(objects[i]);
        assert_int_equal((uintptr_t)objects[i] % _Alignof(max_align_t), 0);
        assert_is_zero(objects[i]);
        memset(objects[i], (int)(i % 255 + 1), OBJECT_BYTES);
    }
    for (unsigned i = 0; i < MANY; i++)
        for (size_t k = 0; k < OBJECT_BYTES; k++)
            assert_int_equal(objects[i][k], i % 255 + 1);
    assert_int_equal(pool.taken, MANY);
    pool_clear(&pool);
}

static void test_what_was_given_back_is_taken_again_and_clean(void **state)
{
    struct pool pool;
    uint8_t *objects[MANY];
    (void)state;
    pool_init(&pool, OBJECT_BYTES);
    for (unsigned i = 0; i < MANY; i++) {
        objects[i] = pool_take(&pool);
        memset(objects[i], 0xA5, OBJECT_BYTES);
    }
    for (unsigned i = 0; i < MANY; i += 2)
        pool_give(&pool, objects[i]);
    const void *newest = pool.chunks;
    for (unsigned i = 0; i < MANY; i += 2) {
        objects[i] = pool_take(&pool);
        assert_is_zero(objects[i]);
    }
    assert_ptr_equal(pool.chunks, newest);
    assert_int_equal(pool.taken, MANY);
    for (unsigned i = 1; i < MANY; i += 2)
        assert_int_equal(objects[i][OBJECT_BYTES - 1], 0xA5);
    pool_clear(&pool);
}

static void test_clearing_a_zeroed_pool_is_fine(void **state)
{
    struct pool pool = {0};
    (void)state;
    pool_clear(&pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_are_zero_aligned_and_apart),
        cmocka_unit_test(test_what_was_given_back_is_taken_again_and_clean),
        cmocka_unit_test(test_clearing_a_zeroed_pool_is_fine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
