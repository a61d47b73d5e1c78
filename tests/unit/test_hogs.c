#include "rehearse/hogs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG_S = 60 };

/* Processor time of a process so far, in the system's ticks. */
static unsigned long ticks_of(pid_t pid)
{
    char path[64], line[512];
    unsigned long user = 0, kernel = 0;
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return 0;
    const char *text = fgets(line, sizeof(line), file);
    const char *after = text != NULL ? strrchr(text, ')') : NULL;
    if (after != NULL)
        (void)sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user,
                     &kernel);
    (void)fclose(file);
    return user + kernel;
}

static void test_hogs_keep_processors_busy_until_they_are_stopped(void **state)
{
    (void)state;
    struct hogs hogs;
    assert_int_equal(hogs_start(&hogs, 2, LONG_S), 0);
    assert_int_equal(hogs.count, 2);
    pid_t first = hogs.pids[0], second = hogs.pids[1];
    while (ticks_of(first) < 3 || ticks_of(second) < 3)
        assert_int_equal(waitpid(first, NULL, WNOHANG), 0); /* it is there */
    hogs_stop(&hogs);
    assert_int_equal(hogs.count, 0);
    assert_int_equal(kill(first, 0), -1);
    assert_int_equal(errno, ESRCH);
    assert_int_equal(kill(second, 0), -1);
    hogs_stop(&hogs); /* nothing to do */
}

static void test_they_end_with_the_process_that_made_them(void **state)
{
    (void)state;
    int pipes[2];
    pid_t hog = 0;
    char end;
    assert_int_equal(pipe(pipes), 0);
    pid_t parent = fork();
    if (parent == 0) {
        struct hogs hogs;
        bool is_told = hogs_start(&hogs, 1, LONG_S) == 0 &&
                       write(pipes[1], &hogs.pids[0], sizeof(hogs.pids[0])) > 0;
        (void)kill(getpid(), SIGKILL);
        _exit(is_told ? 0 : 1);
    }
    (void)close(pipes[1]); /* the hog has the other copy: when it ends, so does the pipe */
    assert_int_equal(read(pipes[0], &hog, sizeof(hog)), sizeof(hog));
    assert_int_equal(waitpid(parent, NULL, 0), parent);
    assert_int_equal(read(pipes[0], &end, 1), 0);
    (void)close(pipes[0]);
}

static void test_they_end_when_their_time_is_up(void **state)
{
    (void)state;
    struct hogs hogs;
    int status;
    assert_int_equal(hogs_start(&hogs, 1, 1), 0);
    assert_int_equal(waitpid(hogs.pids[0], &status, 0), hogs.pids[0]);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hogs_keep_processors_busy_until_they_are_stopped),
        cmocka_unit_test(test_they_end_with_the_process_that_made_them),
        cmocka_unit_test(test_they_end_when_their_time_is_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
