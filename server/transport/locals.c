#include "transport/locals.h"

#include <netinet/ip.h>
#include <string.h>
#include <unistd.h>

enum { IPV4_AT = 12 }; /* in an IPv4-mapped address */

_Static_assert(CMSG_SPACE(sizeof(struct in6_pktinfo)) == LOCALS_CONTROL_BYTES,
               "RFC 3542 section 6");

static void open_probe(struct locals *locals)
{
    const int both = 0;
    locals->probe_fd = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    locals->has_probe = locals->probe_fd >= 0;
    if (locals->has_probe)
        (void)setsockopt(locals->probe_fd, IPPROTO_IPV6, IPV6_V6ONLY, &both, sizeof(both));
}

void locals_ask(int fd, bool is_ipv4)
{
    const int yes = 1;
    /* Should it fail, all is LOCAL_ANY, which is right on a machine with one address. On a dual
     * stack socket the second option covers IPv4 as well. */
    if (is_ipv4)
        (void)setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &yes, sizeof(yes));
    else
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
}

void locals_init(struct locals *locals, int fd, bool is_ipv4)
{
    *locals = (struct locals){.is_ipv4 = is_ipv4};
    locals_ask(fd, is_ipv4);
    if (!is_ipv4)
        open_probe(locals);
}

void locals_clear(struct locals *locals)
{
    if (locals->has_probe)
        (void)close(locals->probe_fd);
    *locals = (struct locals){0};
}

static void write_control(struct local *local, int level, int type, const void *info, size_t bytes)
{
    struct cmsghdr head = {.cmsg_len = CMSG_LEN(bytes), .cmsg_level = level, .cmsg_type = type};
    memcpy(local->control.bytes, &head, sizeof(head));
    memcpy(local->control.bytes + CMSG_LEN(0), info, bytes);
    /* Without the padding behind it: more than this, and Linux allocates memory for each packet. */
    local->control_bytes = CMSG_LEN(bytes);
}

/* Names no interface: the routing table chooses the way out, as for any other packet. */
static void prepare(struct local *local, bool is_ipv4)
{
    struct in_pktinfo info_ipv4 = {.ipi_ifindex = 0};
    struct in6_pktinfo info = {.ipi6_ifindex = 0};
    memcpy(&info_ipv4.ipi_spec_dst, local->address.ip + IPV4_AT, sizeof(info_ipv4.ipi_spec_dst));
    memcpy(&info.ipi6_addr, local->address.ip, sizeof(info.ipi6_addr));
    if (is_ipv4)
        write_control(local, IPPROTO_IP, IP_PKTINFO, &info_ipv4, sizeof(info_ipv4));
    else
        write_control(local, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
}

uint8_t locals_number(struct locals *locals, const struct address *own)
{
    static const struct address unspecified;
    struct address address = *own;
    address.port = 0;
    for (uint8_t i = 0; i < locals->count; i++)
        if (address_equal(&locals->table[i].address, &address))
            return (uint8_t)(i + 1);
    if (locals->count == LOCALS_MAX || address_equal(&address, &unspecified))
        return LOCAL_ANY;
    struct local *local = &locals->table[locals->count];
    local->address = address;
    prepare(local, locals->is_ipv4);
    return ++locals->count;
}

struct address locals_address(const struct locals *locals, uint8_t number)
{
    if (number == LOCAL_ANY || number > locals->count)
        return (struct address){0};
    return locals->table[number - 1].address;
}

static struct address from_ipv4(struct in_addr ip)
{
    struct address address = {.ip = {[10] = 0xFF, [11] = 0xFF}};
    memcpy(address.ip + IPV4_AT, &ip, sizeof(ip));
    return address;
}

uint8_t locals_asked(struct locals *locals, struct msghdr *received)
{
    struct cmsghdr *head = CMSG_FIRSTHDR(received);
    struct address address = {0};
    if (head && head->cmsg_level == IPPROTO_IPV6 && head->cmsg_type == IPV6_PKTINFO) {
        struct in6_pktinfo info;
        memcpy(&info, CMSG_DATA(head), sizeof(info));
        memcpy(address.ip, &info.ipi6_addr, sizeof(address.ip));
    } else if (head && head->cmsg_level == IPPROTO_IP && head->cmsg_type == IP_PKTINFO) {
        struct in_pktinfo info;
        memcpy(&info, CMSG_DATA(head), sizeof(info));
        address = from_ipv4(info.ipi_addr);
    }
    return locals_number(locals, &address);
}

void locals_attach(struct locals *locals, uint8_t number, struct msghdr *message)
{
    if (number == LOCAL_ANY || number > locals->count)
        return;
    struct local *local = &locals->table[number - 1];
    message->msg_control = local->control.bytes;
    message->msg_controllen = local->control_bytes;
}

/* Connecting a UDP socket sends nothing, but finds the route and the address that goes with it. */
static bool ask_system(int probe_fd, const struct address *remote, struct address *chosen)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC}; /* forget the former one, udp(7) */
    struct sockaddr_in6 target = address_to_sockaddr(remote);
    struct sockaddr_in6 own;
    socklen_t bytes = sizeof(own);
    if (connect(probe_fd, &nobody, sizeof(nobody)) != 0 ||
        connect(probe_fd, (const struct sockaddr *)&target, sizeof(target)) != 0 ||
        getsockname(probe_fd, (struct sockaddr *)&own, &bytes) != 0)
        return false;
    *chosen = address_from_sockaddr(&own);
    chosen->port = 0;
    return true;
}

uint8_t locals_needed(const struct locals *locals, const struct peer_path *path)
{
    struct address asked = locals_address(locals, path->local);
    struct address chosen;
    if (path->local == LOCAL_ANY || !locals->has_probe ||
        !ask_system(locals->probe_fd, &path->remote, &chosen) || !address_equal(&asked, &chosen))
        return path->local;
    return LOCAL_ANY;
}
