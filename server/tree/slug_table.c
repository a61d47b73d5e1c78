#include "tree/slug_table.h"

#include "base/hash.h"
#include "base/random.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 16 };

static uint64_t key_of(const struct slug_table *table, const char *slug)
{
    return hash_bytes(table->seed, slug, strlen(slug));
}

void slug_table_init(struct slug_table *table, size_t max)
{
    *table = (struct slug_table){.max = max};
    map_init(&table->map, max);
    random_bytes(&table->seed, sizeof(table->seed));
}

void slug_table_clear(struct slug_table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->list[i]);
    free(table->list);
    map_clear(&table->map);
    table->list = NULL;
    table->count = table->capacity = 0;
}

void *slug_table_find(const struct slug_table *table, const char *slug)
{
    struct slug_entry *entry = table->count > 0 ? map_get(&table->map, key_of(table, slug)) : NULL;
    return entry != NULL && strcmp(entry->slug, slug) == 0 ? entry : NULL;
}

static int make_room(struct slug_table *table)
{
    if (table->count == table->max)
        return ERR_FULL;
    if (table->count < table->capacity)
        return 0;
    size_t capacity = table->capacity == 0 ? FIRST_CAPACITY : table->capacity * 2;
    struct slug_entry **list = realloc(table->list, capacity * sizeof(struct slug_entry *));
    if (list == NULL)
        return ERR_NOMEM;
    table->list = list;
    table->capacity = capacity;
    return 0;
}

int slug_table_add(struct slug_table *table, const char *slug, size_t bytes, void **out)
{
    assert(bytes >= sizeof(struct slug_entry) && slug_is_valid(slug));
    uint64_t key = key_of(table, slug);
    if (table->count > 0 && map_get(&table->map, key) != NULL)
        return ERR_EXIST;
    int err = make_room(table);
    if (err != 0)
        return err;
    struct slug_entry *entry = calloc(1, bytes);
    if (entry == NULL)
        return ERR_NOMEM;
    err = map_put(&table->map, key, entry);
    if (err != 0) {
        free(entry);
        return err;
    }
    memcpy(entry->slug, slug, strlen(slug) + 1);
    entry->at = table->count;
    table->list[table->count++] = entry;
    *out = entry;
    return 0;
}

void slug_table_remove(struct slug_table *table, void *entry)
{
    struct slug_entry *gone = entry;
    struct slug_entry *last = table->list[--table->count];
    table->list[gone->at] = last;
    last->at = gone->at;
    (void)map_remove(&table->map, key_of(table, gone->slug));
    free(gone);
}
