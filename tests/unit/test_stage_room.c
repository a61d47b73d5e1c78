#include "stage/stage_room.h"

#include "stage_scene.h"

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
        cmocka_unit_test(test_levels_come_five_times_a_second),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
