/* ask.h - one request after the other to the same server, without libwebsockets.
 *
 * OpenSSL's own HTTP client: it has no state that another thread's connections share, and does not
 * load the system's certificates for a server that needs none.
 *
 * Owner    server_view, refusals
 * Thread   one at a time
 * Units    bytes
 * Errors   ERR_IO: no answer of 200 within ASK_SECONDS; ask_why() says more
 * Spec     RFC 9112, RFC 6750
 */
#ifndef REHEARSE_ASK_H
#define REHEARSE_ASK_H

#include "rostrum/error.h"

#include <stddef.h>

enum {
    ASK_SECONDS = 3,
    ASK_BYTES_MAX = 256 * 1024,
};

struct asker;

/* Allocates. server: "http://host[:port]" or "https://host[:port]"; token: NULL for none; both are
 * copied. ERR_INVAL: not such a URL. ERR_NOMEM, ERR_CRYPTO. */
MUST_CHECK int asker_create(struct asker **out, const char *server, const char *token);
void asker_destroy(struct asker *asker); /* NULL is fine */
/* Lends a zero-terminated answer until the next call. */
MUST_CHECK int ask(struct asker *asker, const char *path, const char **answer, size_t *bytes);
/* The same by POST. body: JSON, or NULL: none. */
MUST_CHECK int ask_post(struct asker *asker, const char *path, const char *body,
                        const char **answer, size_t *bytes);
/* Why the last one failed, such as "code=403, reason=Forbidden"; "" when it did not. Lends. */
const char *ask_why(const struct asker *asker);

#endif
