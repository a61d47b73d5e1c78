#include "admission/seat_cost.h"

#include <assert.h>
#include <math.h>

/* A server core with the batched engines: 4 us for each of 50 packets a second, of which the kernel's
 * UDP path is the most, and 1 ms for a handshake. */
static const double SEAT_GUESS = 0.2, JOIN_GUESS = 1.0;
static const double UNSURE = 1.5; /* standard deviation of what was known before, of its value */
/* Of a seat in packets of so many frames, of that in packets of one: 60 ms are a third of the packets,
 * but what a seat reports and asks stays as it is. */
static const double OF_FRAMES[] = {0, 1, 0.55, 0.4};
static const double OF_FRAMES_LEAST[] = {0, 1, 0.52, 0.36};
static const double OF_FRAMES_MOST[] = {0, 1, 0.6, 0.45};
static const double KEPT_WHEN_PACKED = 0.2;     /* of the weight of samples with other packets */
static const double NOISE = 5, NOISE_OF = 0.03; /* error of a sample: per mille, and of its value */
static const double REMEMBER_S = 8, FORGET_S = 10, BASE_S = 2; /* time constants */
static const double SURPRISE = 4;                              /* standard deviations */
static const double FEW_SEATS = 20;                            /* as good as none */
static const double LITTLE = 100;      /* per mille: the least that proves a high cost */
static const double SURE = 0.25;       /* error of what counts as measured */
static const double LEAST = 1.0 / 300; /* of the guess */
enum { SURPRISES_MAX = 3 };

static double square(double value)
{
    return value * value;
}

static double guess_of(const struct seat_cost *cost, unsigned frames)
{
    return cost->seat_guess * OF_FRAMES[frames];
}

void seat_cost_init(struct seat_cost *cost, unsigned workers)
{
    double seat = SEAT_GUESS / (workers > 0 ? workers : 1);
    double join = JOIN_GUESS / (workers > 0 ? workers : 1);
    *cost = (struct seat_cost){.seat = seat,
                               .join = join,
                               .seat_error = UNSURE * seat,
                               .join_error = UNSURE * join,
                               .seat_before = seat,
                               .join_before = join,
                               .seat_guess = seat,
                               .join_guess = join,
                               .frames = 1};
}

static void weigh(struct seat_cost *cost, double factor)
{
    cost->seats_seats *= factor;
    cost->seats_joins *= factor;
    cost->joins_joins *= factor;
    cost->seats_load *= factor;
    cost->joins_load *= factor;
}

static void add(struct seat_cost *cost, const struct seat_sample *sample)
{
    double weight = 1 / square(NOISE + NOISE_OF * sample->load);
    double seats = sample->seats, joins = sample->joins_per_s;
    double load = sample->load - cost->base;
    cost->seats_seats += weight * seats * seats;
    cost->seats_joins += weight * seats * joins;
    cost->joins_joins += weight * joins * joins;
    cost->seats_load += weight * seats * load;
    cost->joins_load += weight * joins * load;
}

/* The best fit to the samples, with what was known before as one more of them. */
static void solve(struct seat_cost *cost)
{
    double seat_weight = 1 / square(UNSURE * cost->seat_before);
    double join_weight = 1 / square(UNSURE * cost->join_before);
    double a = cost->seats_seats + seat_weight, b = cost->seats_joins;
    double c = cost->joins_joins + join_weight;
    double d = cost->seats_load + seat_weight * cost->seat_before;
    double e = cost->joins_load + join_weight * cost->join_before;
    double determinant = a * c - b * b; /* > 0, as both weights are */
    double seat_least = guess_of(cost, cost->frames) * LEAST, join_least = cost->join_guess * LEAST;
    cost->seat = (d * c - e * b) / determinant;
    cost->join = (a * e - b * d) / determinant;
    if (cost->seat < seat_least) {
        cost->seat = seat_least;
        cost->join = (e - b * seat_least) / c;
    } else if (cost->join < join_least) {
        cost->join = join_least;
        cost->seat = (d - b * join_least) / a;
    }
    cost->seat = fmax(cost->seat, seat_least);
    cost->join = fmax(cost->join, join_least);
    cost->seat_error = sqrt(c / determinant);
    cost->join_error = sqrt(a / determinant);
    if (cost->seat_error < SURE * cost->seat)
        cost->seat_before = cost->seat;
    if (cost->join_error < SURE * cost->join)
        cost->join_before = cost->join;
}

static bool is_surprise(const struct seat_cost *cost, const struct seat_sample *sample)
{
    double seats = sample->seats * cost->seat, joins = sample->joins_per_s * cost->join;
    double miss = sample->load - cost->base - seats - joins;
    double error = square(NOISE + NOISE_OF * sample->load) +
                   square(sample->seats * cost->seat_error) +
                   square(sample->joins_per_s * cost->join_error);
    return square(miss) > square(SURPRISE) * error;
}

static void learn_costs(struct seat_cost *cost, const struct seat_sample *sample)
{
    cost->surprises = is_surprise(cost, sample) ? cost->surprises + 1 : 0;
    if (cost->surprises > 0 && cost->surprises < SURPRISES_MAX)
        return;
    weigh(cost, cost->surprises > 0 ? 0 : exp(-sample->span_s / REMEMBER_S));
    cost->surprises = 0;
    add(cost, sample);
    solve(cost);
}

/* Nobody there: what is used is the base, and what was learnt of seats loses its worth. */
static void learn_base(struct seat_cost *cost, const struct seat_sample *sample)
{
    double base = fmax(sample->load - sample->joins_per_s * cost->join, 0);
    double forgets = fmin(sample->span_s / FORGET_S, 1);
    cost->base += (base - cost->base) * fmin(sample->span_s / BASE_S, 1);
    cost->seat_before += (guess_of(cost, cost->frames) - cost->seat_before) * forgets;
    cost->join_before += (cost->join_guess - cost->join_before) * forgets;
    cost->surprises = 0;
    weigh(cost, exp(-sample->span_s / BASE_S));
    solve(cost);
}

void seat_cost_learn(struct seat_cost *cost, const struct seat_sample *sample)
{
    if (sample->seats < FEW_SEATS)
        learn_base(cost, sample);
    else
        learn_costs(cost, sample);
    cost->used = sample->seats * cost->seat;
}

/* ---- packets ---- */

static double moved(const struct seat_cost *cost, double seat, unsigned frames)
{
    if (frames < cost->frames)
        return seat * OF_FRAMES[frames] / OF_FRAMES_LEAST[cost->frames];
    return seat * OF_FRAMES[frames] / OF_FRAMES[cost->frames];
}

void seat_cost_pack(struct seat_cost *cost, unsigned frames)
{
    assert(frames >= 1 && frames <= 3);
    if (frames == cost->frames)
        return;
    double factor = moved(cost, 1, frames);
    cost->seats_seats /= square(factor); /* as if the samples were with such packets */
    cost->seats_joins /= factor;
    cost->seats_load /= factor;
    weigh(cost, KEPT_WHEN_PACKED);
    cost->seat_before *= factor;
    cost->frames = frames;
    cost->surprises = 0;
    solve(cost);
}

double seat_cost_likely(const struct seat_cost *cost, unsigned frames)
{
    double seat = moved(cost, cost->seat, frames);
    return seat_cost_is_measured(cost) ? seat : fmin(seat, guess_of(cost, frames));
}

double seat_cost_at_best(const struct seat_cost *cost)
{
    return cost->seat / OF_FRAMES_MOST[cost->frames];
}

double seat_cost_at_least(const struct seat_cost *cost, unsigned frames)
{
    double seat = seat_cost_likely(cost, frames) - moved(cost, cost->seat_error, frames);
    return fmax(seat, guess_of(cost, frames) * LEAST);
}

double seat_cost_surely(const struct seat_cost *cost, unsigned frames)
{
    return moved(cost, cost->seat + cost->seat_error, frames);
}

bool seat_cost_is_measured(const struct seat_cost *cost)
{
    return cost->used >= LITTLE && cost->seat_error < SURE * cost->seat;
}

double seat_cost_of_join(const struct seat_cost *cost)
{
    return cost->join + cost->join_error;
}
