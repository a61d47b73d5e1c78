#include "transport/locals.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20 * 1000 };

static struct address parse(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(&address, text), 0);
    return address;
}

static void test_an_address_keeps_its_number(void **state)
{
    (void)state;
    struct locals locals = {.is_ipv4 = false};
    struct address first = parse("192.0.2.1:5004"), second = parse("2001:db8::1");
    assert_int_equal(locals_number(&locals, &first), 1);
    assert_int_equal(locals_number(&locals, &second), 2);
    first.port = 0;
    assert_int_equal(locals_number(&locals, &first), 1);
    struct address found = locals_address(&locals, 1);
    assert_true(address_equal(&found, &first));
    locals_clear(&locals);
}

static void test_what_finds_no_place_is_left_to_the_system(void **state)
{
    (void)state;
    struct locals locals = {.is_ipv4 = false};
    struct address address = {.port = 7};
    assert_int_equal(locals_number(&locals, &address), LOCAL_ANY);
    for (uint8_t i = 1; i <= LOCALS_MAX; i++) {
        address.ip[15] = i;
        assert_int_equal(locals_number(&locals, &address), i);
    }
    address.ip[15] = LOCALS_MAX + 1;
    assert_int_equal(locals_number(&locals, &address), LOCAL_ANY);
    address.ip[15] = LOCALS_MAX;
    assert_int_equal(locals_number(&locals, &address), LOCALS_MAX);
    struct msghdr message = {.msg_controllen = 0};
    locals_attach(&locals, LOCAL_ANY, &message);
    assert_null(message.msg_control);
    struct address any = locals_address(&locals, LOCAL_ANY);
    assert_int_equal(locals_number(&locals, &any), LOCAL_ANY);
    locals_clear(&locals);
}

/* A socket bound to all addresses; its port. */
static int open_wildcard(bool is_ipv4, in_port_t *port)
{
    const int both = 0;
    int fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
    struct sockaddr_in6 any = {.sin6_family = is_ipv4 ? AF_INET : AF_INET6};
    socklen_t bytes = is_ipv4 ? sizeof(struct sockaddr_in) : sizeof(any);
    if (fd < 0)
        skip(); /* no IPv6 here */
    if (!is_ipv4)
        assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both)), 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&any, bytes), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&any, &bytes), 0);
    *port = any.sin6_port; /* the same place in both families */
    return fd;
}

/* Takes one datagram and answers it. Returns the number of the address that was asked. */
static uint8_t answer_one(int fd, struct locals *locals)
{
    uint8_t data[16];
    struct sockaddr_in6 from;
    struct iovec part = {.iov_base = data, .iov_len = sizeof(data)};
    struct locals_control control;
    struct msghdr message = {.msg_name = &from,
                             .msg_namelen = sizeof(from),
                             .msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(fd, &message, 0);
    assert_true(got > 0);
    uint8_t number = locals_asked(locals, &message);
    part.iov_len = (size_t)got;
    message.msg_control = NULL;
    message.msg_controllen = 0;
    locals_attach(locals, number, &message);
    assert_int_equal(sendmsg(fd, &message, 0), got);
    return number;
}

/* Asks `to` and expects the answer from there. */
static uint8_t ask(int client_fd, int fd, struct locals *locals, const char *ip, in_port_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = port}, from;
    socklen_t bytes = sizeof(from);
    uint8_t data[16];
    assert_int_equal(inet_pton(AF_INET, ip, &to.sin_addr), 1);
    assert_int_equal(sendto(client_fd, "ask", 3, 0, (const struct sockaddr *)&to, sizeof(to)), 3);
    uint8_t number = answer_one(fd, locals);
    struct pollfd poll_fd = {.fd = client_fd, .events = POLLIN};
    assert_int_equal(poll(&poll_fd, 1, PATIENCE_MS), 1);
    assert_int_equal(recvfrom(client_fd, data, sizeof(data), 0, (struct sockaddr *)&from, &bytes),
                     3);
    assert_int_equal(from.sin_addr.s_addr, to.sin_addr.s_addr);
    return number;
}

static void answers_leave_from_where_they_were_asked(bool is_ipv4)
{
    in_port_t port, client_port;
    int fd = open_wildcard(is_ipv4, &port);
    int client_fd = open_wildcard(true, &client_port);
    struct locals locals;
    locals_init(&locals, fd, is_ipv4);
    assert_int_equal(ask(client_fd, fd, &locals, "127.0.0.2", port), 1);
    assert_int_equal(ask(client_fd, fd, &locals, "127.0.0.1", port), 2);
    assert_int_equal(ask(client_fd, fd, &locals, "127.0.0.2", port), 1);
    struct address expected = parse("127.0.0.2"), found = locals_address(&locals, 1);
    assert_true(address_equal(&found, &expected));
    locals_clear(&locals);
    (void)close(client_fd);
    (void)close(fd);
}

static void test_answers_leave_from_where_they_were_asked(void **state)
{
    (void)state;
    answers_leave_from_where_they_were_asked(false);
}

static void test_and_so_they_do_without_ipv6(void **state)
{
    (void)state;
    answers_leave_from_where_they_were_asked(true);
}

static bool has_ipv6_loopback(void)
{
    struct sockaddr_in6 loopback = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_DGRAM, 0);
    bool has = fd >= 0 && bind(fd, (const struct sockaddr *)&loopback, sizeof(loopback)) == 0;
    if (fd >= 0)
        (void)close(fd);
    return has;
}

static void test_the_systems_own_choice_needs_no_naming(void **state)
{
    (void)state;
    in_port_t port;
    int fd = open_wildcard(false, &port);
    struct locals locals;
    locals_init(&locals, fd, false);
    struct address first = parse("127.0.0.1"), second = parse("127.0.0.2"), third = parse("::1");
    struct peer_path path = {.remote = parse("127.0.0.1:9"), .local = LOCAL_ANY};
    assert_int_equal(locals_needed(&locals, &path), LOCAL_ANY);
    path.local = locals_number(&locals, &first);
    assert_int_equal(locals_needed(&locals, &path), LOCAL_ANY);
    path.local = locals_number(&locals, &second);
    assert_int_equal(locals_needed(&locals, &path), path.local);
    if (!has_ipv6_loopback())
        skip();
    /* What was asked before does not stick. */
    path = (struct peer_path){.remote = parse("[::1]:9"), .local = locals_number(&locals, &third)};
    assert_int_equal(locals_needed(&locals, &path), LOCAL_ANY);
    path.remote = parse("127.0.0.2:9");
    assert_int_equal(locals_needed(&locals, &path), path.local);
    path.local = 1;
    assert_int_equal(locals_needed(&locals, &path), LOCAL_ANY);
    locals_clear(&locals);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_keeps_its_number),
        cmocka_unit_test(test_what_finds_no_place_is_left_to_the_system),
        cmocka_unit_test(test_answers_leave_from_where_they_were_asked),
        cmocka_unit_test(test_and_so_they_do_without_ipv6),
        cmocka_unit_test(test_the_systems_own_choice_needs_no_naming),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
