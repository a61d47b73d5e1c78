/* stamps.h - when a datagram really arrived: the kernel's wall clock stamp on the monotonic clock.
 *
 * The kernel stamps each datagram as it comes (SO_TIMESTAMPNS), so it does not matter how late we
 * read it. Both clocks are compared at each burst of reading; where somebody has set the wall clock
 * since, stamps mean nothing until all that waited then has been read, and the time of reading
 * stands for them.
 *
 * Owner    an ear embeds one
 * Thread   the ear's
 * Units    nanoseconds since 1970 (the stamps), microseconds, monotonic
 * Errors   none
 * Spec     socket(7)
 */
#ifndef REHEARSE_STAMPS_H
#define REHEARSE_STAMPS_H

#include <stdbool.h>
#include <stdint.h>

enum {
    STAMPS_STEP_US = 1000,             /* more between two bursts is no slewing: it was set */
    STAMPS_BURST_MAX_US = 1000 * 1000, /* a burst of reading lasts no longer */
    STAMPS_UNREAD_MAX_US = 500 * 1000, /* until every socket is read again, on a busy machine too */
    STAMPS_AGE_MAX_US = 60 * 1000000,  /* nothing waits that long in a socket that is read */
};

/* All zeros is fresh. */
struct stamps {
    int64_t offset_us;       /* monotonic minus wall */
    uint64_t now_us;         /* of this burst */
    uint64_t usable_from_us; /* 0: the wall clock was not set */
    bool has_offset;
};

/* Before each burst: both clocks, read one right after the other. */
void stamps_begin(struct stamps *stamps, uint64_t now_us, int64_t wall_ns);
/* The burst's now_us where the stamp cannot be believed. stamp_ns 0: none was given. */
uint64_t stamps_arrival_us(const struct stamps *stamps, int64_t stamp_ns);

#endif
