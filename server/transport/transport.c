#include "transport/transport.h"

#include "audience/srtp_batch.h"
#include "base/random.h"
#include "base/thread.h"
#include "rostrum/srtp_link.h"
#include "transport/udp.h"
#include "transport/worker.h"

#include <openssl/crypto.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Powers of two. A ring's memory costs nothing until so much waits in it. */
enum {
    ORDERS_BYTES = 1 << 17, /* 700 joins at once */
    EVENTS_BYTES = 1 << 17,
    MEDIA_BYTES = 1 << 17, /* from a stage: 30 large frames; to a stage: 500 packets */
    HANDS_BYTES = 1 << 17,
    PORT_TRIES = 8,
    UFRAG_TAIL_CHARS = PEER_OWN_UFRAG_CHARS - 1,
};
/* Ice-chars (RFC 8839 section 5.4) as worker numbers. */
static const char WORKER_CHARS[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
_Static_assert(sizeof(WORKER_CHARS) - 1 == TRANSPORT_WORKERS_MAX, "one character for each worker");

/* Orders that must not be refused, and wait here while a worker's ring is full. */
struct backlog {
    struct order *orders; /* owned */
    size_t count, capacity;
};

struct transport {
    struct transport_config config;
    uint16_t port;
    struct worker *workers[TRANSPORT_WORKERS_MAX];    /* owned, as all rings and bells */
    struct worker_links links[TRANSPORT_WORKERS_MAX]; /* as each worker sees them */
    struct ring *hands[TRANSPORT_WORKERS_MAX][TRANSPORT_WORKERS_MAX]; /* [from][to] */
    struct wake control_wake;
    struct wake worker_wakes[TRANSPORT_WORKERS_MAX];
    struct wake stage_wakes[TRANSPORT_STAGES_MAX];
    /* control's */
    struct backlog backlogs[TRANSPORT_WORKERS_MAX];
    uint64_t added[TRANSPORT_WORKERS_MAX]; /* peers given to each worker */
    unsigned next_worker;                  /* of equally busy ones, take turns */
    /* each stage's own */
    unsigned peeked[TRANSPORT_STAGES_MAX]; /* the worker whose packet is lent */
    bool stage_sent[TRANSPORT_STAGES_MAX][TRANSPORT_WORKERS_MAX];
    _Atomic uint64_t refused_frames;
};

/* ---- making ---- */

static int make_wakes(struct transport *transport)
{
    int err = wake_init(&transport->control_wake);
    for (unsigned i = 0; !err && i < transport->config.workers; i++)
        err = wake_init(&transport->worker_wakes[i]);
    for (unsigned i = 0; !err && i < transport->config.stages; i++)
        err = wake_init(&transport->stage_wakes[i]);
    return err;
}

static int make_links(struct transport *transport, unsigned number)
{
    struct worker_links *links = &transport->links[number];
    int err = ring_create(&links->orders, ORDERS_BYTES);
    if (!err)
        err = ring_create(&links->events, EVENTS_BYTES);
    for (unsigned i = 0; !err && i < transport->config.stages; i++) {
        links->stages[i] = &transport->stage_wakes[i];
        err = ring_create(&links->from_stage[i], MEDIA_BYTES);
        if (!err)
            err = ring_create(&links->to_stage[i], MEDIA_BYTES);
    }
    for (unsigned i = 0; !err && i < transport->config.workers; i++) {
        links->workers[i] = &transport->worker_wakes[i];
        if (i != number)
            err = ring_create(&transport->hands[number][i], HANDS_BYTES);
        links->to_worker[i] = transport->hands[number][i];
    }
    links->own = &transport->worker_wakes[number];
    links->control = &transport->control_wake;
    return err;
}

static int make_all_links(struct transport *transport)
{
    int err = 0;
    for (unsigned i = 0; !err && i < transport->config.workers; i++)
        err = make_links(transport, i);
    for (unsigned to = 0; !err && to < transport->config.workers; to++)
        for (unsigned from = 0; from < transport->config.workers; from++)
            transport->links[to].from_worker[from] = transport->hands[from][to];
    return err;
}

static int make_workers(struct transport *transport, const struct srtp_engine *engine)
{
    int err = 0;
    for (unsigned i = 0; !err && i < transport->config.workers; i++) {
        struct worker_params params = {.number = i,
                                       .workers = transport->config.workers,
                                       .stages = transport->config.stages,
                                       .port = transport->port,
                                       .engine = engine,
                                       .handshakes_per_prefix =
                                           transport->config.handshakes_per_prefix,
                                       .identity = transport->config.identity,
                                       .links = &transport->links[i]};
        err = worker_create(&transport->workers[i], &params);
    }
    return err;
}

static void destroy_workers(struct transport *transport)
{
    for (unsigned i = 0; i < transport->config.workers; i++) {
        worker_destroy(transport->workers[i]);
        transport->workers[i] = NULL;
    }
}

/* Between the look at the port and its taking another program may be faster: then a chosen port is
 * taken, and a free one is looked for again. */
static int take_port(struct transport *transport, const struct srtp_engine *engine)
{
    int err = ERR_EXIST;
    for (unsigned i = 0; err == ERR_EXIST && i < PORT_TRIES; i++) {
        transport->port = transport->config.port;
        err = udp_reserve_port(&transport->port);
        if (!err)
            err = make_workers(transport, engine);
        if (err)
            destroy_workers(transport);
        if (transport->config.port != 0)
            break;
    }
    return err;
}

int transport_create(struct transport **out, const struct transport_config *config)
{
    ASSERT_THREAD(THREAD_CONTROL);
    const struct srtp_engine *engine = srtp_engine_find(config->srtp_engine);
    if (!engine || !config->identity || config->workers < 1 ||
        config->workers > TRANSPORT_WORKERS_MAX || config->stages < 1 ||
        config->stages > TRANSPORT_STAGES_MAX)
        return ERR_INVAL;
    struct transport *transport = calloc(1, sizeof(*transport));
    if (!transport)
        return ERR_NOMEM;
    transport->config = *config;
    transport->config.srtp_engine = NULL;
    transport->control_wake.fd = -1;
    for (unsigned i = 0; i < TRANSPORT_WORKERS_MAX; i++)
        transport->worker_wakes[i].fd = -1;
    for (unsigned i = 0; i < TRANSPORT_STAGES_MAX; i++)
        transport->stage_wakes[i].fd = -1;
    int err = srtp_link_startup();
    if (!err)
        err = make_wakes(transport);
    if (!err)
        err = make_all_links(transport);
    if (!err)
        err = take_port(transport, engine);
    if (err) {
        transport_destroy(transport);
        return err;
    }
    *out = transport;
    return 0;
}

void transport_destroy(struct transport *transport)
{
    if (!transport)
        return;
    transport_stop(transport);
    destroy_workers(transport);
    for (unsigned i = 0; i < transport->config.workers; i++) {
        struct worker_links *links = &transport->links[i];
        ring_destroy(links->orders);
        ring_destroy(links->events);
        for (unsigned k = 0; k < transport->config.stages; k++) {
            ring_destroy(links->from_stage[k]);
            ring_destroy(links->to_stage[k]);
        }
        for (unsigned k = 0; k < transport->config.workers; k++)
            ring_destroy(transport->hands[i][k]);
        wake_clear(&transport->worker_wakes[i]);
        free(transport->backlogs[i].orders);
    }
    for (unsigned i = 0; i < transport->config.stages; i++)
        wake_clear(&transport->stage_wakes[i]);
    wake_clear(&transport->control_wake);
    free(transport);
}

uint16_t transport_port(const struct transport *transport)
{
    return transport->port;
}

int transport_start(struct transport *transport)
{
    ASSERT_THREAD(THREAD_CONTROL);
    int err = 0;
    for (unsigned i = 0; !err && i < transport->config.workers; i++)
        err = worker_start(transport->workers[i]);
    if (err)
        transport_stop(transport);
    return err;
}

void transport_stop(struct transport *transport)
{
    ASSERT_THREAD(THREAD_CONTROL);
    for (unsigned i = 0; i < transport->config.workers; i++)
        if (transport->workers[i])
            worker_stop(transport->workers[i]);
}

/* ---- ids ---- */

unsigned peer_id_worker(uint64_t id)
{
    const char *found = memchr(WORKER_CHARS, (int)(id >> 56), TRANSPORT_WORKERS_MAX);
    return found ? (unsigned)(found - WORKER_CHARS) : TRANSPORT_WORKERS_MAX;
}

static uint64_t make_credentials(unsigned worker, struct own_credentials *local)
{
    memset(local, 0, sizeof(*local));
    local->ufrag[0] = WORKER_CHARS[worker];
    random_ice_chars(local->ufrag + 1, UFRAG_TAIL_CHARS);
    random_ice_chars(local->pwd, PEER_OWN_PWD_CHARS);
    uint64_t id = 0;
    for (unsigned i = 0; i < PEER_OWN_UFRAG_CHARS; i++)
        id = id << 8 | (uint8_t)local->ufrag[i];
    return id;
}

static uint64_t load_of(const struct transport *transport, unsigned worker)
{
    return transport->added[worker] - worker_gone(transport->workers[worker]);
}

uint64_t peer_id_new(struct transport *transport, struct own_credentials *local)
{
    ASSERT_THREAD(THREAD_CONTROL);
    unsigned workers = transport->config.workers;
    unsigned best = transport->next_worker++ % workers;
    for (unsigned i = 0; i < workers; i++)
        if (load_of(transport, i) < load_of(transport, best))
            best = i;
    return make_credentials(best, local);
}

void peer_id_renew(uint64_t id, struct own_credentials *local)
{
    (void)make_credentials(peer_id_worker(id), local);
}

/* ---- orders ---- */

static void flush_backlog(struct transport *transport, unsigned worker)
{
    struct backlog *backlog = &transport->backlogs[worker];
    size_t done = 0;
    while (done < backlog->count &&
           ring_push(transport->links[worker].orders, &backlog->orders[done],
                     sizeof(backlog->orders[done])) == 0)
        done++;
    if (done == 0)
        return;
    backlog->count -= done;
    memmove(backlog->orders, backlog->orders + done, backlog->count * sizeof(*backlog->orders));
    wake_ring(&transport->worker_wakes[worker]);
}

/* In the order in which they were given: nothing overtakes the backlog. */
static int push_order(struct transport *transport, unsigned worker, const void *order, size_t bytes)
{
    flush_backlog(transport, worker);
    if (transport->backlogs[worker].count > 0)
        return ERR_FULL;
    int err = ring_push(transport->links[worker].orders, order, bytes);
    if (!err)
        wake_ring(&transport->worker_wakes[worker]);
    return err;
}

/* Cannot be refused. Without memory it is lost: then the peer ends by itself when its checks stop.
 */
static void push_later(struct transport *transport, unsigned worker, const struct order *order)
{
    struct backlog *backlog = &transport->backlogs[worker];
    if (push_order(transport, worker, order, sizeof(*order)) == 0)
        return;
    if (backlog->count == backlog->capacity) {
        size_t capacity = backlog->capacity > 0 ? backlog->capacity * 2 : 64;
        struct order *orders = realloc(backlog->orders, capacity * sizeof(*orders));
        if (!orders)
            return;
        backlog->orders = orders;
        backlog->capacity = capacity;
    }
    backlog->orders[backlog->count++] = *order;
}

int transport_open_room(struct transport *transport, uint32_t room)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct order order = {.kind = ORDER_OPEN_ROOM, .room = room};
    for (unsigned i = 0; i < transport->config.workers; i++) {
        int err = push_order(transport, i, &order, sizeof(order));
        if (err) {
            order.kind = ORDER_CLOSE_ROOM;
            while (i-- > 0)
                push_later(transport, i, &order);
            return err;
        }
    }
    return 0;
}

void transport_close_room(struct transport *transport, uint32_t room)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct order order = {.kind = ORDER_CLOSE_ROOM, .room = room};
    for (unsigned i = 0; i < transport->config.workers; i++)
        push_later(transport, i, &order);
}

int transport_add_peer(struct transport *transport, const struct peer_order *order)
{
    ASSERT_THREAD(THREAD_CONTROL);
    unsigned worker = peer_id_worker(order->id);
    if (worker >= transport->config.workers || order->stage >= transport->config.stages)
        return ERR_INVAL;
    struct add_order add = {.head = {.kind = ORDER_ADD_PEER}, .peer = *order};
    int err = push_order(transport, worker, &add, sizeof(add));
    if (!err)
        transport->added[worker]++;
    OPENSSL_cleanse(&add, sizeof(add));
    return err;
}

void transport_remove_peer(struct transport *transport, uint64_t id)
{
    ASSERT_THREAD(THREAD_CONTROL);
    unsigned worker = peer_id_worker(id);
    struct order order = {.kind = ORDER_REMOVE_PEER, .peer = id};
    if (worker < transport->config.workers)
        push_later(transport, worker, &order);
}

int transport_restart_peer(struct transport *transport, uint64_t id,
                           const struct own_credentials *local)
{
    ASSERT_THREAD(THREAD_CONTROL);
    unsigned worker = peer_id_worker(id);
    if (worker >= transport->config.workers || local->ufrag[0] != WORKER_CHARS[worker])
        return ERR_INVAL;
    struct restart_order order = {.head = {.kind = ORDER_RESTART_PEER, .peer = id},
                                  .local = *local};
    int err = push_order(transport, worker, &order, sizeof(order));
    OPENSSL_cleanse(&order, sizeof(order));
    return err;
}

/* ---- events ---- */

int transport_events_fd(const struct transport *transport)
{
    return transport->control_wake.fd;
}

void transport_drain(struct transport *transport,
                     void (*on_event)(void *ctx, const struct transport_event *event), void *ctx)
{
    ASSERT_THREAD(THREAD_CONTROL);
    wake_hush(&transport->control_wake);
    for (unsigned i = 0; i < transport->config.workers; i++) {
        const struct transport_event *event;
        size_t bytes;
        while ((event = ring_peek(transport->links[i].events, &bytes)) != NULL) {
            on_event(ctx, event);
            ring_release(transport->links[i].events);
        }
        flush_backlog(transport, i);
    }
}

/* ---- media ---- */

int transport_stage_fd(const struct transport *transport, unsigned stage)
{
    return transport->stage_wakes[stage].fd;
}

void transport_stage_hush(struct transport *transport, unsigned stage)
{
    ASSERT_THREAD(THREAD_STAGE);
    wake_hush(&transport->stage_wakes[stage]);
}

const struct host_packet *transport_stage_peek(struct transport *transport, unsigned stage)
{
    ASSERT_THREAD(THREAD_STAGE);
    unsigned workers = transport->config.workers;
    for (unsigned i = 0; i < workers; i++) {
        unsigned worker = (transport->peeked[stage] + i) % workers;
        size_t bytes;
        const struct host_packet *packet =
            ring_peek(transport->links[worker].to_stage[stage], &bytes);
        if (packet) {
            transport->peeked[stage] = worker;
            return packet;
        }
    }
    return NULL;
}

void transport_stage_release(struct transport *transport, unsigned stage)
{
    ASSERT_THREAD(THREAD_STAGE);
    ring_release(transport->links[transport->peeked[stage]].to_stage[stage]);
}

static void send_frame(struct transport *transport, unsigned stage, unsigned worker,
                       const struct media_frame *frame)
{
    if (ring_push(transport->links[worker].from_stage[stage], frame,
                  sizeof(*frame) + frame->payload_bytes) == 0)
        transport->stage_sent[stage][worker] = true;
    else
        atomic_fetch_add_explicit(&transport->refused_frames, 1, memory_order_relaxed);
}

void transport_stage_send(struct transport *transport, unsigned stage,
                          const struct media_frame *frame)
{
    ASSERT_THREAD(THREAD_STAGE);
    switch (frame->kind) {
    case MEDIA_PROGRAM:
        for (unsigned i = 0; i < transport->config.workers; i++)
            send_frame(transport, stage, i, frame);
        return;
    case MEDIA_HOST:
        if (peer_id_worker(frame->peer) < transport->config.workers)
            send_frame(transport, stage, peer_id_worker(frame->peer), frame);
        return;
    }
}

void transport_stage_flush(struct transport *transport, unsigned stage)
{
    ASSERT_THREAD(THREAD_STAGE);
    for (unsigned i = 0; i < transport->config.workers; i++) {
        if (transport->stage_sent[stage][i])
            wake_ring(&transport->worker_wakes[i]);
        transport->stage_sent[stage][i] = false;
    }
}

void transport_totals(const struct transport *transport, struct transport_totals *out)
{
    *out = (struct transport_totals){
        .dropped_full = atomic_load_explicit(&transport->refused_frames, memory_order_relaxed)};
    for (unsigned i = 0; i < transport->config.workers; i++)
        worker_add_totals(transport->workers[i], out);
}
