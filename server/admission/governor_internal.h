/* governor_internal.h - the inside of the governor: its signals, and what it expects of a mode.
 *
 * Owner    the governor
 * Thread   the governor's
 * Units    seats, per mille of a core
 * Errors   none
 * Spec     none
 */
#ifndef ADMISSION_GOVERNOR_INTERNAL_H
#define ADMISSION_GOVERNOR_INTERNAL_H

#include "admission/governor.h"

/* governor_signals.c */
struct signal_rule {
    const char *name;
    uint32_t limit;
    uint32_t quiet_percent; /* of it */
    uint32_t over_us;
    enum mode helps;
    uint32_t danger; /* leads to the lifeboat; 0: never */
};
extern const struct signal_rule signals_rules[GOVERNOR_SIGNALS];
void signals_take(struct governor *governor, const struct governor_signals *signals,
                  uint64_t span_us);
/* Of those that hurt who is inside: a crowd before the door is no reason to shut it. */
bool signals_any_over(const struct governor *governor);
/* The one that was over its limit for long enough; of several, the first. GOVERNOR_SIGNALS: none. */
unsigned signals_find_over(const struct governor *governor);
unsigned signals_find_danger(const struct governor *governor);
bool signals_any_danger(const struct governor *governor);
/* None is near its limit, at this moment or of late. */
bool signals_are_quiet(const struct governor *governor);
/* The times over the limits count from now on; the crowd before the door is still there. */
void signals_forget(struct governor *governor);

/* governor_forecast.c */
/* Takes in what the signals say of seats, joins and their cost. */
void forecast_learn(struct governor *governor, const struct governor_signals *signals,
                    uint64_t span_us, uint64_t now_us);
/* These signals say nothing of what things cost. */
void forecast_skip(struct governor *governor, const struct governor_signals *signals);
/* Those who are inside are served badly: unless the processor explains it, so many and no more. */
void forecast_is_full(struct governor *governor);
/* Packets are of 60 ms now, or with the next sample. */
bool forecast_is_packed(const struct governor *governor);
/* The most seats that may be served well in the present mode. */
double forecast_crowd(const struct governor *governor);
/* That would get in if they could. */
double forecast_wanted(const struct governor *governor, const struct governor_signals *signals);
/* How long it takes to let in all whom the operator's cap allows. */
double forecast_line_s(const struct governor *governor, const struct governor_signals *signals);
/* Seats that are served well in packets of 60 ms, or of 20: as likely as not. */
double forecast_fits(const struct governor *governor, bool is_packed);
/* True if so many were served in packets of 20 ms before, and could be again for all that is known. */
bool forecast_fits_again(const struct governor *governor, double wanted);
/* Of a seat in packets of 60 ms. */
double forecast_packed_cost(const struct governor *governor);
/* True once there were seats enough to tell what one costs. */
bool forecast_is_measured(const struct governor *governor);
/* True while packets are changing, and a moment longer. */
bool forecast_is_growing(const struct governor *governor, uint64_t now_us);
/* True if longer packets leave the workers time enough, with at most `doubt` times the seats wanted
 * that they are expected to serve. */
bool forecast_economy_is_enough(const struct governor *governor,
                                const struct governor_signals *signals, double doubt);
/* True if a processor that is short of time explains what is late. */
bool forecast_is_busy(const struct governor *governor);
/* What the door may give away: seats, and joins a second. */
uint32_t forecast_seats(const struct governor *governor);
uint32_t forecast_joins(const struct governor *governor, const struct governor_signals *signals);

#endif
