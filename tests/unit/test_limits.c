#include "admission/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND_US = 1000000 };

enum { SOCKETS = 3, BURST = 10 };

#define SAME_RATES(per_second_, burst_)                                                            \
    {                                                                                              \
        {per_second_, burst_}, {per_second_, burst_},                                              \
        {                                                                                          \
            per_second_, burst_                                                                    \
        }                                                                                          \
    }

/* The network bounds nothing unless a test says so. */
static const struct limits_params small = {
    .prefixes_max = 4,
    .prefix = {.sockets = SOCKETS, .rates = SAME_RATES(2, BURST)},
    .network = {.sockets = 1000, .rates = SAME_RATES(1000, 100000)}};

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

static void test_sockets_per_prefix_are_counted_exactly(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address from = at("192.0.2.1:1000");
    struct address other_port = at("192.0.2.1:2000");
    struct address neighbour = at("192.0.2.2");
    assert_true(limits_take_socket(limits, &from));
    assert_true(limits_take_socket(limits, &other_port));
    assert_true(limits_have_socket(limits, &from));
    assert_true(limits_take_socket(limits, &from));
    assert_false(limits_have_socket(limits, &from));
    assert_false(limits_take_socket(limits, &from));
    assert_true(limits_take_socket(limits, &neighbour));
    limits_return_socket(limits, &other_port);
    assert_true(limits_take_socket(limits, &from));
    assert_false(limits_take_socket(limits, &from));
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
    assert_true(limits_take_socket(limits, &a));
    assert_true(limits_take_socket(limits, &b));
    assert_true(limits_take_socket(limits, &a));
    assert_false(limits_take_socket(limits, &b));
    assert_true(limits_take_socket(limits, &c));
    limits_destroy(limits);
}

static void test_each_kind_has_a_bucket_of_its_own(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address from = at("192.0.2.1");
    for (unsigned kind = 0; kind < LIMITS_KINDS; kind++) {
        for (unsigned i = 0; i < BURST; i++)
            assert_true(limits_ask(limits, &from, kind, SECOND_US));
        assert_false(limits_ask(limits, &from, kind, SECOND_US));
    }
    assert_true(limits_take_socket(limits, &from)); /* held, not asked for */
    for (unsigned kind = 0; kind < LIMITS_KINDS; kind++)
        assert_true(limits_ask(limits, &from, kind, 2 * SECOND_US));
    limits_return_socket(limits, &from);
    limits_destroy(limits);
}

static const struct limits_params small_networks = {
    .prefixes_max = 1000,
    .prefix = {.sockets = 3, .rates = SAME_RATES(10, 10)},
    .network = {.sockets = 5, .rates = SAME_RATES(1, 20)}};

/* What each of many addresses may have, all of them together may not. */
static void hold_as_many_as_possible(struct limits *limits, const char *const names[4],
                                     const char *other)
{
    unsigned held = 0;
    for (unsigned i = 0; i < 4; i++) {
        struct address from = at(names[i]);
        while (limits_take_socket(limits, &from))
            held++;
    }
    assert_int_equal(held, small_networks.network.sockets);
    struct address last = at(names[3]);
    struct address elsewhere = at(other);
    assert_true(limits_take_socket(limits, &elsewhere));
    struct address first = at(names[0]);
    limits_return_socket(limits, &first);
    assert_true(limits_take_socket(limits, &last)); /* what was refused is not counted as held */
    assert_false(limits_have_socket(limits, &last));
    assert_false(limits_take_socket(limits, &last));
    assert_false(limits_take_socket(limits, &first));
}

static void test_a_network_has_less_than_all_its_addresses(void **state)
{
    (void)state;
    static const char *const ipv4[] = {"192.0.2.1", "192.0.2.77", "192.0.2.254", "192.0.2.255"};
    static const char *const ipv6[] = {"2001:db8:1::1", "2001:db8:1:2::1", "2001:db8:1:ffff::1",
                                       "2001:db8:1:3::1"};
    struct limits *limits = make(&small_networks);
    hold_as_many_as_possible(limits, ipv4, "192.0.3.1");
    hold_as_many_as_possible(limits, ipv6, "2001:db8:2::1");
    limits_destroy(limits);
}

static void test_a_network_asks_less_than_all_its_addresses(void **state)
{
    (void)state;
    struct limits *limits = make(&small_networks);
    unsigned asked = 0;
    for (uint32_t i = 0; i < 256; i++) {
        struct address from = numbered(i);
        asked += limits_ask(limits, &from, LIMITS_JOIN, 0);
    }
    assert_int_equal(asked, small_networks.network.rates[LIMITS_JOIN].burst);
    struct address elsewhere = numbered(256);
    assert_true(limits_ask(limits, &elsewhere, LIMITS_JOIN, 0));
    struct address same = numbered(200);
    assert_false(limits_ask(limits, &same, LIMITS_JOIN, 0));
    assert_true(limits_ask(limits, &same, LIMITS_JOIN, SECOND_US));
    limits_destroy(limits);
}

static void test_loopback_has_no_limit(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address ipv4 = at("127.0.0.53");
    struct address ipv6 = at("::1");
    for (unsigned i = 0; i < 100; i++) {
        assert_true(limits_take_socket(limits, &ipv4));
        assert_true(limits_take_socket(limits, &ipv6));
        assert_true(limits_ask(limits, &ipv4, LIMITS_ASK, 0));
    }
    limits_return_socket(limits, &ipv4);
    limits_destroy(limits);
}

static void test_the_idlest_prefix_makes_room(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address first = numbered(1);
    for (unsigned i = 0; i < BURST; i++)
        assert_true(limits_ask(limits, &first, LIMITS_ASK, 0));
    for (uint32_t i = 2; i <= 4; i++) {
        struct address other = numbered(i);
        assert_true(limits_ask(limits, &other, LIMITS_ASK, 0));
    }
    assert_false(limits_ask(limits, &first, LIMITS_ASK, 0)); /* still known, and the youngest now */
    struct address fifth = numbered(5);
    assert_true(limits_ask(limits, &fifth, LIMITS_ASK, 0)); /* takes the place of the second */
    assert_false(limits_ask(limits, &first, LIMITS_ASK, 0));
    limits_destroy(limits);
}

static void test_a_prefix_with_sockets_is_never_forgotten(void **state)
{
    (void)state;
    struct limits *limits = make(&small);
    struct address holder = numbered(1);
    for (unsigned i = 0; i < SOCKETS; i++)
        assert_true(limits_take_socket(limits, &holder));
    for (uint32_t i = 100; i < 1000; i++) {
        struct address passing = numbered(i);
        assert_true(limits_ask(limits, &passing, LIMITS_ASK, 0));
    }
    assert_false(limits_take_socket(limits, &holder));
    for (uint32_t i = 2; i <= 4; i++) {
        struct address other = numbered(i);
        assert_true(limits_take_socket(limits, &other));
    }
    struct address late = numbered(9);
    assert_false(limits_take_socket(limits, &late)); /* every place holds sockets */
    assert_false(limits_ask(limits, &late, LIMITS_ASK, 0));
    limits_return_socket(limits, &holder);
    limits_return_socket(limits, &holder);
    limits_return_socket(limits, &holder);
    assert_true(limits_take_socket(limits, &late));
    limits_destroy(limits);
}

static void test_many_prefixes_come_and_go(void **state)
{
    (void)state;
    enum { PREFIXES = 5000 };
    struct limits_params params = small;
    params.prefixes_max = PREFIXES;
    params.prefix.sockets = 2;
    struct limits *limits = make(&params);
    for (unsigned round = 0; round < 3; round++) {
        for (uint32_t i = 0; i < PREFIXES; i++) {
            struct address from = numbered(i * (round + 1));
            assert_true(limits_take_socket(limits, &from));
            assert_true(limits_take_socket(limits, &from));
            assert_false(limits_take_socket(limits, &from));
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
    params.prefix.rates[LIMITS_JOIN].burst = 0;
    assert_int_equal(limits_create(&limits, &params), ERR_INVAL);
    params = small;
    params.network.rates[LIMITS_READ].per_second = 1000001;
    assert_int_equal(limits_create(&limits, &params), ERR_INVAL);
    params = small;
    params.network.sockets = 0;
    assert_int_equal(limits_create(&limits, &params), ERR_INVAL);
    assert_null(limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sockets_per_prefix_are_counted_exactly),
        cmocka_unit_test(test_a_64_prefix_of_ipv6_counts_as_one),
        cmocka_unit_test(test_each_kind_has_a_bucket_of_its_own),
        cmocka_unit_test(test_a_network_has_less_than_all_its_addresses),
        cmocka_unit_test(test_a_network_asks_less_than_all_its_addresses),
        cmocka_unit_test(test_loopback_has_no_limit),
        cmocka_unit_test(test_the_idlest_prefix_makes_room),
        cmocka_unit_test(test_a_prefix_with_sockets_is_never_forgotten),
        cmocka_unit_test(test_many_prefixes_come_and_go),
        cmocka_unit_test(test_params_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
