#include "signalling/bare_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ASK "POST /api/v1/rooms/evening/line HTTP/1.1\r\n"
#define TEXT(literal)                                                                              \
    {                                                                                              \
        .data = (const uint8_t *)(literal), .bytes = sizeof(literal) - 1                           \
    }

static void test_what_it_says_is_read(void **state)
{
    (void)state;
    struct bare_request asked;
    assert_int_equal(bare_request_read(&asked, slice_text(ASK "Host: a\r\n\r\n")), 0);
    assert_true(slice_is(asked.method, "POST"));
    assert_true(slice_is(asked.target, "/api/v1/rooms/evening/line"));
    assert_null(asked.authorization.data);
    assert_null(asked.forwarded_for.data);
    assert_false(asked.closes);

    assert_int_equal(
        bare_request_read(&asked,
                          slice_text(ASK "content-LENGTH:0\r\nAuthorization: \t Bearer x y \r\n"
                                         "X-Forwarded-For:1.2.3.4, ::1\r\nEmpty:\r\n\r\n")),
        0);
    assert_true(slice_is(asked.authorization, "Bearer x y"));
    assert_true(slice_is(asked.forwarded_for, "1.2.3.4, ::1"));
}

static void test_whether_it_is_the_last_one(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool closes;
    } heads[] = {
        {ASK "\r\n", false},
        {ASK "connection: Close\r\n\r\n", true},
        {ASK "Connection: keep-alive\r\n\r\n", false},
        {ASK "Connection: close, TE\r\n\r\n", false}, /* not understood: goes the usual way */
        {"GET /a HTTP/1.0\r\n\r\n", true},
        {"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", false},
    };
    for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct bare_request asked;
        assert_int_equal(bare_request_read(&asked, slice_text(heads[i].text)), 0);
        assert_int_equal(asked.closes, heads[i].closes);
    }
}

static void test_every_other_form_is_left_alone(void **state)
{
    (void)state;
    static const struct slice others[] = {
        TEXT(""),
        TEXT("\r\n\r\n"),
        TEXT("\r\n" ASK "\r\n"),
        TEXT(ASK "Host: a\r\n"),
        TEXT(ASK "Host: a\r\n\r"),
        TEXT(ASK "Host: a\n\n"),
        TEXT(ASK "Host: a\n\r\n\r\n"),
        TEXT(ASK "Content-Length: 2\r\n\r\n{}"),
        TEXT(ASK "Content-Length: 00\r\n\r\n"),
        TEXT(ASK "Content-Length: +0\r\n\r\n"),
        TEXT(ASK "Content-Length: 0, 4\r\n\r\n"),
        TEXT(ASK "Content-Length: 4\r\n\r\n\r\n\r\n"),
        TEXT(ASK "Transfer-Encoding: chunked\r\n\r\n"),
        TEXT(ASK "transfer-encoding:\r\n\r\n"),
        TEXT(ASK "Expect: 100-continue\r\n\r\n"),
        TEXT(ASK "Upgrade: websocket\r\n\r\n"),
        TEXT(ASK "Host: a\r\n\r\n" ASK "Host: a\r\n\r\n"),
        TEXT(ASK "Authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n"),
        TEXT(ASK "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n"),
        TEXT(ASK "Host: a\r\n b\r\n\r\n"),
        TEXT(ASK "Host : a\r\n\r\n"),
        TEXT(ASK ": a\r\n\r\n"),
        TEXT(ASK "Host\r\n\r\n"),
        TEXT(ASK "Host: a\rContent-Length: 4\r\n\r\n"),
        TEXT(ASK "Host: a\0b\r\n\r\n"),
        TEXT("POST /api/v1/rooms/%65vening/line HTTP/1.1\r\n\r\n"),
        TEXT("POST /a b HTTP/1.1\r\n\r\n"),
        TEXT("POST /a HTTP/2.0\r\n\r\n"),
        TEXT("POST /a HTTP/1.1 \r\n\r\n"),
        TEXT("POST  /a HTTP/1.1\r\n\r\n"),
        TEXT("POST /\xC3\xA4 HTTP/1.1\r\n\r\n"),
        TEXT("P(ST /a HTTP/1.1\r\n\r\n"),
        TEXT(" POST /a HTTP/1.1\r\n\r\n"),
    };
    for (unsigned i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct bare_request asked;
        if (bare_request_read(&asked, others[i]) != ERR_UNSUPPORTED)
            fail_msg("form %u was taken", i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_it_says_is_read),
        cmocka_unit_test(test_whether_it_is_the_last_one),
        cmocka_unit_test(test_every_other_form_is_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
