/* routes.h - whose a remote address is: one of our own peers, or another worker's.
 *
 * Our own addresses stand in a table that is exact. Of other workers' addresses, which the kernel
 * gives to our socket all the same, we keep a cache: its owner announces them again and again, so
 * that a forgotten one comes back. It grows with the crowd up to a bound, as scattered entries
 * would touch all of its memory at once.
 *
 * Owner    a worker
 * Thread   the worker's; only routes_init(), routes_put() and routes_learn() allocate
 * Units    entries
 * Errors   as named
 * Spec     none
 */
#ifndef TRANSPORT_ROUTES_H
#define TRANSPORT_ROUTES_H

#include "base/address.h"
#include "rostrum/error.h"

#include <stddef.h>

struct route {
    void *value; /* borrowed; NULL: free */
    struct address address;
};

struct foreign_route {
    struct address address;
    uint8_t worker_plus_one; /* 0: free */
    uint8_t age;             /* of the bucket's clock; the oldest goes first */
};

struct routes {
    struct route *table; /* owned; capacity is a power of two */
    size_t capacity, count;
    struct foreign_route *foreign; /* owned; buckets of several; NULL when there is one worker */
    size_t foreign_buckets, foreign_count; /* buckets: a power of two */
};

MUST_CHECK int routes_init(struct routes *routes, bool has_others); /* ERR_NOMEM */
void routes_clear(struct routes *routes);                           /* fine on a zeroed one */
/* An address that is there already changes its value. ERR_NOMEM: as before. */
MUST_CHECK int routes_put(struct routes *routes, const struct address *address, void *value);
void *routes_get(const struct routes *routes, const struct address *address); /* NULL: none */
/* Only if it still leads to `value`: another peer may have the address by now. */
void routes_remove(struct routes *routes, const struct address *address, const void *value);

void routes_learn(struct routes *routes, const struct address *address, unsigned worker);
/* False: unknown. */
bool routes_find_worker(const struct routes *routes, const struct address *address,
                        unsigned *worker);

#endif
