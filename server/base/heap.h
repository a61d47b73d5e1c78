/* heap.h - keeps the process' memory near what it uses.
 *
 * A handshake takes 55 kB for a moment. After a storm of thousands the heap is full of holes that
 * the C library keeps; they are given back when the storm is over.
 *
 * Owner    main
 * Thread   control
 * Units    microseconds, monotonic, passed in
 * Errors   none
 * Spec     mallopt(3), malloc_trim(3)
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HEAP_QUIET_US =
        12 * 1000 * 1000, /* what is kept of handshakes that nobody proved goes after 10 s */
    HEAP_ANYWAY_US = 60 * 1000 * 1000,
    HEAP_ANYWAY_COUNT = 500,
};

/* At the start of the process: large arrays get pages of their own, and free ends are given back. */
void heap_tune(void);

/* All zeros at the start. */
struct heap_rest {
    uint64_t seen, trimmed; /* counts */
    uint64_t seen_us, trimmed_us;
};

/* True once it pays to call heap_trim(): `count` (of handshakes) has moved since the last time, and
 * stands still now; or very many came in a minute. */
bool heap_is_to_trim(struct heap_rest *rest, uint64_t count, uint64_t now_us);
/* Gives free pages back. Takes milliseconds, in which threads that ask for memory may wait. */
void heap_trim(void);

#endif
