#include "room/cluster_internal.h"

#include "base/clock.h"
#include "base/hash.h"
#include "config/config.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- all rooms ---- */

size_t rooms_all_count(const struct rooms *rooms)
{
    return rooms->count + (rooms->cluster != NULL ? rooms->cluster->relayed_count : 0);
}

struct room *rooms_all_at(const struct rooms *rooms, size_t index)
{
    return index < rooms->count ? rooms->list[index]
                                : rooms->cluster->relayed[index - rooms->count];
}

bool room_is_relayed(const struct room *room)
{
    return room->relay != NULL;
}

uint32_t room_ticket_number(const struct room *room)
{
    const char *slug = room->record.slug;
    return room->rooms->cluster != NULL ? (uint32_t)hash_bytes(HASH_START, slug, strlen(slug))
                                        : room->record.id;
}

/* ---- the directory ---- */

static bool is_kept(const struct room *room)
{
    return room->record.slug[0] != '\0';
}

void cluster_claim(struct room *room)
{
    struct rooms *rooms = room->rooms;
    if (rooms->cluster == NULL || !is_kept(room))
        return;
    int err = directory_claim(rooms->deps.directory, room->record.slug, 0);
    if (err != 0)
        log_warn("tree.not_claimed", "room=%s error=%s", room->record.slug, error_name(err));
}

void cluster_release(struct room *room)
{
    if (room->rooms->cluster != NULL && is_kept(room))
        directory_release(room->rooms->deps.directory, room->record.slug);
}

static void on_claimed(void *ctx, const char *slug, uint64_t fence)
{
    struct rooms *rooms = ctx;
    struct room *carried = relay_find(rooms, slug);
    if (carried != NULL) /* of the node that had the room; its people are told to ask anew */
        relay_leave(carried);
    for (size_t i = 0; i < rooms->count; i++)
        if (strcmp(rooms->list[i]->record.slug, slug) == 0)
            rooms->list[i]->is_foreign = false;
    log_info("tree.origin", "room=%s fence=%llu", slug, (unsigned long long)fence);
}

/* Another node has a room of this name: here it is as if it were not there, until that one lets go. */
static void on_lost(void *ctx, const char *slug, const struct directory_origin *origin)
{
    struct rooms *rooms = ctx;
    struct room *room = rooms_find(rooms, slug);
    log_warn("tree.origin_lost", "room=%s origin=%s", slug, origin->node);
    if (room == NULL || room->relay != NULL)
        return;
    room->is_foreign = true;
    if (rooms->observer.on_leaving != NULL)
        rooms->observer.on_leaving(rooms->observer.ctx, room, true);
    room_end_connections(room, true, "moved");
    feed_end_all(room);
}

static void on_event(void *ctx, const struct directory_event *event)
{
    struct rooms *rooms = ctx;
    struct directory_origin origin;
    const char *self = directory_nodes(rooms->deps.directory, &(size_t){0})->id;
    if (!origin_is_invitation(event->data, self) || rooms_find(rooms, event->topic) != NULL ||
        rooms->cluster->is_draining ||
        directory_find(rooms->deps.directory, event->topic, &origin) != DIRECTORY_FOUND ||
        strcmp(origin.node, event->sender) != 0)
        return;
    int err = relay_begin(rooms, event->topic, origin.node);
    if (err != 0)
        log_warn("tree.not_carried", "room=%s error=%s", event->topic, error_name(err));
}

enum whereabouts rooms_locate(struct rooms *rooms, const char *slug, char url[NODE_URL_MAX + 1])
{
    const struct room *room = rooms_find(rooms, slug);
    struct directory_origin origin;
    const struct node_view *view;
    if (room != NULL && room->relay == NULL)
        return ROOM_HERE;
    if (rooms->cluster == NULL)
        return ROOM_NOWHERE;
    switch (directory_find(rooms->deps.directory, slug, &origin)) {
    case DIRECTORY_FOUND:
        view = directory_node(rooms->deps.directory, origin.node);
        if (view == NULL || origin.is_self)
            break;
        memcpy(url, view->url, sizeof(view->url));
        return ROOM_ELSEWHERE;
    case DIRECTORY_AWAY:
        return ROOM_AWAY;
    case DIRECTORY_UNKNOWN:
        return ROOM_UNKNOWN;
    case DIRECTORY_NONE:
        break;
    }
    return ROOM_NOWHERE;
}

/* ---- links ---- */

static void want(void *ctx, const char *node, const char *url)
{
    (void)ctx;
    (void)node;
    (void)url;
}

static void release(void *ctx, const char *node)
{
    (void)ctx;
    (void)node;
}

static int say(void *ctx, const char *node, struct slice word)
{
    (void)ctx;
    (void)node;
    (void)word;
    return ERR_NOENT;
}

static bool is_up(void *ctx, const char *node)
{
    (void)ctx;
    (void)node;
    return false;
}

void rooms_connect(struct rooms *rooms, const struct rooms_links *links)
{
    static const struct rooms_links none = {NULL, want, release, say, is_up};
    if (rooms->cluster != NULL)
        rooms->cluster->links = links != NULL ? *links : none;
}

void cluster_say(struct rooms *rooms, const char *node, const struct word *word)
{
    static uint8_t bytes[WORD_BYTES_MAX]; /* control thread only */
    struct writer out = writer_of(bytes, sizeof(bytes));
    const struct rooms_links *links = &rooms->cluster->links;
    int err = word_write(&out, word);
    if (err == 0)
        err = links->say(links->ctx, node, slice_of(bytes, out.at));
    if (err != 0)
        log_debug("tree.not_said", "room=%s node=%s word=%s error=%s", word->slug, node,
                  word_kind_name(word->kind), error_name(err));
}

void rooms_on_link(struct rooms *rooms, const char *node, bool is_up_now)
{
    uint64_t now_us = clock_now_us();
    for (size_t i = 0; i < rooms_all_count(rooms); i++) {
        struct room *room = rooms_all_at(rooms, i);
        if (room->relay != NULL)
            relay_on_link(room, node, is_up_now, now_us);
        else
            origin_on_link(room, node, is_up_now, now_us);
    }
}

static void refuse_stranger(struct rooms *rooms, const char *node, const struct word *word)
{
    struct word over = {.kind = WORD_OVER, .over = WORD_OVER_NOT_ORIGIN};
    struct word decline = {.kind = WORD_DECLINE,
                           .decline = {.ask = word->kind == WORD_OFFER ? word->offer.ask : 0,
                                       .reason = WORD_DECLINE_NOT_CARRIED}};
    memcpy(over.slug, word->slug, sizeof(over.slug));
    memcpy(decline.slug, word->slug, sizeof(decline.slug));
    if (word->kind == WORD_REPORT)
        cluster_say(rooms, node, &over);
    else if (word->kind == WORD_OFFER)
        cluster_say(rooms, node, &decline);
}

void rooms_on_word(struct rooms *rooms, const char *node, struct slice bytes)
{
    struct word word;
    if (word_read(&word, bytes) != 0) {
        log_warn("tree.bad_word", "node=%s bytes=%zu", node, bytes.bytes);
        return;
    }
    struct room *room = rooms_find(rooms, word.slug);
    if (room == NULL)
        refuse_stranger(rooms, node, &word);
    else if (room->relay != NULL)
        relay_on_word(room, node, &word, clock_now_us());
    else
        origin_on_word(room, node, &word, clock_now_us());
}

/* ---- the upstream ---- */

static void on_upstream_event(void *ctx, const struct upstream_event *event)
{
    struct rooms *rooms = ctx;
    struct room *room = rooms_by_id(rooms, event->room);
    if (room != NULL && room->relay != NULL)
        follow_on_event(room, event, clock_now_us());
}

void cluster_on_upstream(struct rooms *rooms)
{
    if (rooms->deps.upstream != NULL)
        upstream_drain(rooms->deps.upstream, on_upstream_event, rooms);
}

/* ---- life ---- */

void cluster_destroy(struct rooms *rooms)
{
    if (rooms->cluster == NULL)
        return;
    directory_observe(rooms->deps.directory, &(struct directory_observer){0});
    for (size_t i = 0; i < rooms->cluster->relayed_count; i++)
        room_destroy(rooms->cluster->relayed[i]);
    free(rooms->cluster);
    rooms->cluster = NULL;
}

int cluster_create(struct rooms *rooms)
{
    if (rooms->deps.upstream == NULL)
        return 0;
    rooms->cluster = calloc(1, sizeof(*rooms->cluster));
    if (rooms->cluster == NULL)
        return ERR_NOMEM;
    rooms_connect(rooms, NULL);
    struct directory_observer observer = {
        .ctx = rooms, .on_claimed = on_claimed, .on_lost = on_lost, .on_event = on_event};
    directory_observe(rooms->deps.directory, &observer);
    for (size_t i = 0; i < rooms->count; i++)
        cluster_claim(rooms->list[i]);
    return 0;
}

/* The other node has let go of it: nobody has this room now. */
static void claim_again(struct room *room)
{
    struct directory_origin origin;
    if (directory_find(room->rooms->deps.directory, room->record.slug, &origin) == DIRECTORY_NONE)
        cluster_claim(room);
}

void cluster_tick(struct rooms *rooms, uint64_t now_us)
{
    struct cluster *cluster = rooms->cluster;
    if (cluster == NULL)
        return;
    for (size_t i = 0; i < rooms->count; i++) {
        if (rooms->list[i]->is_foreign)
            claim_again(rooms->list[i]);
        else
            origin_step(rooms->list[i], now_us);
    }
    for (size_t i = 0; i < cluster->relayed_count; i++)
        relay_tick(cluster->relayed[i], now_us);
}

void rooms_drain_listeners(struct rooms *rooms)
{
    struct cluster *cluster = rooms->cluster;
    if (cluster == NULL)
        return;
    cluster->is_draining = true;
    for (size_t i = 0; i < cluster->relayed_count; i++) {
        struct room *room = cluster->relayed[i];
        if (!room->relay->is_active)
            continue;
        room->relay->must_report = true;
        if (rooms->observer.on_leaving != NULL)
            rooms->observer.on_leaving(rooms->observer.ctx, room, false);
    }
}

bool rooms_are_drained(const struct rooms *rooms)
{
    const struct cluster *cluster = rooms->cluster;
    for (size_t i = 0; cluster != NULL && i < cluster->relayed_count; i++)
        if (cluster->relayed[i]->relay->is_active)
            return false;
    return true;
}
