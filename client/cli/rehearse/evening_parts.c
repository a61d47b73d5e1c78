/* evening_parts.c - the parts of the evening, one after the other. */
#include "rehearse/evening.h"

#include "base/clock.h"
#include "rehearse/hogs.h"
#include "rehearse/refusals.h"
#include "rehearse/strain.h"

enum {
    SECOND_US = 1000 * 1000,
    STALE_US = 2 * SECOND_US, /* a look at the server that is older says nothing */
    GROWTH_PERCENT = 15,      /* a step of the fill that brings less was the last */
    STEPS_MIN = 3,
    FILL_STAY_US = SECOND_US,
    BACK_MIN_S = 5,
    STAY_S = 3,
    QUIET_MIN_S = 12,
    NORMAL_S = 5, /* it is to stay normal for so long */
    HOGS_SPARE_S = 10,
};

/* ---- seconds ---- */

static void take_moment(struct evening *evening)
{
    struct crowd_now now;
    struct server_second server;
    if (evening->count == EVENING_MOMENTS_MAX)
        return;
    uint64_t late = 0, unanswered = 0;
    crowd_look(evening->crowd, &now);
    if (evening->passers != NULL)
        passers_look(evening->passers, &late, &unanswered);
    server_view_latest(evening->view, &server);
    struct moment *moment = &evening->moments[evening->count++];
    *moment = (struct moment){.at_us = clock_now_us(),
                              .part = evening->part,
                              .seated = now.seated,
                              .hearing = now.hearing,
                              .missing = now.missing,
                              .heard = now.heard,
                              .steady = now.steady,
                              .joined = now.joined,
                              .disconnects = now.disconnects,
                              .late_answers = now.late_answers + late,
                              .unanswered = now.unanswered + unanswered};
    if (server.is_seen && moment->at_us < server.at_us + STALE_US)
        moment->server = server;
}

/* Until the next full second has passed. False: the end was asked for. */
static bool pass_second(struct evening *evening)
{
    uint64_t passed = (clock_now_us() - evening->start_us) / SECOND_US;
    if (!setup_wait_until(evening->start_us + (passed + 1) * SECOND_US)) {
        evening->is_cut_short = true;
        return false;
    }
    take_moment(evening);
    return true;
}

static bool pass_seconds(struct evening *evening, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++)
        if (!pass_second(evening))
            return false;
    return true;
}

static const struct moment *newest(const struct evening *evening)
{
    static const struct moment none;
    return evening->count > 0 ? &evening->moments[evening->count - 1] : &none;
}

static void begin(struct evening *evening, enum part part)
{
    evening->part = part;
    evening->from_us[part] = clock_now_us();
    crowd_set_part(evening->crowd, part);
}

static void end(struct evening *evening)
{
    evening->to_us[evening->part] = clock_now_us();
}

static void tell(const struct evening *evening, const char *what)
{
    const struct moment *now = newest(evening);
    (void)fprintf(stderr, "rostrum: %3u s: %s (%u seated, %u hear, mode %s)\n",
                  (unsigned)((clock_now_us() - evening->start_us) / SECOND_US), what, now->seated,
                  now->hearing, mode_seen_name(moment_mode(now)));
}

/* The ring takes many times as many as are ever sent in one second. */
static void send_wave(struct evening *evening, const struct wave *wave)
{
    int err = crowd_wave(evening->crowd, wave);
    if (err != 0)
        (void)fprintf(stderr, "rostrum: a wave was lost: %s\n", error_name(err));
}

/* ---- fill ---- */

/* Joins a second with so many who come and go; 0: it was cut short. */
static double play_step(struct evening *evening, uint32_t count)
{
    const struct evening_size *size = &evening->size;
    struct wave wave = {.kind = WAVE_COME,
                        .first = size->base,
                        .count = count,
                        .over_us = SECOND_US,
                        .stay_us = FILL_STAY_US,
                        .period_us = 1};
    send_wave(evening, &wave);
    if (!pass_second(evening)) /* they arrive */
        return 0;
    uint64_t joined = newest(evening)->joined, from_us = newest(evening)->at_us;
    if (!pass_seconds(evening, size->step_s))
        return 0;
    return (double)(newest(evening)->joined - joined) * SECOND_US /
           (double)(newest(evening)->at_us - from_us);
}

static bool wait_for_seated(struct evening *evening, uint32_t least, uint32_t most)
{
    for (unsigned i = 0; i < evening->size.back_s; i++) {
        if (!pass_second(evening))
            return false;
        if (newest(evening)->seated >= least && newest(evening)->seated <= most)
            return true;
    }
    return true;
}

static bool seat_base(struct evening *evening)
{
    const struct evening_size *size = &evening->size;
    double over_s = evening->peak_per_s > 0 ? size->base * 2 / evening->peak_per_s : 1;
    struct wave leave = {
        .kind = WAVE_LEAVE, .first = size->base, .count = size->people - size->base};
    struct wave come = {
        .kind = WAVE_COME, .count = size->base, .over_us = (uint64_t)(over_s * SECOND_US)};
    send_wave(evening, &leave);
    if (!wait_for_seated(evening, 0, 0))
        return false;
    if (size->base == 0)
        return true;
    send_wave(evening, &come);
    return wait_for_seated(evening, size->base, size->base);
}

static bool play_fill(struct evening *evening)
{
    uint32_t count;
    begin(evening, PART_FILL);
    for (unsigned step = 0; (count = evening_step(&evening->size, step)) > 0; step++) {
        double joins_per_s = play_step(evening, count);
        if (evening->is_cut_short)
            return false;
        bool is_growing = joins_per_s * 100 > evening->peak_per_s * (100 + GROWTH_PERCENT);
        if (joins_per_s > evening->peak_per_s)
            evening->peak_per_s = joins_per_s;
        if (step + 1 >= STEPS_MIN && !is_growing)
            break;
    }
    bool goes_on = seat_base(evening);
    end(evening);
    return goes_on;
}

/* ---- storm, hogs ---- */

static void send_passers(struct evening *evening)
{
    struct passers_params params = {.address = evening->setup.ground.server,
                                    .host = evening->host_field,
                                    .slug = evening->arguments.common.slug,
                                    .per_s = evening->storm.passers_per_s,
                                    .at_once = evening->passers_at_once,
                                    .sources = evening->setup.sources,
                                    .source_count = evening->setup.source_count};
    if (evening->no_passers == NULL && passers_create(&evening->passers, &params) != 0)
        evening->no_passers = "the passers-by could not be started";
}

static void send_storm(struct evening *evening)
{
    const struct evening_size *size = &evening->size;
    const struct evening_storm *storm = &evening->storm;
    struct wave people = {.kind = WAVE_COME,
                          .first = size->base,
                          .count = size->people - size->base,
                          .over_us = storm->arrive_us,
                          .stay_us = storm->stay_us,
                          .period_us = 1};
    send_wave(evening, &people);
    send_passers(evening);
}

static bool play_storm(struct evening *evening)
{
    const struct evening_size *size = &evening->size;
    char what[96];
    evening_storm_make(&evening->storm, size, evening->peak_per_s);
    (void)snprintf(what, sizeof(what), "storm: %d x %.0f joins a second for %u s", EVENING_TIMES,
                   evening->peak_per_s, size->storm_s);
    tell(evening, what);
    begin(evening, PART_STORM);
    uint64_t joined = newest(evening)->joined, from_us = newest(evening)->at_us;
    struct strain strain;
    strain_begin(&strain, from_us);
    send_storm(evening);
    if (!pass_seconds(evening, size->storm_s / 2))
        return false;
    drill_hosts_drop(&evening->hosts);
    if (!pass_seconds(evening, size->storm_s - size->storm_s / 2))
        return false;
    evening->storm_per_s = (double)(newest(evening)->joined - joined) * SECOND_US /
                           (double)(newest(evening)->at_us - from_us);
    evening->strain_permille = strain_permille(&strain, newest(evening)->at_us);
    if (evening->passers != NULL)
        passers_end(evening->passers);
    end(evening);
    return true;
}

static bool play_hogs(struct evening *evening)
{
    struct hogs hogs = {0};
    if (!evening->setup.ground.server_is_here) {
        evening->no_hogs = "the server is on another machine";
        return true;
    }
    tell(evening, "hogs: two processes keep processors busy");
    begin(evening, PART_HOGS);
    if (hogs_start(&hogs, EVENING_HOGS, evening->size.hogs_s + HOGS_SPARE_S) != 0)
        evening->no_hogs = "this machine has no processes left";
    bool goes_on = pass_seconds(evening, evening->size.hogs_s);
    hogs_stop(&hogs);
    end(evening);
    return goes_on;
}

/* ---- everybody back ---- */

/* Until all who lost their sound hear again, and not for too short a while to judge. */
static bool wait_for_all(struct evening *evening, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        if (!pass_second(evening))
            return false;
        if (i + 1 >= BACK_MIN_S && newest(evening)->missing == 0)
            return true;
    }
    return true;
}

/* Who has a seat keeps it from now on, so that all seats are taken soon. */
static bool play_stay(struct evening *evening)
{
    struct wave stay = {.kind = WAVE_STAY, .count = evening->size.people};
    send_wave(evening, &stay);
    return pass_seconds(evening, STAY_S);
}

static bool play_cut(struct evening *evening)
{
    struct wave cut = {.kind = WAVE_CUT, .count = evening->size.people};
    tell(evening, "cut: all who are seated lose their network");
    begin(evening, PART_CUT);
    send_wave(evening, &cut);
    bool goes_on = wait_for_all(evening, evening->size.back_s);
    end(evening);
    return goes_on;
}

/* A server that starts again at once has them all back before the second is over: what tells is how
 * many were lost. */
static bool wait_for_the_kill(struct evening *evening, uint32_t seated)
{
    uint64_t before = newest(evening)->disconnects;
    for (unsigned i = 0; i < evening->size.restart_s; i++) {
        if (!pass_second(evening))
            return false;
        if (newest(evening)->disconnects - before > seated / 2)
            return true;
    }
    evening->no_restart = "nobody killed the server";
    return true;
}

static bool play_restart(struct evening *evening)
{
    if (!evening->arguments.expects_restart) {
        evening->no_restart = "it was not told to expect one (--expect-restart)";
        return true;
    }
    uint32_t seated = newest(evening)->seated;
    tell(evening, "restart: the server may be killed now, and started again");
    begin(evening, PART_RESTART);
    bool goes_on = wait_for_the_kill(evening, seated);
    if (goes_on && evening->no_restart == NULL) {
        tell(evening, "restart: it is gone");
        goes_on = wait_for_all(evening, evening->size.restart_s);
    }
    end(evening);
    return goes_on;
}

/* ---- quiet ---- */

static bool play_quiet(struct evening *evening)
{
    const struct evening_size *size = &evening->size;
    struct wave leave = {.kind = WAVE_LEAVE,
                         .first = size->base,
                         .count = size->people - size->base,
                         .over_us = SECOND_US};
    unsigned normal_s = 0;
    tell(evening, "quiet: until the mode is normal");
    begin(evening, PART_QUIET);
    send_wave(evening, &leave);
    for (unsigned i = 0; i < size->quiet_s; i++) {
        if (!pass_second(evening))
            return false;
        enum mode_seen mode = moment_mode(newest(evening));
        normal_s = mode == MODE_NORMAL || mode == MODE_UNSEEN ? normal_s + 1 : 0;
        if (i + 1 >= QUIET_MIN_S && normal_s >= NORMAL_S)
            break;
    }
    end(evening);
    return true;
}

static void play_refusals(struct evening *evening)
{
    struct refusals_params params = {.server = evening->cli->server,
                                     .slug = evening->arguments.common.slug,
                                     .token = evening->cli->token,
                                     .seated = newest(evening)->seated,
                                     .newcomers = evening->size.refusals,
                                     .idle_seconds = evening->size.idle_s,
                                     .wait_until = setup_wait_until};
    tell(evening, "refusals: newcomers ask for a seat that there is not");
    begin(evening, PART_REFUSALS);
    refusals_measure(&evening->refusal, &params);
    end(evening);
}

bool evening_play(struct evening *evening)
{
    tell(evening, "fill: how many can join in peace?");
    if (!play_fill(evening))
        return false;
    if (evening->peak_per_s <= 0)
        return true; /* nobody can join: there is no evening, which is told */
    if (!play_storm(evening) || !play_hogs(evening) || !play_stay(evening) ||
        !play_restart(evening) || !play_cut(evening) || !play_quiet(evening))
        return false;
    play_refusals(evening);
    return true;
}
