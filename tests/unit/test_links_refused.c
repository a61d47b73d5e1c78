/* test_links_refused.c - links.c and links_talk.c: who gets no link, and strangers who only hold places. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "links_house.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { STRANGERS = 24 };

/* ---- refusals ---- */

static bool was_refused(const struct node *node)
{
    return node->links->refused_us != 0;
}

static void test_who_has_another_secret_is_refused_by_both(void **state)
{
    (void)state;
    start(0, "alpha", &wrong_key);
    start(1, "beta", &right_key);
    links_want(nodes[0].links, "beta", nodes[1].url);
    WAIT_FOR(was_refused(&nodes[0]) && nodes[0].links->wanted->has_failed);
    WAIT_FOR(nodes[0].links->wanted->again_ms == LINKS_AGAIN_MAX_MS);
    links_want(nodes[1].links, "alpha", nodes[0].url);
    WAIT_FOR(was_refused(&nodes[1]));
    assert_int_equal(nodes[0].ups + nodes[1].ups, 0);
    assert_int_equal(nodes[0].downs + nodes[1].downs, 0);
    assert_int_equal(nodes[0].links->proofs + nodes[1].links->proofs, 0);
}

static void test_another_node_than_the_one_called_is_refused(void **state)
{
    (void)state;
    start_two();
    links_want(nodes[0].links, "gamma", nodes[1].url);
    WAIT_FOR(was_refused(&nodes[0]));
    WAIT_FOR(nodes[0].links->wanted->again_ms == LINKS_AGAIN_MAX_MS);
    assert_int_equal(nodes[0].ups + nodes[1].ups, 0);
}

static void test_a_caller_with_our_own_id_is_refused(void **state)
{
    (void)state;
    start(0, "beta", &right_key);
    start(1, "beta", &right_key);
    links_want(nodes[0].links, "alpha", nodes[1].url);
    WAIT_FOR(was_refused(&nodes[1]));
    assert_int_equal(nodes[0].ups + nodes[1].ups, 0);
}

static void test_urls_that_lead_nowhere_are_tried_again(void **state)
{
    (void)state;
    static const char *const urls[] = {"http://127.0.0.1:1", "http://nobody.invalid", "http://a:b",
                                       "http://[::1", "https://127.0.0.1:1"};
    start(0, "alpha", &right_key);
    for (unsigned i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        links_want(nodes[0].links, "beta", urls[i]);
        WAIT_FOR(nodes[0].links->wanted->has_failed);
        WAIT_FOR(nodes[0].links->wanted->again_ms == LINKS_AGAIN_MAX_MS);
        links_release(nodes[0].links, "beta");
        assert_null(nodes[0].links->wanted);
    }
}

static void test_one_that_leaves_while_being_called_is_forgotten(void **state)
{
    (void)state;
    start_two();
    for (unsigned turns = 0; turns < 40; turns++) {
        links_want(nodes[0].links, "beta", nodes[1].url);
        for (unsigned i = 0; i < turns; i++)
            turn();
        links_release(nodes[0].links, "beta");
    }
    WAIT_FOR(links_count(nodes[0].links) == 0 && links_count(nodes[1].links) == 0);
    WAIT_FOR(nodes[0].ups == nodes[0].downs && nodes[1].ups == nodes[1].downs);
}

/* ---- strangers ---- */

static int connect_to(const struct node *node)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(node->signalling.port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

static bool has_answer(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    return poll(&poll_fd, 1, 0) == 1;
}

static void ask_for_node(int fd, const char *fields)
{
    char request[512];
    int bytes = snprintf(request, sizeof(request),
                         "GET /node HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
                         "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n%s\r\n",
                         fields);
    assert_int_equal(send(fd, request, (size_t)bytes, MSG_NOSIGNAL), bytes);
}

static void test_strangers_who_hold_all_places_keep_no_node_out(void **state)
{
    (void)state;
    int fds[STRANGERS];
    start_two();
    for (unsigned i = 0; i < STRANGERS; i++) {
        fds[i] = connect_to(&nodes[1]);
        ask_for_node(fds[i], "Sec-WebSocket-Protocol: rostrum.node.1\r\n");
    }
    WAIT_FOR(was_refused(&nodes[1]) && links_count(nodes[1].links) == LINKS_UNPROVED_MAX &&
             nodes[1].signalling.client_count == LINKS_UNPROVED_MAX);
    links_want(nodes[0].links, "beta", nodes[1].url);
    WAIT_FOR(both_are_up());
    WAIT_FOR(links_count(nodes[1].links) == 1); /* the others proved nothing in time */
    assert_true(both_are_up());
    assert_int_equal(nodes[1].downs, 0);
    for (unsigned i = 0; i < STRANGERS; i++)
        (void)close(fds[i]);
}

static void test_a_proved_link_makes_way_for_nobody(void **state)
{
    (void)state;
    start_two();
    int fd = connect_to(&nodes[1]);
    ask_for_node(fd, "Sec-WebSocket-Protocol: rostrum.node.1\r\n");
    WAIT_FOR(links_count(nodes[1].links) == 1);
    assert_int_equal(nodes[1].signalling.waiting[CLIENT_NEW].count, 1);
    links_want(nodes[0].links, "beta", nodes[1].url);
    WAIT_FOR(both_are_up());
    assert_int_equal(nodes[1].signalling.client_count, 2);
    assert_int_equal(nodes[1].signalling.waiting[CLIENT_NEW].count, 1);
    assert_int_equal(nodes[1].signalling.waiting[CLIENT_IDLE].count, 0);
    assert_null(nodes[1].signalling.waiting[CLIENT_NEW].oldest->visitor);
    (void)close(fd);
}

static void test_browsers_and_other_subprotocols_get_no_link(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "", "Sec-WebSocket-Protocol: rostrum.v1\r\n",
        "Sec-WebSocket-Protocol: rostrum.v1, rostrum.node.1\r\n",
        "Sec-WebSocket-Protocol: rostrum.node.1\r\nOrigin: http://a\r\n"};
    start(0, "alpha", &right_key);
    for (unsigned i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char answer[512] = "";
        int fd = connect_to(&nodes[0]);
        ask_for_node(fd, fields[i]);
        WAIT_FOR(has_answer(fd));
        assert_true(recv(fd, answer, sizeof(answer) - 1, 0) > 12);
        assert_memory_equal(answer, i < 3 ? "HTTP/1.1 400" : "HTTP/1.1 403", 12);
        assert_int_equal(links_count(nodes[0].links), 0);
        (void)close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_who_has_another_secret_is_refused_by_both, stop_all),
        cmocka_unit_test_teardown(test_another_node_than_the_one_called_is_refused, stop_all),
        cmocka_unit_test_teardown(test_a_caller_with_our_own_id_is_refused, stop_all),
        cmocka_unit_test_teardown(test_urls_that_lead_nowhere_are_tried_again, stop_all),
        cmocka_unit_test_teardown(test_one_that_leaves_while_being_called_is_forgotten, stop_all),
        cmocka_unit_test_teardown(test_strangers_who_hold_all_places_keep_no_node_out, stop_all),
        cmocka_unit_test_teardown(test_a_proved_link_makes_way_for_nobody, stop_all),
        cmocka_unit_test_teardown(test_browsers_and_other_subprotocols_get_no_link, stop_all),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
