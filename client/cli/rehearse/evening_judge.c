/* evening_judge.c - puts together what was seen, for the judgement in promises.c. */
#include "rehearse/evening.h"

enum { SECOND_US = 1000 * 1000 };

static const char NOT_REACHED[] = "the drill did not come so far";

static bool was_played(const struct evening *evening, enum part part)
{
    return evening->to_us[part] != 0;
}

/* The gaps of a second are only known when the threads that heard them have ended. */
static void fill_gaps(struct evening *evening)
{
    for (uint32_t i = 0; i < evening->count; i++) {
        struct moment *moment = &evening->moments[i];
        uint64_t second = (moment->at_us - evening->start_us) / SECOND_US;
        if (second >= 1 && second <= TALLY_SECONDS_MAX)
            moment->gaps = evening->heard[second - 1].gaps;
    }
}

static enum mode_seen mode_at(const struct evening *evening, uint64_t at_us)
{
    enum mode_seen mode = MODE_NORMAL;
    for (uint32_t i = 0; i < evening->count; i++) {
        enum mode_seen seen = moment_mode(&evening->moments[i]);
        if (seen != MODE_UNSEEN)
            mode = seen;
        if (evening->moments[i].at_us >= at_us + SECOND_US)
            break;
    }
    return mode;
}

bool evening_was_restarted(const struct evening *evening)
{
    return was_played(evening, PART_RESTART) && evening->no_restart == NULL;
}

static bool is_in_restart(const struct evening *evening, uint64_t at_us)
{
    return evening_was_restarted(evening) && at_us >= evening->from_us[PART_RESTART] &&
           at_us <= evening->to_us[PART_RESTART];
}

static uint32_t count_evicted(const struct evening *evening)
{
    const struct stands *stands = crowd_stands(evening->crowd);
    uint32_t evicted = 0;
    for (uint32_t i = 0; i < stands->count; i++) {
        const struct stand *stand = &stands->list[i];
        evicted += stand->end == STAND_LOST && !is_in_restart(evening, stand->end_us) &&
                   mode_at(evening, stand->end_us) != MODE_LIFEBOAT;
    }
    return evicted;
}

static void judge_goodput(struct evening *evening)
{
    struct promise_goodput seen = {.peak_per_s = evening->peak_per_s,
                                   .room_per_s = evening->storm.room_per_s,
                                   .storm_per_s = evening->storm_per_s,
                                   .times = EVENING_TIMES,
                                   .why_less = evening->no_passers,
                                   .strain_permille = evening->strain_permille,
                                   .asks = &evening->tally.asks[PART_STORM]};
    uint64_t took_us = evening->to_us[PART_STORM] - evening->from_us[PART_STORM];
    if (!was_played(evening, PART_STORM))
        seen.why_not = NOT_REACHED;
    else
        seen.offered_per_s = (double)seen.asks->newcomers * SECOND_US / (double)took_us;
    promise_goodput(&evening->promises[PROMISE_GOODPUT], &seen);
}

static void judge_seated(struct evening *evening)
{
    struct promise_seated seen = {.evicted = count_evicted(evening)};
    for (uint32_t i = 0; i < evening->count; i++) {
        const struct moment *moment = &evening->moments[i];
        uint64_t second = (moment->at_us - evening->start_us) / SECOND_US;
        if (moment->hearing > seen.seated)
            seen.seated = moment->hearing;
        if (moment->part < PART_STORM || moment->part > PART_CUT || moment->part == PART_RESTART ||
            second < 1 || second > TALLY_SECONDS_MAX)
            continue;
        const struct tally_second *heard = &evening->heard[second - 1];
        seen.heard_seconds += heard->hearing;
        seen.gap_seconds += heard->gaps < heard->hearing ? heard->gaps : heard->hearing;
    }
    promise_seated(&evening->promises[PROMISE_SEATED], &seen);
}

static void judge_order(struct evening *evening)
{
    const struct stands *stands = crowd_stands(evening->crowd);
    uint64_t end_us = evening->count > 0 ? evening->moments[evening->count - 1].at_us : 0;
    struct stands_order newcomers, returning;
    struct stands_waits waits;
    stands_order(stands, STAND_NEWCOMER, &newcomers);
    stands_order(stands, STAND_RETURNING, &returning);
    stands_waits(stands, end_us, &waits);
    promise_order(&evening->promises[PROMISE_ORDER], &newcomers, &returning, &waits);
}

static void judge_restart(struct evening *evening)
{
    struct promise_restart seen = {.why_not = evening->no_restart};
    if (!was_played(evening, PART_RESTART) && seen.why_not == NULL)
        seen.why_not = NOT_REACHED;
    if (seen.why_not == NULL &&
        stands_back(crowd_stands(evening->crowd), evening->from_us[PART_RESTART],
                    evening->to_us[PART_RESTART], &seen.back) != 0)
        seen.why_not = "this machine has no memory left";
    promise_restart(&evening->promises[PROMISE_RESTART], &seen);
}

static void judge_cut(struct evening *evening)
{
    if (was_played(evening, PART_CUT) &&
        stands_back(crowd_stands(evening->crowd), evening->from_us[PART_CUT],
                    evening->to_us[PART_CUT], &evening->back) != 0)
        evening->back = (struct stands_back){0};
}

void evening_judge(struct evening *evening)
{
    struct promise *promises = evening->promises;
    const struct moment *moments = evening->moments;
    uint32_t others = (uint32_t)evening->before.numbers[LOOK_CONNECTED];
    struct promise_mode mode = {.moments = moments,
                                .count = evening->count,
                                .storm_us = evening->from_us[PART_STORM],
                                .quiet_us = evening->from_us[PART_QUIET],
                                .end_us = evening->to_us[PART_QUIET]};
    if (mode.end_us == 0 && evening->count > 0) /* cut short */
        mode.end_us = moments[evening->count - 1].at_us;
    fill_gaps(evening);
    judge_goodput(evening);
    if (evening->no_hosts != NULL)
        evening->hosts_seen.why_not = evening->no_hosts;
    promise_hosts(&promises[PROMISE_HOSTS], &evening->hosts_seen);
    judge_seated(evening);
    promise_recording(&promises[PROMISE_RECORDING], &evening->recording);
    promise_cap(&promises[PROMISE_CAP], moments, evening->count, others);
    judge_order(evening);
    promise_mode(&promises[PROMISE_MODE], &mode);
    promise_hearing(&promises[PROMISE_HEARING], moments, evening->count, others);
    if (!was_played(evening, PART_REFUSALS))
        evening->refusal.why_not = NOT_REACHED;
    promise_refusal(&promises[PROMISE_REFUSAL], &evening->refusal);
    judge_restart(evening);
    judge_cut(evening);
}
