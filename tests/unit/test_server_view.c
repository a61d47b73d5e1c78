#include "rehearse/server_view.h"

#include "base/clock.h"
#include "base/thread.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

/* A server that answers every request with what it was told, and keeps the last one. */
struct answerer {
    int fd;
    char url[64];
    const char *_Atomic node; /* borrowed; whole answers */
    const char *room;
    bool has_token; /* the node was asked for with one */
    atomic_uint asked;
    atomic_bool is_over;
    struct thread thread;
};

static const char node_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n"
    "{\"version\":\"9\",\"cores\":2,\"cpu_ms\":100,\"seats\":{\"max\":7}}";
static const char room_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{\"hearing\":5,\"connected\":6}";
static const char forbidden[] = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
static const char garbage[] = "HTTP/1.1 200 OK\r\n\r\n<html>";

static void answer(struct answerer *answerer, int client)
{
    char request[2048] = "";
    size_t used = 0;
    while (strstr(request, "\r\n\r\n") == NULL && used < sizeof(request) - 1) {
        ssize_t got = recv(client, request + used, sizeof(request) - 1 - used, 0);
        if (got <= 0)
            return;
        used += (size_t)got;
        request[used] = '\0';
        if (request[0] != 'G')
            return;
    }
    bool is_node = strncmp(request, "GET /api/v1/node ", 17) == 0;
    bool is_room = strncmp(request, "GET /api/v1/rooms/evening ", 26) == 0;
    if (is_node)
        answerer->has_token = strstr(request, "Authorization: Bearer secret\r\n") != NULL;
    const char *text = is_node ? answerer->node : is_room ? answerer->room : NULL;
    if (text != NULL)
        (void)send(client, text, strlen(text), MSG_NOSIGNAL);
}

static void run(void *arg)
{
    struct answerer *answerer = arg;
    while (!atomic_load(&answerer->is_over)) {
        struct pollfd wait = {.fd = answerer->fd, .events = POLLIN};
        if (poll(&wait, 1, 20) <= 0)
            continue;
        int client = accept(answerer->fd, NULL, NULL);
        if (client < 0)
            continue;
        answer(answerer, client);
        (void)close(client);
        atomic_fetch_add(&answerer->asked, 1);
    }
}

static void begin(struct answerer *answerer, const char *node, const char *room)
{
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof(here);
    *answerer = (struct answerer){.node = node, .room = room};
    answerer->fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(answerer->fd >= 0);
    assert_int_equal(bind(answerer->fd, (struct sockaddr *)&here, bytes), 0);
    assert_int_equal(listen(answerer->fd, 16), 0);
    assert_int_equal(getsockname(answerer->fd, (struct sockaddr *)&here, &bytes), 0);
    (void)snprintf(answerer->url, sizeof(answerer->url), "http://127.0.0.1:%u",
                   (unsigned)ntohs(here.sin_port));
    assert_int_equal(thread_start(&answerer->thread, "answerer", THREAD_ANY, run, answerer), 0);
}

static void end(struct answerer *answerer)
{
    atomic_store(&answerer->is_over, true);
    thread_join(&answerer->thread);
    (void)close(answerer->fd);
}

static struct server_view *view_of(const struct answerer *answerer, const char *token)
{
    struct server_view_params params = {.server = answerer->url, .slug = "evening", .token = token};
    struct server_view *view = NULL;
    assert_int_equal(server_view_create(&view, &params), 0);
    return view;
}

static void test_with_a_token_node_and_room_are_seen(void **state)
{
    (void)state;
    struct answerer answerer;
    begin(&answerer, node_answer, room_answer);
    struct server_view *view = view_of(&answerer, "secret");
    struct node_look look;
    assert_int_equal(server_view_look(view, &look), 0);
    assert_int_equal(look.numbers[LOOK_CPU_MS], 100);
    assert_int_equal(look.numbers[LOOK_SEATS_MAX], 7);
    assert_int_equal(look.numbers[LOOK_HEARING], 5);
    assert_true(look.at_us > 0);
    assert_string_equal(server_view_blind_spot(view), "");
    end(&answerer);
    assert_true(answerer.has_token);
    server_view_destroy(view);
}

static void test_without_a_token_the_room_is_seen_and_the_rest_is_told(void **state)
{
    (void)state;
    struct answerer answerer;
    begin(&answerer, node_answer, room_answer);
    struct server_view *view = view_of(&answerer, NULL);
    struct node_look look;
    assert_int_equal(server_view_look(view, &look), 0);
    assert_true(look_has(&look, LOOK_HEARING));
    assert_false(look_has(&look, LOOK_CPU_MS));
    assert_non_null(strstr(server_view_blind_spot(view), "without an admin's token"));
    server_view_destroy(view);
    end(&answerer);
    assert_int_equal(atomic_load(&answerer.asked), 1);
}

static void test_a_token_that_is_not_accepted_is_told(void **state)
{
    (void)state;
    struct answerer answerer;
    begin(&answerer, forbidden, room_answer);
    struct server_view *view = view_of(&answerer, "secret");
    struct node_look look;
    assert_int_equal(server_view_look(view, &look), 0);
    assert_non_null(strstr(server_view_blind_spot(view), "code=403"));
    server_view_destroy(view);
    end(&answerer);
}

static void test_answers_that_are_no_json_are_not_seen(void **state)
{
    (void)state;
    struct answerer answerer;
    begin(&answerer, garbage, garbage);
    struct server_view *view = view_of(&answerer, "secret");
    struct node_look look;
    assert_int_equal(server_view_look(view, &look), ERR_IO);
    assert_int_equal(look.seen, 0);
    assert_non_null(strstr(server_view_blind_spot(view), "/api/v1/node answers nonsense"));
    server_view_destroy(view);
    end(&answerer);
}

static void test_a_node_that_does_not_answer_once_is_no_blind_spot(void **state)
{
    (void)state;
    struct answerer answerer;
    begin(&answerer, node_answer, room_answer);
    struct server_view *view = view_of(&answerer, "secret");
    struct node_look look;
    assert_int_equal(server_view_look(view, &look), 0);
    atomic_store(&answerer.node, forbidden);
    /* A look without the node between two with it would hide what the server sent meanwhile. */
    assert_int_equal(server_view_look(view, &look), ERR_IO);
    assert_non_null(strstr(server_view_why(view), "code=403"));
    atomic_store(&answerer.node, node_answer);
    assert_int_equal(server_view_look(view, &look), 0);
    assert_string_equal(server_view_blind_spot(view), "");
    server_view_destroy(view);
    end(&answerer);
}

static void test_a_connection_that_is_cut_off_is_an_error(void **state)
{
    (void)state;
    struct answerer answerer;
    begin(&answerer, "", "");
    struct server_view *view = view_of(&answerer, NULL);
    struct node_look look;
    assert_int_equal(server_view_look(view, &look), ERR_IO);
    server_view_destroy(view);
    end(&answerer);
}

static void test_each_second_makes_a_row(void **state)
{
    (void)state;
    struct answerer answerer;
    begin(&answerer, node_answer, room_answer);
    struct server_view *view = view_of(&answerer, "secret");
    struct node_look before;
    struct server_second latest = {0};
    uint32_t count = 0;
    assert_int_equal(server_view_look(view, &before), 0);
    assert_int_equal(server_view_start(view, &before, clock_now_us()), 0);
    server_view_latest(view, &latest);
    assert_false(latest.is_seen);
    while (!latest.is_seen) {
        assert_int_equal(poll(NULL, 0, 5), 0);
        server_view_latest(view, &latest);
    }
    server_view_stop(view);
    const struct server_second *rows = server_view_rows(view, &count);
    assert_true(count >= 1);
    assert_true(rows[count - 1].has_cpu && rows[count - 1].has_hearing);
    assert_int_equal(rows[count - 1].hearing, 5);
    server_view_destroy(view);
    end(&answerer);
}

static void test_stopping_does_not_wait_for_the_next_second(void **state)
{
    (void)state;
    struct answerer answerer;
    begin(&answerer, node_answer, room_answer);
    struct server_view *view = view_of(&answerer, NULL);
    struct node_look before = {.at_us = clock_now_us()};
    uint32_t count = 4711;
    /* It would wait an hour. */
    assert_int_equal(server_view_start(view, &before, clock_now_us() + 3600ull * 1000000), 0);
    server_view_stop(view);
    (void)server_view_rows(view, &count);
    assert_int_equal(count, 0);
    server_view_stop(view); /* a second time is fine */
    server_view_destroy(view);
    end(&answerer);
}

static void test_what_is_no_server_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "ftp://a", "http://", "http://a/b", "127.0.0.1:80"};
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct server_view *view = NULL;
        struct server_view_params params = {.server = bad[i], .slug = "evening"};
        assert_int_equal(server_view_create(&view, &params), ERR_INVAL);
        assert_null(view);
    }
}

static void test_a_server_without_tls_is_not_seen_by_https(void **state)
{
    (void)state;
    struct answerer answerer;
    begin(&answerer, node_answer, room_answer);
    char url[80];
    struct server_view *view = NULL;
    (void)snprintf(url, sizeof(url), "https://127.0.0.1:%s", strrchr(answerer.url, ':') + 1);
    struct server_view_params params = {.server = url, .slug = "evening"};
    assert_int_equal(server_view_create(&view, &params), 0);
    struct node_look look;
    assert_int_equal(server_view_look(view, &look), ERR_IO);
    end(&answerer);
    server_view_destroy(view);
    server_view_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_with_a_token_node_and_room_are_seen),
        cmocka_unit_test(test_without_a_token_the_room_is_seen_and_the_rest_is_told),
        cmocka_unit_test(test_a_token_that_is_not_accepted_is_told),
        cmocka_unit_test(test_answers_that_are_no_json_are_not_seen),
        cmocka_unit_test(test_a_node_that_does_not_answer_once_is_no_blind_spot),
        cmocka_unit_test(test_a_connection_that_is_cut_off_is_an_error),
        cmocka_unit_test(test_each_second_makes_a_row),
        cmocka_unit_test(test_stopping_does_not_wait_for_the_next_second),
        cmocka_unit_test(test_what_is_no_server_is_refused),
        cmocka_unit_test(test_a_server_without_tls_is_not_seen_by_https),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
