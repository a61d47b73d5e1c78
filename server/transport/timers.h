/* timers.h - which of very many objects is due next: a binary heap of moments.
 *
 * Owner    a worker; each struct timer lies inside its object
 * Thread   the worker's; only timers_add() allocates
 * Units    microseconds, monotonic
 * Errors   timers_add: ERR_NOMEM
 * Spec     none
 */
#ifndef TRANSPORT_TIMERS_H
#define TRANSPORT_TIMERS_H

#include "rostrum/error.h"

#include <stddef.h>
#include <stdint.h>

struct timer {
    uint64_t due_us;
    size_t at;   /* its place in the heap */
    void *owner; /* borrowed */
};

struct timers {
    struct timer **heap; /* owned array of borrowed timers */
    size_t count, capacity;
};

void timers_clear(struct timers *timers); /* frees the array; fine on a zeroed one */
MUST_CHECK int timers_add(struct timers *timers, struct timer *timer, void *owner, uint64_t due_us);
void timers_remove(struct timers *timers, struct timer *timer);
void timers_set(struct timers *timers, struct timer *timer, uint64_t due_us);
/* Lends the one that is due first; NULL when there is none. */
struct timer *timers_first(const struct timers *timers);

#endif
