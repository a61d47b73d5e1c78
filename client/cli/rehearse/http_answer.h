/* http_answer.h - one short answer of HTTP/1.1, put together from the pieces in which it comes.
 *
 * Owner    the caller's; nothing is allocated
 * Thread   any; pure
 * Units    bytes; seconds, as on the wire
 * Errors   ERR_AGAIN: it is not whole yet. ERR_FULL: longer than HTTP_ANSWER_MAX. ERR_PROTO: no
 *          answer with a body of known length, or more than one
 * Spec     RFC 9112 sections 4 and 6, RFC 9110 section 10.2.3
 */
#ifndef REHEARSE_HTTP_ANSWER_H
#define REHEARSE_HTTP_ANSWER_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

#include <stdint.h>

enum { HTTP_ANSWER_MAX = 4096 };
#define HTTP_RETRY_NONE UINT32_MAX

/* All zeros: nothing has come. After an error other than ERR_AGAIN no more is to be added. */
struct http_answer {
    size_t used;
    char bytes[HTTP_ANSWER_MAX];
};
struct http_reply {
    unsigned status;
    uint32_t retry_after_s; /* HTTP_RETRY_NONE: none, or a date */
    struct slice body;      /* borrowed from the answer */
};
/* Copies the piece; 0: the answer is whole, and written to out. */
MUST_CHECK int http_answer_add(struct http_answer *answer, struct slice piece,
                               struct http_reply *out);

#endif
