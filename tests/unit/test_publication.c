#include "recording/publication.h"

#include "recording_fixture.h"

#include <time.h>

enum {
    NUMBER = 7,
    SECOND_US = 1000 * 1000,
    WALL_MS_PER_S = 1000,
    EVENTS_MAX = 16,
};

static struct flaky_disk flaky;
static struct recorder_event events[EVENTS_MAX];
static unsigned event_count;
static bool events_full;
static struct recording_env env;

static bool take_event(void *ctx, const struct recorder_event *event)
{
    (void)ctx;
    if (events_full)
        return false;
    assert_true(event_count < EVENTS_MAX);
    assert_int_equal(event->recording, NUMBER);
    events[event_count++] = *event;
    return true;
}

static int setup(void **state)
{
    flaky_init(&flaky);
    event_count = 0;
    events_full = false;
    if (make_test_folder(state) != 0)
        return -1;
    env = (struct recording_env){
        .folder = test_folder, .disk = &flaky.disk, .emit = take_event, .ctx = NULL};
    return 0;
}

static int64_t wall_ms_now(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static struct recording *make(void)
{
    struct recording *recording = NULL;
    struct recording_params params = {.recording = NUMBER,
                                      .title = "An evening",
                                      .start_wall_ms = 1795291200000,
                                      .gap_ms = 0,
                                      .pre_skip_samples = PRE_SKIP};
    assert_int_equal(recording_create(&recording, &env, &params), 0);
    return recording;
}

static struct recording *make_open(void)
{
    struct recording *recording = make();
    recording_open(recording, 0, wall_ms_now());
    assert_true(recording->opened);
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, RECORDER_READY);
    event_count = 0;
    return recording;
}

static void push(struct recording *recording, uint32_t host, uint64_t position, uint64_t now_us)
{
    struct test_packet bytes = make_packet(TOC_HYBRID_20, 60);
    struct track_packet packet = {.recording = NUMBER,
                                  .position_samples = position,
                                  .track = host,
                                  .samples = FRAME,
                                  .bytes = (uint32_t)bytes.bytes,
                                  .data = bytes.data};
    recording_push(recording, &packet, now_us);
}

static void push_both(struct recording *recording, unsigned from, unsigned to, uint64_t now_us)
{
    for (unsigned i = from; i < to; i++) {
        push(recording, RECORDER_PROGRAM, (uint64_t)i * FRAME, now_us);
        push(recording, 3, (uint64_t)i * FRAME, now_us);
    }
}

static const char *path_of(uint32_t track)
{
    static char path[128];
    assert_int_equal(folder_file(test_folder, NUMBER, track, path, sizeof(path)), 0);
    return path;
}

static void assert_published(uint32_t track, int64_t duration_samples)
{
    struct verdict verdict = judge_file(path_of(track));
    assert_true(verdict.whole);
    assert_true(verdict.ended);
    assert_int_equal(verdict.duration_samples, duration_samples);
}

static void test_all_tracks_start_and_end_together(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    recording_name_stem(recording, 3, "Ada");
    for (unsigned i = 0; i < 500; i++) {
        push(recording, RECORDER_PROGRAM, (uint64_t)i * FRAME, 0);
        if (i >= 100 && i < 200) /* comes late, leaves early */
            push(recording, 3, (uint64_t)i * FRAME, 0);
        if (i >= 300 && i % 2 == 0) /* loses every second packet */
            push(recording, 9, (uint64_t)i * FRAME, 0);
    }
    recording_name_stem(recording, 9, "Grace");
    publication_begin(recording, 500 * FRAME, 0);
    assert_true(recording->over);
    recording_destroy(recording);
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, RECORDER_PUBLISHED);
    assert_int_equal(events[0].duration_samples, 500 * FRAME);
    assert_int_equal(events[0].stem_count, 2);
    assert_int_equal(events[0].bytes, size_of_file(path_of(RECORDER_PROGRAM)));
    assert_int_equal(events[0].stems[0].host, 3);
    assert_int_equal(events[0].stems[0].bytes, size_of_file(path_of(3)));
    assert_published(RECORDER_PROGRAM, 500 * FRAME);
    assert_published(3, 500 * FRAME);
    assert_published(9, 500 * FRAME);
    char text[64];
    read_tag(path_of(RECORDER_PROGRAM), "TITLE", text, sizeof(text));
    assert_string_equal(text, "An evening");
    read_tag(path_of(3), "ARTIST", text, sizeof(text));
    assert_string_equal(text, "Ada");
    read_tag(path_of(9), "ARTIST", text, sizeof(text));
    assert_string_equal(text, "Grace");
}

static void test_interrupted_publication_is_tried_again(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    push_both(recording, 0, 105, 0);
    atomic_store(&flaky.write_error, ENOSPC);
    atomic_store(&flaky.writes_left, 2); /* the program's end and tags; not the stem's */
    publication_begin(recording, 105 * FRAME, 0);
    assert_false(recording->over);
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, RECORDER_FAULT);
    assert_int_equal(events[0].system_error, ENOSPC);
    publication_tick(recording, SECOND_US);
    unsigned attempts = atomic_load(&flaky.attempts);
    publication_tick(recording, SECOND_US + 1); /* not before the next second */
    assert_int_equal(atomic_load(&flaky.attempts), attempts);
    assert_int_equal(event_count, 1);
    atomic_store(&flaky.write_error, 0);
    publication_tick(recording, 2 * SECOND_US);
    assert_true(recording->over);
    assert_int_equal(event_count, 2);
    assert_int_equal(events[1].kind, RECORDER_PUBLISHED);
    recording_destroy(recording);
    assert_published(RECORDER_PROGRAM, 105 * FRAME);
    assert_published(3, 105 * FRAME);
}

static void test_finish_completes_what_a_crash_left_between_two_tracks(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    recording_name_stem(recording, 3, "Ada");
    push_both(recording, 0, 105, 0);
    atomic_store(&flaky.write_error, EIO);
    atomic_store(&flaky.writes_left, 2);
    publication_begin(recording, 105 * FRAME, 0);
    recording_destroy(recording); /* the crash */
    atomic_store(&flaky.write_error, 0);
    assert_true(judge_file(path_of(RECORDER_PROGRAM)).ended);
    assert_false(judge_file(path_of(3)).ended);

    event_count = 0;
    recording = make();
    publication_finish(recording, 0);
    assert_true(recording->over);
    recording_destroy(recording);
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, RECORDER_PUBLISHED);
    assert_published(RECORDER_PROGRAM, 105 * FRAME);
    assert_published(3, 105 * FRAME);
    char text[64];
    read_tag(path_of(3), "ARTIST", text, sizeof(text));
    assert_string_equal(text, "Ada");

    event_count = 0;
    recording = make(); /* and once more: it is published already */
    publication_finish(recording, 0);
    recording_destroy(recording);
    assert_int_equal(events[0].kind, RECORDER_PUBLISHED);
    assert_published(RECORDER_PROGRAM, 105 * FRAME);
}

static void test_finish_lengthens_a_track_that_ended_too_early(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    push_both(recording, 0, 105, 0);
    assert_int_equal(journal_end(recording->tracks[0].journal, 105 * FRAME), 0);
    for (unsigned i = 105; i < 120; i++)
        push(recording, 3, (uint64_t)i * FRAME, 0);
    recording_destroy(recording); /* the crash */
    event_count = 0;
    recording = make();
    publication_finish(recording, 0);
    recording_destroy(recording);
    assert_int_equal(events[0].kind, RECORDER_PUBLISHED);
    assert_int_equal(events[0].duration_samples, 120 * FRAME - PRE_SKIP);
    assert_published(RECORDER_PROGRAM, 120 * FRAME - PRE_SKIP);
    assert_published(3, 120 * FRAME - PRE_SKIP);
}

static void test_finish_of_nothing_is_a_fault(void **state)
{
    (void)state;
    struct recording *recording = make();
    publication_finish(recording, 0);
    assert_true(recording->over);
    recording_destroy(recording);
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, RECORDER_FAULT);
    assert_int_equal(events[0].error, ERR_NOENT);
    assert_int_equal(access(path_of(RECORDER_PROGRAM), F_OK), -1);
}

static void test_published_waits_for_room_among_the_events(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    push_both(recording, 0, 10, 0);
    events_full = true;
    publication_begin(recording, 10 * FRAME, 0);
    assert_false(recording->over);
    events_full = false;
    publication_tick(recording, SECOND_US);
    assert_true(recording->over);
    recording_destroy(recording);
    assert_int_equal(events[0].kind, RECORDER_PUBLISHED);
    assert_published(RECORDER_PROGRAM, 10 * FRAME);
}

static void test_resumed_recording_fills_the_time_that_passed(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    push_both(recording, 0, 55, 0);
    recording_destroy(recording); /* the crash: pages of 50 packets are on disk */
    int64_t changed_ms = 0;
    struct stat file;
    for (uint32_t track = 0; track <= 3; track += 3) {
        assert_int_equal(stat(path_of(track), &file), 0);
        int64_t ms = (int64_t)file.st_mtim.tv_sec * 1000 + file.st_mtim.tv_nsec / 1000000;
        changed_ms = ms > changed_ms ? ms : changed_ms;
    }
    recording = make();
    recording_open(recording, 0, changed_ms + 7 * WALL_MS_PER_S);
    uint64_t position = 50 * FRAME + 7 * 48000;
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, RECORDER_READY);
    assert_int_equal(events[0].position_samples, position);
    push_both(recording, (unsigned)(position / FRAME), (unsigned)(position / FRAME) + 20, 0);
    publication_begin(recording, position + 20 * FRAME, 0);
    recording_destroy(recording);
    assert_published(RECORDER_PROGRAM, (int64_t)position + 20 * FRAME);
    assert_published(3, (int64_t)position + 20 * FRAME);
}

static void test_gap_of_a_resumed_recording_is_bounded(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    push_both(recording, 0, 50, 0);
    recording_destroy(recording);
    recording = make();
    recording_open(recording, 0, wall_ms_now() + (int64_t)RECORDER_GAP_MAX_MS * 10);
    uint64_t longest = 50 * FRAME + (uint64_t)RECORDER_GAP_MAX_MS * 48;
    assert_int_equal(events[0].position_samples, longest);
    recording_destroy(recording);

    event_count = 0;
    recording = make();
    recording->params.gap_ms = 2000;
    recording_open(recording, 0, 1000); /* the clock was set back: the store's word counts */
    assert_int_equal(events[0].position_samples, longest + 2 * 48000);
    recording_destroy(recording);
}

static void test_full_disk_is_told_once_and_its_hole_filled(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    push_both(recording, 0, 60, 0);
    for (unsigned i = 60; i < 100; i++)
        push(recording, RECORDER_PROGRAM, (uint64_t)i * FRAME, 0);
    atomic_store(&flaky.write_error, ENOSPC);
    push_both(recording, 100, 200, 0);
    recording_tick(recording, SECOND_US, 0);
    push_both(recording, 200, 250, SECOND_US);
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, RECORDER_FAULT);
    assert_int_equal(events[0].error, ERR_IO);
    assert_int_equal(events[0].system_error, ENOSPC);
    atomic_store(&flaky.write_error, 0);
    recording_tick(recording, SECOND_US + 1, 0); /* not yet */
    assert_int_equal(event_count, 1);
    recording_tick(recording, 2 * SECOND_US, 0);
    assert_int_equal(event_count, 2);
    assert_int_equal(events[1].kind, RECORDER_HOLE);
    assert_int_equal(events[1].position_samples, 60 * FRAME); /* the stem's, before the program's */
    assert_int_equal(events[1].hole_samples, 190 * FRAME);
    push_both(recording, 250, 300, 2 * SECOND_US);
    publication_begin(recording, 300 * FRAME, 2 * SECOND_US);
    recording_destroy(recording);
    assert_published(RECORDER_PROGRAM, 300 * FRAME);
    assert_published(3, 300 * FRAME);
}

static void test_failing_sync_is_told_and_lost_nothing(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    push_both(recording, 0, 50, 0);
    atomic_store(&flaky.sync_error, EIO);
    recording_tick(recording, 2 * SECOND_US, 0);
    push_both(recording, 50, 100, 0);
    recording_tick(recording, 4 * SECOND_US, 0);
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, RECORDER_FAULT);
    atomic_store(&flaky.sync_error, 0);
    push_both(recording, 100, 150, 0);
    recording_tick(recording, 6 * SECOND_US, 0);
    assert_int_equal(event_count, 2);
    assert_int_equal(events[1].kind, RECORDER_HOLE);
    assert_int_equal(events[1].hole_samples, 0);
    recording_destroy(recording);
}

static void test_missing_program_packets_are_a_hole(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    push(recording, RECORDER_PROGRAM, 0, 0);
    push(recording, 3, 0, 0);
    push(recording, 3, 50 * FRAME, 0); /* a host's own gaps are nobody's fault */
    assert_int_equal(event_count, 0);
    push(recording, RECORDER_PROGRAM, 30 * FRAME, 0);
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, RECORDER_HOLE);
    assert_int_equal(events[0].position_samples, FRAME);
    assert_int_equal(events[0].hole_samples, 29 * FRAME);
    recording_destroy(recording);
}

static void test_syncs_are_two_seconds_apart(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    unsigned second_syncs[7] = {0};
    for (unsigned second = 1; second <= 6; second++) {
        unsigned before = atomic_load(&flaky.syncs);
        push_both(recording, second * 50 - 50, second * 50, 0);
        for (unsigned part = 0; part < 10; part++)
            recording_tick(recording, (uint64_t)second * SECOND_US + part * 1000, 0);
        second_syncs[second] = atomic_load(&flaky.syncs) - before;
    }
    for (unsigned second = 1; second <= 6; second++)
        assert_int_equal(second_syncs[second], second % 2 == 0 ? 2 : 0); /* two files */
    recording_destroy(recording);
}

static void test_silent_stem_is_filled_while_others_speak(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    push(recording, 3, 0, 0);
    for (unsigned i = 0; i < 50 * 20; i++)
        push(recording, RECORDER_PROGRAM, (uint64_t)i * FRAME, 0);
    recording_tick(recording, 2 * SECOND_US, 0);
    assert_int_equal(journal_position(recording->tracks[1].journal),
                     1000 * FRAME - RECORDING_STEM_LAG_SAMPLES);
    recording_destroy(recording);
}

static void test_more_hosts_than_stems_keep_the_rest_whole(void **state)
{
    (void)state;
    struct recording *recording = make_open();
    push(recording, RECORDER_PROGRAM, 0, 0);
    for (uint32_t host = 1; host <= RECORDER_STEMS_MAX + 1; host++)
        push(recording, host, 0, 0);
    publication_begin(recording, FRAME, 0);
    recording_destroy(recording);
    assert_int_equal(events[0].kind, RECORDER_PUBLISHED);
    assert_int_equal(events[0].stem_count, RECORDER_STEMS_MAX);
    assert_published(RECORDER_STEMS_MAX, FRAME);
    assert_int_equal(access(path_of(RECORDER_STEMS_MAX + 1), F_OK), -1);
}

static void test_fault_at_the_begin_is_answered_later(void **state)
{
    (void)state;
    char blocker[128];
    (void)snprintf(blocker, sizeof(blocker), "%s/%d", test_folder, NUMBER);
    int fd =
        open(blocker, O_CREAT | O_WRONLY | O_CLOEXEC, 0600); /* a file where a folder belongs */
    assert_true(fd >= 0);
    (void)close(fd);
    struct recording *recording = make();
    recording_open(recording, 0, wall_ms_now());
    push(recording, RECORDER_PROGRAM, 0, 0);
    recording_tick(recording, SECOND_US, wall_ms_now());
    assert_int_equal(event_count, 1);
    assert_int_equal(events[0].kind, RECORDER_FAULT);
    assert_int_equal(events[0].system_error, ENOTDIR);
    assert_int_equal(unlink(blocker), 0);
    recording_tick(recording, 2 * SECOND_US, wall_ms_now());
    assert_int_equal(event_count, 2);
    assert_int_equal(events[1].kind, RECORDER_READY);
    push(recording, RECORDER_PROGRAM, 50 * FRAME, 2 * SECOND_US);
    publication_begin(recording, 51 * FRAME, 2 * SECOND_US);
    recording_destroy(recording);
    assert_published(RECORDER_PROGRAM, 51 * FRAME);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, remove_test_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_all_tracks_start_and_end_together),
        TEST(test_interrupted_publication_is_tried_again),
        TEST(test_finish_completes_what_a_crash_left_between_two_tracks),
        TEST(test_finish_lengthens_a_track_that_ended_too_early),
        TEST(test_finish_of_nothing_is_a_fault),
        TEST(test_published_waits_for_room_among_the_events),
        TEST(test_resumed_recording_fills_the_time_that_passed),
        TEST(test_gap_of_a_resumed_recording_is_bounded),
        TEST(test_full_disk_is_told_once_and_its_hole_filled),
        TEST(test_failing_sync_is_told_and_lost_nothing),
        TEST(test_missing_program_packets_are_a_hole),
        TEST(test_syncs_are_two_seconds_apart),
        TEST(test_silent_stem_is_filled_while_others_speak),
        TEST(test_more_hosts_than_stems_keep_the_rest_whole),
        TEST(test_fault_at_the_begin_is_answered_later),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
