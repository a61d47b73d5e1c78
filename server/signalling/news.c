/* news.c - a room's state to all who watch it: written once, marked for each. */
#include "signalling/visitors.h"

#include "base/clock.h"
#include "base/random.h"
#include "room/cluster.h"
#include "signalling/clients.h"
#include "signalling/texts.h"
#include "signalling/views.h"
#include "signalling/whip.h"

#include <libwebsockets.h>
#include <stdlib.h>
#include <string.h>

enum {
    /* Who is asked to go: as many in a second come to other nodes, but nobody waits longer than the most. */
    MOVED_PER_S = 200,
    MOVE_LEAST_MS = 500, /* till then the origin knows that nobody is to be sent here */
    MOVE_MOST_MS = 8000,
    MOVE_AT_ONCE_MS = 500,
};

static json_t *state_of(const struct room *room, enum news news)
{
    switch (news) {
    case NEWS_ROOM:
        return view_room_message(room);
    case NEWS_ROSTER:
        return view_roster_message(room);
    case NEWS_AUDIENCE:
        return view_audience_message(room);
    case NEWS_LEVELS: /* a moment, not a state */
    case NEWS_COUNT:
        break;
    }
    return NULL;
}

static bool is_for_hosts(enum news news)
{
    return news == NEWS_ROSTER || news == NEWS_LEVELS;
}

struct watchers *watchers_of(struct signalling *signalling, struct room *room)
{
    struct watchers *watchers = room_watchers(room);
    if (watchers != NULL)
        return watchers;
    watchers = calloc(1, sizeof(*watchers));
    if (watchers == NULL)
        return NULL;
    watchers->signalling = signalling;
    watchers->room = room;
    watchers->next = signalling->watchers;
    signalling->watchers = watchers;
    room_set_watchers(room, watchers);
    return watchers;
}

void visitors_free_watchers(struct signalling *signalling)
{
    while (signalling->watchers != NULL) {
        struct watchers *watchers = signalling->watchers;
        signalling->watchers = watchers->next;
        room_set_watchers(watchers->room, NULL);
        for (unsigned i = 0; i < NEWS_COUNT; i++)
            text_unref(watchers->latest[i]);
        free(watchers);
    }
}

void visitor_join(struct visitor *visitor, struct watchers *watchers)
{
    visitor->watchers = watchers;
    visitor->link = visitor->host != 0 ? &watchers->hosts : &watchers->listeners;
    visitor->next = *visitor->link;
    if (visitor->next != NULL)
        visitor->next->link = &visitor->next;
    *visitor->link = visitor;
    client_wait(visitor->client, CLIENT_BUSY);
    if (visitor->host != 0) {
        familiar_note(&watchers->signalling->familiar, &visitor->client->from, clock_now_us());
        room_host_appears(watchers->room, visitor->host);
    } else {
        watchers->listener_count++;
    }
}

void visitor_leave(struct visitor *visitor)
{
    struct watchers *watchers = visitor->watchers;
    if (watchers == NULL)
        return;
    if (watchers->turn == visitor)
        watchers->turn = visitor->next;
    *visitor->link = visitor->next;
    if (visitor->next != NULL)
        visitor->next->link = visitor->link;
    visitor->watchers = NULL;
    if (visitor->host != 0)
        room_host_leaves(watchers->room, visitor->host);
    else
        watchers->listener_count--;
}

void watchers_refresh(struct watchers *watchers, enum news news)
{
    if (watchers->latest[news] == NULL)
        watchers->latest[news] = text_of(state_of(watchers->room, news));
}

static void tell_all(struct visitor *list, enum news news)
{
    for (struct visitor *visitor = list; visitor != NULL; visitor = visitor->next)
        visitor_tell(visitor, news);
}

static void tell_some(struct watchers *watchers)
{
    for (unsigned i = 0; i < VISITORS_TOLD_PER_TICK && watchers->untold > 0; i++) {
        if (watchers->turn == NULL)
            watchers->turn = watchers->listeners;
        if (watchers->turn == NULL)
            return;
        visitor_tell(watchers->turn, NEWS_AUDIENCE);
        watchers->turn = watchers->turn->next;
        watchers->untold--;
    }
}

void visitors_tell_some(struct signalling *signalling)
{
    for (struct watchers *at = signalling->watchers; at != NULL; at = at->next)
        tell_some(at);
}

/* Replaces the latest by `text` (taken) and marks it for everybody whom it concerns. */
static void spread(struct watchers *watchers, enum news news, struct text *text)
{
    text_unref(watchers->latest[news]);
    watchers->latest[news] = text;
    tell_all(watchers->hosts, news);
    if (news == NEWS_AUDIENCE)
        watchers->untold = watchers->listener_count;
    else if (!is_for_hosts(news))
        tell_all(watchers->listeners, news);
}

static bool has_visitors(const struct watchers *watchers)
{
    return watchers->hosts != NULL || watchers->listeners != NULL;
}

static void on_change(struct room *room, enum news news)
{
    struct watchers *watchers = room_watchers(room);
    if (watchers == NULL)
        return;
    /* Nobody there: the next one who comes has it written anew. */
    spread(watchers, news, has_visitors(watchers) ? text_of(state_of(room, news)) : NULL);
}

static void on_room(void *ctx, struct room *room)
{
    (void)ctx;
    on_change(room, NEWS_ROOM);
}

static void on_roster(void *ctx, struct room *room)
{
    (void)ctx;
    on_change(room, NEWS_ROSTER);
}

static void on_audience(void *ctx, struct room *room)
{
    (void)ctx;
    on_change(room, NEWS_AUDIENCE);
    if (!room_has_relays(room))
        return;
    struct text *text = text_of(view_audience_message(room));
    if (text != NULL)
        room_tell_relays(room, WORD_NEWS_AUDIENCE,
                         slice_of(text->data + TEXT_PRE_BYTES, text->bytes));
    text_unref(text);
}

/* ---- with other nodes ---- */

static struct slice on_view(void *ctx, const struct room *room)
{
    static char *written; /* control thread only */
    (void)ctx;
    free(written);
    json_t *view = view_room(room);
    written = json_dumps(view, JSON_COMPACT);
    json_decref(view);
    return slice_text(written != NULL ? written : "");
}

static void on_message(void *ctx, struct room *room, struct slice json)
{
    struct watchers *watchers = room_watchers(room);
    (void)ctx;
    struct text *text = text_of(json_loadb((const char *)json.data, json.bytes, 0, NULL));
    for (struct visitor *at = watchers != NULL ? watchers->listeners : NULL;
         at != NULL && text != NULL; at = at->next)
        visitor_say(at, text_ref(text));
    text_unref(text);
}

/* They hear on, and go when their time has come. */
static void ask_to_move(struct watchers *watchers)
{
    uint32_t most_ms = watchers->listener_count * 1000 / MOVED_PER_S;
    if (most_ms > MOVE_MOST_MS)
        most_ms = MOVE_MOST_MS;
    for (struct visitor *at = watchers->listeners; at != NULL; at = at->next)
        visitor_say(at, text_bye("moving", MOVE_LEAST_MS + random_u32() % (most_ms + 1)));
}

static void send_away(struct visitor **list)
{
    while (*list != NULL) {
        struct visitor *visitor = *list;
        visitor_bye(visitor, "moving", 1 + random_u32() % MOVE_AT_ONCE_MS,
                    LWS_CLOSE_STATUS_GOINGAWAY);
        visitor_leave(visitor);
    }
}

static void on_leaving(void *ctx, struct room *room, bool at_once)
{
    struct watchers *watchers = room_watchers(room);
    (void)ctx;
    if (watchers == NULL)
        return;
    if (!at_once) {
        ask_to_move(watchers);
        return;
    }
    send_away(&watchers->listeners);
    send_away(&watchers->hosts);
    for (unsigned i = 0; i < NEWS_COUNT; i++) {
        text_unref(watchers->latest[i]);
        watchers->latest[i] = NULL;
    }
}

static void on_levels(void *ctx, struct room *room, const struct stage_level *levels,
                      unsigned count)
{
    (void)ctx;
    struct watchers *watchers = room_watchers(room);
    if (watchers != NULL && watchers->hosts != NULL)
        spread(watchers, NEWS_LEVELS, text_of(view_levels_message(levels, count)));
}

static void on_revoked(void *ctx, struct room *room, uint32_t host)
{
    struct signalling *signalling = ctx;
    struct watchers *watchers = room_watchers(room);
    whip_end_host(signalling->whips, room, host);
    if (watchers == NULL)
        return;
    for (struct visitor *visitor = watchers->hosts; visitor != NULL; visitor = visitor->next)
        if (visitor->host == host)
            visitor_bye(visitor, "removed", 0, LWS_CLOSE_STATUS_POLICY_VIOLATION);
}

static void on_banned(void *ctx, struct room *room, uint64_t network)
{
    struct watchers *watchers = room_watchers(room);
    (void)ctx;
    for (struct visitor *at = watchers != NULL ? watchers->listeners : NULL; at != NULL;
         at = at->next)
        if (at->client != NULL && address_network(&at->client->from) == network)
            visitor_bye(at, "banned", 0, LWS_CLOSE_STATUS_POLICY_VIOLATION);
}

struct rooms_observer visitors_observer(struct signalling *signalling)
{
    return (struct rooms_observer){.ctx = signalling,
                                   .on_room = on_room,
                                   .on_roster = on_roster,
                                   .on_levels = on_levels,
                                   .on_audience = on_audience,
                                   .on_revoked = on_revoked,
                                   .on_banned = on_banned,
                                   .on_leaving = on_leaving,
                                   .on_message = on_message,
                                   .view = on_view};
}

void visitors_close(struct signalling *signalling)
{
    uint32_t half_ms = signalling->retry_after_ms / 2;
    for (struct client *client = signalling->clients; client != NULL; client = client->next) {
        if (client->visitor == NULL)
            continue;
        /* Spread over half the time, so that they do not all come back in one second. */
        uint32_t retry_ms = half_ms + random_u32() % (half_ms + 1);
        visitor_bye(client->visitor, "closing", retry_ms > 0 ? retry_ms : 1,
                    LWS_CLOSE_STATUS_GOINGAWAY);
    }
}
