#include "room/cluster_internal.h"

#include "admission/admission.h"
#include "base/clock.h"
#include "base/slug.h"
#include "config/config.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    AUDIENCE_TELL_US = 1000 * 1000,
    TITLE_CHARACTERS_MAX = 200,
    BITRATE_MIN_BPS = 16000,
    BITRATE_MAX_BPS = 256000,
};

struct room *rooms_by_id(struct rooms *rooms, uint32_t id)
{
    const struct cluster *cluster = rooms->cluster;
    if (id > ROOMS_MAX && cluster != NULL && id - ROOMS_MAX <= cluster->relayed_count)
        return cluster->relayed[id - ROOMS_MAX - 1];
    return id >= 1 && id <= rooms->count ? rooms->list[id - 1] : NULL;
}

void room_destroy(struct room *room)
{
    if (room == NULL)
        return;
    feed_end_all(room);
    while (room->connections != NULL)
        connection_close(room->connections);
    door_destroy(room->door);
    history_clear(room);
    origin_destroy(room);
    relay_destroy(room);
    free(room->roster);
    free(room->hosts);
    free(room->stems);
    bans_clear(room);
    free(room);
}

static int append_room(struct rooms *rooms, const struct room_record *record, struct room **out)
{
    struct room **list = reallocarray(rooms->list, rooms->count + 1, sizeof(struct room *));
    if (list == NULL)
        return ERR_NOMEM;
    rooms->list = list;
    struct room *room = calloc(1, sizeof(*room));
    if (room == NULL)
        return ERR_NOMEM;
    room->rooms = rooms;
    room->record = *record;
    rooms->list[rooms->count++] = room;
    *out = room;
    return 0;
}

/* The store never learned of this room: its number stays taken, its address is free again. */
static void unmake(struct room *room)
{
    cluster_release(room);
    room->record.slug[0] = '\0';
    room->record.state = ROOM_CANCELLED;
}

/* ---- loading ---- */

/* Numbers may be missing: a full disk kept those rooms from being written. */
static int load_room(void *ctx, const struct room_record *record)
{
    struct rooms *rooms = ctx;
    struct room *room;
    if (record->id <= rooms->count || record->id > ROOMS_MAX)
        return ERR_DAMAGED;
    int err = 0;
    while (err == 0 && record->id > rooms->count + 1) {
        err = append_room(rooms, &(struct room_record){.id = (uint32_t)rooms->count + 1}, &room);
        if (err == 0)
            unmake(room);
    }
    return err == 0 ? append_room(rooms, record, &room) : err;
}

static int load_invitation(void *ctx, const struct invitation_record *record)
{
    struct rooms *rooms = ctx;
    struct room *room = rooms_by_id(rooms, record->room);
    if (room == NULL)
        return ERR_DAMAGED;
    if (record->id > rooms->last_invitation)
        rooms->last_invitation = record->id;
    int err = map_put(&rooms->by_invitation, record->id, room);
    return err == 0 ? room_load_invitation(room, record) : err;
}

static int load_consent(void *ctx, const struct consent_record *record)
{
    struct rooms *rooms = ctx;
    if (strcmp(record->wording, consent_wording()) != 0)
        return 0; /* agreed to an older wording: asked again */
    struct room *room = map_get(&rooms->by_invitation, record->invitation);
    for (unsigned h = 0; room != NULL && h < room->host_count; h++)
        if (room->hosts[h].invitation == record->invitation)
            room->roster[h].agreed = true;
    return 0;
}

static int load_recording(void *ctx, const struct recording_record *record)
{
    struct rooms *rooms = ctx;
    struct room *room = rooms_by_id(rooms, record->room);
    if (room == NULL)
        return ERR_DAMAGED;
    room->has_recording = true;
    room->recording = *record;
    if (record->id > rooms->last_recording)
        rooms->last_recording = record->id;
    return map_put(&rooms->by_recording, record->id, room);
}

static int load_stem(void *ctx, const struct stem_record *record)
{
    struct rooms *rooms = ctx;
    struct room *room = map_get(&rooms->by_recording, record->recording);
    if (room == NULL || room->recording.id != record->recording)
        return 0;
    struct stem_record *stems =
        reallocarray(room->stems, room->stem_count + 1, sizeof(struct stem_record));
    if (stems == NULL)
        return ERR_NOMEM;
    room->stems = stems;
    room->stems[room->stem_count++] = *record;
    return 0;
}

static int load_history(void *ctx, const struct history_summary *summary)
{
    struct room *room = rooms_by_id(ctx, summary->room);
    if (room == NULL)
        return ERR_DAMAGED;
    history_load(room, summary);
    return 0;
}

static int load_network(void *ctx, uint32_t id, const struct arrival_network *network)
{
    struct room *room = rooms_by_id(ctx, id);
    if (room == NULL)
        return ERR_DAMAGED;
    history_load_network(room, network);
    return 0;
}

static int load_ban(void *ctx, const struct ban_record *record)
{
    struct rooms *rooms = ctx;
    struct room *room = rooms_by_id(rooms, record->room);
    if (room == NULL)
        return ERR_DAMAGED;
    rooms->last_ban = record->id;
    return bans_load(room, record);
}

int rooms_create(struct rooms **out, const struct rooms_deps *deps)
{
    static const struct store_loader loader = {load_room,      load_invitation, load_consent,
                                               load_recording, load_stem,       load_history,
                                               load_network,   load_ban};
    struct rooms *rooms = calloc(1, sizeof(*rooms));
    if (rooms == NULL)
        return ERR_NOMEM;
    rooms->deps = *deps;
    rooms->mode = deps->config->mode;
    rooms->mode_cause = "operator";
    rooms->started_us = clock_now_us();
    rooms->started_wall_ms = clock_wall_ms();
    map_init(&rooms->by_peer, 0);
    map_init(&rooms->by_recording, 0);
    map_init(&rooms->by_invitation, 0);
    int err = store_load(deps->store, &loader, rooms);
    map_clear(&rooms->by_invitation);
    if (err == 0)
        err = cluster_create(rooms);
    if (err != 0) {
        rooms_destroy(rooms);
        return err;
    }
    governing_init(rooms, rooms->started_us);
    *out = rooms;
    return 0;
}

void rooms_destroy(struct rooms *rooms)
{
    if (rooms == NULL)
        return;
    cluster_destroy(rooms);
    for (size_t i = 0; i < rooms->count; i++)
        room_destroy(rooms->list[i]);
    free(rooms->list);
    map_clear(&rooms->by_peer);
    map_clear(&rooms->by_recording);
    free(rooms);
}

void rooms_resume(struct rooms *rooms)
{
    for (size_t i = 0; i < rooms->count; i++)
        room_resume(rooms->list[i]);
}

void rooms_close(struct rooms *rooms)
{
    rooms->closing = true;
    for (size_t i = 0; i < rooms->count; i++)
        history_close(rooms->list[i]);
    for (size_t i = 0; i < rooms_all_count(rooms); i++)
        room_end_connections(rooms_all_at(rooms, i), true, "closing");
}

void rooms_observe(struct rooms *rooms, const struct rooms_observer *observer)
{
    rooms->observer = *observer;
}

/* ---- events from below ---- */

static void sum_counts(struct room *room)
{
    uint32_t hearing = 0, connected = 0;
    for (unsigned w = 0; w < TRANSPORT_WORKERS_MAX; w++) {
        hearing += room->workers[w].hearing;
        connected += room->workers[w].connected;
    }
    room->audience_changed |= hearing != room->hearing || connected != room->connected;
    room->hearing = hearing;
    room->connected = connected;
}

static void on_transport(void *ctx, const struct transport_event *event)
{
    struct rooms *rooms = ctx;
    if (event->kind != TRANSPORT_ROOM_COUNTS) {
        connection_on_transport(rooms, event);
        return;
    }
    struct room *room = rooms_by_id(rooms, event->room);
    if (room == NULL || event->worker >= TRANSPORT_WORKERS_MAX)
        return;
    room->loss_changed |= room->workers[event->worker].loss_permille != event->loss_permille;
    room->workers[event->worker] = (struct worker_counts){event->connected - event->relays,
                                                          event->hearing - event->relays_hearing,
                                                          event->loss_permille, event->losing};
    sum_counts(room);
}

static bool any_is_live(const struct rooms *rooms)
{
    for (size_t i = 0; i < rooms->count; i++)
        if (rooms->list[i]->record.state == ROOM_LIVE)
            return true;
    return false;
}

static void on_stage(void *ctx, const struct stage_event *event)
{
    struct rooms *rooms = ctx;
    struct room *room = rooms_by_id(rooms, event->room);
    switch (event->kind) {
    case STAGE_LEVELS:
        if (room != NULL && rooms->observer.on_levels != NULL)
            rooms->observer.on_levels(rooms->observer.ctx, room, event->levels, event->level_count);
        return;
    case STAGE_LATE_TICK:
        /* With nobody on air it is the machine's business only. */
        if (any_is_live(rooms))
            log_warn("stage.late_tick", "late_ms=%u", event->late_us / 1000);
        return;
    }
}

static void on_recorder(void *ctx, const struct recorder_event *event)
{
    room_on_recorder(ctx, event);
}

void rooms_drain(struct rooms *rooms)
{
    transport_drain(rooms->deps.transport, on_transport, rooms);
    stage_drain(rooms->deps.stage, on_stage, rooms);
    recorder_drain(rooms->deps.recorder, on_recorder, rooms);
    cluster_on_upstream(rooms);
    store_drain(rooms->deps.store);
}

/* What may change with every report is passed on at most once a second. */
void rooms_tick(struct rooms *rooms, uint64_t now_us)
{
    governing_step(rooms, now_us);
    int64_t wall_ms = clock_wall_ms();
    for (size_t i = 0; i < rooms->count; i++) {
        room_tick(rooms->list[i], now_us);
        history_tick(rooms->list[i], wall_ms);
    }
    cluster_tick(rooms, now_us);
    if (now_us - rooms->audience_told_us < AUDIENCE_TELL_US)
        return;
    rooms->audience_told_us = now_us;
    for (size_t i = 0; i < rooms_all_count(rooms); i++) {
        struct room *room = rooms_all_at(rooms, i);
        if (room->loss_changed)
            room_tune_program(room);
        if (room->unsaved && room->record.slug[0] != '\0')
            room_save_again(room);
        if (room->audience_changed && rooms->observer.on_audience != NULL)
            rooms->observer.on_audience(rooms->observer.ctx, room);
        room->audience_changed = false;
    }
}

/* ---- looking ---- */

struct room *rooms_find(struct rooms *rooms, const char *slug)
{
    for (size_t i = 0; i < rooms->count; i++)
        if (!rooms->list[i]->is_foreign && strcmp(rooms->list[i]->record.slug, slug) == 0)
            return rooms->list[i];
    return relay_find(rooms, slug);
}

size_t rooms_count(const struct rooms *rooms)
{
    return rooms->count;
}

struct room *rooms_at(struct rooms *rooms, size_t index)
{
    return rooms->list[index];
}

void rooms_counts(const struct rooms *rooms, struct rooms_counts *out)
{
    *out = (struct rooms_counts){.seats_max = rooms->deps.config->seats,
                                 .seats_now = admission_seats(rooms->deps.admission),
                                 .seats_taken = admission_seats_taken(rooms->deps.admission)};
    for (size_t i = 0; i < rooms_all_count(rooms); i++) {
        out->connected += rooms_all_at(rooms, i)->connected;
        out->hearing += rooms_all_at(rooms, i)->hearing;
    }
}

/* ---- a new room ---- */

static size_t utf8_characters(const char *text)
{
    size_t count = 0;
    for (; *text != '\0'; text++)
        count += ((unsigned char)*text & 0xC0) != 0x80;
    return count;
}

static bool bitrate_is_valid(uint32_t bps)
{
    return bps == 0 || (bps >= BITRATE_MIN_BPS && bps <= BITRATE_MAX_BPS);
}

static int check_draft(struct rooms *rooms, const struct room_draft *draft,
                       char problem[ROOM_PROBLEM_MAX])
{
    const char *wrong = NULL;
    if (!slug_is_valid(draft->slug))
        wrong = "The slug must be 1 to 63 characters of a-z, 0-9 and single hyphens between them.";
    else if (draft->title[0] == '\0' || utf8_characters(draft->title) > TITLE_CHARACTERS_MAX ||
             strlen(draft->title) > STORE_TITLE_MAX)
        wrong = "The title must have 1 to 200 characters.";
    else if (draft->start_ms < 0)
        wrong = "The start must be in milliseconds since 1970, 0 or more.";
    else if (draft->seats > ROOM_SEATS_LIMIT)
        wrong = "A room can have at most 65536 seats on one node; 0 means as many as the node has.";
    else if (!bitrate_is_valid(draft->program_bps) || !bitrate_is_valid(draft->recording_bps))
        wrong = "Bit rates must lie between 16000 and 256000 bit/s.";
    if (wrong != NULL) {
        (void)snprintf(problem, ROOM_PROBLEM_MAX, "%s", wrong);
        return ERR_INVAL;
    }
    char url[NODE_URL_MAX + 1];
    switch (rooms_locate(rooms, draft->slug, url)) {
    case ROOM_HERE:
        (void)snprintf(problem, ROOM_PROBLEM_MAX, "There is a room '%s' already.", draft->slug);
        return ERR_EXIST;
    case ROOM_ELSEWHERE:
    case ROOM_AWAY:
        (void)snprintf(problem, ROOM_PROBLEM_MAX,
                       "Another node of this cluster has a room '%s' already.", draft->slug);
        return ERR_EXIST;
    case ROOM_UNKNOWN: /* a node that cannot reach the others is its own cluster */
    case ROOM_NOWHERE:
        break;
    }
    if (rooms->count >= ROOMS_MAX) {
        (void)snprintf(problem, ROOM_PROBLEM_MAX, "This node has %d rooms, the most it can keep.",
                       ROOMS_MAX);
        return ERR_FULL;
    }
    return 0;
}

static void on_added(void *ctx, int err)
{
    struct room *room = ctx;
    if (err != 0)
        unmake(room);
    if (room->added_done != NULL)
        room->added_done(room->added_ctx, err);
}

/* Appends it and has it stored; unmade when that turns out to fail. */
static int add_room(struct rooms *rooms, const struct room_record *record, store_done *done,
                    void *ctx, struct room **out)
{
    int err = append_room(rooms, record, out);
    if (err != 0)
        return err;
    (*out)->added_done = done;
    (*out)->added_ctx = ctx;
    err = store_put_room(rooms->deps.store, record, STORE_NORMAL, on_added, *out);
    if (err != 0)
        room_destroy(rooms->list[--rooms->count]);
    return err;
}

int rooms_add(struct rooms *rooms, const struct room_draft *draft, store_done *done, void *ctx,
              struct room **out, char problem[ROOM_PROBLEM_MAX])
{
    int err = check_draft(rooms, draft, problem);
    if (err != 0)
        return err;
    struct room_record record = {
        .id = (uint32_t)rooms->count + 1,
        .state = ROOM_SCHEDULED,
        .created_ms = clock_wall_ms(),
        .start_ms = draft->start_ms,
        .seats = draft->seats,
        .stereo = draft->stereo,
        .places_per_address = draft->places_per_address,
        .program_bps = draft->program_bps ? draft->program_bps : STAGE_PROGRAM_BPS_DEFAULT,
        .recording_bps = draft->recording_bps ? draft->recording_bps : STAGE_RECORDING_BPS_DEFAULT,
    };
    (void)snprintf(record.slug, sizeof(record.slug), "%s", draft->slug);
    (void)snprintf(record.title, sizeof(record.title), "%s", draft->title);
    struct room *room;
    err = add_room(rooms, &record, done, ctx, &room);
    if (err != 0) {
        (void)snprintf(problem, ROOM_PROBLEM_MAX, "The server cannot take a new room now: %s.",
                       error_name(err));
        return err;
    }
    cluster_claim(room);
    log_info("room.created", "room=%s", record.slug);
    room_event(room, 0, "room.created", "");
    *out = room;
    return 0;
}
