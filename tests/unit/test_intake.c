#include "tree/intake.h"

#include "rostrum/opus_frame.h"
#include "rostrum/rtp.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* A program, parents that send it, and a network in virtual time. */

enum {
    OPUS = 111,
    RED = 63,
    SAMPLES = 960,
    TICK_US = 20000,
    PAYLOAD_BYTES = 40,
    GIVEN_MAX = 100000,
    FIRST_INDEX = 7,
};

/* What parent `source` numbers packet n of the program with. */
struct parent {
    uint32_t ssrc;
    uint16_t seq_of_0;
    bool has_no_red;
};

struct given {
    uint64_t index;
    uint32_t timestamp, samples;
    uint64_t at_us;
    uint32_t number; /* of the program's packet, as its payload says */
};

static struct intake *intake;
static struct given given[GIVEN_MAX];
static size_t given_count;
static uint64_t now_us;
static uint32_t timestamp_of_0;
static uint32_t packet_samples; /* 960, 1920, 2880 */
static uint64_t seed;
static struct parent parents[INTAKE_SOURCES];

static uint32_t dice(uint32_t sides)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % sides;
}

static int setup(void **state)
{
    (void)state;
    given_count = 0;
    now_us = 5 * 1000 * 1000;
    timestamp_of_0 = 123456;
    packet_samples = SAMPLES;
    seed = 1;
    parents[0] = (struct parent){.ssrc = 10, .seq_of_0 = 500};
    parents[1] = (struct parent){.ssrc = 20, .seq_of_0 = 31000};
    assert_int_equal(intake_create(&intake, FIRST_INDEX), 0);
    intake_open(intake, 0, OPUS, RED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    intake_destroy(intake);
    return 0;
}

static uint32_t timestamp_of(uint32_t number)
{
    return timestamp_of_0 + number * packet_samples;
}

/* RFC 6716 section 3.1: one, two or three frames of 20 ms (CELT, config 31), and the number. */
static struct slice payload_of(uint32_t number, uint8_t out[PAYLOAD_BYTES])
{
    memset(out, 0xEE, PAYLOAD_BYTES);
    uint8_t frames = (uint8_t)(packet_samples / SAMPLES);
    struct writer w = writer_of(out, PAYLOAD_BYTES);
    writer_u8(&w, 31 << 3 | (frames == 1 ? 0 : 3));
    if (frames > 1)
        writer_u8(&w, frames);
    writer_u32(&w, number);
    size_t bytes = (frames > 1 ? 2u : 1u) + 12 * (size_t)frames; /* frames of one size each */
    return slice_of(out, bytes);
}

static size_t write_packet(unsigned source, uint32_t number, unsigned back, uint8_t out[512])
{
    const struct parent *parent = &parents[source];
    uint8_t payloads[RED_BLOCKS_MAX][PAYLOAD_BYTES];
    struct red_block blocks[RED_BLOCKS_MAX];
    struct writer w = writer_of(out, 512);
    struct rtp_packet rtp = {.payload_type = parent->has_no_red ? OPUS : RED,
                             .seq = (uint16_t)(parent->seq_of_0 + number),
                             .timestamp = timestamp_of(number),
                             .ssrc = parent->ssrc};
    assert_int_equal(rtp_write_header(&rtp, &w), 0);
    if (parent->has_no_red) {
        writer_bytes(&w, payload_of(number, payloads[0]));
        return w.at;
    }
    for (unsigned i = 0; i <= back; i++)
        blocks[i] = (struct red_block){.payload_type = OPUS,
                                       .timestamp = timestamp_of(number - back + i),
                                       .payload = payload_of(number - back + i, payloads[i])};
    assert_int_equal(red_write(blocks, back + 1, &w), 0);
    return w.at;
}

/* Packet `number` of the program by way of that parent. */
static bool deliver(unsigned source, uint32_t number)
{
    uint8_t packet[512];
    size_t bytes = write_packet(source, number, number < 2 ? number : 2, packet);
    return intake_take(intake, source, slice_of(packet, bytes), now_us);
}

/* Takes all frames that are due now, and holds what is always true of them. */
static size_t collect(void)
{
    struct intake_frame frame;
    size_t before = given_count;
    while (intake_next(intake, now_us, &frame)) {
        struct cursor c = cursor_of(frame.payload);
        struct given *last = given_count > 0 ? &given[given_count - 1] : NULL;
        uint8_t toc = cursor_u8(&c);
        if ((toc & 3) == 3)
            cursor_skip(&c, 1);
        assert_true(given_count < GIVEN_MAX);
        given[given_count++] = (struct given){.index = frame.index,
                                              .timestamp = frame.timestamp,
                                              .samples = frame.samples,
                                              .at_us = now_us,
                                              .number = cursor_u32(&c)};
        assert_int_equal(frame.samples, opus_frame_samples(frame.payload));
        if (last)
            assert_true(frame.index > last->index);
    }
    return given_count - before;
}

/* Lets time pass until then, doing what is due. */
static void run_until(uint64_t until_us)
{
    for (;;) {
        (void)collect();
        uint64_t due_us = intake_due_us(intake, now_us);
        if (due_us > until_us)
            break;
        uint16_t seqs[RTCP_NACK_MAX];
        uint32_t ssrc;
        for (unsigned i = 0; i < INTAKE_SOURCES; i++)
            (void)intake_missing(intake, i, seqs, RTCP_NACK_MAX, due_us, 0, &ssrc);
        now_us = due_us > now_us ? due_us : now_us;
    }
    now_us = until_us;
}

static void tick(void)
{
    run_until(now_us + TICK_US * (packet_samples / SAMPLES));
}

/* Every packet from the first given one on, once, in order, index and time in step. */
static void expect_unbroken(uint32_t first, uint32_t end)
{
    assert_int_equal(given_count, end - first);
    for (size_t i = 0; i < given_count; i++) {
        assert_int_equal(given[i].number, first + i);
        assert_int_equal(given[i].index, FIRST_INDEX + i);
        assert_int_equal(given[i].timestamp, timestamp_of(first + (uint32_t)i));
        assert_int_equal(given[i].samples, packet_samples);
    }
}

static struct intake_counts counts_now(void)
{
    struct intake_counts counts;
    intake_counts(intake, &counts);
    return counts;
}

static size_t asked(unsigned source, uint16_t seqs[RTCP_NACK_MAX])
{
    uint32_t ssrc = 0;
    size_t count = intake_missing(intake, source, seqs, RTCP_NACK_MAX, now_us, 0, &ssrc);
    if (count > 0)
        assert_int_equal(ssrc, parents[source].ssrc);
    return count;
}

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

/* ---- another parent ---- */

static void test_another_parent_goes_on_where_the_former_stopped(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 100; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = 95; n < 200; n++) { /* it is behind, then alone */
        assert_true(deliver(1, n));
        tick();
    }
    intake_shut(intake, 0);
    expect_unbroken(0, 200);
    assert_int_equal(counts_now().restarts, 0);
}

static void test_a_parent_that_is_ahead_waits_for_the_one_behind(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 100; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = 100; n < 120; n++) {
        assert_true(deliver(1, n + 3)); /* n + 1 and on: packet 100 comes from the former only */
        (void)collect();
        assert_true(deliver(0, n));
        tick();
    }
    run_until(now_us + 1000 * 1000);
    expect_unbroken(0, 123);
}

static void test_a_change_in_the_middle_of_a_loss_leaves_its_hole(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 100; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    /* 100 to 109 are lost with the parent; half a second, then another one */
    now_us += 10 * TICK_US;
    intake_shut(intake, 0);
    intake_open(intake, 1, OPUS, RED);
    assert_true(deliver(1, 112));   /* brings 110 and 111 */
    assert_int_equal(collect(), 2); /* at once: nobody can send what is missing */
    assert_int_equal(given[100].number, 110);
    assert_int_equal(given[100].index, FIRST_INDEX + 110);
    tick();
    for (uint32_t n = 113; n < 200; n++) {
        assert_true(deliver(1, n));
        tick();
    }
    assert_int_equal(given_count, 190);
    assert_int_equal(given[189].index, FIRST_INDEX + 199);
    assert_int_equal(counts_now().missing, 10);
}

static void test_a_former_parent_that_is_still_there_fills_the_hole(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    for (uint32_t n = 0; n < 50; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    assert_true(deliver(0, 54)); /* 50 and 51 are missing */
    assert_int_equal(collect(), 0);
    assert_int_equal(asked(0, seqs), 2);
    intake_open(intake, 1, OPUS, RED);
    now_us += TICK_US;
    assert_true(deliver(1, 54)); /* is there already */
    assert_int_equal(counts_now().duplicates, 1);
    assert_true(deliver(1, 55));
    assert_int_equal(collect(), 0);
    assert_true(deliver(0, 50));
    assert_true(deliver(0, 51));
    run_until(now_us + 5 * TICK_US);
    expect_unbroken(0, 56);
}

/* Each has losses; nobody is asked for what the other one brought, before or after. */
static void test_what_another_parent_brought_is_not_asked_for(void **state)
{
    (void)state;
    uint16_t seqs[RTCP_NACK_MAX];
    parents[0].has_no_red = parents[1].has_no_red = true;
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = 0; n < 10; n++) {
        assert_true(deliver(0, n));
        assert_true(deliver(1, n));
        tick();
    }
    assert_true(deliver(0, 10));
    assert_true(deliver(0, 11));
    assert_true(deliver(1, 11)); /* not 10, which is there */
    assert_int_equal(asked(1, seqs), 0);
    tick();
    assert_true(deliver(0, 14));
    assert_true(deliver(1, 12));
    assert_true(deliver(1, 13)); /* now the other's hole is filled */
    assert_int_equal(asked(0, seqs), 0);
    assert_int_equal(collect(), 2);
    run_until(now_us + 2 * TICK_US);
    expect_unbroken(0, 15);
    assert_int_equal(intake_due_us(intake, now_us), UINT64_MAX);
}

/* Two that disagree about how many packets lie in a hole that both have. */
static void test_parents_that_count_differently_give_nothing_twice(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 10; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = 12; n < 40; n++) {
        bool is_first = n == 25; /* each once */
        if (n == 20 || n == 25)
            parents[1].seq_of_0 += 2; /* it has two packets more than the program */
        assert_true(deliver(is_first ? 1 : 0, n));
        assert_true(deliver(is_first ? 0 : 1, n));
        (void)collect();
        tick();
    }
    for (size_t i = 1; i < given_count; i++)
        assert_true(given[i].number > given[i - 1].number);
    assert_int_equal(given[given_count - 1].number, 39);
}

/* As when the parent gave us another seat without a word. */
static void test_a_parents_numbers_may_begin_anew(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 40; n++) {
        if (n == 20)
            parents[0] = (struct parent){.ssrc = 11, .seq_of_0 = 12345};
        if (n == 30)
            parents[0].seq_of_0 += 20000;
        assert_true(deliver(0, n));
        tick();
    }
    expect_unbroken(0, 40);
    assert_int_equal(counts_now().restarts, 0);
}

static void test_two_parents_with_losses_of_their_own(void **state)
{
    (void)state;
    enum { PACKETS = 20000, LAG = 2 };
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = LAG; n < PACKETS; n++) {
        if (n == LAG || dice(10) > 0)
            (void)deliver(0, n);
        (void)collect();
        if (dice(10) > 0)
            (void)deliver(1, n - LAG);
        tick();
    }
    run_until(now_us + 1000 * 1000);
    for (size_t i = 1; i < given_count; i++)
        assert_int_equal(given[i].index - given[0].index, given[i].number - given[0].number);
    assert_in_range(counts_now().missing, 0, PACKETS / 10000);
    assert_int_equal(counts_now().restarts, 0);
}

static void test_a_pause_of_a_minute_is_a_hole_of_a_minute(void **state)
{
    (void)state;
    assert_true(deliver(0, 0));
    tick();
    now_us += 3000 * TICK_US;
    intake_shut(intake, 0);
    intake_open(intake, 1, OPUS, RED);
    assert_true(deliver(1, 3000));
    (void)collect();
    assert_int_equal(given_count, 2);
    assert_int_equal(given[1].index, FIRST_INDEX + 3000);
    assert_int_equal(counts_now().restarts, 0);
}

static void test_another_program_follows_without_a_gap(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 20; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    uint32_t former_end = timestamp_of(20);
    intake_shut(intake, 0);
    intake_open(intake, 1, OPUS, RED);
    timestamp_of_0 = former_end - 0x40000000u; /* the origin was started again */
    for (uint32_t n = 5; n < 25; n++) {
        if (n != 15)
            assert_true(deliver(1, n));
        tick();
    }
    assert_int_equal(given_count, 40);
    for (size_t i = 0; i < 40; i++)
        assert_int_equal(given[i].index, FIRST_INDEX + i);
    assert_int_equal(given[20].timestamp, timestamp_of(5));
    assert_int_equal(counts_now().restarts, 1);
}

/* A parent that is a relay itself keeps its numbers when its own source begins anew. */
static void test_times_may_begin_anew_under_the_same_numbers(void **state)
{
    (void)state;
    for (uint32_t n = 0; n < 20; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    timestamp_of_0 -= 0x20000000u;
    parents[0].has_no_red = true;
    for (uint32_t n = 20; n < 40; n++) {
        assert_true(deliver(0, n));
        tick();
    }
    assert_int_equal(given_count, 40);
    assert_int_equal(given[39].index, FIRST_INDEX + 39);
    assert_int_equal(given[20].timestamp, timestamp_of(20));
}

static void test_only_the_newer_parent_may_begin_anew(void **state)
{
    (void)state;
    uint32_t true_0 = timestamp_of_0;
    intake_open(intake, 1, OPUS, RED);
    for (uint32_t n = 0; n < 50; n++) {
        assert_true(deliver(1, n));
        timestamp_of_0 = true_0 + 0x30000000u;
        (void)deliver(0, n);
        timestamp_of_0 = true_0;
        tick();
    }
    expect_unbroken(0, 50);
    assert_int_equal(counts_now().restarts, 0);
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
#define INTAKE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        INTAKE_TEST(test_what_comes_in_order_goes_out_at_once),
        INTAKE_TEST(test_it_begins_with_the_first_packet_not_with_its_redundancy),
        INTAKE_TEST(test_redundancy_repairs_two_at_once_without_asking),
        INTAKE_TEST(test_the_third_is_asked_for_and_waited_for),
        INTAKE_TEST(test_what_never_comes_leaves_a_gap_of_its_size),
        INTAKE_TEST(test_it_does_not_wait_for_an_answer_that_comes_too_late),
        INTAKE_TEST(test_twice_and_in_any_order_is_once_and_in_order),
        INTAKE_TEST(test_what_piled_up_is_given_out_whole),
        INTAKE_TEST(test_numbers_and_times_go_round),
        INTAKE_TEST(test_two_in_a_hundred_lost_is_next_to_nothing_missing),
        INTAKE_TEST(test_the_same_in_economy),
        INTAKE_TEST(test_without_redundancy_what_is_asked_for_is_enough),
        INTAKE_TEST(test_a_duration_may_change),
        INTAKE_TEST(test_a_block_finds_its_place_beside_a_hole_of_the_parent),
        INTAKE_TEST(test_another_parent_goes_on_where_the_former_stopped),
        INTAKE_TEST(test_a_parent_that_is_ahead_waits_for_the_one_behind),
        INTAKE_TEST(test_a_change_in_the_middle_of_a_loss_leaves_its_hole),
        INTAKE_TEST(test_a_former_parent_that_is_still_there_fills_the_hole),
        INTAKE_TEST(test_what_another_parent_brought_is_not_asked_for),
        INTAKE_TEST(test_parents_that_count_differently_give_nothing_twice),
        INTAKE_TEST(test_a_parents_numbers_may_begin_anew),
        INTAKE_TEST(test_two_parents_with_losses_of_their_own),
        INTAKE_TEST(test_a_pause_of_a_minute_is_a_hole_of_a_minute),
        INTAKE_TEST(test_another_program_follows_without_a_gap),
        INTAKE_TEST(test_times_may_begin_anew_under_the_same_numbers),
        INTAKE_TEST(test_only_the_newer_parent_may_begin_anew),
        INTAKE_TEST(test_what_is_no_packet_is_counted_and_dropped),
        INTAKE_TEST(test_a_packet_of_the_largest_size_goes_through_and_no_larger),
        INTAKE_TEST(test_reports_say_what_the_network_lost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
