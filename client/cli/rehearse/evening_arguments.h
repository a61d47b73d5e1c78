/* evening_arguments.h - the command line of `rostrum rehearse --scenario evening`.
 *
 * Owner    values
 * Thread   the command's
 * Units    as in arguments.h
 * Errors   ERR_INVAL: problem says what was wrong and what is allowed
 * Spec     getopt_long(3)
 */
#ifndef REHEARSE_EVENING_ARGUMENTS_H
#define REHEARSE_EVENING_ARGUMENTS_H

#include "rehearse/arguments.h"

struct evening_arguments {
    struct arguments common; /* the slug, threads and sources; the plan comes later */
    uint32_t people;         /* 0: not given */
    bool is_small, expects_restart, ends_room;
};

/* Is a scenario asked for? Which one is checked by the parser. */
bool evening_is_meant(int argc, char *const *argv);
MUST_CHECK int evening_arguments_parse(struct evening_arguments *out, int argc, char **argv,
                                       char problem[PLAN_PROBLEM_MAX]);

#endif
