#include "signalling/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { BYTES = 1000 };

static void expect_part(const char *header, uint64_t first, uint64_t last)
{
    struct range range = {0};
    assert_int_equal(range_parse(header, BYTES, &range), RANGE_PART);
    assert_int_equal(range.first, first);
    assert_int_equal(range.last, last);
}

static void expect(const char *header, enum range_answer answer)
{
    struct range range = {.first = 7, .last = 8};
    assert_int_equal(range_parse(header, BYTES, &range), answer);
    assert_int_equal(range.first, 7); /* written only for a part */
}

static void test_one_range_is_served(void **state)
{
    (void)state;
    expect_part("bytes=0-0", 0, 0);
    expect_part("bytes=0-499", 0, 499);
    expect_part("bytes=500-", 500, 999);
    expect_part("bytes=999-", 999, 999);
    expect_part("bytes=900-99999999999999999999999", 900, 999);
    expect_part("bytes=-1", 999, 999);
    expect_part("bytes=-1000", 0, 999);
    expect_part("bytes=-5000", 0, 999);
    expect_part("Bytes= 1-2 ", 1, 2);
}

static void test_beyond_the_end_is_unsatisfiable(void **state)
{
    (void)state;
    expect("bytes=1000-", RANGE_UNSATISFIABLE);
    expect("bytes=1000-1001", RANGE_UNSATISFIABLE);
    expect("bytes=18446744073709551616-", RANGE_UNSATISFIABLE);
    expect("bytes=-0", RANGE_UNSATISFIABLE);
    struct range range;
    assert_int_equal(range_parse("bytes=0-", 0, &range), RANGE_UNSATISFIABLE);
    assert_int_equal(range_parse("bytes=-5", 0, &range), RANGE_UNSATISFIABLE);
}

static void test_what_is_not_understood_is_ignored(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "",           "bytes",       "bytes=",     "bytes=-",   "bytes=a-b",   "bytes=2-1",
        "bytes=1",    "bytes=1-2-3", "bytes=1-2,", "items=0-1", "bytes=0x1-2", "bytes=--1",
        "bytes=1-2x", "bytes=+1-2",  "bytes =1-2",
    };
    for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
        expect(headers[i], RANGE_WHOLE);
}

static void test_many_ranges_are_one_whole(void **state)
{
    (void)state;
    char header[8192];
    size_t at = (size_t)snprintf(header, sizeof(header), "bytes=0-1");
    for (unsigned i = 0; i < 1300 && at < sizeof(header); i++)
        at += (size_t)snprintf(header + at, sizeof(header) - at, ",%u-", i % 10);
    expect(header, RANGE_WHOLE);
}

static void test_every_truncation_is_a_range_or_ignored(void **state)
{
    (void)state;
    const char *whole = "bytes=100-200";
    for (size_t length = 0; length <= strlen(whole); length++) {
        char cut[32] = "";
        memcpy(cut, whole, length);
        struct range range;
        /* "bytes=100-" is open, "100-2" and "100-20" run backwards. */
        bool is_part = length == strlen("bytes=100-") || length == strlen(whole);
        assert_int_equal(range_parse(cut, BYTES, &range), is_part ? RANGE_PART : RANGE_WHOLE);
    }
}

static void test_tags_are_compared_as_their_field_wants(void **state)
{
    (void)state;
    assert_true(etag_is_listed("\"a\"", "\"a\""));
    assert_true(etag_is_listed("W/\"a\"", "\"a\""));
    assert_true(etag_is_listed("\"x\", W/\"y\" ,\"a\"", "\"a\""));
    assert_true(etag_is_listed("*", "\"a\""));
    assert_false(etag_is_listed("", "\"a\""));
    assert_false(etag_is_listed("a", "\"a\""));
    assert_false(etag_is_listed("\"a", "\"a\""));
    assert_false(etag_is_listed("\"ab\"", "\"a\""));
    assert_false(etag_is_listed_strongly("W/\"a\"", "\"a\""));
    assert_true(etag_is_listed_strongly("\"b\", \"a\"", "\"a\""));
    assert_true(etag_allows_range("", "\"a\""));
    assert_true(etag_allows_range("\"a\"", "\"a\""));
    assert_false(etag_allows_range("W/\"a\"", "\"a\""));
    assert_false(etag_allows_range("Sat, 21 Nov 2026 20:00:00 GMT", "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_range_is_served),
        cmocka_unit_test(test_beyond_the_end_is_unsatisfiable),
        cmocka_unit_test(test_what_is_not_understood_is_ignored),
        cmocka_unit_test(test_many_ranges_are_one_whole),
        cmocka_unit_test(test_every_truncation_is_a_range_or_ignored),
        cmocka_unit_test(test_tags_are_compared_as_their_field_wants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
