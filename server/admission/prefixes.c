#include "admission/prefixes.h"

#include <assert.h>
#include <stdlib.h>

int prefixes_init(struct prefixes *prefixes, uint32_t prefixes_max, uint64_t key)
{
    *prefixes = (struct prefixes){.slots = prefixes_max + prefixes_max / 4 + 1, .key = key};
    prefixes->hashes = calloc(prefixes->slots, sizeof(*prefixes->hashes));
    prefixes->places = calloc(prefixes->slots, sizeof(*prefixes->places));
    if (prefixes->hashes && prefixes->places)
        return 0;
    prefixes_clear(prefixes);
    return ERR_NOMEM;
}

void prefixes_clear(struct prefixes *prefixes)
{
    free(prefixes->hashes);
    free(prefixes->places);
    *prefixes = (struct prefixes){0};
}

uint32_t prefixes_hash(const struct prefixes *prefixes, uint64_t prefix)
{
    uint64_t hash = (prefix ^ prefixes->key) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ (hash >> 32) ^ (prefixes->key << 7)) * 0xBF58476D1CE4E5B9u;
    uint32_t upper = (uint32_t)(hash >> 32);
    return upper == 0 ? 1 : upper;
}

/* The number of slots is no power of two: the upper part of the product spreads hashes over it. */
static uint32_t home_of(const struct prefixes *prefixes, uint32_t hash)
{
    return (uint32_t)((uint64_t)hash * prefixes->slots >> 32);
}

static uint32_t after(const struct prefixes *prefixes, uint32_t slot)
{
    return slot + 1 == prefixes->slots ? 0 : slot + 1;
}

/* The slot of hash, or the free one where it belongs; there is always a free one. */
static uint32_t slot_of(const struct prefixes *prefixes, uint32_t hash)
{
    uint32_t slot = home_of(prefixes, hash);
    while (prefixes->hashes[slot] != 0 && prefixes->hashes[slot] != hash)
        slot = after(prefixes, slot);
    return slot;
}

uint16_t prefixes_count(const struct prefixes *prefixes, uint32_t hash)
{
    return prefixes->places[slot_of(prefixes, hash)];
}

void prefixes_add(struct prefixes *prefixes, uint32_t hash)
{
    uint32_t slot = slot_of(prefixes, hash);
    assert(prefixes->places[slot] < UINT16_MAX);
    prefixes->hashes[slot] = hash;
    prefixes->places[slot]++;
}

void prefixes_remove(struct prefixes *prefixes, uint32_t hash)
{
    uint32_t hole = slot_of(prefixes, hash);
    assert(prefixes->places[hole] > 0);
    if (--prefixes->places[hole] > 0)
        return;
    /* Every follower whose home does not lie between the hole and itself moves back into the hole. */
    for (uint32_t at = after(prefixes, hole); prefixes->hashes[at] != 0; at = after(prefixes, at)) {
        uint32_t home = home_of(prefixes, prefixes->hashes[at]);
        bool stays = hole < at ? (home > hole && home <= at) : (home > hole || home <= at);
        if (stays)
            continue;
        prefixes->hashes[hole] = prefixes->hashes[at];
        prefixes->places[hole] = prefixes->places[at];
        hole = at;
    }
    prefixes->hashes[hole] = 0;
    prefixes->places[hole] = 0;
}

size_t prefixes_bytes(const struct prefixes *prefixes)
{
    return prefixes->slots * (sizeof(*prefixes->hashes) + sizeof(*prefixes->places));
}
