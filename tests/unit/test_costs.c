#include "rehearse/costs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SECONDS = 30, RAMP = 10 };

static const struct server_second rest = {
    .is_seen = true, .has_cpu = true, .cpu_permille = 40, .has_rss = true, .rss_bytes = 10000000};

/* 100 a second come for ten seconds and stay. At rest the server takes 4 % of a core, each listener
 * takes 0.1 permille, each join 0.5 ms; every second each listener is sent 50 packets. */
static void evening(struct row rows[SECONDS])
{
    memset(rows, 0, SECONDS * sizeof(rows[0]));
    for (uint32_t i = 0; i < SECONDS; i++) {
        uint32_t hearing = i < RAMP ? (i + 1) * 100 : RAMP * 100, joins = i < RAMP ? 100 : 0;
        rows[i].crowd = (struct tally_second){.hearing = hearing, .joins = joins};
        rows[i].server = (struct server_second){.is_seen = true,
                                                .interval_us = 1000000,
                                                .has_cpu = true,
                                                .cpu_permille = 40 + hearing / 10 + joins / 2,
                                                .has_busiest = true,
                                                .busiest_permille = hearing / 20,
                                                .busiest = "worker1",
                                                .has_sent = true,
                                                .sent = 50ull * hearing,
                                                .has_failures = true,
                                                .has_hearing = true,
                                                .hearing = hearing,
                                                .has_rss = true,
                                                .rss_bytes = 10000000 + 5000ull * hearing};
    }
}

static void assert_about(struct figure figure, double wanted)
{
    assert_true(figure.is_known);
    double off = figure.value - wanted;
    assert_true((off < 0 ? -off : off) <= wanted * 0.001);
}

static void test_costs_are_those_that_went_in(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct costs costs;
    evening(rows);
    costs_make(&costs, rows, SECONDS, &rest);
    assert_int_equal(costs.steady_seconds, SECONDS - RAMP - 1);
    assert_int_equal(costs.steady_hearing, 1000);
    assert_about(costs.rest_permille, 40);
    assert_about(costs.steady_permille, 140);
    assert_about(costs.busiest_permille, 50);
    assert_string_equal(costs.busiest, "worker1");
    assert_about(costs.us_per_listener_s, 140); /* 140 ms for 1000 listeners */
    assert_about(costs.us_per_packet, 2.8);     /* 140 ms for 50,000 packets */
    assert_about(costs.ms_per_join, 0.5);
    assert_about(costs.rss_per_seat, 5000);
    assert_about(costs.sent, 50.0 * (5500 + 20 * 1000));
    assert_true(costs.late.is_known && costs.late.value == 0);
    assert_true(costs.failures.is_known && costs.failures.value == 0);
}

static void test_what_a_join_costs_a_second_later_is_its_cost_too(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct costs costs;
    evening(rows);
    for (unsigned i = 0; i <= RAMP; i++)
        rows[i].server.cpu_permille = 40 + rows[i].crowd.hearing / 10 + (i > 0 ? 50 : 0);
    costs_make(&costs, rows, SECONDS, &rest);
    assert_about(costs.ms_per_join, 0.5);
    assert_about(costs.us_per_listener_s, 140);
}

static void test_late_packets_and_failures_are_added_up(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct costs costs;
    evening(rows);
    rows[3].server.late = 7;
    rows[20].server.late = 1;
    rows[20].server.failures = 2;
    costs_make(&costs, rows, SECONDS, &rest);
    assert_true(costs.late.value == 8 && costs.failures.value == 2);
}

static void test_of_a_server_that_says_nothing_nothing_is_known(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct costs costs;
    struct server_second nothing = {0};
    evening(rows);
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server = nothing;
    costs_make(&costs, rows, SECONDS, &nothing);
    assert_int_equal(costs.steady_hearing, 1000);
    assert_false(costs.rest_permille.is_known || costs.steady_permille.is_known ||
                 costs.busiest_permille.is_known || costs.us_per_listener_s.is_known ||
                 costs.us_per_packet.is_known || costs.ms_per_join.is_known ||
                 costs.rss_per_seat.is_known || costs.sent.is_known || costs.late.is_known ||
                 costs.failures.is_known);
}

static void test_seconds_that_were_not_seen_are_left_out(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct costs costs;
    evening(rows);
    for (unsigned i = RAMP + 2; i < SECONDS; i += 2)
        rows[i].server = (struct server_second){0};
    costs_make(&costs, rows, SECONDS, &rest);
    assert_about(costs.us_per_listener_s, 140);
    assert_about(costs.us_per_packet, 2.8);
    assert_about(costs.rss_per_seat, 5000);
}

static void test_without_a_steady_second_there_are_no_costs(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct costs costs;
    evening(rows);
    costs_make(&costs, rows, RAMP, &rest);
    assert_int_equal(costs.steady_seconds, 0);
    assert_false(costs.us_per_listener_s.is_known || costs.ms_per_join.is_known);
    costs_make(&costs, rows, 0, &rest);
    assert_int_equal(costs.steady_hearing, 0);
}

static void test_a_half_empty_house_is_not_mixed_with_a_full_one(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct costs costs;
    evening(rows);
    for (unsigned i = 22; i < SECONDS; i++) {
        rows[i].crowd.hearing = 500;
        rows[i].server.cpu_permille = 90;
        rows[i].server.rss_bytes = 99;
    }
    costs_make(&costs, rows, SECONDS, &rest);
    assert_int_equal(costs.steady_hearing, 1000);
    assert_about(costs.us_per_listener_s, 140);
    assert_about(costs.rss_per_seat, 5000);
}

static void test_memory_that_is_used_again_costs_nothing(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct costs costs;
    evening(rows);
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server.rss_bytes = 9000000;
    costs_make(&costs, rows, SECONDS, &rest);
    assert_true(costs.rss_per_seat.is_known && costs.rss_per_seat.value == 0);
}

static void test_joins_that_cost_less_than_the_noise_cost_nothing(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct costs costs;
    evening(rows);
    for (unsigned i = 0; i < RAMP; i++)
        rows[i].server.cpu_permille = 0;
    costs_make(&costs, rows, SECONDS, &rest);
    assert_true(costs.ms_per_join.is_known && costs.ms_per_join.value == 0);
}

/* ---- the count ---- */

static void test_a_count_that_follows_within_ten_seconds_is_true(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct truth truth;
    evening(rows);
    for (unsigned i = SECONDS; i-- > 0;) /* nine seconds behind */
        rows[i].server.hearing = i >= 9 ? rows[i - 9].server.hearing : 0;
    truth_make(&truth, rows, SECONDS, 0, false);
    assert_true(truth.is_known);
    assert_int_equal(truth.true_max, 1000);
    assert_int_equal(truth.server_max, 1000);
    assert_int_equal(truth.overcount_max, 0);
    assert_int_equal(truth.error_max, 0);
}

static void test_a_count_that_stays_behind_is_an_error_after_ten_seconds(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct truth truth;
    evening(rows);
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server.hearing = rows[i].server.hearing * 9 / 10;
    truth_make(&truth, rows, SECONDS, 0, false);
    assert_int_equal(truth.error_max, 100);
    assert_int_equal(truth.error_max_permille, 100);
    assert_int_equal(truth.overcount_max, 0);
}

static void test_counting_those_who_left_is_an_overcount(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct truth truth;
    evening(rows);
    for (unsigned i = 15; i < SECONDS; i++)
        rows[i].crowd.hearing = 400;
    for (unsigned i = 15; i < 18; i++)
        rows[i].server.hearing = 1000;
    for (unsigned i = 18; i < SECONDS; i++)
        rows[i].server.hearing = 400;
    truth_make(&truth, rows, SECONDS, 0, false);
    assert_int_equal(truth.overcount_max, 600);
    assert_int_equal(truth.error_max, 0); /* within its ten seconds */
}

static void test_a_row_that_is_a_second_early_is_no_overcount(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct truth truth;
    evening(rows);
    for (unsigned i = 0; i + 1 < SECONDS; i++)
        rows[i].server.hearing = rows[i + 1].crowd.hearing;
    truth_make(&truth, rows, SECONDS, 0, false);
    assert_int_equal(truth.overcount_max, 0);
}

static void test_others_in_the_room_are_not_counted_against_the_server(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct truth truth;
    evening(rows);
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server.hearing += 3;
    truth_make(&truth, rows, SECONDS, 3, false);
    assert_int_equal(truth.overcount_max, 0);
    assert_int_equal(truth.server_max, 1000);
}

static void test_those_who_do_not_read_are_no_error_of_the_server(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct truth truth;
    evening(rows);
    rows[20].server.hearing = 2000;
    truth_make(&truth, rows, SECONDS, 0, true);
    assert_true(truth.is_known);
    assert_false(truth.is_error_known);
    assert_int_equal(truth.overcount_max, 1000); /* but nobody may be counted who is not there */
    truth_make(&truth, rows, SECONDS, 0, false);
    assert_true(truth.is_error_known);
}

static void test_nothing_is_said_of_ten_seconds_that_did_not_pass(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct truth truth;
    evening(rows);
    truth_make(&truth, rows, 10, 0, false);
    assert_true(truth.is_known);
    assert_false(truth.is_error_known);
    truth_make(&truth, rows, 11, 0, false);
    assert_true(truth.is_error_known);
}

static void test_a_packet_costs_the_same_when_a_look_came_late(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct costs costs;
    evening(rows);
    for (unsigned i = RAMP + 1; i + 1 < SECONDS; i += 2) { /* this one tells of the next as well */
        rows[i].server.interval_us = 2000000;
        rows[i].server.sent *= 2;
        rows[i + 1].server = (struct server_second){0};
    }
    costs_make(&costs, rows, SECONDS - 1, &rest);
    assert_about(costs.us_per_packet, 2.8);
}

static void test_without_a_count_there_is_no_truth_about_it(void **state)
{
    (void)state;
    struct row rows[SECONDS];
    struct truth truth;
    evening(rows);
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server.has_hearing = false;
    truth_make(&truth, rows, SECONDS, 0, false);
    assert_false(truth.is_known);
    assert_int_equal(truth.true_max, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_costs_are_those_that_went_in),
        cmocka_unit_test(test_what_a_join_costs_a_second_later_is_its_cost_too),
        cmocka_unit_test(test_late_packets_and_failures_are_added_up),
        cmocka_unit_test(test_of_a_server_that_says_nothing_nothing_is_known),
        cmocka_unit_test(test_seconds_that_were_not_seen_are_left_out),
        cmocka_unit_test(test_without_a_steady_second_there_are_no_costs),
        cmocka_unit_test(test_a_half_empty_house_is_not_mixed_with_a_full_one),
        cmocka_unit_test(test_memory_that_is_used_again_costs_nothing),
        cmocka_unit_test(test_joins_that_cost_less_than_the_noise_cost_nothing),
        cmocka_unit_test(test_a_count_that_follows_within_ten_seconds_is_true),
        cmocka_unit_test(test_a_count_that_stays_behind_is_an_error_after_ten_seconds),
        cmocka_unit_test(test_counting_those_who_left_is_an_overcount),
        cmocka_unit_test(test_a_row_that_is_a_second_early_is_no_overcount),
        cmocka_unit_test(test_others_in_the_room_are_not_counted_against_the_server),
        cmocka_unit_test(test_those_who_do_not_read_are_no_error_of_the_server),
        cmocka_unit_test(test_nothing_is_said_of_ten_seconds_that_did_not_pass),
        cmocka_unit_test(test_a_packet_costs_the_same_when_a_look_came_late),
        cmocka_unit_test(test_without_a_count_there_is_no_truth_about_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
