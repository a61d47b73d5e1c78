/* redis_link.h - one connection to Redis that comes back by itself: for commands, or for the words of one
 * channel.
 *
 *     waiting --(back-off over)--> dialling --wire--> greeting --answers--> ready
 *        ^                             |                  |                   |
 *        \-----(failed, closed, silent, or not what Redis says)---------------/
 *
 * Greeting: AUTH and SELECT as the URL has it, then PING or SUBSCRIBE. Each try takes at most
 * REDIS_TRY_MS; an answer that is later than REDIS_ANSWER_MS ends the connection. The pause before the
 * next try begins at REDIS_PAUSE_MIN_MS, doubles to REDIS_PAUSE_MAX_MS, and is cut by chance to between
 * half and all of it. Nothing is kept while there is no connection: who asks is refused.
 *
 * Owner    the directory
 * Thread   control: the loop
 * Units    now_us: microseconds, monotonic, passed in
 * Errors   as named
 * Spec     RESP2
 */
#ifndef TREE_REDIS_LINK_H
#define TREE_REDIS_LINK_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

#include <stdbool.h>

enum {
    REDIS_TRY_MS = 1500,
    REDIS_ANSWER_MS = 1500,
    REDIS_PAUSE_MIN_MS = 50,
    REDIS_PAUSE_MAX_MS = 1000,
    REDIS_REQUESTS_MAX = 256,       /* under way */
    REDIS_UNSENT_MAX = 1024 * 1024, /* bytes */
    REDIS_READ_MAX = 512 * 1024,    /* bytes that are read between two ticks */
    REDIS_ARGUMENTS_MAX = 4 + 3 + 32 + 4 + 3 * 32,
};

struct redis_link;
struct redis_url;
struct redisReply;
struct uv_loop_s;

struct redis_link_params {
    struct uv_loop_s *loop;
    const struct redis_url *url; /* copied */
    const char *channel;         /* borrowed; NULL: for commands */
    void *ctx;
    void (*on_ready)(void *ctx);
    /* After on_ready, when the connection is lost. `why`: a word for the log. */
    void (*on_down)(void *ctx, const char *why);
    /* Each request once, in order; reply NULL: the connection was lost. Lent. */
    void (*on_reply)(void *ctx, void *request, const struct redisReply *reply);
    void (*on_word)(void *ctx, struct slice word); /* of the channel. Lent */
};

MUST_CHECK int redis_link_create(struct redis_link **out, const struct redis_link_params *params);
/* Requests under way are answered with NULL. NULL is fine. Not from a callback of its. */
void redis_link_destroy(struct redis_link *link);
void redis_link_tick(struct redis_link *link, uint64_t now_us); /* call four times a second */
bool redis_link_is_ready(const struct redis_link *link);
/* Why the last try failed; "" when it did not. Lends a word for the log. */
const char *redis_link_problem(const struct redis_link *link);
/* Connections made so far. */
uint64_t redis_link_connects(const struct redis_link *link);
/* Sends one command, binary-safe. ERR_AGAIN: not connected. ERR_FULL: too much is under way. ERR_NOMEM.
 * `request` comes back with the reply, unless this fails. */
MUST_CHECK int redis_link_send(struct redis_link *link, unsigned argument_count,
                               const struct slice *arguments, void *request);
/* Ends the connection, as if it had failed: somebody knows better than TCP. May be called in a callback. */
void redis_link_drop(struct redis_link *link, const char *why);

#endif
