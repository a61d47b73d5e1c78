#include "stage/stage_room.h"

#include "stage/packer.h"
#include "stage_scene.h"

/* ---- the timeline ---- */

static void assert_program_has_no_hole(uint64_t start)
{
    uint64_t position = start;
    uint64_t index = 0;
    uint32_t end_timestamp = 0;
    for (size_t i = 0; i < doubles.packet_count; i++) {
        if (doubles.packets[i].track != RECORDER_PROGRAM)
            continue;
        assert_int_equal(doubles.packets[i].position, position);
        assert_int_equal(doubles.packets[i].recording, RECORDING);
        position += FRAME_SAMPLES;
    }
    for (size_t i = 0; i < doubles.frame_count; i++) {
        const struct kept_frame *frame = &doubles.frames[i];
        if (frame->kind != MEDIA_PROGRAM)
            continue;
        assert_int_equal(frame->index, index);
        if (index > 0)
            assert_int_equal(frame->timestamp, end_timestamp);
        end_timestamp = frame->timestamp + frame->samples;
        index++;
    }
}

static void test_live_starts_at_index_zero_and_ends_with_a_mark(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 1, false);
    run(&scene, 20);
    assert_int_equal(doubles.packet_count, 0);
    go_live(&scene);
    run(&scene, 100);
    assert_int_equal(doubles_count(MEDIA_PROGRAM), 100);
    assert_program_has_no_hole(START_SAMPLES);
    assert_int_equal(doubles.ended_recording, 0);
    order(&scene, (struct stage_order){.kind = ORDER_END});
    run(&scene, 20);
    assert_int_equal(doubles_count(MEDIA_PROGRAM), 100);
    assert_int_equal(doubles.ended_recording, RECORDING);
    assert_int_equal(doubles.end_samples, START_SAMPLES + 100 * FRAME_SAMPLES);
    assert_int_equal(doubles.flushes, 140);
    scene_close(&scene);
}

static void test_stems_are_the_original_packets_in_their_place(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 1, false);
    static uint8_t sent[200][KEPT_BYTES];
    static uint32_t sent_bytes[200];
    go_live(&scene);
    for (unsigned i = 0; i < 200; i++) {
        struct host_packet *packet = next_packet(&scene.speakers[0]);
        sent_bytes[i] = packet->rtp_bytes - RTP_HEADER_BYTES;
        memcpy(sent[i], packet->rtp + RTP_HEADER_BYTES, sent_bytes[i]);
        if (i % 20 == 19)
            free(packet); /* lost */
        else
            doubles_deliver(packet);
        (void)stage_thread_step(scene.thread, scene.now_us);
        scene.now_us += STAGE_TICK_US;
    }
    uint64_t end = 0;
    unsigned kept = 0;
    for (size_t i = 0; i < doubles.packet_count; i++) {
        const struct kept_packet *packet = &doubles.packets[i];
        if (packet->track != 1)
            continue;
        assert_true(packet->position >= end);
        end = packet->position + packet->samples;
        /* One packet is kept in hand, so tick n holds packet n - 1, but for the first two. */
        uint64_t number = (packet->position - START_SAMPLES) / FRAME_SAMPLES;
        kept++;
        if (number < 3)
            continue;
        assert_int_equal(packet->bytes, sent_bytes[number - 1]);
        assert_memory_equal(packet->data, sent[number - 1], packet->bytes);
    }
    assert_in_range(kept, 187, 190);
    assert_program_has_no_hole(START_SAMPLES);
    scene_close(&scene);
}

static void test_an_empty_stage_sends_cheap_silence(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 0, false);
    go_live(&scene);
    run(&scene, 50);
    assert_int_equal(doubles_count(MEDIA_PROGRAM), 50);
    assert_program_has_no_hole(START_SAMPLES);
    assert_int_equal(doubles.frames[49].payload_bytes, 3);
    assert_int_equal(doubles.packets[49].bytes, 3);
    scene_close(&scene);
}

static void test_a_short_delay_is_caught_up(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 1, false);
    go_live(&scene);
    run(&scene, 20);
    scene.now_us += 5 * STAGE_TICK_US;
    for (unsigned i = 0; i < 5; i++)
        speak(&scene);
    uint64_t due_us = 0;
    unsigned steps = 0;
    while (due_us <= scene.now_us) {
        due_us = stage_thread_step(scene.thread, scene.now_us);
        steps++;
    }
    take_events(&scene);
    assert_int_equal(steps, 6);
    assert_int_equal(scene.lates, 1); /* one a second is enough */
    assert_in_range(scene.last_late.late_us, 100000, 120000);
    assert_int_equal(doubles_count(MEDIA_PROGRAM), 26);
    assert_program_has_no_hole(START_SAMPLES);
    scene_close(&scene);
}

/* What the governor looks at: the first signs, before anybody hears them. */
static void test_a_tick_that_begins_more_than_half_of_one_late_is_tardy(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 0, false);
    static const struct {
        uint64_t late_us, tardy, late;
    } cases[] = {{0, 0, 0},
                 {STAGE_TARDY_US, 0, 0},
                 {STAGE_TARDY_US + 1, 1, 0},
                 {STAGE_TICK_US, 2, 0},
                 {STAGE_TICK_US + 1, 3, 1},
                 {0, 3, 1}};
    uint64_t due_us = stage_thread_step(scene.thread, scene.now_us);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        due_us = stage_thread_step(scene.thread, due_us + cases[i].late_us);
        assert_int_equal(scene.thread->counted.ticks, i + 2);
        assert_int_equal(scene.thread->counted.tardy_ticks, cases[i].tardy);
        assert_int_equal(scene.thread->counted.late_ticks, cases[i].late);
    }
    assert_int_equal(scene.thread->totals[2], scene.thread->counted.tardy_ticks);
    scene_close(&scene);
}

static void test_a_long_delay_moves_the_timeline_on(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 1, false);
    go_live(&scene);
    run(&scene, 20);
    enum { MISSED = 60 };
    uint64_t decoded = scene.thread->voices.decoded;
    scene.now_us += MISSED * STAGE_TICK_US;
    for (unsigned i = 0; i < 30; i++)
        speak(&scene);
    uint64_t due_us = stage_thread_step(scene.thread, scene.now_us);
    assert_int_equal(due_us, scene.now_us + STAGE_TICK_US);
    scene.now_us = due_us;
    run(&scene, 30);
    assert_int_equal(scene.lates, 1);
    const struct kept_frame *before = NULL;
    const struct kept_frame *after = NULL;
    for (size_t i = 0; i < doubles.frame_count; i++) {
        const struct kept_frame *frame = &doubles.frames[i];
        if (frame->kind == MEDIA_PROGRAM && frame->index == 19)
            before = frame;
        if (frame->kind == MEDIA_PROGRAM && frame->index == 20)
            after = frame;
    }
    assert_non_null(before);
    assert_non_null(after);
    assert_int_equal((uint32_t)(after->timestamp - before->timestamp),
                     (MISSED + 1) * FRAME_SAMPLES);
    uint64_t last = 0;
    for (size_t i = 0; i < doubles.packet_count; i++)
        if (doubles.packets[i].track == RECORDER_PROGRAM)
            last = doubles.packets[i].position;
    assert_int_equal(last, START_SAMPLES + (20 + MISSED + 30) * FRAME_SAMPLES);
    /* What piled up meanwhile is gone, and the host is heard again without its delay. */
    assert_in_range(scene.thread->voices.decoded - decoded, 25, 30);
    int16_t pcm[FRAME_SAMPLES];
    hear(MEDIA_PROGRAM, 0, 1, pcm);
    assert_tones(pcm, 1, (bool[]){true, false, false});
    scene_close(&scene);
}

/* ---- economy ---- */

static void set_economy(struct scene *scene, bool is_economy)
{
    order(scene, (struct stage_order){.kind = ORDER_SET_ECONOMY, .number = is_economy});
}

static unsigned longest_samples(enum media_kind kind)
{
    unsigned longest = 0;
    for (size_t i = 0; i < doubles.frame_count; i++)
        if (doubles.frames[i].kind == kind && doubles.frames[i].samples > longest)
            longest = doubles.frames[i].samples;
    return longest;
}

static void test_economy_packs_the_program_and_nothing_else(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 2, false);
    scene.speakers[1].amplitude =
        0; /* this host is given what everybody gets: in 20 ms all the same */
    go_live(&scene);
    run(&scene, 50);
    set_economy(&scene, true);
    run(&scene, PACKER_STEP_FRAMES + 62); /* two frames wait in the end */
    assert_in_range(doubles_count(MEDIA_PROGRAM), 50 + PACKER_STEP_FRAMES / 2 + 20,
                    50 + PACKER_STEP_FRAMES / 2 + 24);
    set_economy(&scene, false);
    run(&scene, 50);
    set_economy(&scene, true);
    run(&scene, 50);
    assert_int_equal(longest_samples(MEDIA_PROGRAM), 3 * FRAME_SAMPLES);
    assert_int_equal(longest_samples(MEDIA_HOST), FRAME_SAMPLES);
    const unsigned ticks = 50 + PACKER_STEP_FRAMES + 62 + 50 + 50;
    assert_int_equal(doubles_count(MEDIA_HOST), 2 * ticks);
    assert_int_equal(count_track(RECORDER_PROGRAM), ticks);
    order(&scene, (struct stage_order){.kind = ORDER_END});
    run(&scene, 1);
    assert_program_has_no_hole(START_SAMPLES);
    uint64_t samples = 0;
    for (size_t i = 0; i < doubles.frame_count; i++)
        samples += doubles.frames[i].kind == MEDIA_PROGRAM ? doubles.frames[i].samples : 0;
    assert_int_equal(samples, (uint64_t)ticks * FRAME_SAMPLES); /* the end sends what waited */
    scene_close(&scene);
}

/* Mean rate of the program's packets from this one of the frames kept. */
static double program_bps_since(size_t from)
{
    uint64_t bytes = 0, samples = 0;
    for (size_t i = from; i < doubles.frame_count; i++) {
        const struct kept_frame *frame = &doubles.frames[i];
        if (frame->kind != MEDIA_PROGRAM)
            continue;
        bytes += frame->payload_bytes;
        samples += frame->samples;
    }
    assert_true(samples > 0);
    return (double)bytes * 8 * 48000 / (double)samples;
}

static double run_for_bps(struct scene *scene, unsigned ticks)
{
    size_t from = doubles.frame_count;
    run(scene, ticks);
    return program_bps_since(from);
}

static void set_loss(struct scene *scene, unsigned loss_permille)
{
    order(scene, (struct stage_order){.kind = ORDER_SET_LOSS, .number = loss_permille});
}

/* A program in seven stretches, the odd ones in economy if `saves`; the loss that listeners report
 * changes within and between them. */
enum { STRETCHES = 7, STRETCH_TICKS = 100 };

struct evening {
    double program_bps[STRETCHES];
    uint64_t recording_hash, feeds_hash;
};

static uint64_t hash_bytes(uint64_t hash, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hash = (hash ^ bytes[i]) * 0x100000001B3; /* FNV-1a */
    return hash;
}

static struct evening play_evening(const struct stage_room_params *params, bool saves)
{
    static const unsigned LOSSES_PERMILLE[STRETCHES] = {0, 100, 20, 150, 150, 0, 60};
    struct evening evening = {.recording_hash = 1, .feeds_hash = 1};
    struct scene scene;
    scene_open_with(&scene, 2, params);
    go_live(&scene);
    for (unsigned i = 0; i < STRETCHES; i++) {
        size_t from = doubles.frame_count;
        set_economy(&scene, saves && i % 2 == 1);
        run(&scene, STRETCH_TICKS / 2);
        set_loss(&scene, LOSSES_PERMILLE[i]);
        run(&scene, STRETCH_TICKS / 2);
        evening.program_bps[i] = program_bps_since(from);
    }
    for (size_t i = 0; i < doubles.frame_count; i++)
        if (doubles.frames[i].kind == MEDIA_HOST)
            evening.feeds_hash = hash_bytes(evening.feeds_hash, doubles.frames[i].payload,
                                            doubles.frames[i].payload_bytes);
    for (size_t i = 0; i < doubles.packet_count; i++)
        evening.recording_hash =
            hash_bytes(evening.recording_hash, doubles.packets[i].data, doubles.packets[i].bytes);
    scene_close(&scene);
    return evening;
}

static struct stage_room_params params_with(uint32_t program_bps, uint32_t economy_bps, bool stereo)
{
    return (struct stage_room_params){.room = ROOM,
                                      .stereo = stereo,
                                      .program_bps = program_bps,
                                      .economy_bps = economy_bps,
                                      .recording_bps = 64000};
}

static void test_economy_lowers_the_rate_of_the_program_and_of_nothing_else(void **state)
{
    (void)state;
    for (int stereo = 0; stereo <= 1; stereo++) {
        struct stage_room_params params = params_with(48000, 32000, stereo);
        struct evening plain = play_evening(&params, false);
        struct evening saving = play_evening(&params, true);
        for (unsigned i = 0; i < STRETCHES; i++) {
            double share = saving.program_bps[i] / plain.program_bps[i];
            if (i % 2 == 1)
                assert_true(share > 0.55 && share < 0.75); /* 32 of 48 */
            else
                assert_true(share > 0.9 && share < 1.1);
        }
        assert_true(saving.feeds_hash == plain.feeds_hash);
        assert_true(saving.recording_hash == plain.recording_hash);
    }
}

static void test_a_program_below_the_rate_of_economy_keeps_its_own(void **state)
{
    (void)state;
    struct stage_room_params params = params_with(24000, 32000, false);
    struct evening plain = play_evening(&params, false);
    struct evening saving = play_evening(&params, true);
    for (unsigned i = 0; i < STRETCHES; i++) {
        double share = saving.program_bps[i] / plain.program_bps[i];
        assert_true(share > 0.95 && share < 1.05);
    }
}

/* Each 20 ms of the program holds both tones, across all packets. */
static void assert_tones_never_stop(void)
{
    int error = OPUS_OK;
    OpusDecoder *decoder = opus_decoder_create(48000, 1, &error);
    assert_non_null(decoder);
    for (size_t i = 0; i < doubles.frame_count; i++) {
        const struct kept_frame *frame = &doubles.frames[i];
        int16_t pcm[PACKER_FRAMES_MAX * FRAME_SAMPLES];
        if (frame->kind != MEDIA_PROGRAM)
            continue;
        assert_int_equal(opus_decode(decoder, frame->payload, (opus_int32)frame->payload_bytes, pcm,
                                     PACKER_FRAMES_MAX * FRAME_SAMPLES, 0),
                         frame->samples);
        for (size_t at = 0; frame->index > 20 && at < frame->samples; at += FRAME_SAMPLES) {
            for (unsigned k = 0; k < 2; k++) {
                double level = tone_of(pcm + at, FRAME_SAMPLES, 1, HZ_OF[k]);
                assert_true(level > 4000 && level < 8000); /* 6000 was spoken */
            }
        }
    }
    opus_decoder_destroy(decoder);
}

static void test_rate_and_length_of_packets_change_together_and_without_a_gap(void **state)
{
    (void)state;
    enum { SOON = 6 /* ticks: three packets of two frames */ };
    struct scene scene;
    scene_open(&scene, 2, false);
    go_live(&scene);
    for (unsigned i = 0; i < 5; i++) {
        bool is_economy = i % 2 == 1;
        double before_bps = i > 0 ? run_for_bps(&scene, SOON) : 0;
        set_economy(&scene, is_economy);
        double after_bps = run_for_bps(&scene, SOON);
        if (i > 0)
            assert_true(is_economy ? after_bps < before_bps * 0.8 : after_bps > before_bps * 1.2);
        run(&scene, 41); /* an odd number: a frame waits when economy ends */
    }
    assert_tones_never_stop();
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_starts_at_index_zero_and_ends_with_a_mark),
        cmocka_unit_test(test_stems_are_the_original_packets_in_their_place),
        cmocka_unit_test(test_an_empty_stage_sends_cheap_silence),
        cmocka_unit_test(test_a_short_delay_is_caught_up),
        cmocka_unit_test(test_a_tick_that_begins_more_than_half_of_one_late_is_tardy),
        cmocka_unit_test(test_a_long_delay_moves_the_timeline_on),
        cmocka_unit_test(test_economy_packs_the_program_and_nothing_else),
        cmocka_unit_test(test_economy_lowers_the_rate_of_the_program_and_of_nothing_else),
        cmocka_unit_test(test_a_program_below_the_rate_of_economy_keeps_its_own),
        cmocka_unit_test(test_rate_and_length_of_packets_change_together_and_without_a_gap),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
