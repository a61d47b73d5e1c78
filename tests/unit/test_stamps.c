#include "rehearse/stamps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const int64_t wall_ns = INT64_C(1800000000) * 1000000000;
static const uint64_t now_us = 5000000;

static void test_a_stamp_is_put_on_the_monotonic_clock(void **state)
{
    (void)state;
    struct stamps stamps = {0};
    stamps_begin(&stamps, now_us, wall_ns);
    assert_int_equal(stamps_arrival_us(&stamps, wall_ns), now_us);
    assert_int_equal(stamps_arrival_us(&stamps, wall_ns - 3000000), now_us - 3000);
}

static void test_what_came_during_the_burst_is_newer_than_its_beginning(void **state)
{
    (void)state;
    struct stamps stamps = {0};
    stamps_begin(&stamps, now_us, wall_ns);
    assert_int_equal(stamps_arrival_us(&stamps, wall_ns + 700000), now_us + 700);
}

static void test_stamps_are_not_believed_when_the_wall_clock_was_set(void **state)
{
    (void)state;
    static const int64_t steps_ns[] = {500000000, -500000000, INT64_C(3600) * 1000000000};
    for (unsigned i = 0; i < sizeof(steps_ns) / sizeof(steps_ns[0]); i++) {
        struct stamps stamps = {0};
        int64_t set_ns = wall_ns + steps_ns[i];
        stamps_begin(&stamps, now_us, wall_ns);
        stamps_begin(&stamps, now_us + 20000, set_ns + 20000000);
        assert_int_equal(stamps_arrival_us(&stamps, wall_ns + 10000000), now_us + 20000);
    }
}

static void test_what_waited_while_the_clock_was_set_is_not_believed_later_either(void **state)
{
    (void)state;
    struct stamps stamps = {0};
    int64_t set_ns = wall_ns + INT64_C(10) * 1000000000;
    stamps_begin(&stamps, now_us, wall_ns);
    stamps_begin(&stamps, now_us + 20000, set_ns + 20000000);
    stamps_begin(&stamps, now_us + 40000, set_ns + 40000000);
    /* It came before the clock was set, to a socket that is read only now. */
    assert_int_equal(stamps_arrival_us(&stamps, wall_ns + 10000000), now_us + 40000);
    uint64_t calm_us = now_us + 20000 + STAMPS_UNREAD_MAX_US;
    int64_t calm_ns = set_ns + 20000000 + (int64_t)STAMPS_UNREAD_MAX_US * 1000;
    stamps_begin(&stamps, calm_us, calm_ns);
    assert_int_equal(stamps_arrival_us(&stamps, calm_ns - 3000000), calm_us - 3000);
}

static void test_the_wall_clock_may_be_slewed(void **state)
{
    (void)state;
    struct stamps stamps = {0};
    stamps_begin(&stamps, now_us, wall_ns);
    stamps_begin(&stamps, now_us + 1000000, wall_ns + 1000500000); /* 500 ppm fast */
    assert_int_equal(stamps_arrival_us(&stamps, wall_ns + 1000500000 - 2000000),
                     now_us + 1000000 - 2000);
}

static void test_nonsense_is_the_moment_of_reading(void **state)
{
    (void)state;
    struct stamps stamps = {0};
    stamps_begin(&stamps, now_us, wall_ns);
    assert_int_equal(stamps_arrival_us(&stamps, 0), now_us);
    assert_int_equal(stamps_arrival_us(&stamps, 1), now_us);
    assert_int_equal(stamps_arrival_us(&stamps, wall_ns + INT64_C(10) * 1000000000), now_us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stamp_is_put_on_the_monotonic_clock),
        cmocka_unit_test(test_what_came_during_the_burst_is_newer_than_its_beginning),
        cmocka_unit_test(test_stamps_are_not_believed_when_the_wall_clock_was_set),
        cmocka_unit_test(test_what_waited_while_the_clock_was_set_is_not_believed_later_either),
        cmocka_unit_test(test_the_wall_clock_may_be_slewed),
        cmocka_unit_test(test_nonsense_is_the_moment_of_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
