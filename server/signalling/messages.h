/* messages.h - what a browser may send over the WebSocket, read strictly. Pure.
 *
 * Owner    struct message owns the parsed object its strings point into
 * Thread   any
 * Units    bytes
 * Errors   ERR_PROTO with *problem: the code of the schema, what was wrong, what is allowed
 * Spec     include/rostrum/protocol.schema.json, $defs/client
 */
#ifndef SIGNALLING_MESSAGES_H
#define SIGNALLING_MESSAGES_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MESSAGE_BYTES_MAX = 16384,
    MESSAGE_REF_MAX = 32 * 4, /* bytes of 32 characters */
    MESSAGE_TEXT_MAX = 240,
};

enum message_type {
    MESSAGE_HELLO,
    MESSAGE_CONSENT,
    MESSAGE_OFFER,
    MESSAGE_MUTE,
    MESSAGE_STEER,
    MESSAGE_REMOVE,
    MESSAGE_LEAVE,
};

struct message {
    enum message_type type;
    char ref[MESSAGE_REF_MAX + 1]; /* "" when there was none */
    const char *room;              /* hello */
    bool as_host;                  /* hello */
    const char *token;             /* hello; NULL: none */
    const char *region;            /* hello; NULL: none */
    const char *wording;           /* consent */
    struct slice sdp;              /* offer */
    bool has_host;                 /* mute */
    uint32_t host;                 /* mute, remove */
    bool muted;                    /* mute */
    const char *action;            /* steer: "open", "live", "end" or "cancel" */
    void *object;                  /* owned; the strings above live in it */
};

struct message_problem {
    const char *code; /* constant of the schema */
    char text[MESSAGE_TEXT_MAX];
    char allowed[MESSAGE_TEXT_MAX]; /* "" when there is nothing to add */
};

/* Allocates; release with message_clear(), also after an error. On ERR_PROTO out->ref still names the message
 * if it could be read, so that the error can echo it. */
MUST_CHECK int message_parse(struct message *out, struct slice text,
                             struct message_problem *problem);
void message_clear(struct message *message);

/* ^[a-z0-9](-?[a-z0-9]){0,62}$ */
bool slug_is_well_formed(const char *slug);
/* ^[A-Za-z0-9-]{1,32}$ */
bool region_is_well_formed(const char *region);

#endif
