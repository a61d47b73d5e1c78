/* busiest.h - the networks that come most often, in a table of fixed size, whatever number of networks come.
 *
 * Space-Saving: a newcomer to a full table takes the place of the network with the fewest attempts and inherits
 * its count, which is then the newcomer's possible error. So `attempts` is never too low and at most `too_high` too
 * high; `too_high` never exceeds the attempts of all networks divided by BUSIEST_MAX; and whoever made more attempts
 * than that is in the table. What else is counted of a network began when it last came into the table: at least.
 *
 * Owner    a room's arrivals; one allocation (100 KB)
 * Thread   control
 * Units    attempts
 * Errors   busiest_create: ERR_NOMEM. busiest_restore: ERR_FULL, ERR_EXIST, ERR_INVAL
 * Spec     Metwally, Agrawal, El Abbadi: Efficient Computation of Frequent and Top-k Elements in Data Streams (2005)
 */
#ifndef ADMISSION_BUSIEST_H
#define ADMISSION_BUSIEST_H

#include "base/arrival.h"
#include "rostrum/error.h"

#include <stdint.h>

enum { BUSIEST_MAX = ARRIVAL_NETWORKS_MAX };

struct busiest;

/* key: random, so that nobody can choose networks that meet in the table's hash. */
MUST_CHECK int busiest_create(struct busiest **out, uint64_t key);
void busiest_destroy(struct busiest *busiest); /* NULL is fine */
/* network 0 (unknown) is not kept. Allocates nothing and takes the same few steps always. */
void busiest_count(struct busiest *busiest, enum arrival arrival, uint64_t network);
/* Puts back what an earlier process had counted, into a new table, in the order of busiest_list(). ERR_INVAL: out of
 * order, or not possible. */
MUST_CHECK int busiest_restore(struct busiest *busiest, const struct arrival_network *network);
/* Copies the first max, the busiest first; returns how many. */
unsigned busiest_list(const struct busiest *busiest, struct arrival_network *out, unsigned max);
/* Nobody who is not in the table made more attempts than this; 0: everybody is in it. */
uint32_t busiest_missed(const struct busiest *busiest);

#endif
