#include "transport/worker_internal.h"

#include "base/clock.h"
#include "rostrum/stun.h"

#include <string.h>
#include <unistd.h>

/* Batches taken from the socket in one turn, before rings and passes have theirs. */
enum { BATCHES_PER_TURN = 4 };

void worker_send(struct worker *worker, const struct peer_path *to, const uint8_t *data,
                 size_t bytes)
{
    if (udp_send(&worker->udp, to, data, bytes)) {
        worker_count(&worker->counters.datagrams_out, 1);
        worker_count(&worker->counters.bytes_out, bytes);
    } else {
        worker_count(&worker->counters.send_failures, 1);
    }
}

/* ---- hand-over ---- */

static void push_hand(struct worker *worker, unsigned to, const struct hand *head, const void *data)
{
    struct ring *ring = worker->links.to_worker[to];
    struct hand *hand = ring_reserve(ring, sizeof(*hand) + head->data_bytes);
    if (!hand) {
        worker_count(&worker->counters.dropped_full, 1);
        return;
    }
    *hand = *head;
    if (head->data_bytes > 0)
        memcpy(hand->data, data, head->data_bytes);
    ring_commit(ring, sizeof(*hand) + head->data_bytes);
    worker->worker_rings[to] = true;
}

static void hand_over(struct worker *worker, unsigned to, const struct udp_datagram *datagram)
{
    struct hand head = {.kind = HAND_DATAGRAM,
                        .data_bytes = (uint32_t)datagram->bytes,
                        .from = datagram->from.remote,
                        .local = locals_address(&worker->udp.locals, datagram->from.local)};
    worker_count(&worker->counters.handed_over, 1);
    push_hand(worker, to, &head, datagram->data);
}

/* ---- whose datagram is it ---- */

/* The first eight characters of USERNAME, if it is a check of ours by its looks. */
static bool read_ufrag(struct slice packet, uint64_t *ufrag)
{
    struct stun_msg msg;
    struct slice ours, theirs;
    if (stun_parse(&msg, packet) != 0 || msg.class != STUN_REQUEST ||
        stun_split_username(msg.username, &ours, &theirs) != 0 ||
        ours.bytes != PEER_OWN_UFRAG_CHARS)
        return false;
    struct cursor c = cursor_of(ours);
    *ufrag = cursor_u64(&c);
    return true;
}

/* A check may have made an address known, and driven out another. */
static void follow_paths(struct worker *worker, struct worker_peer *wp, const struct address *from,
                         const struct address *before, unsigned before_count)
{
    if (!peer_has_path(&wp->peer, from))
        return;
    /* Who forges a connected one's address can pass checks of their own from there, and would get what the other one sends. */
    struct worker_peer *holder = routes_get(&worker->routes, from);
    if (holder && holder != wp && peer_holds_path(&holder->peer, from, worker->now_us)) {
        worker_count(&worker->counters.dropped_unauthenticated, 1);
        return;
    }
    for (unsigned i = 0; i < before_count; i++)
        if (!peer_has_path(&wp->peer, &before[i]))
            routes_remove(&worker->routes, &before[i], wp);
    if (routes_put(&worker->routes, from, wp) != 0)
        worker_count(&worker->counters.dropped_full, 1);
}

static void receive_check(struct worker *worker, struct worker_peer *wp,
                          const struct udp_datagram *datagram, unsigned via)
{
    struct address before[PEER_PATHS_MAX];
    unsigned before_count = peer_paths(&wp->peer, before);
    peer_receive(&wp->peer, &datagram->from, slice_of(datagram->data, datagram->bytes),
                 worker->now_us);
    follow_paths(worker, wp, &datagram->from.remote, before, before_count);
    if (via != worker->params.number && peer_has_path(&wp->peer, &datagram->from.remote)) {
        struct hand head = {.kind = HAND_ADDRESS, .from = datagram->from.remote};
        push_hand(worker, via, &head, NULL);
    }
    if (worker->now_us >= wp->route_asked_us + ROUTE_EVERY_US)
        worker_peer_follow_route(wp);
    worker_peer_tick(wp);
}

/* `via` is the worker whose socket it came through. */
static void take_stun(struct worker *worker, const struct udp_datagram *datagram, unsigned via)
{
    uint64_t ufrag;
    if (!read_ufrag(slice_of(datagram->data, datagram->bytes), &ufrag)) {
        worker_count(&worker->counters.dropped_malformed, 1);
        return;
    }
    unsigned owner = peer_id_worker(ufrag);
    bool is_own_socket = via == worker->params.number;
    if (owner != worker->params.number && owner < worker->params.workers && is_own_socket) {
        hand_over(worker, owner, datagram);
        return;
    }
    struct worker_peer *wp = map_get(&worker->peers, ufrag);
    if (!wp || wp->is_ended) {
        worker_count(&worker->counters.dropped_unauthenticated, 1);
        return;
    }
    receive_check(worker, wp, datagram, via);
}

static void run_handshake(struct worker_peer *wp, const struct peer_path *from,
                          struct slice datagram)
{
    peer_receive(&wp->peer, from, datagram, wp->worker->now_us);
    worker_peer_tick(wp);
}

/* One ClientHello a peer waits, however often it is repeated. */
static void queue_handshake(struct worker *worker, struct worker_peer *wp,
                            const struct udp_datagram *datagram)
{
    if (wp->queued_handshakes >= (wp->has_begun ? HANDSHAKE_QUEUE_PEER : 1)) {
        worker_count(&worker->counters.handshakes_repeated, 1);
        return;
    }
    if (worker->queue_count == HANDSHAKE_QUEUE) {
        worker_count(&worker->counters.dropped_full, 1);
        return;
    }
    struct queued_handshake *slot =
        &worker->queue[(worker->queue_head + worker->queue_count) % HANDSHAKE_QUEUE];
    slot->peer = wp->id;
    slot->from = datagram->from;
    slot->arrival_us = worker->now_us;
    slot->bytes = datagram->bytes;
    memcpy(slot->data, datagram->data, datagram->bytes);
    worker->queue_count++;
    wp->queued_handshakes++;
}

static void take_known(struct worker *worker, struct worker_peer *wp, enum packet_kind kind,
                       const struct udp_datagram *datagram)
{
    if (kind != PACKET_DTLS)
        worker_peer_media(wp, kind, datagram->data, datagram->bytes);
    else if (wp->kind == SEAT_HOST || peer_is_connected(&wp->peer)) /* cheap when it is done */
        run_handshake(wp, &datagram->from, slice_of(datagram->data, datagram->bytes));
    else
        queue_handshake(worker, wp, datagram);
}

static void take(struct worker *worker, const struct udp_datagram *datagram, unsigned via)
{
    struct slice packet = slice_of(datagram->data, datagram->bytes);
    enum packet_kind kind =
        datagram->bytes > UDP_DATAGRAM_MAX_BYTES ? PACKET_OTHER : packet_kind(packet);
    if (kind == PACKET_OTHER) {
        worker_count(&worker->counters.dropped_malformed, 1);
        return;
    }
    if (kind == PACKET_STUN) {
        take_stun(worker, datagram, via);
        return;
    }
    struct worker_peer *wp = routes_get(&worker->routes, &datagram->from.remote);
    unsigned owner;
    if (wp)
        take_known(worker, wp, kind, datagram);
    else if (via == worker->params.number &&
             routes_find_worker(&worker->routes, &datagram->from.remote, &owner))
        hand_over(worker, owner, datagram);
    else
        worker_count(&worker->counters.dropped_unauthenticated, 1);
}

/* True: there may be more. */
static bool receive_batch(struct worker *worker, int fd)
{
    struct udp_datagram datagrams[UDP_BATCH];
    unsigned count = udp_receive(&worker->udp, fd, worker->inbox, datagrams);
    for (unsigned i = 0; i < count; i++) {
        worker_count(&worker->counters.datagrams_in, 1);
        worker_count(&worker->counters.bytes_in, datagrams[i].bytes);
        take(worker, &datagrams[i], worker->params.number);
    }
    return count == UDP_BATCH;
}

bool worker_receive(struct worker *worker)
{
    for (unsigned batch = 0; batch < BATCHES_PER_TURN; batch++)
        if (!receive_batch(worker, worker->udp.fd))
            return false;
    return true;
}

/* ---- hosts' own sockets ---- */

void worker_direct_close(struct worker_peer *wp)
{
    struct worker *worker = wp->worker;
    for (unsigned i = 0; i < worker->direct_count; i++) {
        if (worker->direct[i] != wp)
            continue;
        struct pollfd *polls = worker->polls + POLL_DIRECT;
        unsigned last = --worker->direct_count;
        (void)close(polls[i].fd);
        polls[i] = polls[last];
        worker->direct[i] = worker->direct[last];
        return;
    }
}

void worker_direct_open(struct worker_peer *wp)
{
    struct worker *worker = wp->worker;
    int fd;
    worker_direct_close(wp);
    if (worker->direct_count == DIRECT_MAX || udp_open_path(&worker->udp, &wp->path, &fd) != 0)
        return;
    worker->polls[POLL_DIRECT + worker->direct_count] = (struct pollfd){.fd = fd, .events = POLLIN};
    worker->direct[worker->direct_count++] = wp;
}

void worker_receive_direct(struct worker *worker)
{
    for (unsigned i = 0; i < worker->direct_count; i++) {
        struct pollfd *own = &worker->polls[POLL_DIRECT + i];
        if (own->revents != 0)
            (void)receive_batch(worker, own->fd);
    }
}

static void take_hand(struct worker *worker, unsigned via, const struct hand *hand)
{
    if (hand->kind == HAND_ADDRESS) {
        routes_learn(&worker->routes, &hand->from, via);
        return;
    }
    uint8_t data[UDP_DATAGRAM_MAX_BYTES]; /* the ring lends for reading only */
    memcpy(data, hand->data, hand->data_bytes);
    struct udp_datagram datagram = {
        .from = {.remote = hand->from, .local = locals_number(&worker->udp.locals, &hand->local)},
        .data = data,
        .bytes = hand->data_bytes};
    take(worker, &datagram, via);
}

void worker_take_hands(struct worker *worker)
{
    for (unsigned via = 0; via < worker->params.workers; via++) {
        struct ring *ring = worker->links.from_worker[via];
        const struct hand *hand;
        size_t bytes;
        while (ring && (hand = ring_peek(ring, &bytes)) != NULL) {
            take_hand(worker, via, hand);
            ring_release(ring);
        }
    }
}

/* ---- the queue of handshakes ---- */

static void run_queued(struct worker *worker)
{
    const struct queued_handshake *queued = &worker->queue[worker->queue_head];
    struct worker_peer *wp = map_get(&worker->peers, queued->peer);
    if (wp) {
        wp->queued_handshakes--;
        wp->has_begun = true;
        if (!wp->is_ended)
            run_handshake(wp, &queued->from, slice_of(queued->data, queued->bytes));
    }
    worker->queue_count--;
    /* An empty queue begins again at its start, so that it touches no more memory than it needs. */
    worker->queue_head = worker->queue_count == 0 ? 0 : (worker->queue_head + 1) % HANDSHAKE_QUEUE;
}

static bool has_time(const struct worker *worker)
{
    return !worker->pace.is_running || worker->now_us + HANDSHAKE_US <= worker->pace.next_us;
}

/* Newcomers wait while those inside are served, but not for ever: when there is never time, one in
 * HANDSHAKE_WAIT_US goes all the same. */
static bool must_not_wait(const struct worker *worker)
{
    return worker->now_us - worker->handshaken_us > HANDSHAKE_WAIT_US &&
           worker->now_us - worker->queue[worker->queue_head].arrival_us > HANDSHAKE_WAIT_US;
}

bool worker_run_handshakes(struct worker *worker)
{
    for (unsigned i = 0; i < HANDSHAKES_PER_TURN && worker->queue_count > 0; i++) {
        if (!has_time(worker) && !must_not_wait(worker))
            return false;
        run_queued(worker);
        worker->now_us = worker->handshaken_us = clock_now_us();
    }
    return worker->queue_count > 0;
}
