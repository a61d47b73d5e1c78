/* upstream_thread.c - the upstream's loop: sockets, orders, what is due, news. */
#include "tree/upstream_internal.h"

#include "base/clock.h"

#include <assert.h>

enum {
    IDLE_MAX_US = 1000 * 1000,
    RETRY_TELL_US = 10 * 1000, /* control's ring was full */
};

/* ---- orders ---- */

static unsigned find_room(const struct upstream *upstream, uint32_t number)
{
    unsigned at = 0;
    while (at < upstream->room_count && upstream->rooms[at]->number != number)
        at++;
    return at;
}

static void follow(struct upstream *upstream, const struct upstream_order *order, uint64_t now_us)
{
    unsigned at = find_room(upstream, order->room);
    if (order->fresh) {
        assert(at == upstream->room_count && at < UPSTREAM_ROOMS_MAX); /* control counts them */
        order->fresh->upstream = upstream;
        order->fresh->counts_us = now_us + UPSTREAM_COUNTS_US;
        upstream->rooms[upstream->room_count++] = order->fresh;
    }
    assert(at < upstream->room_count);
    upstream_room_follow(upstream->rooms[at], order->link, now_us);
    upstream->due_us[at] = now_us;
}

static void close_room(struct upstream *upstream, uint32_t number)
{
    unsigned at = find_room(upstream, number);
    assert(at < upstream->room_count);
    struct upstream_room *room = upstream->rooms[at];
    upstream->rooms[at] = upstream->rooms[--upstream->room_count];
    upstream->due_us[at] = upstream->due_us[upstream->room_count];
    upstream_room_close(room);
    room->closed = upstream->closed;
    upstream->closed = room;
}

static void take_orders(struct upstream *upstream, uint64_t now_us)
{
    const struct upstream_order *order;
    size_t bytes;
    while ((order = ring_peek(upstream->orders, &bytes)) != NULL) {
        switch (order->kind) {
        case UPSTREAM_FOLLOW:
            follow(upstream, order, now_us);
            break;
        case UPSTREAM_CLOSE:
            close_room(upstream, order->room);
            break;
        }
        ring_release(upstream->orders);
        (void)atomic_fetch_add_explicit(&upstream->orders_done, 1, memory_order_release);
    }
}

/* ---- news ---- */

static void tell_closed(struct upstream *upstream)
{
    while (upstream->closed && upstream_room_tell_counts(upstream->closed, UPSTREAM_CLOSED)) {
        struct upstream_room *room = upstream->closed;
        upstream->closed = room->closed;
        upstream_room_destroy(room);
    }
}

static void tell(struct upstream *upstream, unsigned at, uint64_t now_us)
{
    struct upstream_room *room = upstream->rooms[at];
    if (!upstream_room_tell(room) && upstream->due_us[at] > now_us + RETRY_TELL_US)
        upstream->due_us[at] = now_us + RETRY_TELL_US;
    if (now_us < room->counts_us)
        return;
    room->counts_us = now_us + UPSTREAM_COUNTS_US;
    (void)upstream_room_tell_counts(room, UPSTREAM_COUNTS); /* else a second later */
}

/* ---- the loop ---- */

static void receive(struct upstream *upstream, int ready, uint64_t now_us)
{
    for (int i = 0; i < ready; i++) {
        struct upstream_link *link = upstream->ready[i].data.ptr;
        if (!link) {
            wake_hush(&upstream->own);
            continue;
        }
        upstream_link_receive(link, now_us);
        upstream->due_us[find_room(upstream, link->room->number)] = now_us;
    }
}

static void turn(struct upstream *upstream, int ready)
{
    uint64_t now_us = clock_now_us();
    receive(upstream, ready, now_us);
    take_orders(upstream, now_us);
    for (unsigned at = 0; at < upstream->room_count; at++) {
        if (upstream->due_us[at] > now_us)
            continue;
        upstream->due_us[at] = upstream_room_step(upstream->rooms[at], now_us);
        tell(upstream, at, now_us);
    }
    transport_stage_flush(upstream->config.transport, upstream->config.stage);
    tell_closed(upstream);
    if (upstream->has_events)
        wake_ring(&upstream->control);
    upstream->has_events = false;
}

static int wait_ms(const struct upstream *upstream)
{
    uint64_t now_us = clock_now_us();
    uint64_t until_us = now_us + (upstream->closed ? RETRY_TELL_US : IDLE_MAX_US);
    for (unsigned at = 0; at < upstream->room_count; at++)
        until_us = upstream->due_us[at] < until_us ? upstream->due_us[at] : until_us;
    return until_us <= now_us ? 0 : (int)((until_us - now_us + 999) / 1000);
}

void upstream_run(void *arg)
{
    struct upstream *upstream = arg;
    ASSERT_THREAD(THREAD_STAGE);
    while (!atomic_load_explicit(&upstream->stops, memory_order_acquire)) {
        int ready = epoll_wait(upstream->epoll_fd, upstream->ready, POLL_EVENTS, wait_ms(upstream));
        turn(upstream, ready > 0 ? ready : 0);
    }
    while (upstream->room_count > 0)
        upstream_room_destroy(upstream->rooms[--upstream->room_count]);
}
