#include "tree/upstream.h"

#include "audience/program.h"
#include "base/clock.h"
#include "base/random.h"
#include "tree/upstream_internal.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

_Static_assert((int)INTAKE_PAYLOAD_MAX == (int)PROGRAM_PAYLOAD_MAX,
               "what comes in fits into the audience, and what goes out comes in");

enum {
    ORDERS_MAX = 1024, /* that can be refused; each is followed by one that cannot, at most */
    ORDER_RING_BYTES = 1 << 17,
    EVENT_RING_BYTES = 1 << 17,
};
_Static_assert(ORDER_RING_BYTES / (sizeof(struct upstream_order) + 16) >
                   ORDERS_MAX + UPSTREAM_ROOMS_MAX,
               "orders that may not be refused find room");

/* ---- making ---- */

static void make_inbox(struct upstream_inbox *inbox)
{
    for (unsigned i = 0; i < LINK_BATCH; i++) {
        inbox->parts[i] =
            (struct iovec){.iov_base = inbox->data[i], .iov_len = sizeof(inbox->data[i])};
        inbox->messages[i].msg_hdr = (struct msghdr){
            .msg_iov = &inbox->parts[i], .msg_iovlen = 1, .msg_name = &inbox->from[i]};
    }
}

static int make_poll(struct upstream *upstream)
{
    struct epoll_event wanted = {.events = EPOLLIN, .data = {.ptr = NULL}};
    upstream->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (upstream->epoll_fd < 0 ||
        epoll_ctl(upstream->epoll_fd, EPOLL_CTL_ADD, upstream->own.fd, &wanted) != 0)
        return ERR_IO;
    return 0;
}

int upstream_create(struct upstream **out, const struct upstream_config *config)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct upstream *upstream = calloc(1, sizeof(*upstream));
    if (!upstream)
        return ERR_NOMEM;
    upstream->config = *config;
    upstream->epoll_fd = upstream->own.fd = upstream->control.fd = -1;
    make_inbox(&upstream->inbox);
    int err = srtp_link_startup();
    if (!err)
        err = ring_create(&upstream->orders, ORDER_RING_BYTES);
    if (!err)
        err = ring_create(&upstream->events, EVENT_RING_BYTES);
    if (!err)
        err = wake_init(&upstream->own);
    if (!err)
        err = wake_init(&upstream->control);
    if (!err)
        err = make_poll(upstream);
    if (err) {
        upstream_destroy(upstream);
        return err;
    }
    *out = upstream;
    return 0;
}

static void discard_orders(struct upstream *upstream)
{
    const struct upstream_order *order;
    size_t bytes;
    while (upstream->orders && (order = ring_peek(upstream->orders, &bytes)) != NULL) {
        upstream_link_destroy(order->link);
        upstream_room_destroy(order->fresh);
        ring_release(upstream->orders);
    }
}

void upstream_destroy(struct upstream *upstream)
{
    if (!upstream)
        return;
    upstream_stop(upstream);
    discard_orders(upstream);
    while (upstream->closed) {
        struct upstream_room *room = upstream->closed;
        upstream->closed = room->closed;
        upstream_room_destroy(room);
    }
    ring_destroy(upstream->orders);
    ring_destroy(upstream->events);
    if (upstream->epoll_fd >= 0)
        (void)close(upstream->epoll_fd);
    wake_clear(&upstream->own);
    wake_clear(&upstream->control);
    free(upstream);
}

/* To the transport, and to the scheduler, it is one more stage. */
int upstream_start(struct upstream *upstream)
{
    ASSERT_THREAD(THREAD_CONTROL);
    int err = thread_start(&upstream->thread, "upstream", THREAD_STAGE, upstream_run, upstream);
    upstream->is_running = err == 0;
    return err;
}

void upstream_stop(struct upstream *upstream)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (!upstream->is_running)
        return;
    atomic_store_explicit(&upstream->stops, true, memory_order_release);
    wake_ring(&upstream->own);
    thread_join(&upstream->thread);
    upstream->is_running = false;
}

/* ---- orders ---- */

void upstream_credentials(struct own_credentials *out)
{
    random_ice_chars(out->ufrag, PEER_OWN_UFRAG_CHARS);
    random_ice_chars(out->pwd, PEER_OWN_PWD_CHARS);
}

static bool is_open(const struct upstream *upstream, uint32_t room, unsigned *at)
{
    for (*at = 0; *at < upstream->open_count; ++*at)
        if (upstream->open_rooms[*at] == room)
            return true;
    return false;
}

static int push_order(struct upstream *upstream, const struct upstream_order *order)
{
    int err = ring_push(upstream->orders, order, sizeof(*order));
    if (err)
        return err;
    upstream->orders_sent++;
    wake_ring(&upstream->own);
    return 0;
}

static bool has_room_for_orders(const struct upstream *upstream)
{
    uint64_t done = atomic_load_explicit(&upstream->orders_done, memory_order_acquire);
    return upstream->orders_sent - done < ORDERS_MAX;
}

int upstream_follow(struct upstream *upstream, uint32_t room, uint64_t first_index,
                    const struct upstream_parent *parent)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct upstream_order order = {.kind = UPSTREAM_FOLLOW, .room = room};
    unsigned at;
    bool is_fresh = !is_open(upstream, room, &at);
    if (!has_room_for_orders(upstream) || (is_fresh && upstream->open_count == UPSTREAM_ROOMS_MAX))
        return ERR_FULL;
    int err = upstream_link_create(&order.link, parent, upstream->config.identity, clock_now_us());
    if (!err && is_fresh)
        err = upstream_room_create(&order.fresh, room, first_index);
    if (!err)
        err = push_order(upstream, &order);
    if (err) {
        upstream_link_destroy(order.link);
        upstream_room_destroy(order.fresh);
        return err;
    }
    if (is_fresh)
        upstream->open_rooms[upstream->open_count++] = room;
    return 0;
}

void upstream_close(struct upstream *upstream, uint32_t room)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct upstream_order order = {.kind = UPSTREAM_CLOSE, .room = room};
    unsigned at;
    if (!is_open(upstream, room, &at))
        return;
    int err = push_order(upstream, &order);
    assert(err == 0); /* see ORDERS_MAX */
    if (err == 0)
        upstream->open_rooms[at] = upstream->open_rooms[--upstream->open_count];
}

/* ---- events ---- */

int upstream_events_fd(const struct upstream *upstream)
{
    return upstream->control.fd;
}

void upstream_drain(struct upstream *upstream,
                    void (*on_event)(void *ctx, const struct upstream_event *event), void *ctx)
{
    ASSERT_THREAD(THREAD_CONTROL);
    const struct upstream_event *event;
    size_t bytes;
    wake_hush(&upstream->control);
    while ((event = ring_peek(upstream->events, &bytes)) != NULL) {
        on_event(ctx, event);
        ring_release(upstream->events);
    }
}

static uint64_t read_counter(const _Atomic uint64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void upstream_totals(const struct upstream *upstream, struct upstream_totals *out)
{
    *out = (struct upstream_totals){.datagrams_in = read_counter(&upstream->datagrams_in),
                                    .bytes_in = read_counter(&upstream->bytes_in),
                                    .frames = read_counter(&upstream->frames),
                                    .forged = read_counter(&upstream->forged),
                                    .dropped = read_counter(&upstream->dropped)};
}
