/* passers.h - passers-by: people who ask the line for a seat once, give up at once what they were told,
 * and go; at a given rate, whatever the server does.
 *
 *     BEGUN --connected--> ASKED --a place, or a seat--> GIVING UP --answer--> gone
 *                            +----- no, or nonsense -------------------------> gone
 *
 * One thread, plain sockets, one connection each: they are the load of a storm, and must cost this
 * machine little. Those who cannot be begun in their moment (this thread was held up, too many are
 * under way, no port or descriptor is left) are not offered later, and are counted.
 *
 * Owner    the command
 * Thread   create, end, stop, destroy: the command's. passers_look: any
 * Units    microseconds, monotonic
 * Errors   as named; what happens to a passer is counted
 * Spec     POST and DELETE /api/v1/rooms/SLUG/line, RFC 9112
 */
#ifndef REHEARSE_PASSERS_H
#define REHEARSE_PASSERS_H

#include "base/address.h"
#include "tally.h"

enum {
    PASSERS_AT_ONCE_MAX = 4096,
    PASSERS_ANSWER_BY_US = 10 * 1000 * 1000, /* later is never */
};

struct passers;

struct passers_params {
    struct address address; /* the server's, with its port; http */
    const char *host;       /* of the Host field; borrowed, as all here */
    const char *slug;
    double per_s;
    uint32_t at_once; /* 1..PASSERS_AT_ONCE_MAX */
    const struct address *sources;
    uint32_t source_count; /* 0: the system chooses */
};

struct passers_count {
    struct tally_asks asks;         /* asked: begun, all newcomers */
    struct tally_reasons no_answer; /* of the unanswered */
    struct tally_reasons refusals;  /* answered, but neither with a seat nor with a place */
    uint64_t due, not_offered;      /* due: begun and not offered */
    struct tally_reasons held_up;   /* of the not offered */
    uint64_t given_up, kept;        /* kept: a place that could not be given back */
};

/* Allocates, and starts at once. ERR_INVAL, ERR_NOMEM, ERR_IO. */
MUST_CHECK int passers_create(struct passers **out, const struct passers_params *params);
/* So many answers were late, or did not come, so far. */
void passers_look(const struct passers *passers, uint64_t *late, uint64_t *unanswered);
/* Nobody begins any more; those under way go on. Returns at once. */
void passers_end(struct passers *passers);
/* Waits for those under way, as long as an answer may take twice. */
void passers_stop(struct passers *passers);
/* After passers_stop(): lends what was counted. */
const struct passers_count *passers_count(const struct passers *passers);
void passers_destroy(struct passers *passers); /* stops; NULL is fine */

#endif
