/* bare_request.h - a whole request that is nothing but its head: no content, nothing behind it, nothing escaped in
 * its target, and no field that asks for more than the answer. Read exactly; what has any other form is left to
 * libwebsockets. Pure.
 *
 * Owner    slices lend from the bytes that were read
 * Thread   any
 * Units    none
 * Errors   bare_request_read: ERR_UNSUPPORTED
 * Spec     RFC 9110 section 5.6.2, RFC 9112 sections 2 to 6, 9.3
 */
#ifndef SIGNALLING_BARE_REQUEST_H
#define SIGNALLING_BARE_REQUEST_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

struct bare_request {
    struct slice method, target;
    struct slice authorization, forwarded_for; /* without data: not there */
    bool closes; /* nothing more comes on this connection: RFC 9112 section 9.3 */
};

/* ERR_UNSUPPORTED: it may still be a good request, whole or not. */
MUST_CHECK int bare_request_read(struct bare_request *out, struct slice bytes);

#endif
