/* signalling.h - what the world talks to: HTTP API, WebSocket, WHIP, WHEP, pages, recordings.
 *
 * Owner    main; created after the rooms, destroyed before them
 * Thread   control; runs on the given libuv loop by libwebsockets
 * Units    milliseconds
 * Errors   as named; `problem` is a sentence for the operator
 * Spec     RFC 9110, RFC 9112 (HTTP/1.1 only), RFC 6455 (WebSocket), RFC 9725 (WHIP),
 *          draft-ietf-wish-whep-03, include/rostrum/protocol.schema.json
 */
#ifndef SIGNALLING_SIGNALLING_H
#define SIGNALLING_SIGNALLING_H

#include "rostrum/error.h"

#include <stdint.h>

enum { SIGNALLING_PROBLEM_MAX = 240 };

struct cluster_key;
struct config;
struct directory;
struct rooms;
struct signalling;
struct token_hash;
struct transport;
struct uv_loop_s;

struct signalling_deps { /* all borrowed, all outlive signalling, but what is copied */
    const struct config *config;
    struct rooms *rooms;
    const struct directory *directory;
    const struct transport *transport;
    struct uv_loop_s *loop;
    const struct token_hash *admin; /* copied, as the rest */
    const struct cluster_key
        *link_key; /* NULL: no cluster, no links; then the rest is not looked at */
    const char *node_id;
};

/* Allocates, loads the pages, registers with rooms_observe(). RLIMIT_NOFILE is raised by then. ERR_NOMEM,
 * ERR_INVAL. */
MUST_CHECK int signalling_create(struct signalling **out, const struct signalling_deps *deps,
                                 char problem[SIGNALLING_PROBLEM_MAX]);
/* Binds and listens. ERR_IO: the address is taken or not ours. */
MUST_CHECK int signalling_start(struct signalling *signalling,
                                char problem[SIGNALLING_PROBLEM_MAX]);
/* The port that was bound, also when 0 was asked for; 0 before signalling_start(). */
uint16_t signalling_port(const struct signalling *signalling);

/* Says `bye` to every WebSocket, each with its own retry_after_ms of retry_after_ms/2..retry_after_ms, refuses
 * newcomers, makes /readyz answer 503. on_closed runs once, from the loop: when all sockets are gone or
 * after SIGNALLING_CLOSE_WAIT_MS. The loop must go on running. */
enum { SIGNALLING_CLOSE_WAIT_MS = 3000 };
void signalling_close(struct signalling *signalling, uint32_t retry_after_ms,
                      void (*on_closed)(void *ctx), void *ctx);
/* Cuts what is left, runs the loop until libwebsockets has given its handles back. NULL is fine. Not from a
 * callback of the loop. */
void signalling_destroy(struct signalling *signalling);

#endif
