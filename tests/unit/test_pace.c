#include "transport/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

enum { SPREAD_US = 10000, BURST_US = 600, START_US = 1000000 };

/* Sends `total` datagrams, each burst taking burst_us. Returns when the last one was gone; *sleeps
 * is how often the pace had to be waited for. */
static uint64_t run(struct pace *pace, uint32_t total, uint64_t burst_us, unsigned *sleeps)
{
    uint64_t now_us = START_US;
    *sleeps = 0;
    pace_start(pace, now_us, SPREAD_US);
    while (total > 0) {
        if (!pace_is_due(pace, now_us)) {
            assert_true(pace->next_us > now_us);
            now_us = pace->next_us;
            ++*sleeps;
        }
        uint32_t burst = total < PACE_BURST ? total : PACE_BURST;
        total -= burst;
        pace_sent(pace, total, now_us);
        now_us += burst_us;
    }
    return now_us - START_US;
}

static void test_a_small_pass_goes_at_once(void **state)
{
    struct pace pace = {0};
    unsigned sleeps;
    (void)state;
    assert_int_equal(run(&pace, PACE_BURST, BURST_US, &sleeps), BURST_US);
    assert_int_equal(sleeps, 0);
    assert_false(pace.is_running);
}

static void test_a_large_pass_fills_the_time_with_even_pauses(void **state)
{
    struct pace pace = {0};
    unsigned sleeps;
    (void)state;
    uint64_t took_us = run(&pace, 8 * PACE_BURST, BURST_US, &sleeps);
    assert_int_equal(sleeps, 7);
    assert_in_range(took_us, SPREAD_US * 8 / 10, SPREAD_US);
}

static void test_who_is_behind_does_not_wait(void **state)
{
    struct pace pace = {0};
    unsigned sleeps;
    (void)state;
    assert_int_equal(run(&pace, 40 * PACE_BURST, BURST_US, &sleeps), 40 * BURST_US);
    assert_int_equal(sleeps, 0);
    assert_false(pace.is_running);
}

static void test_the_next_frame_moves_the_deadline_and_not_the_burst_that_is_due(void **state)
{
    struct pace pace = {0};
    (void)state;
    pace_start(&pace, START_US, SPREAD_US);
    pace_sent(&pace, 3 * PACE_BURST, START_US);
    uint64_t next_us = pace.next_us;
    assert_int_equal(next_us, START_US + SPREAD_US / 4);
    pace_start(&pace, START_US + 100, SPREAD_US);
    assert_int_equal(pace.next_us, next_us);
    assert_int_equal(pace.deadline_us, START_US + 100 + SPREAD_US);
}

static void test_without_a_pass_everything_may_go(void **state)
{
    struct pace pace = {0};
    (void)state;
    assert_true(pace_is_due(&pace, START_US));
    pace_sent(&pace, 0, START_US);
    assert_true(pace_is_due(&pace, START_US));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_small_pass_goes_at_once),
        cmocka_unit_test(test_a_large_pass_fills_the_time_with_even_pauses),
        cmocka_unit_test(test_who_is_behind_does_not_wait),
        cmocka_unit_test(test_the_next_frame_moves_the_deadline_and_not_the_burst_that_is_due),
        cmocka_unit_test(test_without_a_pass_everything_may_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
