/* links.h - the WebSockets between this node and others: kept, proved, watched. What is said over them is not
 * looked at here (tree/words.h).
 *
 *     wanted:  look the name up -> connect -> greet -> proved -> up       GET /node, rostrum.node.1; http or https
 *                 ^---------------- 100 ms, doubling to 1 s, and jitter --------- lost
 *     called:  upgrade -> greeted -> proved -> up
 *
 * Of two nodes that called each other both links live. The node is up while one is proved; words go over the
 * one that was proved last, so keep no order between words said before and after on_up or a second call.
 *
 * Each message is one word with its seal (tree/trust.h). Who said nothing for LINKS_TALK_MS says an empty word;
 * who was not heard for LINKS_SILENT_MS is gone. Time in which this process did not run does not count.
 *
 * Until it has proved that it knows the secret, a caller is a stranger as all others: it has LINKS_PROOF_MS, holds
 * a place as they do (clients.h) and gets nothing but a greeting. When too many of them are there, the oldest makes
 * way. https is verified with the system's CAs, for names only, not for bare addresses. A redirect is not followed, and
 * no proxy of the environment is used.
 *
 * Owner    signalling; words are copied
 * Thread   control
 * Units    milliseconds, bytes
 * Errors   as named
 * Spec     RFC 6455; tree/trust.h
 */
#ifndef SIGNALLING_LINKS_H
#define SIGNALLING_LINKS_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    LINKS_MESSAGE_MAX = 64 * 1024, /* sealed */
    LINKS_QUEUE_MAX = 1024 * 1024, /* of one link */
    LINKS_UNPROVED_MAX = 16,       /* of those who called */
    LINKS_PROOF_MS = 3000,
    LINKS_TALK_MS = 1000,
    LINKS_SILENT_MS = 2000,
    LINKS_AGAIN_MS = 100, /* until the next try after a loss, */
    LINKS_AGAIN_MAX_MS = 1000,
};

struct cluster_key;
struct links;
struct signalling;

/* Each may be NULL. Never called from inside a function of this header; all of them may be called from here. */
struct links_events {
    void *ctx;
    /* Proved; words may be said. Also when there was a link already, and when one of several is gone: what was
     * said over the other may be lost. */
    void (*on_up)(void *ctx, const char *node);
    void (*on_down)(void *ctx, const char *node); /* the last link with it is gone */
    void (*on_word)(void *ctx, const char *node, struct slice word); /* lent */
};

/* Keeps a link with this node: dials at once, and again after each loss, until it was released as often as it
 * was wanted. The url is the latest given. Never this node itself. */
void links_want(struct links *links, const char *node, const char *url);
/* What was said goes out first. The other's own call stays. */
void links_release(struct links *links, const char *node);
/* ERR_NOENT: no proved link. ERR_INVAL: too long. ERR_FULL, ERR_NOMEM: the link is cut. */
MUST_CHECK int links_say(struct links *links, const char *node, struct slice word);
bool links_is_up(const struct links *links, const char *node);

/* ---- for signalling ---- */

struct links_params {
    const struct cluster_key *key; /* copied, as all */
    const char *id;                /* this node's */
    const struct links_events *events;
};

MUST_CHECK int links_create(struct links **out, struct signalling *signalling,
                            const struct links_params *params);
/* Once libwebsockets runs: may call from now on. ERR_NOMEM, ERR_CRYPTO. */
MUST_CHECK int links_start(struct links *links);
/* Ends all links, each once its words are out; no further ones. */
void links_close(struct links *links);
unsigned links_count(const struct links *links); /* of all that are open or being opened */
/* No event comes from now on; then libwebsockets may end. NULL is fine, as in the next. */
void links_mute(struct links *links);
void links_destroy(struct links *links); /* after libwebsockets */

#endif
