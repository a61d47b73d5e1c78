#include "base/bucket.h"

#include <assert.h>

uint32_t bucket_left(struct bucket *bucket, unsigned per_second, unsigned burst, uint64_t now_us)
{
    assert(burst <= BUCKET_MAX && per_second <= BUCKET_MAX);
    if (now_us > bucket->filled_us && per_second > 0) {
        uint64_t elapsed_us = now_us - bucket->filled_us;
        uint64_t empty_us = ((uint64_t)bucket->taken_milli * 1000 + per_second - 1) / per_second;
        if (elapsed_us >= empty_us) {
            bucket->taken_milli = 0;
            bucket->filled_us = now_us;
        } else {
            /* time that made no whole thousandth stays unspent; rounded so that none counts twice
             */
            uint64_t back_milli = elapsed_us * per_second / 1000;
            bucket->taken_milli -= (uint32_t)back_milli;
            bucket->filled_us += (back_milli * 1000 + per_second - 1) / per_second;
        }
    }
    uint64_t most_milli = (uint64_t)burst * 1000;
    return bucket->taken_milli < most_milli ? (uint32_t)(most_milli - bucket->taken_milli) / 1000
                                            : 0;
}

bool bucket_take(struct bucket *bucket, unsigned per_second, unsigned burst, uint64_t now_us)
{
    if (bucket_left(bucket, per_second, burst, now_us) == 0)
        return false;
    bucket->taken_milli += 1000;
    return true;
}
