#include "admission/governor_internal.h"

#include <math.h>

enum {
    US_PER_MS = 1000,
    US_PER_S = 1000 * 1000,
    SETTLE_PACKED_US = 5 * US_PER_S,
    SETTLE_US = 5 * US_PER_S / 2,
    SHED_US = 2 * US_PER_S,
    RELAPSE_US = 60 * US_PER_S,
    CAUTION_US = 600 * US_PER_S,
    CAUTION_DOUBLINGS = 3,
    UNQUIET_COUNTS = 40,
};
/* Down only if no more than so much of what the mode serves is wanted. */
static const double MARGIN_NORMAL = 0.9, MARGIN_ECONOMY = 0.9, MARGIN_CAUTION = 0.8;
static const double NEW_CROWD = 1.1;   /* of what was wanted before */
static const double LINE_QUIET_S = 36; /* 60 % of its limit */
static const double KEPT_AT_MOST = 0.75;
/* Seats wanted, per mille of those served well, that are too many beyond doubt: while it is only guessed
 * what a seat costs, while packets grow, and when it is known. */
static const double CROWDED_GUESSED = 3000, CROWDED_GROWING = 1300, CROWDED = 1000;

static const char *const other_names[] = {"stale", "quiet", "pin"};

const char *governor_cause_name(enum governor_cause cause)
{
    return (unsigned)cause < GOVERNOR_SIGNALS ? signals_rules[cause].name
                                              : other_names[cause - GOVERNOR_SIGNALS];
}

void governor_init(struct governor *governor, const struct governor_params *params, uint64_t now_us)
{
    *governor = (struct governor){.params = *params,
                                  .verdict.cause = GOVERNOR_QUIET,
                                  .ceiling = INFINITY,
                                  .control_joins = INFINITY,
                                  .stepped_us = now_us,
                                  .changed_us = now_us,
                                  .packed_us = now_us,
                                  .quiet_us = now_us};
    seat_cost_init(&governor->cost, params->workers);
}

void governor_remember(struct governor *governor, uint32_t seats)
{
    governor->proven = seats;
}

int governor_pin(struct governor *governor, enum governor_hold hold, enum mode mode)
{
    if (mode == MODE_LIFEBOAT)
        return ERR_INVAL;
    governor->hold = hold;
    governor->pinned = mode;
    return 0;
}

static enum mode held(const struct governor *governor, enum mode measured)
{
    switch (governor->hold) {
    case GOVERNOR_FREE:
        return measured;
    case GOVERNOR_AT_LEAST:
        return mode_stricter(measured, governor->pinned);
    case GOVERNOR_EXACTLY:
        return governor->pinned;
    }
    return measured;
}

/* ---- modes ---- */

static void set_measured(struct governor *governor, enum mode mode, uint64_t now_us)
{
    governor->measured = mode;
    governor->changed_us = now_us;
    governor->quiet_us = now_us;
    governor->over_us[GOVERNOR_LINE] = governor->over_us[GOVERNOR_SEATS] = 0;
    signals_forget(governor);
}

static void give_cause(struct governor *governor, enum governor_cause cause, double value,
                       uint32_t limit)
{
    governor->verdict.cause = cause;
    governor->verdict.value = (uint32_t)fmin(fmax(value, 0), UINT32_MAX);
    governor->verdict.limit = limit;
}

static void give_signal(struct governor *governor, enum governor_cause signal, uint32_t limit)
{
    give_cause(governor, signal, fmax(governor->raw[signal], governor->values[signal]), limit);
}

/* The last change has shown what it does. */
static bool is_settled(const struct governor *governor, uint64_t now_us)
{
    uint64_t packed_us = governor->packed_us + SETTLE_PACKED_US;
    bool is_growing = governor->cost.frames > 1 && now_us < packed_us;
    return governor->verdict.mode == MODE_NORMAL ||
           (!is_growing && now_us - governor->changed_us >= SETTLE_US);
}

/* Up again at once: what was expected of the milder mode was wrong. */
static void note_relapse(struct governor *governor, enum governor_cause cause, enum mode from,
                         double wanted, uint64_t now_us)
{
    bool is_relapse = governor->fell_us != 0 && now_us - governor->fell_us < RELAPSE_US;
    bool is_crowd = cause >= GOVERNOR_CROWD && cause <= GOVERNOR_SEATS;
    if (!is_relapse || (is_crowd && wanted > governor->fell_wanted * NEW_CROWD))
        return;
    bool is_again =
        governor->relapsed_us != 0 && now_us - governor->relapsed_us < 2 * governor->caution_us;
    if (!is_again)
        governor->caution_us = CAUTION_US;
    else if (governor->caution_us < (uint64_t)CAUTION_US << CAUTION_DOUBLINGS)
        governor->caution_us *= 2;
    governor->relapsed_us = now_us;
    governor->caution_seats = wanted;
    governor->caution_mode = from;
    governor->caution_is_busy = is_crowd || forecast_is_busy(governor);
    governor->caution_cost = forecast_packed_cost(governor);
}

static double crowded(const struct governor *governor, uint64_t now_us)
{
    if (!forecast_is_measured(governor))
        return CROWDED_GUESSED;
    return forecast_is_growing(governor, now_us) ? CROWDED_GROWING : CROWDED;
}

static void go_up(struct governor *governor, const struct governor_signals *signals,
                  uint64_t now_us)
{
    enum mode from = governor->verdict.mode;
    unsigned signal = signals_find_over(governor);
    if (from >= MODE_SMALL_AUDIENCE || signal == GOVERNOR_SIGNALS ||
        (signal == GOVERNOR_SEATS && governor->values[signal] < crowded(governor, now_us)))
        return;
    enum mode to = mode_stricter((enum mode)(from + 1), signals_rules[signal].helps);
    double doubt = forecast_is_measured(governor) ? 1 : CROWDED_GUESSED / CROWDED;
    if (to == MODE_ECONOMY && !forecast_economy_is_enough(governor, signals, doubt))
        to = MODE_SMALL_AUDIENCE;
    note_relapse(governor, signal, from, forecast_wanted(governor, signals), now_us);
    give_signal(governor, signal, signals_rules[signal].limit);
    set_measured(governor, to, now_us);
}

static void go_to_lifeboat(struct governor *governor, const struct governor_signals *signals,
                           uint64_t now_us)
{
    unsigned signal = signals_find_danger(governor);
    if (governor->verdict.mode != MODE_SMALL_AUDIENCE || signal == GOVERNOR_SIGNALS)
        return;
    give_signal(governor, signal, signals_rules[signal].danger);
    set_measured(governor, MODE_LIFEBOAT, now_us);
    double fits = forecast_seats(governor);
    governor->kept = (uint32_t)fmin(fits, signals->seats_taken * KEPT_AT_MOST);
    governor->shed_us = now_us;
}

/* Still in danger with those who stayed: half of them. */
static void shed_more(struct governor *governor, const struct governor_signals *signals,
                      uint64_t now_us)
{
    if (!signals_any_danger(governor) || now_us - governor->shed_us < SHED_US)
        return;
    uint32_t there = signals->seats_taken < governor->kept ? signals->seats_taken : governor->kept;
    governor->kept = there / 2;
    governor->shed_us = now_us;
}

/* Expected to serve all who want it, with something to spare. */
static bool would_serve(const struct governor *governor, enum mode mode, double wanted,
                        uint64_t now_us)
{
    bool is_cautious = governor->relapsed_us != 0 && mode <= governor->caution_mode &&
                       now_us - governor->relapsed_us < governor->caution_us &&
                       wanted > MARGIN_CAUTION * governor->caution_seats;
    if (is_cautious && !governor->caution_is_busy)
        return false;
    bool has_failed =
        is_cautious && forecast_packed_cost(governor) > MARGIN_CAUTION * governor->caution_cost;
    switch (mode) {
    case MODE_NORMAL:
        return wanted <= MARGIN_NORMAL * forecast_fits(governor, false) ||
               (!has_failed && forecast_fits_again(governor, wanted));
    case MODE_ECONOMY:
        return wanted <= MARGIN_ECONOMY * forecast_fits(governor, true);
    case MODE_SMALL_AUDIENCE:
    case MODE_LIFEBOAT:
        return true;
    }
    return true;
}

/* One hiccup of the machine costs some seconds of the quiet minute, not all of it. */
static uint64_t quiet_since(const struct governor *governor, uint64_t span_us, uint64_t now_us)
{
    if (signals_are_quiet(governor))
        return governor->quiet_us;
    uint64_t later_us = governor->quiet_us + UNQUIET_COUNTS * span_us;
    return later_us < now_us ? later_us : now_us;
}

static void go_down(struct governor *governor, const struct governor_signals *signals,
                    uint64_t span_us, uint64_t now_us)
{
    double wanted = forecast_wanted(governor, signals);
    enum mode to = MODE_NORMAL;
    if (governor->raw[GOVERNOR_LINE] > LINE_QUIET_S)
        to = MODE_SMALL_AUDIENCE;
    while (to < governor->measured && !would_serve(governor, to, wanted, now_us))
        to++;
    governor->quiet_us = to < governor->measured ? quiet_since(governor, span_us, now_us) : now_us;
    if (now_us - governor->quiet_us < GOVERNOR_QUIET_US)
        return;
    give_cause(governor, GOVERNOR_QUIET, (double)(now_us - governor->quiet_us) / US_PER_S,
               GOVERNOR_QUIET_US / US_PER_S);
    set_measured(governor, to, now_us);
    governor->fell_us = now_us;
    governor->fell_wanted = wanted;
}

static void go_stale(struct governor *governor, uint64_t age_us, uint64_t now_us)
{
    governor->quiet_us = now_us;
    if (governor->verdict.mode >= MODE_SMALL_AUDIENCE || governor->hold == GOVERNOR_EXACTLY)
        return;
    give_cause(governor, GOVERNOR_STALE, (double)age_us / US_PER_MS, GOVERNOR_STALE_US / US_PER_MS);
    set_measured(governor, MODE_SMALL_AUDIENCE, now_us);
}

/* ---- the step ---- */

static void decide(struct governor *governor, const struct governor_signals *signals,
                   uint64_t span_us, uint64_t now_us)
{
    if (governor->hold == GOVERNOR_EXACTLY) {
        if (governor->measured != governor->pinned) {
            give_cause(governor, GOVERNOR_PIN, governor->pinned, governor->pinned);
            set_measured(governor, governor->pinned, now_us);
        }
        return;
    }
    if (!is_settled(governor, now_us))
        signals_forget(governor);
    go_up(governor, signals, now_us);
    go_to_lifeboat(governor, signals, now_us);
    if (governor->measured == MODE_LIFEBOAT)
        shed_more(governor, signals, now_us);
    go_down(governor, signals, span_us, now_us);
}

static void let_few_in(const struct governor *governor, struct governor_verdict *verdict)
{
    uint32_t few =
        governor->params.seats_max < GOVERNOR_FEW ? governor->params.seats_max : GOVERNOR_FEW;
    if (verdict->seats < few)
        verdict->seats = few;
    if (verdict->joins_per_s < GOVERNOR_FEW_JOINS_PER_S)
        verdict->joins_per_s = GOVERNOR_FEW_JOINS_PER_S;
}

static void give_verdict(struct governor *governor, const struct governor_signals *signals,
                         bool is_stale)
{
    struct governor_verdict *verdict = &governor->verdict;
    bool is_shut = is_stale || signals_any_over(governor) || verdict->mode == MODE_LIFEBOAT;
    uint32_t seats = forecast_seats(governor);
    verdict->seats = is_shut && seats > signals->seats_taken ? signals->seats_taken : seats;
    verdict->joins_per_s = is_shut ? 0 : forecast_joins(governor, signals);
    if (verdict->mode == MODE_LIFEBOAT)
        verdict->seats = governor->kept;
    else if (!is_stale && signals->seats_taken < GOVERNOR_FEW)
        let_few_in(governor, verdict);
}

struct governor_verdict governor_step(struct governor *governor,
                                      const struct governor_signals *signals, uint64_t now_us)
{
    uint64_t span_us = now_us - governor->stepped_us;
    uint64_t age_us = now_us - signals->load.taken_us;
    if (governor->is_stepped && span_us > age_us)
        age_us = span_us;
    bool is_stale = age_us > GOVERNOR_STALE_US;
    enum mode measured = governor->measured, before = governor->verdict.mode;
    if (is_stale || !governor->is_stepped)
        forecast_skip(governor, signals);
    governor->stepped_us = now_us;
    governor->is_stepped = true;
    governor->is_relay = signals->seats_relayed > signals->seats_connected / 2;
    if (is_stale) {
        go_stale(governor, age_us, now_us);
    } else if (span_us > 0) {
        forecast_learn(governor, signals, span_us, now_us);
        signals_take(governor, signals, span_us);
        decide(governor, signals, span_us, now_us);
    }
    governor->put_off = signals->put_off;
    enum mode mode = held(governor, governor->measured);
    if (mode != before && governor->measured == measured)
        give_cause(governor, GOVERNOR_PIN, mode, mode);
    governor->verdict.measured = governor->measured;
    governor->verdict.changed = mode != before;
    governor->verdict.mode = mode;
    give_verdict(governor, signals, is_stale);
    return governor->verdict;
}

struct governor_verdict governor_look(const struct governor *governor, uint64_t now_us)
{
    struct governor_verdict verdict = governor->verdict;
    uint64_t age_us = now_us - governor->stepped_us;
    if (age_us <= GOVERNOR_STALE_US)
        return verdict;
    verdict.joins_per_s = 0;
    enum mode stale = held(governor, mode_stricter(governor->measured, MODE_SMALL_AUDIENCE));
    if (stale == verdict.mode)
        return verdict;
    verdict.mode = stale;
    verdict.cause = GOVERNOR_STALE;
    verdict.value = (uint32_t)fmin((double)age_us / US_PER_MS, UINT32_MAX);
    verdict.limit = GOVERNOR_STALE_US / US_PER_MS;
    return verdict;
}
