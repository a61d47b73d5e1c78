#include "audience/key_pool_internal.h"

#include <stdalign.h>
#include <stdlib.h>

enum { LINE_BYTES = 64, SLAB_PAIRS = 64 };

struct key_slab {
    struct key_slab *next;
    alignas(LINE_BYTES) uint8_t pairs[];
};

/* While nobody has it. */
struct key_pair {
    struct key_pair *next;
};

static size_t whole_lines(size_t bytes)
{
    return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

void key_pool_init(struct key_pool *pool, const struct srtp_engine *engine,
                   enum srtp_profile profile)
{
    *pool = (struct key_pool){.engine = engine, .profile = profile};
    pool->receiving_at = whole_lines(engine->key_bytes(profile, SRTP_SENDING));
    pool->pair_bytes = pool->receiving_at + whole_lines(engine->key_bytes(profile, SRTP_RECEIVING));
}

void key_pool_clear(struct key_pool *pool)
{
    while (pool->slabs) {
        struct key_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        free(slab);
    }
    pool->free = NULL;
}

static void put_back(struct key_pool *pool, struct key_pair *pair)
{
    pair->next = pool->free;
    pool->free = pair;
}

static int grow(struct key_pool *pool)
{
    struct key_slab *slab =
        aligned_alloc(LINE_BYTES, sizeof(*slab) + SLAB_PAIRS * pool->pair_bytes);
    if (!slab)
        return ERR_NOMEM;
    slab->next = pool->slabs;
    pool->slabs = slab;
    for (size_t i = SLAB_PAIRS; i-- > 0;)
        put_back(pool, (void *)(slab->pairs + i * pool->pair_bytes));
    return 0;
}

static void *receiving(const struct key_pool *pool, struct key_pair *pair)
{
    return (uint8_t *)pair + pool->receiving_at;
}

int key_pool_take(struct key_pool *pool, const struct srtp_keys *keys, struct key_pair **out)
{
    const struct srtp_engine *engine = pool->engine;
    if (!pool->free && grow(pool) != 0)
        return ERR_NOMEM;
    struct key_pair *pair = pool->free;
    pool->free = pair->next;
    int err = engine->key_init(pair, pool->profile, SRTP_SENDING, &keys->send);
    if (err == 0) {
        err =
            engine->key_init(receiving(pool, pair), pool->profile, SRTP_RECEIVING, &keys->receive);
        if (err != 0)
            engine->key_clear(pair, pool->profile, SRTP_SENDING);
    }
    if (err != 0) {
        put_back(pool, pair);
        return err;
    }
    *out = pair;
    return 0;
}

void key_pool_give(struct key_pool *pool, struct key_pair *pair)
{
    pool->engine->key_clear(pair, pool->profile, SRTP_SENDING);
    pool->engine->key_clear(receiving(pool, pair), pool->profile, SRTP_RECEIVING);
    put_back(pool, pair);
}

const void *key_pool_receiving(const struct key_pool *pool, const struct key_pair *pair)
{
    return (const uint8_t *)pair + pool->receiving_at;
}
