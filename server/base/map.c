#include "base/map.h"

#include <stdbool.h>
#include <stdlib.h>

enum { MAP_FIRST_CAPACITY = 16 };

/* Fibonacci hashing: keys that differ in few bits are spread over the table. */
static size_t home_of(const struct map *map, uint64_t key)
{
    uint64_t mixed = (key ^ (key >> 32)) * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(mixed >> 20) & (map->capacity - 1);
}

/* The slot of key, or the free one where it belongs. The table always has a free slot. */
static size_t slot_of(const struct map *map, uint64_t key)
{
    size_t at = home_of(map, key);
    while (map->slots[at].value != NULL && map->slots[at].key != key)
        at = (at + 1) & (map->capacity - 1);
    return at;
}

static int grow(struct map *map)
{
    struct map bigger = {.capacity = map->capacity == 0 ? MAP_FIRST_CAPACITY : map->capacity * 2};
    bigger.slots = calloc(bigger.capacity, sizeof(*bigger.slots));
    if (bigger.slots == NULL)
        return ERR_NOMEM;
    for (size_t i = 0; i < map->capacity; i++)
        if (map->slots[i].value != NULL)
            bigger.slots[slot_of(&bigger, map->slots[i].key)] = map->slots[i];
    free(map->slots);
    map->slots = bigger.slots;
    map->capacity = bigger.capacity;
    return 0;
}

void map_init(struct map *map, size_t max_entries)
{
    *map = (struct map){.max_entries = max_entries};
}

void map_clear(struct map *map)
{
    free(map->slots);
    map_init(map, map->max_entries);
}

int map_put(struct map *map, uint64_t key, void *value)
{
    if (map->capacity > 0) {
        struct map_slot *slot = &map->slots[slot_of(map, key)];
        if (slot->value != NULL) {
            slot->value = value;
            return 0;
        }
    }
    if (map->max_entries > 0 && map->count >= map->max_entries)
        return ERR_FULL;
    if (map->count * 4 >= map->capacity * 3) {
        int err = grow(map);
        if (err != 0)
            return err;
    }
    map->slots[slot_of(map, key)] = (struct map_slot){.key = key, .value = value};
    map->count++;
    return 0;
}

void *map_get(const struct map *map, uint64_t key)
{
    return map->capacity == 0 ? NULL : map->slots[slot_of(map, key)].value;
}

void *map_remove(struct map *map, uint64_t key)
{
    if (map->capacity == 0)
        return NULL;
    size_t hole = slot_of(map, key);
    void *value = map->slots[hole].value;
    if (value == NULL)
        return NULL;
    /* Every follower whose home does not lie between the hole and itself moves back into the hole.
     */
    for (size_t at = (hole + 1) & (map->capacity - 1); map->slots[at].value != NULL;
         at = (at + 1) & (map->capacity - 1)) {
        size_t home = home_of(map, map->slots[at].key);
        bool stays = hole < at ? (home > hole && home <= at) : (home > hole || home <= at);
        if (stays)
            continue;
        map->slots[hole] = map->slots[at];
        hole = at;
    }
    map->slots[hole].value = NULL;
    map->count--;
    return value;
}
