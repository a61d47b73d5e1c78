/* delay.h - datagrams that slow listeners get, or send, a fixed time later.
 *
 * All wait equally long, so the first one in is the first one due: a queue, no timers. A datagram
 * that finds no room is lost, as on a congested link.
 *
 * Owner    an ear; its slow listeners share one
 * Thread   the ear's; allocates only in delay_create()
 * Units    bytes; microseconds, monotonic, passed in
 * Errors   as named
 * Spec     none
 */
#ifndef REHEARSE_DELAY_H
#define REHEARSE_DELAY_H

#include "base/address.h"
#include "rostrum/error.h"
#include "rostrum/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct delay; /* opaque: fields live in delay.c */

struct delayed {
    uint64_t due_us;
    uint32_t listener, attempt; /* whose it was when it was put in */
    bool is_outgoing;
    struct address other;  /* where it comes from, or goes to */
    struct slice datagram; /* lent until delay_drop() */
};

/* Allocates room for about `bytes` of datagrams, each of which takes some 50 more. ERR_NOMEM: also
 * for more than a ring can hold (1 GiB). */
MUST_CHECK int delay_create(struct delay **out, uint64_t delay_us, size_t bytes);
void delay_destroy(struct delay *delay); /* NULL is fine */
/* Copies the datagram. ERR_FULL: lost. */
MUST_CHECK int delay_push(struct delay *delay, const struct delayed *what, uint64_t since_us);
/* The oldest one, if it is due. It is looked at until it is dropped. */
bool delay_peek(struct delay *delay, uint64_t now_us, struct delayed *out);
void delay_drop(struct delay *delay);

#endif
