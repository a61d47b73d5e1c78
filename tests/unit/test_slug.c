#include "base/slug.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_letters_digits_and_single_hyphens_make_a_slug(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "7", "a-b", "monday-evening-2", "0-0-0"};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_true(slug_is_valid(good[i]));
    static const char *const bad[] = {"",  "-",   "-a",  "a-",  "a--b",
                                      "A", "a b", "a.b", "a/b", "\xC3\xA4"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(slug_is_valid(bad[i]));
}

static void test_the_longest_slug_is_taken_and_one_more_is_not(void **state)
{
    (void)state;
    char slug[SLUG_MAX + 2];
    memset(slug, 'a', sizeof(slug));
    slug[SLUG_MAX] = '\0';
    assert_true(slug_is_valid(slug));
    slug[SLUG_MAX] = 'a';
    slug[SLUG_MAX + 1] = '\0';
    assert_false(slug_is_valid(slug));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_digits_and_single_hyphens_make_a_slug),
        cmocka_unit_test(test_the_longest_slug_is_taken_and_one_more_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
