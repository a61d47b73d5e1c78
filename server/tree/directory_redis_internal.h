/* directory_redis_internal.h - the directory of a cluster: what its two files share.
 *
 * Owner    directory_redis.c (connections, up and down, what is asked), directory_talk.c (what is said,
 *          claimed and heard)
 * Thread   control
 * Units    microseconds, monotonic
 * Errors   as directory.h
 * Spec     none
 */
#ifndef TREE_DIRECTORY_REDIS_INTERNAL_H
#define TREE_DIRECTORY_REDIS_INTERNAL_H

#include "tree/directory_internal.h"
#include "tree/redis_link.h"
#include "tree/room_book.h"

#include <uv.h>

enum { CHANNEL_MAX = 32 };

enum complaint { REFUSED, FOREIGN, TWICE, COMPLAINTS };

struct redis_directory {
    struct directory base;
    struct cluster_key key;
    uint64_t boot, words; /* of our own */
    char channel[CHANNEL_MAX];
    uv_timer_t *timer; /* owned by the loop once it is being closed */
    struct redis_link *commands, *hearing;
    struct room_book rooms;
    bool is_up;
    uint64_t up_us;   /* since then; UINT64_MAX: it is down */
    uint64_t echo_us; /* when a word of our own came back last, or both connections were made */
    bool has_echo;    /* over the present connections */
    uint64_t ticked_us;
    uint64_t said_us;   /* when we said who we are; 0: say it now */
    uint64_t asked_us;  /* the last run of the claim script */
    unsigned batches;   /* under way */
    unsigned refusals;  /* of batches, one after the other */
    double events_left; /* that may be published now */
    uint64_t complained_us[COMPLAINTS];
};

/* Says it to all; sender, boot and count are filled in. Errors of redis_link_send(), ERR_INVAL, ERR_CRYPTO. */
MUST_CHECK int directory_say(struct redis_directory *redis, struct directory_word *word);
/* Says and asks what is due. Only with a connection for commands. */
void directory_say_all(struct redis_directory *redis, uint64_t now_us);

/* The callbacks of the two connections and of the claims. */
void directory_on_reply(void *ctx, void *request, const struct redisReply *reply);
void directory_on_word(void *ctx, struct slice bytes);
void directory_on_claimed(void *ctx, const char *slug, uint64_t fence);
void directory_on_lost(void *ctx, const char *slug, const struct lease *winner);

#endif
