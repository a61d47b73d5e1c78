#include "telemetry/log.h"

#include "base/thread.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_MAX = 60000 }; /* less than a pipe holds */

struct capture {
    int saved_fd;
    int pipe_fds[2];
    char text[TEXT_MAX];
};

static void capture_begin(struct capture *capture)
{
    assert_int_equal(pipe2(capture->pipe_fds, O_CLOEXEC), 0);
    capture->saved_fd = dup(STDERR_FILENO);
    assert_true(capture->saved_fd >= 0);
    assert_int_equal(dup2(capture->pipe_fds[1], STDERR_FILENO), STDERR_FILENO);
    (void)close(capture->pipe_fds[1]);
}

static const char *capture_end(struct capture *capture)
{
    assert_int_equal(dup2(capture->saved_fd, STDERR_FILENO), STDERR_FILENO);
    (void)close(capture->saved_fd);
    size_t bytes = 0;
    ssize_t got;
    while ((got = read(capture->pipe_fds[0], capture->text + bytes, TEXT_MAX - 1 - bytes)) > 0)
        bytes += (size_t)got;
    (void)close(capture->pipe_fds[0]);
    capture->text[bytes] = '\0';
    return capture->text;
}

static unsigned count_lines(const char *text)
{
    unsigned lines = 0;
    for (; *text; text++)
        lines += *text == '\n';
    return lines;
}

static void test_a_line_has_time_level_name_and_fields(void **state)
{
    (void)state;
    static struct capture capture;
    capture_begin(&capture);
    log_info("room.live", "room=%s hosts=%u", "ab12", 3u);
    const char *text = capture_end(&capture);
    int year, month, day, hour, minute, second, ms, end = 0;
    assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ%n", &year, &month, &day, &hour,
                            &minute, &second, &ms, &end),
                     7);
    assert_int_equal(end, 24);
    assert_string_equal(text + end, " info room.live room=ab12 hosts=3\n");
}

static void test_only_the_level_asked_for_is_shown(void **state)
{
    (void)state;
    static struct capture capture;
    capture_begin(&capture);
    log_set_level(LOG_LEVEL_WARN);
    log_error("a", "x=%d", 1);
    log_warn("b", "x=%d", 1);
    log_info("c", "x=%d", 1);
    log_debug("d", "x=%d", 1);
    log_set_level(LOG_LEVEL_DEBUG);
    log_debug("e", "x=%d", 1);
    log_set_level(LOG_LEVEL_INFO);
    const char *text = capture_end(&capture);
    assert_int_equal(count_lines(text), 3);
    assert_non_null(strstr(text, " error a x=1\n"));
    assert_non_null(strstr(text, " warn b x=1\n"));
    assert_non_null(strstr(text, " debug e x=1\n"));
}

static void test_no_field_makes_a_second_line(void **state)
{
    (void)state;
    static struct capture capture;
    capture_begin(&capture);
    log_warn("a", "title=%s", "one\n2026-01-01 error forged\x1b[2J");
    const char *text = capture_end(&capture);
    assert_int_equal(count_lines(text), 1);
    assert_null(strchr(text, 0x1B));
}

static void test_a_long_line_is_cut(void **state)
{
    (void)state;
    static struct capture capture;
    static char field[5000];
    memset(field, 'x', sizeof(field) - 1);
    capture_begin(&capture);
    log_warn("a", "title=%s", field);
    const char *text = capture_end(&capture);
    assert_int_equal(count_lines(text), 1);
    assert_in_range(strlen(text), 1000, 2048);
    assert_int_equal(text[strlen(text) - 1], '\n');
}

static void write_lines(void *arg)
{
    for (unsigned i = 0; i < 200; i++)
        log_info("thread", "name=%s end=1", (const char *)arg);
}

static void test_lines_of_two_threads_do_not_mix(void **state)
{
    (void)state;
    static struct capture capture;
    static char name_a[] = "aaaaaaaaaaaaaaaaaaaa";
    static char name_b[] = "bbbbbbbbbbbbbbbbbbbb";
    struct thread a;
    struct thread b;
    capture_begin(&capture);
    int err_a = thread_start(&a, "a", THREAD_ANY, write_lines, name_a);
    int err_b = thread_start(&b, "b", THREAD_ANY, write_lines, name_b);
    thread_join(&a);
    thread_join(&b);
    char *text = strdup(capture_end(&capture));
    assert_non_null(text);
    assert_int_equal(err_a | err_b, 0);
    assert_int_equal(count_lines(text), 400);
    unsigned whole = 0;
    char *rest = text;
    for (char *line; (line = strsep(&rest, "\n")) && *line;)
        whole += strstr(line, "name=aaaaaaaaaaaaaaaaaaaa end=1") ||
                 strstr(line, "name=bbbbbbbbbbbbbbbbbbbb end=1");
    assert_int_equal(whole, 400);
    free(text);
}

static void test_text_from_outside_is_made_safe(void **state)
{
    (void)state;
    char safe[LOG_SAFE_MAX];
    char text[300];
    assert_string_equal(log_safe(safe, "a b\n\"c\"='d'\x7F"), "a_b__c_=_d__");
    assert_string_equal(log_safe(safe, "\xC3\xBC"), "\xC3\xBC");
    assert_string_equal(log_safe(safe, NULL), "");
    memset(text, 'x', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    assert_int_equal(strlen(log_safe(safe, text)), LOG_SAFE_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_line_has_time_level_name_and_fields),
        cmocka_unit_test(test_only_the_level_asked_for_is_shown),
        cmocka_unit_test(test_no_field_makes_a_second_line),
        cmocka_unit_test(test_a_long_line_is_cut),
        cmocka_unit_test(test_lines_of_two_threads_do_not_mix),
        cmocka_unit_test(test_text_from_outside_is_made_safe),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
