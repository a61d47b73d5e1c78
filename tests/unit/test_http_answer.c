#include "rehearse/http_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define GOOD                                                                                       \
    "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 11:35:58 GMT\r\nContent-Length: 12\r\n"             \
    "Content-Type: application/json\r\n\r\n{\"answer\":1}"

static struct http_answer answer;
static struct http_reply reply;

static int add(const char *text, size_t bytes)
{
    return http_answer_add(&answer, slice_of(text, bytes), &reply);
}

static int read_whole(const char *text)
{
    answer.used = 0;
    reply = (struct http_reply){0};
    return add(text, strlen(text));
}

static void test_an_answer_in_one_piece(void **state)
{
    (void)state;
    assert_int_equal(read_whole(GOOD), 0);
    assert_int_equal(reply.status, 200);
    assert_true(slice_is(reply.body, "{\"answer\":1}"));
    assert_int_equal(reply.retry_after_s, HTTP_RETRY_NONE);
}

static void test_wherever_it_is_cut_it_is_the_same_answer(void **state)
{
    (void)state;
    size_t bytes = strlen(GOOD);
    for (size_t cut = 0; cut < bytes; cut++) {
        answer.used = 0;
        assert_int_equal(add(GOOD, cut), ERR_AGAIN);
        assert_int_equal(add(GOOD + cut, bytes - cut), 0);
        assert_true(slice_is(reply.body, "{\"answer\":1}"));
    }
}

static void test_byte_by_byte_it_is_whole_with_the_last(void **state)
{
    (void)state;
    size_t bytes = strlen(GOOD);
    answer.used = 0;
    for (size_t i = 0; i + 1 < bytes; i++)
        assert_int_equal(add(GOOD + i, 1), ERR_AGAIN);
    assert_int_equal(add(GOOD + bytes - 1, 1), 0);
}

static void test_no_content_has_no_body_and_needs_no_length(void **state)
{
    (void)state;
    assert_int_equal(read_whole("HTTP/1.1 204 No Content\r\nDate: x\r\n\r\n"), 0);
    assert_int_equal(reply.status, 204);
    assert_int_equal(reply.body.bytes, 0);
}

static void test_names_have_no_case_and_values_no_blanks_around_them(void **state)
{
    (void)state;
    assert_int_equal(read_whole("HTTP/1.1 503 \r\nCONTENT-LENGTH:\t 2 \r\nretry-after:7\r\n\r\n{}"),
                     0);
    assert_int_equal(reply.status, 503);
    assert_int_equal(reply.retry_after_s, 7);
    assert_int_equal(
        read_whole("HTTP/1.1 429\r\nContent-Length: 0\r\nRetry-After: Sun, 22 Nov 2026 "
                   "11:35:58 GMT\r\n\r\n"),
        0);
    assert_int_equal(reply.retry_after_s, HTTP_RETRY_NONE);
}

static void test_garbage_is_no_answer(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\r\n",
        "garbage\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 20 OK\r\n",
        "HTTP/1.1 2000 OK\r\n",
        "HTTP/1.1 -20 OK\r\n",
        "HTTP/1.1 101 Switching Protocols\r\n",
        "HTTP/1.1 200 OK\n",
        "HTTP/1.1 200 OK\r\n\r\n{}", /* no length */
        "HTTP/1.1 200 OK\r\nno colon\r\n",
        "HTTP/1.1 200 OK\r\n: 2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 200 OK", /* one more */
        "HTTP/1.1 204 No Content\r\n\r\nx",
    };
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (read_whole(bad[i]) != ERR_PROTO)
            fail_msg("taken for an answer: %s", bad[i]);
}

static void test_what_is_too_long_is_refused_as_soon_as_it_is_known(void **state)
{
    (void)state;
    static char long_text[HTTP_ANSWER_MAX + 1];
    assert_int_equal(read_whole("HTTP/1.1 200 OK\r\nContent-Length: 4097\r\n\r\n"), ERR_FULL);
    memset(long_text, 'x', sizeof(long_text) - 1);
    assert_int_equal(read_whole(long_text), ERR_FULL); /* a head without an end */
    answer.used = 0;
    assert_int_equal(add(long_text, sizeof(long_text) - 2), ERR_AGAIN);
    assert_int_equal(add(long_text, 2), ERR_FULL);
}

static void test_the_longest_answer_fits(void **state)
{
    (void)state;
    char text[HTTP_ANSWER_MAX + 1];
    memset(text, 'x', HTTP_ANSWER_MAX);
    text[HTTP_ANSWER_MAX] = '\0';
    int head = snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n",
                        HTTP_ANSWER_MAX - 41);
    assert_int_equal(head, 41);
    text[head] = 'x';
    assert_int_equal(read_whole(text), 0);
    assert_int_equal(reply.body.bytes, HTTP_ANSWER_MAX - 41);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_in_one_piece),
        cmocka_unit_test(test_wherever_it_is_cut_it_is_the_same_answer),
        cmocka_unit_test(test_byte_by_byte_it_is_whole_with_the_last),
        cmocka_unit_test(test_no_content_has_no_body_and_needs_no_length),
        cmocka_unit_test(test_names_have_no_case_and_values_no_blanks_around_them),
        cmocka_unit_test(test_garbage_is_no_answer),
        cmocka_unit_test(test_what_is_too_long_is_refused_as_soon_as_it_is_known),
        cmocka_unit_test(test_the_longest_answer_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
