/* intake_house.h - for tests: a program, parents that send it, and a network in virtual time. Include after cmocka.h.
 *
 * Owner    one test
 * Thread   the test's
 * Units    microseconds
 * Errors   assertions
 * Spec     none
 */
#ifndef TEST_INTAKE_HOUSE_H
#define TEST_INTAKE_HOUSE_H

#include "rostrum/opus_frame.h"
#include "rostrum/rtp.h"
#include "tree/intake.h"

#include <stdlib.h>

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

static inline uint32_t dice(uint32_t sides)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % sides;
}

static inline int setup(void **state)
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

static inline int teardown(void **state)
{
    (void)state;
    intake_destroy(intake);
    return 0;
}

static inline uint32_t timestamp_of(uint32_t number)
{
    return timestamp_of_0 + number * packet_samples;
}

/* RFC 6716 section 3.1: one, two or three frames of 20 ms (CELT, config 31), and the number. */
static inline struct slice payload_of(uint32_t number, uint8_t out[PAYLOAD_BYTES])
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

static inline size_t write_packet(unsigned source, uint32_t number, unsigned back, uint8_t out[512])
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
static inline bool deliver(unsigned source, uint32_t number)
{
    uint8_t packet[512];
    size_t bytes = write_packet(source, number, number < 2 ? number : 2, packet);
    return intake_take(intake, source, slice_of(packet, bytes), now_us);
}

/* Takes all frames that are due now, and holds what is always true of them. */
static inline size_t collect(void)
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
static inline void run_until(uint64_t until_us)
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

static inline void tick(void)
{
    run_until(now_us + TICK_US * (packet_samples / SAMPLES));
}

/* Every packet from the first given one on, once, in order, index and time in step. */
static inline void expect_unbroken(uint32_t first, uint32_t end)
{
    assert_int_equal(given_count, end - first);
    for (size_t i = 0; i < given_count; i++) {
        assert_int_equal(given[i].number, first + i);
        assert_int_equal(given[i].index, FIRST_INDEX + i);
        assert_int_equal(given[i].timestamp, timestamp_of(first + (uint32_t)i));
        assert_int_equal(given[i].samples, packet_samples);
    }
}

static inline struct intake_counts counts_now(void)
{
    struct intake_counts counts;
    intake_counts(intake, &counts);
    return counts;
}

static inline size_t asked(unsigned source, uint16_t seqs[RTCP_NACK_MAX])
{
    uint32_t ssrc = 0;
    size_t count = intake_missing(intake, source, seqs, RTCP_NACK_MAX, now_us, 0, &ssrc);
    if (count > 0)
        assert_int_equal(ssrc, parents[source].ssrc);
    return count;
}

#endif
