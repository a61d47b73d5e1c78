/* inbox.h - reads a few datagrams of one socket with one system call, each with the moment of its
 * arrival.
 *
 * Owner    an ear embeds one; letters point into it until the next inbox_read()
 * Thread   the ear's; never allocates
 * Units    bytes; microseconds, monotonic
 * Errors   a socket that has nothing, or an error, yields no letters
 * Spec     recvmmsg(2), socket(7) SO_TIMESTAMPNS
 */
#ifndef REHEARSE_INBOX_H
#define REHEARSE_INBOX_H

#include "base/address.h"
#include "rehearse/stamps.h"

#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum {
    INBOX_SLOTS = 6, /* as a rule three packets wait, sometimes with a report or an answer */
    INBOX_DATAGRAM_MAX = 1500,
    INBOX_CONTROL_BYTES = 64,
};

struct inbox {
    struct stamps stamps;
    struct mmsghdr messages[INBOX_SLOTS];
    struct iovec parts[INBOX_SLOTS];
    struct sockaddr_storage names[INBOX_SLOTS];
    _Alignas(16) uint8_t controls[INBOX_SLOTS][INBOX_CONTROL_BYTES];
    _Alignas(16) uint8_t data[INBOX_SLOTS][INBOX_DATAGRAM_MAX];
};

struct letter {
    uint8_t *data;
    size_t bytes; /* 0: longer than any of ours, or from nowhere: to be ignored */
    uint64_t arrival_us;
    struct address from; /* only when names were asked for */
};

void inbox_init(struct inbox *inbox);
/* A burst of reading begins: compares the clocks, returns the monotonic one. */
uint64_t inbox_begin(struct inbox *inbox);
/* How many were read; less than INBOX_SLOTS: there were no more. */
unsigned inbox_read(struct inbox *inbox, int fd, bool with_names);
struct letter inbox_letter(struct inbox *inbox, unsigned slot);

#endif
