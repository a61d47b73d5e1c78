/* Storms made by hand: one that keeps the promise, and one for each way to break it. */
#include "rehearse/promises.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct promise promise;
static struct tally_asks asks;

static int answer_all(void **state)
{
    (void)state;
    asks = (struct tally_asks){.asked = 5000, .answered = 5000};
    histogram_add(&asks.times, 40 * 1000);
    return 0;
}

static void assert_outcome(enum outcome wanted, const char *figure)
{
    if (promise.outcome != wanted || strstr(promise.figure, figure) == NULL)
        fail_msg("'%s' is %s, not %s with '%s'", promise.figure, outcome_name(promise.outcome),
                 outcome_name(wanted), figure);
}

static struct promise_goodput good_storm(void)
{
    return (struct promise_goodput){
        .peak_per_s = 100, .storm_per_s = 95, .offered_per_s = 1000, .times = 10, .asks = &asks};
}

static void test_goodput_near_the_peak_is_kept(void **state)
{
    (void)state;
    struct promise_goodput seen = good_storm();
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_KEPT, "95 joins/s of 100");
    assert_string_equal(promise.name, "goodput");
}

static void test_goodput_under_nine_tenths_is_broken(void **state)
{
    (void)state;
    struct promise_goodput seen = good_storm();
    seen.storm_per_s = 89;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "89 joins/s");
}

static void test_where_seats_do_not_come_free_faster_that_is_the_bar(void **state)
{
    (void)state;
    struct promise_goodput seen = good_storm();
    seen.storm_per_s = 46;
    seen.room_per_s = 50;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_KEPT, "seats came free for 50/s");
    seen.storm_per_s = 44;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "44 joins/s");
    seen.room_per_s = 400; /* more than the peak says nothing */
    seen.storm_per_s = 95;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_KEPT, "95 joins/s");
}

static void test_one_late_answer_or_none_breaks_it(void **state)
{
    (void)state;
    struct promise_goodput seen = good_storm();
    asks.late = 1;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "1 answered after 1 s");
    asks.late = 0;
    asks.unanswered = 2;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "2 never");
}

static void test_a_drill_that_got_no_processor_found_only_its_own_limit(void **state)
{
    (void)state;
    struct promise_goodput seen = good_storm();
    seen.storm_per_s = 70;
    seen.strain_permille = 949;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "70 joins/s");
    seen.strain_permille = 950;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "the drill itself got no more processor (busy for 95 %");
    seen.storm_per_s = 90;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_KEPT, "90 joins/s");
    assert_null(strstr(promise.figure, "itself"));
    asks.late = 1;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "late answers tell of its own limit");
    asks.unanswered = 1; /* who hears nothing is lost, however slow the drill */
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "1 never");
}

static void test_a_lesser_storm_measures_nothing(void **state)
{
    (void)state;
    struct promise_goodput seen = good_storm();
    seen.offered_per_s = 790;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "could not offer more");
    seen.why_less = "nobody passed by";
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "7.9 times: nobody passed by");
    seen.why_less = NULL;
    seen.storm_per_s = 10;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "could not offer more"); /* broken by less is broken */
    seen.peak_per_s = 0;
    promise_goodput(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "nobody could join");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, answer_all)
        TEST(test_goodput_near_the_peak_is_kept),
        TEST(test_goodput_under_nine_tenths_is_broken),
        TEST(test_where_seats_do_not_come_free_faster_that_is_the_bar),
        TEST(test_one_late_answer_or_none_breaks_it),
        TEST(test_a_drill_that_got_no_processor_found_only_its_own_limit),
        TEST(test_a_lesser_storm_measures_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
