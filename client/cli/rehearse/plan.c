#include "rehearse/plan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

enum { SECOND_US = 1000000 };

/* ---- shares ---- */

enum share {
    SHARE_WHEP,
    SHARE_LOSSY,
    SHARE_SLOW,
    SHARE_UNREAD,
    SHARE_VERIFY,
    SHARE_LEAVE,
    SHARE_LINE
};

/* Listener n has its place n * STRIDE mod 2^64 on a circle, and belongs to the share when that lies
 * in its first `percent`. Multiples of a well chosen number fill the circle evenly from the first on
 * (Weyl). The first stride is the golden ratio; the others were searched at random for being even
 * and independent of those before; the unit test holds every pair against what chance would give. */
static const uint64_t strides[] = {
    [SHARE_WHEP] = 0x9e3779b97f4a7c15,   [SHARE_LOSSY] = 0xa51bd420a5fbd6df,
    [SHARE_SLOW] = 0x2c626e0e4528302c,   [SHARE_UNREAD] = 0xbb72507f05f54e28,
    [SHARE_VERIFY] = 0xd816b1e980c9f201, [SHARE_LEAVE] = 0xe2c9c26bac6db771,
    [SHARE_LINE] = 0x5f39c1e9988a1bc3,
};

static bool belongs(enum share share, uint32_t number, unsigned percent)
{
    /* Half a stride in, so that the first listener does not belong to every share. */
    uint64_t place = number * strides[share] + strides[share] / 2;
    return place / (UINT64_MAX / 100 + 1) < percent;
}

/* ---- checking ---- */

__attribute__((format(printf, 2, 3))) static int refuse(char problem[PLAN_PROBLEM_MAX],
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(problem, PLAN_PROBLEM_MAX, format, args);
    va_end(args);
    return ERR_INVAL;
}

static int check_percents(const struct plan_params *params, char problem[PLAN_PROBLEM_MAX])
{
    const struct {
        const char *name;
        unsigned percent;
    } shares[] = {
        {"--whep", params->whep_percent},     {"--lossy", params->lossy_percent},
        {"--slow", params->slow_percent},     {"--unread", params->unread_percent},
        {"--verify", params->verify_percent}, {"--leave", params->leave_percent},
        {"--line", params->line_percent},
    };
    for (unsigned i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
        if (shares[i].percent > 100)
            return refuse(problem, "%s: %u percent; allowed: 0 to 100", shares[i].name,
                          shares[i].percent);
    if (params->lossy_percent > 0 && (params->loss_percent < 1 || params->loss_percent > 99))
        return refuse(problem, "--lossy: a loss of %u percent; allowed: 1 to 99",
                      params->loss_percent);
    if (params->slow_percent > 0 && (params->slow_us < 1000 || params->slow_us > 10 * SECOND_US))
        return refuse(problem, "--slow: %" PRIu64 " ms; allowed: 1 to 10000",
                      params->slow_us / 1000);
    return 0;
}

static int check_leaving(const struct plan_params *params, char problem[PLAN_PROBLEM_MAX])
{
    uint64_t hold_s = params->hold_us / SECOND_US;
    if (params->leave_percent == 0)
        return params->return_after_us == 0
                   ? 0
                   : refuse(problem, "--return: nobody leaves; allowed: together with --leave");
    if (params->leave_after_us >= params->hold_us)
        return refuse(problem,
                      "--leave: after %" PRIu64 " s; allowed: less than the %" PRIu64
                      " s that they stay (--seconds)",
                      params->leave_after_us / SECOND_US, hold_s);
    if (params->return_after_us >= params->hold_us - params->leave_after_us)
        return refuse(problem,
                      "--return: %" PRIu64 " s after leaving; allowed: less than the %" PRIu64
                      " s that are left then (--seconds)",
                      params->return_after_us / SECOND_US,
                      (params->hold_us - params->leave_after_us) / SECOND_US);
    return 0;
}

static uint64_t turn_of(const struct plan_params *params, uint32_t number)
{
    return params->ramp_per_second == 0 ? 0
                                        : (uint64_t)number * SECOND_US / params->ramp_per_second;
}

int plan_make(struct plan *out, const struct plan_params *params, char problem[PLAN_PROBLEM_MAX])
{
    if (params->listeners < 1 || params->listeners > PLAN_LISTENERS_MAX)
        return refuse(problem, "--listeners: %" PRIu32 "; allowed: 1 to %d", params->listeners,
                      PLAN_LISTENERS_MAX);
    if (params->hold_us < SECOND_US || params->hold_us > (uint64_t)PLAN_SECONDS_MAX * SECOND_US)
        return refuse(problem, "--seconds: %" PRIu64 "; allowed: 1 to %d",
                      params->hold_us / SECOND_US, PLAN_SECONDS_MAX);
    int err = check_percents(params, problem);
    if (err == 0)
        err = check_leaving(params, problem);
    if (err != 0)
        return err;
    struct plan plan = {.params = *params};
    plan.last_join_us = params->is_conducted ? 0 : turn_of(params, params->listeners - 1);
    plan.end_us = plan.last_join_us + params->hold_us;
    if (plan.end_us > (uint64_t)PLAN_SECONDS_MAX * SECOND_US)
        return refuse(problem,
                      "--listeners, --ramp and --seconds make %" PRIu64
                      " s together; allowed: at most %d",
                      plan.end_us / SECOND_US, PLAN_SECONDS_MAX);
    *out = plan;
    return 0;
}

struct plan_listener plan_listener(const struct plan *plan, uint32_t number)
{
    const struct plan_params *params = &plan->params;
    struct plan_listener listener = {
        .join_us = params->is_conducted ? UINT64_MAX : turn_of(params, number),
        .leave_us = UINT64_MAX,
        .return_us = UINT64_MAX,
        .way = belongs(SHARE_WHEP, number, params->whep_percent) ? WAY_WHEP : WAY_WEBSOCKET,
        .is_lossy = belongs(SHARE_LOSSY, number, params->lossy_percent),
        .is_slow = belongs(SHARE_SLOW, number, params->slow_percent),
        .is_unread = belongs(SHARE_UNREAD, number, params->unread_percent),
        .is_verifying = belongs(SHARE_VERIFY, number, params->verify_percent),
        .asks_line = belongs(SHARE_LINE, number, params->line_percent),
    };
    if (!belongs(SHARE_LEAVE, number, params->leave_percent))
        return listener;
    listener.leave_us = plan->last_join_us + params->leave_after_us;
    if (params->return_after_us > 0)
        listener.return_us = listener.leave_us + params->return_after_us;
    return listener;
}
