/* clock.h - the two clocks. Only loops read them; logic gets now_us as an argument.
 *
 * Owner    nobody
 * Thread   any
 * Units    microseconds (monotonic), milliseconds since 1970 UTC (wall, for people only)
 * Errors   none
 * Spec     clock_gettime(2)
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_now_us(void);
int64_t clock_wall_ms(void);

#endif
