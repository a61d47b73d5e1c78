/* moments.h - one look a second at a drill: what its own listeners hear, beside what the server says.
 *
 * Owner    values, in order of time
 * Thread   any; pure functions
 * Units    microseconds, monotonic; people
 * Errors   none
 * Spec     none
 */
#ifndef REHEARSE_MOMENTS_H
#define REHEARSE_MOMENTS_H

#include "node_look.h"

enum { MOMENTS_ONSET = 2 };

enum part {
    PART_FILL,
    PART_STORM,
    PART_HOGS,
    PART_RESTART,
    PART_CUT,
    PART_QUIET,
    PART_REFUSALS,
    PARTS
};

/* As strict as they are. MODE_UNSEEN: the server did not say. */
enum mode_seen { MODE_NORMAL, MODE_ECONOMY, MODE_SMALL, MODE_LIFEBOAT, MODE_UNSEEN };
enum mode_seen mode_seen(const char *name);
const char *mode_seen_name(enum mode_seen mode);

struct moment {
    uint64_t at_us;
    enum part part;
    uint32_t missing;         /* lost the sound that they had */
    uint32_t seated, hearing; /* hearing: a packet came in the last second */
    uint32_t heard;           /* in the last ten, whether they are still there or not */
    uint32_t steady;          /* heard all the time for ten seconds or longer */
    uint32_t gaps;            /* between packets, over 60 ms, in the last second */
    uint64_t joined, disconnects, late_answers, unanswered; /* since the start */
    struct server_second server;
};

enum mode_seen moment_mode(const struct moment *moment);

/* What is wrong with a second, seen from outside: packets dropped as too late, gaps, answers that did
 * not come within a second. */
bool moment_is_overloaded(const struct moment *moments, uint32_t index);
/* When the first MOMENTS_ONSET such seconds in a row began, from `part` on, before the quiet; 0: there
 * were none. One alone is a hiccup of the machine; and a server that was killed is not overloaded. */
uint64_t moments_onset_us(const struct moment *moments, uint32_t count, enum part part);

/* The course of the modes. */
struct mode_story {
    uint32_t seen;        /* moments with a mode */
    bool was_strict;      /* not normal in the first of them */
    uint32_t changes;     /* between two moments that follow each other */
    uint32_t swings;      /* up again after it had gone down */
    uint32_t uncaused;    /* to a stricter mode, and no cause was given */
    uint64_t left_us;     /* first seen not normal; 0: always normal */
    uint64_t returned_us; /* since then normal to the end; 0: it is not, or was always */
    enum mode_seen strictest;
};
/* PART_REFUSALS, in which the drill itself asks for a mode, is left out. */
void mode_story_make(struct mode_story *out, const struct moment *moments, uint32_t count);

#endif
