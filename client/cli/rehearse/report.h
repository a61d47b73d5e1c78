/* report.h - the account of a rehearsal, for people and for machines.
 *
 * Owner    the command; everything is borrowed
 * Thread   the command's
 * Units    as named; the JSON's members are listed in rostrum(1)
 * Errors   ERR_NOMEM, ERR_IO (standard output cannot be written)
 * Spec     RFC 8259
 */
#ifndef REHEARSE_REPORT_H
#define REHEARSE_REPORT_H

#include "costs.h"
#include "ground.h"
#include "plan.h"
#include "row.h"
#include "stands.h"
#include "tally.h"
#include "verdict.h"

#include <jansson.h>

#include <stdio.h>

struct report {
    const char *slug, *server;
    int64_t started_ms; /* wall clock */
    bool is_cut_short;  /* by a signal */
    const struct plan *plan;
    uint32_t sources; /* 0: the system chose */
    unsigned threads;
    const struct notes *notes;
    const char *blind_spot;       /* "": none */
    const struct node_look *node; /* before the crowd came */
    const struct tally *tally;
    const struct stands *stands;
    uint64_t stopped_us; /* on the clock of the stands */
    const struct row *rows;
    uint32_t row_count;
    uint64_t own_cpu_us, elapsed_us;
    const struct costs *costs;
    const struct truth *truth;
    const struct verdict *verdict;
};

/* In which the server did not answer in time. */
uint32_t report_unseen_seconds(const struct report *report);
MUST_CHECK int report_text(const struct report *report, FILE *out);
/* One object on one line. */
MUST_CHECK int report_json(const struct report *report, FILE *out);
/* What both kinds of rehearsal tell of those who lost their seat. null for never. NULL: no memory. */
json_t *report_back(const struct stands_back *back);

#endif
