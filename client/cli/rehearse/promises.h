/* promises.h - what a server promises for the bad evening, and whether it kept it: pure judgement of
 * what the drill saw.
 *
 * A promise has several parts, each with its figure. It is broken when one part is, and kept only when
 * all were measured and kept; what could not be measured is said, with the reason.
 *
 * Owner    values
 * Thread   any; pure functions
 * Units    as named
 * Errors   none
 * Spec     none
 */
#ifndef REHEARSE_PROMISES_H
#define REHEARSE_PROMISES_H

#include "moments.h"
#include "stands.h"
#include "tally.h"

enum outcome { PROMISE_KEPT, PROMISE_NOT_MEASURED, PROMISE_BROKEN };
const char *outcome_name(enum outcome outcome); /* "kept", "not measured", "broken" */

enum { PROMISE_FIGURE_CHARS = 480 };

struct promise {
    const char *name; /* constant, for machines: "goodput" */
    const char *text; /* constant, for people, with the bar */
    enum outcome outcome;
    char figure[PROMISE_FIGURE_CHARS];
};

enum promise_index {
    PROMISE_GOODPUT,
    PROMISE_HOSTS,
    PROMISE_SEATED,
    PROMISE_RECORDING,
    PROMISE_CAP,
    PROMISE_ORDER,
    PROMISE_MODE,
    PROMISE_HEARING,
    PROMISE_REFUSAL,
    PROMISE_RESTART,
    PROMISES
};

struct promise_goodput {
    const char *why_not; /* NULL: it was measured */
    double peak_per_s;   /* joins, in peace */
    double room_per_s; /* joins for which seats came free in the storm, at most; 0: without limit */
    double storm_per_s;            /* joins, in the storm */
    double offered_per_s;          /* newcomers, in the storm */
    double times;                  /* what was to be offered, of the peak */
    const char *why_less;          /* than that was offered; NULL: this machine could not */
    unsigned strain_permille;      /* how busy the busiest thread of the crowd was, in the storm */
    const struct tally_asks *asks; /* of the storm */
};
void promise_goodput(struct promise *out, const struct promise_goodput *seen);

struct promise_hosts {
    const char *why_not; /* NULL: it was measured */
    uint64_t packets, gaps, longest_gap_us;
    uint64_t outages; /* connections that were lost, and neither the drill nor a restart did it */
    bool has_dropped;
    uint64_t returned_us; /* from the drop to the first sound of the other; 0: never */
};
void promise_hosts(struct promise *out, const struct promise_hosts *seen);

struct promise_seated {
    uint32_t seated; /* at most */
    uint32_t
        evicted; /* lost their seat below lifeboat, and neither the drill nor a restart did it */
    uint64_t heard_seconds, gap_seconds; /* listeners' seconds; with a gap over 60 ms */
};
void promise_seated(struct promise *out, const struct promise_seated *seen);

struct promise_recording {
    const char *why_not; /* NULL: it was measured */
    bool is_whole;
    bool was_restarted; /* the time between is filled with silence, then */
    uint64_t gaps, fillers;
    int64_t duration_ms, live_ms;
};
void promise_recording(struct promise *out, const struct promise_recording *seen);

/* others: who was connected before the drill began. */
void promise_cap(struct promise *out, const struct moment *moments, uint32_t count,
                 uint32_t others);

void promise_order(struct promise *out, const struct stands_order *newcomers,
                   const struct stands_order *returning, const struct stands_waits *waits);

struct promise_mode {
    const struct moment *moments;
    uint32_t count;
    uint64_t storm_us, quiet_us; /* when they began; 0: they did not */
    uint64_t end_us;             /* of the quiet */
};
void promise_mode(struct promise *out, const struct promise_mode *seen);

/* others: whom the server counted before the drill began. */
void promise_hearing(struct promise *out, const struct moment *moments, uint32_t count,
                     uint32_t others);

struct promise_refusal {
    const char *why_not; /* NULL: it was measured */
    uint32_t refusals;   /* with a place */
    uint32_t others;     /* other answers, or none */
    double cpu_ms, seconds, idle_ms_per_s;
};
void promise_refusal(struct promise *out, const struct promise_refusal *seen);

struct promise_restart {
    const char *why_not; /* NULL: it was measured */
    struct stands_back back;
};
void promise_restart(struct promise *out, const struct promise_restart *seen);

#endif
