/* directory_word.h - what nodes write into Redis: messages, and the owner in a room's lease.
 *
 * A message ("word") on the channel:
 *     "RST" version(8) kind(8)  sender: length(8) id  boot(64) count(64)  body  mac(128)
 *     node    url: length(8)...  region: length(8)...  seats(32) seats_free(32) joins_per_s(32)
 *             egress_bps(64) egress_max_bps(64) load_permille(32) is_draining(8)
 *     bye     nothing: the sender ends in order
 *     rooms   number(8), then each: slug: length(8)...  fence(64)  is_released(8)
 *     event   topic: length(8)...  data: length(16)...
 * A lease is text, for the script in Redis reads it: "FENCE NODE MAC", the last in hexadecimal.
 *
 * All of it comes from Redis and is believed only with the cluster's MAC; then it is checked just as
 * strictly. Who can write to Redis can thus silence nodes and say again what was said, but say nothing new.
 *
 * Owner    values; a parsed event lends its bytes
 * Thread   any; no allocation
 * Units    bytes; numbers in network byte order
 * Errors   ERR_PROTO: not ours at all, or not exactly as above; ERR_AUTH: not from this cluster
 * Spec     none
 */
#ifndef TREE_DIRECTORY_WORD_H
#define TREE_DIRECTORY_WORD_H

#include "base/slug.h"
#include "tree/directory.h"
#include "tree/identity.h"

enum {
    DIRECTORY_WORD_BYTES_MAX = 4096,
    DIRECTORY_WORD_ROOMS_MAX = 32,
    LEASE_FENCE_CHARS_MAX = 16,
    LEASE_CHARS_MAX = LEASE_FENCE_CHARS_MAX + 1 + NODE_ID_MAX + 1 + 2 * CLUSTER_MAC_BYTES,
};
/* A number that Lua's doubles count exactly. */
#define FENCE_MAX ((UINT64_C(1) << 52) - 1)
/* It grows by one with each claim: what is so far ahead was made by nobody who claims. */
#define FENCE_STEP_MAX (UINT64_C(1) << 32)

enum directory_word_kind {
    DIRECTORY_WORD_NODE = 1,
    DIRECTORY_WORD_BYE = 2,
    DIRECTORY_WORD_ROOMS = 3,
    DIRECTORY_WORD_EVENT = 4
};

struct directory_word_room {
    char slug[SLUG_MAX + 1];
    uint64_t fence; /* 1..FENCE_MAX */
    bool is_released;
};

struct directory_word {
    enum directory_word_kind kind;
    char sender[NODE_ID_MAX + 1];
    uint64_t boot;  /* one random number for each time that the sender was started */
    uint64_t count; /* of its messages since then, from 1 */
    union {
        struct node_view node; /* its id is the sender's */
        struct {
            unsigned count; /* 1..DIRECTORY_WORD_ROOMS_MAX */
            struct directory_word_room list[DIRECTORY_WORD_ROOMS_MAX];
        } rooms;
        struct {
            char topic[DIRECTORY_TOPIC_MAX + 1];
            struct slice data; /* at most DIRECTORY_EVENT_MAX */
        } event;
    };
};

MUST_CHECK int directory_word_parse(struct directory_word *out, const struct cluster_key *key,
                                    struct slice bytes);
/* ERR_INVAL: a field out of its range. ERR_CRYPTO. */
MUST_CHECK int directory_word_write(const struct directory_word *word,
                                    const struct cluster_key *key,
                                    uint8_t out[DIRECTORY_WORD_BYTES_MAX], size_t *bytes);
bool topic_is_valid(const char *topic);
/* Id, url and region are such as others believe. */
bool node_view_is_valid(const struct node_view *node);

struct lease {
    uint64_t fence;
    char node[NODE_ID_MAX + 1];
};

MUST_CHECK int lease_parse(struct lease *out, const struct cluster_key *key, const char *slug,
                           struct slice text);
MUST_CHECK int lease_write(const struct lease *lease, const struct cluster_key *key,
                           const char *slug, char out[LEASE_CHARS_MAX + 1]);
/* Of two owners of one room: whether the first one stays and the other becomes a relay. */
bool lease_beats(const struct lease *a, const struct lease *b);

#endif
