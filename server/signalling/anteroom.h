/* anteroom.h - who waits at the door in a crowd: two queues, of the patient and of newcomers. Pure.
 *
 * Control's time is for those who are on their way in. Who waits here comes in on the time that control had to
 * spare, the patient first. Nobody waits longer than their queue allows: then they are put off.
 *
 * Owner    the acceptor's thread; descriptors are lent, and closed by whoever takes them out
 * Thread   the acceptor's
 * Units    microseconds, monotonic, passed in
 * Errors   none
 * Spec     none
 */
#ifndef SIGNALLING_ANTEROOM_H
#define SIGNALLING_ANTEROOM_H

#include "base/address.h"
#include "signalling/request_head.h"

enum {
    ANTEROOM_MOST = 256, /* in each of the queues */
    ANTEROOM_NEWCOMER_US = 100 * 1000,
    /* Who was put off before, so that they are heard in the end, and who opens a page: they see that they wait. */
    ANTEROOM_PATIENT_US = 400 * 1000,
};

struct waiter {
    int fd;
    struct address peer;
    struct request_head head;
    uint64_t since_us;
};

struct anteroom_queue {
    struct waiter waiters[ANTEROOM_MOST];
    unsigned first, count;
};

struct anteroom {
    struct anteroom_queue patient, newcomers;
    double spent_us; /* of the time that control had to spare */
};

/* After anteroom_give_up() had nobody more: there is room. */
void anteroom_add(struct anteroom *room, const struct waiter *waiter);
bool anteroom_is_empty(const struct anteroom *room);
/* The next one who has waited too long, or whose queue is full. */
bool anteroom_give_up(struct anteroom *room, uint64_t now_us, struct waiter *out);
/* The next one, if control had the time for it. spare_us: what it could have done besides, in all; a little of it
 * may be taken back. */
bool anteroom_let_in(struct anteroom *room, double spare_us, struct waiter *out);

#endif
