#include "rehearse/evening_plan.h"

#include "rehearse/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND_US = 1000 * 1000 };

static struct evening_size size_of(uint32_t seats, uint32_t people, bool is_small)
{
    struct evening_size size;
    evening_size_make(&size, seats, people, is_small);
    return size;
}

static void test_twice_what_fits_comes_and_a_quarter_stays(void **state)
{
    (void)state;
    struct evening_size size = size_of(1000, 0, false);
    assert_int_equal(size.people, 2000);
    assert_int_equal(size.base, 250);
    assert_int_equal(size.storm_s, 60);
    assert_int_equal(size.quiet_s, 120);
}

static void test_no_more_come_than_were_asked_for_or_are_played_well(void **state)
{
    (void)state;
    assert_int_equal(size_of(1000, 300, false).people, 300);
    assert_int_equal(size_of(1000, 300, false).base, 75);
    assert_int_equal(size_of(1000, 5000, false).people, 2000);
    assert_int_equal(size_of(UINT32_MAX, 0, false).people, EVENING_PEOPLE_MAX);
    assert_int_equal(size_of(1000, 0, true).people, EVENING_SMALL_PEOPLE_MAX);
    assert_int_equal(size_of(40, 0, true).base, 20);
}

static void test_a_small_evening_is_shorter(void **state)
{
    (void)state;
    struct evening_size small = size_of(40, 0, true), full = size_of(40, 0, false);
    assert_true(evening_seconds_max(&small) < evening_seconds_max(&full));
    assert_true(evening_seconds_max(&full) < PLAN_SECONDS_MAX);
    assert_true(small.refusals < full.refusals && small.storm_s < full.storm_s);
}

static void test_each_step_doubles_until_the_seats_are_used(void **state)
{
    (void)state;
    static const uint32_t wanted[] = {8, 16, 32, 64, 75, 0, 0};
    struct evening_size size = size_of(100, 0, false);
    for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
        assert_int_equal(evening_step(&size, i), wanted[i]);
}

static void test_steps_never_take_more_seats_than_there_are_and_end(void **state)
{
    (void)state;
    for (uint32_t seats = 1; seats < 5000; seats += 7) {
        struct evening_size size = size_of(seats, 0, false);
        unsigned step = 0;
        uint32_t count, last = 0;
        while ((count = evening_step(&size, step)) > 0) {
            assert_true(count + size.base <= seats && count >= last);
            last = count;
            assert_true(++step <= EVENING_STEPS_MAX);
        }
        assert_true(step >= 1);
        assert_true(step == EVENING_STEPS_MAX || last + size.base == seats);
    }
}

static void test_seats_are_handed_on_as_fast_as_people_join_in_peace(void **state)
{
    (void)state;
    struct evening_size size = size_of(1000, 0, false);
    struct evening_storm storm;
    evening_storm_make(&storm, &size, 100);
    /* 750 seats, 110 a second: 6.8 s each, of which 0.6 for handing it on */
    assert_in_range(storm.stay_us, 6.1 * SECOND_US, 6.3 * SECOND_US);
    assert_true(storm.room_per_s > 109 && storm.room_per_s < 111);
    assert_in_range(storm.arrive_us, 1.74 * SECOND_US, 1.76 * SECOND_US); /* 1750 at 1000/s */
    assert_true(storm.passers_per_s > 999 && storm.passers_per_s < 1001);
}

static void test_with_few_seats_the_seats_are_the_limit(void **state)
{
    (void)state;
    struct evening_size size = size_of(40, 0, false);
    struct evening_storm storm;
    evening_storm_make(&storm, &size, 100);
    assert_int_equal(storm.stay_us, 3 * SECOND_US / 10);
    assert_true(storm.room_per_s > 33.3 && storm.room_per_s < 33.4); /* 30 seats, 0.9 s each */
}

static void test_a_slow_server_keeps_its_people_for_a_while_only(void **state)
{
    (void)state;
    struct evening_size size = size_of(1000, 0, false);
    struct evening_storm storm;
    evening_storm_make(&storm, &size, 1);
    assert_int_equal(storm.stay_us, 20 * SECOND_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_twice_what_fits_comes_and_a_quarter_stays),
        cmocka_unit_test(test_no_more_come_than_were_asked_for_or_are_played_well),
        cmocka_unit_test(test_a_small_evening_is_shorter),
        cmocka_unit_test(test_each_step_doubles_until_the_seats_are_used),
        cmocka_unit_test(test_steps_never_take_more_seats_than_there_are_and_end),
        cmocka_unit_test(test_seats_are_handed_on_as_fast_as_people_join_in_peace),
        cmocka_unit_test(test_with_few_seats_the_seats_are_the_limit),
        cmocka_unit_test(test_a_slow_server_keeps_its_people_for_a_while_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
