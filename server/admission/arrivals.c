#include "admission/arrivals.h"

#include "base/random.h"
#include "base/thread.h"

#include <stdio.h>

/* A network's number: 4 or 6 in the highest byte, its prefix in the lowest three or six. */
enum {
    FAMILY_SHIFT = 56,
    FAMILY_IPV4 = 4,
    FAMILY_IPV6 = 6,
    IPV4_AT = 12, /* where it begins in a mapped address */
    IPV4_BYTES = 3,
    IPV6_BYTES = 6,
};

void arrivals_clear(struct arrivals *arrivals)
{
    busiest_destroy(arrivals->networks);
    arrivals->networks = NULL;
}

void arrivals_keep_networks(struct arrivals *arrivals)
{
    uint64_t key;
    random_bytes(&key, sizeof(key));
    if (!arrivals->networks && busiest_create(&arrivals->networks, key) != 0)
        arrivals->networks = NULL;
}

void arrivals_count(struct arrivals *arrivals, enum arrival arrival, uint64_t network)
{
    ASSERT_THREAD(THREAD_CONTROL);
    uint32_t *count = &arrivals->counts.of[arrival];
    *count += *count < UINT32_MAX;
    if (!arrivals->networks || network == 0)
        return;
    busiest_count(arrivals->networks, arrival, network);
    arrivals->networks_changed = true;
}

void arrivals_take(struct arrivals *arrivals, struct arrival_counts *out)
{
    *out = arrivals->counts;
    arrivals->counts = (struct arrival_counts){0};
}

uint64_t arrivals_network(const struct address *address)
{
    bool is_ipv4 = address_is_ipv4(address);
    unsigned first = is_ipv4 ? IPV4_AT : 0;
    unsigned bytes = is_ipv4 ? IPV4_BYTES : IPV6_BYTES;
    uint64_t prefix = 0;
    for (unsigned i = 0; i < bytes; i++)
        prefix = prefix << 8 | address->ip[first + i];
    return (uint64_t)(is_ipv4 ? FAMILY_IPV4 : FAMILY_IPV6) << FAMILY_SHIFT | prefix;
}

bool arrivals_network_write(uint64_t network, char out[ARRIVALS_NETWORK_TEXT_MAX])
{
    bool is_ipv4 = network >> FAMILY_SHIFT == FAMILY_IPV4;
    unsigned bytes = is_ipv4 ? IPV4_BYTES : IPV6_BYTES;
    uint64_t prefix = network & (((uint64_t)1 << FAMILY_SHIFT) - 1);
    if ((!is_ipv4 && network >> FAMILY_SHIFT != FAMILY_IPV6) || prefix >> 8 * bytes != 0)
        return false;
    struct address address = {.ip = {0}};
    if (is_ipv4)
        address.ip[IPV4_AT - 1] = address.ip[IPV4_AT - 2] = 0xFF; /* IPv4-mapped */
    for (unsigned i = 0; i < bytes; i++)
        address.ip[(is_ipv4 ? IPV4_AT : 0) + i] = (uint8_t)(prefix >> 8 * (bytes - 1 - i));
    char ip[ADDRESS_TEXT_MAX];
    address_write_ip(&address, ip);
    (void)snprintf(out, ARRIVALS_NETWORK_TEXT_MAX, "%s/%u", ip, 8 * bytes);
    return true;
}
