#include "base/pool.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(at, bytes) ((void)(at), (void)(bytes))
#endif

enum { CHUNK_BYTES = 256 * 1024, ALIGN = 16, LINE_BYTES = 64 };

struct pool_chunk {
    struct pool_chunk *next;
    _Alignas(LINE_BYTES) uint8_t objects[];
};

static size_t per_chunk(const struct pool *pool)
{
    return (CHUNK_BYTES - sizeof(struct pool_chunk)) / pool->object_bytes;
}

void pool_init(struct pool *pool, size_t object_bytes)
{
    *pool = (struct pool){.object_bytes = (object_bytes + ALIGN - 1) / ALIGN * ALIGN};
}

void pool_clear(struct pool *pool)
{
    while (pool->chunks) {
        struct pool_chunk *next = pool->chunks->next;
        ASAN_UNPOISON_MEMORY_REGION(pool->chunks, CHUNK_BYTES);
        (void)munmap(pool->chunks, CHUNK_BYTES);
        pool->chunks = next;
    }
    *pool = (struct pool){.object_bytes = pool->object_bytes};
}

static void *take_fresh(struct pool *pool)
{
    if (pool->fresh == 0) {
        void *memory =
            mmap(NULL, CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory == MAP_FAILED)
            return NULL;
        struct pool_chunk *chunk = memory;
        chunk->next = pool->chunks;
        pool->chunks = chunk;
        pool->fresh = per_chunk(pool);
        ASAN_POISON_MEMORY_REGION(chunk->objects, CHUNK_BYTES - sizeof(*chunk));
    }
    return pool->chunks->objects + (per_chunk(pool) - pool->fresh--) * pool->object_bytes;
}

void *pool_take(struct pool *pool)
{
    void *object = pool->free;
    if (object) {
        ASAN_UNPOISON_MEMORY_REGION(object, pool->object_bytes);
        memcpy(&pool->free, object, sizeof(pool->free));
    } else {
        object = take_fresh(pool);
        if (!object)
            return NULL;
        ASAN_UNPOISON_MEMORY_REGION(object, pool->object_bytes);
    }
    memset(object, 0, sizeof(pool->free)); /* the rest is zero already */
    pool->taken++;
    return object;
}

void pool_give(struct pool *pool, void *object)
{
    explicit_bzero(object, pool->object_bytes);
    memcpy(object, &pool->free, sizeof(pool->free));
    pool->free = object;
    pool->taken--;
    ASAN_POISON_MEMORY_REGION(object, pool->object_bytes);
}
