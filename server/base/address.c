#include "base/address.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

static const uint8_t mapped_prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

/* A network's number: its family in the highest byte, its own bytes in the lowest. No /64 that anybody has
 * begins so. */
enum {
    NETWORK_FAMILY_SHIFT = 56,
    NETWORK_IPV4 = 4,
    NETWORK_IPV6 = 6,
    NETWORK_IPV4_BYTES = 3,
    NETWORK_IPV6_BYTES = 6,
};

static int parse_port(uint16_t *out, const char *text)
{
    unsigned port = 0;
    if (*text == '\0')
        return ERR_INVAL;
    for (; *text; text++) {
        if (*text < '0' || *text > '9')
            return ERR_INVAL;
        port = port * 10 + (unsigned)(*text - '0');
        if (port > UINT16_MAX)
            return ERR_INVAL;
    }
    *out = (uint16_t)port;
    return 0;
}

static int parse_ip(struct address *out, const char *text)
{
    memcpy(out->ip, mapped_prefix, sizeof(mapped_prefix));
    if (inet_pton(AF_INET, text, out->ip + sizeof(mapped_prefix)) == 1)
        return 0;
    return inet_pton(AF_INET6, text, out->ip) == 1 ? 0 : ERR_INVAL;
}

int address_parse(struct address *out, const char *text)
{
    char ip[ADDRESS_TEXT_MAX];
    size_t chars = strnlen(text, sizeof(ip));
    if (chars == sizeof(ip))
        return ERR_INVAL;
    memcpy(ip, text, chars + 1);

    char *begin = ip;
    char *port = NULL;
    if (ip[0] == '[') {
        begin = ip + 1;
        char *end = strchr(begin, ']');
        if (!end || (end[1] != '\0' && end[1] != ':'))
            return ERR_INVAL;
        if (end[1] == ':')
            port = end + 2;
        *end = '\0';
        if (!strchr(begin, ':'))
            return ERR_INVAL;
    } else {
        /* one colon divides IPv4 and port; more of them are an IPv6 address without one */
        char *colon = strchr(ip, ':');
        if (colon && !strchr(colon + 1, ':')) {
            *colon = '\0';
            port = colon + 1;
        }
    }
    struct address address = {.port = 0};
    if (parse_ip(&address, begin) != 0)
        return ERR_INVAL;
    if (port && parse_port(&address.port, port) != 0)
        return ERR_INVAL;
    *out = address;
    return 0;
}

void address_write_ip(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    if (address_is_ipv4(address))
        (void)inet_ntop(AF_INET, address->ip + sizeof(mapped_prefix), out, ADDRESS_TEXT_MAX);
    else
        (void)inet_ntop(AF_INET6, address->ip, out, ADDRESS_TEXT_MAX);
}

void address_write(const struct address *address, char out[ADDRESS_TEXT_MAX])
{
    char ip[INET6_ADDRSTRLEN] = "";
    bool ipv4 = address_is_ipv4(address);
    (void)inet_ntop(ipv4 ? AF_INET : AF_INET6,
                    ipv4 ? address->ip + sizeof(mapped_prefix) : address->ip, ip, sizeof(ip));
    (void)snprintf(out, ADDRESS_TEXT_MAX, ipv4 ? "%s:%u" : "[%s]:%u", ip, address->port);
}

bool address_equal(const struct address *a, const struct address *b)
{
    return a->port == b->port && memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

bool address_is_ipv4(const struct address *address)
{
    return memcmp(address->ip, mapped_prefix, sizeof(mapped_prefix)) == 0;
}

static bool is_local_ipv4(const uint8_t ip[4])
{
    return ip[0] == 0 || ip[0] == 127 || ip[0] == 10 || /* RFC 1122, RFC 1918 */
           (ip[0] == 172 && (ip[1] & 0xF0) == 16) ||    /* RFC 1918 */
           (ip[0] == 192 && ip[1] == 168) ||            /* RFC 1918 */
           (ip[0] == 169 && ip[1] == 254);              /* RFC 3927 */
}

bool address_is_local(const struct address *address)
{
    if (address_is_ipv4(address))
        return is_local_ipv4(address->ip + sizeof(mapped_prefix));
    struct in6_addr ip;
    memcpy(&ip, address->ip, sizeof(ip));
    return IN6_IS_ADDR_LOOPBACK(&ip) || IN6_IS_ADDR_UNSPECIFIED(&ip) ||
           IN6_IS_ADDR_LINKLOCAL(&ip) || (address->ip[0] & 0xFE) == 0xFC; /* RFC 4193 */
}

bool address_is_loopback(const struct address *address)
{
    static const uint8_t ipv6[16] = {[15] = 1};
    if (address_is_ipv4(address))
        return address->ip[sizeof(mapped_prefix)] == 127;
    return memcmp(address->ip, ipv6, sizeof(ipv6)) == 0;
}

static uint64_t number_of(const uint8_t *bytes, unsigned count)
{
    uint64_t number = 0;
    for (unsigned i = 0; i < count; i++)
        number = number << 8 | bytes[i];
    return number;
}

/* IPv4 takes the numbers of 0:ffff::/32, which nobody can have. */
uint64_t address_prefix(const struct address *address)
{
    if (address_is_loopback(address))
        return 0;
    return number_of(address_is_ipv4(address) ? address->ip + 8 : address->ip, 8);
}

uint64_t address_network(const struct address *address)
{
    bool is_ipv4 = address_is_ipv4(address);
    uint64_t number = number_of(address->ip + (is_ipv4 ? sizeof(mapped_prefix) : 0),
                                is_ipv4 ? NETWORK_IPV4_BYTES : NETWORK_IPV6_BYTES);
    return (uint64_t)(is_ipv4 ? NETWORK_IPV4 : NETWORK_IPV6) << NETWORK_FAMILY_SHIFT | number;
}

bool address_network_write(uint64_t network, char out[ADDRESS_NETWORK_TEXT_MAX])
{
    bool is_ipv4 = network >> NETWORK_FAMILY_SHIFT == NETWORK_IPV4;
    unsigned bytes = is_ipv4 ? NETWORK_IPV4_BYTES : NETWORK_IPV6_BYTES;
    uint64_t number = network & (((uint64_t)1 << NETWORK_FAMILY_SHIFT) - 1);
    if ((!is_ipv4 && network >> NETWORK_FAMILY_SHIFT != NETWORK_IPV6) || number >> 8 * bytes != 0)
        return false;
    struct address address = {.ip = {0}};
    if (is_ipv4)
        memcpy(address.ip, mapped_prefix, sizeof(mapped_prefix));
    for (unsigned i = 0; i < bytes; i++)
        address.ip[(is_ipv4 ? sizeof(mapped_prefix) : 0) + i] =
            (uint8_t)(number >> 8 * (bytes - 1 - i));
    char ip[ADDRESS_TEXT_MAX];
    address_write_ip(&address, ip);
    (void)snprintf(out, ADDRESS_NETWORK_TEXT_MAX, "%s/%u", ip, 8 * bytes);
    return true;
}

int address_network_parse(uint64_t *out, const char *text)
{
    char ip[ADDRESS_TEXT_MAX];
    struct address address = {.port = 0};
    size_t chars = strcspn(text, "/");
    if (chars >= sizeof(ip))
        return ERR_INVAL;
    memcpy(ip, text, chars);
    ip[chars] = '\0';
    if (parse_ip(&address, ip) != 0)
        return ERR_INVAL;
    const char *length = address_is_ipv4(&address) ? "/24" : "/48";
    if (text[chars] != '\0' && strcmp(text + chars, length) != 0)
        return ERR_INVAL;
    *out = address_network(&address);
    return 0;
}

bool address_network_is_loopback(uint64_t network)
{
    static const struct address ipv6 = {.ip = {[15] = 1}};
    const uint64_t ipv4 = (uint64_t)NETWORK_IPV4 << NETWORK_FAMILY_SHIFT | 127u << 16;
    return network >> 16 == ipv4 >> 16 || network == address_network(&ipv6);
}

/* 64 bits at a time through a multiplicative mixer: peers share a prefix and differ in few bits. */
uint32_t address_hash(const struct address *address)
{
    uint64_t high;
    uint64_t low;
    memcpy(&high, address->ip, sizeof(high));
    memcpy(&low, address->ip + sizeof(high), sizeof(low));
    uint64_t hash = (high ^ address->port) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ (hash >> 32) ^ low) * 0xBF58476D1CE4E5B9u;
    hash = (hash ^ (hash >> 29)) * 0x94D049BB133111EBu;
    return (uint32_t)(hash >> 32);
}

struct sockaddr_in6 address_to_sockaddr(const struct address *address)
{
    struct sockaddr_in6 sockaddr = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
    memcpy(&sockaddr.sin6_addr, address->ip, sizeof(address->ip));
    return sockaddr;
}

struct address address_from_sockaddr(const struct sockaddr_in6 *sockaddr)
{
    struct address address = {.port = ntohs(sockaddr->sin6_port)};
    memcpy(address.ip, &sockaddr->sin6_addr, sizeof(address.ip));
    return address;
}

int address_from_any(struct address *out, const struct sockaddr *any)
{
    if (any != NULL && any->sa_family == AF_INET6) {
        struct sockaddr_in6 ipv6;
        memcpy(&ipv6, any, sizeof(ipv6));
        *out = address_from_sockaddr(&ipv6);
        return 0;
    }
    if (any == NULL || any->sa_family != AF_INET)
        return ERR_UNSUPPORTED;
    struct sockaddr_in ipv4;
    memcpy(&ipv4, any, sizeof(ipv4));
    *out = (struct address){.port = ntohs(ipv4.sin_port)};
    memcpy(out->ip, mapped_prefix, sizeof(mapped_prefix));
    memcpy(out->ip + sizeof(mapped_prefix), &ipv4.sin_addr, sizeof(ipv4.sin_addr));
    return 0;
}
