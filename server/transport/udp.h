/* udp.h - the media sockets: one port, one socket per worker on it, datagrams in batches.
 *
 * Owner    a worker
 * Thread   the owner's; udp_reserve_port() and udp_open() at start, by control
 * Units    bytes
 * Errors   ERR_EXIST: the port is taken. ERR_IO: the system refused
 * Spec     udp(7), ipv6(7), socket(7) SO_REUSEPORT
 */
#ifndef TRANSPORT_UDP_H
#define TRANSPORT_UDP_H

#include "audience/audience.h"
#include "base/address.h"
#include "rostrum/error.h"
#include "rostrum/peer.h"
#include "transport/locals.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    UDP_BATCH = 32,                /* datagrams that one receive takes at most */
    UDP_DATAGRAM_MAX_BYTES = 1500, /* longer ones are malformed for us */
};

struct udp {
    int fd;       /* owned; -1 when clear */
    bool is_ipv4; /* there is no IPv6 on this machine */
    struct locals locals;
};

struct udp_inbox; /* buffers of one batch; opaque */

struct udp_datagram {
    struct peer_path from;
    uint8_t *data; /* lent until the next receive; SRTP is opened in place */
    size_t bytes;  /* above UDP_DATAGRAM_MAX_BYTES: it was longer than we read */
};

/* Finds out whether *port (0: any) is free, although sockets that share a port would not notice.
 * Writes the port. ERR_EXIST, ERR_IO. */
MUST_CHECK int udp_reserve_port(uint16_t *port);
/* One more socket on that port. ERR_EXIST, ERR_IO. */
MUST_CHECK int udp_open(struct udp *udp, uint16_t port);
void udp_clear(struct udp *udp);
MUST_CHECK int udp_inbox_create(struct udp_inbox **out); /* allocates; ERR_NOMEM */
void udp_inbox_destroy(struct udp_inbox *inbox);         /* NULL is fine */
/* One more socket, for a single path: what comes that way waits there instead of among all others'
 * datagrams. What is sent goes through `udp` as ever. Writes the descriptor; the caller closes it.
 * ERR_IO: there is none, the path goes on as before. */
MUST_CHECK int udp_open_path(const struct udp *udp, const struct peer_path *path, int *out);
/* Takes what waits on `fd` (that of `udp`, or of a path of its own), without waiting. Returns how
 * many of `out` were filled. */
unsigned udp_receive(struct udp *udp, int fd, struct udp_inbox *inbox,
                     struct udp_datagram out[UDP_BATCH]);
/* True when the system took it. */
bool udp_send(struct udp *udp, const struct peer_path *to, const uint8_t *data, size_t bytes);
/* Up to AUDIENCE_BATCH at once. Returns how many the system took; one that it refuses does not
 * hold up the others. */
unsigned udp_send_batch(struct udp *udp, const struct datagram *datagrams, unsigned count);

#endif
