#include "rehearse/moments.h"

#include <string.h>

enum {
    LATE_PERMILLE = 5, /* of the program's packets; as the server judges itself */
    GAPS_PERMILLE = 10,
    FEW = 20, /* of so few packets or listeners a share says nothing */
};

static const char *const names[] = {"normal", "economy", "small_audience", "lifeboat"};

enum mode_seen mode_seen(const char *name)
{
    for (unsigned i = 0; i < MODE_UNSEEN; i++)
        if (strcmp(name, names[i]) == 0)
            return (enum mode_seen)i;
    return MODE_UNSEEN;
}

const char *mode_seen_name(enum mode_seen mode)
{
    return mode < MODE_UNSEEN ? names[mode] : "unseen";
}

enum mode_seen moment_mode(const struct moment *moment)
{
    return moment->server.is_seen ? mode_seen(moment->server.mode) : MODE_UNSEEN;
}

bool moment_is_overloaded(const struct moment *moments, uint32_t index)
{
    const struct moment *now = &moments[index];
    const struct server_second *server = &now->server;
    uint64_t packets = server->sent + server->late;
    if (server->is_seen && packets > FEW && server->late * 1000 > packets * LATE_PERMILLE)
        return true;
    if (now->hearing > FEW && now->gaps * 1000ull > now->hearing * (uint64_t)GAPS_PERMILLE)
        return true;
    return index > 0 && (now->late_answers > moments[index - 1].late_answers ||
                         now->unanswered > moments[index - 1].unanswered);
}

uint64_t moments_onset_us(const struct moment *moments, uint32_t count, enum part part)
{
    uint32_t in_a_row = 0;
    for (uint32_t i = 1; i < count; i++) {
        bool counts = moments[i].part >= part && moments[i].part < PART_QUIET &&
                      moments[i].part != PART_RESTART;
        in_a_row = counts && moment_is_overloaded(moments, i) ? in_a_row + 1 : 0;
        if (in_a_row == MOMENTS_ONSET)
            return moments[i - MOMENTS_ONSET].at_us;
    }
    return 0;
}

static void take_change(struct mode_story *out, const struct moment *moment, enum mode_seen before,
                        bool *has_gone_down)
{
    enum mode_seen mode = moment_mode(moment);
    out->changes++;
    if (mode < before) {
        *has_gone_down = true;
        return;
    }
    out->swings += *has_gone_down;
    *has_gone_down = false;
    out->uncaused += moment->server.cause[0] == '\0';
}

void mode_story_make(struct mode_story *out, const struct moment *moments, uint32_t count)
{
    enum mode_seen before = MODE_NORMAL;
    bool has_gone_down = false;
    *out = (struct mode_story){.strictest = MODE_NORMAL};
    for (uint32_t i = 0; i < count; i++) {
        enum mode_seen mode = moment_mode(&moments[i]);
        if (mode == MODE_UNSEEN || moments[i].part == PART_REFUSALS)
            continue;
        out->was_strict = out->was_strict || (out->seen == 0 && mode != MODE_NORMAL);
        out->seen++;
        if (mode != before)
            take_change(out, &moments[i], before, &has_gone_down);
        if (mode > out->strictest)
            out->strictest = mode;
        if (mode != MODE_NORMAL) {
            out->returned_us = 0;
            if (out->left_us == 0)
                out->left_us = moments[i].at_us;
        } else if (before != MODE_NORMAL) {
            out->returned_us = moments[i].at_us;
        }
        before = mode;
    }
}
