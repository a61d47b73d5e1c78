/* slug_table.h - a bounded table of things that belong to a room's slug.
 *
 * Owner    whoever embeds it; entries are owned by the table
 * Thread   the owner's
 * Units    entries
 * Errors   slug_table_add: ERR_NOMEM, ERR_FULL; ERR_EXIST: there already, or another slug has its hash
 * Spec     base/map.h, with a random start of the hash: nobody can choose slugs that meet
 */
#ifndef TREE_SLUG_TABLE_H
#define TREE_SLUG_TABLE_H

#include "base/map.h"
#include "base/slug.h"

struct slug_entry { /* the first member of what is kept */
    char slug[SLUG_MAX + 1];
    size_t at; /* in table->list */
};

struct slug_table {
    struct map map;
    struct slug_entry **list; /* owned; in no order */
    size_t count, capacity, max;
    uint64_t seed;
};

void slug_table_init(struct slug_table *table, size_t max);
void slug_table_clear(struct slug_table *table);                         /* frees all */
void *slug_table_find(const struct slug_table *table, const char *slug); /* NULL: none */
/* A new entry of `bytes` bytes, all zeros but its slug, which is valid. */
MUST_CHECK int slug_table_add(struct slug_table *table, const char *slug, size_t bytes, void **out);
/* Frees it. The last of the list takes its place: who walks the list downwards misses nothing. */
void slug_table_remove(struct slug_table *table, void *entry);

#endif
