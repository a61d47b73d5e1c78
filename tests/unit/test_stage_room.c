#include "stage/stage_room.h"

#include "base/ring.h"
#include "rostrum/opus_frame.h"
#include "stage/packer.h"
#include "stage/stage_thread.h"
#include "stage_speaker.h"

/* ---- a room in virtual time ---- */

struct scene {
    struct stage_thread *thread;
    struct wake wake;
    struct speaker speakers[SPEAKERS_MAX];
    unsigned speaker_count;
    unsigned channels;
    uint64_t now_us;
    unsigned levels;
    unsigned lates;
    struct stage_event last_levels;
    struct stage_event last_late;
};

static void order(struct scene *scene, struct stage_order order)
{
    order.room = ROOM;
    assert_int_equal(stage_thread_order(scene->thread, &order, true), 0);
}

static void set_host(struct scene *scene, const struct stage_host_params *params, bool is_new)
{
    struct stage_order set = {.kind = ORDER_SET_HOST, .number = 5, .host_params = *params};
    if (is_new)
        assert_int_equal(stage_host_create(&set.new_host, scene->channels), 0);
    order(scene, set);
}

static void scene_open(struct scene *scene, unsigned speakers, bool stereo)
{
    doubles_reset();
    *scene =
        (struct scene){.now_us = 1000000, .speaker_count = speakers, .channels = stereo ? 2 : 1};
    scene->thread = calloc(1, sizeof(*scene->thread));
    assert_non_null(scene->thread);
    assert_int_equal(wake_init(&scene->wake), 0);
    assert_int_equal(stage_thread_init(scene->thread, 0, NULL, NULL, &scene->wake), 0);
    struct stage_order open = {.kind = ORDER_OPEN_ROOM};
    assert_int_equal(
        stage_room_create(&open.new_room, &(struct stage_room_params){.room = ROOM,
                                                                      .stereo = stereo,
                                                                      .program_bps = 48000,
                                                                      .recording_bps = 64000}),
        0);
    order(scene, open);
    for (unsigned i = 0; i < speakers; i++) {
        speaker_init(&scene->speakers[i], i);
        struct stage_host_params params = params_of(&scene->speakers[i]);
        set_host(scene, &params, true);
    }
}

static void scene_close(struct scene *scene)
{
    for (unsigned i = 0; i < scene->speaker_count; i++)
        opus_encoder_destroy(scene->speakers[i].opus);
    stage_thread_clear(scene->thread);
    free(scene->thread);
    wake_clear(&scene->wake);
}

static void take_events(struct scene *scene)
{
    size_t bytes = 0;
    const struct stage_event *event;
    while ((event = ring_peek(scene->thread->events, &bytes)) != NULL) {
        if (event->kind == STAGE_LEVELS) {
            scene->levels++;
            scene->last_levels = *event;
        } else {
            scene->lates++;
            scene->last_late = *event;
        }
        ring_release(scene->thread->events);
    }
}

static void speak(struct scene *scene)
{
    for (unsigned i = 0; i < scene->speaker_count; i++)
        doubles_deliver(next_packet(&scene->speakers[i]));
}

static void run(struct scene *scene, unsigned ticks)
{
    for (unsigned i = 0; i < ticks; i++) {
        speak(scene);
        (void)stage_thread_step(scene->thread, scene->now_us);
        take_events(scene);
        scene->now_us += STAGE_TICK_US;
    }
}

static void go_live(struct scene *scene)
{
    order(scene, (struct stage_order){.kind = ORDER_GO_LIVE,
                                      .recording = RECORDING,
                                      .start_samples = START_SAMPLES});
}

/* ---- ears ---- */

/* Decodes all frames of one kind and peer, and keeps the last ones. */
static void hear(enum media_kind kind, uint64_t peer, int channels, int16_t *last_frame)
{
    int error = OPUS_OK;
    OpusDecoder *decoder = opus_decoder_create(48000, channels, &error);
    assert_non_null(decoder);
    unsigned heard = 0;
    for (size_t i = 0; i < doubles.frame_count; i++) {
        const struct kept_frame *frame = &doubles.frames[i];
        if (frame->kind != kind || frame->peer != peer)
            continue;
        heard++;
        assert_int_equal(opus_decode(decoder, frame->payload, (opus_int32)frame->payload_bytes,
                                     last_frame, FRAME_SAMPLES, 0),
                         FRAME_SAMPLES);
    }
    assert_true(heard > 0);
    opus_decoder_destroy(decoder);
}

static void assert_tones(const int16_t *pcm, size_t stride, const bool expected[SPEAKERS_MAX])
{
    for (unsigned i = 0; i < SPEAKERS_MAX; i++) {
        double level = tone_of(pcm, FRAME_SAMPLES, stride, HZ_OF[i]);
        if (expected[i])
            assert_true(level > 3000);
        else
            assert_true(level < 400);
    }
}

/* ---- tests: who hears whom ---- */

static void test_each_host_hears_all_but_itself(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 3, false);
    run(&scene, 100);
    assert_int_equal(doubles_count(MEDIA_PROGRAM), 0); /* backstage */
    for (unsigned i = 0; i < 3; i++) {
        bool expected[SPEAKERS_MAX] = {i != 0, i != 1, i != 2};
        int16_t pcm[FRAME_SAMPLES];
        hear(MEDIA_HOST, PEER + i, 1, pcm);
        assert_tones(pcm, 1, expected);
    }
    scene_close(&scene);
}

static void test_the_program_holds_all(void **state)
{
    (void)state;
    for (int stereo = 0; stereo <= 1; stereo++) {
        struct scene scene;
        scene_open(&scene, 3, stereo);
        go_live(&scene);
        run(&scene, 100);
        int16_t pcm[FRAME_SAMPLES * 2];
        hear(MEDIA_PROGRAM, 0, 1 + stereo, pcm);
        for (int side = 0; side <= stereo; side++)
            assert_tones(pcm + side, 1 + (size_t)stereo, (bool[]){true, true, true});
        scene_close(&scene);
    }
}

static void test_without_agreement_nothing_is_heard_or_kept(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 2, false);
    struct stage_host_params params = params_of(&scene.speakers[1]);
    params.agreed = false;
    set_host(&scene, &params, false);
    go_live(&scene);
    run(&scene, 100);
    int16_t pcm[FRAME_SAMPLES];
    hear(MEDIA_PROGRAM, 0, 1, pcm);
    assert_tones(pcm, 1, (bool[]){true, false, false});
    hear(MEDIA_HOST, PEER, 1, pcm);
    assert_true(energy_of(pcm, FRAME_SAMPLES) == 0);
    for (size_t i = 0; i < doubles.packet_count; i++)
        assert_int_not_equal(doubles.packets[i].track, 2);
    assert_in_range(scene.thread->voices.decoded, 1, 100);
    assert_int_equal(scene.last_levels.levels[1].level_dbov, -127);
    assert_false(scene.last_levels.levels[1].speaking);
    assert_true(scene.last_levels.levels[1].arriving);
    params.agreed = true;
    set_host(&scene, &params, false);
    run(&scene, 100);
    hear(MEDIA_PROGRAM, 0, 1, pcm);
    assert_tones(pcm, 1, (bool[]){true, true, false});
    scene_close(&scene);
}

static uint64_t count_track(uint32_t track)
{
    uint64_t count = 0;
    for (size_t i = 0; i < doubles.packet_count; i++)
        count += doubles.packets[i].track == track;
    return count;
}

static void test_a_muted_host_contributes_nothing(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 2, false);
    go_live(&scene);
    run(&scene, 50);
    order(&scene, (struct stage_order){.kind = ORDER_SET_MUTED, .host = 2, .number = 1});
    uint64_t stem_packets = count_track(2);
    run(&scene, 50);
    assert_int_equal(count_track(2), stem_packets);
    int16_t pcm[FRAME_SAMPLES];
    hear(MEDIA_PROGRAM, 0, 1, pcm);
    assert_tones(pcm, 1, (bool[]){true, false, false});
    assert_int_equal(scene.last_levels.levels[1].level_dbov, -127);
    order(&scene, (struct stage_order){.kind = ORDER_SET_MUTED, .host = 2, .number = 0});
    run(&scene, 50);
    assert_true(count_track(2) > stem_packets + 40);
    hear(MEDIA_PROGRAM, 0, 1, pcm);
    assert_tones(pcm, 1, (bool[]){true, true, false});
    scene_close(&scene);
}

static void test_a_silent_host_gets_what_everybody_gets(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 2, false);
    scene.speakers[1].amplitude = 0;
    go_live(&scene);
    run(&scene, 50);
    const struct kept_frame *program = NULL;
    const struct kept_frame *feed = NULL;
    for (size_t i = 0; i < doubles.frame_count; i++) {
        const struct kept_frame *frame = &doubles.frames[i];
        program = frame->kind == MEDIA_PROGRAM ? frame : program;
        feed = frame->kind == MEDIA_HOST && frame->peer == PEER + 1 ? frame : feed;
    }
    assert_non_null(program);
    assert_non_null(feed);
    assert_int_equal(feed->payload_bytes, program->payload_bytes);
    assert_memory_equal(feed->payload, program->payload, program->payload_bytes);
    scene_close(&scene);
}

/* The last packet of a host's feed. */
static const struct kept_frame *last_feed(uint64_t peer)
{
    const struct kept_frame *last = NULL;
    for (size_t i = 0; i < doubles.frame_count; i++)
        if (doubles.frames[i].kind == MEDIA_HOST && doubles.frames[i].peer == peer)
            last = &doubles.frames[i];
    assert_non_null(last);
    return last;
}

static void test_who_speaks_while_all_others_are_quiet_gets_plain_silence(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 2, false);
    scene.speakers[1].amplitude = 20; /* a quiet room, not a digital nothing */
    go_live(&scene);
    run(&scene, 50);
    assert_int_equal(last_feed(PEER)->payload_bytes, 3);
    assert_true(last_feed(PEER + 1)->payload_bytes > 40);
    scene.speakers[1].amplitude = 6000;
    run(&scene, 30);
    int16_t pcm[FRAME_SAMPLES];
    hear(MEDIA_HOST, PEER, 1, pcm);
    assert_tones(pcm, 1, (bool[]){false, true, false});
    scene_close(&scene);
}

static void test_a_stranger_is_not_heard(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 1, false);
    scene.speakers[0].peer++;
    run(&scene, 50);
    assert_int_equal(scene.thread->voices.decoded, 0);
    assert_false(scene.last_levels.levels[0].arriving);
    scene_close(&scene);
}

static void test_a_host_that_reconnects_is_one_voice(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 1, false);
    go_live(&scene);
    run(&scene, 50);
    struct speaker ghost = scene.speakers[0]; /* the former connection still sends */
    ghost.opus = make_sender(1);
    ghost.hz = HZ_OF[2];
    struct speaker *back = &scene.speakers[0];
    back->peer = PEER + 500;
    back->ssrc = 4711;
    back->timestamp = 0xFFFFFF00;
    back->hz = HZ_OF[1];
    struct stage_host_params params = params_of(back);
    set_host(&scene, &params, false);
    for (unsigned i = 0; i < 60; i++) {
        doubles_deliver(next_packet(&ghost));
        run(&scene, 1);
    }
    int16_t pcm[FRAME_SAMPLES];
    hear(MEDIA_PROGRAM, 0, 1, pcm);
    assert_tones(pcm, 1, (bool[]){false, true, false});
    uint64_t next_index = 0;
    for (size_t i = 0; i < doubles.frame_count; i++)
        if (doubles.frames[i].peer == PEER + 500)
            assert_int_equal(doubles.frames[i].index, next_index++);
    assert_int_equal(next_index, 60);
    opus_encoder_destroy(ghost.opus);
    scene_close(&scene);
}

static void test_a_flood_of_packets_is_cut(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 1, false);
    run(&scene, 10);
    for (unsigned i = 0; i < 1000; i++)
        doubles_deliver(next_packet(&scene.speakers[0]));
    run(&scene, 1);
    assert_int_equal(scene.thread->voices.bad, 1001 - STAGE_HOST_PACKETS_TICK);
    scene_close(&scene);
}

/* ---- tests: the timeline ---- */

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
    order(&scene, (struct stage_order){.kind = ORDER_SET_PACKING, .number = 3});
    run(&scene, PACKER_STEP_FRAMES + 62); /* two frames wait in the end */
    assert_in_range(doubles_count(MEDIA_PROGRAM), 50 + PACKER_STEP_FRAMES / 2 + 20,
                    50 + PACKER_STEP_FRAMES / 2 + 24);
    order(&scene, (struct stage_order){.kind = ORDER_SET_PACKING, .number = 1});
    run(&scene, 50);
    order(&scene, (struct stage_order){.kind = ORDER_SET_PACKING, .number = 3});
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

static void test_levels_come_five_times_a_second(void **state)
{
    (void)state;
    struct scene scene;
    scene_open(&scene, 2, false);
    scene.speakers[1].amplitude = 0;
    run(&scene, 100);
    assert_int_equal(scene.levels, 10);
    assert_int_equal(scene.last_levels.room, ROOM);
    assert_int_equal(scene.last_levels.level_count, 2);
    assert_in_range(-scene.last_levels.levels[0].level_dbov, 12, 17); /* 6000 of 32768 */
    assert_true(scene.last_levels.levels[0].speaking);
    assert_true(scene.last_levels.levels[0].arriving);
    assert_false(scene.last_levels.levels[1].speaking);
    scene_close(&scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_host_hears_all_but_itself),
        cmocka_unit_test(test_the_program_holds_all),
        cmocka_unit_test(test_without_agreement_nothing_is_heard_or_kept),
        cmocka_unit_test(test_a_muted_host_contributes_nothing),
        cmocka_unit_test(test_a_silent_host_gets_what_everybody_gets),
        cmocka_unit_test(test_who_speaks_while_all_others_are_quiet_gets_plain_silence),
        cmocka_unit_test(test_a_stranger_is_not_heard),
        cmocka_unit_test(test_a_host_that_reconnects_is_one_voice),
        cmocka_unit_test(test_a_flood_of_packets_is_cut),
        cmocka_unit_test(test_live_starts_at_index_zero_and_ends_with_a_mark),
        cmocka_unit_test(test_stems_are_the_original_packets_in_their_place),
        cmocka_unit_test(test_an_empty_stage_sends_cheap_silence),
        cmocka_unit_test(test_a_short_delay_is_caught_up),
        cmocka_unit_test(test_a_long_delay_moves_the_timeline_on),
        cmocka_unit_test(test_economy_packs_the_program_and_nothing_else),
        cmocka_unit_test(test_levels_come_five_times_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
