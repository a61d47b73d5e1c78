/* fault_recorder.c - kills a recording process again and again, and fills a real disk.
 *
 * The judge is our own verifier and, where they are installed, opusinfo, oggz-validate and ffmpeg.
 */
#include "recording/recorder.h"

#include "recording_fixture.h"

#include <errno.h>
#include <opus/opus.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

enum {
    NUMBER = 1,
    KILLS = 12,
    TRACKS = 3, /* the program and two stems */
    PACKETS = 50,
    LOSS_MAX_SAMPLES = 12000, /* 0.25 s */
    PATIENCE_MS = 30000,
    EXIT_NO_PERMISSION = 77,
    EXIT_NO_TOOL = 127,
    OUTPUT_BYTES = 65536,
};

/* What the victim tells its killer. */
struct shared {
    atomic_ullong pushed_samples;
};

static struct test_packet packets[PACKETS];
static struct recorder *recorder;

static int encode_packets(void **state)
{
    int failed = 0;
    OpusEncoder *encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_AUDIO, &failed);
    if (!encoder)
        return -1;
    for (unsigned i = 0; i < PACKETS; i++) {
        int16_t pcm[FRAME];
        for (unsigned k = 0; k < FRAME; k++)
            pcm[k] = (k + i * FRAME) / 60 % 2 ? 3000 : -3000; /* 400 Hz, loops without a seam */
        int bytes = opus_encode(encoder, pcm, FRAME, packets[i].data, sizeof(packets[i].data));
        if (bytes <= 0)
            return -1;
        packets[i].bytes = (size_t)bytes;
    }
    opus_encoder_destroy(encoder);
    return make_test_folder(state);
}

/* ---- recording ---- */

static void keep_last(void *ctx, const struct recorder_event *event)
{
    struct recorder_event *last = ctx;
    *last = *event;
}

/* Waits for one event; others before it are passed over. False: it never came. */
static bool await(enum recorder_event_kind kind, struct recorder_event *out)
{
    for (;;) {
        struct pollfd bell = {.fd = recorder_events_fd(recorder), .events = POLLIN};
        if (poll(&bell, 1, PATIENCE_MS) != 1)
            return false;
        struct recorder_event event = {.recording = 0};
        recorder_drain(recorder, keep_last, &event);
        if (event.recording == NUMBER && event.kind == kind) {
            *out = event;
            return true;
        }
    }
}

static bool start(void)
{
    return recorder_create(&recorder, test_folder, 1) == 0 && recorder_start(recorder) == 0;
}

static struct recording_params params_of(void)
{
    return (struct recording_params){.recording = NUMBER,
                                     .title = "Killed",
                                     .start_wall_ms = 1795291200000,
                                     .resume = true,
                                     .pre_skip_samples = PRE_SKIP};
}

static bool begin(uint64_t *position)
{
    struct recording_params params = params_of();
    struct recorder_event event;
    if (recorder_begin(recorder, &params) != 0 || !await(RECORDER_READY, &event))
        return false;
    *position = event.position_samples;
    return true;
}

static void push_tracks(uint64_t position, unsigned tracks)
{
    const struct test_packet *bytes = &packets[position / FRAME % PACKETS];
    for (uint32_t track = 0; track < tracks; track++) {
        struct track_packet packet = {.recording = NUMBER,
                                      .position_samples = position,
                                      .track = track,
                                      .samples = FRAME,
                                      .bytes = (uint32_t)bytes->bytes,
                                      .data = bytes->data};
        recorder_push(recorder, 0, &packet);
    }
    recorder_flush(recorder, 0);
}

/* ---- the victim ---- */

/* Waits until all that was pushed has reached the journals. The recorder obeys an order and takes the
 * packets then: behind the second answer, the packets before the first order are dealt with. The order
 * is one that is refused at once. */
static bool let_it_work(void)
{
    struct recording_params params = params_of();
    struct recorder_event event;
    for (unsigned i = 0; i < 2; i++)
        if (recorder_begin(recorder, &params) != 0 || !await(RECORDER_FAULT, &event) ||
            event.error != ERR_EXIST)
            return false;
    return true;
}

/* Records until it is killed, as fast as the recorder takes it, so that what may be lost is a matter of
 * pages and not of scheduling; from when the silence since the last kill is in the journals. */
static _Noreturn void be_victim(struct shared *shared)
{
    uint64_t position;
    if (!start() || !begin(&position) || !let_it_work())
        _exit(1);
    for (;; position += FRAME) {
        push_tracks(position, TRACKS);
        atomic_store(&shared->pushed_samples, position + FRAME);
        if (!let_it_work())
            _exit(1);
    }
}

/* ---- judges ---- */

/* Runs a tool and takes what it says. Its exit status, or EXIT_NO_TOOL. */
static int run_tool(const char *const argv[], char *output)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t tool = fork();
    assert_true(tool >= 0);
    if (tool == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        (void)close(ends[0]);
        char *args[12];
        unsigned count = 0;
        for (; argv[count] && count < 11; count++)
            args[count] = strdup(argv[count]); /* exec wants them writable */
        args[count] = NULL;
        (void)execvp(args[0], args);
        _exit(EXIT_NO_TOOL);
    }
    (void)close(ends[1]);
    size_t at = 0;
    ssize_t got;
    while (at < OUTPUT_BYTES - 1 && (got = read(ends[0], output + at, OUTPUT_BYTES - 1 - at)) > 0)
        at += (size_t)got;
    output[at] = '\0';
    (void)close(ends[0]);
    int status;
    assert_int_equal(waitpid(tool, &status, 0), tool);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static unsigned count_of(const char *text, const char *word)
{
    unsigned count = 0;
    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        count++;
    return count;
}

/* A file without its end mark is fine for all of them but for just that. */
static void assert_tools_accept(const char *path, bool ended)
{
    static char output[OUTPUT_BYTES];
    const char *const opusinfo[] = {"opusinfo", path, NULL};
    const char *const oggz[] = {"oggz-validate", path, NULL};
    const char *const ffmpeg[] = {"ffmpeg", "-nostdin", "-v",   "error", "-i",
                                  path,     "-f",       "null", "-",     NULL};
    unsigned marks_missing = ended ? 0 : 1;
    if (run_tool(opusinfo, output) != EXIT_NO_TOOL) {
        if (count_of(output, "WARNING") != marks_missing)
            print_message("%s", output);
        assert_int_equal(count_of(output, "EOS not set"), marks_missing);
        assert_int_equal(count_of(output, "WARNING"), marks_missing);
        assert_int_equal(count_of(output, "ERROR"), 0);
    }
    int status = run_tool(oggz, output);
    if (status != EXIT_NO_TOOL) {
        assert_int_equal(status, ended ? 0 : 1);
        assert_int_equal(count_of(output, "serialno"), marks_missing); /* a line per complaint */
        assert_int_equal(count_of(output, "missing *** eos"), marks_missing);
    }
    status = run_tool(ffmpeg, output);
    if (status != EXIT_NO_TOOL) {
        assert_int_equal(status, 0);
        assert_string_equal(output, "");
    }
}

static const char *path_of(uint32_t track)
{
    static char path[128];
    assert_int_equal(folder_file(test_folder, NUMBER, track, path, sizeof(path)), 0);
    return path;
}

/* As the killer finds it: untouched, without an end. A kill may tear the page that is being written, for the kernel
 * looks for it between two pages of memory; then that one is lost, and nothing before it. */
static void assert_little_lost(uint64_t pushed_samples, bool ask_tools)
{
    for (uint32_t track = 0; track < TRACKS; track++) {
        struct verdict verdict = judge_file(path_of(track));
        assert_true(verdict.is_whole_before_tail);
        assert_false(verdict.ended);
        int64_t kept = verdict.duration_samples + PRE_SKIP;
        assert_true(kept + LOSS_MAX_SAMPLES >= (int64_t)pushed_samples);
        assert_true(kept <= (int64_t)pushed_samples + FRAME); /* pushed, and not yet told */
        if (ask_tools && verdict.whole)
            assert_tools_accept(path_of(track), false);
    }
}

/* ---- tests ---- */

static void wait_for_a_random_moment(const struct shared *shared, uint64_t old_samples)
{
    while (atomic_load(&shared->pushed_samples) < old_samples + 48000)
        (void)usleep(1000);
    (void)usleep((useconds_t)(rand() % 30000));
}

static void test_killed_recordings_lose_a_quarter_second_at_most(void **state)
{
    (void)state;
    struct shared *shared =
        mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    for (unsigned kill_count = 0; kill_count < KILLS; kill_count++) {
        uint64_t old_samples = atomic_load(&shared->pushed_samples);
        pid_t victim = fork();
        assert_true(victim >= 0);
        if (victim == 0)
            be_victim(shared);
        wait_for_a_random_moment(shared, old_samples);
        assert_int_equal(kill(victim, SIGKILL), 0);
        int status;
        assert_int_equal(waitpid(victim, &status, 0), victim);
        assert_true(WIFSIGNALED(status)); /* it did not end by itself */
        assert_little_lost(atomic_load(&shared->pushed_samples), kill_count % 4 == 0);
    }
    assert_true(start());
    struct recording_params params = params_of();
    struct recorder_event event;
    assert_int_equal(recorder_finish(recorder, &params), 0);
    assert_true(await(RECORDER_PUBLISHED, &event));
    recorder_destroy(recorder);
    assert_int_equal(event.stem_count, TRACKS - 1);
    for (uint32_t track = 0; track < TRACKS; track++) {
        struct verdict verdict = judge_file(path_of(track));
        assert_true(verdict.whole);
        assert_true(verdict.ended);
        assert_int_equal(verdict.duration_samples, event.duration_samples);
        assert_tools_accept(path_of(track), true);
    }
    (void)munmap(shared, sizeof(*shared));
}

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            (void)fprintf(stderr, "line %d: %s\n", __LINE__, #condition);                          \
            _exit(1);                                                                              \
        }                                                                                          \
    } while (0)

/* In a file system of 160 kB of its own, of which 64 kB are taken at first. */
static _Noreturn void fill_a_disk(void)
{
    bool alone = unshare(CLONE_NEWNS) == 0 || unshare(CLONE_NEWUSER | CLONE_NEWNS) == 0;
    if (!alone || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("tmpfs", test_folder, "tmpfs", 0, "size=160k") != 0)
        _exit(EXIT_NO_PERMISSION);
    char ballast[128];
    static const char zeros[65536];
    (void)snprintf(ballast, sizeof(ballast), "%s/ballast", test_folder);
    int fd = open(ballast, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, zeros, sizeof(zeros)) == (ssize_t)sizeof(zeros));
    uint64_t position;
    struct recorder_event event;
    CHECK(start() && begin(&position) && position == 0);
    for (unsigned i = 0; i < 1000; i++, position += FRAME) /* some 200 kB */
        push_tracks(position, 1);
    CHECK(await(RECORDER_FAULT, &event) && event.system_error == ENOSPC);
    struct verdict verdict = judge_file(path_of(RECORDER_PROGRAM));
    CHECK(verdict.whole && verdict.tail_bytes == 0 && verdict.duration_samples > 48000);
    CHECK(close(fd) == 0 && unlink(ballast) == 0);
    CHECK(await(RECORDER_HOLE, &event) && event.hole_samples > 0);
    CHECK(event.position_samples == (uint64_t)verdict.duration_samples + PRE_SKIP);
    for (unsigned i = 0; i < 100; i++, position += FRAME)
        push_tracks(position, 1);
    recorder_push_end(recorder, 0, NUMBER, position);
    recorder_flush(recorder, 0);
    CHECK(await(RECORDER_PUBLISHED, &event) && event.duration_samples == position);
    recorder_destroy(recorder);
    verdict = judge_file(path_of(RECORDER_PROGRAM));
    CHECK(verdict.whole && verdict.ended && verdict.duration_samples == (int64_t)position);
    assert_tools_accept(path_of(RECORDER_PROGRAM), true);
    _exit(0);
}

static void test_full_disk_is_told_and_survived(void **state)
{
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        fill_a_disk();
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == EXIT_NO_PERMISSION)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    srand(20); /* when, not whether */
#define TEST(name) cmocka_unit_test_setup_teardown(name, encode_packets, remove_test_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_killed_recordings_lose_a_quarter_second_at_most),
        TEST(test_full_disk_is_told_and_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
