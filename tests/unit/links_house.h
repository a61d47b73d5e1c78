/* links_house.h - for tests: nodes in one process, each with a loop of its own. Who is not run is as good as stopped.
 * Include after cmocka.h.
 *
 * Owner    one test program
 * Thread   the test's
 * Units    as named
 * Errors   assertions
 * Spec     none
 */
#ifndef TEST_LINKS_HOUSE_H
#define TEST_LINKS_HOUSE_H

#include "admission/limits.h"
#include "base/clock.h"
#include "signalling/clients.h"
#include "signalling/links_internal.h"
#include "signalling/listener.h"
#include "telemetry/log.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

enum { NODES_MAX = 3, WAIT_MS = 20000, URL_MAX = 64 };

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

static inline void on_up(void *ctx, const char *name)
{
    struct node *node = ctx;
    assert_true(links_is_up(node->links, name));
    node->ups++;
}

static inline void on_down(void *ctx, const char *name)
{
    struct node *node = ctx;
    assert_false(links_is_up(node->links, name));
    node->downs++;
}

static inline void on_word(void *ctx, const char *name, struct slice word)
{
    struct node *node = ctx;
    assert_true(word.bytes > 0 && name[0] != '\0');
    node->words++;
    node->word_bytes = word.bytes;
    node->first_byte = word.data[0];
    if (node->releases != NULL)
        links_release(node->links, node->releases);
}

static inline struct node *start(unsigned at, const char *id, const struct cluster_key *key)
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

static inline void stop(struct node *node)
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

static inline int stop_all(void **state)
{
    (void)state;
    for (unsigned i = 0; i < NODES_MAX; i++)
        stop(&nodes[i]);
    return 0;
}

static inline void turn(void)
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

static inline void say(struct node *node, const char *to, const char *word)
{
    assert_int_equal(links_say(node->links, to, slice_text(word)), 0);
}

static inline bool both_are_up(void)
{
    return links_is_up(nodes[0].links, "beta") && links_is_up(nodes[1].links, "alpha");
}

static inline struct link *only_link(const struct node *node)
{
    assert_int_equal(links_count(node->links), 1);
    return node->links->list;
}

static inline void start_two(void)
{
    start(0, "alpha", &right_key);
    start(1, "beta", &right_key);
}

static inline void start_two_with_a_link(void)
{
    start_two();
    links_want(nodes[0].links, "beta", nodes[1].url);
    WAIT_FOR(both_are_up());
}

static inline int set_up(void **state)
{
    const struct rlimit files = {1024, 1024};
    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    log_set_level(LOG_LEVEL_ERROR);
    return setrlimit(RLIMIT_NOFILE, &files) + setenv("http_proxy", "127.0.0.1:1", 1);
}

#endif
