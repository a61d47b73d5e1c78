/* The program to relays: a seat like a listener's, but for RED, and for being counted apart. */
#include "room/cluster_internal.h"

#include "base/random.h"
#include "config/config.h"
#include "telemetry/log.h"

#include <stdlib.h>
#include <string.h>

enum {
    OPUS_TYPE = 111,
    RED_TYPE = 63,
    FEEDS_PER_NODE = 2, /* a relay that lost its way asks anew before the former one has ended */
};

unsigned feed_count(const struct room *room)
{
    unsigned count = 0;
    for (const struct feed *feed = room->feeds; feed != NULL; feed = feed->next)
        count += connection_is_up(feed->connection);
    return count;
}

static void say_bye(const struct feed *feed)
{
    struct word word = {.kind = WORD_BYE, .bye = {.ask = feed->ask}};
    memcpy(word.slug, feed->room->record.slug, sizeof(word.slug));
    cluster_say(feed->room->rooms, feed->node, &word);
}

static void end_feed(struct feed **link)
{
    struct feed *feed = *link;
    *link = feed->next;
    connection_close(feed->connection);
    free(feed);
}

void feed_end_all(struct room *room)
{
    while (room->feeds != NULL) {
        if (!room->feeds->is_lost)
            say_bye(room->feeds);
        end_feed(&room->feeds);
    }
}

/* Those whose peer is gone; not from inside the event that says so. */
void feed_sweep(struct room *room)
{
    for (struct feed **link = &room->feeds; *link != NULL;) {
        if ((*link)->is_lost)
            end_feed(link);
        else
            link = &(*link)->next;
    }
}

static void on_event(void *owner, enum connection_event event, const char *cause)
{
    struct feed *feed = owner;
    log_debug("tree.child", "room=%s child=%s event=%s cause=%s", feed->room->record.slug,
              feed->node, event == CONNECTION_UP ? "up" : "lost", cause);
    if (event == CONNECTION_UP)
        return;
    feed->is_lost = true;
    say_bye(feed);
}

/* ---- an offer ---- */

static void decline(struct room *room, const char *node, uint32_t ask, enum word_decline reason)
{
    struct word word = {.kind = WORD_DECLINE, .decline = {.ask = ask, .reason = reason}};
    memcpy(word.slug, room->record.slug, sizeof(word.slug));
    cluster_say(room->rooms, node, &word);
}

static unsigned feeds_of(struct room *room, const char *node)
{
    unsigned count = 0;
    for (const struct feed *feed = room->feeds; feed != NULL; feed = feed->next)
        count += strcmp(feed->node, node) == 0;
    return count;
}

static void make_way(struct room *room, const char *node)
{
    struct feed **oldest = NULL; /* the newest is the first */
    for (struct feed **link = &room->feeds; *link != NULL; link = &(*link)->next)
        if (strcmp((*link)->node, node) == 0)
            oldest = link;
    if (oldest != NULL)
        end_feed(oldest);
}

/* 0: fed. Else an enum word_decline. */
static unsigned check(const struct room *room, const struct word_offer *offer)
{
    unsigned level = room->relay != NULL ? room->relay->place.level : 0;
    unsigned feeds = 0;
    for (const struct feed *feed = room->feeds; feed != NULL; feed = feed->next)
        feeds++;
    if (room->rooms->closing || room->rooms->cluster->is_draining)
        return WORD_DECLINE_DRAINING;
    if (!room->media_open || (room->relay != NULL && room->relay->place.number == 0))
        return WORD_DECLINE_NOT_CARRIED;
    if (offer->level <= level)
        return WORD_DECLINE_LEVEL;
    if (room->relay != NULL && room->record.state == ROOM_LIVE && !room->relay->follow.is_hearing)
        return WORD_DECLINE_NOT_HEARING;
    return feeds >= TREE_CHILDREN_MAX ? WORD_DECLINE_FULL : 0;
}

static int open_feed(struct room *room, const char *node, const struct word_offer *offer,
                     struct peer_order *order)
{
    struct feed *feed = calloc(1, sizeof(*feed));
    if (feed == NULL)
        return ERR_NOMEM;
    feed->room = room;
    feed->ask = offer->ask;
    memcpy(feed->node, node, strlen(node) + 1);
    int err = connection_feed(&feed->connection, room, order, on_event, feed);
    if (err != 0) {
        free(feed);
        return err;
    }
    feed->next = room->feeds;
    room->feeds = feed;
    return 0;
}

static void answer(struct room *room, const char *node, const struct word_offer *offer,
                   const struct peer_order *order)
{
    const struct rooms_deps *deps = &room->rooms->deps;
    struct word word = {.kind = WORD_ANSWER,
                        .answer = {.ask = offer->ask,
                                   .ufrag = slice_text(order->local.ufrag),
                                   .pwd = slice_text(order->local.pwd),
                                   .ssrc = order->ssrc,
                                   .opus_type = OPUS_TYPE,
                                   .red_type = RED_TYPE,
                                   .candidate_count = deps->config->public_address_count}};
    memcpy(word.slug, room->record.slug, sizeof(word.slug));
    memcpy(word.answer.fingerprint, dtls_identity_fingerprint(deps->identity)->bytes,
           sizeof(word.answer.fingerprint));
    for (unsigned i = 0; i < deps->config->public_address_count; i++) {
        word.answer.candidates[i] = deps->config->public_addresses[i];
        word.answer.candidates[i].port = transport_port(deps->transport);
    }
    cluster_say(room->rooms, node, &word);
}

void feed_on_offer(struct room *room, const char *node, const struct word_offer *offer)
{
    unsigned reason = check(room, offer);
    if (reason != 0) {
        decline(room, node, offer->ask, reason);
        return;
    }
    while (feeds_of(room, node) >= FEEDS_PER_NODE)
        make_way(room, node);
    struct peer_order order = {.dtls = DTLS_SERVER,
                               .fingerprint = {.digest = DIGEST_SHA256},
                               .ssrc = random_u32(),
                               .payload_type = OPUS_TYPE,
                               .red_type = RED_TYPE,
                               .is_relay = true};
    memcpy(order.fingerprint.bytes, offer->fingerprint, sizeof(offer->fingerprint));
    int err = open_feed(room, node, offer, &order);
    if (err == 0)
        answer(room, node, offer, &order);
    else
        decline(room, node, offer->ask, WORD_DECLINE_BUSY);
}
