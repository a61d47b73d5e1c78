#include "stage/packer.h"

#include "rostrum/opus_frame.h"
#include "stage/encoder.h"
#include "stage_tools.h"
#include "transport/media.h"

#include <stdbool.h>
#include <stdlib.h>

enum {
    SINK_MAX = 600,
    SPEECH_FRAMES = 300,
    ROOM = 4,
    TICK_US = 20000,
};

static const uint32_t START_TIMESTAMP = 0xFFFFFFFFu - 5 * FRAME_SAMPLES; /* wraps on the way */

/* ---- what comes in, what goes out ---- */

struct sent {
    enum media_kind kind;
    uint32_t room;
    uint64_t index;
    uint64_t made_us;
    uint32_t timestamp;
    uint32_t samples;
    uint32_t bytes;
    uint8_t payload[MEDIA_PAYLOAD_MAX];
};

struct sink {
    unsigned count;
    struct sent packets[SINK_MAX];
};

struct bench {
    struct packer *packer;
    struct sink *sink;
    struct sink *const *exit; /* what the packer is given */
    uint32_t timestamp;
    uint64_t now_us;
    unsigned pushed;
};

static void keep(const void *ctx, const struct media_frame *packet)
{
    struct sink *sink = *(struct sink *const *)ctx;
    assert_true(sink->count < SINK_MAX);
    struct sent *sent = &sink->packets[sink->count++];
    *sent = (struct sent){.kind = packet->kind,
                          .room = packet->room,
                          .index = packet->index,
                          .made_us = packet->made_us,
                          .timestamp = packet->timestamp,
                          .samples = packet->samples,
                          .bytes = packet->payload_bytes};
    assert_true(packet->payload_bytes <= sizeof(sent->payload));
    memcpy(sent->payload, packet->payload, packet->payload_bytes);
}

static int set_up(void **state)
{
    struct bench *bench = calloc(1, sizeof(*bench));
    assert_non_null(bench);
    bench->sink = calloc(1, sizeof(*bench->sink));
    assert_non_null(bench->sink);
    bench->exit = &bench->sink;
    bench->timestamp = START_TIMESTAMP;
    bench->now_us = 1000000;
    assert_int_equal(packer_create(&bench->packer), 0);
    *state = bench;
    return 0;
}

static int tear_down(void **state)
{
    struct bench *bench = *state;
    packer_destroy(bench->packer);
    packer_destroy(NULL);
    free(bench->sink);
    free(bench);
    return 0;
}

static void push(struct bench *bench, const uint8_t *payload, size_t bytes)
{
    static _Alignas(struct media_frame) uint8_t memory[sizeof(struct media_frame) + 2000];
    struct media_frame *frame = (struct media_frame *)(void *)memory;
    *frame = (struct media_frame){.kind = MEDIA_PROGRAM,
                                  .room = ROOM,
                                  .index = 999, /* the packer's to give */
                                  .made_us = bench->now_us,
                                  .timestamp = bench->timestamp,
                                  .samples = FRAME_SAMPLES,
                                  .payload_bytes = (uint32_t)bytes};
    memcpy(frame->payload, payload, bytes);
    packer_push(bench->packer, frame, keep, bench->exit);
    memset(memory, 0xEE, sizeof(memory)); /* it was lent for the call only */
    bench->timestamp += FRAME_SAMPLES;
    bench->now_us += TICK_US;
    bench->pushed++;
}

/* A frame of CELT (0xF8, as encoder_silence) or hybrid (0x78), `bytes` long, its number inside. */
static void push_made(struct bench *bench, uint8_t toc, size_t bytes)
{
    uint8_t payload[ENCODER_BYTES_MAX];
    memset(payload, (int)(bench->pushed & 0xFF), sizeof(payload));
    payload[0] = toc;
    push(bench, payload, bytes);
}

static void set_frames(struct bench *bench, unsigned frames)
{
    packer_set_frames(bench->packer, frames, keep, bench->exit);
}

/* No matter what was packed how: indexes without holes, each packet begins where the last ended, and
 * its parts are the frames as they came in. */
static void expect_seamless(const struct bench *bench, uint32_t timestamp)
{
    for (unsigned i = 0; i < bench->sink->count; i++) {
        const struct sent *sent = &bench->sink->packets[i];
        assert_int_equal(sent->index, i);
        assert_int_equal(sent->kind, MEDIA_PROGRAM);
        assert_int_equal(sent->room, ROOM);
        assert_int_equal(sent->timestamp, timestamp);
        struct opus_packet packet;
        struct slice payload = slice_of(sent->payload, sent->bytes);
        assert_int_equal(opus_frame_parse(&packet, payload), 0);
        assert_int_equal(packet.samples, sent->samples);
        timestamp += sent->samples;
        /* Its last frame ended with the tick in which it was made. */
        uint64_t ticks = (uint32_t)(timestamp - START_TIMESTAMP) / FRAME_SAMPLES;
        assert_int_equal(sent->made_us, 1000000 + (ticks - 1) * TICK_US);
    }
    assert_int_equal(timestamp, bench->timestamp);
}

static void expect_sizes(const struct bench *bench, const char *frames)
{
    assert_int_equal(bench->sink->count, strlen(frames));
    for (unsigned i = 0; i < bench->sink->count; i++)
        assert_int_equal(bench->sink->packets[i].samples / FRAME_SAMPLES, frames[i] - '0');
    expect_seamless(bench, START_TIMESTAMP);
}

/* ---- the tests ---- */

static void test_a_frame_is_a_packet_at_once_and_unchanged(void **state)
{
    struct bench *bench = *state;
    for (unsigned i = 0; i < 10; i++) {
        push_made(bench, 0x78, 100 + i);
        assert_int_equal(bench->sink->count, i + 1);
        assert_int_equal(bench->sink->packets[i].bytes, 100 + i);
        assert_int_equal(bench->sink->packets[i].payload[50], i);
    }
    expect_sizes(bench, "1111111111");
}

static void test_three_frames_become_one_packet(void **state)
{
    struct bench *bench = *state;
    set_frames(bench, 3);
    for (unsigned i = 0; i < 9; i++) {
        push_made(bench, 0x78, 100 + i);
        assert_int_equal(bench->sink->count, (i + 1) / 3);
    }
    expect_sizes(bench, "333");
    struct opus_packet packet;
    const struct sent *sent = &bench->sink->packets[1];
    assert_int_equal(opus_frame_parse(&packet, slice_of(sent->payload, sent->bytes)), 0);
    /* RFC 6716 section 3.2.5: the head, two lengths, and the frames without theirs. */
    assert_int_equal(sent->bytes, 2 + 1 + 1 + 102 + 103 + 104);
    assert_int_equal(packet.frame_count, 3);
}

static void test_switching_is_seamless_in_every_phase(void **state)
{
    struct bench *bench = *state;
    for (unsigned before = 0; before < 4; before++)
        for (unsigned within = 0; within < 7; within++) {
            for (unsigned i = 0; i < before; i++)
                push_made(bench, 0x78, 120);
            set_frames(bench, 3);
            for (unsigned i = 0; i < within; i++)
                push_made(bench, 0x78, 120);
            set_frames(bench, 1);
            expect_seamless(bench, START_TIMESTAMP); /* nothing is held back */
        }
    assert_int_equal(bench->timestamp - START_TIMESTAMP, bench->pushed * FRAME_SAMPLES);
}

static void test_packets_grow_step_by_step_and_shrink_at_once(void **state)
{
    struct bench *bench = *state;
    push_made(bench, 0x78, 120);
    set_frames(bench, 3);
    for (unsigned i = 0; i < PACKER_STEP_FRAMES + 6; i++)
        push_made(bench, 0x78, 120);
    unsigned steps = PACKER_STEP_FRAMES / 2;
    assert_int_equal(bench->sink->count, 1 + steps + 2);
    for (unsigned i = 1; i < bench->sink->count; i++)
        assert_int_equal(bench->sink->packets[i].samples,
                         (i <= steps ? 2 : 3) * (unsigned)FRAME_SAMPLES);
    push_made(bench, 0x78, 120);
    push_made(bench, 0x78, 120);
    set_frames(bench, 1);
    assert_int_equal(bench->sink->count, 1 + steps + 3);
    push_made(bench, 0x78, 120);
    assert_int_equal(bench->sink->count, 1 + steps + 4);
    expect_seamless(bench, START_TIMESTAMP);
}

static void test_asked_again_while_they_grow_nothing_changes(void **state)
{
    struct bench *bench = *state;
    push_made(bench, 0x78, 120);
    for (unsigned i = 0; i < PACKER_STEP_FRAMES + 3; i++) {
        set_frames(bench, 3);
        push_made(bench, 0x78, 120);
    }
    assert_int_equal(bench->sink->count, 1 + PACKER_STEP_FRAMES / 2 + 1);
    expect_seamless(bench, START_TIMESTAMP);
}

static void test_the_same_size_again_sends_nothing_early(void **state)
{
    struct bench *bench = *state;
    set_frames(bench, 3);
    push_made(bench, 0x78, 120);
    set_frames(bench, 3);
    push_made(bench, 0x78, 120);
    set_frames(bench, 3);
    assert_int_equal(bench->sink->count, 0);
    push_made(bench, 0x78, 120);
    expect_sizes(bench, "3");
}

static void test_another_codec_mode_begins_another_packet(void **state)
{
    struct bench *bench = *state;
    static const uint8_t tocs[] = {0x78, 0x78, 0xF8, 0xF8, 0xF8, 0x78, 0xF8, 0x78, 0x78, 0x78};
    set_frames(bench, 3);
    for (unsigned i = 0; i < sizeof(tocs); i++)
        push_made(bench, tocs[i], 120);
    expect_sizes(bench, "23113");
}

static void test_mono_and_stereo_do_not_mix(void **state)
{
    struct bench *bench = *state;
    set_frames(bench, 3);
    push_made(bench, 0x78, 120);
    push_made(bench, 0x7C, 120);
    push_made(bench, 0x7C, 120);
    push_made(bench, 0x7C, 120);
    expect_sizes(bench, "13");
}

static void test_what_would_grow_too_large_is_split(void **state)
{
    struct bench *bench = *state;
    /* Three of one size need no lengths: 2 + 3 * 391 = 1175 bytes, three too many. */
    set_frames(bench, 3);
    for (unsigned i = 0; i < 6; i++)
        push_made(bench, 0x78, 392);
    assert_int_equal(bench->sink->count, 2);
    assert_int_equal(bench->sink->packets[0].samples, 2 * FRAME_SAMPLES);
    packer_flush(bench->packer, keep, bench->exit);
    expect_sizes(bench, "222");
}

static void test_what_just_fits_is_not_split(void **state)
{
    struct bench *bench = *state;
    set_frames(bench, 3);
    push_made(bench, 0x78, 390);
    push_made(bench, 0x78, 390);
    push_made(bench, 0x78, 389);
    expect_sizes(bench, "3");
    assert_int_equal(bench->sink->packets[0].bytes, PACKER_PAYLOAD_MAX);
}

static void test_the_largest_frames_go_alone(void **state)
{
    struct bench *bench = *state;
    set_frames(bench, 3);
    for (unsigned i = 0; i < 3; i++)
        push_made(bench, 0x78, ENCODER_BYTES_MAX);
    push_made(bench, 0x78, 100);
    push_made(bench, 0x78, 100);
    push_made(bench, 0x78, 100);
    expect_sizes(bench, "1113");
    assert_int_equal(bench->sink->packets[2].bytes, ENCODER_BYTES_MAX);
}

static void test_skipped_time_is_not_joined_over(void **state)
{
    struct bench *bench = *state;
    set_frames(bench, 3);
    push_made(bench, 0x78, 120);
    push_made(bench, 0x78, 120);
    bench->timestamp += 5 * FRAME_SAMPLES;
    push_made(bench, 0x78, 120);
    assert_int_equal(bench->sink->count, 1);
    assert_int_equal(bench->sink->packets[0].samples, 2 * FRAME_SAMPLES);
    push_made(bench, 0x78, 120);
    push_made(bench, 0x78, 120);
    assert_int_equal(bench->sink->count, 2);
    assert_int_equal(bench->sink->packets[1].timestamp, START_TIMESTAMP + 7 * FRAME_SAMPLES);
    assert_int_equal(bench->sink->packets[1].samples, 3 * FRAME_SAMPLES);
    assert_int_equal(bench->sink->packets[1].index, 1);
}

/* ---- real sound ---- */

/* What a decoder makes of the packets, one after the other. */
static size_t decode_all(const struct sink *sink, int16_t *out, size_t max)
{
    int error = OPUS_OK;
    OpusDecoder *decoder = opus_decoder_create(48000, 1, &error);
    assert_int_equal(error, OPUS_OK);
    size_t at = 0;
    for (unsigned i = 0; i < sink->count; i++) {
        const struct sent *sent = &sink->packets[i];
        int samples = opus_decode(decoder, sent->payload, (opus_int32)sent->bytes, out + at,
                                  (int)(max - at), 0);
        assert_int_equal(samples, sent->samples);
        at += (size_t)samples;
    }
    opus_decoder_destroy(decoder);
    return at;
}

/* Speech with pauses (where the codec changes its mode), packed as `plan` says: after every 7 frames
 * its next digit. */
static void pack_speech(struct bench *bench, const int16_t *pcm, const char *plan)
{
    struct encoder *encoder = NULL;
    assert_int_equal(encoder_create(&encoder, ENCODER_PROGRAM, 1, 48000), 0);
    for (unsigned i = 0; i < SPEECH_FRAMES; i++) {
        uint8_t payload[ENCODER_BYTES_MAX];
        if (i % 7 == 0)
            set_frames(bench, (unsigned)(plan[i / 7 % strlen(plan)] - '0'));
        push(bench, payload, encoder_encode(encoder, pcm + (size_t)i * FRAME_SAMPLES, payload));
    }
    packer_flush(bench->packer, keep, bench->exit);
    encoder_destroy(encoder);
    expect_seamless(bench, START_TIMESTAMP);
}

static void test_joined_packets_sound_bit_by_bit_the_same(void **state)
{
    struct bench *single = *state;
    static int16_t pcm[SPEECH_FRAMES * FRAME_SAMPLES];
    static int16_t heard[2][SPEECH_FRAMES * FRAME_SAMPLES + FRAME_SAMPLES];
    make_speech(pcm, SPEECH_FRAMES * FRAME_SAMPLES);
    memset(pcm + 100 * FRAME_SAMPLES, 0, sizeof(int16_t) * 60 * FRAME_SAMPLES);
    pack_speech(single, pcm, "1");
    assert_int_equal(single->sink->count, SPEECH_FRAMES);
    size_t samples = decode_all(single->sink, heard[0], SPEECH_FRAMES * FRAME_SAMPLES);
    assert_int_equal(samples, SPEECH_FRAMES * FRAME_SAMPLES);
    static const char *const plans[] = {"3", "2", "13", "31", "312"};
    for (unsigned i = 0; i < sizeof(plans) / sizeof(plans[0]); i++) {
        void *other;
        assert_int_equal(set_up(&other), 0);
        struct bench *bench = other;
        pack_speech(bench, pcm, plans[i]);
        assert_true(bench->sink->count < SPEECH_FRAMES * 9 / 10);
        assert_int_equal(decode_all(bench->sink, heard[1], SPEECH_FRAMES * FRAME_SAMPLES), samples);
        assert_memory_equal(heard[0], heard[1], samples * sizeof(int16_t));
        assert_int_equal(tear_down(&other), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_frame_is_a_packet_at_once_and_unchanged, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_three_frames_become_one_packet, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_switching_is_seamless_in_every_phase, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_packets_grow_step_by_step_and_shrink_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_asked_again_while_they_grow_nothing_changes, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_the_same_size_again_sends_nothing_early, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_another_codec_mode_begins_another_packet, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_mono_and_stereo_do_not_mix, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_would_grow_too_large_is_split, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_just_fits_is_not_split, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_largest_frames_go_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_skipped_time_is_not_joined_over, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_joined_packets_sound_bit_by_bit_the_same, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
