/* wave.h - what a conductor tells a range of the crowd's listeners, while it plays.
 *
 * Owner    values
 * Thread   the command's tells, the door does it within a turn of its loop
 * Units    microseconds; listeners by number
 * Errors   none
 * Spec     none
 */
#ifndef REHEARSE_WAVE_H
#define REHEARSE_WAVE_H

#include <stdbool.h>
#include <stdint.h>

enum wave_kind {
    WAVE_COME,  /* who is not there comes, as somebody new */
    WAVE_LEAVE, /* who is there, or in line, goes with a good-bye and for good */
    WAVE_CUT,   /* who has a seat loses socket and media without a good-bye, and comes back */
    WAVE_STAY,  /* whoever was to leave or to come again by an earlier wave does not any more */
};

struct wave {
    enum wave_kind kind;
    uint32_t first, count;
    uint64_t over_us; /* one after the other, spread evenly; 0: at once */
    /* of WAVE_COME: */
    uint64_t stay_us;   /* from the first sound, then it leaves; 0: until it is told */
    uint64_t period_us; /* who has gone comes again as somebody new, so long after it came
                           last, or at once if that is over; 0: never */
};

#endif
