/* cluster.h - rooms that have listeners on several nodes: whose a room is, and what nodes say to each other
 * about it.
 *
 * The node that has a room is its *origin*; it claims it in the directory and decides everything: who is let
 * in and where, which node feeds which. A *relay* has the same room without store and stage: what listeners
 * see of it was told by the origin, its seats are a block that the origin granted, its program comes from a
 * parent (room/follow.h).
 *
 *     origin   cluster.c -> origin.c      the book of relays, what is told to them
 *     relay    cluster.c -> relay.c       block, state, reports
 *                        -> follow.c      the program from a parent
 *     both     feed.c                     the program to children
 *
 * Owner    struct rooms
 * Thread   control
 * Units    as named
 * Errors   what another node says wrongly is logged and dropped
 * Spec     design.md section 8
 */
#ifndef ROOM_CLUSTER_H
#define ROOM_CLUSTER_H

#include "rostrum/slice.h"
#include "tree/intake.h"
#include "tree/node.h"
#include "tree/words.h"

#include <stdbool.h>

struct room;
struct rooms;

/* What the rooms need of the links to other nodes; given by who has the sockets. */
struct rooms_links {
    void *ctx;
    /* Keeps a link to that node, until it is released as often. */
    void (*want)(void *ctx, const char *node, const char *url);
    void (*release)(void *ctx, const char *node);
    /* ERR_NOENT: there is no link. ERR_FULL: it is cut. */
    int (*say)(void *ctx, const char *node, struct slice word);
    bool (*is_up)(void *ctx, const char *node);
};
void rooms_connect(struct rooms *rooms, const struct rooms_links *links); /* copies */
void rooms_on_link(struct rooms *rooms, const char *node, bool is_up);
void rooms_on_word(struct rooms *rooms, const char *node, struct slice bytes);

enum whereabouts {
    ROOM_HERE,      /* this node is its origin */
    ROOM_ELSEWHERE, /* `url` is the origin's */
    ROOM_NOWHERE,
    ROOM_AWAY,    /* its origin is silent */
    ROOM_UNKNOWN, /* the directory cannot be asked */
};
/* At once, from memory. */
enum whereabouts rooms_locate(struct rooms *rooms, const char *slug, char url[NODE_URL_MAX + 1]);

bool room_is_relayed(const struct room *room);
/* Of a relayed room: the origin has said what it is. Others are always. */
bool room_is_known(const struct room *room);
/* Of a relayed room: JSON for its listeners, as the origin told it last; empty: nothing yet. Lends. */
struct slice room_told_view(const struct room *room);
struct slice room_told_audience(const struct room *room);
/* Of the origin: whether anybody would hear it, and a message for all listeners behind relays. */
bool room_has_relays(const struct room *room);
void room_tell_relays(struct room *room, enum word_news kind, struct slice json);

/* ---- for the operator ---- */

struct branches;
const struct branches *
room_branches(const struct room *room); /* of an own room; NULL: no relays yet */
struct relay_view {
    const char *origin, *parent; /* lent; parent "": none */
    unsigned level, children;
    unsigned reserves; /* other parents that it would turn to at once */
    uint32_t seats, seated;
    bool is_hearing;
    struct intake_counts counts; /* of the program from its parents, since it was carried */
};
/* The next relayed room from *at on, 0 at first; NULL: that was all. */
const struct room *rooms_next_relayed(const struct rooms *rooms, size_t *at,
                                      struct relay_view *out);

/* ---- the end ---- */

/* This node ends: listeners of relayed rooms are asked to go (on_leaving), no newcomers are taken. */
void rooms_drain_listeners(struct rooms *rooms);
/* All are gone, relays that were fed here too, and the origins know it. */
bool rooms_are_drained(const struct rooms *rooms);

#endif
