/* limits.h - how much one prefix (an IPv4 address, an IPv6 /64) and the network around it (/24, /48) may hold and ask.
 *
 * The prefix is one household or one venue. The network is what somebody with more addresses than that gets easily: its
 * share is larger, and keeps them from taking everything.
 *
 * Owner    signalling
 * Thread   control
 * Units    microseconds, monotonic, passed in
 * Errors   limits_create: ERR_NOMEM, ERR_INVAL
 * Spec     base/bucket.h; prefix and network: base/address.h
 */
#ifndef ADMISSION_LIMITS_H
#define ADMISSION_LIMITS_H

#include "base/address.h"
#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

struct limits;

enum limits_kind {
    LIMITS_ASK,  /* a new socket, or a request that changes something */
    LIMITS_READ, /* any other request */
    LIMITS_JOIN, /* a listener's offer */
    LIMITS_KINDS,
};

struct limits_rate {
    unsigned per_second; /* sustained, 1..1000000, as the next */
    unsigned burst;
};

struct limits_share {
    unsigned sockets; /* held at once, 1.. */
    struct limits_rate rates[LIMITS_KINDS];
};

struct limits_params {
    unsigned prefixes_max; /* table size; the idlest entry is reused. 1..1000000 */
    struct limits_share prefix, network;
};

MUST_CHECK int limits_create(struct limits **out, const struct limits_params *params);
void limits_destroy(struct limits *limits); /* NULL is fine */
/* True and counted, or false: too many, and then nobody lost anything but the tokens of the one who asked. Loopback has no
 * limit (a proxy's clients are told by their own address). */
bool limits_ask(struct limits *limits, const struct address *from, enum limits_kind kind,
                uint64_t now_us);
bool limits_take_socket(struct limits *limits, const struct address *from);
/* Whether limits_take_socket() would be true. */
bool limits_have_socket(struct limits *limits, const struct address *from);
void limits_return_socket(struct limits *limits, const struct address *from);

#endif
