#include "rehearse/promises.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum {
    SECOND_US = 1000 * 1000,
    GOODPUT_PERCENT = 90,
    OFFERED_PERCENT = 80,    /* of what was to be offered: with less it was another evening */
    STRAINED_PERMILLE = 950, /* of the time: who is busy for more waits for a processor */
    GAP_MS = 60,
    RETURN_US = 2 * SECOND_US,
    GAP_PERMILLE = 10, /* p99 */
    INVERSIONS_PERMILLE = 20,
    WAITS_PERCENT = 80,
    MODE_WITHIN_US = 5 * SECOND_US,
    MODE_LOOK_US = SECOND_US, /* it is looked at so often: seen so much later, at most */
    MODE_SWINGS = 1,
    NORMAL_WITHIN_US = 90 * SECOND_US,
    HEARING_PERCENT = 5,
    REFUSAL_US = 150,
    RESTART_US = 5 * SECOND_US,
    FEW_PEOPLE = 20, /* a share of fewer says nothing */
};

static const struct {
    const char *name, *text;
} words[PROMISES] = {
    [PROMISE_GOODPUT] = {"goodput",
                         "at 10 times the joins it sustains: goodput at least 90 % of the "
                         "peak, every attempt answered within 1 s"},
    [PROMISE_HOSTS] = {"hosts",
                       "no gap over 60 ms between hosts; one who drops is back within 2 s"},
    [PROMISE_SEATED] = {"seated", "none evicted below lifeboat, gap p99 at most 60 ms"},
    [PROMISE_RECORDING] = {"recording", "complete, no hole"},
    [PROMISE_CAP] = {"cap", "never exceeded, not by one"},
    [PROMISE_ORDER] = {"order", "inversions within a class at most 2 %; shown wait within a factor "
                                "of 2 for 80 %"},
    [PROMISE_MODE] = {"mode",
                      "reached within 5 s, at most one oscillation, normal within 90 s after "
                      "the load, each change with its cause"},
    [PROMISE_HEARING] = {"hearing", "never above the truth, within 5 % of it after 10 s"},
    [PROMISE_REFUSAL] = {"refusal", "in small_audience at most 0.15 ms of processor for a place in "
                                    "line"},
    [PROMISE_RESTART] = {"restart",
                         "after kill -9 ticket holders hear again, p95 within 5 s, nobody "
                         "else before them"},
};

const char *outcome_name(enum outcome outcome)
{
    static const char *const names[] = {"kept", "not measured", "broken"};
    return names[outcome];
}

static void begin(struct promise *out, enum promise_index index)
{
    *out = (struct promise){
        .name = words[index].name, .text = words[index].text, .outcome = PROMISE_KEPT};
}

/* One more part: the worst of all counts. */
__attribute__((format(printf, 3, 4))) static void part(struct promise *out, enum outcome outcome,
                                                       const char *format, ...)
{
    va_list args;
    size_t used = strlen(out->figure);
    if (used > 0 && used + 2 < sizeof(out->figure)) {
        memcpy(out->figure + used, "; ", 3);
        used += 2;
    }
    va_start(args, format);
    (void)vsnprintf(out->figure + used, sizeof(out->figure) - used, format, args);
    va_end(args);
    if (outcome > out->outcome)
        out->outcome = outcome;
}

static enum outcome kept_if(bool is_kept)
{
    return is_kept ? PROMISE_KEPT : PROMISE_BROKEN;
}

static double seconds(uint64_t us)
{
    return (double)us / SECOND_US;
}

static double percent(uint64_t share, uint64_t whole)
{
    return whole > 0 ? (double)share * 100 / (double)whole : 0;
}

/* ---- the storm ---- */

void promise_goodput(struct promise *out, const struct promise_goodput *seen)
{
    const struct tally_asks *asks = seen->asks;
    bool is_bounded = seen->room_per_s > 0 && seen->room_per_s < seen->peak_per_s;
    double bar_per_s = (is_bounded ? seen->room_per_s : seen->peak_per_s) * GOODPUT_PERCENT / 100;
    begin(out, PROMISE_GOODPUT);
    if (seen->why_not != NULL || seen->peak_per_s <= 0 || asks->asked == 0) {
        part(out, PROMISE_NOT_MEASURED, "%s",
             seen->why_not != NULL ? seen->why_not : "nobody could join in peace");
        return;
    }
    bool is_strained = seen->strain_permille >= STRAINED_PERMILLE;
    enum outcome otherwise = is_strained ? PROMISE_NOT_MEASURED : PROMISE_BROKEN;
    part(out, seen->storm_per_s >= bar_per_s ? PROMISE_KEPT : otherwise,
         "%.0f joins/s of %.0f in peace%s", seen->storm_per_s, seen->peak_per_s,
         is_bounded ? "" : " at most");
    if (is_bounded)
        part(out, PROMISE_KEPT, "seats came free for %.0f/s", seen->room_per_s);
    bool is_enough = seen->offered_per_s * 100 >= seen->peak_per_s * seen->times * OFFERED_PERCENT;
    const char *why_less =
        seen->why_less != NULL ? seen->why_less : "this machine could not offer more";
    part(out, is_enough ? PROMISE_KEPT : PROMISE_NOT_MEASURED, "offered %.0f/s, %.1f times%s%s",
         seen->offered_per_s, seen->offered_per_s / seen->peak_per_s, is_enough ? "" : ": ",
         is_enough ? "" : why_less);
    part(out,
         asks->unanswered > 0 ? PROMISE_BROKEN
         : asks->late > 0     ? otherwise
                              : PROMISE_KEPT,
         "of %" PRIu64 " asks %" PRIu64 " answered after 1 s, %" PRIu64
         " never, p99 %.0f ms, longest %.0f ms",
         asks->asked, asks->late, asks->unanswered, seconds(histogram_at(&asks->times, 990)) * 1000,
         seconds(asks->times.max_us) * 1000);
    if (is_strained && out->outcome != PROMISE_KEPT)
        part(out, PROMISE_NOT_MEASURED,
             "the drill itself got no more processor (busy for %u %% of the time): joins and late "
             "answers tell of its own limit; play it from another machine",
             seen->strain_permille / 10);
}

void promise_hosts(struct promise *out, const struct promise_hosts *seen)
{
    begin(out, PROMISE_HOSTS);
    if (seen->why_not != NULL || seen->packets == 0) {
        part(out, PROMISE_NOT_MEASURED, "%s",
             seen->why_not != NULL ? seen->why_not : "the hosts heard nothing of each other");
        return;
    }
    part(out, kept_if(seen->gaps == 0),
         "%" PRIu64 " gaps over %d ms in %" PRIu64 " packets, longest %.0f ms", seen->gaps, GAP_MS,
         seen->packets, seconds(seen->longest_gap_us) * 1000);
    if (seen->outages > 0)
        part(out, PROMISE_BROKEN, "%" PRIu64 " times a host's connection was lost", seen->outages);
    if (!seen->has_dropped)
        part(out, PROMISE_NOT_MEASURED, "no host dropped");
    else if (seen->returned_us == 0)
        part(out, PROMISE_BROKEN, "the host who dropped did not come back");
    else
        part(out, kept_if(seen->returned_us <= RETURN_US), "back after %.1f s",
             seconds(seen->returned_us));
}

void promise_seated(struct promise *out, const struct promise_seated *seen)
{
    begin(out, PROMISE_SEATED);
    if (seen->heard_seconds == 0) {
        part(out, PROMISE_NOT_MEASURED, "nobody heard anything");
        return;
    }
    part(out, kept_if(seen->evicted == 0), "%" PRIu32 " evicted of up to %" PRIu32, seen->evicted,
         seen->seated);
    part(out, kept_if(seen->gap_seconds * 1000 <= seen->heard_seconds * GAP_PERMILLE),
         "a gap over %d ms in %.2f %% of the listeners' seconds", GAP_MS,
         percent(seen->gap_seconds, seen->heard_seconds));
}

void promise_recording(struct promise *out, const struct promise_recording *seen)
{
    begin(out, PROMISE_RECORDING);
    if (seen->why_not != NULL) {
        part(out, PROMISE_NOT_MEASURED, "%s", seen->why_not);
        return;
    }
    part(out, kept_if(seen->is_whole && seen->gaps == 0), "%s, %" PRIu64 " gaps",
         seen->is_whole ? "whole" : "not whole", seen->gaps);
    /* What was not recorded stands there as fillers; a restart leaves some, which is known. */
    part(out, kept_if(seen->fillers == 0 || seen->was_restarted), "%" PRIu64 " packets missing%s",
         seen->fillers, seen->was_restarted ? " (the server was killed)" : "");
    part(out, kept_if(seen->duration_ms + 1000 >= seen->live_ms), "%.1f s of %.1f s",
         (double)seen->duration_ms / 1000, (double)seen->live_ms / 1000);
}

/* ---- seats and order ---- */

static uint32_t least_known(uint32_t a, uint32_t b)
{
    if (a == 0 || b == 0)
        return a + b;
    return a < b ? a : b;
}

/* What the room may hold by the server's own word; 0: no limit is known. What the governor says is
 * none: whoever has a seat keeps it when that sinks. */
static uint32_t cap_of(const struct server_second *server)
{
    uint32_t cap = least_known(server->room_seats, server->seats_max);
    return mode_seen(server->mode) == MODE_SMALL ? least_known(cap, server->small_seats) : cap;
}

void promise_cap(struct promise *out, const struct moment *moments, uint32_t count, uint32_t others)
{
    uint32_t cap = 0, connected = 0, own = 0, taken = 0, over = 0, cap_before = 0;
    begin(out, PROMISE_CAP);
    for (uint32_t i = 0; i < count; i++) {
        const struct server_second *server = &moments[i].server;
        uint32_t now = server->is_seen ? cap_of(server) : 0;
        if (now == 0 || !server->has_room || moments[i].part == PART_REFUSALS)
            continue;
        /* One's own count is up to a second old: what holds in two moments is true. */
        uint32_t hearing = i == 0 || moments[i - 1].hearing > moments[i].hearing
                               ? moments[i].hearing
                               : moments[i - 1].hearing;
        uint32_t most = now > cap_before ? now : cap_before;
        over +=
            server->connected > most || hearing + others > most ||
            (server->has_taken && server->seats_max > 0 && server->seats_taken > server->seats_max);
        connected = server->connected > connected ? server->connected : connected;
        taken = server->seats_taken > taken ? server->seats_taken : taken;
        own = hearing > own ? hearing : own;
        cap = now > cap ? now : cap;
        cap_before = now;
    }
    if (cap == 0) {
        part(out, PROMISE_NOT_MEASURED, "the server states no cap");
        return;
    }
    bool was_full = over > 0 || connected == cap || taken == cap;
    part(out,
         over > 0   ? PROMISE_BROKEN
         : was_full ? PROMISE_KEPT
                    : PROMISE_NOT_MEASURED,
         "cap %" PRIu32 ": at most %" PRIu32 " connected, %" PRIu32 " taken, %" PRIu32
         " heard%s; exceeded in %" PRIu32 " of %" PRIu32 " looks",
         cap, connected, taken, own, was_full ? "" : ", so it was never full", over, count);
}

static void judge_order(struct promise *out, const char *class_name,
                        const struct stands_order *order)
{
    double permille =
        order->pairs > 0 ? (double)order->inversions * 1000 / (double)order->pairs : 0;
    part(out, kept_if(permille <= INVERSIONS_PERMILLE),
         "%s: %.2f %% of %" PRIu64 " pairs turned round", class_name, permille / 10, order->pairs);
}

void promise_order(struct promise *out, const struct stands_order *newcomers,
                   const struct stands_order *returning, const struct stands_waits *waits)
{
    uint32_t shown = waits->right + waits->wrong;
    begin(out, PROMISE_ORDER);
    if (newcomers->pairs < FEW_PEOPLE)
        part(out, PROMISE_NOT_MEASURED, "%" PRIu32 " stood in line, too few to judge an order",
             waits->places);
    else
        judge_order(out, "newcomers", newcomers);
    if (returning->pairs >= FEW_PEOPLE)
        judge_order(out, "returning", returning);
    if (shown < FEW_PEOPLE)
        part(out, PROMISE_NOT_MEASURED,
             "a wait was shown to, and could be judged for, %" PRIu32 " (unknown to %" PRIu32 ")",
             shown, waits->unknown);
    else
        part(out, kept_if((uint64_t)waits->right * 100 >= (uint64_t)shown * WAITS_PERCENT),
             "wait right for %.0f %% of %" PRIu32 " (unknown to %" PRIu32 ")",
             percent(waits->right, shown), shown, waits->unknown);
}

/* ---- what the server says of itself ---- */

static void judge_normal(struct promise *out, const struct promise_mode *seen,
                         const struct mode_story *story)
{
    uint64_t waited_us = seen->end_us > seen->quiet_us ? seen->end_us - seen->quiet_us : 0;
    if (seen->quiet_us == 0) {
        part(out, PROMISE_NOT_MEASURED, "the quiet was not reached");
    } else if (story->returned_us != 0) {
        uint64_t after_us =
            story->returned_us > seen->quiet_us ? story->returned_us - seen->quiet_us : 0;
        part(out, kept_if(after_us <= NORMAL_WITHIN_US + MODE_LOOK_US),
             "normal %.0f s after the load", seconds(after_us));
    } else {
        bool is_over = waited_us > NORMAL_WITHIN_US + MODE_LOOK_US;
        part(out, is_over ? PROMISE_BROKEN : PROMISE_NOT_MEASURED,
             "not normal %.0f s after the load", seconds(waited_us));
    }
}

void promise_mode(struct promise *out, const struct promise_mode *seen)
{
    struct mode_story story;
    uint64_t onset_us = moments_onset_us(seen->moments, seen->count, PART_STORM);
    mode_story_make(&story, seen->moments, seen->count);
    begin(out, PROMISE_MODE);
    if (story.seen == 0) {
        part(out, PROMISE_NOT_MEASURED, "the server tells no mode");
        return;
    }
    if (story.was_strict) {
        part(out, PROMISE_NOT_MEASURED, "it was not normal when the drill began");
        return;
    }
    if (story.left_us == 0) {
        part(out, onset_us == 0 ? PROMISE_NOT_MEASURED : PROMISE_BROKEN,
             onset_us == 0 ? "nothing overloaded the server, it stayed normal"
                           : "it stayed normal, although it was overloaded");
        return;
    }
    if (onset_us == 0 || story.left_us <= onset_us)
        part(out, PROMISE_KEPT, "%s at most, left normal before anybody suffered",
             mode_seen_name(story.strictest));
    else
        part(out, kept_if(story.left_us - onset_us <= MODE_WITHIN_US + MODE_LOOK_US),
             "%s at most, left normal %.0f s after the overload began",
             mode_seen_name(story.strictest), seconds(story.left_us - onset_us));
    part(out, kept_if(story.swings <= MODE_SWINGS), "%" PRIu32 " changes, %" PRIu32 " swings",
         story.changes, story.swings);
    part(out, kept_if(story.uncaused == 0), "%" PRIu32 " without a cause", story.uncaused);
    judge_normal(out, seen, &story);
}

/* The most that may be true at the look before, at this one, or at the next. */
static uint32_t most_heard(const struct moment *moments, uint32_t count, uint32_t index)
{
    uint32_t most = moments[index].heard;
    if (index > 0 && moments[index - 1].heard > most)
        most = moments[index - 1].heard;
    if (index + 1 < count && moments[index + 1].heard > most)
        most = moments[index + 1].heard;
    return most;
}

/* So many had heard for ten seconds at the look before, at this one, and at the next. */
static uint32_t least_steady(const struct moment *moments, uint32_t count, uint32_t index)
{
    uint32_t least = moments[index].steady;
    if (index > 0 && moments[index - 1].steady < least)
        least = moments[index - 1].steady;
    if (index + 1 < count && moments[index + 1].steady < least)
        least = moments[index + 1].steady;
    return least;
}

void promise_hearing(struct promise *out, const struct moment *moments, uint32_t count,
                     uint32_t others)
{
    uint32_t looks = 0, judged = 0, over = 0, most = 0, worst_permille = 0;
    begin(out, PROMISE_HEARING);
    if (others > 0) {
        part(out, PROMISE_NOT_MEASURED, "%" PRIu32 " others were in the room", others);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t said = moments[i].server.hearing;
        if (!moments[i].server.has_hearing)
            continue;
        uint32_t truth = most_heard(moments, count, i), least = least_steady(moments, count, i);
        looks++;
        most = said > most ? said : most;
        over = said > truth && said - truth > over ? said - truth : over;
        if (least < FEW_PEOPLE)
            continue;
        judged++;
        uint32_t permille = said < least ? (least - said) * 1000 / least : 0;
        worst_permille = permille > worst_permille ? permille : worst_permille;
    }
    if (judged == 0) {
        part(out, over > 0 ? PROMISE_BROKEN : PROMISE_NOT_MEASURED,
             "too many by %" PRIu32 "; never %d listeners for ten seconds", over, FEW_PEOPLE);
        return;
    }
    part(out, kept_if(over == 0), "up to %" PRIu32 ", too many by %" PRIu32 " in %" PRIu32 " looks",
         most, over, looks);
    part(out, kept_if(worst_permille <= HEARING_PERCENT * 10), "too few by %.1f %% after 10 s",
         (double)worst_permille / 10);
}

void promise_refusal(struct promise *out, const struct promise_refusal *seen)
{
    begin(out, PROMISE_REFUSAL);
    if (seen->why_not != NULL || seen->refusals == 0) {
        part(out, PROMISE_NOT_MEASURED, "%s",
             seen->why_not != NULL ? seen->why_not : "nobody was refused with a place");
        return;
    }
    double own_ms = seen->cpu_ms - seen->idle_ms_per_s * seen->seconds;
    double each_us = own_ms * 1000 / (double)(seen->refusals + seen->others);
    part(out, kept_if(each_us <= REFUSAL_US),
         "%.3f ms for each of %" PRIu32 " (%.0f ms in %.1f s, of which %.0f without them)",
         each_us / 1000, seen->refusals, seen->cpu_ms, seen->seconds,
         seen->idle_ms_per_s * seen->seconds);
    if (seen->others > 0)
        part(out, PROMISE_NOT_MEASURED, "%" PRIu32 " were answered otherwise", seen->others);
}

void promise_restart(struct promise *out, const struct promise_restart *seen)
{
    const struct stands_back *back = &seen->back;
    begin(out, PROMISE_RESTART);
    if (seen->why_not != NULL || back->lost == 0) {
        part(out, PROMISE_NOT_MEASURED, "%s",
             seen->why_not != NULL ? seen->why_not : "nobody had a seat");
        return;
    }
    char times[STANDS_TIMES_CHARS];
    part(out, kept_if(back->p95_us <= RESTART_US), "%" PRIu32 " of %" PRIu32 " hear again, %s",
         back->heard, back->lost, stands_back_times(times, back));
    part(out, kept_if(back->strangers == 0), "%" PRIu32 " newcomers before them", back->strangers);
}
