#include "audience/reports.h"
#include "audience/resend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { OURS = 1000, THEIRS = 2000, SECOND_US = 1000 * 1000 };

static const struct reports_context context = {.ssrc = OURS,
                                               .first_index = 5000,
                                               .newest_index = 70000,
                                               .now_us = 50 * SECOND_US,
                                               .hearing_us = 10 * SECOND_US};

/* One RR about `ssrc`, read at the given time. */
static void report_about(struct seat_reports *reports, const struct reports_context *at,
                         uint32_t ssrc, uint32_t highest_ext_seq)
{
    uint8_t packet[256];
    struct reports_nack nack;
    struct writer writer = writer_of(packet, sizeof(packet));
    struct rtcp_block block = {
        .ssrc = ssrc, .highest_ext_seq = highest_ext_seq, .fraction_lost_q8 = 64};
    assert_int_equal(rtcp_write_rr(THEIRS, &block, 1, &writer), 0);
    assert_int_equal(reports_read(reports, at, writer_slice(&writer), &nack), 0);
    assert_int_equal(nack.count, 0);
    assert_false(nack.is_bye);
}

static void test_replay_window_takes_each_index_once(void **state)
{
    (void)state;
    struct replay_window window = {0};
    assert_true(replay_accept(&window, 100));
    assert_false(replay_accept(&window, 100));
    assert_true(replay_accept(&window, 163));
    assert_true(replay_accept(&window, 101));
    assert_false(replay_accept(&window, 101));
    assert_false(replay_accept(&window, 100));
    assert_true(replay_accept(&window, 162));
    assert_true(replay_accept(&window, 164));
    assert_false(replay_accept(&window, 163));
    assert_false(replay_accept(&window, 164 - REPLAY_WINDOW)); /* too old to tell */
    assert_true(replay_accept(&window, 165 + 10 * REPLAY_WINDOW));
    assert_false(replay_accept(&window, 164));
    assert_true(replay_accept(&window, 164 + 10 * REPLAY_WINDOW));
    assert_true(replay_accept(&window, 0x7FFFFFFF));
    assert_false(replay_accept(&window, 0x7FFFFFFF));
}

static void test_index_zero_may_come_first(void **state)
{
    (void)state;
    struct replay_window window = {0};
    assert_true(replay_accept(&window, 0));
    assert_false(replay_accept(&window, 0));
    assert_true(replay_accept(&window, 64));
    assert_false(replay_accept(&window, 64));
    assert_true(replay_accept(&window, 1));
}

static void test_a_report_that_moved_on_proves_hearing(void **state)
{
    (void)state;
    struct seat_reports reports = {0};
    struct reports_context at = context;
    assert_false(reports_is_hearing(&reports, at.now_us));
    report_about(&reports, &at, OURS, 69000);
    assert_true(reports_is_hearing(&reports, at.now_us));
    assert_true(reports_is_hearing(&reports, at.now_us + 10 * SECOND_US - 1));
    assert_false(reports_is_hearing(&reports, at.now_us + 10 * SECOND_US));
    assert_int_equal(reports.fraction_lost_q8, 64);

    at.now_us += 5 * SECOND_US;
    report_about(&reports, &at, OURS, 69000); /* stands still */
    report_about(&reports, &at, OURS, 68999); /* goes back */
    assert_int_equal(reports.hearing_until_us, 60 * SECOND_US);
    report_about(&reports, &at, OURS, 69001);
    assert_int_equal(reports.hearing_until_us, 65 * SECOND_US);
}

static void test_reports_about_others_or_the_future_prove_nothing(void **state)
{
    (void)state;
    struct seat_reports reports = {0};
    report_about(&reports, &context, OURS + 1, 69000);
    report_about(&reports, &context, OURS, 70001);
    report_about(&reports, &context, OURS, 4999 + 65536 * 3); /* read as 4999 or 70535 */
    assert_false(reports_is_hearing(&reports, context.now_us));
    report_about(&reports, &context, OURS, 70000);
    assert_true(reports_is_hearing(&reports, context.now_us));
}

/* A receiver that hears nothing any more repeats one number; ours comes round to it again. */
static void test_a_number_that_stands_still_never_counts_as_moved(void **state)
{
    (void)state;
    struct seat_reports reports = {0};
    struct reports_context at = context;
    report_about(&reports, &at, OURS, 69000);
    uint64_t until_us = reports.hearing_until_us;
    for (; at.newest_index < 70000 + 3 * 65536; at.newest_index += 250) {
        at.now_us += 5 * SECOND_US;
        report_about(&reports, &at, OURS, 69000);
        assert_int_equal(reports.hearing_until_us, until_us);
    }
}

static void test_cycles_that_start_anew_are_understood(void **state)
{
    (void)state;
    struct seat_reports reports = {0};
    report_about(&reports, &context, OURS, 69000);
    struct reports_context at = context;
    at.now_us += SECOND_US;
    report_about(&reports, &at, OURS, 69500 - 65536);
    assert_int_equal(reports.hearing_until_us, at.now_us + at.hearing_us);
}

static void test_bye_ends_hearing(void **state)
{
    (void)state;
    uint8_t packet[256];
    struct reports_nack nack;
    struct seat_reports reports = {0};
    struct rtcp_block block = {.ssrc = OURS, .highest_ext_seq = 69001};
    struct writer writer = writer_of(packet, sizeof(packet));
    report_about(&reports, &context, OURS, 69000);
    assert_int_equal(rtcp_write_rr(THEIRS, &block, 1, &writer), 0);
    assert_int_equal(rtcp_write_bye(THEIRS, &writer), 0);
    assert_int_equal(reports_read(&reports, &context, writer_slice(&writer), &nack), 0);
    assert_false(reports_is_hearing(&reports, context.now_us));
    assert_true(nack.is_bye);
}

static void test_nack_is_handed_out_if_it_is_about_us(void **state)
{
    (void)state;
    static const uint16_t seqs[] = {65534, 65535, 0, 40};
    uint8_t packet[256];
    struct reports_nack nack;
    struct seat_reports reports = {0};
    struct writer writer = writer_of(packet, sizeof(packet));
    assert_int_equal(rtcp_write_nack(THEIRS, OURS + 1, seqs, 1, &writer), 0);
    assert_int_equal(rtcp_write_nack(THEIRS, OURS, seqs, 4, &writer), 0);
    assert_int_equal(reports_read(&reports, &context, writer_slice(&writer), &nack), 0);
    assert_int_equal(nack.count, 4);
    assert_memory_equal(nack.seqs, seqs, sizeof(seqs));
}

static void test_asking_for_too_much_is_cut(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    uint8_t packet[2048];
    struct reports_nack nack;
    struct seat_reports reports = {0};
    struct writer writer = writer_of(packet, sizeof(packet));
    for (uint16_t i = 0; i < RTCP_NACK_MAX; i++)
        seqs[i] = i;
    assert_int_equal(rtcp_write_nack(THEIRS, OURS, seqs, RTCP_NACK_MAX, &writer), 0);
    assert_int_equal(rtcp_write_nack(THEIRS, OURS, seqs, 1, &writer), 0);
    assert_int_equal(reports_read(&reports, &context, writer_slice(&writer), &nack), 0);
    assert_int_equal(nack.count, RTCP_NACK_MAX);
}

static void test_malformed_rtcp_is_an_error_at_every_cut(void **state)
{
    (void)state;
    uint8_t packet[256];
    struct reports_nack nack;
    struct rtcp_block block = {.ssrc = OURS, .highest_ext_seq = 69000};
    struct writer writer = writer_of(packet, sizeof(packet));
    assert_int_equal(rtcp_write_rr(THEIRS, &block, 1, &writer), 0);
    for (size_t bytes = 1; bytes < writer.at; bytes++) {
        struct seat_reports reports = {0};
        assert_int_equal(reports_read(&reports, &context, slice_of(packet, bytes), &nack),
                         ERR_PROTO);
        assert_false(reports_is_hearing(&reports, context.now_us));
    }
}

static void test_budget_is_a_burst_and_then_half(void **state)
{
    (void)state;
    struct resend_budget budget = resend_budget_of(1000);
    unsigned given = 0;
    for (unsigned i = 0; i < 100; i++)
        given += resend_spend(&budget, 1000);
    assert_int_equal(given, RESEND_BURST);
    for (uint64_t newest = 1001; newest <= 1100; newest++)
        for (unsigned i = 0; i < 100; i++)
            given += resend_spend(&budget, newest);
    assert_int_equal(given, RESEND_BURST + 100 / RESEND_PACKETS_PER_ONE);
    /* nothing is saved beyond the burst */
    given = 0;
    for (unsigned i = 0; i < 100; i++)
        given += resend_spend(&budget, 1000000);
    assert_int_equal(given, RESEND_BURST);
}

static void test_queue_is_bounded_and_keeps_order(void **state)
{
    (void)state;
    static struct resend_queue queue;
    assert_null(resend_peek(&queue));
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < RESEND_QUEUE; i++)
            assert_true(resend_push(&queue, &(struct resend_entry){.seat = i}));
        assert_false(resend_push(&queue, &(struct resend_entry){.seat = 1}));
        for (uint32_t i = 0; i < RESEND_QUEUE; i++) {
            assert_int_equal(resend_peek(&queue)->seat, i);
            resend_drop(&queue);
        }
        assert_null(resend_peek(&queue));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replay_window_takes_each_index_once),
        cmocka_unit_test(test_index_zero_may_come_first),
        cmocka_unit_test(test_a_report_that_moved_on_proves_hearing),
        cmocka_unit_test(test_reports_about_others_or_the_future_prove_nothing),
        cmocka_unit_test(test_a_number_that_stands_still_never_counts_as_moved),
        cmocka_unit_test(test_cycles_that_start_anew_are_understood),
        cmocka_unit_test(test_bye_ends_hearing),
        cmocka_unit_test(test_nack_is_handed_out_if_it_is_about_us),
        cmocka_unit_test(test_asking_for_too_much_is_cut),
        cmocka_unit_test(test_malformed_rtcp_is_an_error_at_every_cut),
        cmocka_unit_test(test_budget_is_a_burst_and_then_half),
        cmocka_unit_test(test_queue_is_bounded_and_keeps_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
