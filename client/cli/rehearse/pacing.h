/* pacing.h - how many of something are due by now, at so many a second.
 *
 * Owner    the caller's
 * Thread   one at a time; pure
 * Units    microseconds, monotonic; a second's count
 * Errors   none
 * Spec     none
 */
#ifndef REHEARSE_PACING_H
#define REHEARSE_PACING_H

#include <stdint.h>

enum { PACING_TICK_US = 20 * 1000 }; /* what was held up for longer is not made up for */

struct pacing {
    double per_s;
    uint64_t start_us;
    uint64_t told;   /* were due so far */
    uint64_t missed; /* of them, whose moment passed unused; never told as due */
};
void pacing_start(struct pacing *pacing, double per_s, uint64_t now_us);
/* Due since the last call, at most as many as a tick has and one. */
uint64_t pacing_due(struct pacing *pacing, uint64_t now_us);

#endif
