/* cost_file.h - what a node's work costs, as tests/bench/costs.mjs measured it and wrote it down.
 *
 * What could not be measured yet is null in the file; then the most that it may cost counts, and the account
 * says so: a relay as much as two listeners, a hop 5 ms.
 *
 * Owner    values
 * Thread   any
 * Units    as named; us: microseconds of one core
 * Errors   ERR_IO, ERR_DAMAGED; problem says what is wrong and what is wanted
 * Spec     JSON; "format": "rostrum costs 1"
 */
#ifndef SIMULATE_COST_FILE_H
#define SIMULATE_COST_FILE_H

#include "rostrum/error.h"

#include <stdbool.h>

enum { COST_WORDS_MAX = 160, COST_PROBLEM_MAX = 512 };

struct costs {
    double room_us_per_s;     /* the origin's stage and recorder */
    double listener_us_per_s; /* one who hears */
    double join_us;           /* handshake, pages and signalling of one who comes */
    double answer_us; /* of the control thread: one who is told another node, or a place in line */
    double first_sound_ms; /* from the attempt, on loopback */
    double listener_bps, relay_bps;
    double relay_us_per_s;
    double hop_ms;
    bool relay_is_measured, hop_is_measured;
    char machine[COST_WORDS_MAX], measured[COST_WORDS_MAX], how[COST_WORDS_MAX];
};

MUST_CHECK int costs_parse(struct costs *out, const char *json, char problem[COST_PROBLEM_MAX]);
MUST_CHECK int costs_read(struct costs *out, const char *path, char problem[COST_PROBLEM_MAX]);

#endif
