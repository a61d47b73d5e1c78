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
    assert_int_equal(block.fraction_lost_q8, 25); /* a tenth of 255 */
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
        cmocka_unit_test_setup(test_another_source_starts_anew, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
