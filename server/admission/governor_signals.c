/* The signals: their limits, and for how long they are over them. */
#include "admission/governor_internal.h"

#include <math.h>

enum {
    US_PER_S = 1000 * 1000,
    SPAN_MAX_US = 2 * LOAD_PERIOD_US, /* what one sample may count for */
    ANY_OVER_US = 3 * US_PER_S,
    DANGER_US = 3 * US_PER_S,
    FULL_US = 1 * US_PER_S,
};
static const double SMOOTH_US = US_PER_S / 2;
static const double CLIPPED = 8; /* one sample is not taken for more than so many limits */

/* As in the table of the header. */
const struct signal_rule signals_rules[GOVERNOR_SIGNALS] = {
    [GOVERNOR_PROGRAM_LATE] = {"program_late", 5, 60, 2 * US_PER_S, MODE_ECONOMY, 50},
    [GOVERNOR_STAGE_LATE] = {"stage_late", 20, 60, 2 * US_PER_S, MODE_ECONOMY, 50},
    [GOVERNOR_SEND_FAILED] = {"send_failed", 10, 60, 2 * US_PER_S, MODE_ECONOMY, 0},
    [GOVERNOR_WORKER_LAG] = {"worker_lag", 10000, 60, 2 * US_PER_S, MODE_ECONOMY, 0},
    [GOVERNOR_WORKER_BUSY] = {"worker_busy", 900, 60, 2 * US_PER_S, MODE_ECONOMY, 0},
    [GOVERNOR_STAGE_BUSY] = {"stage_busy", 900, 85, 2 * US_PER_S, MODE_ECONOMY, 0},
    [GOVERNOR_LOSS] = {"loss", 250, 60, 2 * US_PER_S, MODE_ECONOMY, 0},
    [GOVERNOR_EGRESS] = {"egress", 850, 60, 2 * US_PER_S, MODE_ECONOMY, 0},
    [GOVERNOR_CONTROL_LAG] = {"control_lag", 50000, 60, 2 * US_PER_S, MODE_SMALL_AUDIENCE, 0},
    [GOVERNOR_HANDSHAKES] = {"handshakes", 800, 60, 2 * US_PER_S, MODE_SMALL_AUDIENCE, 0},
    [GOVERNOR_MEMORY] = {"memory", 900, 85, 1 * US_PER_S, MODE_SMALL_AUDIENCE, 970},
    [GOVERNOR_DESCRIPTORS] = {"descriptors", 900, 85, 1 * US_PER_S, MODE_SMALL_AUDIENCE, 0},
    [GOVERNOR_CONTROL_BUSY] = {"control_busy", 850, 60, 2 * US_PER_S, MODE_ECONOMY, 0},
    [GOVERNOR_PUT_OFF] = {"put_off", 20, 60, 2 * US_PER_S, MODE_ECONOMY, 0},
    [GOVERNOR_LINE] = {"line", 60, 60, 1 * US_PER_S, MODE_SMALL_AUDIENCE, 0},
    [GOVERNOR_SEATS] = {"seats", 1000, 100, 1 * US_PER_S, MODE_ECONOMY, 0},
};

static void read_raw(struct governor *governor, const struct governor_signals *signals,
                     uint64_t span_us)
{
    const struct load *load = &signals->load;
    double *raw = governor->raw;
    double fits = forecast_crowd(governor);
    raw[GOVERNOR_PROGRAM_LATE] = load->program_late_permille;
    raw[GOVERNOR_STAGE_LATE] = load->stage_late_permille;
    raw[GOVERNOR_SEND_FAILED] = load->send_failed_permille;
    raw[GOVERNOR_WORKER_LAG] = load->worker_lag_us;
    raw[GOVERNOR_WORKER_BUSY] = fmax(load->worker_busy_permille - governor->joins_load, 0);
    raw[GOVERNOR_STAGE_BUSY] = load->stage_busy_permille;
    raw[GOVERNOR_LOSS] = signals->loss_permille;
    raw[GOVERNOR_EGRESS] = load->egress_permille;
    raw[GOVERNOR_CONTROL_LAG] = load->control_lag_us;
    raw[GOVERNOR_HANDSHAKES] = signals->handshakes_permille;
    raw[GOVERNOR_MEMORY] = load->memory_permille;
    raw[GOVERNOR_DESCRIPTORS] = load->descriptors_permille;
    raw[GOVERNOR_CONTROL_BUSY] = load->control_busy_permille;
    raw[GOVERNOR_PUT_OFF] =
        (double)(signals->put_off - governor->put_off) * US_PER_S / (double)span_us;
    raw[GOVERNOR_LINE] = forecast_line_s(governor, signals);
    raw[GOVERNOR_SEATS] = forecast_wanted(governor, signals) * 1000 / fmax(fits, 1);
}

/* Time over the limit counts, time under it counts half, backwards. */
static void count_over(uint64_t *over_us, bool over_now, uint64_t span_us)
{
    uint64_t back_us = span_us / 2;
    if (over_now)
        *over_us += span_us;
    else
        *over_us -= *over_us < back_us ? *over_us : back_us;
}

static bool is_over(const struct governor *governor, unsigned signal)
{
    return governor->values[signal] >= signals_rules[signal].limit + 0.5; /* rounded */
}

/* Of those that hurt who is inside: a crowd before the door is no reason to shut it. */
bool signals_any_over(const struct governor *governor)
{
    for (unsigned i = 0; i < GOVERNOR_CROWD; i++)
        if (is_over(governor, i))
            return true;
    return false;
}

/* What is measured is smoothed, a crowd is counted. */
void signals_take(struct governor *governor, const struct governor_signals *signals,
                  uint64_t span_us)
{
    read_raw(governor, signals, span_us);
    if (span_us > SPAN_MAX_US)
        span_us = SPAN_MAX_US;
    double part = (double)span_us / ((double)span_us + SMOOTH_US);
    for (unsigned i = 0; i < GOVERNOR_SIGNALS; i++) {
        const struct signal_rule *rule = &signals_rules[i];
        double value = fmin(governor->raw[i], rule->limit * CLIPPED);
        governor->values[i] += (value - governor->values[i]) * (i < GOVERNOR_LINE ? part : 1);
        count_over(&governor->over_us[i], is_over(governor, i), span_us);
        if (rule->danger > 0)
            count_over(&governor->danger_us[i], governor->raw[i] > rule->danger, span_us);
    }
    count_over(&governor->any_over_us, signals_any_over(governor), span_us);
    if (governor->over_us[GOVERNOR_PROGRAM_LATE] >= FULL_US ||
        governor->over_us[GOVERNOR_SEND_FAILED] >= FULL_US ||
        governor->over_us[GOVERNOR_LOSS] >= FULL_US)
        forecast_is_full(governor);
}

unsigned signals_find_over(const struct governor *governor)
{
    unsigned worst = GOVERNOR_SIGNALS;
    for (unsigned i = 0; i < GOVERNOR_SIGNALS; i++)
        if (governor->over_us[i] >= signals_rules[i].over_us)
            return i;
    if (governor->any_over_us < ANY_OVER_US)
        return GOVERNOR_SIGNALS;
    for (unsigned i = 0; i < GOVERNOR_CROWD; i++)
        if (is_over(governor, i) &&
            (worst == GOVERNOR_SIGNALS || governor->over_us[i] > governor->over_us[worst]))
            worst = i;
    return worst;
}

unsigned signals_find_danger(const struct governor *governor)
{
    for (unsigned i = 0; i < GOVERNOR_SIGNALS; i++)
        if (governor->danger_us[i] >= DANGER_US)
            return i;
    return GOVERNOR_SIGNALS;
}

bool signals_any_danger(const struct governor *governor)
{
    for (unsigned i = 0; i < GOVERNOR_SIGNALS; i++)
        if (governor->danger_us[i] > 0)
            return true;
    return false;
}

bool signals_are_quiet(const struct governor *governor)
{
    for (unsigned i = 0; i < GOVERNOR_LINE; i++)
        if (fmin(governor->raw[i], governor->values[i]) * 100 >=
            signals_rules[i].limit * signals_rules[i].quiet_percent)
            return false;
    return true;
}

void signals_forget(struct governor *governor)
{
    governor->any_over_us = 0;
    for (unsigned i = 0; i < GOVERNOR_LINE; i++) {
        governor->over_us[i] = 0;
        governor->danger_us[i] = 0;
    }
}
