/* door_internal.h - the parts of the door, for door*.c and visit.c only.
 *
 * Owner    as in door.h
 * Thread   the door's
 * Units    as in door.h
 * Errors   as in door.h
 * Spec     as in door.h
 */
#ifndef REHEARSE_DOOR_INTERNAL_H
#define REHEARSE_DOOR_INTERNAL_H

#include "base/thread.h"
#include "nodes.h"
#include "origin.h"
#include "rehearse/door.h"
#include "rehearse/offer.h"
#include "rehearse/stands.h"
#include "rehearse/visit.h"
#include "tls.h"

#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <uv.h>

enum {
    DOOR_NOWHERE,
    DOOR_WAITING,
    DOOR_JOINING,
    DOOR_LINED,
    DOOR_ANSWERED,
    DOOR_HEARING,
    DOOR_GONE,
    DOOR_COUNTERS
};

struct door {
    struct door_params params;
    struct origin origin;
    struct nodes nodes;
    char addresses[NODES_MAX][ADDRESS_TEXT_MAX]; /* of theirs, numeric */
    char whep_path[96], line_path[96];
    struct thread thread;
    uint64_t start_us;
    uv_loop_t loop;
    uv_timer_t clock;
    uv_poll_t bell;
    SSL_CTX *tls;                /* owned; NULL for http */
    struct lws_context *context; /* owned; NULL in the end */
    struct timers timers;
    struct visit *visits; /* owned; one for each listener of the plan */
    uint32_t visit_count;
    struct ring *waves; /* owned; the conductor's thread produces */
    struct tally tally;
    struct stands stands;
    _Atomic unsigned part; /* of the tally's asks */
    bool has_loop;
    bool is_dismissed; /* everybody was told to leave */
    _Atomic bool is_to_stop;
    _Atomic uint32_t counters[DOOR_COUNTERS];
    _Atomic uint32_t missing;          /* had sound, lost it, and do not have it again */
    uint64_t late_answers, unanswered; /* of all parts */
    _Atomic uint64_t now_attempts, now_joined, now_refused, now_failed, now_disconnects, now_late,
        now_unanswered;
};

/* Owner's thread: plans the next look at the timers. */
void door_set_clock(struct door *door);
void door_count(struct door *door, unsigned from, unsigned to);
void door_publish(struct door *door);
/* For the ear of this listener; there is always room (link.h). */
void door_order(struct door *door, const struct ear_order *order);
/* The same text each time in one attempt, with a zero behind it. ERR_FULL. */
MUST_CHECK int door_write_offer(struct visit *visit, char out[OFFER_BYTES_MAX]);
/* The source address of a listener; NULL: the system chooses. */
const struct address *door_source(const struct door *door, uint32_t number);

/* way_line.c: the line, whatever the way */
void line_ask(struct visit *visit);
/* Gives the place up, when nothing else is under way. */
void line_leave(struct visit *visit);
/* Adds the ticket, if there is one. */
int line_add_bearer(const struct visit *visit, struct lws *wsi, unsigned char **at,
                    unsigned char *stop);
int line_add_headers(const struct visit *visit, struct lws *wsi, unsigned char **at,
                     unsigned char *stop);
/* The answer to a check-in is there. */
void line_complete(struct visit *visit);

/* way_socket.c, way_whep.c */
void socket_ask(struct visit *visit);
void socket_leave(struct visit *visit);
void whep_ask(struct visit *visit);
void whep_leave(struct visit *visit);
int socket_on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t bytes);
int whep_on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                  size_t bytes);
#define SOCKET_PROTOCOL "rostrum.v1"
#define WHEP_PROTOCOL "http"

/* door_way.c */

/* Opens a connection to a node for the visit; `method` NULL: a WebSocket. False: it could not even be
 * begun; visit->wsi is NULL then. */
bool way_connect(struct visit *visit, unsigned node, const char *path, const char *method);
/* An end that libwebsockets told of wsi. False: not the visit's present one. */
bool way_forget(struct visit *visit, const struct lws *wsi);
/* Keeps more bytes of what is coming. ERR_FULL, ERR_NOMEM. */
MUST_CHECK int way_keep(struct visit *visit, const void *data, size_t bytes);
void way_drop_incoming(struct visit *visit);
enum { RETRY_MAX_S = 3600 }; /* a longer wish is taken for this one */
/* What stands in Retry-After, VISIT_NEVER without. */
uint64_t way_retry_after_us(struct lws *wsi);
/* Refused with this status of HTTP. word: the server's for it; NULL: none. What passes is asked for
 * again, by itself if the server wishes no time (VISIT_NEVER). */
void way_refuse(struct visit *visit, unsigned status, const char *word, uint64_t retry_after_us);
/* A connection could not be made, or was refused before it was one. */
void way_fail(struct visit *visit, struct lws *wsi);

#endif
