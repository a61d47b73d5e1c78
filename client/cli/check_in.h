/* check_in.h - one request to the line of a room at a time: enters it, or checks in.
 *
 * Owner    a session, whose libwebsockets context it uses; lies inside it and outlives the context
 * Thread   the loop's
 * Units    milliseconds
 * Errors   what becomes of the request comes through on_word, once for each
 * Spec     POST /api/v1/rooms/SLUG/line
 */
#ifndef CLI_CHECK_IN_H
#define CLI_CHECK_IN_H

#include "line_word.h"
#include "nodes.h"

#include <libwebsockets.h>

enum { CHECK_IN_ANSWER_MAX = 8 * 1024, CHECK_IN_WAIT_S = 15 };

/* word NULL: there was no connection, or no answer that makes sense. */
typedef void (*check_in_word)(void *ctx, const struct line_word *word);

struct check_in {
    const char *slug;          /* borrowed */
    const char *ticket;        /* borrowed: the place's; "": a newcomer */
    const struct nodes *nodes; /* borrowed */
    unsigned node;             /* whose line it is */
    check_in_word on_word;
    void *ctx;
    struct lws *wsi; /* borrowed from libwebsockets; NULL: none under way */
    unsigned status;
    uint32_t retry_after_ms;
    size_t bytes;
    char answer[CHECK_IN_ANSWER_MAX];
};

/* Sends one; nothing when one is under way. */
void check_in_send(struct check_in *check_in, struct lws_context *context);
#define CHECK_IN_PROTOCOL "http"
/* The callback of the protocol of that name, whose user is the check_in. */
int check_in_on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                      size_t bytes);

#endif
