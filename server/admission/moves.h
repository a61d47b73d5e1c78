/* moves.h - how fast a line moves: the last five minutes of it, and the wait that they promise.
 *
 * Owner    the line
 * Thread   control
 * Units    microseconds, monotonic, passed in; seconds, people
 * Errors   none; what cannot be known is said to be unknown
 * Spec     none
 */
#ifndef ADMISSION_MOVES_H
#define ADMISSION_MOVES_H

#include <stdbool.h>
#include <stdint.h>

enum {
    MOVES_SHORT_S = 30,
    MOVES_LONG_S = 300, /* the slower the line, the longer one has to look */
    MOVES_WAIT_MAX_S = 4 * 3600,
};

struct moves_second {
    uint32_t seated;
    uint32_t gone; /* gave up or lapsed, anywhere in the line */
};

/* All zeros at the start. */
struct moves {
    uint64_t newest_s;
    struct moves_second seconds[MOVES_LONG_S];
};

/* now_us never goes back. */
void moves_seated(struct moves *moves, uint64_t now_us);
void moves_gone(struct moves *moves, uint64_t now_us);
/* People seated per second; 0: unknown, which is fewer than five in five minutes, or all at once. */
double moves_rate(const struct moves *moves, uint64_t now_us);
/* How long somebody waits who has `ahead` people before them, in a line of `waiting`, both without those who
 * are away: 0.7 to 1.4 of what the rate says, rounded outwards. False: unknown, or longer than
 * MOVES_WAIT_MAX_S. */
bool moves_wait(const struct moves *moves, uint32_t ahead, uint32_t waiting, uint64_t now_us,
                uint32_t *from_s, uint32_t *to_s);

#endif
