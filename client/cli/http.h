/* http.h - one HTTP request, and wait for its answer.
 *
 * Owner    the caller frees reply->body with http_reply_clear()
 * Thread   one
 * Units    bytes
 * Errors   ERR_IO: no connection, cut off, no answer within 15 s; told on standard error. A status
 *          of 400 and above is an answer, not an error
 * Spec     RFC 9110, RFC 9112
 */
#ifndef CLI_HTTP_H
#define CLI_HTTP_H

#include "rostrum/error.h"

#include <stddef.h>

enum { HTTP_LOCATION_MAX = 1023 };

struct http_request {
    const char *method; /* "GET", "POST", ... */
    const char *path;
    const char *token; /* bearer; NULL: none */
    const char *body;  /* JSON; NULL: none */
};

struct http_reply {
    int status;
    char
        location[HTTP_LOCATION_MAX + 1]; /* where it sends to, which is not followed; "": nowhere */
    char *body;                          /* owned, zero-terminated */
    size_t bytes;
};

MUST_CHECK int http_call(const char *server, const struct http_request *request,
                         struct http_reply *reply);
void http_reply_clear(struct http_reply *reply);

#endif
