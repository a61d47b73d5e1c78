#include "base/ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* A record is a 16-byte header and its bytes, rounded up to 16. One that would cross the end of the
 * buffer is preceded by a padding record that fills the buffer up, so each record lies in one
 * piece. Indices count bytes since creation and never wrap in practice (2^64); their difference is
 * the fill.
 *
 * A ring that is empty begins again at the start of its buffer, so that only what waits at worst has
 * touched memory: `start` is the index that lies there. The producer moves it when the consumer has
 * given everything back, and publishes it with the next record; the consumer, who has nothing then,
 * looks at it whenever it sees new records. */
enum {
    CACHE_LINE_BYTES = 64,
    ALIGN_BYTES = 16,
    CAPACITY_MIN = 4096,
    CAPACITY_MAX = 1 << 30,
    RESTART_BYTES = 4096, /* before that it is not worth a look at the consumer's index */
};
#define PADDING_MARK 0xFFFFFFFFu /* record_bytes of a padding record */

struct header {
    uint32_t record_bytes; /* as committed, or PADDING_MARK */
    uint32_t total_bytes;  /* header, record and rounding */
    uint64_t unused;
};
_Static_assert(sizeof(struct header) == ALIGN_BYTES, "records must stay aligned");

struct ring {
    /* producer's line */
    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t written;
    uint64_t read_seen;   /* consumer's index when last looked at: spares its cache line */
    uint64_t reserved_at; /* index of the reserved record, behind its padding */
    size_t reserved_bytes;
    _Atomic uint64_t start;
    _Atomic uint64_t refused;
    /* consumer's line */
    _Alignas(CACHE_LINE_BYTES) _Atomic uint64_t read;
    uint64_t written_seen;
    uint64_t start_seen;
    /* constant */
    _Alignas(CACHE_LINE_BYTES) size_t capacity;
    uint8_t *buffer; /* owned */
};

static size_t offset_of(const struct ring *ring, uint64_t start, uint64_t index)
{
    return (size_t)((index - start) & (ring->capacity - 1));
}

static struct header *header_at(struct ring *ring, uint64_t start, uint64_t index)
{
    return (struct header *)(void *)(ring->buffer + offset_of(ring, start, index));
}

static size_t total_of(size_t record_bytes)
{
    return sizeof(struct header) + ((record_bytes + ALIGN_BYTES - 1) & ~(size_t)(ALIGN_BYTES - 1));
}

int ring_create(struct ring **out, size_t capacity_bytes)
{
    if (capacity_bytes < CAPACITY_MIN || capacity_bytes > CAPACITY_MAX ||
        (capacity_bytes & (capacity_bytes - 1)) != 0)
        return ERR_INVAL;
    struct ring *ring = aligned_alloc(CACHE_LINE_BYTES, sizeof(*ring));
    if (!ring)
        return ERR_NOMEM;
    memset(ring, 0, sizeof(*ring));
    ring->capacity = capacity_bytes;
    ring->buffer = aligned_alloc(CACHE_LINE_BYTES, capacity_bytes);
    if (!ring->buffer) {
        ring_destroy(ring);
        return ERR_NOMEM;
    }
    *out = ring;
    return 0;
}

void ring_destroy(struct ring *ring)
{
    if (!ring)
        return;
    free(ring->buffer);
    free(ring);
}

/* producer only */
static bool has_room(struct ring *ring, uint64_t written, size_t bytes)
{
    if (ring->capacity - (size_t)(written - ring->read_seen) >= bytes)
        return true;
    ring->read_seen = atomic_load_explicit(&ring->read, memory_order_acquire);
    return ring->capacity - (size_t)(written - ring->read_seen) >= bytes;
}

/* producer only */
static uint64_t start_for(struct ring *ring, uint64_t written)
{
    uint64_t start = atomic_load_explicit(&ring->start, memory_order_relaxed);
    if (offset_of(ring, start, written) < RESTART_BYTES)
        return start;
    ring->read_seen = atomic_load_explicit(&ring->read, memory_order_acquire);
    if (ring->read_seen != written)
        return start;
    /* published together with the record that is reserved now */
    atomic_store_explicit(&ring->start, written, memory_order_relaxed);
    return written;
}

/* producer only */
void *ring_reserve(struct ring *ring, size_t record_bytes)
{
    assert(record_bytes >= 1 && record_bytes <= ring->capacity / 4);
    uint64_t written = atomic_load_explicit(&ring->written, memory_order_relaxed);
    size_t total = total_of(record_bytes);
    uint64_t start = start_for(ring, written);
    size_t to_end = ring->capacity - offset_of(ring, start, written);
    size_t padding = total > to_end ? to_end : 0;
    if (!has_room(ring, written, padding + total)) {
        atomic_fetch_add_explicit(&ring->refused, 1, memory_order_relaxed);
        ring->reserved_bytes = 0;
        return NULL;
    }
    if (padding > 0) {
        struct header *pad = header_at(ring, start, written);
        pad->record_bytes = PADDING_MARK;
        pad->total_bytes = (uint32_t)padding;
    }
    ring->reserved_at = written + padding;
    ring->reserved_bytes = record_bytes;
    return header_at(ring, start, ring->reserved_at) + 1;
}

/* producer only */
void ring_commit(struct ring *ring, size_t record_bytes)
{
    assert(record_bytes >= 1 && record_bytes <= ring->reserved_bytes);
    uint64_t start = atomic_load_explicit(&ring->start, memory_order_relaxed);
    struct header *header = header_at(ring, start, ring->reserved_at);
    header->record_bytes = (uint32_t)record_bytes;
    header->total_bytes = (uint32_t)total_of(record_bytes);
    uint64_t written = ring->reserved_at + header->total_bytes;
    ring->reserved_bytes = 0;
    /* publishes padding, header and record in one step */
    atomic_store_explicit(&ring->written, written, memory_order_release);
}

/* producer only */
int ring_push(struct ring *ring, const void *record, size_t record_bytes)
{
    void *room = ring_reserve(ring, record_bytes);
    if (!room)
        return ERR_FULL;
    memcpy(room, record, record_bytes);
    ring_commit(ring, record_bytes);
    return 0;
}

/* Producer only by contract; atomic, so that telemetry may look as well. */
uint64_t ring_refused(const struct ring *ring)
{
    return atomic_load_explicit(&ring->refused, memory_order_relaxed);
}

/* consumer only */
static bool has_record(struct ring *ring, uint64_t read)
{
    if (read != ring->written_seen)
        return true;
    ring->written_seen = atomic_load_explicit(&ring->written, memory_order_acquire);
    if (read == ring->written_seen)
        return false;
    ring->start_seen = atomic_load_explicit(&ring->start, memory_order_relaxed);
    return true;
}

/* consumer only */
const void *ring_peek(struct ring *ring, size_t *record_bytes)
{
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    if (!has_record(ring, read))
        return NULL;
    struct header *header = header_at(ring, ring->start_seen, read);
    if (header->record_bytes == PADDING_MARK) {
        /* the record behind its padding was published together with it */
        read += header->total_bytes;
        atomic_store_explicit(&ring->read, read, memory_order_release);
        header = header_at(ring, ring->start_seen, read);
    }
    *record_bytes = header->record_bytes;
    return header + 1;
}

/* consumer only */
void ring_release(struct ring *ring)
{
    uint64_t read = atomic_load_explicit(&ring->read, memory_order_relaxed);
    assert(has_record(ring, read));
    struct header *header = header_at(ring, ring->start_seen, read);
    assert(header->record_bytes != PADDING_MARK);
    atomic_store_explicit(&ring->read, read + header->total_bytes, memory_order_release);
}
