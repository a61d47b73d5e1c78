#include "signalling/messages.h"
#include "signalling/strict_json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void expect_error(const char *text, const char *code, const char *ref)
{
    struct message message;
    struct message_problem problem;
    assert_int_equal(message_parse(&message, slice_text(text), &problem), ERR_PROTO);
    assert_string_equal(problem.code, code);
    assert_true(problem.text[0] != '\0');
    assert_string_equal(message.ref, ref);
    message_clear(&message);
}

static struct message expect_message(const char *text, enum message_type type)
{
    struct message message;
    struct message_problem problem;
    assert_int_equal(message_parse(&message, slice_text(text), &problem), 0);
    assert_int_equal(message.type, type);
    return message;
}

static void test_each_message_is_read(void **state)
{
    (void)state;
    struct message m = expect_message("{\"type\":\"hello\",\"room\":\"a-1\",\"as\":\"host\","
                                      "\"token\":\"abc\",\"ref\":\"x\"}",
                                      MESSAGE_HELLO);
    assert_string_equal(m.room, "a-1");
    assert_string_equal(m.token, "abc");
    assert_string_equal(m.ref, "x");
    assert_true(m.as_host);
    message_clear(&m);
    m = expect_message("{\"type\":\"hello\",\"room\":\"a\",\"as\":\"listener\"}", MESSAGE_HELLO);
    assert_null(m.token);
    assert_null(m.region);
    message_clear(&m);
    m = expect_message(
        "{\"type\":\"hello\",\"room\":\"a\",\"as\":\"listener\",\"region\":\"eu-1\"}",
        MESSAGE_HELLO);
    assert_string_equal(m.region, "eu-1");
    message_clear(&m);
    m = expect_message("{\"type\":\"consent\",\"wording\":\"2026-11\"}", MESSAGE_CONSENT);
    assert_string_equal(m.wording, "2026-11");
    message_clear(&m);
    m = expect_message("{\"type\":\"offer\",\"sdp\":\"v=0\"}", MESSAGE_OFFER);
    assert_true(slice_is(m.sdp, "v=0"));
    message_clear(&m);
    m = expect_message("{\"type\":\"mute\",\"muted\":false}", MESSAGE_MUTE);
    assert_false(m.has_host || m.muted);
    message_clear(&m);
    m = expect_message("{\"type\":\"mute\",\"muted\":true,\"host\":2.0}", MESSAGE_MUTE);
    assert_true(m.has_host && m.muted && m.host == 2);
    message_clear(&m);
    m = expect_message("{\"type\":\"steer\",\"action\":\"end\"}", MESSAGE_STEER);
    assert_string_equal(m.action, "end");
    message_clear(&m);
    m = expect_message("{\"type\":\"remove\",\"host\":2147483647}", MESSAGE_REMOVE);
    assert_int_equal(m.host, INT32_MAX);
    message_clear(&m);
    m = expect_message("{\"type\":\"leave\"}", MESSAGE_LEAVE);
    message_clear(&m);
}

static void test_not_json_is_bad_json(void **state)
{
    (void)state;
    expect_error("", "bad_json", "");
    expect_error("7", "bad_json", "");
    expect_error("[]", "bad_json", "");
    expect_error("{\"type\":\"leave\"} x", "bad_json", "");
    expect_error("{\"type\":\"leave\",\"type\":\"leave\"}", "bad_json", "");
    expect_error("{\"type\":\"leave\",\"ref\":\"\\u0000\"}", "bad_json", "");
    expect_error("{\"type\":\"leave\",\"ref\":\"\xff\"}", "bad_json", "");
}

static void test_depth_ends_at_its_limit(void **state)
{
    (void)state;
    char text[64];
    snprintf(text, sizeof(text), "{\"a\":%.*s%.*s}", STRICT_JSON_DEPTH_MAX - 1, "[[[[[[[[[[",
             STRICT_JSON_DEPTH_MAX - 1, "]]]]]]]]]]");
    expect_error(text, "unknown_type", ""); /* read, and not liked */
    snprintf(text, sizeof(text), "{\"a\":%.*s%.*s}", STRICT_JSON_DEPTH_MAX, "[[[[[[[[[[",
             STRICT_JSON_DEPTH_MAX, "]]]]]]]]]]");
    expect_error(text, "bad_json", "");
    expect_error("{\"type\":\"[[[[[[[[[[[[\\\"[[[\"}", "unknown_type",
                 ""); /* brackets in a string */
}

static void test_errors_echo_the_reference(void **state)
{
    (void)state;
    expect_error("{\"type\":\"dance\",\"ref\":\"r1\"}", "unknown_type", "r1");
    expect_error("{\"type\":\"leave\",\"ref\":\"r1\",\"x\":1}", "unknown_field", "r1");
    expect_error("{\"type\":\"mute\",\"ref\":\"r1\"}", "bad_field", "r1");
    expect_error("{\"type\":\"leave\",\"ref\":7}", "bad_field", "");
    expect_error("{\"type\":\"leave\",\"ref\":\"123456789012345678901234567890123\"}", "bad_field",
                 "");
    struct message m = expect_message(
        "{\"type\":\"leave\",\"ref\":\"12345678901234567890123456789012\"}", MESSAGE_LEAVE);
    message_clear(&m);
}

static void test_fields_have_their_types_and_limits(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "{\"type\":\"hello\",\"as\":\"listener\"}",
        "{\"type\":\"hello\",\"room\":\"A\",\"as\":\"listener\"}",
        "{\"type\":\"hello\",\"room\":\"a\",\"as\":\"owner\"}",
        "{\"type\":\"hello\",\"room\":\"a\",\"as\":\"host\"}",
        "{\"type\":\"hello\",\"room\":\"a\",\"as\":\"listener\",\"token\":7}",
        "{\"type\":\"hello\",\"room\":\"a\",\"as\":\"listener\",\"region\":7}",
        "{\"type\":\"hello\",\"room\":\"a\",\"as\":\"listener\",\"region\":\"\"}",
        "{\"type\":\"hello\",\"room\":\"a\",\"as\":\"listener\",\"region\":\"eu west\"}",
        "{\"type\":\"consent\",\"wording\":\"\"}",
        "{\"type\":\"consent\",\"wording\":\"123456789012345678901234567890123\"}",
        "{\"type\":\"offer\"}",
        "{\"type\":\"offer\",\"sdp\":{}}",
        "{\"type\":\"mute\",\"muted\":1}",
        "{\"type\":\"mute\",\"muted\":true,\"host\":0}",
        "{\"type\":\"mute\",\"muted\":true,\"host\":1.5}",
        "{\"type\":\"mute\",\"muted\":true,\"host\":\"1\"}",
        "{\"type\":\"steer\",\"action\":\"withdraw\"}",
        "{\"type\":\"remove\"}",
        "{\"type\":\"remove\",\"host\":2147483648}",
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        expect_error(bad[i], "bad_field", "");
}

static void test_regions_are_as_the_schema_has_them(void **state)
{
    (void)state;
    char longest[33 + 1] = "";
    memset(longest, 'Z', 32);
    assert_true(region_is_well_formed(longest));
    longest[32] = 'Z';
    assert_false(region_is_well_formed(longest));
    assert_true(region_is_well_formed("-"));
    assert_true(region_is_well_formed("eu-west-1"));
    assert_false(region_is_well_formed(""));
    assert_false(region_is_well_formed("eu_west"));
    assert_false(region_is_well_formed("\xc3\xa9"));
}

static void test_slugs_are_as_the_schema_has_them(void **state)
{
    (void)state;
    char longest[64 + 1] = "";
    memset(longest, 'a', 63);
    assert_true(slug_is_well_formed(longest));
    longest[63] = 'a';
    assert_false(slug_is_well_formed(longest));
    assert_true(slug_is_well_formed("a"));
    assert_true(slug_is_well_formed("a-b-9"));
    static const char *const bad[] = {"", "-", "-a", "a-", "a--b", "A", "a b", "a/b", "ä"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(slug_is_well_formed(bad[i]));
}

static void test_every_truncation_is_refused(void **state)
{
    (void)state;
    const char *whole = "{\"type\":\"mute\",\"muted\":true,\"host\":12,\"ref\":\"r\"}";
    for (size_t bytes = 0; bytes < strlen(whole); bytes++) {
        struct message message;
        struct message_problem problem;
        assert_int_equal(message_parse(&message, slice_of(whole, bytes), &problem), ERR_PROTO);
        message_clear(&message);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_message_is_read),
        cmocka_unit_test(test_not_json_is_bad_json),
        cmocka_unit_test(test_depth_ends_at_its_limit),
        cmocka_unit_test(test_errors_echo_the_reference),
        cmocka_unit_test(test_fields_have_their_types_and_limits),
        cmocka_unit_test(test_regions_are_as_the_schema_has_them),
        cmocka_unit_test(test_slugs_are_as_the_schema_has_them),
        cmocka_unit_test(test_every_truncation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
