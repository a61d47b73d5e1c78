/* curve.h - when people come to an event that begins at 20:00.
 *
 *     evening   a fifth come in the quarter of an hour before, three quarters from a minute before the start
 *               to a minute and a half after it, most in its first half minute; the others up to ten late
 *     flash     a hundredth is there before; then a link is posted and all others come within ten seconds
 *
 * Owner    none
 * Thread   any; pure
 * Units    milliseconds; the start is at CURVE_START_MS
 * Errors   none
 * Spec     none
 */
#ifndef SIMULATE_CURVE_H
#define SIMULATE_CURVE_H

#include <stdint.h>

enum { CURVE_START_MS = 15 * 60 * 1000, CURVE_END_MS = CURVE_START_MS + 10 * 60 * 1000 };

enum curve { CURVE_EVENING, CURVE_FLASH };
enum { CURVES = CURVE_FLASH + 1 };

const char *curve_name(enum curve curve); /* lends a constant */
/* When somebody comes; dice: any number, evenly distributed over 64 bits. */
uint32_t curve_arrival_ms(enum curve curve, uint64_t dice);

#endif
