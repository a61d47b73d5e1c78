#include "rehearse/pacing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { MS = 1000, S = 1000 * MS };

static struct pacing pacing;

static void test_one_after_the_other_evenly(void **state)
{
    (void)state;
    uint64_t sum = 0;
    pacing_start(&pacing, 4000, 5 * S);
    assert_int_equal(pacing_due(&pacing, 5 * S), 0);
    for (uint64_t now_us = 5 * S + MS; now_us <= 15 * S; now_us += MS) {
        uint64_t due = pacing_due(&pacing, now_us);
        assert_int_equal(due, 4);
        sum += due;
    }
    assert_int_equal(sum, 40000);
    assert_int_equal(pacing.missed, 0);
}

static void test_a_slow_rate_loses_nothing_by_rounding(void **state)
{
    (void)state;
    uint64_t sum = 0;
    pacing_start(&pacing, 3, 0);
    for (uint64_t now_us = 0; now_us <= 10 * S; now_us += MS)
        sum += pacing_due(&pacing, now_us);
    assert_int_equal(sum, 30);
    assert_int_equal(pacing.missed, 0);
}

static void test_what_was_held_up_for_long_is_missed_and_counted(void **state)
{
    (void)state;
    pacing_start(&pacing, 1000, 0);
    assert_int_equal(pacing_due(&pacing, 20 * MS), 20);
    assert_int_equal(pacing_due(&pacing, 520 * MS), 21); /* a tick, and one */
    assert_int_equal(pacing.missed, 479);
    assert_int_equal(pacing_due(&pacing, 521 * MS), 1); /* and as if nothing had been */
    assert_int_equal(pacing.told, 521);
}

static void test_a_clock_that_stands_still_has_nothing_due(void **state)
{
    (void)state;
    pacing_start(&pacing, 1000, 10 * S);
    assert_int_equal(pacing_due(&pacing, 9 * S), 0);
    assert_int_equal(pacing_due(&pacing, 10 * S + 7 * MS), 7);
    assert_int_equal(pacing_due(&pacing, 10 * S + 7 * MS), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_after_the_other_evenly),
        cmocka_unit_test(test_a_slow_rate_loses_nothing_by_rounding),
        cmocka_unit_test(test_what_was_held_up_for_long_is_missed_and_counted),
        cmocka_unit_test(test_a_clock_that_stands_still_has_nothing_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
