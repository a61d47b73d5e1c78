#include "line_word.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define TICKET "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA-_"
#define LINE(rest) "{\"ticket\":\"" TICKET "\",\"place\":17,\"in_line\":300" rest "}"

static struct line_word word;

static int read_body(unsigned status, uint32_t retry_after_ms, const char *body)
{
    memset(&word, 0xee, sizeof(word));
    return line_word_read(&word, status, retry_after_ms, body, strlen(body));
}

static void test_a_seat_comes_with_its_ticket_and_the_time_it_is_held(void **state)
{
    (void)state;
    const char *body = "{\"answer\":\"seat\",\"ticket\":\"" TICKET "\",\"hold_ms\":10000}";
    assert_int_equal(read_body(200, LINE_AGAIN_NEVER, body), 0);
    assert_int_equal(word.answer, LINE_SEAT);
    assert_string_equal(word.place.ticket, TICKET);
    assert_int_equal(word.hold_ms, 10000);
}

static void test_a_place_says_where_how_long_and_when_to_ask_again(void **state)
{
    (void)state;
    const char *body =
        "{\"answer\":\"line\",\"state\":\"live\",\"retry_after_ms\":4000,\"line\":" LINE(
            ",\"wait\":{\"from_s\":40,\"to_s\":90}") "}";
    assert_int_equal(read_body(200, LINE_AGAIN_NEVER, body), 0);
    assert_int_equal(word.answer, LINE_PLACE);
    assert_int_equal(word.place.place, 17);
    assert_int_equal(word.place.in_line, 300);
    assert_true(word.place.has_wait);
    assert_int_equal(word.place.from_s, 40);
    assert_int_equal(word.place.to_s, 90);
    assert_int_equal(word.again_ms, 4000);
}

static void test_a_wait_may_be_unknown(void **state)
{
    (void)state;
    assert_int_equal(read_body(200, LINE_AGAIN_NEVER,
                               "{\"answer\":\"line\",\"retry_after_ms\":1,\"line\":" LINE("") "}"),
                     0);
    assert_false(word.place.has_wait);
}

static void test_whep_tells_a_place_in_its_problem(void **state)
{
    (void)state;
    assert_int_equal(
        read_body(503, 5000, "{\"code\":\"line\",\"retry_after_ms\":4200,\"line\":" LINE("") "}"),
        0);
    assert_int_equal(word.answer, LINE_PLACE);
    assert_int_equal(word.again_ms, 4200);
    assert_int_equal(read_body(503, 5000, "{\"code\":\"line\",\"line\":" LINE("") "}"), 0);
    assert_int_equal(word.again_ms, 5000);
}

static void test_elsewhere_names_a_node(void **state)
{
    (void)state;
    const char *body =
        "{\"answer\":\"elsewhere\",\"url\":\"https://a.example:8443\",\"ticket\":\"" TICKET
        "\",\"region\":\"eu-1\"}";
    assert_int_equal(read_body(200, LINE_AGAIN_NEVER, body), 0);
    assert_int_equal(word.answer, LINE_ELSEWHERE);
    assert_string_equal(word.node.url, "https://a.example:8443");
    assert_string_equal(word.node.ticket, TICKET);
    assert_string_equal(word.node.region, "eu-1");
    assert_int_equal(read_body(200, LINE_AGAIN_NEVER,
                               "{\"answer\":\"elsewhere\",\"url\":\"http://[2001:db8::1]\"}"),
                     0);
    assert_string_equal(word.node.url, "http://[2001:db8::1]");
    assert_string_equal(word.node.ticket, "");
    assert_string_equal(word.node.region, "");
}

static int read_node(struct line_node *out, const char *body)
{
    json_t *json = json_loads(body, 0, NULL);
    assert_non_null(json);
    int err = line_node_read(out, json);
    json_decref(json);
    return err;
}

static void test_a_node_is_scheme_host_and_port_and_no_more(void **state)
{
    (void)state;
    static const char *const urls[] = {
        "",
        "a.example",
        "//a.example",
        "ftp://a.example",
        "https://",
        "https:///",
        "https://a.example/",
        "https://a/x",
        "https://a?x",
        "https://a#x",
        "https://u@a",
        "https://a\\\\x",
        "https://a .example",
        "HTTPS://a",
        "wss://a",
    };
    struct line_node node, before;
    char body[LINE_URL_MAX + 64];
    memset(&node, 0xee, sizeof(node));
    before = node;
    for (size_t i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        (void)snprintf(body, sizeof(body), "{\"url\":\"%s\"}", urls[i]);
        assert_int_equal(read_node(&node, body), ERR_PROTO);
    }
    static const char *const others[] = {
        "{}",
        "{\"url\":7}",
        "{\"url\":\"http://a\",\"ticket\":\"short\"}",
        "{\"url\":\"http://a\",\"region\":\"\"}",
        "{\"url\":\"http://a\",\"region\":\"a b\"}",
        "{\"url\":\"http://a\",\"region\":\"123456789012345678901234567890123\"}"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(read_node(&node, others[i]), ERR_PROTO);
    assert_memory_equal(&node, &before, sizeof(node));
    for (int host_chars = LINE_URL_MAX - 7; host_chars <= LINE_URL_MAX - 6; host_chars++) {
        (void)snprintf(body, sizeof(body), "{\"url\":\"http://%0*d\"}", host_chars, 1);
        assert_int_equal(read_node(&node, body), host_chars <= LINE_URL_MAX - 7 ? 0 : ERR_PROTO);
    }
}

static void test_a_location_is_a_node_and_a_path(void **state)
{
    (void)state;
    struct line_node node;
    const char *path = NULL;
    assert_int_equal(line_node_split(&node, &path, "http://a.example:81/whep/x?y"), 0);
    assert_string_equal(node.url, "http://a.example:81");
    assert_string_equal(node.ticket, "");
    assert_string_equal(path, "/whep/x?y");
    static const char *const bad[] = {"",          "/whep/x",  "http://a", "http://u@a/x",
                                      "ftp://a/x", "http:///x"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(line_node_split(&node, &path, bad[i]), ERR_PROTO);
}

static void test_a_no_has_its_word_and_perhaps_a_time(void **state)
{
    (void)state;
    assert_int_equal(read_body(409, LINE_AGAIN_NEVER, "{\"code\":\"over\",\"message\":\"m\"}"), 0);
    assert_int_equal(word.answer, LINE_NO);
    assert_string_equal(word.word, "over");
    assert_int_equal(word.again_ms, LINE_AGAIN_NEVER);
    assert_int_equal(read_body(429, 7000, "{\"code\":\"too_many_here\"}"), 0);
    assert_int_equal(word.again_ms, 7000);
    assert_int_equal(read_body(503, LINE_AGAIN_NEVER,
                               "{\"code\":\"a_word_that_is_much_longer_than_anybody_would_wish\"}"),
                     0);
    assert_int_equal(strlen(word.word), LINE_WORD_CHARS - 1);
    assert_string_equal(word.place.ticket, "");
    assert_int_equal(
        read_body(503, 5000, "{\"code\":\"overload\",\"ticket\":\"AQQAAAAAbcdefghijklmnop\"}"), 0);
    assert_string_equal(word.place.ticket, "AQQAAAAAbcdefghijklmnop");
}

static void test_what_breaks_the_contract_is_no_answer(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",
        "[]",
        "{}",
        "{\"answer\":7}",
        "{\"answer\":\"perhaps\"}",
        "{\"answer\":\"seat\",\"ticket\":\"" TICKET "\"}",
        "{\"answer\":\"seat\",\"ticket\":\"short\",\"hold_ms\":1}",
        "{\"answer\":\"seat\",\"ticket\":\"" TICKET "!\",\"hold_ms\":1}",
        "{\"answer\":\"line\",\"line\":" LINE("") "}",
        "{\"answer\":\"line\",\"retry_after_ms\":1}",
        "{\"answer\":\"line\",\"retry_after_ms\":-1,\"line\":" LINE("") "}",
        "{\"answer\":\"line\",\"retry_after_ms\":1,\"line\":" LINE(",\"wait\":7") "}",
        "{\"answer\":\"line\",\"retry_after_ms\":1,\"line\":" LINE(
            ",\"wait\":{\"from_s\":9,\"to_s\":8}") "}",
        "{\"answer\":\"line\",\"retry_after_ms\":1,\"line\":{\"ticket\":\"" TICKET
        "\",\"place\":0,\"in_line\":1}}",
    };
    struct line_word before;
    memset(&before, 0xee, sizeof(before));
    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        assert_int_equal(read_body(200, LINE_AGAIN_NEVER, bodies[i]), ERR_PROTO);
        assert_memory_equal(&word, &before, sizeof(word));
    }
    assert_int_equal(read_body(503, 1, "{\"message\":\"no code\"}"), ERR_PROTO);
    assert_int_equal(read_body(302, 1, "{\"code\":\"line\"}"), ERR_PROTO);
    assert_int_equal(line_word_read(&word, 200, 1, NULL, 0), ERR_PROTO);
}

static void test_every_shorter_answer_is_refused(void **state)
{
    (void)state;
    const char *body = "{\"answer\":\"line\",\"retry_after_ms\":4000,\"line\":" LINE("") "}";
    for (size_t bytes = 0; bytes < strlen(body); bytes++)
        assert_int_equal(line_word_read(&word, 200, LINE_AGAIN_NEVER, body, bytes), ERR_PROTO);
}

static void test_a_ticket_is_at_most_so_long(void **state)
{
    (void)state;
    char text[LINE_TICKET_MAX + 2], out[LINE_TICKET_MAX + 1];
    memset(text, 'a', sizeof(text));
    text[LINE_TICKET_MAX + 1] = '\0';
    assert_false(line_take_ticket(out, text));
    assert_string_equal(out, "");
    text[LINE_TICKET_MAX] = '\0';
    assert_true(line_take_ticket(out, text));
    assert_string_equal(out, text);
    text[LINE_TICKET_MIN - 1] = '\0';
    assert_false(line_take_ticket(out, text));
    assert_false(line_take_ticket(out, NULL));
}

static void test_a_wish_of_days_is_an_hour(void **state)
{
    (void)state;
    assert_int_equal(
        read_body(503, LINE_AGAIN_NEVER, "{\"code\":\"full\",\"retry_after_ms\":99999999999}"), 0);
    assert_int_equal(word.again_ms, LINE_AGAIN_MAX_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_seat_comes_with_its_ticket_and_the_time_it_is_held),
        cmocka_unit_test(test_a_place_says_where_how_long_and_when_to_ask_again),
        cmocka_unit_test(test_a_wait_may_be_unknown),
        cmocka_unit_test(test_whep_tells_a_place_in_its_problem),
        cmocka_unit_test(test_elsewhere_names_a_node),
        cmocka_unit_test(test_a_node_is_scheme_host_and_port_and_no_more),
        cmocka_unit_test(test_a_location_is_a_node_and_a_path),
        cmocka_unit_test(test_a_no_has_its_word_and_perhaps_a_time),
        cmocka_unit_test(test_what_breaks_the_contract_is_no_answer),
        cmocka_unit_test(test_every_shorter_answer_is_refused),
        cmocka_unit_test(test_a_ticket_is_at_most_so_long),
        cmocka_unit_test(test_a_wish_of_days_is_an_hour),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
