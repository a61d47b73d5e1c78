#include "room/history.h"

#include "base/clock.h"
#include "room/cluster_internal.h"
#include "telemetry/log.h"

#include <stdio.h>

enum {
    NETWORKS_EVERY_MS = 60 * 1000,
    /* Whoever asks at a room that is not open yet makes it keep 100 KB; of such rooms only so many do. */
    EARLY_TABLES_MAX = 64,
};

static bool is_over(const struct room *room)
{
    return room->record.state >= ROOM_ENDED;
}

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* ---- what is known now ---- */

void room_crowd(const struct room *room, struct room_crowd *out)
{
    struct room_line line;
    struct branches_counts elsewhere;
    room_line(room, &line);
    origin_counts(room, &elsewhere);
    *out = (struct room_crowd){
        .silent_nodes = elsewhere.silent,
        .in_line = line.in_line,
        .turned_away = line.turned_away < UINT32_MAX ? (uint32_t)line.turned_away : UINT32_MAX,
        .seats = line.seats,
        .mode_cause = room_mode_cause(room),
    };
    room_audience(room, &out->hearing, &out->connected);
}

static void keep_networks(struct room *room)
{
    struct arrivals *arrivals = &room->history.arrivals;
    if (arrivals->networks != NULL ||
        (room->record.state == ROOM_SCHEDULED && room->rooms->network_tables >= EARLY_TABLES_MAX))
        return;
    arrivals_keep_networks(arrivals);
    room->rooms->network_tables += arrivals->networks != NULL;
}

void room_count_arrival(struct room *room, enum arrival arrival, uint64_t network)
{
    if (is_over(room) || room->relay != NULL)
        return;
    keep_networks(room);
    arrivals_count(&room->history.arrivals, arrival, network);
}

void history_clear(struct room *room)
{
    struct arrivals *arrivals = &room->history.arrivals;
    room->rooms->network_tables -= arrivals->networks != NULL;
    arrivals_clear(arrivals);
}

/* ---- after a restart ---- */

void history_load(struct room *room, const struct history_summary *summary)
{
    room->history.samples = summary->samples;
    room->history.span_s = summary->span_s;
    room->turned_away_before = summary->turned_away;
    room->connected_before = summary->connected;
}

void history_load_network(struct room *room, const struct arrival_network *network)
{
    keep_networks(room);
    struct busiest *networks = room->history.arrivals.networks;
    int err = networks != NULL ? busiest_restore(networks, network) : ERR_NOMEM;
    if (err != 0)
        log_warn("history.network_lost", "room=%s error=%s", room->record.slug, error_name(err));
}

/* ---- samples ---- */

static int64_t span_ms(const struct history *history)
{
    return (int64_t)(history->span_s != 0 ? history->span_s : HISTORY_SPAN_S) * 1000;
}

/* What was to be stored counts as not told yet. */
static void take_back(struct history *history, const struct sample_record *sample)
{
    arrival_counts_add(&history->arrivals.counts, &sample->arrivals);
    history->hearing = larger(history->hearing, sample->hearing);
    history->connected = larger(history->connected, sample->connected);
    history->in_line = larger(history->in_line, sample->in_line);
    int64_t from_ms = sample->at_ms - (int64_t)sample->span_s * 1000;
    if (history->from_ms == 0 || from_ms < history->from_ms)
        history->from_ms = from_ms;
}

static void on_sample_saved(void *ctx, int err)
{
    struct room *room = ctx;
    room->history.is_saving = false;
    if (err != 0)
        take_back(&room->history, &room->history.saving);
}

static struct sample_record make_sample(struct room *room, int64_t at_ms)
{
    struct history *history = &room->history;
    struct room_crowd crowd;
    room_crowd(room, &crowd);
    struct sample_record sample = {
        .room = room->record.id,
        .at_ms = at_ms,
        .span_s = (uint32_t)((at_ms - history->from_ms) / 1000),
        .hearing = larger(history->hearing, crowd.hearing),
        .connected = larger(history->connected, crowd.connected),
        .in_line = larger(history->in_line, crowd.in_line),
        .turned_away = crowd.turned_away,
        .seats = crowd.seats,
        .mode = room_mode(room),
    };
    (void)snprintf(sample.cause, sizeof(sample.cause), "%s", crowd.mode_cause);
    arrivals_take(&history->arrivals, &sample.arrivals);
    history->hearing = history->connected = history->in_line = 0;
    return sample;
}

/* Before the doors open there is something to tell only when somebody came. */
static bool is_worth_it(const struct room *room)
{
    const struct history *history = &room->history;
    if (room->record.state == ROOM_DOORS_OPEN || room->record.state == ROOM_LIVE ||
        (is_over(room) && history->last_at_ms != 0))
        return true;
    return history->connected > 0 || history->in_line > 0 ||
           arrival_counts_any(&history->arrivals.counts);
}

/* False: not now, the store has not done with the one before, or is full. */
static bool put_sample(struct room *room, int64_t at_ms)
{
    struct history *history = &room->history;
    if (!is_worth_it(room))
        return true;
    if (history->is_saving)
        return false;
    history->saving = make_sample(room, at_ms);
    history->is_saving =
        store_put_sample(room->rooms->deps.store, &history->saving, on_sample_saved, room) == 0;
    if (!history->is_saving) {
        take_back(history, &history->saving);
        return false;
    }
    history->samples += at_ms != history->last_at_ms;
    history->last_at_ms = at_ms;
    return true;
}

static void on_merged(void *ctx, int err)
{
    struct room *room = ctx;
    room->history.must_merge |= err != 0;
}

static void keep_within_bounds(struct room *room)
{
    struct history *history = &room->history;
    if (history->samples < HISTORY_SAMPLES_MAX && !history->must_merge)
        return;
    uint32_t span_s = (uint32_t)(span_ms(history) / 1000);
    bool is_coarser = !history->must_merge;
    if (is_coarser)
        span_s *= 2;
    if (store_merge_samples(room->rooms->deps.store, room->record.id, span_s, on_merged, room) != 0)
        return; /* after the next sample */
    history->must_merge = false;
    history->span_s = span_s;
    if (is_coarser)
        history->samples = history->samples / 2 + 1;
}

/* ---- networks ---- */

static void on_networks_saved(void *ctx, int err)
{
    struct room *room = ctx;
    room->history.is_saving_networks = false;
    room->history.arrivals.networks_changed |= err != 0;
}

static void put_networks(struct room *room, int64_t wall_ms)
{
    static struct arrival_network list[ARRIVAL_NETWORKS_MAX]; /* control thread only */
    struct history *history = &room->history;
    if (!history->arrivals.networks_changed || history->is_saving_networks)
        return;
    unsigned count = busiest_list(history->arrivals.networks, list, ARRIVAL_NETWORKS_MAX);
    if (store_put_networks(room->rooms->deps.store, room->record.id, list, count, on_networks_saved,
                           room) != 0)
        return; /* with the next tick */
    history->networks_at_ms = wall_ms;
    history->is_saving_networks = true;
    history->arrivals.networks_changed = false;
}

/* ---- time ---- */

static int64_t end_of_span(const struct history *history)
{
    return history->from_ms - history->from_ms % span_ms(history) + span_ms(history);
}

/* Once the door is closed, for that is when those who are in line count as turned away. */
static void finish(struct room *room, int64_t wall_ms)
{
    struct history *history = &room->history;
    if (room->door == NULL && history->from_ms != 0 && put_sample(room, end_of_span(history)))
        history->from_ms = 0; /* unless this fails: then once more */
    if (history->arrivals.networks == NULL)
        return;
    put_networks(room, wall_ms);
    if (!history->is_saving_networks && !history->arrivals.networks_changed)
        history_clear(room);
}

void history_tick(struct room *room, int64_t wall_ms)
{
    struct history *history = &room->history;
    if (is_over(room)) {
        finish(room, wall_ms);
        return;
    }
    struct room_crowd crowd;
    room_crowd(room, &crowd);
    history->hearing = larger(history->hearing, crowd.hearing);
    history->connected = larger(history->connected, crowd.connected);
    history->in_line = larger(history->in_line, crowd.in_line);
    int64_t begun_ms = wall_ms - wall_ms % span_ms(history);
    if (history->from_ms == 0 ||
        wall_ms < history->from_ms) /* the first time, or the clock was set back */
        history->from_ms = begun_ms;
    if (wall_ms < end_of_span(history))
        return;
    if (put_sample(room, begun_ms)) {
        history->from_ms = begun_ms;
        keep_within_bounds(room);
    }
    if (wall_ms >= history->networks_at_ms + NETWORKS_EVERY_MS)
        put_networks(room, wall_ms);
}

/* Everything that was counted is put; the sample goes on. */
static void flush(struct room *room, int64_t wall_ms)
{
    if (room->history.from_ms != 0)
        (void)put_sample(room, end_of_span(&room->history));
    put_networks(room, wall_ms);
}

void history_close(struct room *room)
{
    struct store *store = room->rooms->deps.store;
    struct history *history = &room->history;
    if (!is_over(room) && history->from_ms != 0 && is_worth_it(room)) {
        struct sample_record sample = make_sample(room, end_of_span(history));
        int err = store_put_sample(store, &sample, NULL, NULL);
        if (err != 0)
            log_warn("history.lost", "room=%s error=%s", room->record.slug, error_name(err));
    }
    history->is_saving_networks = false; /* nobody waits for that answer any more */
    put_networks(room, 0);
}

int room_read_history(struct room *room, store_read *read, store_done *done, void *ctx)
{
    flush(room, clock_wall_ms());
    return store_read_history(room->rooms->deps.store, room->record.id, read, done, ctx);
}
