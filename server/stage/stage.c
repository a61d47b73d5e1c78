#include "stage/stage.h"

#include "base/random.h"
#include "base/ring.h"
#include "stage/encoder.h"
#include "stage/stage_thread.h"

#include <stdlib.h>
#include <string.h>

enum { THREADS_MAX = 16 /* as TRANSPORT_STAGES_MAX */ };

/* What control knows of the rooms that it has given away: who has a place in them. */
struct room_entry {
    uint32_t room;
    unsigned channels;
    unsigned host_count;
    uint32_t hosts[STAGE_HOSTS_MAX];
    uint64_t peers[STAGE_HOSTS_MAX];
};

struct stage {
    unsigned thread_count;
    bool is_running;
    struct wake events_wake; /* owned */
    unsigned room_count;
    struct room_entry rooms[STAGE_ROOMS_MAX];
    struct stage_thread threads[THREADS_MAX]; /* the first thread_count of them */
};

int stage_create(struct stage **out, const struct stage_config *config)
{
    if (config->threads < 1 || config->threads > THREADS_MAX)
        return ERR_INVAL;
    struct stage *stage = calloc(1, sizeof(*stage));
    if (!stage)
        return ERR_NOMEM;
    stage->thread_count = config->threads;
    int err = wake_init(&stage->events_wake);
    if (err) {
        stage->events_wake.fd = -1;
        goto fail;
    }
    for (unsigned i = 0; i < stage->thread_count; i++) {
        err = stage_thread_init(&stage->threads[i], i, config->transport, config->recorder,
                                &stage->events_wake);
        if (err)
            goto fail;
    }
    *out = stage;
    return 0;
fail:
    stage_destroy(stage);
    return err;
}

void stage_destroy(struct stage *stage)
{
    if (!stage)
        return;
    stage_stop(stage);
    for (unsigned i = 0; i < stage->thread_count; i++)
        stage_thread_clear(&stage->threads[i]);
    wake_clear(&stage->events_wake);
    free(stage);
}

static void stop_threads(struct stage *stage, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        atomic_store_explicit(&stage->threads[i].stops, true, memory_order_release);
    for (unsigned i = 0; i < count; i++)
        thread_join(&stage->threads[i].thread);
}

int stage_start(struct stage *stage)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (stage->is_running)
        return ERR_BADSTATE;
    for (unsigned i = 0; i < stage->thread_count; i++) {
        struct stage_thread *thread = &stage->threads[i];
        atomic_store_explicit(&thread->stops, false, memory_order_relaxed);
        thread->due_us = 0;
        int err = thread_start(&thread->thread, "stage", THREAD_STAGE, stage_thread_run, thread);
        if (err) {
            stop_threads(stage, i);
            return err;
        }
    }
    stage->is_running = true;
    return 0;
}

void stage_stop(struct stage *stage)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (!stage->is_running)
        return;
    stop_threads(stage, stage->thread_count);
    stage->is_running = false;
}

unsigned stage_thread_of(const struct stage *stage, uint32_t room)
{
    return room % stage->thread_count;
}

/* ---- what control knows ---- */

static struct room_entry *find_room(struct stage *stage, uint32_t room)
{
    for (unsigned i = 0; i < stage->room_count; i++)
        if (stage->rooms[i].room == room)
            return &stage->rooms[i];
    return NULL;
}

/* The host's place in its entry, or host_count. */
static unsigned find_host(const struct room_entry *entry, uint32_t host)
{
    unsigned i = 0;
    while (i < entry->host_count && entry->hosts[i] != host)
        i++;
    return i;
}

static int send_order(struct stage *stage, const struct stage_order *order, bool may_refuse)
{
    return stage_thread_order(&stage->threads[stage_thread_of(stage, order->room)], order,
                              may_refuse);
}

static bool is_bps(uint32_t bps)
{
    return bps >= ENCODER_BPS_MIN && bps <= ENCODER_BPS_MAX;
}

/* ---- orders ---- */

int stage_open_room(struct stage *stage, const struct stage_room_params *params)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (!is_bps(params->program_bps) || !is_bps(params->economy_bps) ||
        !is_bps(params->recording_bps) || find_room(stage, params->room))
        return ERR_INVAL;
    if (stage->room_count == STAGE_ROOMS_MAX)
        return ERR_FULL;
    struct stage_order order = {.kind = ORDER_OPEN_ROOM, .room = params->room};
    int err = stage_room_create(&order.new_room, params);
    if (err)
        return err;
    err = send_order(stage, &order, true);
    if (err) {
        stage_room_destroy(order.new_room);
        return err;
    }
    stage->rooms[stage->room_count++] =
        (struct room_entry){.room = params->room, .channels = params->stereo ? 2 : 1};
    return 0;
}

void stage_close_room(struct stage *stage, uint32_t room)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct room_entry *entry = find_room(stage, room);
    if (!entry)
        return;
    *entry = stage->rooms[--stage->room_count];
    (void)send_order(stage, &(struct stage_order){.kind = ORDER_CLOSE_ROOM, .room = room}, false);
}

int stage_set_host(struct stage *stage, const struct stage_host_params *params)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct room_entry *entry = find_room(stage, params->room);
    if (!entry)
        return ERR_INVAL;
    unsigned place = find_host(entry, params->host);
    if (place == STAGE_HOSTS_MAX)
        return ERR_FULL;
    struct stage_order order = {.kind = ORDER_SET_HOST,
                                .room = params->room,
                                .number = random_u32(),
                                .host_params = *params};
    bool is_new = place == entry->host_count;
    int err = is_new ? stage_host_create(&order.new_host, entry->channels) : 0;
    if (!err)
        err = send_order(stage, &order, true);
    if (err) {
        stage_host_destroy(order.new_host);
        return err;
    }
    entry->hosts[place] = params->host;
    entry->peers[place] = params->peer;
    entry->host_count += is_new;
    return 0;
}

void stage_remove_host(struct stage *stage, uint32_t room, uint32_t host, uint64_t peer)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct room_entry *entry = find_room(stage, room);
    if (!entry)
        return;
    unsigned place = find_host(entry, host);
    if (place == entry->host_count || (peer != 0 && peer != entry->peers[place]))
        return;
    entry->host_count--;
    entry->hosts[place] = entry->hosts[entry->host_count];
    entry->peers[place] = entry->peers[entry->host_count];
    (void)send_order(
        stage, &(struct stage_order){.kind = ORDER_REMOVE_HOST, .room = room, .host = host}, false);
}

int stage_set_muted(struct stage *stage, uint32_t room, uint32_t host, bool muted)
{
    ASSERT_THREAD(THREAD_CONTROL);
    struct room_entry *entry = find_room(stage, room);
    if (!entry || find_host(entry, host) == entry->host_count)
        return ERR_INVAL;
    return send_order(
        stage,
        &(struct stage_order){.kind = ORDER_SET_MUTED, .room = room, .host = host, .number = muted},
        true);
}

static int order_room(struct stage *stage, const struct stage_order *order)
{
    ASSERT_THREAD(THREAD_CONTROL);
    return find_room(stage, order->room) ? send_order(stage, order, true) : ERR_INVAL;
}

int stage_go_live(struct stage *stage, uint32_t room, uint64_t recording, uint64_t start_samples)
{
    return order_room(stage, &(struct stage_order){.kind = ORDER_GO_LIVE,
                                                   .room = room,
                                                   .recording = recording,
                                                   .start_samples = start_samples});
}

int stage_end(struct stage *stage, uint32_t room)
{
    return order_room(stage, &(struct stage_order){.kind = ORDER_END, .room = room});
}

int stage_set_loss(struct stage *stage, uint32_t room, uint32_t loss_permille)
{
    return order_room(stage, &(struct stage_order){
                                 .kind = ORDER_SET_LOSS, .room = room, .number = loss_permille});
}

int stage_set_economy(struct stage *stage, uint32_t room, bool is_economy)
{
    return order_room(stage, &(struct stage_order){
                                 .kind = ORDER_SET_ECONOMY, .room = room, .number = is_economy});
}

/* ---- events ---- */

int stage_events_fd(const struct stage *stage)
{
    return stage->events_wake.fd;
}

void stage_drain(struct stage *stage, void (*on_event)(void *ctx, const struct stage_event *event),
                 void *ctx)
{
    ASSERT_THREAD(THREAD_CONTROL);
    wake_hush(&stage->events_wake);
    for (unsigned i = 0; i < stage->thread_count; i++) {
        struct ring *ring = stage->threads[i].events;
        size_t bytes = 0;
        const struct stage_event *event;
        while ((event = ring_peek(ring, &bytes)) != NULL) {
            on_event(ctx, event);
            ring_release(ring);
        }
    }
}

void stage_totals(const struct stage *stage, struct stage_totals *out)
{
    uint64_t sum[STAGE_TOTALS] = {0};
    for (unsigned t = 0; t < stage->thread_count; t++)
        for (unsigned i = 0; i < STAGE_TOTALS; i++)
            sum[i] += atomic_load_explicit(&stage->threads[t].totals[i], memory_order_relaxed);
    memcpy(out, sum, sizeof(*out));
}
