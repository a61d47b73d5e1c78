#include "rehearse/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SECONDS = 60, RAMP = 20 };

static const struct verdict_params remote = {
    .tried = 2000, .crowd_cores = 2, .server_cores = 4, .here_cores = 4};
static const struct verdict_params here = {
    .tried = 2000, .crowd_cores = 1, .server_cores = 2, .here_cores = 2, .server_is_here = true};

static struct row rows[SECONDS];
static struct verdict verdict;

/* 100 a second come for twenty seconds and stay for forty; all is clean, nobody is strained. */
static void clean_evening(void)
{
    memset(rows, 0, sizeof(rows));
    for (uint32_t i = 0; i < SECONDS; i++) {
        uint32_t hearing = i < RAMP ? (i + 1) * 100 : RAMP * 100;
        rows[i].crowd = (struct tally_second){
            .hearing = hearing, .joins = i < RAMP ? 100 : 0, .packets = 50ull * hearing};
        rows[i].crowd.late[1] = 50 * hearing;
        rows[i].own_permille = 100;
        rows[i].server = (struct server_second){.is_seen = true,
                                                .has_cpu = true,
                                                .cpu_permille = hearing / 5,
                                                .has_busiest = true,
                                                .busiest_permille = hearing / 10};
    }
}

static void from(uint32_t first, void (*spoil)(struct row *row))
{
    for (uint32_t i = first; i < SECONDS; i++)
        spoil(&rows[i]);
}

static void lose(struct row *row)
{
    row->crowd.lost = 3;
}

static void come_late(struct row *row)
{
    row->crowd.late[1] = 98;
    row->crowd.late[20] = 2;
}

static void drop_in_server(struct row *row)
{
    row->server.late = 1;
}

static void judge(const struct verdict_params *params)
{
    static const struct server_second rest = {0};
    struct costs costs;
    costs_make(&costs, rows, SECONDS, &rest);
    verdict_make(&verdict, params, rows, SECONDS, &costs);
}

/* ---- one second ---- */

static void test_each_sign_has_its_threshold(void **state)
{
    (void)state;
    struct row row = {.crowd = {.hearing = 1000}};
    row.crowd.late[19] = 100; /* up to 20 ms */
    row.crowd.gaps = 1;       /* of a thousand */
    assert_int_equal(verdict_signs(&row), 0);
    row.crowd.late[20] = 1;
    assert_int_equal(verdict_signs(&row), 0); /* one of 101 is not one of 100 */
    row.crowd.late[20] = 2;
    assert_int_equal(verdict_signs(&row), SIGN_LATE);
    row.crowd.gaps = 2;
    assert_int_equal(verdict_signs(&row), SIGN_LATE | SIGN_GAPS);
    row.crowd.lost = 1;
    row.server.late = 1;
    row.server.failures = 1;
    assert_int_equal(verdict_signs(&row),
                     SIGN_LATE | SIGN_GAPS | SIGN_LOSS | SIGN_DROPPED | SIGN_NOT_SENT);
}

/* ---- clean ---- */

static void test_when_nobody_heard_there_is_nothing_to_advise(void **state)
{
    (void)state;
    memset(rows, 0, sizeof(rows));
    judge(&remote);
    assert_string_equal(verdict.sentence, "Nobody heard anything.");
    assert_int_equal(verdict.seats, 0);
    assert_int_equal(verdict.held, 0);
}

static void test_what_stayed_clean_is_extrapolated_from_the_busiest_thread(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server.busiest_permille = rows[i].crowd.hearing * 3 / 10;
    judge(&remote); /* 60 % of a core at 2,000: 75 % at 2,500 */
    assert_int_equal(verdict.held, 2000);
    assert_false(verdict.is_broken || verdict.is_thin);
    assert_true(verdict.is_extrapolated);
    assert_int_equal(verdict.holds, 2500);
    assert_int_equal(verdict.seats, 2200);
    assert_int_equal(verdict.limit, LIMIT_NONE);
    assert_string_equal(verdict.sentence,
                        "This server held all 2,000 listeners that were tried; by its load it "
                        "should hold about 2,500 (extrapolated, not tried); set seats to 2,200.");
}

static void test_where_people_were_cut_off_no_seats_are_advised(void **state)
{
    (void)state;
    struct verdict_params params = remote;
    clean_evening();
    params.disconnects = 2; /* of 2,000: one in a thousand */
    judge(&params);
    assert_true(verdict.seats > 0);
    params.disconnects = 3;
    for (unsigned i = SECONDS - 5; i < SECONDS; i++)
        rows[i].crowd.hearing = 0; /* the server is gone: nothing is seen of those seconds */
    judge(&params);
    assert_int_equal(verdict.seats, 0);
    assert_false(verdict.is_extrapolated);
    assert_string_equal(
        verdict.sentence,
        "This server held all 2,000 listeners that were tried, but 3 times somebody who "
        "heard was cut off: no number of seats is safe.");
}

static void test_the_whole_machine_may_be_the_narrower_place(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server.cpu_permille = rows[i].crowd.hearing; /* 2 of 4 cores */
    judge(&remote);
    assert_int_equal(verdict.holds, 3000);
}

static void test_nothing_is_extrapolated_beyond_three_times_what_was_tried(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server.busiest_permille = rows[i].server.cpu_permille = 10;
    judge(&remote);
    assert_int_equal(verdict.holds, 6000);
    assert_int_equal(verdict.seats, 5200);
}

static void test_a_server_near_its_end_is_not_extrapolated(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server.busiest_permille = 740;
    judge(&remote);
    assert_false(verdict.is_extrapolated);
    assert_int_equal(verdict.holds, 2000);
    assert_int_equal(verdict.seats, 1700);
}

static void test_without_a_look_at_the_server_only_what_was_tried_is_told(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server = (struct server_second){0};
    judge(&remote);
    assert_false(verdict.is_extrapolated);
    assert_string_equal(verdict.sentence, "This server held all 2,000 listeners that were tried; "
                                          "set seats to 1,700.");
}

static void test_who_was_not_let_in_was_not_held(void **state)
{
    (void)state;
    clean_evening();
    struct verdict_params params = remote;
    params.tried = 3000;
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server = (struct server_second){0};
    judge(&params);
    assert_string_equal(verdict.sentence,
                        "This server held the 2,000 listeners that got in, of 3,000; set seats to "
                        "1,700.");
}

static void test_all_are_only_all_when_nobody_is_missing(void **state)
{
    (void)state;
    clean_evening();
    struct verdict_params params = remote;
    params.tried = 2010;
    judge(&params);
    assert_non_null(strstr(verdict.sentence, "held the 2,000 listeners that got in, of 2,010;"));
}

static void test_who_heard_only_for_a_moment_was_not_shut_out(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 0; i < SECONDS; i++) /* three clean seconds of 2,000, then 1,000 stay */
        rows[i].crowd.hearing = i < 3 ? 2000 : 1000;
    come_late(&rows[3]);
    judge(&remote);
    assert_int_equal(verdict.held, 1000);
    assert_false(verdict.is_broken);
    assert_non_null(strstr(verdict.sentence, "held 1,000 listeners well, of 2,000 at most"));
}

static void test_a_hiccup_breaks_nothing_and_is_told(void **state)
{
    (void)state;
    clean_evening();
    lose(&rows[7]);
    lose(&rows[40]);
    judge(&remote);
    assert_int_equal(verdict.held, 2000);
    assert_false(verdict.is_broken);
    assert_int_equal(verdict.unclean, 2);
    assert_int_equal(verdict.judged, SECONDS);
    assert_non_null(strstr(verdict.sentence, "(2 of 60 seconds were not clean)"));
}

static void test_a_storm_at_the_door_that_settles_is_held(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 0; i < 4; i++) {
        rows[i].crowd.hearing = 500 * (i + 1);
        come_late(&rows[i]);
    }
    for (unsigned i = 4; i < SECONDS; i++)
        rows[i].crowd.hearing = 2000;
    judge(&remote);
    assert_int_equal(verdict.held, 2000);
    assert_false(verdict.is_broken);
    assert_int_equal(verdict.unclean, 4);
}

static void test_a_moment_of_more_counts_less_than_a_long_time_of_fewer(void **state)
{
    (void)state;
    clean_evening();
    rows[0].crowd.hearing = 3000;
    come_late(&rows[1]);
    judge(&remote);
    assert_int_equal(verdict.held, 2000);
    assert_false(verdict.is_thin || verdict.is_broken);
    assert_int_equal(verdict.most, 3000);
}

static void test_a_few_clean_seconds_are_not_enough_to_be_sure(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 4; i < SECONDS; i++)
        rows[i].crowd.hearing = 0;
    judge(&remote);
    assert_true(verdict.is_thin);
    assert_false(verdict.is_broken);
    assert_int_equal(verdict.held, 400);
    assert_non_null(strstr(verdict.sentence, "not for long enough"));
}

/* ---- broken ---- */

static void test_where_it_broke_and_by_which_sign(void **state)
{
    (void)state;
    clean_evening();
    from(15, lose);
    from(17, drop_in_server);
    judge(&remote);
    assert_true(verdict.is_broken);
    assert_int_equal(verdict.held, 1500);
    assert_int_equal(verdict.broke_at, 1600);
    assert_int_equal(verdict.broke_second, 15);
    assert_int_equal(verdict.signs, SIGN_LOSS | SIGN_DROPPED);
    assert_int_equal(verdict.limit, LIMIT_SERVER);
    assert_int_equal(verdict.seats, 1300);
    assert_string_equal(verdict.sentence,
                        "This server holds about 1,500 listeners (at 1,600: packets were lost, the "
                        "server dropped packets); set seats to 1,300.");
}

static void test_a_broken_run_is_not_extrapolated_and_is_rounded_down(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].crowd.hearing += 78;
    from(15, drop_in_server);
    judge(&remote);
    assert_int_equal(verdict.held, 1578);
    assert_int_equal(verdict.holds, 1500);
    assert_int_equal(verdict.seats, 1300);
    assert_false(verdict.is_extrapolated);
}

static void test_a_number_at_which_every_third_second_is_unclean_is_not_held(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = RAMP; i < SECONDS; i += 3)
        come_late(&rows[i]);
    judge(&remote);
    assert_true(verdict.is_broken);
    assert_int_equal(verdict.held, 1900);
    assert_int_equal(verdict.broke_at, 2000);
}

static void test_long_runs_do_not_hide_that_a_quarter_is_unclean(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = RAMP; i + 1 < SECONDS; i += 8) { /* runs of six */
        come_late(&rows[i]);
        come_late(&rows[i + 1]);
    }
    judge(&remote);
    assert_true(verdict.is_broken);
    assert_true(verdict.held <= 1900);
}

static void test_never_clean_is_never_held(void **state)
{
    (void)state;
    clean_evening();
    from(0, come_late);
    judge(&remote);
    assert_true(verdict.is_broken);
    assert_int_equal(verdict.held, 0);
    assert_int_equal(verdict.seats, 0);
    assert_int_equal(verdict.broke_at, 100);
    assert_non_null(
        strstr(verdict.sentence, "did not serve 100 listeners well: packets came late"));
    assert_null(strstr(verdict.sentence, "set seats"));
}

static void test_a_break_after_a_moment_leaves_that_moment(void **state)
{
    (void)state;
    clean_evening();
    from(3, come_late);
    judge(&remote);
    assert_true(verdict.is_broken && verdict.is_thin);
    assert_int_equal(verdict.held, 300);
    assert_int_equal(verdict.broke_at, 400);
}

/* ---- whose limit ---- */

static void all_own(uint32_t permille)
{
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].own_permille = permille;
}

static void all_machine(uint32_t permille, uint32_t others_permille)
{
    for (unsigned i = 0; i < SECONDS; i++) {
        rows[i].machine_permille = permille;
        rows[i].others_permille = others_permille;
    }
}

static void all_server(uint32_t permille, uint32_t busiest_permille)
{
    for (unsigned i = 0; i < SECONDS; i++) {
        rows[i].server.cpu_permille = permille;
        rows[i].server.busiest_permille = busiest_permille;
    }
}

static void test_a_full_crowd_beside_an_idle_server_is_the_limit(void **state)
{
    (void)state;
    clean_evening();
    from(15, lose);
    all_own(1799);
    judge(&remote);
    assert_int_equal(verdict.limit, LIMIT_UNKNOWN);
    all_own(1800);
    judge(&remote);
    assert_int_equal(verdict.limit, LIMIT_CROWD);
    assert_non_null(strstr(verdict.sentence, "not the server: rehearse from another one"));
    assert_non_null(strstr(verdict.sentence, "set seats to 1,300."));
}

static void test_a_server_that_drops_packets_is_the_limit_even_if_the_crowd_is_full(void **state)
{
    (void)state;
    clean_evening();
    from(15, drop_in_server);
    all_own(2000);
    judge(&remote);
    assert_int_equal(verdict.limit, LIMIT_SERVER);
}

static void test_a_server_with_a_full_thread_is_the_limit(void **state)
{
    (void)state;
    clean_evening();
    from(15, come_late);
    all_server(950, 899);
    judge(&remote);
    assert_int_equal(verdict.limit, LIMIT_UNKNOWN);
    all_server(950, 900);
    judge(&remote);
    assert_int_equal(verdict.limit, LIMIT_SERVER);
}

static void test_on_one_machine_both_together_are_the_limit(void **state)
{
    (void)state;
    clean_evening();
    from(15, come_late);
    all_own(850);
    all_machine(1799, 0);
    judge(&here);
    assert_int_equal(verdict.limit, LIMIT_UNKNOWN);
    all_machine(1800, 299);
    judge(&here);
    assert_int_equal(verdict.limit, LIMIT_MACHINE);
    assert_non_null(strstr(verdict.sentence, "filled this machine"));
    all_machine(1000, 0);
    from(15, drop_in_server);
    judge(&here);
    assert_int_equal(verdict.limit, LIMIT_SERVER);
    all_own(950); /* the crowd took the core that it needed */
    judge(&here);
    assert_int_equal(verdict.limit, LIMIT_MACHINE);
}

static void test_other_programs_on_this_machine_are_the_limit(void **state)
{
    (void)state;
    clean_evening();
    from(15, come_late);
    all_machine(1800, 300);
    judge(&here);
    assert_int_equal(verdict.limit, LIMIT_OTHERS);
    assert_non_null(strstr(verdict.sentence, "when it is quiet"));
    from(15, drop_in_server);
    judge(&here);
    assert_int_equal(verdict.limit, LIMIT_OTHERS);
}

static void test_other_programs_beside_the_crowd_do_not_excuse_a_server_elsewhere(void **state)
{
    (void)state;
    clean_evening();
    from(15, drop_in_server);
    all_machine(4000, 3000);
    judge(&remote);
    assert_int_equal(verdict.limit, LIMIT_SERVER);
    clean_evening();
    from(15, come_late);
    all_machine(4000, 3000);
    judge(&remote);
    assert_int_equal(verdict.limit, LIMIT_OTHERS);
    all_machine(4000, 100);
    judge(&remote);
    assert_int_equal(verdict.limit, LIMIT_CROWD);
}

static void test_what_overflowed_in_our_own_sockets_was_lost_by_us(void **state)
{
    (void)state;
    clean_evening();
    from(15, lose);
    for (unsigned i = 15; i < SECONDS; i++)
        rows[i].overflows = 2;
    judge(&remote);
    assert_int_equal(verdict.limit, LIMIT_CROWD);
    struct verdict_params params = remote;
    params.has_unread = true;
    judge(&params);
    assert_int_equal(verdict.limit, LIMIT_UNKNOWN);
}

static void test_without_a_look_at_the_server_the_limit_is_not_known(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].server = (struct server_second){0};
    from(15, lose);
    struct verdict_params params = here;
    params.server_cores = 0;
    judge(&params);
    assert_int_equal(verdict.limit, LIMIT_UNKNOWN);
    assert_non_null(strstr(verdict.sentence, "could not be seen"));
}

/* ---- words ---- */

static void test_numbers_are_written_with_commas(void **state)
{
    (void)state;
    char text[16];
    assert_string_equal(verdict_number(text, 0), "0");
    assert_string_equal(verdict_number(text, 999), "999");
    assert_string_equal(verdict_number(text, 1000), "1,000");
    assert_string_equal(verdict_number(text, 62005), "62,005");
    assert_string_equal(verdict_number(text, 1000000), "1,000,000");
    assert_string_equal(verdict_number(text, UINT32_MAX), "4294,967,295");
}

static void test_every_sign_and_limit_has_a_name(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIGNS; i++)
        assert_non_null(sign_name(i));
    assert_null(sign_name(SIGNS));
    assert_string_equal(limit_name(LIMIT_NONE), "none");
    assert_string_equal(limit_name(LIMIT_SERVER), "server");
    assert_string_equal(limit_name(LIMIT_CROWD), "crowd");
    assert_string_equal(limit_name(LIMIT_MACHINE), "machine");
    assert_string_equal(limit_name(LIMIT_OTHERS), "others");
    assert_string_equal(limit_name(LIMIT_UNKNOWN), "unknown");
}

static void test_the_longest_sentence_fits(void **state)
{
    (void)state;
    clean_evening();
    for (unsigned i = 0; i < SECONDS; i++)
        rows[i].crowd.hearing *= 400;
    from(15, lose);
    from(15, come_late);
    from(15, drop_in_server);
    for (unsigned i = 15; i < SECONDS; i++) {
        rows[i].crowd.gaps = rows[i].crowd.hearing;
        rows[i].server.failures = 1;
    }
    all_own(1000);
    judge(&here);
    assert_int_equal(verdict.limit, LIMIT_MACHINE);
    assert_int_equal(verdict.sentence[strlen(verdict.sentence) - 1], '.');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_sign_has_its_threshold),
        cmocka_unit_test(test_when_nobody_heard_there_is_nothing_to_advise),
        cmocka_unit_test(test_what_stayed_clean_is_extrapolated_from_the_busiest_thread),
        cmocka_unit_test(test_where_people_were_cut_off_no_seats_are_advised),
        cmocka_unit_test(test_the_whole_machine_may_be_the_narrower_place),
        cmocka_unit_test(test_nothing_is_extrapolated_beyond_three_times_what_was_tried),
        cmocka_unit_test(test_a_server_near_its_end_is_not_extrapolated),
        cmocka_unit_test(test_without_a_look_at_the_server_only_what_was_tried_is_told),
        cmocka_unit_test(test_who_was_not_let_in_was_not_held),
        cmocka_unit_test(test_all_are_only_all_when_nobody_is_missing),
        cmocka_unit_test(test_who_heard_only_for_a_moment_was_not_shut_out),
        cmocka_unit_test(test_a_hiccup_breaks_nothing_and_is_told),
        cmocka_unit_test(test_a_storm_at_the_door_that_settles_is_held),
        cmocka_unit_test(test_a_moment_of_more_counts_less_than_a_long_time_of_fewer),
        cmocka_unit_test(test_a_few_clean_seconds_are_not_enough_to_be_sure),
        cmocka_unit_test(test_where_it_broke_and_by_which_sign),
        cmocka_unit_test(test_a_broken_run_is_not_extrapolated_and_is_rounded_down),
        cmocka_unit_test(test_a_number_at_which_every_third_second_is_unclean_is_not_held),
        cmocka_unit_test(test_long_runs_do_not_hide_that_a_quarter_is_unclean),
        cmocka_unit_test(test_never_clean_is_never_held),
        cmocka_unit_test(test_a_break_after_a_moment_leaves_that_moment),
        cmocka_unit_test(test_a_full_crowd_beside_an_idle_server_is_the_limit),
        cmocka_unit_test(test_a_server_that_drops_packets_is_the_limit_even_if_the_crowd_is_full),
        cmocka_unit_test(test_a_server_with_a_full_thread_is_the_limit),
        cmocka_unit_test(test_on_one_machine_both_together_are_the_limit),
        cmocka_unit_test(test_other_programs_on_this_machine_are_the_limit),
        cmocka_unit_test(test_other_programs_beside_the_crowd_do_not_excuse_a_server_elsewhere),
        cmocka_unit_test(test_what_overflowed_in_our_own_sockets_was_lost_by_us),
        cmocka_unit_test(test_without_a_look_at_the_server_the_limit_is_not_known),
        cmocka_unit_test(test_numbers_are_written_with_commas),
        cmocka_unit_test(test_every_sign_and_limit_has_a_name),
        cmocka_unit_test(test_the_longest_sentence_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
