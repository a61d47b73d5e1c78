#include "tree/rank.h"

#include "base/hash.h"

#include <string.h>

static uint64_t stir(uint64_t hash)
{
    hash ^= hash >> 33;
    hash *= 0xff51afd7ed558ccdu;
    hash ^= hash >> 33;
    hash *= 0xc4ceb9fe1a85ec53u;
    return hash ^ hash >> 33;
}

uint32_t rank_of(uint64_t of, const char *id)
{
    uint64_t hash = hash_bytes(HASH_START, &of, sizeof(of));
    return (uint32_t)(stir(hash_bytes(hash, id, strlen(id))) >> 32);
}
