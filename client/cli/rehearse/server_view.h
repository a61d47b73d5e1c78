/* server_view.h - asks the server once a second what it uses and whom it counts, while a rehearsal
 * runs.
 *
 * With an admin's token it sees processor, memory, threads and packets; without one only the room's
 * public counts. It asks over connections of its own: libwebsockets would load all certificates for
 * each of them (20 ms of processor time), and keeps state that two of its contexts share.
 *
 * Owner    rehearse
 * Thread   a thread of its own, between start and stop; the functions: the command's
 * Units    microseconds, monotonic; row k is the second that ends k + 1 s after start_us
 * Errors   as named. An answer that does not come makes a row that is not seen
 * Spec     RFC 9112
 */
#ifndef REHEARSE_SERVER_VIEW_H
#define REHEARSE_SERVER_VIEW_H

#include "node_look.h"

struct server_view;

struct server_view_params {
    const char *server; /* http://host:port or https://host; this and the others are copied */
    const char *slug;
    const char *token; /* NULL: none */
};

enum {
    VIEW_WHY_CHARS = 160,
    VIEW_SECONDS_MAX = 3700, /* an hour's rehearsal and what comes before and after */
};

/* Allocates. ERR_INVAL: no such URL. ERR_NOMEM, ERR_CRYPTO: TLS cannot be had. */
MUST_CHECK int server_view_create(struct server_view **out,
                                  const struct server_view_params *params);
/* One look now. ERR_IO: neither node nor room could be seen, or a node that was seen before was
 * not. */
MUST_CHECK int server_view_look(struct server_view *view, struct node_look *out);
/* Why the last look saw not all, such as "certificate verify failed". Lends. */
const char *server_view_why(const struct server_view *view);
/* `before` is the look that the first row's rates are counted from. */
MUST_CHECK int server_view_start(struct server_view *view, const struct node_look *before,
                                 uint64_t start_us);
/* The row that was made last, for a line of progress. Any time after start. */
void server_view_latest(struct server_view *view, struct server_second *out);
/* Looks once more where a second has just passed. */
void server_view_stop(struct server_view *view);
/* After server_view_stop(): lends the rows. */
const struct server_second *server_view_rows(const struct server_view *view, uint32_t *count);
/* What it never saw and why, in plain words, or "". */
const char *server_view_blind_spot(const struct server_view *view);
void server_view_destroy(struct server_view *view); /* NULL is fine */

#endif
