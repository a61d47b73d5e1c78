#include "transport/worker_internal.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

enum {
    SEATS_PER_ROOM_MAX = 65536,
    SAMPLES_PER_MS = 48,
    US_PER_MS = 1000,
};

struct worker_room *worker_room_find(const struct worker *worker, uint32_t number)
{
    for (unsigned i = 0; i < worker->room_count; i++)
        if (worker->rooms[i]->number == number)
            return worker->rooms[i];
    return NULL;
}

void worker_room_free(struct worker_room *room)
{
    audience_destroy(room->audience);
    free(room);
}

/* Without memory there is no room, and its listeners are sent away again one by one. */
void worker_room_open(struct worker *worker, uint32_t number)
{
    if (worker_room_find(worker, number) || worker->room_count == ROOMS_MAX)
        return;
    struct worker_room *room = calloc(1, sizeof(*room));
    if (!room)
        return;
    room->number = number;
    struct audience_params params = {
        .engine = worker->params.engine, .batch = worker->batch, .seats_max = SEATS_PER_ROOM_MAX};
    if (audience_create(&room->audience, &params) != 0) {
        worker_room_free(room);
        return;
    }
    worker->rooms[worker->room_count++] = room;
}

static void count_audience(struct worker *worker, struct worker_room *room,
                           const struct audience_counts *now)
{
    struct worker_counters *counters = &worker->counters;
    const struct audience_counts *told = &room->told;
    worker_count(&counters->program_sent, now->packets_sent - told->packets_sent);
    worker_count(&counters->program_late, now->packets_late - told->packets_late);
    worker_count(&counters->program_failed, now->packets_failed - told->packets_failed);
    worker_count(&counters->retransmitted, now->retransmitted - told->retransmitted);
    worker_count(&counters->nack_refused, now->nack_refused - told->nack_refused);
    worker_count(&counters->rtcp_bad, now->rtcp_bad - told->rtcp_bad);
    room->told = *now;
}

static void tell_counts(struct worker *worker, struct worker_room *room)
{
    struct audience_counts counts;
    audience_counts(room->audience, worker->now_us, &counts);
    count_audience(worker, room, &counts);
    if (counts.connected == 0 && !room->was_counted)
        return;
    struct transport_event event = {.kind = TRANSPORT_ROOM_COUNTS,
                                    .room = room->number,
                                    .worker = worker->params.number,
                                    .connected = counts.connected,
                                    .hearing = counts.hearing,
                                    .loss_permille = counts.loss_permille,
                                    .losing = counts.losing,
                                    .relays = counts.relays,
                                    .relays_hearing = counts.relays_hearing};
    if (ring_push(worker->links.events, &event, sizeof(event)) != 0)
        return; /* half a second later there are newer ones */
    room->was_counted = counts.connected > 0;
    worker->has_events = true;
}

void worker_tell_counts(struct worker *worker)
{
    if (worker->now_us < worker->counts_us)
        return;
    worker->counts_us = worker->now_us + COUNTS_EVERY_US;
    for (unsigned i = 0; i < worker->room_count; i++)
        tell_counts(worker, worker->rooms[i]);
}

void worker_room_close(struct worker *worker, uint32_t number)
{
    for (size_t i = 0; i < worker->timers.count; i++) {
        struct worker_peer *wp = worker->timers.heap[i]->owner;
        if (wp->kind == SEAT_LISTENER && wp->room_number == number)
            worker_peer_end(wp, PEER_END_CLOSED, false);
    }
    for (unsigned i = 0; i < worker->room_count; i++) {
        struct worker_room *room = worker->rooms[i];
        if (room->number != number)
            continue;
        tell_counts(worker, room); /* the seats are empty by now */
        worker->rooms[i] = worker->rooms[--worker->room_count];
        worker_room_free(room);
        return;
    }
}

/* ---- program ---- */

/* Half of the packet's duration: the rest of the tick is for all that is not the audience. */
static uint64_t spread_us(const struct program_packet *packet)
{
    return (uint64_t)packet->samples * US_PER_MS / SAMPLES_PER_MS / 2;
}

static void push(struct worker *worker, struct worker_room *room,
                 const struct program_packet *packet)
{
    if (audience_push(room->audience, packet, worker->now_us) != 0)
        worker_count(&worker->counters.dropped_malformed, 1);
    else
        pace_start(&worker->pace, worker->now_us, spread_us(packet));
}

static void push_waiting(struct worker *worker, struct worker_room *room)
{
    room->has_waiting = false;
    push(worker, room, &room->waiting);
}

/* Two frames that come close together (a stage that was late) must not cut each other's pass: the
 * second waits for the end of the first. A third drives it on. */
void worker_room_frame(struct worker *worker, const struct media_frame *frame)
{
    struct worker_room *room = worker_room_find(worker, frame->room);
    if (!room || frame->payload_bytes > MEDIA_PAYLOAD_MAX)
        return;
    struct program_packet packet = {.index = frame->index,
                                    .made_us = frame->made_us,
                                    .timestamp = frame->timestamp,
                                    .samples = frame->samples,
                                    .bytes = frame->payload_bytes,
                                    .payload = frame->payload};
    if (room->has_waiting)
        push_waiting(worker, room);
    if (audience_due(room->audience) == 0) {
        push(worker, room, &packet);
        return;
    }
    memcpy(room->waiting_payload, frame->payload, frame->payload_bytes);
    packet.payload = room->waiting_payload;
    room->waiting = packet;
    room->has_waiting = true;
}

static void send_batch(struct worker *worker, const struct datagram *datagrams, unsigned count)
{
    uint64_t bytes = 0;
    for (unsigned i = 0; i < count; i++)
        bytes += datagrams[i].bytes;
    unsigned taken = udp_send_batch(&worker->udp, datagrams, count);
    worker_count(&worker->counters.datagrams_out, taken);
    worker_count(&worker->counters.bytes_out, bytes);
    worker_count(&worker->counters.send_failures, count - taken);
}

/* One batch for each room with something to send. Returns how many datagrams. */
static unsigned send_round(struct worker *worker)
{
    struct datagram datagrams[AUDIENCE_BATCH];
    unsigned sent = 0;
    for (unsigned i = 0; i < worker->room_count; i++) {
        struct worker_room *room = worker->rooms[i];
        unsigned count = audience_fill(room->audience, datagrams, AUDIENCE_BATCH, worker->now_us);
        if (count > 0)
            send_batch(worker, datagrams, count);
        sent += count;
        if (room->has_waiting && audience_due(room->audience) == 0)
            push_waiting(worker, room);
    }
    return sent;
}

static uint32_t count_due(const struct worker *worker)
{
    uint32_t due = 0;
    for (unsigned i = 0; i < worker->room_count; i++)
        due += audience_due(worker->rooms[i]->audience);
    return due;
}

void worker_run_passes(struct worker *worker)
{
    if (!pace_is_due(&worker->pace, worker->now_us))
        return;
    uint64_t began_us = worker->now_us;
    unsigned sent = 0, more;
    do {
        more = send_round(worker);
        sent += more;
    } while (more > 0 && sent < PACE_BURST);
    if (sent > 0)
        worker->now_us = clock_now_us();
    pace_sent(&worker->pace, count_due(worker), began_us);
}
