/* map.h - a hash table from 64-bit numbers to pointers.
 *
 * Owner    whoever embeds it; the values are borrowed
 * Thread   the owner's
 * Units    entries
 * Errors   map_put: ERR_NOMEM when it cannot grow, ERR_FULL beyond max_entries
 * Spec     open addressing, linear probing, deletion by backward shift
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "rostrum/error.h"

#include <stddef.h>
#include <stdint.h>

struct map_slot {
    uint64_t key;
    void *value; /* NULL: free */
};

struct map {
    struct map_slot *slots; /* owned; capacity is a power of two, or 0 */
    size_t capacity;
    size_t count;
    size_t max_entries; /* 0: no limit but memory */
};

void map_init(struct map *map, size_t max_entries);
void map_clear(struct map *map); /* frees the table, not the values */
/* Replaces an entry of the same key. value must not be NULL. The only function that allocates. */
MUST_CHECK int map_put(struct map *map, uint64_t key, void *value);
void *map_get(const struct map *map, uint64_t key); /* NULL: none */
void *map_remove(struct map *map, uint64_t key);    /* what it was, or NULL */

#endif
