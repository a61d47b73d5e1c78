/* locals.h - our own addresses on a socket that is bound to all of them: a number for each that was
 * asked, and what makes an answer leave from there.
 *
 * A remote drops an answer that comes from another address than it asked (RFC 8445 section
 * 7.2.5.2.1); left alone, the system picks the address that lies nearest to the remote.
 *
 * Owner    a media socket
 * Thread   the socket's
 * Units    numbers 1..LOCALS_MAX in the order of appearance
 * Errors   what cannot be had is LOCAL_ANY
 * Spec     RFC 3542 section 6 (IPV6_PKTINFO), ip(7) (IP_PKTINFO)
 */
#ifndef TRANSPORT_LOCALS_H
#define TRANSPORT_LOCALS_H

#include "base/address.h"
#include "rostrum/peer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

enum {
    LOCAL_ANY = 0, /* the system chooses */
    LOCALS_MAX = 32,
    LOCALS_CONTROL_BYTES =
        CMSG_SPACE(sizeof(struct in6_addr) + sizeof(unsigned)), /* room for one in6_pktinfo */
};

struct locals_control {
    _Alignas(struct cmsghdr) uint8_t bytes[LOCALS_CONTROL_BYTES];
};

struct local {
    struct address address; /* port 0 */
    struct locals_control control;
    size_t control_bytes;
};

struct locals {
    struct local table[LOCALS_MAX]; /* number 1 first */
    uint8_t count;
    bool is_ipv4; /* the socket's family is AF_INET, not dual stack */
    bool has_probe;
    int probe_fd; /* owned, if has_probe */
};

/* Has `fd` tell the destination of each datagram from now on. */
void locals_ask(int fd, bool is_ipv4);
/* The same, and the table is empty. */
void locals_init(struct locals *locals, int fd, bool is_ipv4);
void locals_clear(struct locals *locals); /* fine on a zeroed one */
/* Gives the address a number if it has none; the port is ignored. LOCAL_ANY: the table is full, or
 * the address is unspecified. */
uint8_t locals_number(struct locals *locals, const struct address *own);
/* Unspecified (::) for LOCAL_ANY. */
struct address locals_address(const struct locals *locals, uint8_t number);
/* The number of the address that a received message was sent to. */
uint8_t locals_asked(struct locals *locals, struct msghdr *received);
/* Makes the message leave from there; it borrows from `locals`. */
void locals_attach(struct locals *locals, uint8_t number, struct msghdr *message);
/* The path's number, or LOCAL_ANY if the system would choose that address by itself: naming it
 * costs 5 % of a send. Asks the system: not for every packet. */
uint8_t locals_needed(const struct locals *locals, const struct peer_path *path);

#endif
