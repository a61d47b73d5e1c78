/* evening.h - the bad evening: rostrum rehearse --scenario evening.
 *
 *     fill       in peace: how many joins a second the server sustains; those who stay sit down
 *     storm      ten times as many ask; people come and go as fast as seats can be handed on
 *     hogs       two processes keep processors busy, if the server is on this machine
 *     restart    with --expect-restart: somebody kills the server and starts it again
 *     cut        all who are seated lose their network at once and come back
 *     quiet      only those who stay are left, until the mode is normal
 *     refusals   what a place in line costs in small_audience
 *
 * Each part ends by itself.
 *
 * Owner    the command
 * Thread   the command's
 * Units    microseconds, monotonic
 * Errors   the exit status: 1 when a promise was broken, or the drill could not be played
 * Spec     design.md section 7
 */
#ifndef REHEARSE_EVENING_H
#define REHEARSE_EVENING_H

#include "origin.h"
#include "rehearse/crowd.h"
#include "rehearse/drill_hosts.h"
#include "rehearse/evening_arguments.h"
#include "rehearse/evening_plan.h"
#include "rehearse/passers.h"
#include "rehearse/promises.h"
#include "rehearse/server_view.h"
#include "rehearse/setup.h"

#include <stdio.h>

enum { EVENING_MOMENTS_MAX = 1800 };

/* Everything of one evening; made once, on the heap for its size. */
struct evening {
    const struct cli *cli;
    struct evening_arguments arguments;
    struct setup setup;
    struct server_view *view; /* owned */
    struct node_look before;  /* the server, before the crowd came */
    struct evening_size size;
    struct evening_storm storm;
    struct crowd *crowd;                 /* owned */
    char host_field[ORIGIN_FIELD_CHARS]; /* the server's, for the passers-by */
    struct passers *passers;             /* owned; NULL: none came */
    uint32_t passers_at_once;
    const char *no_passers; /* why not; NULL: there were */
    struct drill_hosts hosts;
    const char *no_hosts, *no_restart, *no_hogs; /* why not; NULL: there were */
    uint64_t start_us;
    int64_t started_ms;
    bool is_cut_short;
    enum part part;
    uint64_t from_us[PARTS], to_us[PARTS]; /* 0: not played */
    double peak_per_s, storm_per_s;
    unsigned strain_permille; /* of the drill itself, in the storm */
    uint32_t count;           /* moments that were taken */
    struct moment moments[EVENING_MOMENTS_MAX];
    struct promise_refusal refusal;
    struct promise_hosts hosts_seen;
    struct promise_recording recording;
    struct stands_back back; /* from the cut */
    struct tally tally;
    struct tally_second heard[TALLY_SECONDS_MAX];
    struct promise promises[PROMISES];
};

/* evening_parts.c: plays all parts; false: it was cut short. */
bool evening_play(struct evening *evening);

/* evening_judge.c: after the crowd has stopped. */
void evening_judge(struct evening *evening);
/* The server was killed when it was expected. */
bool evening_was_restarted(const struct evening *evening);

/* evening_report.c. ERR_IO, ERR_NOMEM. */
MUST_CHECK int evening_text(const struct evening *evening, FILE *out);
MUST_CHECK int evening_json(const struct evening *evening, FILE *out);
const char *part_name(enum part part);

int command_evening(const struct cli *cli, int argc, char **argv);

#endif
