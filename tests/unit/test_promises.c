/* Evenings made by hand: one that keeps each promise, and one for each way to break it. */
#include "rehearse/promises.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
    MS = 1000,
    S = 1000 * MS,
    SECONDS = 200,
    STORM_AT = 30,
    HOGS_AT = 90,
    CUT_AT = 110,
    QUIET_AT = 130
};

static struct moment moments[SECONDS];
static struct promise promise;

static void assert_outcome(enum outcome wanted, const char *figure)
{
    if (promise.outcome != wanted || strstr(promise.figure, figure) == NULL)
        fail_msg("%s: '%s' is %s, not %s with '%s'", promise.name, promise.figure,
                 outcome_name(promise.outcome), outcome_name(wanted), figure);
}

static void set_mode(struct moment *moment, const char *mode, const char *cause)
{
    (void)snprintf(moment->server.mode, sizeof(moment->server.mode), "%s", mode);
    (void)snprintf(moment->server.cause, sizeof(moment->server.cause), "%s", cause);
}

static enum part part_at(unsigned second)
{
    if (second < STORM_AT)
        return PART_FILL;
    if (second < HOGS_AT)
        return PART_STORM;
    if (second < CUT_AT)
        return PART_HOGS;
    return second < QUIET_AT ? PART_CUT : PART_QUIET;
}

/* Overloaded from the third second of the storm on; economy two seconds later, small audience with the
 * hogs, economy again in the quiet, normal at its 70th second. */
static int make_a_good_evening(void **state)
{
    (void)state;
    memset(moments, 0, sizeof(moments));
    for (unsigned i = 0; i < SECONDS; i++) {
        struct moment *moment = &moments[i];
        *moment = (struct moment){.at_us = 1000 * S + (uint64_t)i * S,
                                  .part = part_at(i),
                                  .hearing = 100,
                                  .heard = 100,
                                  .steady = 100,
                                  .seated = 100,
                                  .server = {.is_seen = true,
                                             .has_hearing = true,
                                             .has_taken = true,
                                             .has_connected = true,
                                             .has_room = true,
                                             .hearing = 99,
                                             .connected = 100,
                                             .seats_taken = 100,
                                             .seats_max = 1000,
                                             .room_seats = 100,
                                             .sent = 5000}};
        if (i < STORM_AT + 5 || i >= QUIET_AT + 70)
            set_mode(moment, "normal", "");
        else if (i >= HOGS_AT && i < QUIET_AT + 60)
            set_mode(moment, "small_audience", "worker_busy");
        else
            set_mode(moment, "economy", "program_late");
    }
    moments[STORM_AT + 3].server.late = moments[STORM_AT + 4].server.late = 100;
    return 0;
}

/* ---- hosts, seated, recording ---- */

static void test_hosts_without_a_gap_and_back_in_time(void **state)
{
    (void)state;
    struct promise_hosts seen = {
        .packets = 9000, .longest_gap_us = 31 * MS, .has_dropped = true, .returned_us = 1200 * MS};
    promise_hosts(&promise, &seen);
    assert_outcome(PROMISE_KEPT, "back after 1.2 s");
    seen.returned_us = 2 * S + 1;
    promise_hosts(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "back after 2.0 s");
    seen.returned_us = 0;
    promise_hosts(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "did not come back");
    seen.has_dropped = false;
    promise_hosts(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "no host dropped");
    seen.gaps = 1;
    promise_hosts(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "1 gaps over 60 ms");
    seen.gaps = 0;
    seen.outages = 2;
    promise_hosts(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "2 times a host's connection was lost");
}

static void test_without_hosts_it_says_why(void **state)
{
    (void)state;
    struct promise_hosts seen = {.why_not = "there is no token"};
    promise_hosts(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "there is no token");
    seen.why_not = NULL;
    promise_hosts(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "heard nothing");
}

static void test_nobody_evicted_and_few_gaps(void **state)
{
    (void)state;
    struct promise_seated seen = {.seated = 100, .heard_seconds = 10000, .gap_seconds = 100};
    promise_seated(&promise, &seen);
    assert_outcome(PROMISE_KEPT, "in 1.00 %");
    seen.gap_seconds = 101;
    promise_seated(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "in 1.01 %");
    seen.gap_seconds = 0;
    seen.evicted = 1;
    promise_seated(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "1 evicted of up to 100");
    seen.heard_seconds = 0;
    promise_seated(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "nobody heard");
}

static void test_a_recording_is_whole_without_a_hole_and_long_enough(void **state)
{
    (void)state;
    struct promise_recording seen = {.is_whole = true, .duration_ms = 59500, .live_ms = 60000};
    promise_recording(&promise, &seen);
    assert_outcome(PROMISE_KEPT, "whole");
    seen.live_ms = 61000;
    promise_recording(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "59.5 s of 61.0 s");
    seen.live_ms = 60000;
    seen.fillers = 3;
    promise_recording(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "3 packets missing");
    seen.was_restarted = true;
    promise_recording(&promise, &seen);
    assert_outcome(PROMISE_KEPT, "the server was killed");
    seen.gaps = 1;
    promise_recording(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "1 gaps");
    seen = (struct promise_recording){.why_not = "the room was not to end"};
    promise_recording(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "not to end");
}

/* ---- cap ---- */

static void judge_cap(uint32_t others)
{
    promise_cap(&promise, moments, SECONDS, others);
}

static void test_a_full_room_that_is_never_fuller(void **state)
{
    (void)state;
    judge_cap(0);
    assert_outcome(PROMISE_KEPT, "cap 100: at most 100 connected");
}

static void test_one_too_many_for_one_look_breaks_it(void **state)
{
    (void)state;
    moments[60].server.connected = 101;
    judge_cap(0);
    assert_outcome(PROMISE_BROKEN, "exceeded in 1 of 200");
    moments[60].server.connected = 100;
    moments[60].server.seats_taken = 1001;
    judge_cap(0);
    assert_outcome(PROMISE_BROKEN, "exceeded in 1 of 200");
}

static void test_what_the_drill_hears_itself_counts_too(void **state)
{
    (void)state;
    moments[60].hearing = 101;
    judge_cap(0);
    assert_outcome(PROMISE_KEPT, "cap 100"); /* one look: somebody went as another came */
    moments[61].hearing = 101;
    judge_cap(0);
    assert_outcome(PROMISE_BROKEN, "101 heard");
    moments[61].hearing = 100;
    judge_cap(1); /* somebody else is there as well */
    assert_outcome(PROMISE_BROKEN, "exceeded");
}

static void test_the_owners_smaller_number_is_the_cap_in_that_mode(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SECONDS; i++)
        moments[i].server.small_seats = 90;
    judge_cap(0);
    assert_outcome(PROMISE_BROKEN, "exceeded in 99 of 200"); /* not in the look of the change */
}

static void test_a_look_without_the_room_says_nothing_of_it(void **state)
{
    (void)state;
    moments[60].server.connected = 101; /* the node's */
    moments[60].server.has_room = false;
    judge_cap(0);
    assert_outcome(PROMISE_KEPT, "exceeded in 0 of 200");
}

static void test_a_room_that_was_never_full_proves_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SECONDS; i++)
        moments[i].server.room_seats = 500;
    judge_cap(0);
    assert_outcome(PROMISE_NOT_MEASURED, "never full");
    for (unsigned i = 0; i < SECONDS; i++)
        moments[i].server.room_seats = moments[i].server.seats_max = 0;
    judge_cap(0);
    assert_outcome(PROMISE_NOT_MEASURED, "states no cap");
}

/* ---- order ---- */

static void test_order_and_waits(void **state)
{
    (void)state;
    struct stands_order newcomers = {.pairs = 1000, .inversions = 20}, returning = {0};
    struct stands_waits waits = {.places = 100, .right = 80, .wrong = 20, .unknown = 7};
    promise_order(&promise, &newcomers, &returning, &waits);
    assert_outcome(PROMISE_KEPT, "wait right for 80 % of 100 (unknown to 7)");
    newcomers.inversions = 21;
    promise_order(&promise, &newcomers, &returning, &waits);
    assert_outcome(PROMISE_BROKEN, "newcomers: 2.10 % of 1000 pairs");
    newcomers.inversions = 0;
    returning = (struct stands_order){.pairs = 100, .inversions = 3};
    promise_order(&promise, &newcomers, &returning, &waits);
    assert_outcome(PROMISE_BROKEN, "returning: 3.00 %");
    returning = (struct stands_order){0};
    waits = (struct stands_waits){.places = 100, .right = 79, .wrong = 21};
    promise_order(&promise, &newcomers, &returning, &waits);
    assert_outcome(PROMISE_BROKEN, "wait right for 79 %");
    waits = (struct stands_waits){.places = 100, .unknown = 100};
    promise_order(&promise, &newcomers, &returning, &waits);
    assert_outcome(PROMISE_NOT_MEASURED, "unknown to 100");
}

static void test_without_a_line_there_is_no_order(void **state)
{
    (void)state;
    struct stands_order none = {0};
    struct stands_waits waits = {0};
    promise_order(&promise, &none, &none, &waits);
    assert_outcome(PROMISE_NOT_MEASURED, "0 stood in line");
}

/* ---- mode ---- */

static void judge_mode(void)
{
    struct promise_mode seen = {.moments = moments,
                                .count = SECONDS,
                                .storm_us = moments[STORM_AT].at_us,
                                .quiet_us = moments[QUIET_AT].at_us,
                                .end_us = moments[SECONDS - 1].at_us};
    promise_mode(&promise, &seen);
}

static void test_a_mode_that_comes_in_time_and_goes_again(void **state)
{
    (void)state;
    moments[SECONDS - 1].server.mode[0] = '\0';
    set_mode(&moments[QUIET_AT + 69], "normal", "");
    judge_mode();
    assert_outcome(PROMISE_KEPT, "left normal 3 s after the overload began; 4 changes, 0 swings; 0 "
                                 "without a cause; normal 69 s after the load");
}

static void test_a_mode_that_comes_too_late(void **state)
{
    (void)state;
    for (unsigned i = STORM_AT; i < STORM_AT + 9; i++)
        set_mode(&moments[i], "normal", "");
    judge_mode();
    assert_outcome(PROMISE_BROKEN, "left normal 7 s after");
}

static void test_a_mode_before_anybody_suffers_is_in_time(void **state)
{
    (void)state;
    moments[STORM_AT + 3].server.late = 0; /* one second is no overload */
    set_mode(&moments[QUIET_AT + 69], "normal", "");
    judge_mode();
    assert_outcome(PROMISE_KEPT, "before anybody suffered");
}

static void test_one_swing_is_allowed_and_two_are_not(void **state)
{
    (void)state;
    set_mode(&moments[QUIET_AT + 69], "normal", "");
    set_mode(&moments[60], "normal", "");
    judge_mode();
    assert_outcome(PROMISE_KEPT, "1 swings");
    set_mode(&moments[70], "normal", "");
    judge_mode();
    assert_outcome(PROMISE_BROKEN, "2 swings");
}

static void test_a_change_without_a_cause_is_told(void **state)
{
    (void)state;
    set_mode(&moments[QUIET_AT + 69], "normal", "");
    for (unsigned i = 0; i < SECONDS; i++)
        moments[i].server.cause[0] = '\0';
    judge_mode();
    assert_outcome(PROMISE_BROKEN, "2 without a cause");
}

static void test_a_mode_that_stays_is_broken_after_ninety_seconds_only(void **state)
{
    (void)state;
    for (unsigned i = QUIET_AT; i < SECONDS; i++)
        set_mode(&moments[i], "economy", "quiet");
    judge_mode();
    assert_outcome(PROMISE_NOT_MEASURED, "not normal 69 s after the load");
    struct promise_mode seen = {.moments = moments,
                                .count = SECONDS,
                                .quiet_us = moments[QUIET_AT].at_us,
                                .end_us = moments[QUIET_AT].at_us + 92 * S};
    promise_mode(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "not normal 92 s after the load");
    set_mode(&moments[SECONDS - 1], "normal", "");
    moments[SECONDS - 1].at_us = moments[QUIET_AT].at_us + 92 * S;
    judge_mode();
    assert_outcome(PROMISE_BROKEN, "normal 92 s after the load");
}

static void stay_normal(void)
{
    for (unsigned i = 0; i < SECONDS; i++)
        set_mode(&moments[i], "normal", "");
}

static void test_always_normal_is_a_matter_of_the_load(void **state)
{
    (void)state;
    stay_normal();
    judge_mode();
    assert_outcome(PROMISE_BROKEN, "although it was overloaded");
    moments[STORM_AT + 3].server.late = 0;
    judge_mode();
    assert_outcome(PROMISE_NOT_MEASURED, "nothing overloaded");
    for (unsigned i = 0; i < SECONDS; i++)
        moments[i].server.mode[0] = '\0';
    judge_mode();
    assert_outcome(PROMISE_NOT_MEASURED, "tells no mode");
    set_mode(&moments[0], "economy", "owner");
    judge_mode();
    assert_outcome(PROMISE_NOT_MEASURED, "when the drill began");
}

static void test_each_sign_of_an_overload_is_one(void **state)
{
    (void)state;
    moments[STORM_AT + 3].server.late = moments[STORM_AT + 4].server.late = 0;
    assert_int_equal(moments_onset_us(moments, SECONDS, PART_STORM), 0);
    moments[50].gaps = moments[51].gaps = 2;
    assert_int_equal(moments_onset_us(moments, SECONDS, PART_STORM), moments[49].at_us);
    moments[51].gaps = 1; /* of a hundred */
    assert_int_equal(moments_onset_us(moments, SECONDS, PART_STORM), 0);
    for (unsigned i = 55; i < SECONDS; i++)
        moments[i].late_answers = i < 60 ? i : 60;
    assert_int_equal(moments_onset_us(moments, SECONDS, PART_STORM), moments[54].at_us);
    assert_int_equal(moments_onset_us(moments, SECONDS, PART_HOGS), 0);
    for (unsigned i = QUIET_AT; i < SECONDS; i++)
        moments[i].unanswered = i;
    assert_int_equal(moments_onset_us(moments, SECONDS, PART_HOGS), 0);
}

static void test_a_killed_server_is_not_overloaded(void **state)
{
    (void)state;
    for (unsigned i = CUT_AT; i < QUIET_AT; i++) {
        moments[i].part = PART_RESTART;
        moments[i].unanswered = i;
    }
    assert_int_equal(moments_onset_us(moments, SECONDS, PART_HOGS), 0);
}

/* ---- hearing ---- */

static void judge_hearing(void)
{
    promise_hearing(&promise, moments, SECONDS, 0);
}

static void test_a_true_count(void **state)
{
    (void)state;
    judge_hearing();
    assert_outcome(PROMISE_KEPT, "up to 99, too many by 0 in 200 looks; too few by 1.0 %");
}

static void test_a_count_above_the_truth(void **state)
{
    (void)state;
    moments[60].server.hearing = 101;
    judge_hearing();
    assert_outcome(PROMISE_BROKEN, "too many by 1");
    moments[61].heard = 101; /* somebody had just come */
    judge_hearing();
    assert_outcome(PROMISE_KEPT, "too many by 0");
}

static void test_a_count_that_lags_behind(void **state)
{
    (void)state;
    moments[60].server.hearing = 94;
    judge_hearing();
    assert_outcome(PROMISE_BROKEN, "too few by 6.0 %");
    moments[61].steady = 94; /* they had not all heard for ten seconds */
    judge_hearing();
    assert_outcome(PROMISE_KEPT, "too few by");
}

static void test_with_others_in_the_room_nobody_knows_the_truth(void **state)
{
    (void)state;
    promise_hearing(&promise, moments, SECONDS, 3);
    assert_outcome(PROMISE_NOT_MEASURED, "3 others");
    for (unsigned i = 0; i < SECONDS; i++)
        moments[i].hearing = moments[i].heard = moments[i].steady = moments[i].server.hearing = 5;
    judge_hearing();
    assert_outcome(PROMISE_NOT_MEASURED, "never 20 listeners");
    moments[9].server.hearing = 6;
    judge_hearing();
    assert_outcome(PROMISE_BROKEN, "too many by 1");
}

/* ---- refusals, restart ---- */

static void test_the_cost_of_a_refusal(void **state)
{
    (void)state;
    struct promise_refusal seen = {
        .refusals = 1000, .cpu_ms = 250, .seconds = 5, .idle_ms_per_s = 20};
    promise_refusal(&promise, &seen);
    assert_outcome(PROMISE_KEPT, "0.150 ms for each of 1000");
    seen.cpu_ms = 252;
    promise_refusal(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "0.152 ms");
    seen.cpu_ms = 250;
    seen.others = 3;
    promise_refusal(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "3 were answered otherwise");
    seen = (struct promise_refusal){0};
    promise_refusal(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "nobody was refused");
    seen.why_not = "no token";
    promise_refusal(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "no token");
}

static void test_a_restart(void **state)
{
    (void)state;
    struct promise_restart seen = {
        .back = {.lost = 1000, .heard = 960, .p50_us = 2 * S, .p95_us = 5 * S}};
    promise_restart(&promise, &seen);
    assert_outcome(PROMISE_KEPT, "960 of 1000 hear again, p50 2.0 s, p95 5.0 s");
    seen.back.p95_us = 5 * S + 1;
    promise_restart(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "p95 5.0 s");
    seen.back.p95_us = 4 * S;
    seen.back.strangers = 1;
    promise_restart(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "1 newcomers before them");
    seen.back.strangers = 0;
    seen.back.p95_us = STANDS_NEVER;
    promise_restart(&promise, &seen);
    assert_outcome(PROMISE_BROKEN, "p50 2.0 s, p95 never");
    seen = (struct promise_restart){.why_not = "nobody killed it"};
    promise_restart(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "nobody killed it");
    seen.why_not = NULL;
    promise_restart(&promise, &seen);
    assert_outcome(PROMISE_NOT_MEASURED, "nobody had a seat");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup(name, make_a_good_evening)
        TEST(test_hosts_without_a_gap_and_back_in_time),
        TEST(test_without_hosts_it_says_why),
        TEST(test_nobody_evicted_and_few_gaps),
        TEST(test_a_recording_is_whole_without_a_hole_and_long_enough),
        TEST(test_a_full_room_that_is_never_fuller),
        TEST(test_one_too_many_for_one_look_breaks_it),
        TEST(test_what_the_drill_hears_itself_counts_too),
        TEST(test_the_owners_smaller_number_is_the_cap_in_that_mode),
        TEST(test_a_look_without_the_room_says_nothing_of_it),
        TEST(test_a_room_that_was_never_full_proves_nothing),
        TEST(test_order_and_waits),
        TEST(test_without_a_line_there_is_no_order),
        TEST(test_a_mode_that_comes_in_time_and_goes_again),
        TEST(test_a_mode_that_comes_too_late),
        TEST(test_a_mode_before_anybody_suffers_is_in_time),
        TEST(test_one_swing_is_allowed_and_two_are_not),
        TEST(test_a_change_without_a_cause_is_told),
        TEST(test_a_mode_that_stays_is_broken_after_ninety_seconds_only),
        TEST(test_always_normal_is_a_matter_of_the_load),
        TEST(test_each_sign_of_an_overload_is_one),
        TEST(test_a_killed_server_is_not_overloaded),
        TEST(test_a_true_count),
        TEST(test_a_count_above_the_truth),
        TEST(test_a_count_that_lags_behind),
        TEST(test_with_others_in_the_room_nobody_knows_the_truth),
        TEST(test_the_cost_of_a_refusal),
        TEST(test_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
