#include "stage/stage.h"

#include "base/clock.h"
#include "stage/stage_room.h"
#include "stage/stage_thread.h"
#include "stage_speaker.h"

#include <poll.h>
#include <stdatomic.h>

/* ---- control's side ---- */

static struct stage *made_stage(unsigned threads)
{
    doubles_reset();
    struct stage *stage = NULL;
    assert_int_equal(stage_create(&stage, &(struct stage_config){.threads = threads}), 0);
    return stage;
}

static int open_room(struct stage *stage, uint32_t room)
{
    return stage_open_room(stage, &(struct stage_room_params){.room = room,
                                                              .program_bps = 48000,
                                                              .economy_bps = 32000,
                                                              .recording_bps = 96000});
}

static void test_orders_are_checked(void **state)
{
    (void)state;
    struct stage *stage = made_stage(1);
    assert_int_equal(open_room(stage, ROOM), 0);
    assert_int_equal(open_room(stage, ROOM), ERR_INVAL);
    assert_int_equal(stage_open_room(stage, &(struct stage_room_params){.room = 9}), ERR_INVAL);
    assert_int_equal(stage_open_room(stage, &(struct stage_room_params){.room = 9,
                                                                        .program_bps = 48000,
                                                                        .recording_bps = 96000}),
                     ERR_INVAL); /* no rate for economy */
    assert_int_equal(stage_go_live(stage, 9, 1, 0), ERR_INVAL);
    assert_int_equal(stage_end(stage, 9), ERR_INVAL);
    assert_int_equal(stage_set_loss(stage, 9, 10), ERR_INVAL);
    assert_int_equal(stage_set_economy(stage, 9, true), ERR_INVAL);
    assert_int_equal(stage_set_economy(stage, ROOM, true), 0);
    assert_int_equal(stage_set_muted(stage, ROOM, 1, true), ERR_INVAL);
    assert_int_equal(stage_set_host(stage, &(struct stage_host_params){.room = 9}), ERR_INVAL);
    stage_close_room(stage, 9);
    stage_remove_host(stage, ROOM, 5, 0);
    stage_destroy(stage);
    stage_destroy(NULL);
}

static void test_the_seventeenth_host_is_refused(void **state)
{
    (void)state;
    struct stage *stage = made_stage(1);
    assert_int_equal(open_room(stage, ROOM), 0);
    struct stage_host_params params = {.room = ROOM, .payload_type = PT_OPUS, .agreed = true};
    for (uint32_t i = 1; i <= STAGE_HOSTS_MAX; i++) {
        params.host = i;
        params.peer = PEER + i;
        assert_int_equal(stage_set_host(stage, &params), 0);
    }
    assert_int_equal(stage_set_host(stage, &params), 0); /* has its place */
    params.host++;
    assert_int_equal(stage_set_host(stage, &params), ERR_FULL);
    stage_remove_host(stage, ROOM, 3, PEER + 99); /* not its peer any more */
    assert_int_equal(stage_set_host(stage, &params), ERR_FULL);
    stage_remove_host(stage, ROOM, 3, PEER + 3);
    assert_int_equal(stage_set_host(stage, &params), 0);
    stage_destroy(stage);
}

static void test_full_rings_refuse_but_never_keep_a_host(void **state)
{
    (void)state;
    struct stage *stage = made_stage(1);
    assert_int_equal(open_room(stage, ROOM), 0);
    struct stage_host_params params = {.room = ROOM, .host = 1, .payload_type = PT_OPUS};
    assert_int_equal(stage_set_host(stage, &params), 0);
    int err = 0;
    for (unsigned i = 0; i < STAGE_ORDERS_MAX && !err; i++)
        err = stage_set_muted(stage, ROOM, 1, true);
    assert_int_equal(err, ERR_FULL);
    params.host = 2;
    assert_int_equal(stage_set_host(stage, &params), ERR_FULL);
    assert_int_equal(open_room(stage, ROOM + 1), ERR_FULL);
    stage_remove_host(stage, ROOM, 1, 0);
    stage_close_room(stage, ROOM);
    stage_destroy(stage);
}

static void test_rooms_have_a_limit(void **state)
{
    (void)state;
    struct stage *stage = made_stage(2);
    for (uint32_t i = 0; i < STAGE_ROOMS_MAX; i++)
        assert_int_equal(open_room(stage, i), 0);
    assert_int_equal(open_room(stage, STAGE_ROOMS_MAX), ERR_FULL);
    stage_close_room(stage, 7);
    assert_int_equal(open_room(stage, STAGE_ROOMS_MAX), 0);
    stage_destroy(stage);
}

/* ---- real threads ---- */

struct feeder {
    pthread_t thread;
    struct speaker speaker;
    atomic_bool stops;
};

static void *feed(void *arg)
{
    struct feeder *feeder = arg;
    uint64_t due_us = clock_now_us();
    while (!atomic_load(&feeder->stops)) {
        doubles_deliver(next_packet(&feeder->speaker));
        due_us += 20000;
        while (clock_now_us() < due_us)
            (void)poll(NULL, 0, 1);
    }
    return NULL;
}

static void count_event(void *ctx, const struct stage_event *event)
{
    unsigned *levels = ctx;
    *levels += event->kind == STAGE_LEVELS;
}

static void test_threads_live_together(void **state)
{
    (void)state;
    struct stage *stage = made_stage(2);
    assert_int_equal(stage_thread_of(stage, ROOM), 0);
    struct feeder feeder;
    speaker_init(&feeder.speaker, 0);
    atomic_init(&feeder.stops, false);
    assert_int_equal(open_room(stage, ROOM), 0);
    assert_int_equal(open_room(stage, ROOM + 1), 0);
    struct stage_host_params params = params_of(&feeder.speaker);
    assert_int_equal(stage_set_host(stage, &params), 0);
    assert_int_equal(stage_start(stage), 0);
    assert_int_equal(stage_start(stage), ERR_BADSTATE);
    assert_int_equal(pthread_create(&feeder.thread, NULL, feed, &feeder), 0);
    assert_int_equal(stage_go_live(stage, ROOM, RECORDING, 0), 0);
    unsigned levels = 0;
    struct stage_totals totals = {0};
    while (doubles_count(MEDIA_PROGRAM) < 25 || levels < 2 || totals.frames_decoded < 10) {
        struct pollfd bell = {.fd = stage_events_fd(stage), .events = POLLIN};
        (void)poll(&bell, 1, 20);
        stage_drain(stage, count_event, &levels);
        stage_totals(stage, &totals);
        assert_int_equal(stage_set_muted(stage, ROOM, 1, false), 0);
        assert_int_equal(stage_set_loss(stage, ROOM, 30), 0);
        assert_int_equal(stage_set_economy(stage, ROOM, levels % 2 != 0), 0);
    }
    assert_int_equal(stage_end(stage, ROOM), 0);
    stage_remove_host(stage, ROOM, 1, feeder.speaker.peer);
    stage_close_room(stage, ROOM + 1);
    bool has_ended = false;
    while (!has_ended) {
        (void)poll(NULL, 0, 5);
        (void)pthread_mutex_lock(&doubles.lock);
        has_ended = doubles.ended_recording == RECORDING;
        (void)pthread_mutex_unlock(&doubles.lock);
    }
    stage_stop(stage);
    atomic_store(&feeder.stops, true);
    assert_int_equal(pthread_join(feeder.thread, NULL), 0);
    opus_encoder_destroy(feeder.speaker.opus);
    stage_destroy(stage);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orders_are_checked),
        cmocka_unit_test(test_the_seventeenth_host_is_refused),
        cmocka_unit_test(test_full_rings_refuse_but_never_keep_a_host),
        cmocka_unit_test(test_rooms_have_a_limit),
        cmocka_unit_test(test_threads_live_together),
    };
    return cmocka_run_group_tests(tests, NULL, forget);
}
