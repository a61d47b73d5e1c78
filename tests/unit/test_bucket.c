#include "base/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND_US = 1000000 };

static void test_a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    uint64_t now_us = 5 * SECOND_US;
    for (unsigned i = 0; i < 4; i++)
        assert_true(bucket_take(&bucket, 2, 4, now_us));
    assert_false(bucket_take(&bucket, 2, 4, now_us));
    assert_false(bucket_take(&bucket, 2, 4, now_us + SECOND_US / 2 - 1));
    assert_true(bucket_take(&bucket, 2, 4, now_us + SECOND_US / 2));
    assert_false(bucket_take(&bucket, 2, 4, now_us + SECOND_US / 2));
    assert_true(bucket_take(&bucket, 2, 4, now_us + SECOND_US));
    for (unsigned i = 0; i < 4; i++) /* long rest fills it, and no further */
        assert_true(bucket_take(&bucket, 2, 4, now_us + 3600ull * SECOND_US));
    assert_false(bucket_take(&bucket, 2, 4, now_us + 3600ull * SECOND_US));
    assert_false(bucket_take(&bucket, 2, 4, now_us)); /* a clock that steps back gives nothing */
}

static void test_many_small_steps_give_no_more_than_the_rate(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    unsigned given = 0;
    for (uint64_t now_us = 1; now_us <= 10 * SECOND_US; now_us += 37)
        given += bucket_take(&bucket, 3, 5, now_us);
    assert_in_range(given, 5 + 29, 5 + 30);
}

static void test_a_bucket_at_time_zero_is_full(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    assert_true(bucket_take(&bucket, 1, 1, 0));
    assert_false(bucket_take(&bucket, 1, 1, 0));
    assert_false(bucket_take(&bucket, 0, 1, 100ull * SECOND_US)); /* a rate of nothing */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bucket_gives_its_burst_and_then_its_rate),
        cmocka_unit_test(test_many_small_steps_give_no_more_than_the_rate),
        cmocka_unit_test(test_a_bucket_at_time_zero_is_full),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
