#include "base/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(const char *in, const char *text, const char *ip)
{
    struct address address;
    char out[ADDRESS_TEXT_MAX];
    assert_int_equal(address_parse(&address, in), 0);
    address_write(&address, out);
    assert_string_equal(out, text);
    address_write_ip(&address, out);
    assert_string_equal(out, ip);
}

static void test_text_goes_in_and_out(void **state)
{
    (void)state;
    expect_text("192.0.2.1", "192.0.2.1:0", "192.0.2.1");
    expect_text("192.0.2.1:65535", "192.0.2.1:65535", "192.0.2.1");
    expect_text("::1", "[::1]:0", "::1");
    expect_text("[::1]", "[::1]:0", "::1");
    expect_text("[2001:db8::1]:80", "[2001:db8::1]:80", "2001:db8::1");
    expect_text("::ffff:192.0.2.1", "192.0.2.1:0", "192.0.2.1");
    expect_text("[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]:65535",
                "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
                "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static void test_bad_text_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "localhost",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.1:",
        "192.0.2.1:65536",
        "192.0.2.1:8a",
        "[::1",
        "[::1]x",
        "[::1]:",
        "[192.0.2.1]:80",
        "::1::",
        "1:2:3:4:5:6:7:8:9",
        " 192.0.2.1",
        "192.0.2.1:-1",
        "0000000000000000000000000000000000000000000000000000000000000000000001",
    };
    struct address address = {.port = 7};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(address_parse(&address, bad[i]), ERR_INVAL);
        assert_int_equal(address.port, 7);
    }
}

static bool is_local(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(&address, text), 0);
    return address_is_local(&address);
}

static void test_local_addresses_are_known(void **state)
{
    (void)state;
    static const char *const local[] = {
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.0.1",
        "0.0.0.0",   "::1",      "::",         "fe80::1",        "fd00::1",     "fc00::1"};
    static const char *const public[] = {"192.0.2.1", "172.32.0.1",  "172.15.0.1", "192.169.0.1",
                                         "11.0.0.1",  "2001:db8::1", "fe00::1"};
    for (size_t i = 0; i < sizeof(local) / sizeof(local[0]); i++)
        assert_true(is_local(local[i]));
    for (size_t i = 0; i < sizeof(public) / sizeof(public[0]); i++)
        assert_false(is_local(public[i]));
}

static void test_socket_address_round_trip(void **state)
{
    (void)state;
    struct address address;
    assert_int_equal(address_parse(&address, "192.0.2.1:5004"), 0);
    assert_true(address_is_ipv4(&address));
    struct sockaddr_in6 sockaddr = address_to_sockaddr(&address);
    assert_int_equal(sockaddr.sin6_family, AF_INET6);
    assert_int_equal(ntohs(sockaddr.sin6_port), 5004);
    struct address back = address_from_sockaddr(&sockaddr);
    assert_true(address_equal(&address, &back));
    back.port++;
    assert_false(address_equal(&address, &back));
}

static void expect_told(const void *sockaddr, const char *text)
{
    struct address address;
    char out[ADDRESS_TEXT_MAX];
    assert_int_equal(address_from_any(&address, sockaddr), 0);
    address_write(&address, out);
    assert_string_equal(out, text);
}

static void test_what_the_system_tells_is_one_of_two_families(void **state)
{
    (void)state;
    const struct sockaddr_in ipv4 = {
        .sin_family = AF_INET, .sin_port = htons(5004), .sin_addr = {.s_addr = htonl(0xC0000201)}};
    const struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6,
                                      .sin6_port = htons(80),
                                      .sin6_addr = {{{0x20, 0x01, 0x0D, 0xB8, [15] = 1}}}};
    const struct sockaddr other = {.sa_family = AF_UNIX};
    expect_told(&ipv4, "192.0.2.1:5004");
    expect_told(&ipv6, "[2001:db8::1]:80");
    struct address mapped, address = {.port = 7};
    assert_int_equal(address_parse(&mapped, "192.0.2.1:5004"), 0);
    struct sockaddr_in6 as_ipv6 = address_to_sockaddr(&mapped);
    expect_told(&as_ipv6, "192.0.2.1:5004");
    assert_int_equal(address_from_any(&address, &other), ERR_UNSUPPORTED);
    assert_int_equal(address_from_any(&address, NULL), ERR_UNSUPPORTED);
    assert_int_equal(address.port, 7);
}

static void test_hash_spreads_ports_and_hosts(void **state)
{
    (void)state;
    enum { BUCKETS = 1024, PEERS = 8192 };
    static unsigned filled[BUCKETS];
    struct address address;
    assert_int_equal(address_parse(&address, "192.0.2.1:40000"), 0);
    for (unsigned i = 0; i < PEERS; i++) {
        address.ip[15] = (uint8_t)(i & 0xFF);
        address.port = (uint16_t)(40000 + i / 256);
        filled[address_hash(&address) % BUCKETS]++;
    }
    for (unsigned i = 0; i < BUCKETS; i++)
        assert_in_range(filled[i], 0, 32); /* 8 on average */
}

static struct address parsed(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(&address, text), 0);
    return address;
}

static void test_a_prefix_is_one_household_and_a_network_its_surroundings(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same_prefix, same_network;
    } pairs[] = {
        {"192.0.2.1:1", "192.0.2.1:2", true, true},
        {"192.0.2.1", "192.0.2.2", false, true},
        {"192.0.2.1", "192.0.3.1", false, false},
        {"192.0.2.0", "192.1.2.0", false, false},
        {"2001:db8:1:2::1", "2001:db8:1:2:ffff::9", true, true},
        {"2001:db8:1:2::1", "2001:db8:1:3::1", false, true},
        {"2001:db8:1:100::1", "2001:db8:1:ff00::1", false, true},
        {"2001:db8:1::1", "2001:db8:2::1", false, false},
        {"127.0.0.1", "::1", true, false},
        {"127.0.0.1", "127.200.0.9", true, false},
        {"::ffff:192.0.2.1", "192.0.2.1", true, true},
    };
    for (unsigned i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct address a = parsed(pairs[i].a);
        struct address b = parsed(pairs[i].b);
        assert_int_equal(address_prefix(&a) == address_prefix(&b), pairs[i].same_prefix);
        assert_int_equal(address_network(&a) == address_network(&b), pairs[i].same_network);
        assert_true(address_network(&a) != address_prefix(&b));
    }
    struct address loopback = parsed("127.0.0.1");
    assert_int_equal(address_prefix(&loopback), 0);
    struct address zeros = parsed("0.0.0.0"); /* nobody else has that number */
    assert_true(address_prefix(&zeros) != 0);
}

static uint64_t network_of(const char *text)
{
    struct address address = parsed(text);
    return address_network(&address);
}

static void test_a_network_can_be_read(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"192.0.2.1", "192.0.2.0/24"},
                                           {"192.0.2.255:80", "192.0.2.0/24"},
                                           {"0.0.0.0", "0.0.0.0/24"},
                                           {"255.255.255.255", "255.255.255.0/24"},
                                           {"2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"},
                                           {"::1", "::/48"}};
    char text[ADDRESS_NETWORK_TEXT_MAX];
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint64_t network = network_of(cases[i][0]);
        assert_true(network != 0 && network <= INT64_MAX);
        assert_true(address_network_write(network, text));
        assert_string_equal(text, cases[i][1]);
    }
    assert_int_equal(network_of("192.0.2.1"), network_of("192.0.2.254"));
    assert_true(network_of("192.0.2.1") != network_of("192.0.3.1"));
    assert_int_equal(network_of("2001:db8:1::"), network_of("2001:db8:1:ffff::1"));
    assert_true(network_of("2001:db8:1::") != network_of("2001:db8:2::"));
}

static void test_a_network_or_an_address_in_it_is_understood(void **state)
{
    (void)state;
    static const char *const good[][2] = {
        {"203.0.113.0/24", "203.0.113.9"},      {"203.0.113.77/24", "203.0.113.9"},
        {"203.0.113.77", "203.0.113.9"},        {"::ffff:203.0.113.77", "203.0.113.9"},
        {"2001:db8:1::/48", "2001:db8:1:2::3"}, {"2001:db8:1:2::3", "2001:db8:1::"}};
    static const char *const bad[] = {
        "",
        "/24",
        "203.0.113.0/",
        "203.0.113.0/23",
        "203.0.113.0/24 ",
        "203.0.113.0/48",
        "203.0.113.0/024",
        "203.0.113/24",
        "203.0.113.1:80",
        "2001:db8:1::/24",
        "2001:db8:1::/64",
        "[2001:db8:1::]",
        "fe80::1%eth0",
        "example.org",
        "1111111111111111111111111111111111111111111111111111111111111"
        "1111111111111111/24"};
    uint64_t network;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_int_equal(address_network_parse(&network, good[i][0]), 0);
        assert_true(network == network_of(good[i][1]));
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(address_network_parse(&network, bad[i]), ERR_INVAL);
}

static void test_loopback_has_networks_of_its_own(void **state)
{
    (void)state;
    static const char *const own[] = {"127.0.0.1", "127.255.255.1", "::1", "::ffff:127.0.0.1"};
    static const char *const others[] = {"126.0.0.1", "128.0.0.1", "10.127.0.1", "::1:0:0:0:0:1",
                                         "2001:db8::1"};
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        assert_true(address_network_is_loopback(network_of(own[i])));
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_false(address_network_is_loopback(network_of(others[i])));
}

static void test_other_numbers_are_no_networks(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {0, 1, UINT64_MAX, (uint64_t)4 << 56 | 1u << 24,
                                       (uint64_t)6 << 56 | (uint64_t)1 << 48};
    char text[ADDRESS_NETWORK_TEXT_MAX];
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        assert_false(address_network_write(numbers[i], text));
}

static void test_each_error_has_a_name(void **state)
{
    (void)state;
    for (int err = ERR_UNSUPPORTED; err <= 0; err++)
        assert_string_not_equal(error_name(err), "unknown error");
    assert_string_equal(error_name(ERR_UNSUPPORTED - 1), "unknown error");
    assert_string_equal(error_name(1), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_goes_in_and_out),
        cmocka_unit_test(test_bad_text_is_refused),
        cmocka_unit_test(test_local_addresses_are_known),
        cmocka_unit_test(test_socket_address_round_trip),
        cmocka_unit_test(test_what_the_system_tells_is_one_of_two_families),
        cmocka_unit_test(test_hash_spreads_ports_and_hosts),
        cmocka_unit_test(test_a_prefix_is_one_household_and_a_network_its_surroundings),
        cmocka_unit_test(test_a_network_can_be_read),
        cmocka_unit_test(test_a_network_or_an_address_in_it_is_understood),
        cmocka_unit_test(test_loopback_has_networks_of_its_own),
        cmocka_unit_test(test_other_numbers_are_no_networks),
        cmocka_unit_test(test_each_error_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
