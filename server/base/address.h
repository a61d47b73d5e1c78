/* address.h - an IP address and port in one fixed-size value, IPv4 kept as an IPv4-mapped IPv6
 * address.
 *
 * Owner    values
 * Thread   any
 * Units    port in host byte order
 * Errors   address_parse: ERR_INVAL. address_from_any: ERR_UNSUPPORTED
 * Spec     RFC 4291 section 2.5.5.2
 */
#ifndef BASE_ADDRESS_H
#define BASE_ADDRESS_H

#include "rostrum/error.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    ADDRESS_TEXT_MAX = 64,                          /* "[v6]:port" with terminating zero */
    ADDRESS_NETWORK_TEXT_MAX = ADDRESS_TEXT_MAX + 4 /* "/48" */
};

struct address {
    uint8_t ip[16]; /* network order; ::ffff:a.b.c.d for IPv4 */
    uint16_t port;
};

/* Numeric only: "192.0.2.1", "::1", "192.0.2.1:80", "[::1]:80". Without a port, port = 0. */
MUST_CHECK int address_parse(struct address *out, const char *text);
/* "192.0.2.1:80" or "[2001:db8::1]:80"; the second one leaves the port (and brackets) out. */
void address_write(const struct address *address, char out[ADDRESS_TEXT_MAX]);
void address_write_ip(const struct address *address, char out[ADDRESS_TEXT_MAX]);
bool address_equal(const struct address *a, const struct address *b);
bool address_is_ipv4(const struct address *address);
/* Loopback, private (RFC 1918, RFC 4193), link-local or unspecified: useless to the public
 * internet. */
bool address_is_local(const struct address *address);
bool address_is_loopback(const struct address *address);
/* Whom an address belongs to, as a number: itself (IPv4), or the /64 that one IPv6 customer has at least. 0: loopback. */
uint64_t address_prefix(const struct address *address);
/* The wider network that one owner can have without much ado: /24 (IPv4), /48 (IPv6). Never 0, never the number of a
 * prefix, never above INT64_MAX. */
uint64_t address_network(const struct address *address);
/* "192.0.2.0/24" or "2001:db8:1::/48". False: not such a number. */
bool address_network_write(uint64_t network, char out[ADDRESS_NETWORK_TEXT_MAX]);
/* "192.0.2.0/24", "2001:db8:1::/48", or an address, whose network is meant; no other length, no port, no zone.
 * ERR_INVAL. */
MUST_CHECK int address_network_parse(uint64_t *out, const char *text);
/* It is this machine's own: 127.0.0.0/8, or the one of ::1. */
bool address_network_is_loopback(uint64_t network);
uint32_t address_hash(const struct address *address);
struct sockaddr_in6 address_to_sockaddr(const struct address *address);
struct address address_from_sockaddr(const struct sockaddr_in6 *sockaddr);
/* Of either family, as the system tells it. ERR_UNSUPPORTED: of another one, or NULL. */
MUST_CHECK int address_from_any(struct address *out, const struct sockaddr *any);

#endif
