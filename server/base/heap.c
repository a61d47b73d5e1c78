#include "base/heap.h"

#include <malloc.h>

enum {
    MMAP_THRESHOLD_BYTES = 64 * 1024,
    TRIM_THRESHOLD_BYTES = 128 * 1024,
};

void heap_tune(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES);
    (void)mallopt(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES);
    /* Of a thread's heap, malloc_trim() leaves the free end alone, and the blocks that the C library
     * keeps aside for quick reuse are joined with that end only then: megabytes of it stayed. Joined
     * at once, it goes back as soon as it is longer than the threshold. */
    (void)mallopt(M_MXFAST, 0);
}

bool heap_is_to_trim(struct heap_rest *rest, uint64_t count, uint64_t now_us)
{
    if (count != rest->seen) {
        rest->seen = count;
        rest->seen_us = now_us;
    }
    uint64_t more = count - rest->trimmed;
    bool is_over = more > 0 && now_us - rest->seen_us >= HEAP_QUIET_US;
    bool is_long = more >= HEAP_ANYWAY_COUNT && now_us - rest->trimmed_us >= HEAP_ANYWAY_US;
    if (!is_over && !is_long)
        return false;
    rest->trimmed = count;
    rest->trimmed_us = now_us;
    return true;
}

void heap_trim(void)
{
    (void)malloc_trim(0);
}
