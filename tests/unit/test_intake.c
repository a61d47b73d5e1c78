/* A program from one parent: order, loss, what is no program. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "intake_house.h"

/* ---- one parent ---- */

static void test_what_comes_in_order_goes_out_at_once(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 1000; n++) {
        if (n % 2 == 0) /* jitter; sometimes two come together */
            now_us += TICK_US + dice(2 * TICK_US);
        else
            now_us += n % 4 == 1 ? 0 : dice(TICK_US);
        assert_true(deliver(0, n));
        assert_int_equal(collect(), 1);
    }
    expect_unbroken(0, 1000);
    assert_int_equal(counts_now().missing + counts_now().duplicates + counts_now().bad, 0);
    assert_int_equal(intake_next_index(intake), FIRST_INDEX + 1000);
    assert_int_equal(intake_due_us(intake, now_us), UINT64_MAX);
}

static void test_it_begins_with_the_first_packet_not_with_its_redundancy(void **state)
{
    (void)state;
    assert_true(deliver(0, 50));
    assert_int_equal(collect(), 1);
    assert_int_equal(given[0].number, 50);
    assert_int_equal(given[0].index, FIRST_INDEX);
    assert_int_equal(counts_now().repaired_red, 0);
}

static void test_redundancy_repairs_two_at_once_without_asking(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    assert_true(deliver(0, 0));
    tick();
    now_us += 2 * TICK_US;
    assert_true(deliver(0, 3));
    assert_int_equal(asked(0, seqs), 0);
    assert_int_equal(collect(), 2); /* the third waits for its turn: half a packet later */
    run_until(now_us + TICK_US / 2);
    expect_unbroken(0, 4);
    assert_int_equal(counts_now().repaired_red, 2);
    assert_int_equal(counts_now().missing, 0);
}

static void test_the_third_is_asked_for_and_waited_for(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    assert_true(deliver(0, 0));
    tick();
    assert_true(deliver(0, 4)); /* brings 2 and 3 */
    assert_int_equal(asked(0, seqs), 1);
    assert_int_equal(seqs[0], (uint16_t)(parents[0].seq_of_0 + 1));
    assert_int_equal(collect(), 0);
    now_us += INTAKE_WAIT_US - 1;
    assert_int_equal(collect(), 0);
    assert_true(deliver(0, 1)); /* again */
    run_until(now_us + TICK_US * 2);
    expect_unbroken(0, 5);
    assert_int_equal(counts_now().repaired_again, 1);
    assert_int_equal(counts_now().missing, 0);
}

static void test_what_never_comes_leaves_a_gap_of_its_size(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    assert_true(deliver(0, 0));
    tick();
    assert_true(deliver(0, 10)); /* 1 to 7 are missing */
    assert_int_equal(asked(0, seqs), 7);
    uint64_t since_us = now_us;
    now_us = since_us + INTAKE_WAIT_US - 1;
    assert_int_equal(collect(), 0);
    now_us++;
    assert_int_equal(collect(), 2);
    assert_int_equal(asked(0, seqs), 0); /* nobody asks any more */
    run_until(since_us + INTAKE_WAIT_US + TICK_US);
    assert_int_equal(given_count, 4);
    assert_int_equal(given[1].number, 8);
    assert_int_equal(given[1].index, FIRST_INDEX + 8);
    assert_int_equal(given[3].index, FIRST_INDEX + 10);
    assert_int_equal(counts_now().missing, 7);
    assert_int_equal(intake_due_us(intake, now_us), UINT64_MAX);
    assert_true(deliver(0, 5)); /* its time is over */
    assert_int_equal(collect(), 0);
    assert_int_equal(counts_now().duplicates, 1);
}

static void test_it_does_not_wait_for_an_answer_that_comes_too_late(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    uint32_t ssrc;
    enum { FAR_US = 80 * 1000, SOON_US = 15 * 1000 };
    assert_true(deliver(0, 0));
    tick();
    assert_true(deliver(0, 4));
    assert_int_equal(intake_missing(intake, 0, seqs, 8, now_us, FAR_US, &ssrc), 1);
    now_us += SOON_US;
    assert_int_equal(collect(), 2);
    assert_int_equal(given[1].number, 2);
}

static void test_twice_and_in_any_order_is_once_and_in_order(void **state)
{
    (void)state;
    enum { PACKETS = 3000, BLOCK = 3 };
    for (uint32_t n = 0; n < PACKETS; n += BLOCK) {
        for (unsigned i = 0; i < 2 * BLOCK; i++) {
            (void)deliver(0, n + dice(BLOCK));
            (void)collect();
            now_us += TICK_US / 3;
        }
        (void)deliver(0, n + BLOCK - 1); /* so that redundancy leaves no hole behind it */
        run_until(now_us + TICK_US);
    }
    assert_true(given[0].number < BLOCK);
    expect_unbroken(given[0].number, PACKETS);
    assert_true(counts_now().duplicates > 100);
}

/* As after a stall of this very machine. */
static void test_what_piled_up_is_given_out_whole(void **state)
{
    (void)state;
    enum { PILE = 64, PILES = 5, HALF_US = TICK_US / 2 };
    for (unsigned i = 0; i < PILES; i++) {
        for (uint32_t n = 0; n < PILE; n++)
            assert_true(deliver(0, i * PILE + n));
        assert_in_range(collect(), PILE / 2, PILE); /* not all at once either */
    }
    assert_in_range(given_count, PILES * PILE - 32, PILES * PILE - 30);
    now_us += HALF_US;
    assert_int_equal(collect(), 1);
    run_until(now_us + 1000 * 1000);
    expect_unbroken(0, PILES * PILE);
}

static void test_numbers_and_times_go_round(void **state)
{
    (void)state;
    timestamp_of_0 = 0u - 116 * SAMPLES - 100; /* 116 is lost, and time goes round in it */
    parents[0].seq_of_0 = 65000;
    for (uint32_t n = 0; n < 70000; n++) {
        if (n % 37 != 5 && n % 41 != 6)
            assert_true(deliver(0, n));
        tick();
    }
    assert_true(deliver(0, 70000));
    run_until(now_us + 1000 * 1000);
    expect_unbroken(0, 70001);
}

/* ---- loss ---- */

/* Loses packets by chance; without any being sent again. Returns frames missing per million. */
static uint64_t lose(uint32_t packets, uint32_t one_in)
{
    for (uint32_t n = 0; n < packets; n++) {
        if (n == 0 || dice(one_in) > 0)
            assert_true(deliver(0, n));
        tick();
    }
    run_until(now_us + 1000 * 1000);
    assert_true(given_count + counts_now().missing >= packets - 3); /* the last ones may be lost */
    return counts_now().missing * 1000000 / packets;
}

static void test_two_in_a_hundred_lost_is_next_to_nothing_missing(void **state)
{
    (void)state;
    assert_in_range(lose(90000, 50), 0, 1000);
    for (size_t i = 1; i < given_count; i++) /* holes have the right size */
        assert_int_equal(given[i].index - given[0].index, given[i].number - given[0].number);
    assert_true(counts_now().repaired_red > 90000 / 60);
}

static void test_the_same_in_economy(void **state)
{
    (void)state;
    packet_samples = 3 * SAMPLES;
    assert_in_range(lose(90000, 50), 0, 1000);
    for (size_t i = 1; i < given_count; i++)
        assert_int_equal(given[i].index - given[0].index, given[i].number - given[0].number);
}

static void test_without_redundancy_what_is_asked_for_is_enough(void **state)
{
    (void)state;
    enum { PACKETS = 20000, RTT_US = 15 * 1000, QUEUE = 64 };
    struct {
        uint64_t at_us;
        uint32_t number;
    } again[QUEUE];
    size_t head = 0, tail = 0;
    parents[0].has_no_red = true;
    for (uint32_t n = 0; n < PACKETS; n++) {
        uint64_t next_us = now_us + TICK_US;
        if (n == 0 || dice(50) > 0)
            (void)deliver(0, n);
        for (; now_us < next_us; now_us += 1000) {
            uint16_t seqs[RTCP_NACK_MAX];
            uint32_t ssrc;
            size_t count = intake_missing(intake, 0, seqs, RTCP_NACK_MAX, now_us, RTT_US, &ssrc);
            for (size_t i = 0; i < count; i++) {
                uint16_t back = (uint16_t)(parents[0].seq_of_0 + n - seqs[i]);
                again[tail % QUEUE].at_us = now_us + RTT_US;
                again[tail++ % QUEUE].number = n - back;
                assert_true(tail - head <= QUEUE);
            }
            while (head < tail && again[head % QUEUE].at_us <= now_us) {
                if (dice(50) > 0)
                    (void)deliver(0, again[head % QUEUE].number);
                head++;
            }
            (void)collect();
        }
    }
    assert_in_range(counts_now().missing, 0, PACKETS / 1000);
    assert_true(counts_now().repaired_again > PACKETS / 60);
}

static void test_a_duration_may_change(void **state)
{
    (void)state;
    uint32_t number = 0;
    for (unsigned k = 0; k < 300; k++) {
        /* steps as the packer makes them, with a loss here and there */
        uint32_t wanted = (1 + k / 20 % 3) * SAMPLES;
        if (wanted != packet_samples) {
            timestamp_of_0 = timestamp_of(number) - number * wanted;
            packet_samples = wanted;
            parents[0].has_no_red = true; /* blocks of the former duration are not made here */
        }
        if (k % 7 != 3 || k % 20 == 19 || parents[0].has_no_red)
            assert_true(deliver(0, number));
        parents[0].has_no_red = k % 20 < 2;
        number++;
        tick();
    }
    assert_int_equal(given_count, 300);
    for (size_t i = 1; i < given_count; i++) {
        assert_int_equal(given[i].index, given[i - 1].index + 1);
        assert_int_equal(given[i].timestamp, given[i - 1].timestamp + given[i - 1].samples);
    }
}

/* The parent itself left out a packet: its neighbours carry each other. */
static void test_a_block_finds_its_place_beside_a_hole_of_the_parent(void **state)
{
    (void)state;
    uint8_t packet[512], payloads[2][PAYLOAD_BYTES];
    assert_true(deliver(0, 0));
    tick();
    /* 3 carries 1, for 2 never reached the parent, and 1 was lost on the way */
    struct rtp_packet rtp = {.payload_type = RED,
                             .seq = (uint16_t)(parents[0].seq_of_0 + 3),
                             .timestamp = timestamp_of(3),
                             .ssrc = parents[0].ssrc};
    struct red_block blocks[2] = {
        {.payload_type = OPUS, .timestamp = timestamp_of(1), .payload = payload_of(1, payloads[0])},
        {.payload_type = OPUS,
         .timestamp = timestamp_of(3),
         .payload = payload_of(3, payloads[1])}};
    struct writer w = writer_of(packet, sizeof(packet));
    assert_int_equal(rtp_write_header(&rtp, &w), 0);
    assert_int_equal(red_write(blocks, 2, &w), 0);
    assert_true(intake_take(intake, 0, writer_slice(&w), now_us));
    run_until(now_us + 4 * TICK_US);
    assert_int_equal(given_count, 3);
    assert_int_equal(given[1].number, 1);
    assert_int_equal(given[1].index, FIRST_INDEX + 1);
    assert_int_equal(given[2].index, FIRST_INDEX + 3);
}

/* ---- what is not a program ---- */

static void test_what_is_no_packet_is_counted_and_dropped(void **state)
{
    (void)state;
    uint8_t packet[512];
    size_t bytes = write_packet(0, 5, 2, packet);
    for (size_t cut = 0; cut < bytes; cut++) {
        intake_open(intake, 0, OPUS, RED);
        (void)intake_take(intake, 0, slice_of(packet, cut), now_us);
    }
    intake_open(intake, 0, OPUS + 1, RED);
    (void)intake_take(intake, 0, slice_of(packet, bytes), now_us);
    intake_open(intake, 0, OPUS, 0); /* RED was not agreed upon */
    assert_false(intake_take(intake, 0, slice_of(packet, bytes), now_us));
    intake_shut(intake, 0);
    assert_false(intake_take(intake, 0, slice_of(packet, bytes), now_us));
    assert_true(counts_now().bad > 40);
}

static void test_a_packet_of_the_largest_size_goes_through_and_no_larger(void **state)
{
    (void)state;
    static uint8_t packet[RTP_PACKET_MAX];
    parents[0].has_no_red = true;
    (void)write_packet(0, 0, 0, packet);
    assert_true(intake_take(intake, 0,
                            slice_of(packet, RTP_HEADER_BYTES + OPUS_FRAME_BYTES_MAX + 1), now_us));
    assert_int_equal(collect(), 1);
    packet_samples = 2 * SAMPLES; /* two frames fill a datagram */
    (void)write_packet(0, 1, 0, packet);
    assert_true(
        intake_take(intake, 0, slice_of(packet, RTP_HEADER_BYTES + INTAKE_PAYLOAD_MAX), now_us));
    assert_int_equal(counts_now().bad, 0);
    (void)write_packet(0, 2, 0, packet);
    (void)intake_take(intake, 0, slice_of(packet, RTP_HEADER_BYTES + INTAKE_PAYLOAD_MAX + 2),
                      now_us);
    assert_int_equal(counts_now().bad, 1);
}

static void test_reports_say_what_the_network_lost(void **state)
{
    (void)state;
    struct rtcp_block block;
    assert_false(intake_report(intake, 0, &block, now_us));
    for (uint32_t n = 0; n < 100; n++) {
        if (n % 10 != 5)
            assert_true(deliver(0, n));
        tick();
    }
    intake_sender_report(intake, 0, parents[0].ssrc + 1, UINT64_C(8) << 32, now_us); /* another's */
    assert_true(intake_report(intake, 0, &block, now_us));
    assert_int_equal(block.last_sr, 0);
    assert_int_equal(block.ssrc, parents[0].ssrc);
    assert_int_equal(block.lost_packets, 10); /* redundancy repaired them: that is not its matter */
    assert_int_equal(block.highest_ext_seq, parents[0].seq_of_0 + 99);
    intake_sender_report(intake, 0, parents[0].ssrc, UINT64_C(7) << 32, now_us);
    assert_true(intake_report(intake, 0, &block, now_us));
    assert_int_equal(block.last_sr, 7 << 16);
    assert_int_equal(counts_now().missing, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        TEST(test_what_comes_in_order_goes_out_at_once),
        TEST(test_it_begins_with_the_first_packet_not_with_its_redundancy),
        TEST(test_redundancy_repairs_two_at_once_without_asking),
        TEST(test_the_third_is_asked_for_and_waited_for),
        TEST(test_what_never_comes_leaves_a_gap_of_its_size),
        TEST(test_it_does_not_wait_for_an_answer_that_comes_too_late),
        TEST(test_twice_and_in_any_order_is_once_and_in_order),
        TEST(test_what_piled_up_is_given_out_whole),
        TEST(test_numbers_and_times_go_round),
        TEST(test_two_in_a_hundred_lost_is_next_to_nothing_missing),
        TEST(test_the_same_in_economy),
        TEST(test_without_redundancy_what_is_asked_for_is_enough),
        TEST(test_a_duration_may_change),
        TEST(test_a_block_finds_its_place_beside_a_hole_of_the_parent),
        TEST(test_what_is_no_packet_is_counted_and_dropped),
        TEST(test_a_packet_of_the_largest_size_goes_through_and_no_larger),
        TEST(test_reports_say_what_the_network_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
