/* familiar.h - from where hosts and the admin came lately: when there is little left, that is kept for those addresses.
 *
 * Owner    signalling
 * Thread   familiar_note: control; familiar_has: any
 * Units    microseconds, monotonic, passed in
 * Errors   none
 * Spec     none
 */
#ifndef ADMISSION_FAMILIAR_H
#define ADMISSION_FAMILIAR_H

#include "base/address.h"

#include <stdatomic.h>

enum { FAMILIAR_MAX = 256 /* the one who was seen longest ago makes way */ };
#define FAMILIAR_US (12ull * 3600 * 1000 * 1000)

struct familiar {
    _Atomic uint64_t prefixes[FAMILIAR_MAX]; /* 0: free */
    _Atomic uint64_t seen_us[FAMILIAR_MAX];
};

/* A valid token of a host or of the admin came from there. */
void familiar_note(struct familiar *familiar, const struct address *from, uint64_t now_us);
/* Loopback is not: it may be a proxy, and speak for anybody. */
bool familiar_has(const struct familiar *familiar, const struct address *from, uint64_t now_us);

#endif
