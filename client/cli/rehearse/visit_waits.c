/* visit_waits.c - how long a visit waits before it comes again. */
#include "base/random.h"
#include "rehearse/visit.h"

enum {
    BACKOFF_FIRST_US = 500 * 1000, /* as client/web/js/backoff.js */
    BACKOFF_LAST_US = 30 * 1000 * 1000,
    BACKOFF_DOUBLINGS = 6,
    WISH_SPREAD_PERCENT = 20,
    WISH_SPREAD_MIN_US = 100 * 1000,
    WISH_SPREAD_MAX_US = 5 * 1000 * 1000,
};

uint64_t visit_random_us(uint64_t limit)
{
    return limit == 0 ? 0 : (uint64_t)random_u32() * limit >> 32;
}

uint64_t visit_backoff_us(struct visit *visit)
{
    unsigned tries = visit->failures++;
    uint64_t limit_us = (uint64_t)BACKOFF_FIRST_US
                        << (tries < BACKOFF_DOUBLINGS ? tries : BACKOFF_DOUBLINGS);
    return visit_random_us(limit_us < BACKOFF_LAST_US ? limit_us : BACKOFF_LAST_US);
}

uint64_t visit_wished_us(uint64_t retry_after_us)
{
    uint64_t spread_us = WISH_SPREAD_MIN_US + retry_after_us * WISH_SPREAD_PERCENT / 100;
    return retry_after_us +
           visit_random_us(spread_us < WISH_SPREAD_MAX_US ? spread_us : WISH_SPREAD_MAX_US);
}
