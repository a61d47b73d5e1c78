#include "rehearse/tally.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t MINUTE_US = 60000000;

/* ---- histogram ---- */

static void test_an_empty_histogram_says_nothing(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    assert_int_equal(histogram_at(&histogram, 500), 0);
    assert_int_equal(histogram_at(&histogram, 1000), 0);
}

/* What it says of one value among larger ones. */
static uint64_t read_back(uint64_t value_us)
{
    struct histogram histogram = {0};
    histogram_add(&histogram, value_us);
    histogram_add(&histogram, 1ull << 40); /* so that the largest value does not correct it */
    return histogram_at(&histogram, 500);
}

static void test_small_values_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < HISTOGRAM_EXACT; value++)
        assert_int_equal(read_back(value), value);
}

static void assert_close(uint64_t value)
{
    uint64_t read = read_back(value);
    assert_true(read >= value);
    assert_true((read - value) * 100 <= value * 4);
}

static void test_every_value_up_to_a_minute_is_at_most_four_percent_off(void **state)
{
    (void)state;
    for (uint64_t value = 1; value < 100000; value++)
        assert_close(value);
    for (uint64_t value = 100000; value <= MINUTE_US; value += value / 1000 + 7)
        assert_close(value);
    for (unsigned bit = 5; bit < 26; bit++)
        for (uint64_t off = 0; off < 3; off++)
            assert_close((1ull << bit) + off - 1);
}

static void test_what_is_beyond_the_scale_is_told_as_the_largest(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    histogram_add(&histogram, 3600ull * 1000000);
    histogram_add(&histogram, UINT64_MAX / 4);
    assert_true(histogram_at(&histogram, 1000) == UINT64_MAX / 4);
    assert_true(histogram_at(&histogram, 100) >= 3600ull * 1000000);
}

static void test_no_percentile_exceeds_the_largest_value(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    for (unsigned i = 0; i < 1000; i++)
        histogram_add(&histogram, 1000);
    assert_int_equal(histogram_at(&histogram, 1), 1000);
    assert_int_equal(histogram_at(&histogram, 1000), 1000);
    assert_int_equal(histogram.sum_us, 1000000);
    assert_int_equal(histogram.max_us, 1000);
}

static void test_percentiles_count_from_below(void **state)
{
    (void)state;
    struct histogram histogram = {0};
    for (uint64_t i = 1; i <= 20; i++) /* exact buckets */
        histogram_add(&histogram, i);
    assert_int_equal(histogram_at(&histogram, 0), 1);
    assert_int_equal(histogram_at(&histogram, 50), 1);
    assert_int_equal(histogram_at(&histogram, 51), 2);
    assert_int_equal(histogram_at(&histogram, 500), 10);
    assert_int_equal(histogram_at(&histogram, 950), 19);
    assert_int_equal(histogram_at(&histogram, 990), 20);
    assert_int_equal(histogram_at(&histogram, 1000), 20);
}

static void test_merged_histograms_are_as_if_one_had_taken_all(void **state)
{
    (void)state;
    struct histogram all = {0}, halves[2] = {{0}, {0}};
    uint64_t value = 1;
    for (unsigned i = 0; i < 5000; i++) {
        value = value * 6364136223846793005u + 1442695040888963407u;
        uint64_t us = (value >> 33) % MINUTE_US;
        histogram_add(&all, us);
        histogram_add(&halves[i % 2], us);
    }
    histogram_merge(&halves[0], &halves[1]);
    assert_memory_equal(&halves[0], &all, sizeof(all));
}

/* ---- reasons ---- */

static uint32_t count_of(const struct tally_reasons *reasons, const char *name)
{
    for (unsigned i = 0; i < reasons->used; i++)
        if (strcmp(reasons->list[i].name, name) == 0)
            return reasons->list[i].count;
    return 0;
}

static void test_a_reason_is_counted_under_its_name(void **state)
{
    (void)state;
    struct tally_reasons reasons = {0};
    tally_reason(&reasons, "full", 1);
    tally_reason(&reasons, "timeout", 2);
    tally_reason(&reasons, "full", 3);
    assert_int_equal(reasons.used, 2);
    assert_int_equal(count_of(&reasons, "full"), 4);
    assert_int_equal(count_of(&reasons, "timeout"), 2);
}

static void test_a_long_name_is_cut_and_found_again(void **state)
{
    (void)state;
    struct tally_reasons reasons = {0};
    char name[2 * TALLY_REASON_CHARS];
    memset(name, 'x', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    tally_reason(&reasons, name, 1);
    tally_reason(&reasons, name, 1);
    assert_int_equal(reasons.used, 1);
    assert_int_equal(reasons.list[0].count, 2);
    assert_int_equal(strlen(reasons.list[0].name), TALLY_REASON_CHARS - 1);
}

static void test_a_name_cannot_steer_a_terminal(void **state)
{
    (void)state;
    struct tally_reasons reasons = {0};
    tally_reason(&reasons, "\033[2Jgone \xc3\xa4\n", 1);
    tally_reason(&reasons, "\033[2Jgone \xc3\xa4\n", 1);
    assert_int_equal(reasons.used, 1);
    assert_string_equal(reasons.list[0].name, "?[2Jgone ???");
}

static void test_names_beyond_the_last_place_are_counted_as_other(void **state)
{
    (void)state;
    struct tally_reasons reasons = {0};
    for (unsigned i = 0; i < 3 * TALLY_REASONS; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "reason %u", i);
        tally_reason(&reasons, name, 1);
    }
    assert_int_equal(reasons.used, TALLY_REASONS);
    assert_string_equal(reasons.list[TALLY_REASONS - 1].name, "other");
    assert_int_equal(reasons.list[TALLY_REASONS - 1].count, 2 * TALLY_REASONS + 1);
    assert_int_equal(count_of(&reasons, "reason 14"), 1);
    tally_reason(&reasons, "reason 0", 5);
    assert_int_equal(count_of(&reasons, "reason 0"), 6);
}

static void test_there_is_only_one_other(void **state)
{
    (void)state;
    struct tally_reasons reasons = {0};
    tally_reason(&reasons, "other", 1);
    for (unsigned i = 0; i < 2 * TALLY_REASONS; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "reason %u", i);
        tally_reason(&reasons, name, 1);
    }
    assert_int_equal(reasons.used, TALLY_REASONS - 1);
    assert_int_equal(count_of(&reasons, "other"), 1 + 2 * TALLY_REASONS - (TALLY_REASONS - 2));
}

/* ---- seconds ---- */

static void test_lateness_of_a_second_is_told_in_whole_milliseconds(void **state)
{
    (void)state;
    struct tally_second second = {0};
    assert_int_equal(tally_second_late_ms(&second, 990), 0);
    second.late[0] = 98;
    second.late[4] = 1;
    second.late[63] = 1;
    assert_int_equal(tally_second_late_ms(&second, 500), 1);
    assert_int_equal(tally_second_late_ms(&second, 980), 1);
    assert_int_equal(tally_second_late_ms(&second, 990), 5);
    assert_int_equal(tally_second_late_ms(&second, 1000), 64);
}

static struct tally *make_tally(uint32_t seconds)
{
    struct tally *tally = calloc(1, sizeof(*tally));
    assert_non_null(tally);
    tally->per_second = calloc(TALLY_SECONDS_MAX, sizeof(*tally->per_second));
    assert_non_null(tally->per_second);
    tally->seconds = seconds;
    return tally;
}

static void free_tally(struct tally *tally)
{
    free(tally->per_second);
    free(tally);
}

static void test_tallies_add_up_second_by_second(void **state)
{
    (void)state;
    struct tally *sum = make_tally(0), *one = make_tally(2), *two = make_tally(3);
    one->per_second[1] = (struct tally_second){
        .hearing = 5, .joins = 4, .packets = 3, .lost = 2, .gaps = 1, .late = {[7] = 9}};
    two->per_second[1] = one->per_second[1];
    two->per_second[2].hearing = 8;
    one->per_second[2].hearing = 4711; /* not in use */
    tally_merge(sum, one);
    tally_merge(sum, two);
    assert_int_equal(sum->seconds, 3);
    const struct tally_second *second = &sum->per_second[1];
    assert_int_equal(second->hearing, 10);
    assert_int_equal(second->joins, 8);
    assert_int_equal(second->packets, 6);
    assert_int_equal(second->lost, 4);
    assert_int_equal(second->gaps, 2);
    assert_int_equal(second->late[7], 18);
    assert_int_equal(sum->per_second[2].hearing, 8);
    free_tally(sum);
    free_tally(one);
    free_tally(two);
}

static void test_every_counter_is_added(void **state)
{
    (void)state;
    struct tally sum = {0}, part = {.attempts = 1,
                                    .joined = 2,
                                    .refused = 3,
                                    .failed = 4,
                                    .packets = 5,
                                    .lost = 6,
                                    .dropped = 7,
                                    .duplicates = 8,
                                    .repaired = 9,
                                    .damaged = 10,
                                    .verified = 11,
                                    .gaps = 12,
                                    .reports_sent = 13,
                                    .nacks_sent = 14,
                                    .checks_sent = 15,
                                    .disconnects = 16,
                                    .hops = 17,
                                    .moved = 18};
    histogram_add(&part.signalling, 1);
    histogram_add(&part.first_sound, 2);
    histogram_add(&part.lateness, 3);
    histogram_add(&part.jitter, 4);
    histogram_add(&part.longest_gap, 5);
    tally_reason(&part.reasons, "full", 3);
    tally_node(&part.nodes, "http://a", 4);
    tally_merge(&sum, &part); /* into an empty one: the same again */
    assert_memory_equal(&sum, &part, sizeof(sum));
    tally_merge(&sum, &part);
    assert_int_equal(sum.checks_sent, 30);
    assert_int_equal(sum.dropped, 14);
    assert_int_equal(sum.disconnects, 32);
    assert_int_equal(sum.hops, 34);
    assert_int_equal(sum.moved, 36);
    assert_int_equal(sum.nodes.list[0].heard, 8);
    assert_int_equal(sum.longest_gap.count, 2);
    assert_int_equal(count_of(&sum.reasons, "full"), 6);
}

static void test_nodes_beyond_the_last_place_are_counted_together(void **state)
{
    (void)state;
    struct tally_nodes nodes = {0};
    char url[TALLY_NODE_CHARS];
    for (unsigned i = 0; i < TALLY_NODES + 2; i++) {
        (void)snprintf(url, sizeof(url), "http://n%u", i);
        tally_node(&nodes, url, 2);
    }
    tally_node(&nodes, "http://n0", 1);
    assert_int_equal(nodes.used, TALLY_NODES);
    assert_int_equal(nodes.list[0].heard, 3);
    assert_int_equal(nodes.list[TALLY_NODES - 1].heard, 2);
    assert_int_equal(nodes.others, 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_empty_histogram_says_nothing),
        cmocka_unit_test(test_small_values_are_exact),
        cmocka_unit_test(test_every_value_up_to_a_minute_is_at_most_four_percent_off),
        cmocka_unit_test(test_what_is_beyond_the_scale_is_told_as_the_largest),
        cmocka_unit_test(test_no_percentile_exceeds_the_largest_value),
        cmocka_unit_test(test_percentiles_count_from_below),
        cmocka_unit_test(test_merged_histograms_are_as_if_one_had_taken_all),
        cmocka_unit_test(test_a_reason_is_counted_under_its_name),
        cmocka_unit_test(test_a_long_name_is_cut_and_found_again),
        cmocka_unit_test(test_a_name_cannot_steer_a_terminal),
        cmocka_unit_test(test_names_beyond_the_last_place_are_counted_as_other),
        cmocka_unit_test(test_there_is_only_one_other),
        cmocka_unit_test(test_lateness_of_a_second_is_told_in_whole_milliseconds),
        cmocka_unit_test(test_nodes_beyond_the_last_place_are_counted_together),
        cmocka_unit_test(test_tallies_add_up_second_by_second),
        cmocka_unit_test(test_every_counter_is_added),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
