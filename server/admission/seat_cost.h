/* seat_cost.h - what a seat and a join cost the busiest worker, learnt while people come and go.
 *
 * What the worker does is taken as: base + seats x cost of a seat + joins a second x cost of a join.
 * The base is what it does with (almost) nobody there. The two costs are those that fit the samples of
 * the last seconds best (least squares, weighted by how exact a sample is, never negative), and what
 * was known before, which counts as long as the samples say nothing. So it is also known how sure they
 * are. One or two samples that do not fit are left out; a third in a row means that the world has
 * changed (another program came or went), and the samples before are forgotten.
 *
 * Owner    the governor, by value
 * Thread   any one; no clock, no allocation
 * Units    per mille of a core (of the busiest worker), seats of the whole node, seconds
 * Errors   none
 * Spec     recursive least squares with forgetting
 */
#ifndef ADMISSION_SEAT_COST_H
#define ADMISSION_SEAT_COST_H

#include <stdbool.h>

struct seat_cost {
    double base;                     /* with nobody there */
    double seat, join;               /* of one; of one a second */
    double seat_error, join_error;   /* standard deviations */
    double seat_before, join_before; /* what was known before the samples */
    double seat_guess, join_guess;   /* before anything was known, in packets of 20 ms */
    unsigned frames;                 /* of 20 ms in a packet, 1..3: what `seat` is for */
    double used;                     /* by all seats, in the last sample */
    unsigned surprises;              /* samples in a row that do not fit */
    double seats_seats, seats_joins, joins_joins, seats_load, joins_load; /* sums of products */
};

struct seat_sample {
    double load;        /* the busiest worker's, and what it left undone */
    double seats;       /* that got the program meanwhile */
    double joins_per_s; /* that were done meanwhile */
    double span_s;
};

/* Guesses from the number of workers that share the work, at least 1. */
void seat_cost_init(struct seat_cost *cost, unsigned workers);
void seat_cost_learn(struct seat_cost *cost, const struct seat_sample *sample);
/* From now on so many frames share a packet, 1..3: the cost moves by what longer packets save as a rule,
 * or by the most that they may have saved when they end; then it is learnt. */
void seat_cost_pack(struct seat_cost *cost, unsigned frames);
/* Of one seat in such packets, as likely as not. Until it was measured it is not taken for more than
 * the guess: a handful of seats proves little. */
double seat_cost_likely(const struct seat_cost *cost, unsigned frames);
/* In packets of 20 ms, if longer ones save little. */
double seat_cost_at_best(const struct seat_cost *cost);
/* The same as likely, but rather too little, or rather too much. */
double seat_cost_at_least(const struct seat_cost *cost, unsigned frames);
double seat_cost_surely(const struct seat_cost *cost, unsigned frames);
/* There were seats enough to tell. */
bool seat_cost_is_measured(const struct seat_cost *cost);
double seat_cost_of_join(const struct seat_cost *cost); /* rather too much */

#endif
