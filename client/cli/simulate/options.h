/* options.h - the command line of `rostrum simulate`.
 *
 * Owner    values
 * Thread   the command's
 * Units    as named; failures count from the start at 20:00
 * Errors   ERR_INVAL: problem says what was wrong and what is allowed
 * Spec     getopt_long(3)
 */
#ifndef SIMULATE_OPTIONS_H
#define SIMULATE_OPTIONS_H

#include "rostrum/error.h"
#include "simulate/curve.h"

#include <stdint.h>

enum {
    OPTIONS_LISTENERS_MAX = 5000000,
    OPTIONS_NODES_MAX = 4000,
    OPTIONS_REGIONS_MAX = 24,
    OPTIONS_FAILURES_MAX = 16,
    OPTIONS_PROBLEM_MAX = 256,
};

enum failure_kind { FAILURE_RELAYS, FAILURE_REGION, FAILURE_ORIGIN };
enum { FAILURES = FAILURE_ORIGIN + 1 };

struct failure {
    enum failure_kind kind;
    uint32_t which; /* how many relays, or the region's number, from 1 on */
    uint32_t at_s;
    uint32_t lasts_s; /* 0: for good */
};

struct options {
    const char *costs;   /* of argv, as picture */
    const char *picture; /* NULL: none */
    uint32_t listeners, nodes, regions, cores, egress_mbit, doors_percent;
    uint64_t seed;
    enum curve curve;
    uint32_t failure_count;
    struct failure failures[OPTIONS_FAILURES_MAX];
};

/* argv[0] is the command's name. */
MUST_CHECK int options_parse(struct options *out, int argc, char **argv,
                             char problem[OPTIONS_PROBLEM_MAX]);

#endif
