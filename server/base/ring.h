/* ring.h - a bounded, lock-free ring of variable-sized records between two threads. Its memory costs
 * nothing until so much waits in it.
 *
 * Owner    whoever links the two threads; created before either starts, destroyed after both ended
 * Thread   exactly one producer and one consumer; each function says whose it is
 * Units    bytes; records start on 16-byte borders: any struct that wants no larger alignment
 * Errors   a full ring refuses (NULL, counted); it never blocks and never allocates
 * Spec     none
 */
#ifndef BASE_RING_H
#define BASE_RING_H

#include "rostrum/error.h"

#include <stddef.h>
#include <stdint.h>

struct ring; /* opaque: fields live in ring.c */

/* Allocates; release with ring_destroy(). capacity_bytes: power of two, 4 KiB..1 GiB. ERR_INVAL,
 * ERR_NOMEM. */
MUST_CHECK int ring_create(struct ring **out, size_t capacity_bytes);
void ring_destroy(struct ring *ring); /* NULL is fine */

/* Producer only. Lends room for one record of 1..capacity/4 bytes, to be filled and committed; NULL
 * when full (counted in ring_refused()). A second reserve before the commit takes the first one
 * back. */
void *ring_reserve(struct ring *ring, size_t record_bytes);
/* Producer only. Publishes the reserved record, cut to record_bytes (at most what was reserved). */
void ring_commit(struct ring *ring, size_t record_bytes);
/* Producer only. Copies one record in. ERR_FULL when there is no room. */
MUST_CHECK int ring_push(struct ring *ring, const void *record, size_t record_bytes);
/* Producer only. Records refused since creation. */
uint64_t ring_refused(const struct ring *ring);

/* Consumer only. Lends the oldest record until ring_release(); NULL when empty. */
const void *ring_peek(struct ring *ring, size_t *record_bytes);
/* Consumer only. Gives the peeked record back. */
void ring_release(struct ring *ring);

#endif
