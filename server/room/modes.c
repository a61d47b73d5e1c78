/* Modes: what the node asks of all rooms and what a room asks of itself; the stricter one holds. */
#include "room/cluster_internal.h"

#include "telemetry/log.h"

#include <stdio.h>

enum { CAUSE_BYTES = 32, DETAIL_BYTES = 128 };

enum mode room_mode(const struct room *room)
{
    return mode_stricter(room->record.mode, room->rooms->mode);
}

const char *room_mode_cause(const struct room *room)
{
    const struct rooms *rooms = room->rooms;
    if (room_mode(room) == MODE_NORMAL)
        return "";
    return rooms->mode >= room->record.mode ? rooms->mode_cause : "owner";
}

void room_apply_mode(struct room *room)
{
    enum mode mode = room_mode(room);
    if (!room->media_open || room->relay != NULL || mode == room->stage_mode)
        return;
    bool is_packed = mode_is_packed(mode);
    if (is_packed == mode_is_packed(room->stage_mode) ||
        stage_set_economy(room->rooms->deps.stage, room->record.id, is_packed) == 0)
        room->stage_mode = mode; /* else the stage's ring is full: again with the next tick */
}

static void note(struct room *room, uint32_t host, const struct mode_reason *reason)
{
    char detail[DETAIL_BYTES];
    const char *mode = mode_name(room_mode(room)), *wanted = mode_name(room->record.mode);
    int chars =
        snprintf(detail, sizeof(detail), "mode=%s wanted=%s cause=%s", mode, wanted, reason->cause);
    if (reason->limit > 0 && chars > 0)
        (void)snprintf(detail + chars, sizeof(detail) - (size_t)chars, " value=%u limit=%u",
                       reason->value, reason->limit);
    log_info("room.mode", "room=%s %s", room->record.slug, detail);
    room_event(room, host, "room.mode", detail);
}

int room_set_mode(struct room *room, enum mode mode, uint32_t seats, uint32_t by,
                  char problem[ROOM_PROBLEM_MAX])
{
    char cause[CAUSE_BYTES] = "admin";
    if (room->record.state >= ROOM_ENDED) {
        (void)snprintf(problem, ROOM_PROBLEM_MAX,
                       "The room is %s; its mode can be changed before and while it is live.",
                       room_state_name(room->record.state));
        return ERR_BADSTATE;
    }
    if (seats > ROOM_SEATS_LIMIT || (seats > 0 && mode != MODE_SMALL_AUDIENCE)) {
        (void)snprintf(problem, ROOM_PROBLEM_MAX,
                       "A number of seats goes with small_audience, and is at most %d.",
                       ROOM_SEATS_LIMIT);
        return ERR_INVAL;
    }
    if (mode == room->record.mode && seats == room->record.small_audience_seats)
        return 0;
    if (by != 0)
        (void)snprintf(cause, sizeof(cause), "host_%u", by);
    room->record.mode = mode;
    room->record.small_audience_seats = seats;
    room_apply_mode(room);
    note(room, by, &(struct mode_reason){.cause = cause});
    room_save(room, STORE_NORMAL, NULL, NULL);
    room_tell(room);
    return 0;
}

enum mode rooms_mode(const struct rooms *rooms)
{
    return rooms->mode;
}

void rooms_set_mode(struct rooms *rooms, enum mode mode, const struct mode_reason *reason)
{
    if (mode == rooms->mode)
        return;
    enum mode before = rooms->mode;
    rooms->mode = mode;
    rooms->mode_cause = reason->cause;
    log_info("node.mode", "mode=%s cause=%s value=%u limit=%u", mode_name(mode), reason->cause,
             reason->value, reason->limit);
    for (size_t i = 0; i < rooms_all_count(rooms); i++) {
        struct room *room = rooms_all_at(rooms, i);
        if (room->record.state >= ROOM_ENDED ||
            room_mode(room) == mode_stricter(room->record.mode, before))
            continue;
        room_apply_mode(room);
        if (room->media_open)
            note(room, 0, reason);
        room_tell(room);
    }
}
