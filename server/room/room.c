#include "room/room_internal.h"

#include "base/clock.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <string.h>

/* A write that cannot even be queued: the disk stalls. The room goes on; the operator hears of it.
 */
static void warn_unsaved(const struct room *room, int err)
{
    log_error("store.refused", "room=%s error=%s", room->record.slug, error_name(err));
}

void room_save(struct room *room, enum store_sync sync, store_done *done, void *ctx)
{
    int err = store_put_room(room->rooms->deps.store, &room->record, sync, done, ctx);
    if (err == 0)
        return;
    warn_unsaved(room, err);
    if (done != NULL)
        done(ctx, err);
}

void room_event(struct room *room, uint32_t host, const char *kind, const char *detail)
{
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
    *hearing = room->hearing;
    *connected = room->connected;
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
