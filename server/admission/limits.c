#include "admission/limits.h"

#include "base/random.h"
#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Entries live in one array and are linked by index: in a chain of their hash slot, and, while they
 * hold no socket, in the list of the idle, oldest first. Only an idle entry may be reused: reusing
 * another one would forget sockets that are open. Every operation touches a handful of entries. */
#define NOBODY UINT32_MAX
enum { PREFIXES_MAX = 1000000, BURST_MAX = 1000000 };

struct entry {
    uint64_t prefix;
    struct bucket asks;
    uint32_t sockets;
    uint32_t next_in_slot;
    uint32_t older, newer; /* among the idle */
    bool used;
};

struct limits {
    struct limits_params params;
    uint64_t seed; /* or a stranger who owns many addresses could fill one chain */
    uint32_t slot_mask;
    uint32_t oldest, newest; /* idle */
    uint32_t *slots;         /* owned; slot_mask + 1 */
    struct entry *entries;   /* owned; params.prefixes_max */
};

/* The level is what was taken and has not come back yet, so a zeroed bucket is full. */
bool bucket_take(struct bucket *bucket, unsigned per_second, unsigned burst, uint64_t now_us)
{
    assert(burst <= BURST_MAX);
    if (now_us > bucket->filled_us && per_second > 0) {
        uint64_t elapsed_us = now_us - bucket->filled_us;
        uint64_t empty_us = ((uint64_t)bucket->level_milli * 1000 + per_second - 1) / per_second;
        if (elapsed_us >= empty_us) {
            bucket->level_milli = 0;
            bucket->filled_us = now_us;
        } else {
            /* time that made no whole thousandth stays unspent; rounded so that none counts twice
             */
            uint64_t back_milli = elapsed_us * per_second / 1000;
            bucket->level_milli -= (uint32_t)back_milli;
            bucket->filled_us += (back_milli * 1000 + per_second - 1) / per_second;
        }
    }
    if ((uint64_t)bucket->level_milli + 1000 > (uint64_t)burst * 1000)
        return false;
    bucket->level_milli += 1000;
    return true;
}

static bool is_loopback(const struct address *from)
{
    static const uint8_t loopback_ipv6[16] = {[15] = 1};
    if (address_is_ipv4(from))
        return from->ip[12] == 127;
    return memcmp(from->ip, loopback_ipv6, sizeof(loopback_ipv6)) == 0;
}

/* An IPv4 address, or the /64 that one IPv6 customer owns at least. IPv4 takes the numbers of
 * 0:ffff::/32, which nobody can have. */
uint64_t limits_prefix(const struct address *from)
{
    if (is_loopback(from))
        return 0;
    bool ipv4 = address_is_ipv4(from);
    const uint8_t *bytes = ipv4 ? from->ip + 8 : from->ip;
    uint64_t prefix = 0;
    for (unsigned i = 0; i < 8; i++)
        prefix = prefix << 8 | bytes[i];
    return prefix;
}

static uint32_t *slot_of(const struct limits *limits, uint64_t prefix)
{
    uint64_t hash = (prefix ^ limits->seed) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ (hash >> 32) ^ (limits->seed << 7)) * 0xBF58476D1CE4E5B9u;
    return &limits->slots[(hash >> 32) & limits->slot_mask];
}

static void idle_remove(struct limits *limits, uint32_t index)
{
    struct entry *entry = &limits->entries[index];
    if (entry->older == NOBODY)
        limits->oldest = entry->newer;
    else
        limits->entries[entry->older].newer = entry->newer;
    if (entry->newer == NOBODY)
        limits->newest = entry->older;
    else
        limits->entries[entry->newer].older = entry->older;
}

static void idle_append(struct limits *limits, uint32_t index)
{
    struct entry *entry = &limits->entries[index];
    entry->older = limits->newest;
    entry->newer = NOBODY;
    if (limits->newest == NOBODY)
        limits->oldest = index;
    else
        limits->entries[limits->newest].newer = index;
    limits->newest = index;
}

int limits_create(struct limits **out, const struct limits_params *params)
{
    if (params->prefixes_max == 0 || params->prefixes_max > PREFIXES_MAX ||
        params->sockets_per_prefix == 0 || params->asks_per_second == 0 ||
        params->asks_per_second > BURST_MAX || params->asks_burst == 0 ||
        params->asks_burst > BURST_MAX)
        return ERR_INVAL;
    struct limits *limits = calloc(1, sizeof(*limits));
    if (!limits)
        return ERR_NOMEM;
    limits->params = *params;
    random_bytes(&limits->seed, sizeof(limits->seed));
    uint32_t slot_count = 16;
    while (slot_count < params->prefixes_max)
        slot_count *= 2;
    limits->slot_mask = slot_count - 1;
    limits->oldest = limits->newest = NOBODY;
    limits->slots = malloc(slot_count * sizeof(*limits->slots));
    limits->entries = calloc(params->prefixes_max, sizeof(*limits->entries));
    if (!limits->slots || !limits->entries) {
        limits_destroy(limits);
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < slot_count; i++)
        limits->slots[i] = NOBODY;
    for (uint32_t i = 0; i < params->prefixes_max; i++)
        idle_append(limits, i);
    *out = limits;
    return 0;
}

void limits_destroy(struct limits *limits)
{
    if (!limits)
        return;
    free(limits->slots);
    free(limits->entries);
    free(limits);
}

static uint32_t find(const struct limits *limits, uint64_t prefix)
{
    uint32_t index = *slot_of(limits, prefix);
    while (index != NOBODY && limits->entries[index].prefix != prefix)
        index = limits->entries[index].next_in_slot;
    return index;
}

static void leave_slot(struct limits *limits, uint32_t index)
{
    uint32_t *link = slot_of(limits, limits->entries[index].prefix);
    while (*link != index)
        link = &limits->entries[*link].next_in_slot;
    *link = limits->entries[index].next_in_slot;
}

/* The prefix's entry, made from the idlest one if it has none; NOBODY if all hold sockets. */
static uint32_t find_or_make(struct limits *limits, uint64_t prefix)
{
    uint32_t index = find(limits, prefix);
    if (index != NOBODY)
        return index;
    index = limits->oldest;
    if (index == NOBODY)
        return NOBODY;
    struct entry *entry = &limits->entries[index];
    if (entry->used)
        leave_slot(limits, index);
    uint32_t *slot = slot_of(limits, prefix);
    entry->prefix = prefix;
    entry->asks = (struct bucket){0};
    entry->used = true;
    entry->next_in_slot = *slot;
    *slot = index;
    return index;
}

/* Counts one ask; NOBODY if it is one too many. */
static uint32_t ask(struct limits *limits, const struct address *from, uint64_t now_us)
{
    uint32_t index = find_or_make(limits, limits_prefix(from));
    if (index == NOBODY)
        return NOBODY;
    struct entry *entry = &limits->entries[index];
    if (entry->sockets == 0) { /* now the youngest of the idle */
        idle_remove(limits, index);
        idle_append(limits, index);
    }
    const struct limits_params *params = &limits->params;
    if (!bucket_take(&entry->asks, params->asks_per_second, params->asks_burst, now_us))
        return NOBODY;
    return index;
}

bool limits_ask(struct limits *limits, const struct address *from, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_CONTROL);
    return is_loopback(from) || ask(limits, from, now_us) != NOBODY;
}

bool limits_take_socket(struct limits *limits, const struct address *from, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (is_loopback(from))
        return true;
    uint32_t index = ask(limits, from, now_us);
    if (index == NOBODY)
        return false;
    struct entry *entry = &limits->entries[index];
    if (entry->sockets >= limits->params.sockets_per_prefix)
        return false;
    if (entry->sockets == 0)
        idle_remove(limits, index);
    entry->sockets++;
    return true;
}

void limits_return_socket(struct limits *limits, const struct address *from)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (is_loopback(from))
        return;
    uint32_t index = find(limits, limits_prefix(from));
    assert(index != NOBODY && limits->entries[index].sockets > 0);
    if (index == NOBODY || limits->entries[index].sockets == 0)
        return;
    limits->entries[index].sockets--;
    if (limits->entries[index].sockets == 0)
        idle_append(limits, index);
}
