/* A room whose origin is another node: what that says of it, the seats it grants, and what is reported to it. */
#include "room/cluster_internal.h"

#include "base/clock.h"
#include "config/config.h"
#include "room/presence.h"
#include "telemetry/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    REPORT_US = 1000 * 1000,
    REPORT_SOON_US = 100 * 1000, /* changes are told no more often */
    EMPTY_US = 30 * 1000 * 1000, /* a room in which nobody sits is kept so long */
    LOCATE_US = 1000 * 1000,
};

/* ---- beginning and end ---- */

struct room *relay_find(struct rooms *rooms, const char *slug)
{
    struct cluster *cluster = rooms->cluster;
    for (size_t i = 0; cluster != NULL && i < cluster->relayed_count; i++) {
        struct room *room = cluster->relayed[i];
        if (room->relay->is_active && strcmp(room->record.slug, slug) == 0)
            return room;
    }
    return NULL;
}

static int new_room(struct rooms *rooms, struct room **out)
{
    struct cluster *cluster = rooms->cluster;
    if (cluster->relayed_count >= RELAYED_MAX)
        return ERR_FULL;
    struct room *room = calloc(1, sizeof(*room));
    struct relay *relay = calloc(1, sizeof(*relay));
    if (room == NULL || relay == NULL) {
        free(room);
        free(relay);
        return ERR_NOMEM;
    }
    room->rooms = rooms;
    room->relay = relay;
    room->record.id = ROOMS_MAX + 1 + (uint32_t)cluster->relayed_count;
    cluster->relayed[cluster->relayed_count++] = room;
    *out = room;
    return 0;
}

/* One that was left, and of which the upstream knows nothing any more. */
static int take_room(struct rooms *rooms, struct room **out)
{
    struct cluster *cluster = rooms->cluster;
    for (size_t i = 0; i < cluster->relayed_count; i++) {
        *out = cluster->relayed[i];
        if (!(*out)->relay->is_active && !(*out)->relay->follow.is_open)
            return 0;
    }
    return new_room(rooms, out);
}

static void want_origin(struct room *room, const char *origin)
{
    struct rooms *rooms = room->rooms;
    const struct node_view *view = directory_node(rooms->deps.directory, origin);
    memcpy(room->relay->origin, origin, strlen(origin) + 1);
    if (view != NULL)
        rooms->cluster->links.want(rooms->cluster->links.ctx, origin, view->url);
}

int relay_begin(struct rooms *rooms, const char *slug, const char *origin)
{
    struct room *room;
    if (directory_node(rooms->deps.directory, origin) == NULL)
        return ERR_NOENT;
    int err = take_room(rooms, &room);
    if (err != 0)
        return err;
    struct relay *relay = room->relay;
    uint32_t id = room->record.id;
    room->record = (struct room_record){.id = id, .state = ROOM_SCHEDULED};
    memcpy(room->record.slug, slug, strlen(slug) + 1);
    relay->is_active = true;
    relay->empty_us = clock_now_us();
    want_origin(room, origin);
    log_info("tree.relay", "room=%s origin=%s", slug, origin);
    if (rooms->cluster->links.is_up(rooms->cluster->links.ctx, origin))
        relay->must_report = true;
    return 0;
}

static void release_parents(struct room *room, const struct word_place *place)
{
    const struct rooms_links *links = &room->rooms->cluster->links;
    for (unsigned i = 0; i < place->count; i++)
        links->release(links->ctx, place->parents[i].id);
}

static void close_media(struct room *room)
{
    room_end_connections(room, true, room->record.state >= ROOM_ENDED ? "over" : "moved");
    room_close_door(room);
    feed_end_all(room);
    follow_end(room);
    if (room->media_open)
        transport_close_room(room->rooms->deps.transport, room->record.id);
    room->media_open = false;
    room->close_media_us = 0;
}

void relay_leave(struct room *room)
{
    struct relay *relay = room->relay;
    const struct rooms_links *links = &room->rooms->cluster->links;
    struct rooms_observer *observer = &room->rooms->observer;
    if (!relay->is_active)
        return;
    log_info("tree.relay_left", "room=%s origin=%s", room->record.slug, relay->origin);
    if (observer->on_leaving != NULL)
        observer->on_leaving(observer->ctx, room, true);
    close_media(room);
    release_parents(room, &relay->place);
    links->release(links->ctx, relay->origin);
    bans_clear(room);
    free(relay->view);
    free(relay->audience);
    *relay = (struct relay){.follow = relay->follow};
    room->record.slug[0] = '\0';
}

void relay_destroy(struct room *room)
{
    if (room->relay == NULL)
        return;
    free(room->relay->view);
    free(room->relay->audience);
    free(room->relay);
}

/* ---- what the origin says ---- */

static void keep_text(char **kept, struct slice text)
{
    char *copy = malloc(text.bytes + 1);
    if (copy == NULL)
        return; /* the former one stays */
    memcpy(copy, text.data, text.bytes);
    copy[text.bytes] = '\0';
    free(*kept);
    *kept = copy;
}

static struct slice lend_text(const char *kept)
{
    return kept != NULL ? slice_text(kept) : slice_of(NULL, 0);
}

struct slice room_told_view(const struct room *room)
{
    return lend_text(room->relay->view);
}

struct slice room_told_audience(const struct room *room)
{
    return lend_text(room->relay->audience);
}

bool room_is_known(const struct room *room)
{
    return room->relay == NULL || room->relay->is_known;
}

static void open_media(struct room *room)
{
    enum room_state state = room->record.state;
    if (room->media_open || (state != ROOM_DOORS_OPEN && state != ROOM_LIVE))
        return;
    int err = transport_open_room(room->rooms->deps.transport, room->record.id);
    if (err != 0)
        log_warn("tree.not_opened", "room=%s error=%s", room->record.slug, error_name(err));
    else
        room->media_open = true; /* else again with the next tick */
}

static void take_view(struct room *room, const struct word_room *told, uint64_t now_us)
{
    struct room_record *record = &room->record;
    bool was_live = record->state == ROOM_LIVE;
    if (told->state > ROOM_CANCELLED) {
        log_warn("tree.bad_state", "room=%s state=%u", record->slug, told->state);
        return;
    }
    record->state = (enum room_state)told->state;
    record->mode = told->mode;
    record->stereo = told->is_stereo;
    record->start_ms = told->start_ms;
    record->live_ms = told->live_ms;
    record->ended_ms = told->ended_ms;
    keep_text(&room->relay->view, told->json);
    room->relay->is_known = room->relay->view != NULL;
    open_media(room);
    if (record->state == ROOM_LIVE && !was_live)
        follow_expect(room, now_us);
    room_tell(room);
}

static void take_news(struct room *room, const struct word_message *news)
{
    struct rooms_observer *observer = &room->rooms->observer;
    if (news->kind == WORD_NEWS_AUDIENCE) {
        keep_text(&room->relay->audience, news->json);
        room->audience_changed = true;
    } else if (observer->on_message != NULL) {
        observer->on_message(observer->ctx, room, news->json);
    }
}

static void take_place(struct room *room, const struct word_place *place, uint64_t now_us)
{
    const struct rooms_links *links = &room->rooms->cluster->links;
    struct word_place former = room->relay->place;
    if (place->number <= former.number)
        return;
    for (unsigned i = 0; i < place->count; i++)
        links->want(links->ctx, place->parents[i].id, place->parents[i].url);
    release_parents(room, &former);
    room->relay->place = *place;
    room->relay->must_report = true;
    follow_parents(room, now_us);
}

static void take_grant(struct room *room, const struct word_grant *grant)
{
    if (grant->number <= room->relay->grant.number)
        return;
    room->relay->grant = *grant;
    room->relay->is_granted = room->relay->must_report = true;
}

void relay_on_word(struct room *room, const char *node, const struct word *word, uint64_t now_us)
{
    bool is_origin = strcmp(node, room->relay->origin) == 0;
    switch (word->kind) {
    case WORD_ROOM:
        if (is_origin)
            take_view(room, &word->room, now_us);
        return;
    case WORD_NEWS:
        if (is_origin)
            take_news(room, &word->news);
        return;
    case WORD_PLACE:
        if (is_origin)
            take_place(room, &word->place, now_us);
        return;
    case WORD_GRANT:
        if (!is_origin)
            return;
        take_grant(room, &word->grant);
        return;
    case WORD_BAN:
        if (is_origin)
            bans_on_word(room, &word->ban);
        return;
    case WORD_OVER:
        if (is_origin)
            relay_leave(room);
        return;
    case WORD_ANSWER:
        follow_on_answer(room, node, &word->answer, now_us);
        return;
    case WORD_DECLINE:
        follow_on_decline(room, node, word->decline.ask, now_us);
        return;
    case WORD_BYE:
        follow_on_bye(room, node, word->bye.ask, now_us);
        return;
    case WORD_OFFER:
        feed_on_offer(room, node, &word->offer);
        return;
    case WORD_REPORT:
    case WORD_LEAVE: /* for origins */
        return;
    }
}

void relay_on_link(struct room *room, const char *node, bool is_up, uint64_t now_us)
{
    bool is_origin = strcmp(node, room->relay->origin) == 0;
    if (!room->relay->is_active)
        return;
    if (is_origin && !is_up) { /* it may be another process that calls back */
        room->relay->is_granted = false;
        room->relay->grant.number = 0;
    }
    if (!is_up)
        return;
    room->relay->must_report |= is_origin;
    room->relay->follow.until_us =
        room->relay->follow.state == FOLLOW_IDLE ? now_us : room->relay->follow.until_us;
}

/* ---- what is reported ---- */

static void report(struct room *room, uint64_t now_us)
{
    struct relay *relay = room->relay;
    const struct follow *follow = &relay->follow;
    struct word word = {
        .kind = WORD_REPORT,
        .report = {.grant = relay->grant.number,
                   .seats = relay->grant.seats,
                   .seated = room->door != NULL ? door_taken(room->door) : 0,
                   .connected = room->connected,
                   .hearing = room->hearing,
                   .turned_away = room->turned_away_before,
                   .place = relay->place.number,
                   .level = relay->place.number != 0 ? relay->place.level : WORD_LEVEL_NONE,
                   .children = feed_count(room),
                   .is_hearing = follow->is_hearing ||
                                 (follow->parent[0] != '\0' && room->record.state != ROOM_LIVE)}};
    memcpy(word.slug, room->record.slug, sizeof(word.slug));
    memcpy(word.report.parent, follow->parent, sizeof(word.report.parent));
    rooms_describe(room->rooms, &word.report.view);
    memcpy(word.report.view.region, room->rooms->deps.config->region,
           sizeof(word.report.view.region));
    if (word.report.seats < word.report.seated)
        word.report.seats = word.report.seated; /* they stay, whatever was granted since */
    cluster_say(room->rooms, relay->origin, &word);
    relay->reported_us = now_us;
    relay->must_report = false;
}

static void tick_report(struct room *room, uint64_t now_us)
{
    const struct rooms_links *links = &room->rooms->cluster->links;
    uint64_t since_us = now_us - room->relay->reported_us;
    bool is_due = since_us >= (room->relay->must_report ? REPORT_SOON_US : REPORT_US);
    if (is_due && links->is_up(links->ctx, room->relay->origin))
        report(room, now_us);
}

static void leave_if_empty(struct room *room, uint64_t now_us)
{
    struct relay *relay = room->relay;
    bool is_empty = (room->door == NULL || door_taken(room->door) == 0) && room->feeds == NULL;
    if (!is_empty)
        relay->empty_us = 0;
    else if (relay->empty_us == 0)
        relay->empty_us = now_us;
    if (is_empty && (room->rooms->cluster->is_draining || now_us - relay->empty_us >= EMPTY_US)) {
        struct word word = {.kind = WORD_LEAVE};
        memcpy(word.slug, room->record.slug, sizeof(word.slug));
        cluster_say(room->rooms, relay->origin, &word);
        relay_leave(room);
    }
}

/* The room may have got another origin: then that one is asked. */
static void locate_origin(struct room *room)
{
    struct directory_origin now;
    const struct rooms_links *links = &room->rooms->cluster->links;
    enum directory_answer answer =
        directory_find(room->rooms->deps.directory, room->record.slug, &now);
    if (answer != DIRECTORY_FOUND || now.is_self || strcmp(now.node, room->relay->origin) == 0)
        return;
    links->release(links->ctx, room->relay->origin);
    want_origin(room, now.node);
    log_info("tree.origin_moved", "room=%s origin=%s", room->record.slug, room->relay->origin);
}

void relay_tick(struct room *room, uint64_t now_us)
{
    if (!room->relay->is_active)
        return;
    open_media(room);
    room_tick_door(room, now_us);
    feed_sweep(room);
    follow_tick(room, now_us);
    locate_origin(room);
    tick_report(room, now_us);
    if (room->media_open && room->record.state >= ROOM_ENDED) {
        if (room->close_media_us == 0)
            room->close_media_us = now_us + ROOM_CLOSE_MEDIA_AFTER_US;
        else if (now_us >= room->close_media_us)
            close_media(room);
    }
    leave_if_empty(room, now_us);
}

/* ---- for the operator ---- */

const struct room *rooms_next_relayed(const struct rooms *rooms, size_t *at, struct relay_view *out)
{
    const struct cluster *cluster = rooms->cluster;
    while (cluster != NULL && *at < cluster->relayed_count) {
        const struct room *room = cluster->relayed[(*at)++];
        const struct relay *relay = room->relay;
        if (!relay->is_active)
            continue;
        *out = (struct relay_view){.origin = relay->origin,
                                   .parent = relay->follow.parent,
                                   .level = relay->place.number != 0 ? relay->place.level : 0,
                                   .children = feed_count(room),
                                   .reserves = relay->place.count > 0 ? relay->place.count - 1 : 0,
                                   .seats = relay->grant.seats,
                                   .seated = room->door != NULL ? door_taken(room->door) : 0,
                                   .is_hearing = relay->follow.is_hearing,
                                   .counts = relay->follow.counts};
        return room;
    }
    return NULL;
}

/* ---- for the door ---- */

bool relay_is_open(const struct room *room)
{
    return room->relay->is_known && room->media_open && room->relay->follow.parent[0] != '\0';
}

void relay_add_rules(const struct room *room, struct door_rules *rules)
{
    rules->has_no_line = true;
    rules->cap = room->relay->is_granted ? room->relay->grant.seats : 0;
    rules->returning_only = !room->relay->grant.takes_newcomers;
    rules->is_ending = room->rooms->cluster->is_draining;
    rules->is_open = rules->is_open && relay_is_open(room) && !rules->is_ending;
}
