/* A worker that is not started: its turns are taken by the test, one step at a time. */
#include "transport/worker_internal.h"

#include "base/clock.h"
#include "base/random.h"
#include "rostrum/stun.h"

#include <arpa/inet.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { RING_BYTES = 1 << 16, PATIENCE_MS = 20000, SOON_US = 100 };

struct scene {
    struct worker *worker;
    struct worker_links links;
    struct wake wakes[3]; /* own, control's, the stage's */
    struct dtls_identity *identity;
    struct sockaddr_in server;
};

static int open_scene(void **state)
{
    static struct scene scene;
    scene = (struct scene){0};
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(wake_init(&scene.wakes[i]), 0);
    struct worker_links *links = &scene.links;
    assert_int_equal(ring_create(&links->orders, RING_BYTES), 0);
    assert_int_equal(ring_create(&links->events, RING_BYTES), 0);
    assert_int_equal(ring_create(&links->from_stage[0], RING_BYTES), 0);
    assert_int_equal(ring_create(&links->to_stage[0], RING_BYTES), 0);
    links->own = links->workers[0] = &scene.wakes[0];
    links->control = &scene.wakes[1];
    links->stages[0] = &scene.wakes[2];
    assert_int_equal(dtls_identity_create(&scene.identity, NULL), 0);
    struct worker_params params = {.workers = 1,
                                   .stages = 1,
                                   .engine = srtp_engine_find("auto"),
                                   .identity = scene.identity,
                                   .links = links};
    assert_int_equal(worker_create(&scene.worker, &params), 0);
    struct sockaddr_in6 bound;
    socklen_t bytes = sizeof(bound);
    assert_int_equal(getsockname(scene.worker->udp.fd, (struct sockaddr *)&bound, &bytes), 0);
    scene.server = (struct sockaddr_in){.sin_family = AF_INET,
                                        .sin_port = bound.sin6_port,
                                        .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    scene.worker->now_us = clock_now_us();
    *state = &scene;
    return 0;
}

static int close_scene(void **state)
{
    struct scene *scene = *state;
    worker_destroy(scene->worker);
    ring_destroy(scene->links.orders);
    ring_destroy(scene->links.events);
    ring_destroy(scene->links.from_stage[0]);
    ring_destroy(scene->links.to_stage[0]);
    for (unsigned i = 0; i < 3; i++)
        wake_clear(&scene->wakes[i]);
    dtls_identity_destroy(scene->identity);
    return 0;
}

static uint64_t datagrams_in(const struct scene *scene)
{
    return atomic_load(&scene->worker->counters.datagrams_in);
}

static uint64_t dropped_full(const struct scene *scene)
{
    return atomic_load(&scene->worker->counters.dropped_full);
}

/* Sends the datagram `count` times and has the worker take them all. */
static void deliver(struct scene *scene, int fd, const uint8_t *data, size_t bytes, unsigned count)
{
    uint64_t until = datagrams_in(scene) + count;
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(sendto(fd, data, bytes, 0, (const struct sockaddr *)&scene->server,
                                sizeof(scene->server)),
                         bytes);
    while (datagrams_in(scene) < until) {
        struct pollfd ready = {.fd = scene->worker->udp.fd, .events = POLLIN};
        assert_int_equal(poll(&ready, 1, PATIENCE_MS), 1);
        while (worker_receive(scene->worker))
            continue;
    }
}

/* One whose path is known: its next datagrams may be a handshake. Returns its socket. */
static int add_peer(struct scene *scene, enum seat_kind kind, struct worker_peer **wp)
{
    struct peer_order order = {.kind = kind, .dtls = DTLS_SERVER};
    random_ice_chars(order.local.ufrag + 1, PEER_OWN_UFRAG_CHARS - 1);
    order.local.ufrag[0] = 'A';
    random_ice_chars(order.local.pwd, PEER_OWN_PWD_CHARS);
    for (unsigned i = 0; i < PEER_OWN_UFRAG_CHARS; i++)
        order.id = order.id << 8 | (uint8_t)order.local.ufrag[i];
    worker_peer_add(scene->worker, &order);
    *wp = map_get(&scene->worker->peers, order.id);
    assert_non_null(*wp);

    uint8_t name[2 * PEER_OWN_UFRAG_CHARS + 1], check[512];
    struct writer username = writer_of(name, sizeof(name));
    writer_text(&username, order.local.ufrag);
    writer_text(&username, ":theirs12");
    struct stun_request request = {
        .username = writer_slice(&username), .controlling = true, .use_candidate = true};
    struct writer out = writer_of(check, sizeof(check));
    assert_int_equal(stun_write_request(&request, slice_text(order.local.pwd), &out), 0);
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    assert_true(fd >= 0);
    deliver(scene, fd, check, out.at, 1);
    assert_int_equal((*wp)->peer.ice.path_count, 1);
    return fd;
}

static int add_listener(struct scene *scene, struct worker_peer **wp)
{
    return add_peer(scene, SEAT_LISTENER, wp);
}

/* The beginning of a DTLS record (RFC 6347 section 4.1): enough to be taken for one. */
static const uint8_t handshake_record[60] = {22, 0xFE, 0xFD};

static void knock(struct scene *scene, int fd, unsigned count)
{
    deliver(scene, fd, handshake_record, sizeof(handshake_record), count);
}

static void serve_all(struct scene *scene)
{
    while (worker_run_handshakes(scene->worker))
        continue;
}

static void send_to_server(const struct scene *scene, int fd)
{
    assert_int_equal(sendto(fd, handshake_record, sizeof(handshake_record), 0,
                            (const struct sockaddr *)&scene->server, sizeof(scene->server)),
                     sizeof(handshake_record));
}

static void test_a_host_has_a_socket_that_nobody_else_fills(void **state)
{
    struct scene *scene = *state;
    struct worker *worker = scene->worker;
    struct worker_peer *host, *listener;
    int fd = add_peer(scene, SEAT_HOST, &host);
    int other = add_listener(scene, &listener);
    assert_int_equal(worker->direct_count, 1);
    assert_ptr_equal(worker->direct[0], host);

    uint64_t before = datagrams_in(scene);
    send_to_server(scene, other);
    send_to_server(scene, fd);
    assert_int_equal(poll(&worker->polls[POLL_DIRECT], 1, PATIENCE_MS), 1);
    worker_receive_direct(worker);
    assert_int_equal(datagrams_in(scene), before + 1);
    assert_int_equal(worker->queue_count, 0); /* where the listener's would stand */

    struct pollfd shared = {.fd = worker->udp.fd, .events = POLLIN};
    assert_int_equal(poll(&shared, 1, PATIENCE_MS), 1);
    assert_false(worker_receive(worker));
    assert_int_equal(datagrams_in(scene), before + 2);
    assert_int_equal(worker->queue_count, 1);

    worker_peer_end(host, PEER_END_CLOSED, true);
    worker_tell_news(worker);
    assert_int_equal(worker->direct_count, 0);
    (void)close(fd);
    (void)close(other);
}

static void test_a_repeated_hello_waits_once(void **state)
{
    struct scene *scene = *state;
    struct worker_peer *wp;
    int fd = add_listener(scene, &wp);
    knock(scene, fd, 30);
    assert_int_equal(scene->worker->queue_count, 1);
    assert_int_equal(atomic_load(&scene->worker->counters.handshakes_repeated), 29);
    assert_int_equal(dropped_full(scene), 0);
    serve_all(scene);
    assert_int_equal(scene->worker->queue_count, 0);
    assert_int_equal(wp->queued_handshakes, 0);
    (void)close(fd);
}

static void test_one_listener_cannot_fill_the_queue(void **state)
{
    struct scene *scene = *state;
    struct worker_peer *flooder, *newcomer;
    int fd = add_listener(scene, &flooder);
    knock(scene, fd, 1);
    serve_all(scene); /* it is under way: now a flight may come in pieces */
    knock(scene, fd, HANDSHAKE_QUEUE / 4);
    assert_int_equal(scene->worker->queue_count, HANDSHAKE_QUEUE_PEER);
    int other = add_listener(scene, &newcomer);
    knock(scene, other, 1);
    assert_int_equal(scene->worker->queue_count, HANDSHAKE_QUEUE_PEER + 1);
    (void)close(fd);
    (void)close(other);
}

static void test_who_has_no_key_leaves_nothing_behind(void **state)
{
    struct scene *scene = *state;
    struct worker *worker = scene->worker;
    struct worker_peer *wp;
    int known = add_listener(scene, &wp);
    char right[PEER_OWN_UFRAG_CHARS + 1];
    memcpy(right, wp->peer.ice.local.ufrag, sizeof(right));
    const char *const ufrags[] = {right, "AAAAAAAA", "A2345678"};
    int stranger = socket(AF_INET, SOCK_DGRAM, 0);
    uint64_t routes = worker->routes.count;
    uint64_t before = atomic_load(&worker->counters.dropped_unauthenticated);
    for (unsigned i = 0; i < 3; i++) {
        uint8_t name[64], check[512];
        struct writer username = writer_of(name, sizeof(name));
        writer_text(&username, ufrags[i]);
        writer_text(&username, ":theirs12");
        struct stun_request request = {
            .username = writer_slice(&username), .controlling = true, .use_candidate = true};
        struct writer out = writer_of(check, sizeof(check));
        assert_int_equal(stun_write_request(&request, slice_text("a password of nobody's"), &out),
                         0);
        deliver(scene, stranger, check, out.at, 10);
        knock(scene, stranger, 10); /* and a ClientHello */
    }
    assert_int_equal(worker->peer_count, 1);
    assert_int_equal(worker->routes.count, routes);
    assert_int_equal(worker->queue_count, 0);
    assert_int_equal(wp->peer.ice.path_count, 1);
    assert_null(wp->peer.dtls);
    uint64_t counted = atomic_load(&worker->counters.dropped_unauthenticated) +
                       worker->groups[SEAT_LISTENER].dropped;
    assert_int_equal(counted - before, 60);
    (void)close(stranger);
    (void)close(known);
}

/* What those inside still send, a mass of good-byes perhaps, keeps no newcomer waiting. */
static void test_who_is_connected_does_not_queue(void **state)
{
    struct scene *scene = *state;
    struct worker_peer *seated;
    int fd = add_listener(scene, &seated);
    seated->peer.state = PEER_CONNECTED;
    knock(scene, fd, 30);
    assert_int_equal(scene->worker->queue_count, 0);
    assert_int_equal(atomic_load(&scene->worker->counters.handshakes_repeated), 0);
    (void)close(fd);
}

static void test_the_queue_itself_has_an_end(void **state)
{
    struct scene *scene = *state;
    struct worker_peer *wp;
    for (unsigned i = 0; i <= HANDSHAKE_QUEUE; i++) {
        int fd = add_listener(scene, &wp);
        knock(scene, fd, 1);
        (void)close(fd);
    }
    assert_int_equal(scene->worker->queue_count, HANDSHAKE_QUEUE);
    assert_int_equal(dropped_full(scene), 1);
    assert_int_equal(wp->queued_handshakes, 0);
}

static void test_a_handshake_waits_for_a_pass_but_not_for_ever(void **state)
{
    struct scene *scene = *state;
    struct worker *worker = scene->worker;
    struct worker_peer *wp;
    worker->now_us = worker->handshaken_us = clock_now_us();
    int fds[2] = {add_listener(scene, &wp), add_listener(scene, &wp)};
    for (unsigned i = 0; i < 2; i++)
        knock(scene, fds[i], 1);
    worker->pace = (struct pace){.is_running = true, .next_us = worker->now_us + SOON_US};
    assert_false(worker_run_handshakes(worker));
    assert_int_equal(worker->queue_count, 2);

    /* nobody could be served for too long: one is, and only one */
    worker->handshaken_us -= HANDSHAKE_WAIT_US + 1;
    for (unsigned i = 0; i < 2; i++)
        worker->queue[i].arrival_us -= HANDSHAKE_WAIT_US + 1;
    assert_false(worker_run_handshakes(worker));
    assert_int_equal(worker->queue_count, 1);

    /* the next burst is far away */
    worker->pace.next_us = clock_now_us() + 1000 * 1000;
    assert_false(worker_run_handshakes(worker));
    assert_int_equal(worker->queue_count, 0);
    for (unsigned i = 0; i < 2; i++)
        (void)close(fds[i]);
}

static void test_a_queued_handshake_outlives_its_listener(void **state)
{
    struct scene *scene = *state;
    struct worker_peer *wp;
    int fd = add_listener(scene, &wp);
    knock(scene, fd, 1);
    worker_peer_end(wp, PEER_END_CLOSED, true);
    worker_tell_news(scene->worker); /* frees it */
    assert_int_equal(scene->worker->peer_count, 0);
    assert_int_equal(scene->worker->queue_count, 1);
    serve_all(scene);
    assert_int_equal(scene->worker->queue_count, 0);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_host_has_a_socket_that_nobody_else_fills, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(test_a_repeated_hello_waits_once, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(test_one_listener_cannot_fill_the_queue, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(test_who_has_no_key_leaves_nothing_behind, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(test_who_is_connected_does_not_queue, open_scene,
                                        close_scene),
        cmocka_unit_test_setup_teardown(test_the_queue_itself_has_an_end, open_scene, close_scene),
        cmocka_unit_test_setup_teardown(test_a_handshake_waits_for_a_pass_but_not_for_ever,
                                        open_scene, close_scene),
        cmocka_unit_test_setup_teardown(test_a_queued_handshake_outlives_its_listener, open_scene,
                                        close_scene),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
