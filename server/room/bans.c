/* Networks that are excluded from a room: who of them listens is ended, and nobody of them is let in. */
#include "room/cluster_internal.h"

#include "base/address.h"
#include "base/clock.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the list ---- */

const struct ban_record *room_bans(const struct room *room, unsigned *count)
{
    *count = room->ban_count;
    return room->bans;
}

static struct ban_record *find(const struct room *room, uint64_t network)
{
    for (unsigned i = 0; i < room->ban_count; i++)
        if (room->bans[i].network == network)
            return &room->bans[i];
    return NULL;
}

bool room_is_banned(const struct room *room, uint64_t network)
{
    return find(room, network) != NULL;
}

static int append(struct room *room, const struct ban_record *record)
{
    if (room->ban_count >= ROOM_BANS_MAX)
        return ERR_FULL;
    struct ban_record *bans = reallocarray(room->bans, room->ban_count + 1, sizeof(*bans));
    if (bans == NULL)
        return ERR_NOMEM;
    room->bans = bans;
    room->bans[room->ban_count++] = *record;
    return 0;
}

static void take_out(struct room *room, uint64_t network)
{
    const struct ban_record *ban = find(room, network);
    if (ban == NULL)
        return;
    unsigned at = (unsigned)(ban - room->bans);
    room->ban_count--;
    memmove(&room->bans[at], &room->bans[at + 1], (room->ban_count - at) * sizeof(*room->bans));
}

void bans_clear(struct room *room)
{
    free(room->bans);
    room->bans = NULL;
    room->ban_count = 0;
}

int bans_load(struct room *room, const struct ban_record *record)
{
    return record->lifted_ms != 0 ? 0 : append(room, record);
}

/* ---- what follows ---- */

/* Who listens from there. Hosts stay, and so do other nodes, which take the program as listeners do. */
static void end_listeners(struct room *room, uint64_t network)
{
    struct rooms_observer *observer = &room->rooms->observer;
    if (observer->on_banned != NULL)
        observer->on_banned(observer->ctx, room, network);
    for (struct connection *at = room->connections, *next; at != NULL; at = next) {
        next = at->next; /* its end may make the owner close this one, never another */
        if (at->host == 0 && at->network == network)
            connection_end(at, "banned");
    }
}

static bool has_host_from(const struct room *room, uint64_t network)
{
    for (const struct connection *at = room->connections; at != NULL; at = at->next)
        if (at->host != 0 && at->network == network)
            return true;
    return false;
}

void bans_save(struct room *room)
{
    for (unsigned i = 0; i < room->ban_count; i++)
        room_on_saved(room,
                      store_put_ban(room->rooms->deps.store, &room->bans[i], room_on_saved, room));
}

/* ---- at the origin ---- */

struct banning {
    struct room *room;
    uint64_t network;
    store_done *done;
    void *ctx;
};

static void on_stored(void *ctx, int err)
{
    struct banning *banning = ctx;
    room_on_saved(banning->room, err);
    banning->done(banning->ctx, err);
    free(banning);
}

static void on_lifted(void *ctx, int err)
{
    struct banning *banning = ctx;
    struct room *room = banning->room;
    struct ban_record *ban = find(room, banning->network);
    if (err != 0 && ban != NULL) {
        ban->lifted_ms = 0;
        room_on_saved(room, err);
    } else if (ban != NULL) {
        take_out(room, banning->network);
        origin_tell_ban(room, banning->network, true);
        room_event(room, 0, "ban.lifted", "");
    }
    if (banning->done != NULL)
        banning->done(banning->ctx, err);
    free(banning);
}

static struct banning *new_banning(struct room *room, uint64_t network, store_done *done, void *ctx)
{
    struct banning *banning = malloc(sizeof(*banning));
    if (banning != NULL)
        *banning = (struct banning){room, network, done, ctx};
    return banning;
}

static int put(struct room *room, const struct ban_record *record, store_done *done, void *ctx)
{
    struct store *store = room->rooms->deps.store;
    if (done == NULL)
        return store_put_ban(store, record, room_on_saved, room);
    struct banning *banning = new_banning(room, record->network, done, ctx);
    if (banning == NULL)
        return ERR_NOMEM;
    int err = store_put_ban(store, record, on_stored, banning);
    if (err != 0)
        free(banning);
    return err;
}

static int check_ban(const struct room *room, uint64_t network, char problem[ROOM_PROBLEM_MAX])
{
    const char *wrong = NULL;
    int err = ERR_AUTH;
    if (address_network_is_loopback(network))
        wrong = "This is the server's own network; nobody else is there.";
    else if (has_host_from(room, network))
        wrong = "A host of this room is connected from this network.";
    if (wrong == NULL && room->record.state >= ROOM_ENDED) {
        wrong = "The room is over; nobody listens to it any more.";
        err = ERR_BADSTATE;
    } else if (wrong == NULL && room->ban_count >= ROOM_BANS_MAX) {
        wrong = "256 networks are excluded from this room, the most there can be. Lift one first.";
        err = ERR_FULL;
    }
    if (wrong == NULL)
        return 0;
    (void)snprintf(problem, ROOM_PROBLEM_MAX, "%s", wrong);
    return err;
}

int room_ban(struct room *room, uint64_t network, uint32_t by, store_done *done, void *ctx,
             uint32_t *id, char problem[ROOM_PROBLEM_MAX])
{
    struct rooms *rooms = room->rooms;
    const struct ban_record *former = find(room, network);
    if (former != NULL) {
        *id = former->id;
        return ERR_EXIST;
    }
    int err = check_ban(room, network, problem);
    if (err != 0)
        return err;
    struct ban_record record = {.id = rooms->last_ban + 1,
                                .room = room->record.id,
                                .network = network,
                                .by = by,
                                .created_ms = clock_wall_ms()};
    err = append(room, &record);
    if (err == 0) {
        err = put(room, &record, done, ctx);
        if (err != 0)
            room->ban_count--;
    }
    if (err != 0) {
        (void)snprintf(problem, ROOM_PROBLEM_MAX, "The server cannot take this now: %s.",
                       error_name(err));
        return err;
    }
    *id = rooms->last_ban = record.id;
    room_event(room, by, "ban.made", "");
    log_info("room.ban", "room=%s ban=%u by=%u", room->record.slug, record.id, by);
    origin_tell_ban(room, network, false);
    end_listeners(room, network);
    return 0;
}

int room_lift_ban(struct room *room, uint32_t id, store_done *done, void *ctx)
{
    struct ban_record *ban = NULL;
    for (unsigned i = 0; i < room->ban_count; i++)
        if (room->bans[i].id == id)
            ban = &room->bans[i];
    if (ban == NULL)
        return ERR_NOENT;
    struct ban_record record = *ban;
    record.lifted_ms = clock_wall_ms();
    struct banning *banning = new_banning(room, record.network, done, ctx);
    if (banning == NULL)
        return ERR_NOMEM;
    int err = store_put_ban(room->rooms->deps.store, &record, on_lifted, banning);
    if (err != 0)
        free(banning);
    else
        ban->lifted_ms = record.lifted_ms; /* in force until then, but not to be written as such */
    return err;
}

/* ---- at a relay ---- */

void bans_on_word(struct room *room, const struct word_ban *told)
{
    if (told->network == 0) {
        bans_clear(room);
    } else if (told->is_lifted) {
        take_out(room, told->network);
    } else if (!room_is_banned(room, told->network)) {
        struct ban_record record = {.network = told->network};
        int err = append(room, &record);
        if (err != 0)
            log_warn("tree.ban_not_kept", "room=%s error=%s", room->record.slug, error_name(err));
        end_listeners(room, told->network);
    }
}
