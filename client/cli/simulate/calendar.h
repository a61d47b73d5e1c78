/* calendar.h - what happens when: a queue for each millisecond. An item stands in it at most once, and what
 * was put into the same millisecond first comes first.
 *
 * Owner    the world
 * Thread   one; allocates only in calendar_create()
 * Units    milliseconds since the simulation began
 * Errors   ERR_NOMEM
 * Spec     calendar queue
 */
#ifndef SIMULATE_CALENDAR_H
#define SIMULATE_CALENDAR_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

struct calendar;

/* Items are 0..items - 1; what is later than end_ms never happens. */
MUST_CHECK int calendar_create(struct calendar **out, uint32_t items, uint32_t end_ms);
void calendar_destroy(struct calendar *calendar); /* NULL is fine */
/* The item does not stand in it. A time that has passed counts as now. */
void calendar_add(struct calendar *calendar, uint32_t item, uint64_t at_ms);
/* The next one; its time is now. False: nothing is left. */
bool calendar_take(struct calendar *calendar, uint32_t *item, uint32_t *now_ms);

#endif
