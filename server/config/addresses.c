#include "config/config_internal.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <string.h>
#include <sys/socket.h>

static void add(struct config *config, const struct address *address)
{
    for (unsigned i = 0; i < config->public_address_count; i++)
        if (address_equal(&config->public_addresses[i], address))
            return;
    if (config->public_address_count < CONFIG_PUBLIC_ADDRESSES_MAX)
        config->public_addresses[config->public_address_count++] = *address;
}

static int resolve(struct draft *draft, const char *name)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found = NULL;
    int failed = getaddrinfo(name, NULL, &hints, &found);
    if (failed != 0)
        return config_fail(draft, "public_address = %.100s: the name cannot be resolved (%s).",
                           name, gai_strerror(failed));
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        struct address address;
        if (address_from_any(&address, at->ai_addr) == 0)
            add(&draft->config, &address);
    }
    freeaddrinfo(found);
    return 0;
}

int config_resolve_addresses(struct draft *draft)
{
    for (unsigned i = 0; i < draft->public_text_count; i++) {
        struct address address;
        if (address_parse(&address, draft->public_texts[i]) == 0) {
            add(&draft->config, &address);
            continue;
        }
        int err = resolve(draft, draft->public_texts[i]);
        if (err != 0)
            return err;
    }
    draft->config.public_addresses_given = draft->public_text_count > 0;
    return 0;
}

/* 0: what we look for first; -1: never. An interface's link-local address needs a zone that a
 * candidate line cannot carry. */
static int rank_of(const struct address *address, unsigned interface_flags)
{
    bool ipv4 = address_is_ipv4(address);
    if (interface_flags & IFF_LOOPBACK)
        return ipv4 ? 4 : 5;
    bool link_local = ipv4 ? address->ip[12] == 169 && address->ip[13] == 254
                           : address->ip[0] == 0xFE && (address->ip[1] & 0xC0) == 0x80;
    if (link_local)
        return -1;
    return (address_is_local(address) ? 2 : 0) + (ipv4 ? 0 : 1);
}

void config_discover_addresses(struct config *config)
{
    struct ifaddrs *interfaces = NULL;
    if (getifaddrs(&interfaces) != 0)
        return;
    for (int rank = 0; rank <= 5; rank++) {
        if (rank == 4 && config->public_address_count > 0)
            break; /* loopback only if there is nothing else */
        for (const struct ifaddrs *at = interfaces; at; at = at->ifa_next) {
            struct address address;
            if (!(at->ifa_flags & IFF_UP) || address_from_any(&address, at->ifa_addr) != 0)
                continue;
            if (rank_of(&address, at->ifa_flags) == rank)
                add(config, &address);
        }
    }
    freeifaddrs(interfaces);
}

bool config_only_local_addresses(const struct config *config)
{
    for (unsigned i = 0; i < config->public_address_count; i++)
        if (!address_is_local(&config->public_addresses[i]))
            return false;
    return true;
}
