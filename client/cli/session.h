/* session.h - a host or listener in a room: the WebSocket, and the media connection it leads to.
 *
 * Comes back by itself when the server goes away, as a page does: with full jitter, the server's
 * own retry_after_ms first. A certificate that is not accepted ends it. A listener for whom there is
 * no seat stands in line: it checks in when the server says, and keeps its ticket all the time. Sent to
 * another node it goes there, three times in a row at most; whatever is lost there begins anew at `server`.
 *
 * Owner    a command
 * Thread   the loop's
 * Units    microseconds, monotonic
 * Errors   what ends the session for good comes through on_end
 * Spec     protocol.schema.json (rostrum.v1)
 */
#ifndef CLI_SESSION_H
#define CLI_SESSION_H

#include "line_word.h"
#include "media.h"

struct session;

struct session_params {
    const char *server, *slug;
    const char *token;                             /* NULL: a listener */
    const char *pass;                              /* a listener's, of its invitation; or NULL */
    bool consent;                                  /* agree to be recorded when asked */
    void (*on_up)(void *ctx, struct media *media); /* media may flow; lent until on_down */
    void (*on_down)(void *ctx); /* media is gone; it comes back or on_end follows */
    void (*on_rtp)(void *ctx, const struct rtp_packet *packet, uint64_t now_us);
    void (*on_rtcp)(void *ctx, const struct rtcp_packet *packet, uint64_t now_us);
    void (*on_room)(void *ctx, const char *state); /* "live", "ended", ... at each change */
    /* The place in line, or NULL: it has a seat again. Each time that the server tells; or NULL. */
    void (*on_line)(void *ctx, const struct line_place *place);
    void (*on_end)(void *ctx, int status); /* for good: exit status, told on standard error */
    void *ctx;
};

/* Allocates, with a loop of its own. ERR_NOMEM, ERR_INVAL (told). */
MUST_CHECK int session_create(struct session **out, const struct session_params *params);
/* Lends the loop, for the command's own timers; they are closed with the session. */
uv_loop_t *session_loop(struct session *session);
/* Runs until session_close(). */
void session_run(struct session *session);
/* From a callback: says good-bye and ends session_run(). No further callback comes. */
void session_close(struct session *session);
/* As if the network had gone: socket and media end without a good-bye, and it comes back by itself. */
void session_drop(struct session *session);
void session_destroy(struct session *session); /* NULL is fine */

#endif
