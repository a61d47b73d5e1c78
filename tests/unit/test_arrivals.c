#include "rehearse/arrivals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MS = 1000, SAMPLES_20_MS = 960, SAMPLES_60_MS = 2880 };

static struct arrivals arrivals;
static struct tally tally;
static struct tally_second second;
static uint32_t next_timestamp;
static uint16_t next_seq;
static uint64_t due_us; /* when the next packet comes if it is on time */

static int setup(void **state)
{
    (void)state;
    arrivals_init(&arrivals);
    memset(&tally, 0, sizeof(tally));
    memset(&second, 0, sizeof(second));
    next_timestamp = 0xFFFFFFFFu - 5 * SAMPLES_20_MS; /* wraps after a few packets */
    next_seq = 65530;
    due_us = 5000 * MS;
    return 0;
}

static bool take(uint16_t seq, uint32_t timestamp, uint64_t arrival_us)
{
    struct rtp_packet packet = {.seq = seq, .ssrc = 7, .timestamp = timestamp};
    return arrivals_take(&arrivals, &packet, arrival_us, &tally, &second);
}

/* The next packet of a stream, late by so much. */
static void come(uint32_t samples, uint64_t late_us)
{
    assert_true(take(next_seq, next_timestamp, due_us + late_us));
    next_seq++;
    next_timestamp += samples;
    due_us += samples / 48 * MS;
}

/* It is sent when its last sample is there: the one that follows a change of length waits longer or
 * shorter. */
static void change_length(uint32_t from, uint32_t to)
{
    due_us = due_us + to / 48 * MS - from / 48 * MS;
}

static void miss(uint32_t samples)
{
    next_seq++;
    next_timestamp += samples;
    due_us += samples / 48 * MS;
}

static void leave(void)
{
    arrivals_end(&arrivals, arrivals.last_us, &tally, &second);
}

static uint64_t late_at(unsigned permille)
{
    return histogram_at(&tally.lateness, permille);
}

static void test_a_punctual_stream_is_neither_late_nor_lost(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 500; i++)
        come(SAMPLES_20_MS, 0);
    leave();
    assert_int_equal(tally.packets, 500);
    assert_int_equal(second.packets, 500);
    assert_int_equal(tally.lost, 0);
    assert_int_equal(tally.gaps, 0);
    assert_int_equal(tally.lateness.count, 500);
    assert_int_equal(tally.lateness.max_us, 0);
    assert_int_equal(second.late[0], 500);
    assert_int_equal(tally.jitter.count, 1);
    assert_int_equal(tally.jitter.max_us, 0);
    assert_int_equal(tally.longest_gap.max_us, 20 * MS);
}

static void test_lateness_is_counted_from_the_quickest_packet(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        come(SAMPLES_20_MS, i == 50 ? 30 * MS : 10 * MS);
    leave();
    assert_int_equal(late_at(900), 0);
    assert_int_equal(tally.lateness.max_us, 20 * MS);
    assert_int_equal(second.late[20], 1);
    assert_int_equal(tally.gaps, 0); /* 40 ms after the one before it */
    assert_int_equal(tally.longest_gap.max_us, 40 * MS);
}

static void test_first_packets_that_were_late_are_not_taken_for_quick_ones(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 5; i++)
        come(SAMPLES_20_MS, 35 * MS);
    for (unsigned i = 0; i < 95; i++)
        come(SAMPLES_20_MS, 0);
    leave();
    assert_int_equal(tally.lateness.count, 100);
    assert_int_equal(second.late[35], 5);
    assert_int_equal(second.late[0], 95);
}

static void test_a_short_stay_is_judged_too(void **state)
{
    (void)state;
    come(SAMPLES_20_MS, 7 * MS);
    come(SAMPLES_20_MS, 0);
    leave();
    assert_int_equal(tally.lateness.count, 2);
    assert_int_equal(tally.lateness.max_us, 7 * MS);
}

static void test_what_never_comes_is_lost(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++) {
        if (i % 10 == 5)
            miss(SAMPLES_20_MS);
        else
            come(SAMPLES_20_MS, 0);
    }
    leave();
    assert_int_equal(tally.packets, 90);
    assert_int_equal(tally.lost, 10);
    assert_int_equal(second.lost, 10);
    assert_int_equal(tally.gaps, 0);
    assert_int_equal(tally.lateness.max_us, 0);
}

static void test_what_comes_late_after_all_is_not_lost(void **state)
{
    (void)state;
    come(SAMPLES_20_MS, 0);
    uint16_t seq = next_seq;
    uint32_t timestamp = next_timestamp;
    uint64_t was_due_us = due_us;
    miss(SAMPLES_20_MS);
    come(SAMPLES_20_MS, 0);
    assert_int_equal(tally.lost, 1);
    assert_true(take(seq, timestamp, was_due_us + 25 * MS));
    assert_int_equal(tally.lost, 0);
    assert_int_equal(second.lost, 0);
    come(SAMPLES_20_MS, 0);
    leave();
    assert_int_equal(tally.packets, 4);
    assert_int_equal(tally.lateness.max_us, 25 * MS);
    assert_int_equal(tally.gaps, 0);
}

static void test_duplicates_are_told_and_not_counted_as_packets(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        uint16_t seq = next_seq;
        uint32_t timestamp = next_timestamp;
        come(SAMPLES_20_MS, 0);
        assert_false(take(seq, timestamp, due_us));
    }
    leave();
    assert_int_equal(tally.packets, 20);
    assert_int_equal(tally.lost, 0);
    assert_int_equal(tally.lateness.max_us, 0);
}

static void test_a_gap_is_longer_than_sixty_milliseconds(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++)
        come(SAMPLES_20_MS, i == 20 ? 40 * MS : i == 30 ? 41 * MS : 0);
    leave();
    assert_int_equal(tally.gaps, 1);
    assert_int_equal(second.gaps, 1);
    assert_int_equal(tally.longest_gap.max_us, 61 * MS);
}

static void test_three_lost_packets_are_a_gap(void **state)
{
    (void)state;
    come(SAMPLES_20_MS, 0);
    come(SAMPLES_20_MS, 0);
    for (unsigned i = 0; i < 3; i++)
        miss(SAMPLES_20_MS);
    come(SAMPLES_20_MS, 0);
    leave();
    assert_int_equal(tally.gaps, 1);
    assert_int_equal(tally.lost, 3);
    assert_int_equal(tally.longest_gap.max_us, 80 * MS);
}

static void test_longer_packets_are_given_their_length(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 100; i++)
        come(SAMPLES_20_MS, 0);
    change_length(SAMPLES_20_MS, SAMPLES_60_MS);
    for (unsigned i = 0; i < 100; i++)
        come(SAMPLES_60_MS, i % 2 == 0 ? 0 : 2 * MS);
    change_length(SAMPLES_60_MS, SAMPLES_20_MS);
    for (unsigned i = 0; i < 100; i++)
        come(SAMPLES_20_MS, 0);
    leave();
    assert_int_equal(tally.packets, 300);
    assert_int_equal(tally.gaps, 0);
    assert_int_equal(tally.lateness.count, 300);
    assert_int_equal(tally.lateness.max_us, 2 * MS);
    assert_int_equal(second.late[2], 50);
}

static void test_a_longer_packet_that_is_late_is_a_gap(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 50; i++)
        come(SAMPLES_60_MS, i == 20 ? 40 * MS : i == 30 ? 41 * MS : 0);
    leave();
    assert_int_equal(tally.gaps, 1);
    assert_int_equal(tally.longest_gap.max_us, 61 * MS);
}

static void test_a_step_that_no_packet_can_have_changes_nothing(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++)
        come(SAMPLES_20_MS, 0);
    next_timestamp += 50 * SAMPLES_20_MS; /* the sender left out a second */
    due_us += 1000 * MS;
    for (unsigned i = 0; i < 40; i++)
        come(SAMPLES_20_MS, 5 * MS);
    leave();
    assert_int_equal(arrivals.length_samples, SAMPLES_20_MS);
    assert_int_equal(tally.lateness.max_us, 5 * MS);
    assert_int_equal(tally.gaps, 1);
}

static void test_another_source_starts_anew(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 40; i++)
        come(SAMPLES_20_MS, 0);
    miss(SAMPLES_20_MS);
    come(SAMPLES_20_MS, 0);
    for (uint16_t i = 0; i < 40; i++) {
        struct rtp_packet packet = {.seq = i, .ssrc = 8, .timestamp = i * SAMPLES_20_MS};
        assert_true(arrivals_take(&arrivals, &packet, due_us, &tally, &second));
        due_us += 20 * MS;
    }
    leave();
    assert_int_equal(tally.packets, 81);
    assert_int_equal(tally.lost, 1);
    assert_int_equal(tally.lateness.count, 81);
    assert_int_equal(tally.lateness.max_us, 0);
}

static void test_silence_before_the_end_counts(void **state)
{
    (void)state;
    come(SAMPLES_20_MS, 0);
    come(SAMPLES_20_MS, 0);
    arrivals_end(&arrivals, arrivals.last_us + 300 * MS, &tally, NULL);
    assert_int_equal(tally.gaps, 1);
    assert_int_equal(tally.longest_gap.max_us, 300 * MS);
}

static void test_who_never_heard_anything_leaves_no_account(void **state)
{
    (void)state;
    arrivals_end(&arrivals, 1000 * MS, &tally, &second);
    assert_int_equal(tally.longest_gap.count, 0);
    assert_int_equal(tally.jitter.count, 0);
    assert_int_equal(tally.gaps, 0);
}

static void test_seconds_need_not_be_kept(void **state)
{
    (void)state;
    struct rtp_packet packet = {.ssrc = 7};
    for (uint16_t i = 0; i < 100; i++) {
        packet.seq = i;
        packet.timestamp = i * SAMPLES_20_MS;
        if (i % 7 != 3)
            assert_true(arrivals_take(&arrivals, &packet, 1000u + i * 20u * MS, &tally, NULL));
    }
    arrivals_end(&arrivals, arrivals.last_us, &tally, NULL);
    assert_int_equal(tally.lost, 14);
    assert_int_equal(tally.packets, 86);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_punctual_stream_is_neither_late_nor_lost, setup),
        cmocka_unit_test_setup(test_lateness_is_counted_from_the_quickest_packet, setup),
        cmocka_unit_test_setup(test_first_packets_that_were_late_are_not_taken_for_quick_ones,
                               setup),
        cmocka_unit_test_setup(test_a_short_stay_is_judged_too, setup),
        cmocka_unit_test_setup(test_what_never_comes_is_lost, setup),
        cmocka_unit_test_setup(test_what_comes_late_after_all_is_not_lost, setup),
        cmocka_unit_test_setup(test_duplicates_are_told_and_not_counted_as_packets, setup),
        cmocka_unit_test_setup(test_a_gap_is_longer_than_sixty_milliseconds, setup),
        cmocka_unit_test_setup(test_three_lost_packets_are_a_gap, setup),
        cmocka_unit_test_setup(test_longer_packets_are_given_their_length, setup),
        cmocka_unit_test_setup(test_a_longer_packet_that_is_late_is_a_gap, setup),
        cmocka_unit_test_setup(test_a_step_that_no_packet_can_have_changes_nothing, setup),
        cmocka_unit_test_setup(test_another_source_starts_anew, setup),
        cmocka_unit_test_setup(test_silence_before_the_end_counts, setup),
        cmocka_unit_test_setup(test_who_never_heard_anything_leaves_no_account, setup),
        cmocka_unit_test_setup(test_seconds_need_not_be_kept, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
