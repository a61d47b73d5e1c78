#include "signalling/request_head.h"

#include "admission/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define LINE "POST /api/v1/rooms/evening/line HTTP/1.1\r\nHost: a\r\n"

static struct request_head read_head(const char *text)
{
    struct request_head head;
    request_head_read(&head, slice_text(text));
    return head;
}

static void test_who_asks_for_a_seat_names_the_room(void **state)
{
    (void)state;
    static const struct {
        const char *text, *room;
    } heads[] = {
        {LINE "\r\n", "evening"},
        {"POST /api/v1/rooms/evening/line?lang=de HTTP/1.1\r\n\r\n", "evening"},
        {"POST /whep/late-show HTTP/1.1\r\n\r\n", "late-show"},
        {"POST /whep/late-show HTT", "late-show"},
        {"GET /whep/evening HTTP/1.1\r\n\r\n", ""},
        {"POST /whep/s/12ab HTTP/1.1\r\n\r\n", ""},
        {"POST /whep/ HTTP/1.1\r\n\r\n", ""},
        {"POST /whep/Evening HTTP/1.1\r\n\r\n", ""},
        {"POST /whep/x%2Fy HTTP/1.1\r\n\r\n", ""},
        {"POST /api/v1/rooms/evening/end HTTP/1.1\r\n\r\n", ""},
        {"POST /api/v1/rooms/evening/line/more HTTP/1.1\r\n\r\n", ""},
        {"POSTER /whep/evening HTTP/1.1\r\n\r\n", ""},
    };
    for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
        assert_string_equal(read_head(heads[i].text).room, heads[i].room);
}

static void test_a_name_that_is_too_long_is_no_room(void **state)
{
    (void)state;
    char text[512] = "POST /whep/";
    size_t begins = strlen(text);
    memset(text + begins, 'a', SLUG_MAX + 1);
    memcpy(text + begins + SLUG_MAX + 1, " HTTP/1.1\r\n\r\n", sizeof(" HTTP/1.1\r\n\r\n"));
    assert_string_equal(read_head(text).room, "");
    memmove(text + begins, text + begins + 1, strlen(text + begins));
    assert_int_equal(strlen(read_head(text).room), SLUG_MAX);
    memset(text + begins, 'a', sizeof(text) - begins - 1);
    assert_string_equal(read_head(text).room, "");
}

static void test_tickets_are_told_apart(void **state)
{
    (void)state;
    struct request_head new = read_head(LINE "\r\n");
    assert_true(new.is_post && !new.is_empty && !new.is_upgrade);
    assert_false(new.has_credentials || new.was_put_off);
    struct request_head again =
        read_head(LINE "Authorization: Bearer " TICKET_ASKED_BEGINS "xyz\r\n\r\n");
    assert_true(again.has_credentials && again.was_put_off);
    again = read_head(LINE "AUTHORIZATION:bearer " TICKET_ASKED_BEGINS);
    assert_true(again.has_credentials && again.was_put_off);
    struct request_head seated = read_head(LINE "authorization:  Bearer AQIAAAAAxyz\r\n\r\n");
    assert_true(seated.has_credentials && !seated.was_put_off);
}

static void test_pages_and_their_parts(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_page, is_asset;
    } heads[] = {
        {"GET /r/a HTTP/1.1\r\nHost: a\r\nAccept: text/html,application/xml;q=0.9\r\n\r\n", true,
         false},
        {"GET / HTTP/1.1\r\naccept:text/html\r\n\r\n", true, false},
        {"GET /assets/js/line.js HTTP/1.1\r\nAccept: */*\r\n\r\n", false, true},
        {"GET /assets/css/a.css HTTP/1.1\r\nAccept: text/css,*/*;q=0.1\r\n\r\n", false, true},
        {"GET /api/v1/rooms/a/door HTTP/1.1\r\nAccept: application/json\r\n\r\n", false, false},
        {"GET /r/a HTTP/1.1\r\nAccept: */*\r\nX-Accept: text/html\r\n\r\n", false, false},
        {"POST /assets/ HTTP/1.1\r\nAccept: text/html\r\n\r\n", false, false},
        {"GET /asset HTTP/1.1\r\nAccept: text/htm", false, false},
    };
    for (unsigned i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        struct request_head head = read_head(heads[i].text);
        assert_int_equal(head.is_page, heads[i].is_page);
        assert_int_equal(head.is_asset, heads[i].is_asset);
    }
}

static void test_what_is_not_there_is_not_seen(void **state)
{
    (void)state;
    struct request_head nothing = read_head("");
    assert_true(nothing.is_empty && !nothing.is_post && !nothing.is_upgrade);
    assert_true(read_head("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n").is_upgrade);
    /* in the path, in another field, in the body, cut off before its value */
    static const char *const without[] = {
        "GET /upgrade:/authorization:a HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nX-Upgrade: a\r\nCookie: authorization: a\r\n\r\n",
        "POST / HTTP/1.1\r\n\r\nUpgrade: a\r\nAuthorization: Bearer a\r\n",
        "GET / HTTP/1.1\r\nUpgrade:",
    };
    for (unsigned i = 0; i < sizeof(without) / sizeof(without[0]); i++) {
        struct request_head head = read_head(without[i]);
        assert_false(head.is_upgrade || head.has_credentials || head.is_empty);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_asks_for_a_seat_names_the_room),
        cmocka_unit_test(test_a_name_that_is_too_long_is_no_room),
        cmocka_unit_test(test_tickets_are_told_apart),
        cmocka_unit_test(test_pages_and_their_parts),
        cmocka_unit_test(test_what_is_not_there_is_not_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
