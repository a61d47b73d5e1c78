/* Two nodes in one process, each with a loop of its own: who is not run is as good as stopped. */
#include "admission/limits.h"
#include "base/clock.h"
#include "signalling/clients.h"
#include "signalling/links_internal.h"
#include "signalling/listener.h"
#include "telemetry/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tls_front.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { NODES_MAX = 3, WAIT_MS = 20000, URL_MAX = 64, SECOND_US = 1000 * 1000, STRANGERS = 24 };

struct node {
    uv_loop_t loop;
    struct config config;
    struct signalling signalling;
    struct links *links; /* owned by signalling */
    char url[URL_MAX];
    bool is_frozen;
    unsigned ups, downs, words;
    size_t word_bytes; /* of the last one */
    uint8_t first_byte;
    const char *releases; /* when a word comes; NULL: nobody */
};

static struct node nodes[NODES_MAX];
static const struct cluster_key right_key = {{1, 2, 3}}, wrong_key = {{1, 2, 4}};

/* ---- nodes ---- */

static void on_up(void *ctx, const char *name)
{
    struct node *node = ctx;
    assert_true(links_is_up(node->links, name));
    node->ups++;
}

static void on_down(void *ctx, const char *name)
{
    struct node *node = ctx;
    assert_false(links_is_up(node->links, name));
    node->downs++;
}

static void on_word(void *ctx, const char *name, struct slice word)
{
    struct node *node = ctx;
    assert_true(word.bytes > 0 && name[0] != '\0');
    node->words++;
    node->word_bytes = word.bytes;
    node->first_byte = word.data[0];
    if (node->releases != NULL)
        links_release(node->links, node->releases);
}

static struct node *start(unsigned at, const char *id, const struct cluster_key *key)
{
    struct node *node = &nodes[at];
    struct signalling *signalling = &node->signalling;
    const struct limits_rate rate = {.per_second = 1, .burst = 1}; /* loopback has no limits */
    const struct limits_share share = {.sockets = 1, .rates = {rate, rate, rate}};
    const struct limits_params limits = {.prefixes_max = 16, .prefix = share, .network = share};
    const struct links_events events = {node, on_up, on_down, on_word};
    const struct links_params params = {.key = key, .id = id, .events = &events};
    char problem[SIGNALLING_PROBLEM_MAX] = "";
    memset(node, 0, sizeof(*node));
    assert_int_equal(uv_loop_init(&node->loop), 0);
    assert_int_equal(address_parse(&node->config.http, "127.0.0.1:0"), 0);
    node->config.sockets_max = 256;
    signalling->config = &node->config;
    signalling->loop = &node->loop;
    signalling->is_polling = true; /* no request comes with another one here */
    clients_init(signalling);
    assert_int_equal(limits_create(&signalling->limits, &limits), 0);
    assert_int_equal(links_create(&signalling->links, signalling, &params), 0);
    node->links = signalling->links;
    assert_int_equal(listener_start(signalling, problem), 0);
    (void)snprintf(node->url, sizeof(node->url), "http://127.0.0.1:%u", signalling->port);
    return node;
}

static void stop(struct node *node)
{
    if (node->links == NULL)
        return;
    links_mute(node->links);
    listener_stop(&node->signalling);
    links_destroy(node->links);
    node->links = NULL;
    uv_run(&node->loop, UV_RUN_DEFAULT);
    assert_null(node->signalling.clients);
    assert_int_equal(uv_loop_close(&node->loop), 0);
    limits_destroy(node->signalling.limits);
}

static int stop_all(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODES_MAX; i++)
        stop(&nodes[i]);
    return 0;
}

static void turn(void)
{
    for (unsigned i = 0; i < NODES_MAX; i++)
        if (nodes[i].links != NULL && !nodes[i].is_frozen)
            uv_run(&nodes[i].loop, UV_RUN_NOWAIT);
    (void)poll(NULL, 0, 1);
}

#define WAIT_FOR(condition)                                                                        \
    do {                                                                                           \
        uint64_t wait_until_us = clock_now_us() + WAIT_MS * 1000ull;                               \
        while (!(condition) && clock_now_us() < wait_until_us)                                     \
            turn();                                                                                \
        assert_true(condition);                                                                    \
    } while (0)

static void say(struct node *node, const char *to, const char *word)
{
    assert_int_equal(links_say(node->links, to, slice_text(word)), 0);
}

static bool both_are_up(void)
{
    return links_is_up(nodes[0].links, "beta") && links_is_up(nodes[1].links, "alpha");
}

static struct link *only_link(const struct node *node)
{
    assert_int_equal(links_count(node->links), 1);
    return node->links->list;
}

static void start_two(void)
{
    start(0, "alpha", &right_key);
    start(1, "beta", &right_key);
}

static void start_two_with_a_link(void)
{
    start_two();
    links_want(nodes[0].links, "beta", nodes[1].url);
    WAIT_FOR(both_are_up());
}

/* ---- links that are as they should be ---- */

static void test_one_call_brings_both_up_and_words_go_both_ways(void **state)
{
    (void)state;
    static uint8_t longest[LINKS_MESSAGE_MAX];
    start_two();
    assert_int_equal(links_say(nodes[0].links, "beta", slice_text("a")), ERR_NOENT);
    links_want(nodes[0].links, "beta", nodes[1].url);
    WAIT_FOR(both_are_up());
    assert_int_equal(nodes[0].ups, 1);
    assert_int_equal(nodes[1].ups, 1);
    say(&nodes[0], "beta", "hello");
    say(&nodes[1], "alpha", "good day");
    WAIT_FOR(nodes[0].words == 1 && nodes[1].words == 1);
    assert_int_equal(nodes[0].word_bytes, strlen("good day"));
    assert_int_equal(nodes[1].word_bytes, strlen("hello"));
    size_t most = LINKS_MESSAGE_MAX - TRUST_SEAL_BYTES;
    for (unsigned i = 0; i < 2; i++) {
        const char *to = i == 0 ? "beta" : "alpha";
        assert_int_equal(links_say(nodes[i].links, to, slice_of(longest, most + 1)), ERR_INVAL);
        assert_int_equal(links_say(nodes[i].links, to, slice_of(longest, most)), 0);
        say(&nodes[i], to, "z");
    }
    WAIT_FOR(nodes[0].words == 3 && nodes[1].words == 3);
    assert_int_equal(nodes[1].first_byte, 'z');
    assert_true(both_are_up());
    assert_int_equal(nodes[0].downs + nodes[1].downs, 0);
}

static void test_a_link_over_which_nothing_is_said_stays(void **state)
{
    (void)state;
    start_two_with_a_link();
    struct link *link = only_link(&nodes[0]);
    WAIT_FOR(link->trust.said[TRUST_CALLER] >= 6 && link->trust.said[TRUST_CALLED] >= 6);
    assert_true(both_are_up());
    assert_int_equal(nodes[0].words + nodes[1].words, 0);
    assert_int_equal(nodes[0].downs + nodes[1].downs, 0);
}

static void test_nodes_that_call_each_other_are_up_once_and_stay_so_with_one_link(void **state)
{
    (void)state;
    start_two();
    links_want(nodes[0].links, "beta", nodes[1].url);
    links_want(nodes[1].links, "alpha", nodes[0].url);
    WAIT_FOR(both_are_up() && nodes[0].links->proofs == 2 && nodes[1].links->proofs == 2);
    assert_int_equal(nodes[0].ups, 1);
    assert_int_equal(nodes[1].ups, 1);
    links_release(nodes[0].links, "beta");
    WAIT_FOR(links_count(nodes[0].links) == 1 && links_count(nodes[1].links) == 1);
    assert_true(both_are_up());
    say(&nodes[0], "beta", "still");
    say(&nodes[1], "alpha", "here");
    WAIT_FOR(nodes[0].words == 1 && nodes[1].words == 1);
    assert_int_equal(nodes[0].downs + nodes[1].downs, 0);
    links_release(nodes[1].links, "alpha");
    WAIT_FOR(nodes[0].downs == 1 && nodes[1].downs == 1);
}

static void test_a_link_is_kept_until_it_was_released_as_often_as_wanted(void **state)
{
    (void)state;
    start_two_with_a_link();
    links_want(nodes[0].links, "beta", nodes[1].url);
    links_release(nodes[0].links, "beta");
    say(&nodes[0], "beta", "one");
    WAIT_FOR(nodes[1].words == 1);
    assert_int_equal(links_count(nodes[0].links), 1);
    links_release(nodes[0].links, "beta");
    links_release(nodes[0].links, "beta");
    WAIT_FOR(links_count(nodes[0].links) == 0 && links_count(nodes[1].links) == 0);
    assert_int_equal(nodes[0].downs, 1);
    assert_int_equal(nodes[1].downs, 1);
    assert_null(nodes[0].links->wanted);
}

static void test_what_was_said_before_a_release_arrives(void **state)
{
    (void)state;
    start_two_with_a_link();
    for (unsigned i = 0; i < 100; i++)
        say(&nodes[0], "beta", "last words");
    links_release(nodes[0].links, "beta");
    assert_int_equal(links_say(nodes[0].links, "beta", slice_text("a")), ERR_NOENT);
    WAIT_FOR(nodes[0].downs == 1 && nodes[1].downs == 1);
    assert_int_equal(nodes[1].words, 100);
}

static void test_a_link_may_be_released_while_a_word_of_it_is_heard(void **state)
{
    (void)state;
    start_two_with_a_link();
    nodes[0].releases = "beta";
    say(&nodes[1], "alpha", "go");
    say(&nodes[1], "alpha", "go");
    WAIT_FOR(nodes[0].downs == 1 && nodes[1].downs == 1 && links_count(nodes[0].links) == 0);
}

static void test_names_are_looked_up(void **state)
{
    (void)state;
    char url[URL_MAX];
    start_two();
    (void)snprintf(url, sizeof(url), "http://localhost:%u", nodes[1].signalling.port);
    links_want(nodes[0].links, "beta", url);
    WAIT_FOR(both_are_up());
}

/* Calls beta by TLS under this name, trusting only what the file holds. */
static void call_by_tls(struct tls_front *front, const char *trusted, const char *name)
{
    char url[URL_MAX];
    assert_int_equal(setenv("SSL_CERT_FILE", trusted, 1), 0);
    start_two();
    front_serve(front, nodes[1].signalling.port);
    (void)snprintf(url, sizeof(url), "https://%s:%u", name, front->port);
    links_want(nodes[0].links, "beta", url);
}

static void hang_up(struct tls_front *front)
{
    stop(&nodes[0]);
    stop(&nodes[1]);
    front_stop(front);
}

static void test_https_is_spoken_with_whom_the_system_trusts(void **state)
{
    (void)state;
    struct tls_front front;
    front_start(&front);
    call_by_tls(&front, front.certificate, "localhost");
    WAIT_FOR(both_are_up());
    say(&nodes[0], "beta", "hello");
    say(&nodes[1], "alpha", "good day");
    WAIT_FOR(nodes[0].words == 1 && nodes[1].words == 1);
    hang_up(&front);
}

static void test_https_is_not_spoken_with_others(void **state)
{
    (void)state;
    struct tls_front front;
    for (unsigned i = 0; i < 2; i++) {
        front_start(&front);
        call_by_tls(&front, i == 0 ? "/dev/null" : front.certificate,
                    i == 0 ? "localhost" : "127.0.0.1");
        WAIT_FOR(nodes[0].links->wanted->has_failed);
        WAIT_FOR(nodes[0].links->wanted->again_ms == LINKS_AGAIN_MAX_MS);
        assert_int_equal(nodes[1].links->numbers, 0);
        hang_up(&front);
    }
}

/* ---- losses ---- */

static void test_a_node_that_stopped_is_noticed_and_is_back_when_it_goes_on(void **state)
{
    (void)state;
    start_two_with_a_link();
    nodes[1].is_frozen = true;
    uint64_t since_us = clock_now_us();
    WAIT_FOR(nodes[0].downs == 1);
    assert_true(clock_now_us() - since_us >= (LINKS_SILENT_MS - 600) * 1000ull);
    assert_false(links_is_up(nodes[0].links, "beta"));
    nodes[1].is_frozen = false;
    WAIT_FOR(nodes[1].downs == 1 && both_are_up());
    say(&nodes[0], "beta", "again");
    WAIT_FOR(nodes[1].words == 1);
}

static void test_a_caller_that_stopped_is_noticed_too(void **state)
{
    (void)state;
    start_two_with_a_link();
    nodes[0].is_frozen = true;
    WAIT_FOR(nodes[1].downs == 1);
    nodes[0].is_frozen = false;
    WAIT_FOR(nodes[0].downs == 1 && both_are_up());
}

static void test_time_in_which_this_process_did_not_run_does_not_count(void **state)
{
    (void)state;
    start_two_with_a_link();
    struct links *links = nodes[0].links;
    WAIT_FOR(links->ticked_us != 0);
    links->ticked_us -= 10 * SECOND_US;
    only_link(&nodes[0])->heard_us -= 10 * SECOND_US;
    uint64_t said = only_link(&nodes[0])->trust.said[TRUST_CALLED];
    WAIT_FOR(only_link(&nodes[0])->trust.said[TRUST_CALLED] > said + 1);
    assert_int_equal(nodes[0].downs, 0);
}

static void test_a_node_that_went_and_came_back_is_called_again(void **state)
{
    (void)state;
    start_two_with_a_link();
    uint16_t port = nodes[1].signalling.port;
    stop(&nodes[1]);
    WAIT_FOR(nodes[0].downs == 1);
    WAIT_FOR(nodes[0].links->wanted->again_ms == LINKS_AGAIN_MAX_MS);
    start(2, "beta", &right_key);
    assert_int_not_equal(nodes[2].signalling.port, port);
    links_want(nodes[0].links, "beta", nodes[2].url);
    WAIT_FOR(links_is_up(nodes[0].links, "beta"));
    assert_int_equal(nodes[0].links->wanted->again_ms, LINKS_AGAIN_MS);
    assert_int_equal(nodes[0].ups, 2);
}

static void test_who_does_not_read_is_cut(void **state)
{
    (void)state;
    static uint8_t word[32768];
    int err = 0;
    start_two_with_a_link();
    nodes[1].is_frozen = true;
    for (unsigned i = 0; i < 4096 && err == 0; i++) {
        err = links_say(nodes[0].links, "beta", slice_of(word, sizeof(word)));
        if (i % 8 == 0)
            turn();
    }
    assert_int_equal(err, ERR_FULL);
    assert_false(links_is_up(nodes[0].links, "beta"));
    assert_int_equal(nodes[0].downs, 0); /* not from inside of links_say() */
    WAIT_FOR(nodes[0].downs == 1);
    nodes[1].is_frozen = false;
    WAIT_FOR(nodes[1].downs == 1 && both_are_up());
}

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

/* ---- the end ---- */

static void test_closing_ends_all_links_and_calls_nobody(void **state)
{
    (void)state;
    start_two();
    links_want(nodes[0].links, "beta", nodes[1].url);
    links_want(nodes[1].links, "alpha", nodes[0].url);
    WAIT_FOR(both_are_up() && nodes[0].links->proofs == 2 && nodes[1].links->proofs == 2);
    say(&nodes[1], "alpha", "bye");
    uint32_t called = nodes[1].links->numbers;
    links_close(nodes[1].links);
    WAIT_FOR(nodes[0].downs == 1 && links_count(nodes[1].links) == 0);
    assert_int_equal(nodes[0].words, 1);
    WAIT_FOR(nodes[0].links->wanted->again_ms == LINKS_AGAIN_MAX_MS); /* in vain */
    assert_int_equal(nodes[0].ups, 1);
    assert_int_equal(nodes[1].ups, 1);
    links_close(nodes[0].links);
    WAIT_FOR(links_count(nodes[0].links) == 0);
    uint64_t until_us = clock_now_us() + 3 * LINKS_AGAIN_MS * 1000ull;
    while (clock_now_us() < until_us) {
        turn();
        assert_int_equal(links_count(nodes[0].links), 0);
    }
    assert_int_equal(nodes[1].links->numbers, called);
    assert_int_equal(links_count(nodes[1].links), 0);
}

static void test_links_can_end_at_any_moment(void **state)
{
    (void)state;
    for (unsigned turns = 0; turns < 20; turns++) {
        start_two();
        links_want(nodes[0].links, "beta", nodes[1].url);
        for (unsigned i = 0; i < turns; i++)
            turn();
        stop(&nodes[turns % 2]);
        turn();
        stop(&nodes[(turns + 1) % 2]);
    }
}

static int set_up(void **state)
{
    const struct rlimit files = {1024, 1024};
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    return setrlimit(RLIMIT_NOFILE, &files) + setenv("http_proxy", "127.0.0.1:1", 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_one_call_brings_both_up_and_words_go_both_ways, stop_all),
        cmocka_unit_test_teardown(test_a_link_over_which_nothing_is_said_stays, stop_all),
        cmocka_unit_test_teardown(
            test_nodes_that_call_each_other_are_up_once_and_stay_so_with_one_link, stop_all),
        cmocka_unit_test_teardown(test_a_link_is_kept_until_it_was_released_as_often_as_wanted,
                                  stop_all),
        cmocka_unit_test_teardown(test_what_was_said_before_a_release_arrives, stop_all),
        cmocka_unit_test_teardown(test_a_link_may_be_released_while_a_word_of_it_is_heard,
                                  stop_all),
        cmocka_unit_test_teardown(test_names_are_looked_up, stop_all),
        cmocka_unit_test_teardown(test_https_is_spoken_with_whom_the_system_trusts, stop_all),
        cmocka_unit_test_teardown(test_https_is_not_spoken_with_others, stop_all),
        cmocka_unit_test_teardown(test_a_node_that_stopped_is_noticed_and_is_back_when_it_goes_on,
                                  stop_all),
        cmocka_unit_test_teardown(test_a_caller_that_stopped_is_noticed_too, stop_all),
        cmocka_unit_test_teardown(test_time_in_which_this_process_did_not_run_does_not_count,
                                  stop_all),
        cmocka_unit_test_teardown(test_a_node_that_went_and_came_back_is_called_again, stop_all),
        cmocka_unit_test_teardown(test_who_does_not_read_is_cut, stop_all),
        cmocka_unit_test_teardown(test_who_has_another_secret_is_refused_by_both, stop_all),
        cmocka_unit_test_teardown(test_another_node_than_the_one_called_is_refused, stop_all),
        cmocka_unit_test_teardown(test_a_caller_with_our_own_id_is_refused, stop_all),
        cmocka_unit_test_teardown(test_urls_that_lead_nowhere_are_tried_again, stop_all),
        cmocka_unit_test_teardown(test_one_that_leaves_while_being_called_is_forgotten, stop_all),
        cmocka_unit_test_teardown(test_strangers_who_hold_all_places_keep_no_node_out, stop_all),
        cmocka_unit_test_teardown(test_a_proved_link_makes_way_for_nobody, stop_all),
        cmocka_unit_test_teardown(test_browsers_and_other_subprotocols_get_no_link, stop_all),
        cmocka_unit_test_teardown(test_closing_ends_all_links_and_calls_nobody, stop_all),
        cmocka_unit_test_teardown(test_links_can_end_at_any_moment, stop_all),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
