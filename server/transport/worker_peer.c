#include "transport/worker_internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* A worker's peer is told about in this order: connected (once), ended (once). Both are marks on
 * the peer, which stands in the list of news until control's ring took them; so a full ring delays
 * news but loses none. A peer that ended is freed when that was told, never inside a callback. */

static void add_news(struct worker_peer *wp)
{
    if (wp->has_news)
        return;
    wp->has_news = true;
    wp->next_news = wp->worker->news;
    wp->worker->news = wp;
}

void worker_peer_end(struct worker_peer *wp, enum peer_end cause, bool is_silent)
{
    if (is_silent)
        wp->is_silent = true;
    if (wp->is_ended)
        return;
    wp->is_ended = true;
    wp->cause = cause;
    if (wp->room)
        audience_remove_seat(wp->room->audience, wp->seat);
    wp->room = NULL;
    add_news(wp);
}

/* ---- callbacks of the peer ---- */

static void on_send(void *owner, const struct peer_path *to, const uint8_t *data, size_t bytes)
{
    struct worker_peer *wp = owner;
    worker_send(wp->worker, to, data, bytes);
}

static void on_host_send(void *owner, const uint8_t *data, size_t bytes)
{
    struct worker_peer *wp = owner;
    worker_send(wp->worker, &wp->path, data, bytes);
}

static void on_host_rtp(void *owner, const uint8_t *rtp, size_t bytes, uint64_t arrival_us)
{
    struct worker_peer *wp = owner;
    struct worker *worker = wp->worker;
    struct host_packet *packet =
        ring_reserve(worker->links.to_stage[wp->stage], sizeof(*packet) + bytes);
    if (!packet) {
        worker_count(&worker->counters.dropped_full, 1);
        return;
    }
    *packet = (struct host_packet){.peer = wp->id,
                                   .arrival_us = arrival_us,
                                   .room = wp->room_number,
                                   .host = wp->host_number,
                                   .rtp_bytes = (uint32_t)bytes};
    memcpy(packet->rtp, rtp, bytes);
    ring_commit(worker->links.to_stage[wp->stage], sizeof(*packet) + bytes);
    worker->stage_rings[wp->stage] = true;
}

static const struct host_events host_events = {.on_send = on_host_send, .on_rtp = on_host_rtp};

static int open_host(struct worker_peer *wp, const struct srtp_keys *keys)
{
    struct host_params params = {.keys = keys,
                                 .events = &host_events,
                                 .owner = wp,
                                 .ssrc = wp->ssrc,
                                 .payload_type = wp->payload_type,
                                 .red_type = wp->red_type,
                                 .nack = wp->nack,
                                 .wall_ms = clock_wall_ms()};
    return host_create(&wp->host, &params, wp->worker->now_us);
}

static int take_seat(struct worker_peer *wp, const struct srtp_keys *keys)
{
    struct worker_room *room = worker_room_find(wp->worker, wp->room_number);
    if (!room)
        return ERR_NOENT;
    struct seat_params params = {.peer = wp->id,
                                 .address = wp->path.remote,
                                 .local = locals_needed(&wp->worker->udp.locals, &wp->path),
                                 .keys = keys,
                                 .ssrc = wp->ssrc,
                                 .payload_type = wp->payload_type,
                                 .red_type = wp->is_relay ? wp->red_type : 0};
    int err = audience_add_seat(room->audience, &params, wp->worker->now_us, &wp->seat);
    if (!err)
        wp->room = room;
    return err;
}

static void on_keys(void *owner, const struct srtp_keys *keys)
{
    struct worker_peer *wp = owner;
    if (wp->is_ended)
        return;
    int err = wp->kind == SEAT_HOST ? open_host(wp, keys) : take_seat(wp, keys);
    if (err) {
        worker_peer_end(wp, PEER_END_CLOSED, false);
        return;
    }
    wp->is_connected_news = true;
    add_news(wp);
}

void worker_peer_follow_route(struct worker_peer *wp)
{
    wp->route_asked_us = wp->worker->now_us;
    if (wp->room)
        audience_move_seat(wp->room->audience, wp->seat, &wp->path.remote,
                           locals_needed(&wp->worker->udp.locals, &wp->path));
}

static void on_path(void *owner, const struct peer_path *to)
{
    struct worker_peer *wp = owner;
    wp->path = *to;
    if (wp->kind == SEAT_HOST)
        worker_direct_open(wp);
    else
        worker_peer_follow_route(wp);
}

static void on_ended(void *owner, enum peer_end cause)
{
    worker_peer_end(owner, cause, false);
}

static const struct peer_events peer_events = {
    .on_send = on_send, .on_keys = on_keys, .on_path = on_path, .on_ended = on_ended};

/* ---- life ---- */

static uint64_t ufrag_number(const struct own_credentials *credentials)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < PEER_OWN_UFRAG_CHARS; i++)
        number = number << 8 | (uint8_t)credentials->ufrag[i];
    return number;
}

/* A peer that cannot be had is reported as ended, for the order was accepted. */
static void report_stillborn(struct worker *worker, uint64_t id)
{
    struct transport_event event = {.kind = TRANSPORT_PEER_ENDED,
                                    .peer = id,
                                    .cause = PEER_END_CLOSED,
                                    .worker = worker->params.number};
    /* Without room for the event, control's own deadline for a join will tell. */
    if (ring_push(worker->links.events, &event, sizeof(event)) == 0)
        worker->has_events = true;
    worker_count(&worker->counters.gone, 1);
}

static struct ice_credentials ice_of(const struct own_credentials *own)
{
    struct ice_credentials out = {0};
    memcpy(out.ufrag, own->ufrag, sizeof(own->ufrag));
    memcpy(out.pwd, own->pwd, sizeof(own->pwd));
    return out;
}

static int create_peer(struct worker_peer *wp, const struct peer_order *order)
{
    struct worker *worker = wp->worker;
    struct peer_params params = {.ice = ICE_LITE,
                                 .dtls = order->dtls,
                                 .local = ice_of(&order->local),
                                 .fingerprint = order->fingerprint,
                                 .group = &worker->groups[order->kind]};
    return peer_init(&wp->peer, &params, worker->params.identity, &peer_events, wp, worker->now_us);
}

static int enter_peer(struct worker_peer *wp)
{
    struct worker *worker = wp->worker;
    int err = map_put(&worker->peers, wp->id, wp);
    if (!err)
        err = timers_add(&worker->timers, &wp->timer, wp, worker->now_us);
    if (err)
        (void)map_remove(&worker->peers, wp->id);
    return err;
}

void worker_peer_add(struct worker *worker, const struct peer_order *order)
{
    struct worker_peer *wp =
        map_get(&worker->peers, order->id) ? NULL : pool_take(&worker->peer_pool);
    if (!wp) {
        report_stillborn(worker, order->id);
        return;
    }
    wp->worker = worker;
    wp->id = order->id;
    wp->kind = order->kind;
    wp->room_number = order->room;
    wp->host_number = order->host;
    wp->ssrc = order->ssrc;
    wp->stage = (uint8_t)order->stage;
    wp->payload_type = order->payload_type;
    wp->red_type = order->red_type;
    wp->nack = order->nack;
    wp->is_relay = order->is_relay;
    int err = create_peer(wp, order);
    if (!err) {
        err = enter_peer(wp);
        if (err)
            peer_clear(&wp->peer);
    }
    if (err) {
        pool_give(&worker->peer_pool, wp);
        report_stillborn(worker, order->id);
        return;
    }
    worker->peer_count++;
    worker_peer_tick(wp);
}

void worker_peer_free(struct worker_peer *wp)
{
    struct worker *worker = wp->worker;
    struct address paths[PEER_PATHS_MAX];
    unsigned count = peer_paths(&wp->peer, paths);
    for (unsigned i = 0; i < count; i++)
        routes_remove(&worker->routes, &paths[i], wp);
    (void)map_remove(&worker->peers, wp->id);
    for (unsigned i = 0; i < 2; i++)
        if (wp->ufrags[i] != 0)
            (void)map_remove(&worker->peers, wp->ufrags[i]);
    timers_remove(&worker->timers, &wp->timer);
    if (wp->room)
        audience_remove_seat(wp->room->audience, wp->seat);
    worker_direct_close(wp);
    host_destroy(wp->host);
    peer_clear(&wp->peer);
    pool_give(&worker->peer_pool, wp);
    worker->peer_count--;
    worker_count(&worker->counters.gone, 1);
}

/* The new user fragment leads to the peer as well; of former ones only the last is kept. */
void worker_peer_restart(struct worker *worker, const struct restart_order *order)
{
    struct worker_peer *wp = map_get(&worker->peers, order->head.peer);
    uint64_t ufrag = ufrag_number(&order->local);
    if (!wp || wp->is_ended || map_get(&worker->peers, ufrag) ||
        map_put(&worker->peers, ufrag, wp) != 0)
        return;
    struct ice_credentials local = ice_of(&order->local);
    if (peer_restart(&wp->peer, &local, NULL, NULL, 0, worker->now_us) != 0) {
        (void)map_remove(&worker->peers, ufrag);
        return;
    }
    if (wp->ufrags[1] != 0)
        (void)map_remove(&worker->peers, wp->ufrags[1]);
    wp->ufrags[1] = wp->ufrags[0];
    wp->ufrags[0] = ufrag;
    worker_peer_tick(wp);
}

static void count_host(struct worker *worker, const struct host_counts *before,
                       const struct host_counts *after)
{
    struct worker_counters *counters = &worker->counters;
    worker_count(&counters->dropped_unauthenticated, after->forged - before->forged);
    worker_count(&counters->dropped_replayed, after->replayed - before->replayed);
    worker_count(&counters->dropped_full, after->policed - before->policed);
    worker_count(&counters->retransmitted, after->retransmitted - before->retransmitted);
}

static bool host_media(struct worker_peer *wp, enum packet_kind kind, uint8_t *data, size_t bytes)
{
    struct host_counts before = *host_counts(wp->host);
    bool is_authentic = kind == PACKET_RTP
                            ? host_receive_rtp(wp->host, data, bytes, wp->worker->now_us)
                            : host_receive_rtcp(wp->host, data, bytes, wp->worker->now_us);
    count_host(wp->worker, &before, host_counts(wp->host));
    uint64_t due_us = host_due_us(wp->host);
    if (due_us < wp->timer.due_us)
        timers_set(&wp->worker->timers, &wp->timer, due_us);
    return is_authentic;
}

void worker_peer_media(struct worker_peer *wp, enum packet_kind kind, uint8_t *data, size_t bytes)
{
    enum audience_heard heard = AUDIENCE_NOTHING;
    bool is_authentic;
    if (wp->is_ended)
        return;
    if (!wp->host && wp->room && kind == PACKET_RTCP)
        heard = audience_receive(wp->room->audience, wp->seat, data, bytes, wp->worker->now_us);
    is_authentic = wp->host ? host_media(wp, kind, data, bytes) : heard != AUDIENCE_NOTHING;
    if (!is_authentic) {
        if (!wp->host)
            worker_count(&wp->worker->counters.dropped_unauthenticated, 1);
        return;
    }
    if (!wp->is_confirmed) {
        wp->is_confirmed = true;
        peer_confirm_keys(&wp->peer, wp->worker->now_us);
        worker_peer_tick(wp);
    }
    if (heard == AUDIENCE_BYE && wp->is_relay) /* of the others signalling tells */
        worker_peer_end(wp, PEER_END_CLOSED, false);
}

void worker_peer_tick(struct worker_peer *wp)
{
    uint64_t due_us = peer_tick(&wp->peer, wp->worker->now_us);
    if (wp->host && !wp->is_ended) {
        host_tick(wp->host, wp->worker->now_us);
        if (host_due_us(wp->host) < due_us)
            due_us = host_due_us(wp->host);
    }
    timers_set(&wp->worker->timers, &wp->timer, due_us);
}

/* ---- news ---- */

static bool tell(struct worker_peer *wp, enum transport_event_kind kind)
{
    struct transport_event event = {.kind = kind,
                                    .peer = wp->id,
                                    .cause = wp->cause,
                                    .room = wp->room_number,
                                    .worker = wp->worker->params.number};
    if (!wp->is_silent && ring_push(wp->worker->links.events, &event, sizeof(event)) != 0)
        return false;
    wp->worker->has_events = true;
    return true;
}

/* True: nothing is left to tell of this one. */
static bool tell_all(struct worker_peer *wp)
{
    if (wp->is_connected_news && !tell(wp, TRANSPORT_PEER_CONNECTED))
        return false;
    wp->is_connected_news = false;
    return !wp->is_ended || tell(wp, TRANSPORT_PEER_ENDED);
}

void worker_tell_news(struct worker *worker)
{
    struct worker_peer **at = &worker->news;
    while (*at) {
        struct worker_peer *wp = *at;
        if (!tell_all(wp)) {
            at = &wp->next_news;
            continue;
        }
        *at = wp->next_news;
        wp->has_news = false;
        if (wp->is_ended)
            worker_peer_free(wp);
    }
}
