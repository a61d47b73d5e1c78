/* limits.h - how much one address (IPv4) or /64 (IPv6) may hold and ask: sockets, and events per second.
 *
 * Owner    signalling
 * Thread   control
 * Units    microseconds, monotonic, passed in
 * Errors   limits_create: ERR_NOMEM, ERR_INVAL
 * Spec     token bucket
 */
#ifndef ADMISSION_LIMITS_H
#define ADMISSION_LIMITS_H

#include "base/address.h"
#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

struct limits;

struct limits_params {
    unsigned prefixes_max;       /* table size; the idlest entry is reused. 1..1000000 */
    unsigned sockets_per_prefix; /* held at once */
    unsigned asks_per_second;    /* new sockets and requests, sustained */
    unsigned asks_burst;
};

MUST_CHECK int limits_create(struct limits **out, const struct limits_params *params);
void limits_destroy(struct limits *limits); /* NULL is fine */
/* True and counted, or false: too many. Loopback has no limit (a proxy's clients are told by their own address). */
bool limits_take_socket(struct limits *limits, const struct address *from, uint64_t now_us);
void limits_return_socket(struct limits *limits, const struct address *from);
bool limits_ask(struct limits *limits, const struct address *from, uint64_t now_us);
/* What is counted together: an IPv4 address, or a /64. 0: loopback. */
uint64_t limits_prefix(const struct address *from);

/* One bucket on its own: messages of one socket. */
struct bucket {
    uint32_t level_milli;
    uint64_t filled_us;
};
/* Takes one from a bucket of `burst`, refilled at `per_second`. False: empty. A zeroed bucket is full. */
bool bucket_take(struct bucket *bucket, unsigned per_second, unsigned burst, uint64_t now_us);

#endif
