#include "base/clock.h"
#include "base/random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char alphanumeric[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

static void test_bytes_differ_and_stay_in_bounds(void **state)
{
    (void)state;
    uint8_t a[65] = {0};
    uint8_t b[65] = {0};
    random_bytes(a, 64);
    random_bytes(b, 64);
    assert_memory_not_equal(a, b, 64);
    assert_int_equal(a[64], 0);
    random_bytes(a, 0);
    assert_int_not_equal(random_u32() ^ random_u32(), random_u32() ^ random_u32());
}

static void expect_alphabet(const char *text, size_t chars, const char *two_more)
{
    assert_int_equal(strlen(text), chars);
    for (size_t i = 0; i < chars; i++)
        assert_true(strchr(alphanumeric, text[i]) || strchr(two_more, text[i]));
    assert_non_null(strchr(text, two_more[0]));
    assert_non_null(strchr(text, two_more[1]));
}

static void test_each_alphabet_is_used_whole(void **state)
{
    (void)state;
    char text[4097];
    random_ice_chars(text, 4096);
    expect_alphabet(text, 4096, "+/");
    random_url_chars(text, 4096);
    expect_alphabet(text, 4096, "-_");
    random_url_chars(text, 0);
    assert_string_equal(text, "");
}

static void test_clocks_go_forward(void **state)
{
    (void)state;
    uint64_t before_us = clock_now_us();
    assert_true(clock_now_us() >= before_us);
    assert_true(clock_wall_ms() > 1700000000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bytes_differ_and_stay_in_bounds),
        cmocka_unit_test(test_each_alphabet_is_used_whole),
        cmocka_unit_test(test_clocks_go_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
