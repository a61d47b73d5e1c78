#include "audience/key_pool_internal.h"

#include <stdint.h>

enum { LINE_BYTES = 64 };

static size_t whole_lines(size_t bytes)
{
    return (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
}

void key_pool_init(struct key_pool *pool, const struct srtp_engine *engine,
                   enum srtp_profile profile)
{
    *pool = (struct key_pool){.engine = engine, .profile = profile};
    pool->receiving_at = whole_lines(engine->key_bytes(profile, SRTP_SENDING));
    pool_init(&pool->pairs,
              pool->receiving_at + whole_lines(engine->key_bytes(profile, SRTP_RECEIVING)));
}

void key_pool_clear(struct key_pool *pool)
{
    pool_clear(&pool->pairs);
}

static void *receiving(const struct key_pool *pool, struct key_pair *pair)
{
    return (uint8_t *)pair + pool->receiving_at;
}

int key_pool_take(struct key_pool *pool, const struct srtp_keys *keys, struct key_pair **out)
{
    const struct srtp_engine *engine = pool->engine;
    struct key_pair *pair = pool_take(&pool->pairs);
    if (!pair)
        return ERR_NOMEM;
    int err = engine->key_init(pair, pool->profile, SRTP_SENDING, &keys->send);
    if (err == 0) {
        err =
            engine->key_init(receiving(pool, pair), pool->profile, SRTP_RECEIVING, &keys->receive);
        if (err != 0)
            engine->key_clear(pair, pool->profile, SRTP_SENDING);
    }
    if (err != 0) {
        pool_give(&pool->pairs, pair);
        return err;
    }
    *out = pair;
    return 0;
}

void key_pool_give(struct key_pool *pool, struct key_pair *pair)
{
    pool->engine->key_clear(pair, pool->profile, SRTP_SENDING);
    pool->engine->key_clear(receiving(pool, pair), pool->profile, SRTP_RECEIVING);
    pool_give(&pool->pairs, pair);
}

const void *key_pool_receiving(const struct key_pool *pool, const struct key_pair *pair)
{
    return (const uint8_t *)pair + pool->receiving_at;
}
