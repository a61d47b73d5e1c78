#include "transport/udp.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = UDP_DATAGRAM_MAX_BYTES + 4, /* one byte more shows that a datagram was cut */
    SOCKET_BUFFER_BYTES = 8 * 1024 * 1024,     /* a whole pass, or all that comes in during one */
};

struct udp_inbox {
    struct mmsghdr messages[UDP_BATCH];
    struct iovec parts[UDP_BATCH];
    struct sockaddr_in6 from[UDP_BATCH]; /* room for sockaddr_in as well */
    struct locals_control controls[UDP_BATCH];
    uint8_t data[UDP_BATCH][BUFFER_BYTES];
};

static struct sockaddr_in to_ipv4(const struct sockaddr_in6 *mapped)
{
    struct sockaddr_in out = {.sin_family = AF_INET, .sin_port = mapped->sin6_port};
    memcpy(&out.sin_addr, mapped->sin6_addr.s6_addr + 12, sizeof(out.sin_addr));
    return out;
}

/* Of either family, as the socket is. */
static struct address sender_of(const struct sockaddr_in6 *holds_any)
{
    struct address out = {.port = 0};
    return address_from_any(&out, (const struct sockaddr *)holds_any) == 0 ? out
                                                                           : (struct address){0};
}

static void set_option(int fd, int level, int option, int value)
{
    /* All of these only make it better: without them it still works. */
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

static void tune(const struct udp *udp)
{
    set_option(udp->fd, SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES);
    set_option(udp->fd, SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES);
    /* As root these two go beyond the system's limit. */
    set_option(udp->fd, SOL_SOCKET, SO_SNDBUFFORCE, SOCKET_BUFFER_BYTES);
    set_option(udp->fd, SOL_SOCKET, SO_RCVBUFFORCE, SOCKET_BUFFER_BYTES);
    /* No fragments and no identifiers to draw: 15 % of the cost of a send. */
    set_option(udp->fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE);
    if (!udp->is_ipv4)
        set_option(udp->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_PROBE);
}

static int open_socket(struct udp *udp)
{
    *udp = (struct udp){.fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
    const int both = 0;
    if (udp->fd >= 0 && setsockopt(udp->fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both)) == 0)
        return 0;
    udp_clear(udp);
    udp->fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    udp->is_ipv4 = true;
    return udp->fd >= 0 ? 0 : ERR_IO;
}

static int bind_ipv6(const struct udp *udp, uint16_t port)
{
    struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    return bind(udp->fd, (const struct sockaddr *)&any, sizeof(any));
}

static int bind_ipv4(const struct udp *udp, uint16_t port)
{
    struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons(port)};
    return bind(udp->fd, (const struct sockaddr *)&any, sizeof(any));
}

static int open_bound(struct udp *udp, uint16_t port, bool is_shared)
{
    int err = open_socket(udp);
    if (err)
        return err;
    const int yes = 1;
    if (is_shared && setsockopt(udp->fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) != 0)
        goto fail;
    if (!udp->is_ipv4 && bind_ipv6(udp, port) == 0)
        return 0;
    if (!udp->is_ipv4 && errno == EADDRNOTAVAIL) {
        /* IPv6 is built in but switched off */
        udp_clear(udp);
        *udp = (struct udp){.fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0),
                            .is_ipv4 = true};
        if (udp->fd < 0 ||
            (is_shared && setsockopt(udp->fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) != 0))
            goto fail;
    }
    if (udp->is_ipv4 && bind_ipv4(udp, port) == 0)
        return 0;
fail:
    err = errno == EADDRINUSE ? ERR_EXIST : ERR_IO;
    udp_clear(udp);
    return err;
}

int udp_reserve_port(uint16_t *port)
{
    struct udp probe;
    int err = open_bound(&probe, *port, false);
    if (err)
        return err;
    struct sockaddr_in6 bound = {0};
    socklen_t bytes = sizeof(bound);
    if (getsockname(probe.fd, (struct sockaddr *)&bound, &bytes) != 0)
        err = ERR_IO;
    else /* the port lies at the same place in both families' structures */
        *port = ntohs(bound.sin6_port);
    udp_clear(&probe);
    return err;
}

int udp_open(struct udp *udp, uint16_t port)
{
    int err = open_bound(udp, port, true);
    if (err)
        return err;
    tune(udp);
    locals_init(&udp->locals, udp->fd, udp->is_ipv4);
    return 0;
}

/* Bound to the very address that the remote asked, so that the sockets which are bound to all of
 * them, and share out what comes among themselves, stay as they are. */
static int bind_path(int fd, const struct udp *udp, const struct sockaddr_in6 *own,
                     const struct sockaddr_in6 *remote)
{
    struct sockaddr_in own_ipv4 = to_ipv4(own), remote_ipv4 = to_ipv4(remote);
    const struct sockaddr *from = (const struct sockaddr *)own;
    const struct sockaddr *to = (const struct sockaddr *)remote;
    socklen_t bytes = sizeof(*own);
    if (udp->is_ipv4) {
        from = (const struct sockaddr *)&own_ipv4;
        to = (const struct sockaddr *)&remote_ipv4;
        bytes = sizeof(own_ipv4);
    }
    return bind(fd, from, bytes) == 0 && connect(fd, to, bytes) == 0 ? 0 : ERR_IO;
}

int udp_open_path(const struct udp *udp, const struct peer_path *path, int *out)
{
    struct sockaddr_in6 bound = {0};
    socklen_t bytes = sizeof(bound);
    const int yes = 1;
    if (path->local == LOCAL_ANY || getsockname(udp->fd, (struct sockaddr *)&bound, &bytes) != 0)
        return ERR_IO;
    struct address own = locals_address(&udp->locals, path->local);
    own.port = ntohs(bound.sin6_port);
    struct sockaddr_in6 from = address_to_sockaddr(&own);
    struct sockaddr_in6 to = address_to_sockaddr(&path->remote);
    int fd =
        socket(udp->is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    locals_ask(fd, udp->is_ipv4);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof(yes)) != 0 ||
        bind_path(fd, udp, &from, &to) != 0) {
        (void)close(fd);
        return ERR_IO;
    }
    *out = fd;
    return 0;
}

void udp_clear(struct udp *udp)
{
    if (udp->fd >= 0)
        (void)close(udp->fd);
    udp->fd = -1;
    locals_clear(&udp->locals);
}

int udp_inbox_create(struct udp_inbox **out)
{
    struct udp_inbox *inbox = calloc(1, sizeof(*inbox));
    if (!inbox)
        return ERR_NOMEM;
    for (unsigned i = 0; i < UDP_BATCH; i++) {
        inbox->parts[i] = (struct iovec){.iov_base = inbox->data[i], .iov_len = BUFFER_BYTES};
        inbox->messages[i].msg_hdr = (struct msghdr){.msg_name = &inbox->from[i],
                                                     .msg_iov = &inbox->parts[i],
                                                     .msg_iovlen = 1,
                                                     .msg_control = &inbox->controls[i]};
    }
    *out = inbox;
    return 0;
}

void udp_inbox_destroy(struct udp_inbox *inbox)
{
    free(inbox);
}

unsigned udp_receive(struct udp *udp, int fd, struct udp_inbox *inbox,
                     struct udp_datagram out[UDP_BATCH])
{
    for (unsigned i = 0; i < UDP_BATCH; i++) {
        inbox->messages[i].msg_hdr.msg_namelen = sizeof(inbox->from[i]);
        inbox->messages[i].msg_hdr.msg_controllen = sizeof(inbox->controls[i]);
    }
    int count = recvmmsg(fd, inbox->messages, UDP_BATCH, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++)
        out[i] = (struct udp_datagram){
            .from = {.remote = sender_of(&inbox->from[i]),
                     .local = locals_asked(&udp->locals, &inbox->messages[i].msg_hdr)},
            .data = inbox->data[i],
            .bytes = inbox->messages[i].msg_len};
    return count > 0 ? (unsigned)count : 0;
}

struct outbox {
    struct mmsghdr messages[AUDIENCE_BATCH];
    struct iovec parts[AUDIENCE_BATCH];
    struct sockaddr_in6 to[AUDIENCE_BATCH];
    struct sockaddr_in to_ipv4[AUDIENCE_BATCH];
};

static void fill_outbox(struct udp *udp, struct outbox *outbox, const struct datagram *datagrams,
                        unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        /* sendmmsg() only reads, but its structures know no const */
        memcpy(&outbox->parts[i].iov_base, &datagrams[i].data, sizeof(datagrams[i].data));
        outbox->parts[i].iov_len = datagrams[i].bytes;
        outbox->messages[i].msg_hdr = (struct msghdr){
            .msg_iov = &outbox->parts[i],
            .msg_iovlen = 1,
        };
        locals_attach(&udp->locals, datagrams[i].local, &outbox->messages[i].msg_hdr);
        if (udp->is_ipv4) {
            outbox->to_ipv4[i] = to_ipv4(&datagrams[i].to);
            outbox->messages[i].msg_hdr.msg_name = &outbox->to_ipv4[i];
            outbox->messages[i].msg_hdr.msg_namelen = sizeof(outbox->to_ipv4[i]);
        } else {
            outbox->to[i] = datagrams[i].to;
            outbox->messages[i].msg_hdr.msg_name = &outbox->to[i];
            outbox->messages[i].msg_hdr.msg_namelen = sizeof(outbox->to[i]);
        }
    }
}

unsigned udp_send_batch(struct udp *udp, const struct datagram *datagrams, unsigned count)
{
    struct outbox outbox;
    assert(count <= AUDIENCE_BATCH);
    fill_outbox(udp, &outbox, datagrams, count);
    unsigned taken = 0;
    unsigned at = 0;
    while (at < count) {
        int sent = sendmmsg(udp->fd, outbox.messages + at, count - at, MSG_DONTWAIT);
        if (sent > 0) {
            taken += (unsigned)sent;
            at += (unsigned)sent;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            break; /* the way out is full: late audio is no use, so the rest is lost */
        } else {
            at++; /* this one cannot be sent: no route, too long */
        }
    }
    return taken;
}

bool udp_send(struct udp *udp, const struct peer_path *to, const uint8_t *data, size_t bytes)
{
    struct datagram datagram = {.data = data,
                                .bytes = (uint32_t)bytes,
                                .to = address_to_sockaddr(&to->remote),
                                .local = to->local};
    return udp_send_batch(udp, &datagram, 1) == 1;
}
