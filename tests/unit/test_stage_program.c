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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live_starts_at_index_zero_and_ends_with_a_mark),
        cmocka_unit_test(test_stems_are_the_original_packets_in_their_place),
        cmocka_unit_test(test_an_empty_stage_sends_cheap_silence),
        cmocka_unit_test(test_a_short_delay_is_caught_up),
        cmocka_unit_test(test_a_long_delay_moves_the_timeline_on),
        cmocka_unit_test(test_economy_packs_the_program_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
