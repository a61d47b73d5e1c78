#include "rehearse/verdict.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    GAPS_PER_LISTENERS = 1000, /* one gap among so many is no sign */
    UNCLEAN_SHARE = 5,     /* one second of so many may be unclean, at the number that is held */
    FULL_PERMILLE = 900,   /* of a core, or of a share of cores */
    OTHERS_PERMILLE = 150, /* of all cores: other programs disturb */
    SEATS_PERCENT = 88,
};

const char *sign_name(unsigned index)
{
    static const char *const names[SIGNS] = {"loss", "late", "gaps", "dropped_by_server",
                                             "not_sent_by_server"};
    return index < SIGNS ? names[index] : NULL;
}

const char *limit_name(enum limit limit)
{
    switch (limit) {
    case LIMIT_NONE:
        return "none";
    case LIMIT_SERVER:
        return "server";
    case LIMIT_CROWD:
        return "crowd";
    case LIMIT_MACHINE:
        return "machine";
    case LIMIT_OTHERS:
        return "others";
    case LIMIT_UNKNOWN:
        return "unknown";
    }
    return "unknown";
}

unsigned verdict_signs(const struct row *row)
{
    const struct tally_second *crowd = &row->crowd;
    unsigned signs = 0;
    if (crowd->lost > 0)
        signs |= SIGN_LOSS;
    if (tally_second_late_ms(crowd, 990) > VERDICT_LATE_MS)
        signs |= SIGN_LATE;
    if ((uint64_t)crowd->gaps * GAPS_PER_LISTENERS > crowd->hearing)
        signs |= SIGN_GAPS;
    if (row->server.late > 0)
        signs |= SIGN_DROPPED;
    if (row->server.failures > 0)
        signs |= SIGN_NOT_SENT;
    return signs;
}

/* ---- how many were held ---- */

/* The most that heard in a row of at least `run` clean seconds with at most `limit` listeners. */
static uint32_t best_run(const struct row *rows, uint32_t count, uint32_t run, uint32_t limit)
{
    uint32_t best = 0, most = 0, length = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t hearing = rows[i].crowd.hearing;
        if (hearing == 0 || hearing > limit || verdict_signs(&rows[i]) != 0) {
            most = length = 0;
            continue;
        }
        length++;
        most = hearing > most ? hearing : most;
        best = length >= run && most > best ? most : best;
    }
    return best;
}

static bool is_above(const struct row *row, uint32_t held)
{
    return (uint64_t)row->crowd.hearing * 100 > (uint64_t)held * 101;
}

/* Of the seconds with about `held` listeners too many were not clean. */
static bool is_shaky(const struct row *rows, uint32_t count, uint32_t held)
{
    uint32_t seconds = 0, unclean = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t hearing = rows[i].crowd.hearing;
        if ((uint64_t)hearing * 100 < (uint64_t)held * 95 || is_above(&rows[i], held))
            continue;
        seconds++;
        unclean += verdict_signs(&rows[i]) != 0;
    }
    return unclean * UNCLEAN_SHARE > seconds;
}

static uint32_t find_held(const struct row *rows, uint32_t count, uint32_t run)
{
    uint32_t limit = UINT32_MAX, held;
    while ((held = best_run(rows, count, run, limit)) > 0 && is_shaky(rows, count, held))
        limit = (uint32_t)((uint64_t)held * 95 / 100);
    return held;
}

/* Where more than `held` were not served cleanly. */
static void find_break(struct verdict *out, const struct row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        unsigned signs = verdict_signs(&rows[i]);
        if (signs == 0 || !is_above(&rows[i], out->held))
            continue;
        if (!out->is_broken) {
            out->broke_at = rows[i].crowd.hearing;
            out->broke_second = i;
        }
        out->is_broken = true;
        out->signs |= signs;
    }
}

static void count_seconds(struct verdict *out, const struct row *rows, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t hearing = rows[i].crowd.hearing;
        if (hearing == 0)
            continue;
        out->judged++;
        out->unclean += verdict_signs(&rows[i]) != 0;
        out->most = hearing > out->most ? hearing : out->most;
    }
}

static void weigh(struct verdict *out, const struct row *rows, uint32_t count)
{
    out->held = find_held(rows, count, VERDICT_RUN);
    if (out->held == 0) {
        out->held = find_held(rows, count, 1);
        out->is_thin = out->held > 0;
    }
    find_break(out, rows, count);
}

/* ---- what was the limit ---- */

struct strain {
    uint32_t seconds;
    uint64_t own, machine, others, lost, overflows;
    uint32_t busiest;
};

static struct strain strain_of(const struct verdict *verdict, const struct row *rows,
                               uint32_t count)
{
    struct strain strain = {0};
    for (uint32_t i = 0; i < count; i++) {
        const struct row *row = &rows[i];
        if (verdict_signs(row) == 0 || !is_above(row, verdict->held))
            continue;
        strain.seconds++;
        strain.own += row->own_permille;
        strain.machine += row->machine_permille;
        strain.others += row->others_permille;
        strain.lost += row->crowd.lost;
        strain.overflows += row->overflows;
        if (row->server.busiest_permille > strain.busiest)
            strain.busiest = row->server.busiest_permille;
    }
    return strain;
}

static bool takes(uint64_t permille, uint32_t seconds, unsigned cores, unsigned share_permille)
{
    return permille >= (uint64_t)seconds * cores * share_permille;
}

static enum limit find_limit(const struct verdict *verdict, const struct verdict_params *params,
                             const struct strain *strain)
{
    bool is_crowd_full = takes(strain->own, strain->seconds, params->crowd_cores, FULL_PERMILLE);
    bool is_here_full = takes(strain->machine, strain->seconds, params->here_cores, FULL_PERMILLE);
    bool is_disturbed =
        is_here_full && takes(strain->others, strain->seconds, params->here_cores, OTHERS_PERMILLE);
    bool is_ours_lost =
        !params->has_unread && strain->overflows > 0 && strain->overflows * 2 >= strain->lost;
    bool is_server_full =
        strain->busiest >= FULL_PERMILLE || (verdict->signs & (SIGN_DROPPED | SIGN_NOT_SENT)) != 0;
    if (is_server_full && !params->server_is_here)
        return LIMIT_SERVER;
    if (is_disturbed)
        return LIMIT_OTHERS;
    if (is_server_full)
        return is_here_full || is_crowd_full ? LIMIT_MACHINE : LIMIT_SERVER;
    if (is_crowd_full || is_ours_lost || (is_here_full && !params->server_is_here))
        return LIMIT_CROWD;
    return is_here_full ? LIMIT_MACHINE : LIMIT_UNKNOWN;
}

/* ---- how many it would hold ---- */

/* Rounded down to two figures. */
static uint32_t two_figures(uint64_t number)
{
    uint64_t unit = 1;
    while (number / unit >= 100)
        unit *= 10;
    return (uint32_t)(number / unit * unit);
}

static double at_target(uint32_t listeners, struct figure permille, double allowed)
{
    if (!permille.is_known || permille.value <= 0)
        return -1;
    return listeners * allowed / permille.value;
}

static void extrapolate(struct verdict *out, const struct verdict_params *params,
                        const struct costs *costs)
{
    uint32_t heard = costs->steady_hearing;
    double by_thread = at_target(heard, costs->busiest_permille, VERDICT_TARGET_PERMILLE);
    double by_machine = at_target(heard, costs->steady_permille,
                                  (double)VERDICT_TARGET_PERMILLE * params->server_cores);
    double reach = (double)out->held * VERDICT_REACH;
    if (by_thread < 0 || by_machine < 0 || params->server_cores == 0)
        return;
    double holds = by_thread < by_machine ? by_thread : by_machine;
    holds = holds < reach ? holds : reach;
    if (holds * 10 < (double)out->held * 11)
        return; /* what was tried says as much */
    out->is_extrapolated = true;
    out->holds = two_figures((uint64_t)holds);
}

/* ---- in words ---- */

const char *verdict_number(char out[16], uint32_t number)
{
    if (number >= 1000000)
        (void)snprintf(out, 16, "%" PRIu32 ",%03" PRIu32 ",%03" PRIu32, number / 1000000,
                       number / 1000 % 1000, number % 1000);
    else if (number >= 1000)
        (void)snprintf(out, 16, "%" PRIu32 ",%03" PRIu32, number / 1000, number % 1000);
    else
        (void)snprintf(out, 16, "%" PRIu32, number);
    return out;
}

__attribute__((format(printf, 2, 3))) static void say(struct verdict *out, const char *format, ...)
{
    size_t used = strlen(out->sentence);
    va_list args;
    va_start(args, format);
    (void)vsnprintf(out->sentence + used, sizeof(out->sentence) - used, format, args);
    va_end(args);
}

static void say_signs(struct verdict *out)
{
    static const char *const words[SIGNS] = {"packets were lost", "packets came late",
                                             "the sound had gaps", "the server dropped packets",
                                             "the server could not send"};
    const char *before = "";
    for (unsigned i = 0; i < SIGNS; i++)
        if ((out->signs >> i & 1) != 0) {
            say(out, "%s%s", before, words[i]);
            before = ", ";
        }
}

static bool are_cut_off(const struct verdict *out, const struct verdict_params *params)
{
    return params->disconnects * VERDICT_CUT_SHARE > out->most;
}

static void say_seats(struct verdict *out, const struct verdict_params *params)
{
    char number[16];
    if (are_cut_off(out, params))
        say(out,
            ", but %" PRIu64 " times somebody who heard was cut off: no number of seats is safe.",
            params->disconnects);
    else if (out->seats > 0)
        say(out, "; set seats to %s.", verdict_number(number, out->seats));
    else
        say(out, ".");
}

static void say_broken(struct verdict *out, const struct verdict_params *params)
{
    char held[16], broke[16];
    (void)verdict_number(held, out->holds);
    (void)verdict_number(broke, out->broke_at);
    if (out->held == 0)
        say(out, "This server did not serve %s listeners well: ", broke);
    else if (out->limit == LIMIT_SERVER)
        say(out, "This server holds about %s listeners (at %s: ", held, broke);
    else
        say(out, "This server held about %s listeners (at %s: ", held, broke);
    say_signs(out);
    if (out->held > 0)
        say(out, ")");
    switch (out->limit) {
    case LIMIT_CROWD:
        say(out, "; the limit was the machine that plays the crowd, not the server: rehearse from "
                 "another one, or from several");
        break;
    case LIMIT_MACHINE:
        say(out, "; server and crowd together filled this machine: rehearse from another one");
        break;
    case LIMIT_OTHERS:
        say(out, "; other programs kept this machine busy: rehearse again when it is quiet");
        break;
    case LIMIT_UNKNOWN:
        say(out, "; what the limit was could not be seen");
        break;
    case LIMIT_NONE:
    case LIMIT_SERVER:
        break;
    }
    say_seats(out, params);
}

static void say_clean(struct verdict *out, const struct verdict_params *params)
{
    char held[16], most[16], all[16], holds[16];
    (void)verdict_number(held, out->held);
    (void)verdict_number(most, out->most);
    (void)verdict_number(all, params->tried);
    (void)verdict_number(holds, out->holds);
    if (out->held >= params->tried)
        say(out, "This server held all %s listeners that were tried", all);
    else if (out->held == out->most)
        say(out, "This server held the %s listeners that got in, of %s", held, all);
    else
        say(out, "This server held %s listeners well, of %s at most that heard", held, most);
    if (out->is_thin)
        say(out, ", but not for long enough to be sure");
    else if (out->unclean > 0)
        say(out, " (%" PRIu32 " of %" PRIu32 " seconds were not clean)", out->unclean, out->judged);
    if (out->is_extrapolated)
        say(out, "; by its load it should hold about %s (extrapolated, not tried)", holds);
    say_seats(out, params);
}

void verdict_make(struct verdict *out, const struct verdict_params *params, const struct row *rows,
                  uint32_t count, const struct costs *costs)
{
    *out = (struct verdict){0};
    count_seconds(out, rows, count);
    if (out->judged == 0) {
        say(out, "Nobody heard anything.");
        return;
    }
    weigh(out, rows, count);
    out->holds = out->held;
    if (out->is_broken) {
        struct strain strain = strain_of(out, rows, count);
        out->limit = find_limit(out, params, &strain);
        out->holds = two_figures(out->held);
    } else if (!are_cut_off(out, params))
        extrapolate(out, params, costs);
    if (!are_cut_off(out, params))
        out->seats = two_figures((uint64_t)out->holds * SEATS_PERCENT / 100);
    if (out->is_broken)
        say_broken(out, params);
    else
        say_clean(out, params);
}
