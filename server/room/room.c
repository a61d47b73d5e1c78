#include "room/cluster_internal.h"

#include "base/clock.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A write that cannot even be queued: the disk stalls. The room goes on; the operator hears of it.
 */
static void warn_unsaved(const struct room *room, int err)
{
    log_error("store.refused", "room=%s error=%s", room->record.slug, error_name(err));
}

/* A write of a room, and who waits for it. */
struct saving {
    struct room *room;
    store_done *done;
    void *ctx;
};

void room_on_saved(void *ctx, int err)
{
    struct room *room = ctx;
    room->unsaved |= err != 0;
}

struct saving *saving_new(struct room *room, store_done *done, void *ctx)
{
    struct saving *saving = malloc(sizeof(*saving));
    if (saving != NULL)
        *saving = (struct saving){room, done, ctx};
    return saving;
}

void saving_done(void *ctx, int err)
{
    struct saving *saving = ctx;
    room_on_saved(saving->room, err);
    saving->done(saving->ctx, err);
    free(saving);
}

void room_save(struct room *room, enum store_sync sync, store_done *done, void *ctx)
{
    struct store *store = room->rooms->deps.store;
    struct saving *saving = done != NULL ? saving_new(room, done, ctx) : NULL;
    int err = ERR_NOMEM;
    if (saving != NULL)
        err = store_put_room(store, &room->record, sync, saving_done, saving);
    else if (done == NULL)
        err = store_put_room(store, &room->record, sync, room_on_saved, room);
    if (err == 0)
        return;
    free(saving);
    warn_unsaved(room, err);
    room_on_saved(room, err);
    if (done != NULL)
        done(ctx, err);
}

void room_save_recording(struct room *room, enum store_sync sync)
{
    int err =
        store_put_recording(room->rooms->deps.store, &room->recording, sync, room_on_saved, room);
    if (err == 0)
        return;
    warn_unsaved(room, err);
    room_on_saved(room, err);
}

void room_save_stem(struct room *room, const struct stem_record *stem)
{
    int err = store_put_stem(room->rooms->deps.store, stem, room_on_saved, room);
    if (err == 0)
        return;
    warn_unsaved(room, err);
    room_on_saved(room, err);
}

void room_save_again(struct room *room)
{
    room->unsaved = false;
    room_save(room, STORE_FULL, NULL, NULL);
    for (uint32_t host = 1; host <= room->host_count && !room->unsaved; host++)
        room_save_invitation(room, host);
    bans_save(room);
    if (room->has_recording)
        room_save_recording(room, STORE_FULL);
    for (unsigned i = 0; i < room_stem_count(room); i++)
        room_save_stem(room, &room->stems[i]);
}

void room_event(struct room *room, uint32_t host, const char *kind, const char *detail)
{
    if (room->relay != NULL)
        return; /* the origin keeps what happened */
    struct event_record event = {.room = room->record.id,
                                 .host = host,
                                 .wall_ms = clock_wall_ms(),
                                 .kind = kind,
                                 .detail = detail};
    int err = store_put_event(room->rooms->deps.store, &event);
    if (err != 0)
        warn_unsaved(room, err);
}

void room_tell(struct room *room)
{
    struct rooms_observer *observer = &room->rooms->observer;
    origin_tell_room(room);
    if (observer->on_room != NULL)
        observer->on_room(observer->ctx, room);
}

void room_tell_roster(struct room *room)
{
    struct rooms_observer *observer = &room->rooms->observer;
    if (observer->on_roster != NULL)
        observer->on_roster(observer->ctx, room);
}

const struct room_record *room_record(const struct room *room)
{
    return &room->record;
}

const struct roster_entry *room_roster(const struct room *room, unsigned *count)
{
    *count = room->host_count;
    return room->roster;
}

const struct roster_entry *room_host(const struct room *room, uint32_t host)
{
    return host >= 1 && host <= room->host_count ? &room->roster[host - 1] : NULL;
}

void room_audience(const struct room *room, uint32_t *hearing, uint32_t *connected)
{
    struct branches_counts elsewhere;
    origin_counts(room, &elsewhere);
    *hearing = room->hearing + (uint32_t)elsewhere.hearing;
    *connected = room->connected + (uint32_t)elsewhere.connected;
}

bool room_is_recording(const struct room *room)
{
    bool runs = room->phase == RECORDING_BEGINNING || room->phase == RECORDING_READY ||
                room->phase == RECORDING_RUNNING;
    return runs && room->record.state == ROOM_LIVE;
}

const struct recording_record *room_publication(const struct room *room)
{
    return room->record.state == ROOM_PUBLISHED ? &room->recording : NULL;
}

unsigned room_stem_count(const struct room *room)
{
    return room->record.state == ROOM_PUBLISHED ? room->stem_count : 0;
}

const struct stem_record *room_stem(const struct room *room, unsigned index)
{
    return &room->stems[index];
}

int room_file(const struct room *room, uint32_t host, char *path, unsigned path_bytes)
{
    if (room->record.state != ROOM_PUBLISHED)
        return ERR_NOENT;
    return recorder_file_path(room->rooms->deps.recorder, room->recording.id, host, path,
                              path_bytes);
}

void room_set_watchers(struct room *room, void *watchers)
{
    room->watchers = watchers;
}

void *room_watchers(const struct room *room)
{
    return room->watchers;
}
