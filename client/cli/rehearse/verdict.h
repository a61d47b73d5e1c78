/* verdict.h - how many listeners this server holds, what was the limit, and which number of seats
 * to set.
 *
 * A second is clean when nothing was lost on the way, 99 of 100 packets came within
 * VERDICT_LATE_MS, at most one listener in a thousand had a gap, and the server neither dropped a
 * packet nor failed to send one. The server held as many listeners as heard in a row of
 * VERDICT_RUN clean seconds, unless more than a fifth of the seconds with as many were not clean.
 * Where more than one in VERDICT_CUT_SHARE was cut off while they heard, no seats are advised: a second in which
 * nobody hears is neither clean nor unclean.
 *
 * Owner    values
 * Thread   any; pure functions
 * Units    listeners, seconds of the rehearsal, permille of one core
 * Errors   none
 * Spec     none
 */
#ifndef REHEARSE_VERDICT_H
#define REHEARSE_VERDICT_H

#include "costs.h"

enum {
    VERDICT_LATE_MS = 20,
    VERDICT_RUN = 5,
    VERDICT_SENTENCE_CHARS = 400,
    VERDICT_TARGET_PERMILLE = 750, /* of a core, and of all of them: what an evening may use */
    VERDICT_REACH = 3,             /* times what was tried; further nothing is extrapolated */
    VERDICT_CUT_SHARE = 1000,
};

enum sign {
    SIGN_LOSS = 1,
    SIGN_LATE = 2,
    SIGN_GAPS = 4,
    SIGN_DROPPED = 8,  /* by the server: their time was over */
    SIGN_NOT_SENT = 16 /* the server could not */
};
enum { SIGNS = 5 };
/* "loss", "late", ... for machines; NULL behind the last. */
const char *sign_name(unsigned index);

enum limit {
    LIMIT_NONE,    /* it stayed clean */
    LIMIT_SERVER,  /* it was full, or dropped packets itself */
    LIMIT_CROWD,   /* the machine or the threads that play the crowd were full */
    LIMIT_MACHINE, /* both run on it, and it was full */
    LIMIT_OTHERS,  /* other programs took much of this machine, and it was full */
    LIMIT_UNKNOWN, /* neither was full, or the server could not be seen */
};
const char *limit_name(enum limit limit);

struct verdict_params {
    uint32_t tried;        /* listeners */
    unsigned crowd_cores;  /* that the crowd's threads can fill */
    unsigned server_cores; /* 0: not known */
    unsigned here_cores;   /* of the machine that plays the crowd */
    bool server_is_here;
    uint64_t disconnects; /* lost after sound had come, and not by the plan */
    bool has_unread;      /* sockets left unread overflow, which means nothing then */
};

struct verdict {
    uint32_t most;     /* heard at once */
    uint32_t held;     /* of them, all clean; 0: never clean, or nobody heard */
    bool is_thin;      /* there was no run of VERDICT_RUN clean seconds */
    uint32_t judged;   /* seconds in which somebody heard */
    uint32_t unclean;  /* of them */
    bool is_broken;    /* more came than were held */
    uint32_t broke_at; /* listeners, in the first second that was not clean with more than held */
    uint32_t broke_second;
    unsigned signs; /* of all such seconds */
    enum limit limit;
    bool is_extrapolated;
    uint32_t holds; /* about so many: held, or extrapolated; two figures when not all was clean */
    uint32_t seats; /* to set; 0: none can be advised */
    char sentence[VERDICT_SENTENCE_CHARS];
};

/* Signs of one second; 0: clean. */
unsigned verdict_signs(const struct row *row);
void verdict_make(struct verdict *out, const struct verdict_params *params, const struct row *rows,
                  uint32_t count, const struct costs *costs);
/* "6,200". Returns out. */
const char *verdict_number(char out[16], uint32_t number);

#endif
