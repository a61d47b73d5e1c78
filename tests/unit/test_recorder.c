#include "recording/recorder.h"

#include "base/thread.h"
#include "recording/recorder_internal.h"
#include "recording_fixture.h"

#include <poll.h>
#include <sched.h>

enum {
    NUMBER = 5,
    STAGES = 2,
    PATIENCE_MS = 30000, /* only a broken recorder takes that long */
};

static struct flaky_disk flaky;
static struct recorder *recorder;

static int setup(void **state)
{
    flaky_init(&flaky);
    if (make_test_folder(state) != 0 || recorder_create(&recorder, test_folder, STAGES) != 0)
        return -1;
    recorder_use_disk(recorder, &flaky.disk);
    return recorder_start(recorder);
}

static int teardown(void **state)
{
    recorder_destroy(recorder);
    recorder = NULL;
    return remove_test_folder(state);
}

static struct recorder_event inbox[16];
static unsigned inbox_count;

static void take_event(void *ctx, const struct recorder_event *event)
{
    (void)ctx;
    assert_true(inbox_count < sizeof(inbox) / sizeof(inbox[0]));
    inbox[inbox_count++] = *event;
}

/* Waits for the next event, which must be of that kind. */
static struct recorder_event await(enum recorder_event_kind kind)
{
    while (inbox_count == 0) {
        struct pollfd bell = {.fd = recorder_events_fd(recorder), .events = POLLIN};
        assert_int_equal(poll(&bell, 1, PATIENCE_MS), 1);
        recorder_drain(recorder, take_event, NULL);
    }
    struct recorder_event event = inbox[0];
    memmove(inbox, inbox + 1, --inbox_count * sizeof(inbox[0]));
    assert_int_equal(event.kind, kind);
    return event;
}

static struct recording_params params_of(uint64_t number)
{
    return (struct recording_params){.recording = number,
                                     .title = "An evening",
                                     .start_wall_ms = 1795291200000,
                                     .pre_skip_samples = PRE_SKIP};
}

static uint64_t begin(uint64_t number)
{
    struct recording_params params = params_of(number);
    assert_int_equal(recorder_begin(recorder, &params), 0);
    struct recorder_event ready = await(RECORDER_READY);
    assert_int_equal(ready.recording, number);
    return ready.position_samples;
}

static void push(unsigned stage, uint64_t number, uint32_t track, uint64_t position)
{
    struct test_packet bytes = make_packet(TOC_HYBRID_20, 60);
    struct track_packet packet = {.recording = number,
                                  .position_samples = position,
                                  .track = track,
                                  .samples = FRAME,
                                  .bytes = (uint32_t)bytes.bytes,
                                  .data = bytes.data};
    recorder_push(recorder, stage, &packet);
}

static const char *path_of(uint64_t number, uint32_t track)
{
    static char path[256];
    assert_int_equal(recorder_file_path(recorder, number, track, path, sizeof(path)), 0);
    return path;
}

static void assert_published(uint64_t number, uint32_t track, int64_t duration_samples)
{
    struct verdict verdict = judge_file(path_of(number, track));
    assert_true(verdict.whole);
    assert_true(verdict.ended);
    assert_int_equal(verdict.duration_samples, duration_samples);
}

struct stage_job {
    unsigned stage;
    uint64_t number;
};

/* A stage of one room: 10 s as fast as it goes, then the end. */
static void run_stage(void *arg)
{
    const struct stage_job *job = arg;
    for (unsigned i = 0; i < 500; i++) {
        push(job->stage, job->number, RECORDER_PROGRAM, (uint64_t)i * FRAME);
        push(job->stage, job->number, 2, (uint64_t)i * FRAME);
        recorder_flush(recorder, job->stage);
    }
    recorder_push_end(recorder, job->stage, job->number, 500 * FRAME);
    recorder_flush(recorder, job->stage);
}

static void test_two_stages_record_at_once(void **state)
{
    (void)state;
    struct stage_job jobs[STAGES] = {{.stage = 0, .number = 1}, {.stage = 1, .number = 2}};
    struct thread threads[STAGES];
    for (unsigned i = 0; i < STAGES; i++)
        assert_int_equal(begin(jobs[i].number), 0);
    assert_int_equal(recorder_name_stem(recorder, 1, 2, "Ada"), 0);
    for (unsigned i = 0; i < STAGES; i++)
        assert_int_equal(thread_start(&threads[i], "stage", THREAD_STAGE, run_stage, &jobs[i]), 0);
    for (unsigned i = 0; i < STAGES; i++)
        thread_join(&threads[i]);
    for (unsigned i = 0; i < STAGES; i++) {
        struct recorder_event event = await(RECORDER_PUBLISHED);
        assert_int_equal(event.duration_samples, 500 * FRAME);
        assert_int_equal(event.stem_count, 1);
        assert_int_equal(event.bytes, size_of_file(path_of(event.recording, RECORDER_PROGRAM)));
        assert_published(event.recording, RECORDER_PROGRAM, 500 * FRAME);
        assert_published(event.recording, 2, 500 * FRAME);
    }
    char text[32];
    read_tag(path_of(1, 2), "ARTIST", text, sizeof(text));
    assert_string_equal(text, "Ada");
}

static void restart(void)
{
    recorder_destroy(recorder);
    assert_int_equal(recorder_create(&recorder, test_folder, STAGES), 0);
    recorder_use_disk(recorder, &flaky.disk);
    assert_int_equal(recorder_start(recorder), 0);
}

static void test_stop_keeps_the_last_packet(void **state)
{
    (void)state;
    (void)begin(NUMBER);
    for (unsigned i = 0; i < 33; i++)
        push(0, NUMBER, RECORDER_PROGRAM, (uint64_t)i * FRAME);
    restart(); /* no flush: what lies in the ring counts too */
    struct verdict verdict = judge_file(path_of(NUMBER, RECORDER_PROGRAM));
    assert_true(verdict.whole);
    assert_false(verdict.ended);
    assert_int_equal(verdict.duration_samples, 33 * FRAME - PRE_SKIP);

    uint64_t position = begin(NUMBER);
    assert_true(position >= 33 * FRAME);
    push(1, NUMBER, RECORDER_PROGRAM, position);
    recorder_push_end(recorder, 1, NUMBER, position + FRAME);
    recorder_flush(recorder, 1);
    struct recorder_event event = await(RECORDER_PUBLISHED);
    assert_int_equal(event.duration_samples, position + FRAME);
    assert_published(NUMBER, RECORDER_PROGRAM, (int64_t)position + FRAME);
}

static void test_finish_publishes_what_nobody_ended(void **state)
{
    (void)state;
    (void)begin(NUMBER);
    for (unsigned i = 0; i < 33; i++)
        push(0, NUMBER, RECORDER_PROGRAM, (uint64_t)i * FRAME);
    push(0, NUMBER, 4, 0);
    restart();
    struct recording_params params = params_of(NUMBER);
    assert_int_equal(recorder_finish(recorder, &params), 0);
    struct recorder_event event = await(RECORDER_PUBLISHED);
    assert_int_equal(event.duration_samples, 33 * FRAME - PRE_SKIP);
    assert_int_equal(event.stem_count, 1);
    assert_published(NUMBER, RECORDER_PROGRAM, 33 * FRAME - PRE_SKIP);
    assert_published(NUMBER, 4, 33 * FRAME - PRE_SKIP);
}

static void test_stalled_disk_costs_a_hole_and_never_the_end(void **state)
{
    (void)state;
    (void)begin(NUMBER);
    atomic_store(&flaky.stalled, true);
    uint64_t position = 0;
    for (; position < 2 * RECORDER_PAGE_SAMPLES; position += FRAME)
        push(0, NUMBER, RECORDER_PROGRAM, position);
    recorder_flush(recorder, 0);
    while (atomic_load(&flaky.waiting) == 0)
        (void)sched_yield();
    /* far more than the ring holds; pushing never waits */
    for (unsigned i = 0; i < 100000; i++, position += FRAME)
        push(0, NUMBER, RECORDER_PROGRAM, position);
    assert_true(recorder_dropped_packets(recorder) > 0);
    recorder_push_end(recorder, 0, NUMBER, position);
    recorder_flush(recorder, 0);
    atomic_store(&flaky.stalled, false);
    struct recorder_event event = await(RECORDER_HOLE);
    assert_int_equal(event.position_samples + event.hole_samples, position);
    event = await(RECORDER_PUBLISHED);
    assert_int_equal(event.duration_samples, position);
    struct verdict verdict = judge_file(path_of(NUMBER, RECORDER_PROGRAM));
    assert_true(verdict.whole);
    assert_int_equal(verdict.duration_samples, position);
    assert_true(verdict.filler_packets > 1); /* the lost end */
    assert_true(verdict.packets > 500);      /* 10 s at least were kept */
}

/* However many orders lie there: the packets that were pushed before come right behind the first. */
static void test_packets_are_taken_between_orders(void **state)
{
    (void)state;
    uint64_t position = begin(1);
    push(0, 1, RECORDER_PROGRAM, position);
    atomic_store(&flaky.stalled, true);
    struct recording_params second = params_of(2), third = params_of(3);
    assert_int_equal(recorder_begin(recorder, &second), 0);
    while (atomic_load(&flaky.waiting) == 0)
        (void)sched_yield();
    assert_int_equal(recorder_begin(recorder, &third), 0);
    recorder_push_end(recorder, 0, 1, position + FRAME);
    atomic_store(&flaky.stalled, false);
    assert_int_equal(await(RECORDER_READY).recording, 2);
    assert_int_equal(await(RECORDER_PUBLISHED).recording, 1);
    assert_int_equal(await(RECORDER_READY).recording, 3);
}

static void test_full_disk_is_survived(void **state)
{
    (void)state;
    (void)begin(NUMBER);
    atomic_store(&flaky.write_error, ENOSPC);
    for (unsigned i = 0; i < 100; i++)
        push(0, NUMBER, RECORDER_PROGRAM, (uint64_t)i * FRAME);
    recorder_flush(recorder, 0);
    struct recorder_event event = await(RECORDER_FAULT);
    assert_int_equal(event.error, ERR_IO);
    assert_int_equal(event.system_error, ENOSPC);
    atomic_store(&flaky.write_error, 0);
    event = await(RECORDER_HOLE);
    assert_int_equal(event.position_samples, 0);
    assert_true(event.hole_samples >= 10 * FRAME); /* at least the page that failed */
    push(0, NUMBER, RECORDER_PROGRAM, 100 * FRAME);
    recorder_push_end(recorder, 0, NUMBER, 101 * FRAME);
    recorder_flush(recorder, 0);
    (void)await(RECORDER_PUBLISHED);
    assert_published(NUMBER, RECORDER_PROGRAM, 101 * FRAME);
}

static void test_delete_leaves_no_file(void **state)
{
    (void)state;
    (void)begin(NUMBER);
    push(0, NUMBER, RECORDER_PROGRAM, 0);
    push(0, NUMBER, 8, 0);
    recorder_push_end(recorder, 0, NUMBER, FRAME);
    recorder_flush(recorder, 0);
    (void)await(RECORDER_PUBLISHED);
    assert_int_equal(recorder_delete(recorder, NUMBER), 0);
    (void)begin(NUMBER + 1); /* its answer comes after the deletion */
    char folder[128];
    (void)snprintf(folder, sizeof(folder), "%s/%d", test_folder, NUMBER);
    assert_int_equal(access(folder, F_OK), -1);
}

static void test_packets_of_unknown_recordings_are_ignored(void **state)
{
    (void)state;
    push(0, 99, RECORDER_PROGRAM, 0);
    recorder_push_end(recorder, 0, 99, FRAME);
    recorder_flush(recorder, 0);
    assert_int_equal(begin(NUMBER), 0);
    assert_int_equal(recorder_name_stem(recorder, NUMBER, RECORDER_PROGRAM, "x"), ERR_INVAL);
    struct recording_params params = params_of(NUMBER);
    assert_int_equal(recorder_begin(recorder, &params), 0); /* twice */
    assert_int_equal(await(RECORDER_FAULT).error, ERR_EXIST);
}

static void test_arguments_out_of_range_are_refused(void **state)
{
    (void)state;
    struct recorder *other = NULL;
    char path[8];
    assert_int_equal(recorder_create(&other, test_folder, 0), ERR_INVAL);
    assert_int_equal(recorder_create(&other, "/proc/no/such/place", 1), ERR_IO);
    assert_null(other);
    assert_int_equal(recorder_file_path(recorder, 1, 2, path, sizeof(path)), ERR_INVAL);
    recorder_destroy(NULL);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_two_stages_record_at_once),
        TEST(test_stop_keeps_the_last_packet),
        TEST(test_finish_publishes_what_nobody_ended),
        TEST(test_stalled_disk_costs_a_hole_and_never_the_end),
        TEST(test_packets_are_taken_between_orders),
        TEST(test_full_disk_is_survived),
        TEST(test_delete_leaves_no_file),
        TEST(test_packets_of_unknown_recordings_are_ignored),
        TEST(test_arguments_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
