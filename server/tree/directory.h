/* directory.h - how nodes find each other: who is there, which node is the origin of a room, and small
 * news. One interface; a node alone (directory_local.c) answers itself, the nodes of a cluster meet in
 * Redis or Valkey (directory_redis.c). Nobody waits: every question is answered from memory.
 *
 * Presence. Each node says once a second who it is and what it could take. Who said nothing for
 * DIRECTORY_NODE_TTL_MS is gone; who ends in order says so and is gone at once.
 *
 * Rooms. A node claims each room whose origin it is, under a *fence*, a number that only grows. Redis
 * keeps a lease per room (DIRECTORY_LEASE_MS, renewed every DIRECTORY_RENEW_MS); one script compares and
 * takes it, so that of two who claim at once exactly one gets it.
 *   - A new claim gets a room that nobody has a lease of, with a fence higher than any before.
 *   - Of two who hold the same room, **the higher fence wins** (of equal ones the smaller id): the
 *     other is told by on_lost and is a relay from then on.
 *   - A node that comes back with its id gets its own rooms back, at once.
 * A split: a node that cannot reach Redis goes on with its rooms, they are its own. If it is away for
 * longer than the lease, another node that has the same room may claim it, with a higher fence. When the
 * split heals the first one loses the room as soon as it is connected again: within two seconds.
 * Redis with an empty or an old memory, or a clock that jumped: whoever holds a room claims it again at
 * once under the fence it has. For DIRECTORY_SETTLE_MS nothing that has no such fence is granted, so
 * that nobody takes a room whose origin is about to say so. What is damaged, or lives longer than leases
 * do, is put right by the next claim.
 * Each node tells the others what it holds, every DIRECTORY_RENEW_MS, too: they answer from that.
 *
 * Redis away: nothing waits and nothing grows. Own rooms stay owned, known rooms and nodes stay known as
 * they were, directory_find() says of others at once that it does not know. It is tried again several
 * times a second at first, then about once a second, for ever.
 *
 * What comes from Redis is believed only with the MAC of the cluster's secret (directory_word.h), and
 * bounded in size and rate. Who can write to Redis without knowing the secret can stop nodes from meeting,
 * and say again what a node said before; running rooms do not depend on it.
 *
 * Owner    main; created before the rooms, destroyed after them while the loop can still run
 * Thread   control: the libuv loop given
 * Units    milliseconds; sizes in bytes
 * Errors   as named
 * Spec     RESP2 of Redis 6 and Valkey 7 or later: AUTH, SELECT, PING, PUBLISH, SUBSCRIBE, EVAL
 */
#ifndef TREE_DIRECTORY_H
#define TREE_DIRECTORY_H

#include "rostrum/error.h"
#include "rostrum/slice.h"
#include "tree/node.h"

enum {
    DIRECTORY_ANNOUNCE_MS = 1000,
    DIRECTORY_NODE_TTL_MS = 5000,
    DIRECTORY_RENEW_MS = 2000,
    DIRECTORY_LEASE_MS = 6000,
    DIRECTORY_SETTLE_MS = 3000,
    DIRECTORY_AWAY_MS = 10 * 60 * 1000,
    DIRECTORY_NODES_MAX = 256,
    DIRECTORY_CLAIMS_MAX = 10000, /* of this node */
    DIRECTORY_ROOMS_MAX = 32768,  /* of all others */
    DIRECTORY_TOPIC_MAX = 63,
    DIRECTORY_EVENT_MAX = 1024,
    DIRECTORY_EVENTS_PER_S = 100, /* and as many at once */
};
/* The topic for all nodes; other topics are slugs. */
#define DIRECTORY_TOPIC_NODES "nodes*"

struct cluster_key;
struct directory;
struct redis_url;
struct uv_loop_s;

struct directory_params {
    const struct node_view *self;  /* copied; id, url and region never change */
    struct uv_loop_s *loop;        /* borrowed; unused by a node alone */
    const struct redis_url *redis; /* copied; NULL: this node is alone */
    const struct cluster_key *key; /* copied; only with redis */
};

/* Connects in the background. ERR_NOMEM, ERR_INVAL: an id, url or region that nobody would believe. */
MUST_CHECK int directory_create(struct directory **out, const struct directory_params *params);
/* Says good-bye and lets leases run out: a node that comes back soon finds its rooms. The loop must run
 * once more afterwards. NULL is fine. */
void directory_destroy(struct directory *directory);

struct directory_origin {
    char node[NODE_ID_MAX + 1];
    uint64_t fence;
    bool is_self;
};

struct directory_event {
    const char *topic;  /* lent, as all */
    const char *sender; /* never this node */
    struct slice data;
};

/* Callbacks may call anything here but directory_destroy(). Each may be NULL. */
struct directory_observer {
    void *ctx;
    /* A claim was granted, or goes on under a new fence. Of a node alone from inside directory_claim(). */
    void (*on_claimed)(void *ctx, const char *slug, uint64_t fence);
    /* A claim was refused or lost; it is over, and `origin` has the room. */
    void (*on_lost)(void *ctx, const char *slug, const struct directory_origin *origin);
    /* Never a guarantee: news may be lost while Redis or a node is away, and are not kept. */
    void (*on_event)(void *ctx, const struct directory_event *event);
};
void directory_observe(struct directory *directory, const struct directory_observer *observer);

enum directory_state { DIRECTORY_LOCAL, DIRECTORY_UP, DIRECTORY_DOWN };
/* Up: what this node said came back to it within the last seconds. */
enum directory_state directory_state(const struct directory *directory);
const char *directory_state_name(enum directory_state state); /* "local", "up", "down" */

/* ---- nodes ---- */

/* What this node tells from now on; copies all but id, url and region. */
void directory_announce(struct directory *directory, const struct node_view *view);
/* Lends all nodes that are there until the next turn of the loop; this one is the first. */
const struct node_view *directory_nodes(const struct directory *directory, size_t *count);
/* Lends one of them; NULL: it is not there. */
const struct node_view *directory_node(const struct directory *directory, const char *id);
/* Since it last said something; of this one 0. */
uint32_t directory_node_age_ms(const struct directory *directory, const char *id);

/* ---- rooms ---- */

/* Makes this node the origin, sooner or later; on_claimed or on_lost tells. The room may be used before
 * that: a node that nobody hears is its own cluster. `fence`: under which this node held the room before,
 * if it knows; 0: a new claim. A second claim of the same room changes nothing. ERR_INVAL: no slug.
 * ERR_FULL, ERR_NOMEM. */
MUST_CHECK int directory_claim(struct directory *directory, const char *slug, uint64_t fence);
/* The room is over, or somebody else's from now on. Without a claim nothing happens. */
void directory_release(struct directory *directory, const char *slug);
/* Granted and not lost, also while Redis is away. fence may be NULL. */
bool directory_owns(const struct directory *directory, const char *slug, uint64_t *fence);

enum directory_answer {
    DIRECTORY_FOUND, /* *out has it, and is there as far as one can know */
    DIRECTORY_AWAY,  /* *out had it and is silent now, for less than DIRECTORY_AWAY_MS */
    DIRECTORY_NONE,  /* nobody has it */
    DIRECTORY_UNKNOWN, /* Redis cannot be asked, or this node has not listened for long enough: tell people
                          that the directory is unavailable, and to try again in a moment */
};
/* At once. Before a claim of its own is granted, a node finds itself, too. */
enum directory_answer directory_find(const struct directory *directory, const char *slug,
                                     struct directory_origin *out);

/* ---- news ---- */

/* Tells the other nodes; copies. Best effort: see on_event. ERR_INVAL: topic or size. ERR_FULL: too many in
 * this second. ERR_AGAIN: Redis is away. Of a node alone: 0, and nobody hears it. */
MUST_CHECK int directory_publish(struct directory *directory, const char *topic, struct slice data);

/* ---- for the operator ---- */

struct directory_counts {
    uint64_t words_in;      /* messages that were believed */
    uint64_t words_bad;     /* damaged, or leases that are */
    uint64_t words_foreign; /* signed with another secret, or with none */
    uint64_t words_stale;   /* repeated, or of a node that did not say who it is */
    uint64_t left_out;      /* nodes and rooms beyond the bounds above */
    uint64_t connects;      /* connections made, two at a time */
};
void directory_counts(const struct directory *directory, struct directory_counts *out);

#endif
