/* A room at its origin: its relays, and who is sent to them. */
#include "room/cluster_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/random.h"
#include "config/config.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    INVITE_US = 1000 * 1000,
    /* Of a packet of the program: RTP, its extension, SRTP's tag, UDP and IPv6; and what it bears of
     * those before it (audience/redundancy.h). */
    PACKET_OVERHEAD_BYTES = 12 + 8 + 16 + 8 + 40,
    PACKETS_PER_S = 50,
    COPIES = 3,
};

static const char invitation[] = "carry ";

/* ---- making ---- */

/* Relays seat people from when the doors are open. A room that opens later than that has none. */
static bool is_restart(const struct room *room)
{
    bool was_open = room->record.state == ROOM_DOORS_OPEN &&
                    clock_now_us() < room->resumed_us + DOOR_RESTART_US;
    return room->resumed_us != 0 && (room->record.state == ROOM_LIVE || was_open);
}

static int make_origin(struct room *room)
{
    const char *slug = room->record.slug;
    struct branches_params params = {
        .origin = directory_nodes(room->rooms->deps.directory, &(size_t){0})->id,
        .slug = slug,
        .is_restart = is_restart(room),
        .room = hash_bytes(HASH_START, slug, strlen(slug))};
    if (room->origin != NULL)
        return 0;
    struct origin *origin = calloc(1, sizeof(*origin));
    if (origin == NULL)
        return ERR_NOMEM;
    int err = branches_create(&origin->branches, &params);
    if (err != 0) {
        free(origin);
        return err;
    }
    room->origin = origin;
    return 0;
}

void origin_destroy(struct room *room)
{
    if (room->origin == NULL)
        return;
    branches_destroy(room->origin->branches);
    free(room->origin->told);
    free(room->origin);
    room->origin = NULL;
}

/* ---- what relays are told ---- */

static bool is_told(const struct origin *origin, const char *node)
{
    for (size_t i = 0; i < origin->told_count; i++)
        if (strcmp(origin->told[i], node) == 0)
            return true;
    return false;
}

static void forget_told(struct origin *origin, const char *node)
{
    for (size_t i = 0; i < origin->told_count; i++)
        if (strcmp(origin->told[i], node) == 0) {
            memcpy(origin->told[i], origin->told[--origin->told_count], sizeof(origin->told[i]));
            return;
        }
}

static void note_told(struct origin *origin, const char *node)
{
    char(*told)[NODE_ID_MAX + 1] =
        reallocarray(origin->told, origin->told_count + 1, sizeof(*told));
    if (told == NULL)
        return; /* told again with its next report */
    origin->told = told;
    memcpy(told[origin->told_count++], node, strlen(node) + 1);
}

static bool write_view(struct room *room, struct word *out)
{
    struct rooms_observer *observer = &room->rooms->observer;
    const struct room_record *record = &room->record;
    *out = (struct word){.kind = WORD_ROOM,
                         .room = {.state = (uint8_t)record->state,
                                  .mode = record->mode,
                                  .is_stereo = record->stereo,
                                  .start_ms = record->start_ms,
                                  .live_ms = record->live_ms,
                                  .ended_ms = record->ended_ms}};
    memcpy(out->slug, record->slug, sizeof(out->slug));
    if (observer->view == NULL)
        return false;
    out->room.json = observer->view(observer->ctx, room);
    return out->room.json.bytes > 0 && out->room.json.bytes <= WORD_ROOM_JSON_MAX;
}

static void say_to_all(struct room *room, const struct word *word)
{
    for (size_t i = 0; i < room->origin->told_count; i++)
        cluster_say(room->rooms, room->origin->told[i], word);
}

void origin_tell_room(struct room *room)
{
    struct word word;
    if (!room_has_relays(room))
        return;
    if (write_view(room, &word))
        say_to_all(room, &word);
}

bool room_has_relays(const struct room *room)
{
    return room->origin != NULL && room->origin->told_count > 0;
}

void room_tell_relays(struct room *room, enum word_news kind, struct slice json)
{
    struct word word = {.kind = WORD_NEWS, .news = {.kind = kind, .json = json}};
    if (!room_has_relays(room) || json.bytes == 0 || json.bytes > WORD_NEWS_JSON_MAX)
        return;
    memcpy(word.slug, room->record.slug, sizeof(word.slug));
    say_to_all(room, &word);
}

static struct word ban_word(const struct room *room, uint64_t network, bool is_lifted)
{
    struct word word = {.kind = WORD_BAN, .ban = {network, is_lifted}};
    memcpy(word.slug, room->record.slug, sizeof(word.slug));
    return word;
}

void origin_tell_ban(struct room *room, uint64_t network, bool is_lifted)
{
    struct word word = ban_word(room, network, is_lifted);
    if (room_has_relays(room))
        say_to_all(room, &word);
}

/* What was lifted while they could not hear it is forgotten first. */
static void tell_bans(struct room *room, const char *node)
{
    struct word word = ban_word(room, 0, true);
    unsigned count;
    const struct ban_record *bans = room_bans(room, &count);
    cluster_say(room->rooms, node, &word);
    for (unsigned i = 0; i < count; i++) {
        word = ban_word(room, bans[i].network, false);
        cluster_say(room->rooms, node, &word);
    }
}

static void tell_newcomer(struct room *room, const char *node)
{
    struct word word;
    if (is_told(room->origin, node) || !write_view(room, &word))
        return;
    tell_bans(room, node);
    cluster_say(room->rooms, node, &word);
    note_told(room->origin, node);
    room->audience_changed = true;
}

/* ---- what they say ---- */

static void refuse_relay(struct room *room, const char *node, enum word_over reason)
{
    struct word word = {.kind = WORD_OVER, .over = reason};
    memcpy(word.slug, room->record.slug, sizeof(word.slug));
    cluster_say(room->rooms, node, &word);
}

static void take_report(struct room *room, const char *node, const struct word_report *report,
                        uint64_t now_us)
{
    int err = make_origin(room);
    if (err == 0)
        err = branches_take_report(room->origin->branches, node, report, now_us);
    if (err != 0) {
        log_warn("tree.relay_refused", "room=%s relay=%s error=%s", room->record.slug, node,
                 error_name(err));
        refuse_relay(room, node, WORD_OVER_NOT_WANTED);
        return;
    }
    tell_newcomer(room, node);
}

void origin_on_word(struct room *room, const char *node, const struct word *word, uint64_t now_us)
{
    switch (word->kind) {
    case WORD_REPORT:
        take_report(room, node, &word->report, now_us);
        return;
    case WORD_LEAVE:
        if (room->origin == NULL)
            return;
        branches_left(room->origin->branches, node, now_us);
        forget_told(room->origin, node);
        return;
    case WORD_OFFER:
        feed_on_offer(room, node, &word->offer);
        return;
    case WORD_ROOM:
    case WORD_NEWS:
    case WORD_PLACE:
    case WORD_GRANT:
    case WORD_OVER:
    case WORD_ANSWER:
    case WORD_DECLINE:
    case WORD_BYE:
    case WORD_BAN: /* for relays */
        return;
    }
}

static void count_people(struct room *room, uint64_t now_us)
{
    struct branches_counts counts;
    branches_counts(room->origin->branches, now_us, &counts);
    room->audience_changed |= memcmp(&counts, &room->origin->counts, sizeof(counts)) != 0;
    room->origin->counts = counts;
}

void origin_on_link(struct room *room, const char *node, bool is_up, uint64_t now_us)
{
    if (room->origin == NULL)
        return;
    forget_told(room->origin,
                node); /* told again with its next report: a word may have been lost */
    if (is_up)
        return;
    branches_lost(room->origin->branches, node, now_us);
    count_people(room, now_us); /* its people are here at once */
}

/* ---- in time ---- */

struct telling {
    struct room *room;
};

static void say(void *ctx, const char *node, const struct word *word)
{
    struct telling *telling = ctx;
    cluster_say(telling->room->rooms, node, word);
}

static struct branches_look look_at(const struct room *room)
{
    static uint32_t ages_ms[DIRECTORY_NODES_MAX]; /* control thread only */
    const struct directory *directory = room->rooms->deps.directory;
    struct branches_look look = {.cap = room_cap(room),
                                 .own_taken = room->door != NULL ? door_taken(room->door) : 0,
                                 .takes_newcomers = room_takes_newcomers(room),
                                 .ages_ms = ages_ms};
    uint64_t packet_bytes = room->record.program_bps / 8 / PACKETS_PER_S;
    look.relay_bps = (packet_bytes * COPIES + PACKET_OVERHEAD_BYTES) * 8 * PACKETS_PER_S;
    look.nodes = directory_nodes(directory, &look.count);
    if (look.count > DIRECTORY_NODES_MAX)
        look.count = DIRECTORY_NODES_MAX;
    for (size_t i = 0; i < look.count; i++)
        ages_ms[i] = directory_node_age_ms(directory, look.nodes[i].id);
    return look;
}

static void invite(struct room *room, const struct branches_look *look, uint64_t now_us)
{
    struct origin *origin = room->origin;
    if (now_us < origin->invited_us + INVITE_US)
        return;
    for (size_t i = 1; i < look->count; i++) {
        char text[sizeof(invitation) + NODE_ID_MAX];
        if (!branches_wants(origin->branches, look->nodes[i].id))
            continue;
        (void)snprintf(text, sizeof(text), "%s%s", invitation, look->nodes[i].id);
        int err =
            directory_publish(room->rooms->deps.directory, room->record.slug, slice_text(text));
        log_info("tree.invited", "room=%s node=%s error=%s", room->record.slug, look->nodes[i].id,
                 err == 0 ? "none" : error_name(err));
        origin->invited_us = now_us;
    }
}

static bool is_invitation_to(struct slice text, const char *node)
{
    size_t bytes = sizeof(invitation) - 1;
    return text.bytes == bytes + strlen(node) && memcmp(text.data, invitation, bytes) == 0 &&
           memcmp(text.data + bytes, node, strlen(node)) == 0;
}

bool origin_is_invitation(struct slice text, const char *node)
{
    return is_invitation_to(text, node);
}

void origin_step(struct room *room, uint64_t now_us)
{
    bool is_on = room->record.state == ROOM_DOORS_OPEN || room->record.state == ROOM_LIVE;
    if (room->origin == NULL && (!is_on || make_origin(room) != 0))
        return;
    struct branches_look look = look_at(room);
    struct telling telling = {room};
    room->origin->cap = look.cap;
    int err = branches_step(room->origin->branches, &look, now_us, say, &telling);
    if (err != 0)
        log_warn("tree.not_stepped", "room=%s error=%s", room->record.slug, error_name(err));
    feed_sweep(room);
    invite(room, &look, now_us);
    count_people(room, now_us);
}

/* ---- for the door ---- */

void origin_heed_cap(struct room *room, uint64_t now_us)
{
    if (room->origin != NULL && room->origin->cap != room_cap(room))
        origin_step(room, now_us);
}

static bool has_lost_seats(const struct room *room)
{
    struct branches_relay relay;
    if (room->origin->counts.silent == 0)
        return false;
    for (size_t at = 0; branches_next(room->origin->branches, &at, &relay);)
        if (relay.is_silent && relay.block > 0)
            return true;
    return false;
}

void origin_add_rules(const struct room *room, struct door_rules *rules)
{
    if (room->origin == NULL)
        return;
    if (rules->cap != DOOR_NO_CAP)
        rules->cap = branches_own_cap(room->origin->branches, rules->cap);
    rules->elsewhere = branches_free_elsewhere(room->origin->branches);
    rules->lost_elsewhere = has_lost_seats(room) ? 1 : 0;
}

void origin_seated(struct room *room, const struct door_rules *rules)
{
    if (rules->lost_elsewhere > 0 && rules->cap != DOOR_NO_CAP &&
        door_taken(room->door) > rules->cap)
        (void)branches_take_back(room->origin->branches, NULL);
}

bool origin_choose(struct room *room, bool can_keep, bool is_returning, const char *region,
                   struct elsewhere *out)
{
    struct branches_ask ask = {.region = region,
                               .is_returning = is_returning,
                               .can_keep = can_keep,
                               .dice = (uint64_t)random_u32() << 32 | random_u32()};
    struct branches_target target;
    if (room->origin == NULL || !branches_choose(room->origin->branches, &ask, &target))
        return false;
    (void)snprintf(out->url, sizeof(out->url), "%s", target.url);
    return true;
}

const struct branches *room_branches(const struct room *room)
{
    return room->origin != NULL ? room->origin->branches : NULL;
}

void origin_counts(const struct room *room, struct branches_counts *out)
{
    *out = room->origin != NULL ? room->origin->counts : (struct branches_counts){0};
}
