#include "rostrum/reception.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct reception reception;

static bool take(uint16_t seq, uint64_t now_us)
{
    uint64_t ext_seq;
    struct rtp_packet packet = {.seq = seq, .ssrc = 7, .timestamp = (uint32_t)seq * 960};
    return reception_take(&reception, &packet, now_us, &ext_seq);
}

static int setup(void **state)
{
    (void)state;
    reception_init(&reception);
    return 0;
}

static void test_duplicates_are_known_within_the_window(void **state)
{
    (void)state;
    for (uint16_t seq = 0; seq < 600; seq++)
        assert_true(take((uint16_t)(65300 + seq), seq * 20000ull));
    for (uint16_t seq = 600 - RECEPTION_WINDOW; seq < 600; seq++)
        assert_false(take((uint16_t)(65300 + seq), 0));
    assert_int_equal(reception.received, 600);
    assert_int_equal(reception_expected(&reception), 600);
}

static void test_loss_is_reported_once_and_in_total(void **state)
{
    (void)state;
    struct rtcp_block block;
    assert_false(reception_block(&reception, &block, 0));
    for (uint16_t seq = 0; seq < 100; seq++)
        if (seq % 10 != 5)
            assert_true(take(seq, seq * 20000ull));
    assert_true(reception_block(&reception, &block, 0));
    assert_int_equal(block.lost_packets, 10);
    assert_int_equal(block.fraction_lost_q8, 25); /* a tenth of 256 */
    assert_int_equal(block.highest_ext_seq, 99);
    assert_int_equal(block.jitter, 0); /* they came exactly in time */
    for (uint16_t seq = 100; seq < 200; seq++)
        assert_true(take(seq, seq * 20000ull));
    assert_true(reception_block(&reception, &block, 0));
    assert_int_equal(block.lost_packets, 10);
    assert_int_equal(block.fraction_lost_q8, 0);
}

static void test_missing_packets_are_asked_for_a_few_times(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    assert_true(take(65534, 0));
    assert_true(take(1, 1000)); /* 65535 and 0 are missing */
    assert_int_equal(reception_missing(&reception, seqs, RTCP_NACK_MAX, 1000, 0), 2);
    assert_int_equal(seqs[0], 65535);
    assert_int_equal(seqs[1], 0);
    assert_int_equal(reception_missing(&reception, seqs, RTCP_NACK_MAX, 1000 + 19999, 0), 0);
    assert_true(take(65535, 15000));
    for (unsigned ask = 1; ask < RECEPTION_ASK_TRIES; ask++)
        assert_int_equal(reception_missing(&reception, seqs, RTCP_NACK_MAX, 1000 + ask * 20000, 0),
                         1);
    assert_int_equal(seqs[0], 0);
    assert_int_equal(reception_missing(&reception, seqs, RTCP_NACK_MAX, 400000, 0), 0);
}

static void test_what_came_another_way_is_not_asked_for(void **state)
{
    (void)state;
    uint16_t seqs[8];
    assert_true(take(10, 0));
    assert_true(take(13, 0));
    reception_forget(&reception, 12);
    reception_forget(&reception, 12 + RECEPTION_MISSING_MAX); /* nobody knows of that one */
    assert_int_equal(reception_missing(&reception, seqs, 8, 0, 0), 1);
    assert_int_equal(seqs[0], 11);
    reception_forget(&reception, 11);
    assert_int_equal(reception_due_us(&reception), UINT64_MAX);
}

static void test_it_is_due_while_something_is_missing(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    assert_true(reception_due_us(&reception) == UINT64_MAX);
    assert_true(take(10, 0));
    assert_true(reception_due_us(&reception) == UINT64_MAX);
    assert_true(take(13, 1000));
    assert_int_equal(reception_due_us(&reception), 1000);
    assert_true(take(15, 1500));
    assert_int_equal(reception_due_us(&reception), 1000); /* the first of them */
    assert_true(take(14, 1500));
    assert_int_equal(reception_missing(&reception, seqs, RTCP_NACK_MAX, 1000, 50000), 2);
    assert_int_equal(reception_due_us(&reception), 51000); /* a round trip later */
    assert_true(take(11, 2000));
    assert_true(take(12, 2000));
    assert_true(reception_due_us(&reception) == UINT64_MAX);
    /* What nobody sends is given up in the end, or has left the window. */
    assert_true(take(17, 3000));
    while (reception_due_us(&reception) != UINT64_MAX) {
        uint64_t due_us = reception_due_us(&reception);
        (void)reception_missing(&reception, seqs, RTCP_NACK_MAX, due_us, 0);
        assert_true(reception_due_us(&reception) > due_us);
    }
    assert_true(take(19, 4000));
    for (uint16_t seq = 20; seq < 18 + RECEPTION_MISSING_MAX; seq++)
        assert_true(take(seq, 5000));
    assert_int_equal(reception_due_us(&reception), 4000);
    assert_true(take(19 + RECEPTION_MISSING_MAX - 1, 5000));
    assert_int_equal(reception_due_us(&reception), 4000);
    assert_true(take(19 + RECEPTION_MISSING_MAX, 5000));
    assert_true(reception_due_us(&reception) == UINT64_MAX);
}

static void test_a_long_gap_is_a_pause(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    assert_true(take(0, 0));
    assert_true(take(RECEPTION_MISSING_MAX + 1, 0));
    assert_int_equal(reception_missing(&reception, seqs, RTCP_NACK_MAX, 0, 0),
                     RECEPTION_MISSING_MAX);
    reception_init(&reception);
    assert_true(take(0, 0));
    assert_true(take(RECEPTION_MISSING_MAX + 2, 0));
    assert_int_equal(reception_missing(&reception, seqs, RTCP_NACK_MAX, 0, 0), 0);
}

static void test_a_sender_report_dates_the_next_block(void **state)
{
    (void)state;
    struct rtcp_block block;
    assert_true(take(0, 0));
    assert_true(reception_block(&reception, &block, 0));
    assert_int_equal(block.last_sr, 0);
    reception_sender_report(&reception, UINT64_C(0x1111222233334444), 1000000);
    assert_true(reception_block(&reception, &block, 1500000));
    assert_int_equal(block.last_sr, 0x22223333);
    assert_int_equal(block.delay_since_sr, 0x8000); /* half a second */
}

static void test_nearly_all_lost_is_255(void **state)
{
    (void)state;
    struct rtcp_block block;
    assert_true(take(0, 0));
    assert_true(reception_block(&reception, &block, 0));
    assert_true(take(2999, 0));
    assert_true(reception_block(&reception, &block, 0));
    assert_int_equal(block.fraction_lost_q8, 255);
    assert_int_equal(block.lost_packets, 2998);
}

static void test_another_source_starts_anew(void **state)
{
    (void)state;
    uint64_t ext_seq;
    assert_true(take(5, 0));
    struct rtp_packet packet = {.seq = 9, .ssrc = 8};
    assert_true(reception_take(&reception, &packet, 0, &ext_seq));
    assert_int_equal(reception_expected(&reception), 1);
    assert_int_equal(ext_seq, 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_duplicates_are_known_within_the_window, setup),
        cmocka_unit_test_setup(test_loss_is_reported_once_and_in_total, setup),
        cmocka_unit_test_setup(test_missing_packets_are_asked_for_a_few_times, setup),
        cmocka_unit_test_setup(test_what_came_another_way_is_not_asked_for, setup),
        cmocka_unit_test_setup(test_it_is_due_while_something_is_missing, setup),
        cmocka_unit_test_setup(test_a_long_gap_is_a_pause, setup),
        cmocka_unit_test_setup(test_a_sender_report_dates_the_next_block, setup),
        cmocka_unit_test_setup(test_nearly_all_lost_is_255, setup),
        cmocka_unit_test_setup(test_another_source_starts_anew, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
