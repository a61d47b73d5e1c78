#include "stage/stage_thread.h"

#include "base/clock.h"
#include "base/ring.h"
#include "recording/recorder.h"
#include "transport/transport.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

_Static_assert(sizeof(struct stage_totals) == STAGE_TOTALS * sizeof(uint64_t),
               "totals are published number by number");
_Static_assert(STAGE_ORDER_RING_BYTES / (sizeof(struct stage_order) + 32) >
                   2 * STAGE_ORDERS_MAX + STAGE_ROOMS_MAX * (STAGE_HOSTS_MAX + 1),
               "orders that may not be refused find room");

int stage_thread_init(struct stage_thread *thread, unsigned number, struct transport *transport,
                      struct recorder *recorder, struct wake *events_wake)
{
    thread->number = number;
    thread->transport = transport;
    thread->recorder = recorder;
    thread->events_wake = events_wake;
    int err = ring_create(&thread->orders, STAGE_ORDER_RING_BYTES);
    if (!err)
        err = ring_create(&thread->events, STAGE_EVENT_RING_BYTES);
    return err;
}

static void discard(const struct stage_order *order)
{
    stage_room_destroy(order->new_room);
    stage_host_destroy(order->new_host);
}

void stage_thread_clear(struct stage_thread *thread)
{
    size_t bytes = 0;
    const struct stage_order *order;
    while (thread->orders && (order = ring_peek(thread->orders, &bytes)) != NULL) {
        discard(order);
        ring_release(thread->orders);
    }
    for (unsigned i = 0; i < thread->room_count; i++)
        stage_room_destroy(thread->rooms[i]);
    thread->room_count = 0;
    ring_destroy(thread->orders);
    ring_destroy(thread->events);
    thread->orders = NULL;
    thread->events = NULL;
}

int stage_thread_order(struct stage_thread *thread, const struct stage_order *order,
                       bool may_refuse)
{
    uint64_t waiting =
        thread->orders_sent - atomic_load_explicit(&thread->orders_done, memory_order_relaxed);
    if (may_refuse && waiting >= STAGE_ORDERS_MAX)
        return ERR_FULL;
    int err = ring_push(thread->orders, order, sizeof(*order));
    if (!err)
        thread->orders_sent++;
    assert(!err || may_refuse);
    return err;
}

/* ---- orders ---- */

static struct stage_io io_of(struct stage_thread *thread)
{
    return (struct stage_io){.transport = thread->transport,
                             .recorder = thread->recorder,
                             .stage = thread->number,
                             .counts = &thread->voices};
}

static struct stage_room *find_room(const struct stage_thread *thread, uint32_t id)
{
    for (unsigned i = 0; i < thread->room_count; i++)
        if (stage_room_id(thread->rooms[i]) == id)
            return thread->rooms[i];
    return NULL;
}

static void close_room(struct stage_thread *thread, struct stage_room *room)
{
    for (unsigned i = 0; i < thread->room_count; i++) {
        if (thread->rooms[i] != room)
            continue;
        thread->rooms[i] = thread->rooms[--thread->room_count];
        stage_room_destroy(room);
        return;
    }
}

static void execute(struct stage_thread *thread, const struct stage_order *order)
{
    if (order->kind == ORDER_OPEN_ROOM) {
        thread->rooms[thread->room_count++] = order->new_room;
        return;
    }
    struct stage_io io = io_of(thread);
    struct stage_room *room = find_room(thread, order->room);
    assert(room); /* control knows which rooms are open */
    switch (order->kind) {
    case ORDER_OPEN_ROOM:
        break;
    case ORDER_CLOSE_ROOM:
        close_room(thread, room);
        break;
    case ORDER_SET_HOST:
        stage_room_set_host(room, &order->host_params, order->new_host, order->number);
        break;
    case ORDER_REMOVE_HOST:
        stage_room_remove_host(room, order->host);
        break;
    case ORDER_SET_MUTED:
        stage_room_set_muted(room, order->host, order->number != 0);
        break;
    case ORDER_GO_LIVE:
        stage_room_go_live(room, order->recording, order->start_samples);
        break;
    case ORDER_END:
        stage_room_end(room, &io);
        break;
    case ORDER_SET_LOSS:
        stage_room_set_loss(room, order->number);
        break;
    case ORDER_SET_ECONOMY:
        stage_room_set_economy(room, order->number != 0, &io);
        break;
    }
}

static void take_orders(struct stage_thread *thread)
{
    size_t bytes = 0;
    const struct stage_order *order;
    while ((order = ring_peek(thread->orders, &bytes)) != NULL) {
        execute(thread, order);
        ring_release(thread->orders);
        (void)atomic_fetch_add_explicit(&thread->orders_done, 1, memory_order_relaxed);
    }
}

/* ---- events ---- */

static void tell(struct stage_thread *thread, const struct stage_event *event)
{
    if (ring_push(thread->events, event, sizeof(*event)) != 0)
        thread->counted.events_dropped++;
    else
        wake_ring(thread->events_wake);
}

static void tell_late(struct stage_thread *thread, uint64_t late_us, uint64_t now_us)
{
    thread->counted.late_ticks++;
    if (thread->late_event_us != 0 && now_us - thread->late_event_us < STAGE_LATE_EVENT_US)
        return;
    thread->late_event_us = now_us;
    tell(thread,
         &(struct stage_event){.kind = STAGE_LATE_TICK,
                               .late_us = late_us > UINT32_MAX ? UINT32_MAX : (uint32_t)late_us});
}

static void publish_totals(struct stage_thread *thread)
{
    struct stage_totals *counted = &thread->counted;
    counted->frames_decoded = thread->voices.decoded;
    counted->frames_fec = thread->voices.rebuilt;
    counted->frames_red = thread->voices.redundant;
    counted->frames_concealed = thread->voices.concealed;
    counted->packets_bad = thread->voices.bad;
    counted->packets_late = thread->voices.late;
    uint64_t numbers[STAGE_TOTALS];
    memcpy(numbers, counted, sizeof(numbers));
    for (unsigned i = 0; i < STAGE_TOTALS; i++)
        atomic_store_explicit(&thread->totals[i], numbers[i], memory_order_relaxed);
}

/* ---- the beat ---- */

static void take_packets(struct stage_thread *thread, const struct stage_io *io)
{
    transport_stage_hush(thread->transport, thread->number);
    const struct host_packet *packet;
    while ((packet = transport_stage_peek(thread->transport, thread->number)) != NULL) {
        struct stage_room *room = find_room(thread, packet->room);
        if (room)
            stage_room_receive(room, packet, io);
        transport_stage_release(thread->transport, thread->number);
    }
}

/* Whole ticks to be left out so that the present one is less than a tick late; 0 while catching up
 * will do. */
static uint64_t ticks_to_skip(uint64_t late_us)
{
    uint64_t missed = late_us / STAGE_TICK_US;
    return missed > STAGE_CATCHUP_TICKS ? missed : 0;
}

uint64_t stage_thread_step(struct stage_thread *thread, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_STAGE);
    if (thread->due_us == 0)
        thread->due_us = now_us;
    uint64_t late_us = now_us > thread->due_us ? now_us - thread->due_us : 0;
    if (late_us > STAGE_TARDY_US)
        thread->counted.tardy_ticks++;
    if (late_us > STAGE_TICK_US)
        tell_late(thread, late_us, now_us);
    struct stage_io io = io_of(thread);
    uint64_t skipped = ticks_to_skip(late_us);
    take_packets(thread, &io);
    for (unsigned i = 0; i < thread->room_count && skipped > 0; i++)
        stage_room_skip(thread->rooms[i], skipped);
    take_orders(thread);
    struct stage_event event;
    for (unsigned i = 0; i < thread->room_count; i++) {
        stage_room_tick(thread->rooms[i], &io, now_us);
        if (stage_room_levels(thread->rooms[i], &event))
            tell(thread, &event);
    }
    transport_stage_flush(thread->transport, thread->number);
    recorder_flush(thread->recorder, thread->number);
    thread->counted.ticks++;
    publish_totals(thread);
    thread->due_us += (skipped + 1) * STAGE_TICK_US;
    return thread->due_us;
}

void stage_thread_run(void *stage_thread)
{
    struct stage_thread *thread = stage_thread;
    while (!atomic_load_explicit(&thread->stops, memory_order_acquire)) {
        uint64_t due_us = stage_thread_step(thread, clock_now_us());
        struct timespec due = {.tv_sec = (time_t)(due_us / 1000000),
                               .tv_nsec = (long)(due_us % 1000000) * 1000};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL) != 0)
            ; /* a signal: all are blocked here, but a debugger sends them */
    }
}
