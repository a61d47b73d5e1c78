/* reply_internal.h - a reply under way: head, body in memory or a file, sent as the socket takes it.
 *
 * Owner    its request
 * Thread   control
 * Units    bytes
 * Errors   reply_pump: see there
 * Spec     RFC 9112
 */
#ifndef SIGNALLING_REPLY_INTERNAL_H
#define SIGNALLING_REPLY_INTERNAL_H

#include "signalling/http.h"

struct reply {
    struct signalling *signalling; /* borrowed: counts the descriptors below */
    char head[REPLY_HEAD_MAX];     /* status line comes last, so fields stand at `fields` first */
    size_t head_bytes;
    char fields[REPLY_HEAD_MAX - 512];
    size_t field_bytes;
    struct slice body; /* owned_body, or lent */
    void *owned_body;
    size_t sent; /* of head and body together */
    int file;    /* owned; -1: none */
    uint64_t file_at, file_end;
    int poll_fd;     /* a second descriptor of the socket, as libuv knows the first one; -1: none */
    uv_poll_t *poll; /* owned by the loop once closed */
};

/* Makes the request's reply if it has none yet; NULL: no memory. */
struct reply *reply_of(struct request *request);
/* Stops waiting, closes files, frees. NULL is fine. */
void reply_destroy(struct reply *reply);
/* Sends the reply, now as far as it goes and the rest when the socket takes it. */
void reply_start(struct request *request);
/* The reply is out, or can never be: told to http.c. */
void http_on_sent(struct request *request, bool whole);

#endif
