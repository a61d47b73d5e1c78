/* stage_scene.h - one stage thread in virtual time, with its room and the hosts that speak in it.
 *
 * Owner    the including test program; scene_open() before, scene_close() after
 * Thread   the test's, which plays the stage thread
 * Units    ticks of 20 ms
 * Errors   failed assertions
 * Spec     none
 */
#ifndef TESTS_STAGE_SCENE_H
#define TESTS_STAGE_SCENE_H

#include "base/ring.h"
#include "stage/stage_room.h"
#include "stage/stage_thread.h"
#include "stage_speaker.h"

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

static inline void order(struct scene *scene, struct stage_order order)
{
    order.room = ROOM;
    assert_int_equal(stage_thread_order(scene->thread, &order, true), 0);
}

static inline void set_host(struct scene *scene, const struct stage_host_params *params,
                            bool is_new)
{
    struct stage_order set = {.kind = ORDER_SET_HOST, .number = 5, .host_params = *params};
    if (is_new)
        assert_int_equal(stage_host_create(&set.new_host, scene->channels), 0);
    order(scene, set);
}

static inline void scene_open_with(struct scene *scene, unsigned speakers,
                                   const struct stage_room_params *params)
{
    doubles_reset();
    *scene = (struct scene){
        .now_us = 1000000, .speaker_count = speakers, .channels = params->stereo ? 2 : 1};
    scene->thread = calloc(1, sizeof(*scene->thread));
    assert_non_null(scene->thread);
    assert_int_equal(wake_init(&scene->wake), 0);
    assert_int_equal(stage_thread_init(scene->thread, 0, NULL, NULL, &scene->wake), 0);
    struct stage_order open = {.kind = ORDER_OPEN_ROOM};
    assert_int_equal(stage_room_create(&open.new_room, params), 0);
    order(scene, open);
    for (unsigned i = 0; i < speakers; i++) {
        speaker_init(&scene->speakers[i], i);
        struct stage_host_params host = params_of(&scene->speakers[i]);
        set_host(scene, &host, true);
    }
}

static inline void scene_open(struct scene *scene, unsigned speakers, bool stereo)
{
    scene_open_with(scene, speakers,
                    &(struct stage_room_params){.room = ROOM,
                                                .stereo = stereo,
                                                .program_bps = 48000,
                                                .economy_bps = 32000,
                                                .recording_bps = 64000});
}

static inline void scene_close(struct scene *scene)
{
    for (unsigned i = 0; i < scene->speaker_count; i++)
        opus_encoder_destroy(scene->speakers[i].opus);
    stage_thread_clear(scene->thread);
    free(scene->thread);
    wake_clear(&scene->wake);
}

static inline void take_events(struct scene *scene)
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

static inline void speak(struct scene *scene)
{
    for (unsigned i = 0; i < scene->speaker_count; i++)
        doubles_deliver(next_packet(&scene->speakers[i]));
}

static inline void run(struct scene *scene, unsigned ticks)
{
    for (unsigned i = 0; i < ticks; i++) {
        speak(scene);
        (void)stage_thread_step(scene->thread, scene->now_us);
        take_events(scene);
        scene->now_us += STAGE_TICK_US;
    }
}

static inline void go_live(struct scene *scene)
{
    order(scene, (struct stage_order){.kind = ORDER_GO_LIVE,
                                      .recording = RECORDING,
                                      .start_samples = START_SAMPLES});
}

/* ---- ears ---- */

/* Decodes all frames of one kind and peer, and keeps the last ones. */
static inline void hear(enum media_kind kind, uint64_t peer, int channels, int16_t *last_frame)
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

static inline void assert_tones(const int16_t *pcm, size_t stride,
                                const bool expected[SPEAKERS_MAX])
{
    for (unsigned i = 0; i < SPEAKERS_MAX; i++) {
        double level = tone_of(pcm, FRAME_SAMPLES, stride, HZ_OF[i]);
        if (expected[i])
            assert_true(level > 3000);
        else
            assert_true(level < 400);
    }
}

static inline uint64_t count_track(uint32_t track)
{
    uint64_t count = 0;
    for (size_t i = 0; i < doubles.packet_count; i++)
        count += doubles.packets[i].track == track;
    return count;
}

#endif
