/* request_head.h - what a connection asks for, by the first bytes of its request: a guess before anybody reads
 * it, to tell those who are expected from newcomers. It proves nothing. Pure.
 *
 * Owner    values
 * Thread   any
 * Units    none
 * Errors   none: what is not understood, or has not come yet, is not there
 * Spec     RFC 9112 sections 3 and 5
 */
#ifndef SIGNALLING_REQUEST_HEAD_H
#define SIGNALLING_REQUEST_HEAD_H

#include "base/slug.h"
#include "rostrum/slice.h"

struct request_head {
    bool is_empty; /* nothing has come */
    bool is_get, is_post;
    bool is_asset;           /* a part of a page */
    bool is_page;            /* a browser would show what comes */
    bool is_upgrade;         /* it wants the WebSocket */
    bool has_credentials;    /* a token, or a ticket */
    bool was_put_off;        /* they are a TICKET_ASKED */
    char room[SLUG_MAX + 1]; /* where it asks for a seat; "": nowhere */
};

void request_head_read(struct request_head *out, struct slice bytes);

#endif
