#include "rehearse/ear.h"

#include "base/clock.h"
#include "base/thread.h"
#include "rehearse/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum {
    EVENTS_MAX = 64, /* handshakes and orders of one turn: a few milliseconds each way */
    ORDERS_MAX = 64,
    CLOCK_EVERY = 32, /* visits of a sweep with the same reading of the clocks */
    SLICE_SEATS = 64,
    NOWHERE = -1,
    LANES = 2,       /* one who moves listens at two nodes at once */
    READ_ROUNDS = 8, /* of INBOX_SLOTS datagrams; what is left waits for the next sweep */
    COUNT_EVERY_US = 250 * 1000,   /* who heard */
    DELAYED_BYTES = 320,           /* one delayed datagram with what belongs to it, about */
    DELAYED_PER_S = 60,            /* of one slow listener, both ways */
    DELAYED_JOIN_BYTES = 8 * 1024, /* flights of a handshake, which may all come at once */
    US_PER_S = 1000 * 1000,
};

#define BELL UINT64_MAX /* in the epoll set, where listeners are number and lane */

/* A sweep passes all seats and touches only the listeners for whom there is something to do: so what
 * tells is kept here, packed. */
struct seat {
    struct listener *listener; /* owned */
    uint64_t due_us;
    uint64_t hears_until_us;
    uint64_t sound_us; /* when the first packet was noticed; 0: not yet */
    uint32_t number;
    uint8_t lane;
    bool is_eager;    /* in the epoll set: read at once */
    bool is_restless; /* read in each sweep */
    bool is_heir;     /* the one before it still stands, and is who is counted */
    bool told_sound, is_connected, is_deaf, has_ended;
};

struct ear {
    struct ear_params params;
    struct thread thread;
    char name[16];
    int epoll_fd;
    struct seat *seats; /* owned; packed: those who listen now */
    uint32_t seat_count;
    int32_t *place_of;   /* owned; by number / ears, LANES each: index into seats, or NOWHERE */
    uint32_t *second_of; /* owned; by number / ears: listener_order.heard_second */
    uint64_t *heard_us;  /* owned; by number / ears: when a packet came last; 0: never */
    uint64_t counted_us; /* when they were counted */
    uint32_t share;      /* how many listeners the plan has for us */
    uint32_t cursor;     /* the sweep's */
    uint32_t sweeps;     /* that were done */
    uint64_t swept_us;   /* when it last moved on */
    bool has_orders;     /* more than one turn takes */
    uint32_t connected, hearing, steady; /* counted in this sweep so far */
    uint64_t newest_us;                  /* arrival of the newest packet of all */
    struct inbox inbox;
    struct delay *delay; /* owned; NULL: nobody is slow */
    struct listener_shared shared;
    struct tally tally;
    _Atomic uint32_t now_connected, now_hearing, now_heard, now_steady;
    _Atomic uint64_t now_packets, now_lost;
};

static uint32_t index_of(const struct ear *ear, uint32_t number)
{
    return number / ear->params.ears;
}

static int32_t *place(struct ear *ear, uint32_t number, unsigned lane)
{
    return &ear->place_of[(size_t)index_of(ear, number) * LANES + lane];
}

static struct seat *seat_in(struct ear *ear, uint32_t number, unsigned lane)
{
    int32_t at = *place(ear, number, lane);
    return at == NOWHERE ? NULL : &ear->seats[at];
}

static struct seat *find(struct ear *ear, uint32_t number, uint32_t attempt)
{
    for (unsigned lane = 0; lane < LANES; lane++) {
        struct seat *seat = seat_in(ear, number, lane);
        if (seat != NULL && listener_attempt(seat->listener) == attempt)
            return seat;
    }
    return NULL;
}

/* ---- events to the door ---- */

static void tell(struct ear *ear, const struct ear_event *event)
{
    int err = ring_push(ear->params.link->events, event, sizeof(*event));
    assert(err == 0); /* link.h says why there is room */
    (void)err;
    wake_ring(ear->params.link->event_bell);
}

/* ---- coming and going ---- */

static void refresh(struct seat *seat)
{
    const struct listener *listener = seat->listener;
    seat->due_us = listener_due_us(listener);
    seat->is_connected = listener_is_connected(listener);
    seat->is_deaf = listener_is_deaf(listener);
    seat->has_ended = listener_end_reason(listener) != NULL;
    seat->hears_until_us = listener_hears_until_us(listener);
}

static void note_heard(struct ear *ear, const struct seat *seat)
{
    if (!seat->is_deaf && seat->hears_until_us > 0)
        ear->heard_us[index_of(ear, seat->number)] = seat->hears_until_us - LISTENER_HEARS_US;
}

/* Where that fails it is read by the sweep, a little later. */
static void watch(struct ear *ear, struct seat *seat)
{
    struct epoll_event event = {.events = EPOLLIN,
                                .data.u64 = (uint64_t)seat->number * LANES + seat->lane};
    seat->is_eager =
        epoll_ctl(ear->epoll_fd, EPOLL_CTL_ADD, listener_fd(seat->listener), &event) == 0;
}

static void unwatch(struct ear *ear, struct seat *seat)
{
    if (seat->is_eager)
        (void)epoll_ctl(ear->epoll_fd, EPOLL_CTL_DEL, listener_fd(seat->listener), NULL);
    seat->is_eager = false;
}

static void connect_listener(struct ear *ear, const struct ear_order *order, uint64_t now_us)
{
    struct ear_event ended = {
        .kind = EAR_ENDED, .number = order->number, .attempt = order->attempt};
    struct listener *listener = NULL;
    bool is_restless = order->connect->is_lossy || order->connect->is_slow;
    struct seat *former = seat_in(ear, order->number, 0);
    uint8_t lane = former == NULL ? 0 : 1;
    if (former == NULL)
        former = seat_in(ear, order->number, 1);
    assert(*place(ear, order->number, lane) == NOWHERE); /* link.h says why */
    order->connect->heard_second = &ear->second_of[index_of(ear, order->number)];
    ended.err = listener_create(&listener, &ear->shared, order->connect, now_us, &ended.reason);
    free(order->connect);
    if (ended.err != 0) {
        tell(ear, &ended);
        return;
    }
    *place(ear, order->number, lane) = (int32_t)ear->seat_count;
    struct seat *seat = &ear->seats[ear->seat_count++];
    *seat = (struct seat){.listener = listener,
                          .number = order->number,
                          .lane = lane,
                          .is_heir = former != NULL,
                          .is_restless = is_restless};
    refresh(seat);
    watch(ear, seat);
}

/* Who heard at both has heard all the time. */
static void hand_on(struct ear *ear, const struct seat *seat)
{
    struct seat *heir = seat_in(ear, seat->number, 1u - seat->lane);
    if (heir == NULL || seat->is_heir)
        return;
    heir->is_heir = false;
    if (heir->told_sound && seat->told_sound && listener_end_reason(seat->listener) == NULL)
        heir->sound_us = seat->sound_us;
}

static void remove_seat(struct ear *ear, struct seat *seat, const char *reason, uint64_t until_us)
{
    struct listener *listener = seat->listener;
    struct ear_event ended = {.kind = EAR_ENDED,
                              .number = listener_number(listener),
                              .attempt = listener_attempt(listener),
                              .reason = reason};
    unwatch(ear, seat);
    note_heard(ear, seat);
    hand_on(ear, seat);
    *place(ear, seat->number, seat->lane) = NOWHERE;
    *seat = ear->seats[--ear->seat_count];
    if (seat->listener != listener)
        *place(ear, seat->number, seat->lane) = (int32_t)(seat - ear->seats);
    listener_destroy(listener, until_us);
    tell(ear, &ended);
}

/* ---- reading ---- */

static void read_seat(struct ear *ear, struct seat *seat, uint64_t now_us)
{
    struct listener *listener = seat->listener;
    bool is_bound = listener_is_bound(listener);
    unsigned count;
    for (unsigned round = 0; round < READ_ROUNDS; round++) {
        count = inbox_read(&ear->inbox, listener_fd(listener), !is_bound);
        for (unsigned i = 0; i < count; i++) {
            struct letter letter = inbox_letter(&ear->inbox, i);
            if (letter.bytes > 0)
                listener_receive(listener, is_bound ? NULL : &letter.from, letter.data,
                                 letter.bytes, letter.arrival_us, now_us);
        }
        if (count < INBOX_SLOTS)
            break;
    }
    refresh(seat);
    if (seat->told_sound || !listener_has_sound(listener))
        return;
    seat->told_sound = true;
    seat->sound_us = now_us;
    unwatch(ear, seat);
    tell(ear, &(struct ear_event){.kind = EAR_SOUND,
                                  .number = listener_number(listener),
                                  .attempt = listener_attempt(listener)});
}

/* ---- orders ---- */

static void close_listener(struct ear *ear, const struct ear_order *order, uint64_t now_us)
{
    struct seat *seat = find(ear, order->number, order->attempt);
    if (seat == NULL)
        return; /* it ended by itself, and the door will read so */
    if (!seat->is_deaf)
        read_seat(ear, seat, now_us); /* what waits in the socket did arrive */
    if (order->kind == EAR_CUT)
        listener_mute(seat->listener);
    remove_seat(ear, seat, NULL, order->at_us);
}

/* False: there are more. */
static bool take_orders(struct ear *ear)
{
    struct ring *orders = ear->params.link->orders;
    const void *record;
    size_t bytes;
    for (unsigned i = 0; i < ORDERS_MAX; i++) {
        record = ring_peek(orders, &bytes);
        if (record == NULL)
            return true;
        struct ear_order order;
        memcpy(&order, record, sizeof(order));
        ring_release(orders);
        uint64_t now_us = inbox_begin(&ear->inbox);
        switch (order.kind) {
        case EAR_CONNECT:
            connect_listener(ear, &order, now_us);
            break;
        case EAR_CLOSE:
        case EAR_CUT:
            close_listener(ear, &order, now_us);
            break;
        }
    }
    return false;
}

/* ---- the sweep ---- */

static void publish(struct ear *ear, uint64_t newest_us)
{
    struct crowd_mood *mood = ear->params.mood;
    atomic_store_explicit(&ear->now_connected, ear->connected, memory_order_relaxed);
    atomic_store_explicit(&ear->now_hearing, ear->hearing, memory_order_relaxed);
    atomic_store_explicit(&ear->now_packets, ear->tally.packets, memory_order_relaxed);
    atomic_store_explicit(&ear->now_lost, ear->tally.lost, memory_order_relaxed);
    atomic_store_explicit(&ear->now_steady, ear->steady, memory_order_relaxed);
    ear->connected = ear->hearing = ear->steady = 0;
    /* Two ears may take turns in setting it back a little; it only has to be recent. */
    if (newest_us > atomic_load_explicit(&mood->newest_us, memory_order_relaxed))
        atomic_store_explicit(&mood->newest_us, newest_us, memory_order_relaxed);
}

static bool is_to_read(const struct ear *ear, uint32_t at)
{
    const struct seat *seat = &ear->seats[at];
    return !seat->is_eager && !seat->is_deaf &&
           (seat->is_restless || (ear->sweeps + at) % EAR_READ_SWEEPS == 0);
}

static void visit(struct ear *ear, uint32_t at, uint64_t now_us)
{
    struct seat *seat = &ear->seats[at];
    if (is_to_read(ear, at))
        read_seat(ear, seat, now_us);
    if (now_us >= seat->due_us) {
        listener_tick(seat->listener, now_us);
        refresh(seat);
    }
    if (seat->has_ended) {
        remove_seat(ear, seat, listener_end_reason(seat->listener), now_us);
        return; /* another stands in its place now, and is visited in the next sweep */
    }
    bool is_hearing = now_us < seat->hears_until_us && !seat->is_heir;
    ear->connected += seat->is_connected && !seat->is_heir;
    ear->hearing += is_hearing;
    ear->steady += is_hearing && now_us >= seat->sound_us + EAR_HEARD_US;
    note_heard(ear, seat);
    if (!seat->is_deaf && seat->hears_until_us > ear->newest_us + LISTENER_HEARS_US)
        ear->newest_us = seat->hears_until_us - LISTENER_HEARS_US;
}

static void count_heard(struct ear *ear, uint64_t now_us)
{
    uint32_t heard = 0;
    for (uint32_t i = 0; i < ear->share; i++)
        heard += ear->heard_us[i] != 0 && now_us < ear->heard_us[i] + EAR_HEARD_US;
    atomic_store_explicit(&ear->now_heard, heard, memory_order_relaxed);
    ear->counted_us = now_us;
}

static void end_sweep(struct ear *ear, uint64_t now_us)
{
    const struct crowd_mood *mood = ear->params.mood;
    uint64_t newest_us = atomic_load_explicit(&mood->newest_us, memory_order_relaxed);
    publish(ear, ear->newest_us);
    if (now_us >= ear->counted_us + COUNT_EVERY_US)
        count_heard(ear, now_us);
    ear->cursor = 0;
    ear->sweeps++;
    ear->shared.room_is_live = atomic_load_explicit(&mood->room_is_live, memory_order_relaxed);
    ear->shared.others_hear = now_us < newest_us + LISTENER_HEARS_US;
}

/* As much of the sweep as belongs to the time that has passed. */
static void sweep(struct ear *ear, uint64_t now_us)
{
    uint64_t passed_us = now_us - ear->swept_us;
    uint64_t due = ((uint64_t)ear->seat_count * passed_us + EAR_SWEEP_US - 1) / EAR_SWEEP_US;
    ear->swept_us = now_us;
    for (; due > 0 && ear->cursor < ear->seat_count; due--) {
        if (due % CLOCK_EVERY == 0)
            now_us = inbox_begin(&ear->inbox);
        visit(ear, ear->cursor++, now_us);
    }
    if (ear->cursor >= ear->seat_count)
        end_sweep(ear, now_us);
}

static void run_delayed(struct ear *ear, uint64_t now_us)
{
    struct delayed delayed;
    while (ear->delay != NULL && delay_peek(ear->delay, now_us, &delayed)) {
        struct seat *seat = find(ear, delayed.listener, delayed.attempt);
        if (seat != NULL) {
            listener_delayed(seat->listener, &delayed, now_us);
            refresh(seat);
        }
        delay_drop(ear->delay);
    }
}

/* ---- the thread ---- */

/* A few seats are not worth a wake-up. */
static uint64_t slice_us(const struct ear *ear)
{
    uint64_t worth_us = (uint64_t)EAR_SWEEP_US * SLICE_SEATS / (ear->seat_count + 1);
    if (worth_us > EAR_SWEEP_US)
        return EAR_SWEEP_US;
    return worth_us > EAR_SLICE_US ? worth_us : EAR_SLICE_US;
}

static int wait_ms(const struct ear *ear)
{
    uint64_t due_us = ear->swept_us + slice_us(ear), now_us = clock_now_us();
    return now_us >= due_us || ear->has_orders ? 0 : (int)((due_us - now_us + 999) / 1000);
}

static void turn(struct ear *ear)
{
    struct epoll_event events[EVENTS_MAX];
    int count = epoll_wait(ear->epoll_fd, events, EVENTS_MAX, wait_ms(ear));
    for (int i = 0; i < count; i++) {
        struct seat *seat = NULL;
        uint64_t who = events[i].data.u64;
        if (who == BELL)
            wake_hush(&ear->params.link->order_bell);
        else
            seat = seat_in(ear, (uint32_t)(who / LANES), (unsigned)(who % LANES));
        if (seat != NULL) /* perhaps with a step of a handshake: time passes */
            read_seat(ear, seat, inbox_begin(&ear->inbox));
    }
    ear->has_orders = !take_orders(ear);
    uint64_t now_us = inbox_begin(&ear->inbox);
    run_delayed(ear, now_us);
    if (now_us >= ear->swept_us + slice_us(ear))
        sweep(ear, now_us);
}

static void run(void *arg)
{
    struct ear *ear = arg;
    const struct crowd_mood *mood = ear->params.mood;
    ear->swept_us = clock_now_us();
    while (!atomic_load_explicit(&mood->stop, memory_order_acquire))
        turn(ear);
    while (!take_orders(ear))
        continue;
    while (ear->seat_count > 0)
        remove_seat(ear, &ear->seats[ear->seat_count - 1], NULL, clock_now_us());
}

int ear_start(struct ear *ear, uint64_t start_us)
{
    ear->shared.start_us = start_us;
    return thread_start(&ear->thread, ear->name, THREAD_ANY, run, ear);
}

void ear_join(struct ear *ear)
{
    thread_join(&ear->thread);
}

void ear_look(struct ear *ear, struct ear_now *out)
{
    *out = (struct ear_now){
        .connected = atomic_load_explicit(&ear->now_connected, memory_order_relaxed),
        .hearing = atomic_load_explicit(&ear->now_hearing, memory_order_relaxed),
        .heard = atomic_load_explicit(&ear->now_heard, memory_order_relaxed),
        .steady = atomic_load_explicit(&ear->now_steady, memory_order_relaxed),
        .packets = atomic_load_explicit(&ear->now_packets, memory_order_relaxed),
        .lost = atomic_load_explicit(&ear->now_lost, memory_order_relaxed)};
}

const struct tally *ear_tally(const struct ear *ear)
{
    return &ear->tally;
}

/* ---- making ---- */

static int watch_bell(struct ear *ear)
{
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = BELL};
    ear->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (ear->epoll_fd < 0 ||
        epoll_ctl(ear->epoll_fd, EPOLL_CTL_ADD, ear->params.link->order_bell.fd, &event) != 0)
        return ERR_IO;
    return 0;
}

static int make_delay(struct ear *ear)
{
    const struct plan_params *plan = &ear->params.plan->params;
    if (plan->slow_percent == 0)
        return 0;
    uint64_t slow = (uint64_t)ear->share * plan->slow_percent / 100 + 1;
    uint64_t steady_bytes = DELAYED_BYTES * DELAYED_PER_S * plan->slow_us / US_PER_S;
    uint64_t each_bytes = steady_bytes > DELAYED_JOIN_BYTES ? steady_bytes : DELAYED_JOIN_BYTES;
    return delay_create(&ear->delay, plan->slow_us, (size_t)(slow * each_bytes));
}

static int set_up(struct ear *ear)
{
    const struct plan_params *plan = &ear->params.plan->params;
    unsigned ears = ear->params.ears;
    ear->share = (plan->listeners + ears - 1 - ear->params.number) / ears;
    size_t places = ((size_t)ear->share + 1) * LANES;
    ear->seats = calloc(places, sizeof(*ear->seats));
    ear->place_of = malloc(places * sizeof(*ear->place_of));
    ear->second_of = calloc(ear->share + 1, sizeof(*ear->second_of));
    ear->heard_us = calloc(ear->share + 1, sizeof(*ear->heard_us));
    ear->tally.per_second = calloc(TALLY_SECONDS_MAX, sizeof(*ear->tally.per_second));
    if (ear->seats == NULL || ear->place_of == NULL || ear->second_of == NULL ||
        ear->heard_us == NULL || ear->tally.per_second == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < places; i++)
        ear->place_of[i] = NOWHERE;
    int err = make_delay(ear);
    if (err == 0)
        err = watch_bell(ear);
    ear->shared = (struct listener_shared){.identity = ear->params.identity,
                                           .engine = srtp_engine_find("auto"),
                                           .delay = ear->delay,
                                           .tally = &ear->tally,
                                           .loss_percent = plan->loss_percent,
                                           .slow_us = plan->slow_us};
    return err == 0 ? ear->shared.engine->batch_create(&ear->shared.batch) : err;
}

int ear_create(struct ear **out, const struct ear_params *params)
{
    struct ear *ear = aligned_alloc(64, (sizeof(*ear) + 63) / 64 * 64);
    if (ear == NULL)
        return ERR_NOMEM;
    memset(ear, 0, sizeof(*ear));
    ear->params = *params;
    ear->epoll_fd = -1;
    (void)snprintf(ear->name, sizeof(ear->name), "ear %u", params->number);
    inbox_init(&ear->inbox);
    int err = set_up(ear);
    if (err != 0) {
        ear_destroy(ear);
        return err;
    }
    *out = ear;
    return 0;
}

void ear_destroy(struct ear *ear)
{
    if (ear == NULL)
        return;
    if (ear->shared.batch != NULL)
        ear->shared.engine->batch_destroy(ear->shared.batch);
    delay_destroy(ear->delay);
    if (ear->epoll_fd >= 0)
        (void)close(ear->epoll_fd);
    free(ear->seats);
    free(ear->place_of);
    free(ear->second_of);
    free(ear->heard_us);
    free(ear->tally.per_second);
    free(ear);
}
