#include "admission/familiar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct address numbered(uint32_t number)
{
    struct address address;
    assert_int_equal(address_parse(&address, "198.18.0.0"), 0);
    address.ip[14] = (uint8_t)(number >> 8);
    address.ip[15] = (uint8_t)number;
    return address;
}

static void test_who_was_here_is_known_until_the_evening_is_over(void **state)
{
    (void)state;
    static struct familiar familiar;
    familiar = (struct familiar){0};
    struct address host = numbered(1), other = numbered(2);
    assert_false(familiar_has(&familiar, &host, 5));
    familiar_note(&familiar, &host, 5);
    host.port = 4711;
    assert_true(familiar_has(&familiar, &host, 5));
    assert_false(familiar_has(&familiar, &other, 5));
    assert_true(familiar_has(&familiar, &host, 5 + FAMILIAR_US));
    assert_false(familiar_has(&familiar, &host, 6 + FAMILIAR_US));
    familiar_note(&familiar, &host, 6 + FAMILIAR_US);
    assert_true(familiar_has(&familiar, &host, 6 + 2 * FAMILIAR_US));
}

static void test_a_proxy_on_this_machine_is_nobody(void **state)
{
    (void)state;
    static struct familiar familiar;
    familiar = (struct familiar){0};
    struct address proxy;
    assert_int_equal(address_parse(&proxy, "127.0.0.1"), 0);
    familiar_note(&familiar, &proxy, 1);
    assert_false(familiar_has(&familiar, &proxy, 1));
}

static void test_the_one_who_was_seen_longest_ago_makes_way(void **state)
{
    (void)state;
    static struct familiar familiar;
    familiar = (struct familiar){0};
    for (uint32_t i = 0; i < FAMILIAR_MAX; i++) {
        struct address from = numbered(i);
        familiar_note(&familiar, &from, 10 + i);
    }
    struct address first = numbered(0), second = numbered(1), newcomer = numbered(FAMILIAR_MAX);
    familiar_note(&familiar, &first, 1000); /* again: no second place */
    familiar_note(&familiar, &newcomer, 1001);
    assert_true(familiar_has(&familiar, &first, 1001));
    assert_true(familiar_has(&familiar, &newcomer, 1001));
    assert_false(familiar_has(&familiar, &second, 1001));
    for (uint32_t i = 2; i < FAMILIAR_MAX; i++) {
        struct address from = numbered(i);
        assert_true(familiar_has(&familiar, &from, 1001));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_was_here_is_known_until_the_evening_is_over),
        cmocka_unit_test(test_a_proxy_on_this_machine_is_nobody),
        cmocka_unit_test(test_the_one_who_was_seen_longest_ago_makes_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
