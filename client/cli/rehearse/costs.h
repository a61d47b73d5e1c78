/* costs.h - what the listeners cost the server, and how true its count of them was.
 *
 * A steady second is one in which nobody new came, nor in the one before, and about as many heard
 * as before. Costs of listeners are taken from steady seconds; what the seconds with newcomers cost
 * beyond that is the price of joining.
 *
 * Owner    values
 * Thread   any; pure functions
 * Units    permille of one core, microseconds and milliseconds of processor time, bytes
 * Errors   none: what cannot be known has has_ = false
 * Spec     none
 */
#ifndef REHEARSE_COSTS_H
#define REHEARSE_COSTS_H

#include "row.h"

enum { COSTS_REPORTS_US = 10 * 1000 * 1000 }; /* so long a server may take to count somebody */

struct figure {
    bool is_known;
    double value;
};

struct costs {
    uint32_t steady_seconds;
    uint32_t steady_hearing;            /* mean over the fullest of them, as the next three */
    struct figure steady_permille;      /* of the whole server, all included */
    struct figure busiest_permille;     /* of its busiest thread */
    char busiest[LOOK_NAME_CHARS];      /* that thread's name */
    struct figure rest_permille;        /* before the crowd came */
    struct figure us_per_listener_s;    /* all included, the hosts and the recording too */
    struct figure us_per_packet;        /* as above */
    struct figure ms_per_join;          /* beyond rest and listeners */
    struct figure rss_per_seat;         /* bytes, growth since before the crowd came */
    struct figure sent, late, failures; /* program packets: sums as the server counted */
};
/* rest: the server before the crowd came. */
void costs_make(struct costs *out, const struct row *rows, uint32_t count,
                const struct server_second *rest);

/* How the server's count of those who hear compares with what was true. */
struct truth {
    bool is_known;       /* what follows; true_max always is */
    bool is_error_known; /* not within the first ten seconds, and not when some leave their sockets
                            unread: they do not say that they hear */
    uint32_t true_max, server_max;
    uint32_t overcount_max;      /* more than truly heard in that second or the next */
    uint32_t error_max;          /* off the whole range of the truth of the last ten seconds */
    uint32_t error_max_permille; /* of the truth, at the worst second */
};
/* others: whom the server counted before the crowd came. */
void truth_make(struct truth *out, const struct row *rows, uint32_t count, uint32_t others,
                bool has_unread);

#endif
