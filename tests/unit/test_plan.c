#include "rehearse/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { SECOND_US = 1000000 };

static const struct plan_params plain = {
    .listeners = 1000, .ramp_per_second = 100, .hold_us = 30 * SECOND_US};

static struct plan make(const struct plan_params *params)
{
    struct plan plan;
    char problem[PLAN_PROBLEM_MAX] = "";
    int err = plan_make(&plan, params, problem);
    assert_string_equal(problem, "");
    assert_int_equal(err, 0);
    return plan;
}

static void assert_refused(const struct plan_params *params, const char *wanted)
{
    struct plan plan = {.end_us = 4711};
    char problem[PLAN_PROBLEM_MAX] = "";
    assert_int_equal(plan_make(&plan, params, problem), ERR_INVAL);
    assert_non_null(strstr(problem, wanted));
    assert_non_null(strstr(problem, "allowed: "));
    assert_int_equal(plan.end_us, 4711);
}

static void test_a_ramp_brings_so_many_each_second(void **state)
{
    (void)state;
    struct plan plan = make(&plain);
    assert_int_equal(plan.last_join_us, 9990000);
    assert_int_equal(plan.end_us, 39990000);
    unsigned in_second[10] = {0};
    for (uint32_t i = 0; i < 1000; i++)
        in_second[plan_listener(&plan, i).join_us / SECOND_US]++;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(in_second[i], 100);
}

static void test_without_a_ramp_all_come_at_once(void **state)
{
    (void)state;
    struct plan_params params = plain;
    params.ramp_per_second = 0;
    struct plan plan = make(&params);
    assert_int_equal(plan.last_join_us, 0);
    assert_int_equal(plan.end_us, 30 * SECOND_US);
    assert_int_equal(plan_listener(&plan, 999).join_us, 0);
}

static void test_without_shares_everybody_is_plain(void **state)
{
    (void)state;
    struct plan plan = make(&plain);
    for (uint32_t i = 0; i < 1000; i++) {
        struct plan_listener listener = plan_listener(&plan, i);
        assert_int_equal(listener.way, WAY_WEBSOCKET);
        assert_false(listener.is_lossy || listener.is_slow || listener.is_unread ||
                     listener.is_verifying);
        assert_true(listener.leave_us == UINT64_MAX && listener.return_us == UINT64_MAX);
    }
}

static void test_a_share_of_a_hundred_percent_is_everybody(void **state)
{
    (void)state;
    struct plan_params params = plain;
    params.whep_percent = params.lossy_percent = params.slow_percent = 100;
    params.loss_percent = 5;
    params.slow_us = 200000;
    params.unread_percent = params.verify_percent = params.leave_percent = 100;
    params.leave_after_us = SECOND_US;
    struct plan plan = make(&params);
    for (uint32_t i = 0; i < 1000; i++) {
        struct plan_listener listener = plan_listener(&plan, i);
        assert_int_equal(listener.way, WAY_WHEP);
        assert_true(listener.is_lossy && listener.is_slow && listener.is_unread &&
                    listener.is_verifying && listener.leave_us != UINT64_MAX);
    }
}

/* ---- shares ---- */

enum { SHARES = 7, CROWD = 10000 };

static struct plan of_percent(unsigned first, unsigned first_percent, unsigned second,
                              unsigned second_percent)
{
    struct plan_params params = {.listeners = CROWD, .hold_us = 30 * SECOND_US};
    unsigned *const shares[SHARES] = {
        &params.whep_percent,   &params.lossy_percent, &params.slow_percent, &params.unread_percent,
        &params.verify_percent, &params.leave_percent, &params.line_percent};
    *shares[first] = first_percent;
    *shares[second] = second_percent;
    params.loss_percent = 3;
    params.slow_us = 100000;
    return make(&params);
}

static bool has(const struct plan_listener *listener, unsigned share)
{
    const bool shares[SHARES] = {listener->way == WAY_WHEP, listener->is_lossy,
                                 listener->is_slow,         listener->is_unread,
                                 listener->is_verifying,    listener->leave_us != UINT64_MAX,
                                 listener->asks_line};
    return shares[share];
}

static void test_a_share_is_as_large_among_the_first_as_among_all(void **state)
{
    (void)state;
    static const unsigned percents[] = {1, 2, 5, 10, 33, 50, 90, 99};
    for (unsigned share = 0; share < SHARES; share++)
        for (unsigned p = 0; p < sizeof(percents) / sizeof(percents[0]); p++) {
            struct plan plan = of_percent(share, percents[p], share, percents[p]);
            unsigned count = 0;
            for (uint32_t i = 0; i < CROWD; i++) {
                struct plan_listener listener = plan_listener(&plan, i);
                count += has(&listener, share);
                int wanted = (int)((i + 1) * percents[p] / 100);
                assert_true(abs((int)count - wanted) <= 4);
            }
        }
}

/* Of any two shares about as many have both as chance would give, within its square root. */
static void assert_independent(unsigned first, unsigned second, unsigned p, unsigned q)
{
    struct plan plan = of_percent(first, p, second, q);
    unsigned both = 0;
    for (uint32_t i = 0; i < CROWD; i++) {
        struct plan_listener listener = plan_listener(&plan, i);
        both += has(&listener, first) && has(&listener, second);
        if (i + 1 != 100 && i + 1 != 1000 && i + 1 != CROWD)
            continue;
        int wanted = (int)((i + 1) * p * q / 10000), off = abs((int)both - wanted);
        assert_true(off <= 2 || off * off <= wanted);
    }
}

static void test_two_shares_meet_as_often_as_chance_would_have_it(void **state)
{
    (void)state;
    static const unsigned percents[] = {5, 10, 30, 50};
    for (unsigned first = 0; first < SHARES; first++)
        for (unsigned second = first + 1; second < SHARES; second++)
            for (unsigned p = 0; p < 4; p++)
                for (unsigned q = 0; q < 4; q++)
                    assert_independent(first, second, percents[p], percents[q]);
}

static void test_the_first_listener_has_no_share_of_small_size(void **state)
{
    (void)state;
    struct plan_params params = plain;
    params.whep_percent = params.unread_percent = params.verify_percent = 5;
    struct plan plan = make(&params);
    struct plan_listener listener = plan_listener(&plan, 0);
    assert_true(listener.way == WAY_WEBSOCKET && !listener.is_unread && !listener.is_verifying);
}

/* ---- leaving ---- */

static void test_who_leaves_goes_at_once_and_comes_back_at_once(void **state)
{
    (void)state;
    struct plan_params params = plain;
    params.leave_percent = 50;
    params.leave_after_us = 10 * SECOND_US;
    params.return_after_us = 5 * SECOND_US;
    struct plan plan = make(&params);
    unsigned leaving = 0;
    for (uint32_t i = 0; i < 1000; i++) {
        struct plan_listener listener = plan_listener(&plan, i);
        if (listener.leave_us == UINT64_MAX) {
            assert_true(listener.return_us == UINT64_MAX);
            continue;
        }
        leaving++;
        assert_int_equal(listener.leave_us, 19990000);
        assert_int_equal(listener.return_us, 24990000);
    }
    assert_in_range(leaving, 496, 504);
}

static void test_without_a_return_who_left_stays_away(void **state)
{
    (void)state;
    struct plan_params params = plain;
    params.leave_percent = 100;
    struct plan plan = make(&params);
    assert_int_equal(plan_listener(&plan, 7).leave_us, plan.last_join_us);
    assert_true(plan_listener(&plan, 7).return_us == UINT64_MAX);
}

/* ---- what is refused ---- */

static void test_numbers_out_of_range_are_refused_with_what_is_allowed(void **state)
{
    (void)state;
    struct plan_params params = plain;
    params.listeners = 0;
    assert_refused(&params, "--listeners: 0; allowed: 1 to 1000000");
    params.listeners = PLAN_LISTENERS_MAX + 1;
    assert_refused(&params, "--listeners");
    params = plain;
    params.hold_us = SECOND_US - 1;
    assert_refused(&params, "--seconds");
    params.hold_us = 3601ull * SECOND_US;
    assert_refused(&params, "--seconds");
    params = plain;
    params.ramp_per_second = 1;
    params.listeners = 3602;
    assert_refused(&params, "--ramp");
    params = plain;
    params.whep_percent = 101;
    assert_refused(&params, "--whep: 101 percent; allowed: 0 to 100");
}

static void test_an_hour_in_all_is_the_most(void **state)
{
    (void)state;
    struct plan_params params = plain;
    params.ramp_per_second = 1;
    params.listeners = 3571;
    assert_int_equal(make(&params).end_us, 3600ull * SECOND_US);
    params.listeners++;
    assert_refused(&params, "at most 3600");
}

static void test_a_share_needs_its_measure(void **state)
{
    (void)state;
    struct plan_params params = plain;
    params.lossy_percent = 10;
    assert_refused(&params, "--lossy: a loss of 0 percent");
    params.loss_percent = 100;
    assert_refused(&params, "--lossy");
    params = plain;
    params.slow_percent = 10;
    assert_refused(&params, "--slow: 0 ms");
    params.slow_us = 10 * SECOND_US + 1;
    assert_refused(&params, "--slow");
    params.slow_us = 10 * SECOND_US;
    (void)make(&params);
}

static void test_leaving_and_returning_lie_within_the_hold(void **state)
{
    (void)state;
    struct plan_params params = plain;
    params.return_after_us = SECOND_US;
    assert_refused(&params, "--return: nobody leaves");
    params.leave_percent = 1;
    params.leave_after_us = 30 * SECOND_US;
    assert_refused(&params, "--leave");
    params.leave_after_us = 20 * SECOND_US;
    params.return_after_us = 10 * SECOND_US;
    assert_refused(&params, "--return");
    params.return_after_us--;
    (void)make(&params);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ramp_brings_so_many_each_second),
        cmocka_unit_test(test_without_a_ramp_all_come_at_once),
        cmocka_unit_test(test_without_shares_everybody_is_plain),
        cmocka_unit_test(test_a_share_of_a_hundred_percent_is_everybody),
        cmocka_unit_test(test_a_share_is_as_large_among_the_first_as_among_all),
        cmocka_unit_test(test_two_shares_meet_as_often_as_chance_would_have_it),
        cmocka_unit_test(test_the_first_listener_has_no_share_of_small_size),
        cmocka_unit_test(test_who_leaves_goes_at_once_and_comes_back_at_once),
        cmocka_unit_test(test_without_a_return_who_left_stays_away),
        cmocka_unit_test(test_numbers_out_of_range_are_refused_with_what_is_allowed),
        cmocka_unit_test(test_an_hour_in_all_is_the_most),
        cmocka_unit_test(test_a_share_needs_its_measure),
        cmocka_unit_test(test_leaving_and_returning_lie_within_the_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
