/* bucket.h - a token bucket: so many at once, and so many a second.
 *
 * Owner    whoever holds it; one that is all zeros is full
 * Thread   one at a time
 * Units    tokens; microseconds, monotonic
 * Errors   none
 * Spec     none
 */
#ifndef BASE_BUCKET_H
#define BASE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

enum { BUCKET_MAX = 1000000 }; /* tokens at once, and a second */

struct bucket {
    uint32_t taken_milli; /* and not back yet */
    uint64_t filled_us;
};

/* What is in a bucket of `burst`, refilled at `per_second`; both up to BUCKET_MAX. */
uint32_t bucket_left(struct bucket *bucket, unsigned per_second, unsigned burst, uint64_t now_us);
/* Takes one of it. False: empty. */
bool bucket_take(struct bucket *bucket, unsigned per_second, unsigned burst, uint64_t now_us);

#endif
