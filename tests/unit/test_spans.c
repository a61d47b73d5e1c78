#include "simulate/spans.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct spans spans;

static int empty(void **state)
{
    (void)state;
    spans = (struct spans){0};
    return 0;
}

static void test_nothing_takes_no_time(void **state)
{
    (void)state;
    assert_int_equal(spans_at(&spans, 500), 0);
    spans_add(&spans, 70, 0);
    assert_int_equal(spans.count, 0);
    assert_int_equal(spans.max_ms, 0);
}

static void test_shares_are_told_to_the_step(void **state)
{
    (void)state;
    for (uint32_t ms = 1; ms <= 1000; ms++)
        spans_add(&spans, ms, 1);
    assert_int_equal(spans_at(&spans, 500), 500);
    assert_int_equal(spans_at(&spans, 950), 950);
    assert_int_equal(spans_at(&spans, 1000), 1000);
    assert_int_equal(spans_above(&spans, 990), 10);
    assert_int_equal(spans_above(&spans, 1000), 0);
}

static void test_no_share_is_above_the_longest(void **state)
{
    (void)state;
    spans_add(&spans, 3, 5);
    assert_int_equal(spans_at(&spans, 990), 3);
}

static void test_what_is_very_long_is_counted_and_its_length_kept(void **state)
{
    (void)state;
    spans_add(&spans, 10, 99);
    spans_add(&spans, 3600000, 1);
    assert_int_equal(spans.max_ms, 3600000);
    assert_int_equal(spans_at(&spans, 990), 10);
    assert_int_equal(spans_above(&spans, 60000), 1);
    assert_int_equal(spans_at(&spans, 1000), 3600000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_nothing_takes_no_time, empty),
        cmocka_unit_test_setup(test_shares_are_told_to_the_step, empty),
        cmocka_unit_test_setup(test_no_share_is_above_the_longest, empty),
        cmocka_unit_test_setup(test_what_is_very_long_is_counted_and_its_length_kept, empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
