/* arguments.h - the command line of `rostrum rehearse`.
 *
 * Owner    values
 * Thread   the command's
 * Units    as in plan.h
 * Errors   ERR_INVAL: problem says what was wrong and what is allowed
 * Spec     getopt_long(3)
 */
#ifndef REHEARSE_ARGUMENTS_H
#define REHEARSE_ARGUMENTS_H

#include "base/address.h"
#include "plan.h"

enum {
    ARGUMENTS_SOURCES_MAX = 256,
    ARGUMENTS_THREADS_MAX = 16,
    ARGUMENTS_VERIFIED = 50, /* listeners that check every tag, unless told otherwise */
};

struct arguments {
    const char *slug; /* of argv */
    struct plan plan;
    unsigned threads; /* 0: not given */
    uint32_t source_count;
    struct address sources[ARGUMENTS_SOURCES_MAX];
};

bool arguments_is_slug(const char *text);
/* argv[0] is the command's name. */
MUST_CHECK int arguments_parse(struct arguments *out, int argc, char **argv,
                               char problem[PLAN_PROBLEM_MAX]);

#endif
