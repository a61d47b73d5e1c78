/* spans.h - how long things took: counts by ten milliseconds, and what most of them do not exceed.
 *
 * Owner    the account
 * Thread   one
 * Units    milliseconds
 * Errors   none
 * Spec     none
 */
#ifndef SIMULATE_SPANS_H
#define SIMULATE_SPANS_H

#include <stdint.h>

enum { SPANS_STEP_MS = 10, SPANS_STEPS = 12001 }; /* two minutes, and all that is longer */

struct spans {
    uint64_t count;
    uint32_t max_ms;
    uint64_t steps[SPANS_STEPS];
};

void spans_add(struct spans *spans, uint32_t ms, uint64_t times);
/* What `permille` of all do not exceed, to the step; 0: there are none. */
uint32_t spans_at(const struct spans *spans, unsigned permille);
uint64_t spans_above(const struct spans *spans, uint32_t ms); /* a multiple of the step */

#endif
