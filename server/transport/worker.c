#include "transport/worker.h"

#include "transport/worker_internal.h"

#include "base/clock.h"

#include <stdlib.h>

enum {
    ORDERS_PER_TURN = 64, /* each may make a peer; the socket must not wait for hundreds */
    IDLE_MAX_US = 500 * 1000,
    NS_PER_US = 1000,
    US_PER_S = 1000 * 1000,
};

static int set_up(struct worker *worker)
{
    const struct worker_params *params = &worker->params;
    int err = udp_open(&worker->udp, params->port);
    if (!err)
        err = udp_inbox_create(&worker->inbox);
    if (!err)
        err = routes_init(&worker->routes, params->workers > 1);
    if (!err)
        err = params->engine->batch_create(&worker->batch);
    if (err)
        return err;
    worker->polls[POLL_BELL] = (struct pollfd){.fd = worker->links.own->fd, .events = POLLIN};
    worker->polls[POLL_SOCKET].events = POLLIN;
    worker->queue = calloc(HANDSHAKE_QUEUE, sizeof(*worker->queue));
    return worker->queue ? 0 : ERR_NOMEM;
}

int worker_create(struct worker **out, const struct worker_params *params)
{
    struct worker *worker = calloc(1, sizeof(*worker));
    if (!worker)
        return ERR_NOMEM;
    worker->params = *params;
    worker->links = *params->links;
    worker->params.links = NULL;
    if (worker->params.handshakes_per_prefix == 0)
        worker->params.handshakes_per_prefix = HANDSHAKES_PREFIX;
    worker->udp.fd = -1;
    for (unsigned i = 0; i < SEAT_KINDS; i++)
        worker->groups[i].handshakes_max = HANDSHAKES_MAX;
    unsigned per_prefix = worker->params.handshakes_per_prefix;
    unsigned per_network = per_prefix * HANDSHAKES_PREFIXES;
    half_open_init(&worker->half_open, per_prefix,
                   per_network > HANDSHAKES_NETWORK ? per_network : HANDSHAKES_NETWORK);
    worker->groups[SEAT_LISTENER].half_open = &worker->half_open;
    pool_init(&worker->peer_pool, sizeof(struct worker_peer));
    map_init(&worker->peers, 0);
    int err = set_up(worker);
    if (err) {
        worker_destroy(worker);
        return err;
    }
    *out = worker;
    return 0;
}

void worker_destroy(struct worker *worker)
{
    if (!worker)
        return;
    while (worker->timers.count > 0)
        worker_peer_free(timers_first(&worker->timers)->owner);
    for (unsigned i = 0; i < worker->room_count; i++)
        worker_room_free(worker->rooms[i]);
    if (worker->batch)
        worker->params.engine->batch_destroy(worker->batch);
    free(worker->queue);
    timers_clear(&worker->timers);
    pool_clear(&worker->peer_pool);
    map_clear(&worker->peers);
    half_open_clear(&worker->half_open);
    routes_clear(&worker->routes);
    udp_inbox_destroy(worker->inbox);
    udp_clear(&worker->udp);
    free(worker);
}

/* ---- the loop ---- */

static void follow_order(struct worker *worker, const struct order *order)
{
    switch (order->kind) {
    case ORDER_OPEN_ROOM:
        worker_room_open(worker, order->room);
        return;
    case ORDER_CLOSE_ROOM:
        worker_room_close(worker, order->room);
        return;
    case ORDER_ADD_PEER:
        worker_peer_add(worker, &((const struct add_order *)order)->peer);
        return;
    case ORDER_REMOVE_PEER: {
        struct worker_peer *wp = map_get(&worker->peers, order->peer);
        if (wp)
            worker_peer_end(wp, PEER_END_CLOSED, true);
        return;
    }
    case ORDER_RESTART_PEER:
        worker_peer_restart(worker, (const struct restart_order *)order);
        return;
    }
}

/* True: there may be more. */
static bool take_orders(struct worker *worker)
{
    for (unsigned i = 0; i < ORDERS_PER_TURN; i++) {
        size_t bytes;
        const struct order *order = ring_peek(worker->links.orders, &bytes);
        if (!order)
            return false;
        follow_order(worker, order);
        ring_release(worker->links.orders);
    }
    return true;
}

static void take_frame(struct worker *worker, const struct media_frame *frame)
{
    switch (frame->kind) {
    case MEDIA_PROGRAM:
        worker_room_frame(worker, frame);
        return;
    case MEDIA_HOST: {
        struct worker_peer *wp = map_get(&worker->peers, frame->peer);
        if (wp && wp->host && !wp->is_ended)
            host_send(wp->host, frame);
        return;
    }
    }
}

static void take_frames(struct worker *worker)
{
    for (unsigned stage = 0; stage < worker->params.stages; stage++) {
        const struct media_frame *frame;
        size_t bytes;
        while ((frame = ring_peek(worker->links.from_stage[stage], &bytes)) != NULL) {
            take_frame(worker, frame);
            ring_release(worker->links.from_stage[stage]);
        }
    }
}

static void run_timers(struct worker *worker)
{
    struct timer *timer;
    while ((timer = timers_first(&worker->timers)) != NULL && timer->due_us <= worker->now_us)
        worker_peer_tick(timer->owner);
}

static void ring_bells(struct worker *worker)
{
    if (worker->has_events)
        wake_ring(worker->links.control);
    worker->has_events = false;
    for (unsigned i = 0; i < worker->params.stages; i++) {
        if (worker->stage_rings[i])
            wake_ring(worker->links.stages[i]);
        worker->stage_rings[i] = false;
    }
    for (unsigned i = 0; i < worker->params.workers; i++) {
        if (worker->worker_rings[i])
            wake_ring(worker->links.workers[i]);
        worker->worker_rings[i] = false;
    }
}

static void count_groups(struct worker *worker)
{
    uint64_t dropped = 0, refused = 0;
    for (unsigned i = 0; i < SEAT_KINDS; i++) {
        dropped += worker->groups[i].dropped;
        refused += worker->groups[i].refused;
    }
    worker_count(&worker->counters.dropped_unauthenticated, dropped - worker->dropped_by_peers);
    worker_count(&worker->counters.handshakes_refused, refused - worker->refused_by_peers);
    worker->dropped_by_peers = dropped;
    worker->refused_by_peers = refused;
}

/* One round: hosts before listeners, those inside before newcomers' handshakes. True: do not wait
 * before the next one. */
static bool turn(struct worker *worker)
{
    worker->now_us = clock_now_us();
    bool has_more = take_orders(worker);
    take_frames(worker);
    worker_receive_direct(worker);
    worker_take_hands(worker);
    has_more = worker_receive(worker) || has_more;
    worker_run_passes(worker);
    has_more = worker_run_handshakes(worker) || has_more;
    run_timers(worker);
    worker_tell_counts(worker);
    worker_tell_news(worker);
    count_groups(worker);
    ring_bells(worker);
    return has_more;
}

static uint64_t min_us(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* How long, and whether for the socket as well: while bursts are paced or very many send a little,
 * it is looked at between the waits. */
static uint64_t choose_wait(const struct worker *worker, uint64_t now_us, bool *has_socket)
{
    uint64_t until_us = now_us + IDLE_MAX_US;
    const struct timer *timer = timers_first(&worker->timers);
    if (timer)
        until_us = min_us(until_us, timer->due_us);
    if (worker->room_count > 0)
        until_us = min_us(until_us, worker->counts_us);
    if (worker->pace.is_running)
        until_us = min_us(until_us, worker->pace.next_us);
    *has_socket = !worker->pace.is_running && worker->peer_count <= CROWD_PEERS;
    if (!*has_socket)
        until_us = min_us(until_us, now_us + CROWD_WAIT_US);
    return until_us <= now_us ? 0 : until_us - now_us;
}

/* Looks which hosts' sockets have something, even if there is no time to wait. */
static void wait_for_work(struct worker *worker, bool has_more)
{
    bool has_socket;
    uint64_t wait_us = choose_wait(worker, clock_now_us(), &has_socket);
    if (has_more)
        wait_us = 0;
    struct timespec wait = {.tv_sec = (time_t)(wait_us / US_PER_S),
                            .tv_nsec = (long)(wait_us % US_PER_S * NS_PER_US)};
    worker->polls[POLL_SOCKET].fd = has_socket ? worker->udp.fd : -1; /* -1: not looked at */
    if (ppoll(worker->polls, POLL_DIRECT + worker->direct_count, &wait, NULL) > 0 &&
        worker->polls[POLL_BELL].revents != 0)
        wake_hush(worker->links.own);
}

static void run(void *arg)
{
    struct worker *worker = arg;
    ASSERT_THREAD(THREAD_WORKER);
    bool has_more = true;
    while (!atomic_load_explicit(&worker->is_stopping, memory_order_acquire)) {
        wait_for_work(worker, has_more);
        has_more = turn(worker);
    }
    while (worker->timers.count > 0)
        worker_peer_free(timers_first(&worker->timers)->owner);
}

int worker_start(struct worker *worker)
{
    ASSERT_THREAD(THREAD_CONTROL);
    int err = thread_start(&worker->thread, "worker", THREAD_WORKER, run, worker);
    worker->has_thread = err == 0;
    return err;
}

void worker_stop(struct worker *worker)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (!worker->has_thread)
        return;
    atomic_store_explicit(&worker->is_stopping, true, memory_order_release);
    wake_ring(worker->links.own);
    thread_join(&worker->thread);
    worker->has_thread = false;
}

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void worker_add_totals(const struct worker *worker, struct transport_totals *out)
{
    const struct worker_counters *counters = &worker->counters;
    out->datagrams_in += read_counter(&counters->datagrams_in);
    out->datagrams_out += read_counter(&counters->datagrams_out);
    out->bytes_in += read_counter(&counters->bytes_in);
    out->bytes_out += read_counter(&counters->bytes_out);
    out->dropped_unauthenticated += read_counter(&counters->dropped_unauthenticated);
    out->dropped_malformed += read_counter(&counters->dropped_malformed);
    out->dropped_replayed += read_counter(&counters->dropped_replayed);
    out->dropped_full += read_counter(&counters->dropped_full);
    out->handed_over += read_counter(&counters->handed_over);
    out->send_failures += read_counter(&counters->send_failures);
    out->program_sent += read_counter(&counters->program_sent);
    out->program_late += read_counter(&counters->program_late);
    out->program_failed += read_counter(&counters->program_failed);
    out->retransmitted += read_counter(&counters->retransmitted);
    out->nack_refused += read_counter(&counters->nack_refused);
    out->rtcp_bad += read_counter(&counters->rtcp_bad);
    out->handshakes_refused += read_counter(&counters->handshakes_refused);
    out->handshakes_repeated += read_counter(&counters->handshakes_repeated);
}

uint64_t worker_gone(const struct worker *worker)
{
    return read_counter(&worker->counters.gone);
}
