#include "admission/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND_US = 1000000 };

static const struct limits_params small = {
    .prefixes_max = 4, .sockets_per_prefix = 3, .asks_per_second = 2, .asks_burst = 10};

static struct limits *make(const struct limits_params *params)
{
    struct limits *limits = NULL;
    assert_int_equal(limits_create(&limits, params), 0);
    return limits;
}

static struct address at(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(&address, text), 0);
    return address;
}

static struct address numbered(uint32_t number)
{
    struct address address = at("198.18.0.0");
    address.ip[13] = (uint8_t)(18 + (number >> 16));
    address.ip[14] = (uint8_t)(number >> 8);
    address.ip[15] = (uint8_t)number;
    return address;
}

static void test_a_bucket_gives_its_burst_and_then_its_rate(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    uint64_t now_us = 5 * SECOND_US;
    for (unsigned i = 0; i < 4; i++)
        assert_true(bucket_take(&bucket, 2, 4, now_us));
    assert_false(bucket_take(&bucket, 2, 4, now_us));
    assert_false(bucket_take(&bucket, 2, 4, now_us + SECOND_US / 2 - 1));
    assert_true(bucket_take(&bucket, 2, 4, now_us + SECOND_US / 2));
    assert_false(bucket_take(&bucket, 2, 4, now_us + SECOND_US / 2));
    assert_true(bucket_take(&bucket, 2, 4, now_us + SECOND_US));
    for (unsigned i = 0; i < 4; i++) /* long rest fills it, and no further */
        assert_true(bucket_take(&bucket, 2, 4, now_us + 3600ull * SECOND_US));
    assert_false(bucket_take(&bucket, 2, 4, now_us + 3600ull * SECOND_US));
    assert_false(bucket_take(&bucket, 2, 4, now_us)); /* a clock that steps back gives nothing */
}

static void test_many_small_steps_give_no_more_than_the_rate(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    unsigned given = 0;
    for (uint64_t now_us = 1; now_us <= 10 * SECOND_US; now_us += 37)
        given += bucket_take(&bucket, 3, 5, now_us);
    assert_in_range(given, 5 + 29, 5 + 30);
}

static void test_a_bucket_at_time_zero_is_full(void **state)
{
    (void)state;
    struct bucket bucket = {0};
    assert_true(bucket_take(&bucket, 1, 1, 0));
    assert_false(bucket_take(&bucket, 1, 1, 0));
    assert_false(bucket_take(&bucket, 0, 1, 100ull * SECOND_US)); /* a rate of nothing */
}

static void test_sockets_per_prefix_are_counted_exactly(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address from = at("192.0.2.1:1000");
    struct address other_port = at("192.0.2.1:2000");
    struct address neighbour = at("192.0.2.2");
    assert_true(limits_take_socket(limits, &from, 0));
    assert_true(limits_take_socket(limits, &other_port, 0));
    assert_true(limits_take_socket(limits, &from, 0));
    assert_false(limits_take_socket(limits, &from, 0));
    assert_true(limits_take_socket(limits, &neighbour, 0));
    limits_return_socket(limits, &other_port);
    assert_true(limits_take_socket(limits, &from, 0));
    assert_false(limits_take_socket(limits, &from, 0));
    limits_destroy(limits);
    limits_destroy(NULL);
}

static void test_a_64_prefix_of_ipv6_counts_as_one(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address a = at("2001:db8:1:2::1");
    struct address b = at("2001:db8:1:2:ffff::9");
    struct address c = at("2001:db8:1:3::1");
    assert_true(limits_take_socket(limits, &a, 0));
    assert_true(limits_take_socket(limits, &b, 0));
    assert_true(limits_take_socket(limits, &a, 0));
    assert_false(limits_take_socket(limits, &b, 0));
    assert_true(limits_take_socket(limits, &c, 0));
    limits_destroy(limits);
}

static void test_asks_and_sockets_share_one_bucket(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address from = at("192.0.2.1");
    assert_true(limits_take_socket(limits, &from, SECOND_US));
    for (unsigned i = 1; i < small.asks_burst; i++)
        assert_true(limits_ask(limits, &from, SECOND_US));
    assert_false(limits_ask(limits, &from, SECOND_US));
    assert_false(limits_take_socket(limits, &from, SECOND_US));
    assert_true(limits_ask(limits, &from, 2 * SECOND_US));
    limits_return_socket(limits, &from);
    limits_destroy(limits);
}

static void test_loopback_has_no_limit(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address ipv4 = at("127.0.0.53");
    struct address ipv6 = at("::1");
    for (unsigned i = 0; i < 100; i++) {
        assert_true(limits_take_socket(limits, &ipv4, 0));
        assert_true(limits_take_socket(limits, &ipv6, 0));
        assert_true(limits_ask(limits, &ipv4, 0));
    }
    limits_return_socket(limits, &ipv4);
    limits_destroy(limits);
}

static void test_the_idlest_prefix_makes_room(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address first = numbered(1);
    for (unsigned i = 0; i < small.asks_burst; i++)
        assert_true(limits_ask(limits, &first, 0));
    for (uint32_t i = 2; i <= 4; i++) {
        struct address other = numbered(i);
        assert_true(limits_ask(limits, &other, 0));
    }
    assert_false(limits_ask(limits, &first, 0)); /* still known, and the youngest now */
    struct address fifth = numbered(5);
    assert_true(limits_ask(limits, &fifth, 0)); /* takes the place of the second */
    assert_false(limits_ask(limits, &first, 0));
    limits_destroy(limits);
}

static void test_a_prefix_with_sockets_is_never_forgotten(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address holder = numbered(1);
    for (unsigned i = 0; i < small.sockets_per_prefix; i++)
        assert_true(limits_take_socket(limits, &holder, 0));
    for (uint32_t i = 100; i < 1000; i++) {
        struct address passing = numbered(i);
        assert_true(limits_ask(limits, &passing, 0));
    }
    assert_false(limits_take_socket(limits, &holder, 100ull * SECOND_US));
    for (uint32_t i = 2; i <= 4; i++) {
        struct address other = numbered(i);
        assert_true(limits_take_socket(limits, &other, 0));
    }
    struct address late = numbered(9);
    assert_false(limits_take_socket(limits, &late, 0)); /* every place holds sockets */
    assert_false(limits_ask(limits, &late, 0));
    limits_return_socket(limits, &holder);
    limits_return_socket(limits, &holder);
    limits_return_socket(limits, &holder);
    assert_true(limits_take_socket(limits, &late, 0));
    limits_destroy(limits);
}

static void test_many_prefixes_come_and_go(void **state)
{
    (void)state;
    enum { PREFIXES = 5000 };
    struct limits_params params = {
        .prefixes_max = PREFIXES, .sockets_per_prefix = 2, .asks_per_second = 1, .asks_burst = 100};
    struct limits *limits = make(&params);
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < PREFIXES; i++) {
            struct address from = numbered(i * (round + 1));
            assert_true(limits_take_socket(limits, &from, 0));
            assert_true(limits_take_socket(limits, &from, 0));
            assert_false(limits_take_socket(limits, &from, 0));
        }
        for (uint32_t i = 0; i < PREFIXES; i++) {
            struct address from = numbered(i * (round + 1));
            limits_return_socket(limits, &from);
            limits_return_socket(limits, &from);
        }
    }
    limits_destroy(limits);
}

static void test_params_out_of_range_are_refused(void **state)
{
    (void)state;
    struct limits *limits = NULL;
    struct limits_params params = small;
    params.prefixes_max = 0;
    assert_int_equal(limits_create(&limits, &params), ERR_INVAL);
    params.prefixes_max = 1000001;
    assert_int_equal(limits_create(&limits, &params), ERR_INVAL);
    params = small;
    params.asks_burst = 0;
    assert_int_equal(limits_create(&limits, &params), ERR_INVAL);
    assert_null(limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_bucket_gives_its_burst_and_then_its_rate),
        cmocka_unit_test(test_many_small_steps_give_no_more_than_the_rate),
        cmocka_unit_test(test_a_bucket_at_time_zero_is_full),
        cmocka_unit_test(test_sockets_per_prefix_are_counted_exactly),
        cmocka_unit_test(test_a_64_prefix_of_ipv6_counts_as_one),
        cmocka_unit_test(test_asks_and_sockets_share_one_bucket),
        cmocka_unit_test(test_loopback_has_no_limit),
        cmocka_unit_test(test_the_idlest_prefix_makes_room),
        cmocka_unit_test(test_a_prefix_with_sockets_is_never_forgotten),
        cmocka_unit_test(test_many_prefixes_come_and_go),
        cmocka_unit_test(test_params_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
