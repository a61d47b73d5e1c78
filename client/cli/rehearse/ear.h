/* ear.h - a thread that holds a share of the crowd: their sockets, peers and accounts.
 *
 * A listener that is joining is read as soon as something comes for it. One that hears is read in
 * every third sweep, whether something came or not: nearly always three packets did, the kernel has
 * stamped when each came, and neither we nor the sender pay for a wake-up and a system call at each.
 * A sweep is cut into slices, so that this thread never holds its core for long: the server may
 * share it. (1,000 listeners, one core's microseconds for each listener and second: 177 when every
 * packet wakes us, 140 when each sweep reads, 102 when every third does.)
 *
 * Owner    the crowd
 * Thread   create, start, join, destroy, tally: the crowd's. ear_look: any
 * Units    microseconds, monotonic
 * Errors   as named
 * Spec     none
 */
#ifndef REHEARSE_EAR_H
#define REHEARSE_EAR_H

#include "rehearse/link.h"
#include "rehearse/plan.h"

enum {
    EAR_SWEEP_US = LISTENER_READ_EVERY_US,
    EAR_READ_SWEEPS = 3, /* every third sweep reads; lossy and slow ones are read in each */
    EAR_HEARD_US = 10 * 1000 * 1000,
    EAR_SLICE_US = 4 * 1000, /* the shortest; fewer listeners make longer ones */
};

struct ear;

struct ear_params {
    unsigned number, ears;   /* its listeners are those whose number, modulo ears, is its own */
    const struct plan *plan; /* borrowed, as the next three */
    const struct dtls_identity *identity;
    struct ear_link *link;
    struct crowd_mood *mood;
};

/* A moment old at most. */
struct ear_now {
    uint32_t connected, hearing;
    uint32_t steady; /* have heard all the time for EAR_HEARD_US or longer */
    uint32_t heard; /* had a packet in the last EAR_HEARD_US, whether they are still there or not */
    uint64_t packets, lost;
};

/* Allocates. ERR_NOMEM, ERR_IO. */
MUST_CHECK int ear_create(struct ear **out, const struct ear_params *params);
MUST_CHECK int ear_start(struct ear *ear, uint64_t start_us);
void ear_look(struct ear *ear, struct ear_now *out);
/* After mood->stop was set and its bell rung. */
void ear_join(struct ear *ear);
/* Lends; after ear_join(). */
const struct tally *ear_tally(const struct ear *ear);
void ear_destroy(struct ear *ear); /* NULL is fine */

#endif
