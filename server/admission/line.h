/* line.h - who waits for a seat in one room, in which order, how long, and when to ask again.
 *
 * Places are ordered by class, and within a class by number: the time when the person first asked. After a
 * restart people come back with their old numbers, in any order. A place is *fresh* for 3 s after it was
 * seen, and lapses when it was not seen for 120 s; those who are away block nobody.
 *
 * Owner    the door, one for each room
 * Thread   control
 * Units    now_us: microseconds, monotonic, passed in; one that goes back counts as standing still.
 *          number: in the order in which people first asked, 1 to 2^62 - 1; one person each
 * Errors   as named
 * Spec     none
 */
#ifndef ADMISSION_LINE_H
#define ADMISSION_LINE_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LINE_PLACES_MAX = 100000, /* 4 MB, whatever the order in which they came and went */
    LINE_PER_PREFIX = 8,      /* unless the owner says "one venue" */
    LINE_PER_PREFIX_MAX = 60000,
    LINE_LAPSE_S = 120,
    LINE_CHECK_INS_PER_S = 1500,
};

/* They stand in this order. */
enum line_class {
    LINE_CLASS_SEATED,
    LINE_CLASS_RETURNING,
    LINE_CLASS_INVITED,
    LINE_CLASS_ANONYMOUS,
};
enum { LINE_CLASSES = LINE_CLASS_ANONYMOUS + 1 };

enum line_why {
    LINE_WHY_SEATED,
    LINE_WHY_GAVE_UP,
};

struct line_params {
    uint32_t places_max;          /* 1..LINE_PLACES_MAX */
    uint32_t per_prefix;          /* 1..LINE_PER_PREFIX_MAX */
    uint32_t (*random_u32)(void); /* of base/random.h; tests have their own */
};

struct line;

/* ERR_INVAL, ERR_NOMEM. */
MUST_CHECK int line_create(struct line **out, const struct line_params *params);
void line_destroy(struct line *line); /* NULL is fine */
/* For who enters from now on. 1..LINE_PER_PREFIX_MAX. */
void line_set_per_prefix(struct line *line, uint32_t per_prefix);

/* What is known of the seats, besides how the line moves: so that people come in time. */
struct line_outlook {
    uint32_t free_seats; /* for those in line */
    uint32_t
        most_per_s; /* so many may be seated in a second; 0: none at this moment, which says little */
    uint64_t opens_us; /* nobody is seated before; 0: some are already, or nobody knows when */
};
/* Until the next call; before the first one: all zeros. About four times a second. */
void line_expect(struct line *line, const struct line_outlook *outlook);

/* A new place, or the one that this number has: it is seen, and goes to the better one of both classes.
 * That it lapsed, and was not swept yet, makes no difference: it is new then.
 * prefix: what limits.h counts by, of the address from which a place is made; 0 has no limit.
 * ERR_FULL: places_max. ERR_EXIST: the prefix holds as many places as it may. ERR_INVAL. ERR_NOMEM. */
MUST_CHECK int line_enter(struct line *line, enum line_class who, uint64_t number, uint64_t prefix,
                          uint64_t now_us);
/* Checks in. ERR_NOENT: lapsed, or never there. */
MUST_CHECK int line_seen(struct line *line, uint64_t number, uint64_t now_us);
/* True: it is fresh, and among the first `free_seats` of those who are. */
bool line_may_sit(struct line *line, uint64_t number, uint32_t free_seats, uint64_t now_us);
/* For who has come into the line with this very ask: true if there are so many free seats that all who are
 * there sit, too. Nobody who came earlier finds the seat gone at the time that they were told. */
bool line_may_sit_at_once(const struct line *line, uint64_t number, uint32_t free_seats);
/* At the latest time that the line was told. False: it was not there. */
bool line_leave(struct line *line, uint64_t number, enum line_why why);
/* 0-based, over all classes. UINT32_MAX: not there. */
uint32_t line_rank(const struct line *line, uint64_t number);
/* The wait as a range, behind those who keep their appointments. False: unknown, for fewer than five were
 * seated in the last five minutes, or all at once; or more than four hours. */
bool line_wait(const struct line *line, uint64_t number, uint64_t now_us, uint32_t *from_s,
               uint32_t *to_s);
/* In how many milliseconds this one is to check in again: at the moment of their turn if that is near,
 * but, who was there already and had to stay, 0.2 to 1 s later, the sooner the faster the line; up to 60 s far behind,
 * and up to 106 s where more than LINE_CHECK_INS_PER_S would come in a second otherwise. Once for each
 * answer: it is an appointment, kept until the place is seen again. */
uint32_t line_again_ms(struct line *line, uint64_t number, uint64_t now_us);
/* Lets a bounded number of those lapse who were not seen for LINE_LAPSE_S; returns how many. Call it
 * about ten times a second: a whole round of 100,000 places takes up to 50 calls. */
uint32_t line_sweep(struct line *line, uint64_t now_us);

uint32_t line_count(const struct line *line); /* waiting now, and lapsed but not swept yet */
uint64_t line_moved(const struct line *line); /* seated, gone or lapsed since the start */
size_t line_bytes(const struct line *line);   /* memory that it needed so far */

#endif
