/* pool.h - very many objects of one size, kept apart from the heap.
 *
 * A listener's objects live for hours and are made between handshakes that take 55 kB each for a
 * moment. On the heap each of them would keep the pages around it from going back to the system.
 *
 * Owner    whoever embeds it
 * Thread   the owner's; pool_take() asks the system for memory now and then
 * Units    bytes
 * Errors   pool_take: NULL when there is no memory
 * Spec     none
 */
#ifndef BASE_POOL_H
#define BASE_POOL_H

#include <stddef.h>

struct pool_chunk;

struct pool {
    size_t object_bytes;
    size_t taken;
    void *free;                /* list of those given back, through their first bytes */
    struct pool_chunk *chunks; /* owned */
    size_t fresh;              /* objects of the newest chunk that were never taken */
};

void pool_init(struct pool *pool, size_t object_bytes); /* at least a pointer's size */
/* Frees all memory, with whatever was not given back. Fine on a zeroed one. */
void pool_clear(struct pool *pool);
/* All zeros, aligned as malloc() does; on cache lines, if object_bytes is a number of whole ones. */
void *pool_take(struct pool *pool);
void pool_give(struct pool *pool, void *object); /* wipes it */

#endif
