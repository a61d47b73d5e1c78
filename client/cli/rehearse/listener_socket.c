/* listener_socket.c - a listener's own UDP socket. */
#include "rehearse/listener_internal.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DRAIN_MAX = 64 }; /* more than the smallest receive buffer holds */

union socket_address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

static socklen_t write_address(union socket_address *out, const struct address *address,
                               sa_family_t family)
{
    struct sockaddr_in6 v6 = address_to_sockaddr(address);
    if (family == AF_INET6) {
        out->v6 = v6;
        return sizeof(out->v6);
    }
    out->v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = v6.sin6_port};
    memcpy(&out->v4.sin_addr, address->ip + 12, sizeof(out->v4.sin_addr));
    return sizeof(out->v4);
}

static sa_family_t family_of(const struct address *address)
{
    return address_is_ipv4(address) ? AF_INET : AF_INET6;
}

/* ---- errors of this machine ---- */

static int tell(const char **reason, int err, const char *text)
{
    *reason = text;
    return err;
}

static int refused_by_system(const char **reason)
{
    switch (errno) {
    case EMFILE:
    case ENFILE:
        return tell(reason, ERR_FULL, "no descriptors left here");
    case EADDRINUSE:
    case EAGAIN:
        return tell(reason, ERR_FULL, "no ports left here");
    case EADDRNOTAVAIL:
        return tell(reason, ERR_IO, "no such source address here");
    case ENOBUFS:
    case ENOMEM:
        return tell(reason, ERR_NOMEM, "no memory left here");
    default:
        return tell(reason, ERR_IO, "no UDP socket here");
    }
}

/* ---- candidates ---- */

static bool connect_to(const struct listener *listener, const struct address *remote)
{
    union socket_address to;
    socklen_t bytes = write_address(&to, remote, listener->family);
    return connect(listener->fd, &to.any, bytes) == 0;
}

/* Keeps the candidates of the socket's family to which the system knows a way. ERR_FULL: the system
 * has no port left. */
static int keep_reachable(const struct listener *listener, struct peer_params *params,
                          const char **reason)
{
    unsigned kept = 0;
    for (unsigned i = 0; i < params->candidate_count; i++) {
        const struct address *candidate = &params->candidates[i];
        if (family_of(candidate) != listener->family)
            continue;
        if (connect_to(listener, candidate))
            params->candidates[kept++] = *candidate;
        else if (errno == EAGAIN)
            return refused_by_system(reason);
    }
    if (kept == 0)
        return tell(reason, ERR_IO, "no way to the server's media address");
    params->candidate_count = kept;
    return 0;
}

/* IPv4 wherever the server has it, unless the source is an IPv6 address. */
static sa_family_t choose_family(const struct address *source, const struct peer_params *params)
{
    if (source != NULL)
        return family_of(source);
    for (unsigned i = 0; i < params->candidate_count; i++)
        if (address_is_ipv4(&params->candidates[i]))
            return AF_INET;
    return AF_INET6;
}

static int bind_source(const struct listener *listener, const struct address *source,
                       const char **reason)
{
    union socket_address from;
    if (source == NULL)
        return 0;
    socklen_t bytes = write_address(&from, source, listener->family);
    return bind(listener->fd, &from.any, bytes) == 0 ? 0 : refused_by_system(reason);
}

/* source NULL: the system chooses. */
static int open_from(struct listener *listener, const struct address *source,
                     struct peer_params *params, const char **reason)
{
    int on = 1;
    listener->family = choose_family(source, params);
    listener->fd = socket(listener->family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener->fd < 0)
        return refused_by_system(reason);
    if (setsockopt(listener->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) != 0)
        return refused_by_system(reason);
    int err = bind_source(listener, source, reason);
    return err == 0 ? keep_reachable(listener, params, reason) : err;
}

static bool is_loopback_ipv4(const struct address *address)
{
    return address_is_ipv4(address) && address->ip[12] == 127;
}

int listener_open_socket(struct listener *listener, const struct listener_order *order,
                         struct peer_params *params, const char **reason)
{
    const struct address *source = order->has_source ? &order->source : NULL;
    int err = open_from(listener, source, params, reason);
    if (err == ERR_IO && source != NULL && is_loopback_ipv4(source) && listener->fd >= 0) {
        /* Nothing but 127.0.0.0/8 can be reached from there; the server's media may be elsewhere. */
        (void)close(listener->fd);
        err = open_from(listener, NULL, params, reason);
    }
    if (err != 0)
        return err;
    if (params->candidate_count == 1) {
        listener_bind_to(listener, &params->candidates[0]);
        return 0;
    }
    union socket_address nobody = {.any = {.sa_family = AF_UNSPEC}};
    return connect(listener->fd, &nobody.any, sizeof(nobody)) == 0 ? 0 : refused_by_system(reason);
}

void listener_bind_to(struct listener *listener, const struct address *remote)
{
    if (listener->is_bound && address_equal(&listener->remote, remote))
        return;
    listener->remote = *remote;
    /* Unbound it works as well, with an address at each datagram. */
    listener->is_bound = connect_to(listener, remote);
}

bool listener_drain(struct listener *listener)
{
    uint8_t byte;
    bool has_come = false;
    for (unsigned i = 0; i < DRAIN_MAX; i++) {
        if (recv(listener->fd, &byte, sizeof(byte), MSG_DONTWAIT | MSG_TRUNC) < 0)
            break;
        has_come = true;
    }
    return has_come;
}

/* ---- sending ---- */

void listener_send_now(struct listener *listener, const struct address *to, const uint8_t *data,
                       size_t bytes)
{
    union socket_address address;
    socklen_t address_bytes = 0;
    if (!listener->is_bound)
        address_bytes = write_address(&address, to, listener->family);
    (void)!sendto(listener->fd, data, bytes, MSG_DONTWAIT | MSG_NOSIGNAL,
                  address_bytes > 0 ? &address.any : NULL, address_bytes);
}

void listener_send(struct listener *listener, const struct address *to, const uint8_t *data,
                   size_t bytes, uint64_t now_us)
{
    struct listener_shared *shared = listener->shared;
    if (listener->is_mute)
        return;
    if (!listener->is_slow) {
        listener_send_now(listener, to, data, bytes);
        return;
    }
    struct delayed delayed = {.listener = listener->number,
                              .attempt = listener->attempt,
                              .is_outgoing = true,
                              .other = *to,
                              .datagram = slice_of(data, bytes)};
    int err = delay_push(shared->delay, &delayed, now_us);
    (void)err; /* full: lost, as delay.h says */
}
