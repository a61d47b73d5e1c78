/* cluster_internal.h - the inside of rooms on several nodes; see cluster.h for which file does what.
 *
 * Owner    struct cluster: struct rooms. struct origin, struct relay, feeds: their room
 * Thread   control
 * Units    microseconds, monotonic
 * Errors   as named
 * Spec     none
 */
#ifndef ROOM_CLUSTER_INTERNAL_H
#define ROOM_CLUSTER_INTERNAL_H

#include "room/cluster.h"
#include "room/room_internal.h"
#include "tree/branches.h"
#include "tree/directory.h"
#include "tree/upstream.h"

enum { RELAYED_MAX = UPSTREAM_ROOMS_MAX };

/* NULL in struct rooms: this node is alone. */
struct cluster {
    struct rooms_links links;          /* say NULL: not yet */
    struct room *relayed[RELAYED_MAX]; /* owned; a room's id is ROOMS_MAX + 1 + its index */
    size_t relayed_count;              /* those that are not carried any more are used again */
    uint64_t stepped_us;
    bool is_draining;
};

/* ---- the origin's side ---- */

/* Made when the room's doors open, or a relay asks. */
struct origin {
    struct branches *branches;     /* owned */
    char (*told)[NODE_ID_MAX + 1]; /* owned; who has been told the room since its link is up */
    size_t told_count;
    uint64_t invited_us;
    struct branches_counts counts; /* as of the last step, or link that was lost */
    uint32_t cap;                  /* then */
};

/* The program goes out to other nodes: of own rooms and of relayed ones. */
struct feed {
    struct feed *next;
    struct room *room;             /* borrowed */
    struct connection *connection; /* owned */
    char node[NODE_ID_MAX + 1];
    uint32_t ask;
    bool is_lost; /* swept with the next tick */
};

/* ---- the relay's side ---- */

/*     IDLE --ask--> ASKED --answer--> JOINING --sound--> (current is the one tried) IDLE
 *      ^              |                  |
 *      +--- next -----+------ next ------+   */
enum follow_state { FOLLOW_IDLE, FOLLOW_ASKED, FOLLOW_JOINING };

struct follow {
    enum follow_state state;
    unsigned at;                  /* which of the parents is tried */
    uint32_t asks;                /* number of the last OFFER */
    uint32_t heard;               /* number of the one that is heard, or was last; 0: none */
    char parent[NODE_ID_MAX + 1]; /* whose that is */
    struct own_credentials local; /* of the last OFFER */
    uint64_t until_us;            /* of the try; IDLE: no try before */
    uint64_t link_until_us;       /* a newcomer waits so long for the link with the first */
    bool is_open;                 /* the upstream has this room */
    bool is_hearing;
    bool wants_first; /* there is a parent, but the first of the list is to be tried, too */
    struct intake_counts counts;
};

struct relay {
    bool is_active; /* else this room waits to be used again */
    bool is_known;  /* a ROOM came */
    char origin[NODE_ID_MAX + 1];
    char *view, *audience;   /* owned; NULL: not told yet */
    struct word_place place; /* number 0: none yet */
    struct word_grant grant; /* the same */
    bool is_granted;         /* over the link that is up: else nobody new sits */
    struct follow follow;
    uint64_t reported_us;
    bool must_report;
    uint64_t empty_us; /* since when nobody sits; 0: somebody does */
};

/* rooms.c */
void room_destroy(struct room *room);

/* cluster.c */
MUST_CHECK int cluster_create(struct rooms *rooms);
void cluster_destroy(struct rooms *rooms);
void cluster_tick(struct rooms *rooms, uint64_t now_us);
void cluster_on_upstream(struct rooms *rooms);
/* Logs what could not be said; the other notices by itself. */
void cluster_say(struct rooms *rooms, const char *node, const struct word *word);
/* Own rooms, then relayed ones that are carried or were. */
size_t rooms_all_count(const struct rooms *rooms);
struct room *rooms_all_at(const struct rooms *rooms, size_t index);
/* The number of the room in tickets, the same on all nodes. */
uint32_t room_ticket_number(const struct room *room);

/* origin.c */
void origin_destroy(struct room *room);
void origin_on_word(struct room *room, const char *node, const struct word *word, uint64_t now_us);
void origin_on_link(struct room *room, const char *node, bool is_up, uint64_t now_us);
void origin_step(struct room *room, uint64_t now_us);
/* Before anybody is given a seat: a cap that has changed counts from now on, not from the next step. */
void origin_heed_cap(struct room *room, uint64_t now_us);
void origin_tell_room(struct room *room);
void origin_tell_ban(struct room *room, uint64_t network, bool is_lifted);
/* Adds to the door's rules what seats there are on other nodes. */
void origin_add_rules(const struct room *room, struct door_rules *rules);
void origin_seated(struct room *room, const struct door_rules *rules); /* somebody, here */
bool origin_is_invitation(struct slice text, const char *node);
void origin_counts(const struct room *room, struct branches_counts *out);
/* Where one who was not let in here shall go. False: nowhere. can_keep: there is a seat here, too. */
bool origin_choose(struct room *room, bool can_keep, bool is_returning, const char *region,
                   struct elsewhere *out);

/* relay.c */
struct room *relay_find(struct rooms *rooms, const char *slug); /* that is carried; NULL: none */
MUST_CHECK int relay_begin(struct rooms *rooms, const char *slug, const char *origin);
void relay_destroy(struct room *room);
void relay_on_word(struct room *room, const char *node, const struct word *word, uint64_t now_us);
void relay_on_link(struct room *room, const char *node, bool is_up, uint64_t now_us);
void relay_tick(struct room *room, uint64_t now_us);
void relay_leave(struct room *room);
void relay_add_rules(const struct room *room, struct door_rules *rules);
bool relay_is_open(const struct room *room);

/* bans.c: told by the origin */
void bans_on_word(struct room *room, const struct word_ban *told);

/* follow.c */
void follow_parents(struct room *room, uint64_t now_us); /* there is a new list of them */
void follow_expect(struct room *room, uint64_t now_us);  /* the program begins now */
void follow_on_answer(struct room *room, const char *node, const struct word_answer *answer,
                      uint64_t now_us);
void follow_on_decline(struct room *room, const char *node, uint32_t ask, uint64_t now_us);
void follow_on_bye(struct room *room, const char *node, uint32_t ask, uint64_t now_us);
void follow_on_event(struct room *room, const struct upstream_event *event, uint64_t now_us);
void follow_tick(struct room *room, uint64_t now_us);
void follow_end(struct room *room);

/* feed.c */
void feed_on_offer(struct room *room, const char *node, const struct word_offer *offer);
unsigned feed_count(const struct room *room); /* children that are connected */
void feed_end_all(struct room *room);
void feed_sweep(struct room *room);

#endif
