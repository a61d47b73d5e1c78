/* redis_dial.h - gets a connected stream to a Redis: looks its name up, connects.
 *
 *     idle --start()--> looking --addresses--> connecting --> on_dialled(wire), idle
 *                          \------------------------\--> on_dialled(NULL), idle
 *
 * The name is looked up anew for each try, beside the loop (libuv's threads). If that takes long or fails, the
 * addresses of the last time are used. A look-up that hangs is waited for; there is never a second one.
 *
 * Owner    redis_link
 * Thread   control: the loop
 * Units    now_us: microseconds, monotonic, passed in
 * Errors   as named
 * Spec     none
 */
#ifndef TREE_REDIS_DIAL_H
#define TREE_REDIS_DIAL_H

#include "config/redis_url.h"
#include "rostrum/error.h"

#include <uv.h>

struct redis_dial;

/* A connection's handle; freed when libuv lets go of it. */
struct redis_wire {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    };
    uv_connect_t connect;
    struct redis_dial *dial; /* borrowed while connecting; else NULL */
    void *owner;             /* for whoever got the wire */
};

/* wire NULL: it failed, `why` is a word for the log. Never from inside redis_dial_start(). */
typedef void redis_dialled(void *ctx, struct redis_wire *wire, const char *why);

MUST_CHECK int redis_dial_create(struct redis_dial **out, uv_loop_t *loop,
                                 const struct redis_url *url, redis_dialled *on_dialled, void *ctx);
/* ERR_IO: not even begun. ERR_NOMEM. */
MUST_CHECK int redis_dial_start(struct redis_dial *dial, uint64_t now_us);
void redis_dial_tick(struct redis_dial *dial, uint64_t now_us);
void redis_dial_cancel(struct redis_dial *dial);  /* on_dialled does not follow */
void redis_dial_destroy(struct redis_dial *dial); /* NULL is fine */
void redis_wire_close(
    struct redis_wire *wire); /* takes it; no callback of its follows but uv's own */

#endif
