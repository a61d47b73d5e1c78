/* resend.h - retransmissions that wait to be sent, and what each seat may still ask for.
 *
 * However many ask, what goes out again is at most half of what went out: each seat earns one
 * retransmission with every second packet of the program and can save up RESEND_BURST of them, and
 * the queue of all seats is bounded.
 *
 * Owner    the queue: one audience; a budget: one seat
 * Thread   worker; never allocates
 * Units    index counts packets of the program
 * Errors   refusals are false, for the owner to count
 * Spec     RFC 4585 section 6.2.1 (a NACK is a request, not an order)
 */
#ifndef AUDIENCE_RESEND_H
#define AUDIENCE_RESEND_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RESEND_QUEUE = 1024,        /* power of two */
    RESEND_BURST = 16,          /* retransmissions saved up at most */
    RESEND_PACKETS_PER_ONE = 2, /* packets of the program that earn one */
};

struct resend_entry {
    uint32_t seat;
    uint32_t generation; /* of the seat number: it may have a new owner by the time */
    uint64_t index;
};

/* All zeros is an empty queue. */
struct resend_queue {
    uint32_t head, tail; /* free-running; tail - head entries wait */
    struct resend_entry entries[RESEND_QUEUE];
};

bool resend_push(struct resend_queue *queue, const struct resend_entry *entry);
/* Lends the oldest until the next push; NULL: none. */
const struct resend_entry *resend_peek(const struct resend_queue *queue);
void resend_drop(struct resend_queue *queue); /* the one that peek lent */

struct resend_budget {
    uint64_t counted_index; /* packets up to this one have been credited */
    uint32_t credit_packets;
};

/* Full at the start. */
struct resend_budget resend_budget_of(uint64_t newest_index);
bool resend_spend(struct resend_budget *budget, uint64_t newest_index);

#endif
