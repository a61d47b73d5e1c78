/* What the governor expects of a mode, and what the door may give away. */
#include "admission/governor_internal.h"

#include <math.h>

/* Per mille of the busiest worker. Packets begin to be late somewhere above nine tenths of a core. */
static const double SEATS_TARGET = 750; /* by seats alone */
static const double JOINS_TARGET = 850; /* with those who come in */
static const double SHORT = 850;        /* explains what is late */
/* Joins take turns on control with all who ask and are refused: they come down and go up again by and by,
 * so that a line moves evenly; and a flood of others does not keep out as many as hardly show there. */
static const double CONTROL_LAG_US = 20e3, CONTROL_LAG_MUCH_US = 50e3;
static const double CONTROL_SHRINKS_PER_S = 0.5, CONTROL_GROWS_PER_S = 0.5;
static const double CONTROL_JOINS_LEAST = 100;
/* Back to packets of 20 ms, if as many were served in them while a seat cost about as much as now. */
static const double AGAIN = 1.02, AS_BEFORE = 1.15, MARGIN_AGAIN = 0.9;
/* Per mille of what the operator allows, below the limit of the signal. */
static const double EGRESS_TARGET = 800;
/* What longer packets save of the egress at least, and what shorter ones take at most. */
static const double EGRESS_PACKED = 1 / 1.4, EGRESS_UNPACKED = 2;
/* Less, or of fewer seats, says nothing of what a seat takes. */
static const double EGRESS_LITTLE = 50, EGRESS_SEATS = 20;
/* Nobody knows this machine yet: so many at first, and so many times as many as were served, before and
 * after it is known what one takes. */
static const double SEATS_AT_FIRST = 250, SEATS_GROW_GUESSED = 2, SEATS_GROW = 3;
static const double FADE_S = 60, SMOOTH_S = 1;
/* Below what was too much, and then again towards it. */
static const double CEILING_STEP = 0.98, CEILING_GROWS_PER_S = 0.005;
static const double JOINS_LEAST = 10, JOINS_MOST = 5000;
static const double US_PER_S = 1e6;
enum {
    FRAMES_MAX = 3,
    GROW_US = 5 * 1000 * 1000, /* packets grow in two steps, so far apart */
    KNOWN_US = 2 * 1000 * 1000,
};

static double smoothed(double old, double now, double span_s)
{
    return old + (now - old) * span_s / (span_s + SMOOTH_S);
}

/* What the workers had to do: what was dropped as too late was not done. */
static double load_of(const struct load *load)
{
    uint32_t late = load->program_late_permille < 900 ? load->program_late_permille : 900;
    return load->worker_busy_permille * 1000.0 / (1000.0 - late);
}

static void learn_packets(struct governor *governor, const struct governor_signals *signals,
                          uint64_t now_us)
{
    bool is_packed = signals->seats_connected > 0
                         ? signals->seats_packed > signals->seats_connected / 2
                         : mode_is_packed(governor->verdict.mode);
    if (is_packed != (governor->cost.frames > 1)) {
        governor->packed_us = now_us;
        governor->ceiling = INFINITY;
    }
    bool is_grown = now_us - governor->packed_us > GROW_US;
    seat_cost_pack(&governor->cost, is_packed ? is_grown ? FRAMES_MAX : FRAMES_MAX - 1 : 1);
}

/* The most seats that were served well in packets of 20 ms, and what one of them took then. */
static void prove_single(struct governor *governor, double load)
{
    if (governor->cost.frames > 1 || fmax(governor->load, load) > SEATS_TARGET ||
        governor->seats * AGAIN < governor->proven_single || signals_any_over(governor))
        return;
    governor->proven_single = fmax(governor->proven_single, governor->seats);
    governor->proven_cost = governor->cost.seat;
}

static void bound_by_control(struct governor *governor, uint32_t lag_us, double span_s)
{
    double over = (lag_us - CONTROL_LAG_US) / (CONTROL_LAG_MUCH_US - CONTROL_LAG_US);
    double bound = governor->control_joins;
    if (over > 0)
        bound = fmin(bound, fmax(governor->joins_per_s, CONTROL_JOINS_LEAST)) *
                (1 - fmin(over, 1) * CONTROL_SHRINKS_PER_S * fmin(span_s, 1));
    else
        bound *= 1 + CONTROL_GROWS_PER_S * span_s;
    governor->control_joins = fmin(fmax(bound, CONTROL_JOINS_LEAST), JOINS_MOST);
}

void forecast_learn(struct governor *governor, const struct governor_signals *signals,
                    uint64_t span_us, uint64_t now_us)
{
    double span_s = (double)span_us / US_PER_S;
    double joins_per_s = (double)(signals->joins - governor->joins) / span_s;
    double seats = signals->seats_connected;
    struct seat_sample sample = {.load = load_of(&signals->load),
                                 .seats = (seats + governor->seats_before) / 2,
                                 .joins_per_s = joins_per_s,
                                 .span_s = span_s};
    governor->load = smoothed(governor->load, sample.load, span_s);
    governor->seats = smoothed(governor->seats, seats, span_s);
    governor->joins_per_s = smoothed(governor->joins_per_s, joins_per_s, span_s);
    governor->seats_before = seats;
    governor->joins_load = joins_per_s * governor->cost.join;
    governor->joins = signals->joins;
    bound_by_control(governor, signals->load.control_lag_us, span_s);
    governor->proven =
        fmax(governor->seats, governor->proven - governor->proven * fmin(span_s / FADE_S, 1));
    governor->ceiling += governor->ceiling * CEILING_GROWS_PER_S * span_s;
    learn_packets(governor, signals, now_us);
    prove_single(governor, sample.load);
    seat_cost_learn(&governor->cost, &sample);
}

static double fits_egress(const struct governor *governor, bool is_packed)
{
    double egress = governor->values[GOVERNOR_EGRESS];
    if (egress < EGRESS_LITTLE || governor->seats < EGRESS_SEATS)
        return INFINITY;
    if (is_packed != (governor->cost.frames > 1))
        egress *= is_packed ? EGRESS_PACKED : EGRESS_UNPACKED;
    return governor->seats * EGRESS_TARGET / egress;
}

double forecast_packed_cost(const struct governor *governor)
{
    return seat_cost_likely(&governor->cost, FRAMES_MAX);
}

bool forecast_is_measured(const struct governor *governor)
{
    return seat_cost_is_measured(&governor->cost);
}

bool forecast_is_growing(const struct governor *governor, uint64_t now_us)
{
    uint64_t takes_us = governor->cost.frames > 1 ? GROW_US + KNOWN_US : KNOWN_US;
    return now_us - governor->packed_us < takes_us;
}

bool forecast_is_busy(const struct governor *governor)
{
    return governor->load >= SHORT;
}

void forecast_skip(struct governor *governor, const struct governor_signals *signals)
{
    governor->joins = signals->joins;
    governor->seats_before = signals->seats_connected;
}

void forecast_is_full(struct governor *governor)
{
    if (forecast_is_busy(governor))
        return;
    governor->ceiling = fmin(governor->ceiling, governor->seats_before * CEILING_STEP);
}

double forecast_wanted(const struct governor *governor, const struct governor_signals *signals)
{
    double wanted = (double)signals->seats_taken + signals->waiting;
    return fmin(wanted, governor->params.seats_max);
}

static double fits_at(const struct governor *governor, bool is_packed, double seat_cost)
{
    double left = fmax(SEATS_TARGET - governor->cost.base, 0);
    return fmin(left / seat_cost, fits_egress(governor, is_packed));
}

bool forecast_fits_again(const struct governor *governor, double wanted)
{
    double best = seat_cost_at_best(&governor->cost);
    double fits = fits_at(governor, false, fmax(best, governor->proven_cost)) * MARGIN_AGAIN;
    return best <= governor->proven_cost * AS_BEFORE &&
           wanted <= fmax(fits, governor->proven_single * AGAIN) &&
           wanted <= fits_egress(governor, false);
}

bool forecast_is_packed(const struct governor *governor)
{
    return governor->cost.frames > 1 ||
           (mode_is_packed(governor->verdict.mode) && !governor->is_relay);
}

double forecast_crowd(const struct governor *governor)
{
    unsigned frames = forecast_is_packed(governor) ? FRAMES_MAX : 1;
    return fits_at(governor, frames > 1, seat_cost_at_least(&governor->cost, frames));
}

double forecast_fits(const struct governor *governor, bool is_packed)
{
    return fits_at(governor, is_packed,
                   seat_cost_likely(&governor->cost, is_packed ? FRAMES_MAX : 1));
}

bool forecast_economy_is_enough(const struct governor *governor,
                                const struct governor_signals *signals, double doubt)
{
    const struct seat_cost *cost = &governor->cost;
    double saved = forecast_packed_cost(governor) / seat_cost_likely(cost, cost->frames);
    double by_seats = fmax(governor->load - cost->base, 0);
    double load = governor->load - by_seats + by_seats * saved;
    return !governor->is_relay && load <= SHORT &&
           forecast_wanted(governor, signals) <= doubt * forecast_fits(governor, true);
}

uint32_t forecast_seats(const struct governor *governor)
{
    bool is_packed = forecast_is_packed(governor);
    unsigned frames = is_packed && governor->cost.frames == 1 ? 2 : governor->cost.frames;
    double seats = fits_at(governor, is_packed, seat_cost_surely(&governor->cost, frames));
    double grow = forecast_is_measured(governor) ? SEATS_GROW : SEATS_GROW_GUESSED;
    seats = fmin(seats, SEATS_AT_FIRST + grow * governor->proven);
    seats = fmin(seats, governor->ceiling);
    return (uint32_t)fmin(seats, governor->params.seats_max);
}

/* A second, besides the seats that were given. */
static double joins_of(const struct governor *governor, const struct governor_signals *signals,
                       double join_cost)
{
    const struct seat_cost *cost = &governor->cost;
    double by_seats =
        fmax(signals->seats_taken, signals->seats_connected) * seat_cost_surely(cost, cost->frames);
    double joins = (JOINS_TARGET - cost->base - by_seats) / join_cost;
    return fmin(fmax(joins, JOINS_LEAST), governor->control_joins);
}

double forecast_line_s(const struct governor *governor, const struct governor_signals *signals)
{
    double free_seats = (double)governor->params.seats_max - signals->seats_taken;
    double line = fmin(signals->waiting, fmax(free_seats, 0));
    return line / joins_of(governor, signals, governor->cost.join);
}

uint32_t forecast_joins(const struct governor *governor, const struct governor_signals *signals)
{
    double joins = joins_of(governor, signals, seat_cost_of_join(&governor->cost));
    if (governor->params.joins_max_per_s > 0)
        joins = fmin(joins, governor->params.joins_max_per_s);
    return (uint32_t)joins;
}
