#include "admission/limits.h"

#include "base/bucket.h"
#include "base/random.h"
#include "base/thread.h"

#include <assert.h>
#include <stdlib.h>

/* One table counts prefixes, one networks. Entries live in one array and are linked by index: in a
 * chain of their hash slot, and, while they hold no socket, in the list of the idle, oldest first.
 * Only an idle entry may be reused: reusing another one would forget sockets that are open. Every
 * operation touches a handful of entries. */
#define NOBODY UINT32_MAX
enum { PREFIXES_MAX = 1000000 };

struct entry {
    uint64_t number; /* of the prefix or network */
    struct bucket buckets[LIMITS_KINDS];
    uint32_t sockets;
    uint32_t next_in_slot;
    uint32_t older, newer; /* among the idle */
    bool used;
};

struct table {
    struct limits_share share;
    uint64_t seed; /* or a stranger who owns many addresses could fill one chain */
    uint32_t slot_mask;
    uint32_t oldest, newest; /* idle */
    uint32_t *slots;         /* owned; slot_mask + 1 */
    struct entry *entries;   /* owned */
};

struct limits {
    struct table prefixes, networks;
};

static uint32_t *slot_of(const struct table *table, uint64_t number)
{
    uint64_t hash = (number ^ table->seed) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ (hash >> 32) ^ (table->seed << 7)) * 0xBF58476D1CE4E5B9u;
    return &table->slots[(hash >> 32) & table->slot_mask];
}

static void idle_remove(struct table *table, uint32_t index)
{
    struct entry *entry = &table->entries[index];
    if (entry->older == NOBODY)
        table->oldest = entry->newer;
    else
        table->entries[entry->older].newer = entry->newer;
    if (entry->newer == NOBODY)
        table->newest = entry->older;
    else
        table->entries[entry->newer].older = entry->older;
}

static void idle_append(struct table *table, uint32_t index)
{
    struct entry *entry = &table->entries[index];
    entry->older = table->newest;
    entry->newer = NOBODY;
    if (table->newest == NOBODY)
        table->oldest = index;
    else
        table->entries[table->newest].newer = index;
    table->newest = index;
}

static bool is_share(const struct limits_share *share)
{
    for (unsigned i = 0; i < LIMITS_KINDS; i++) {
        const struct limits_rate *rate = &share->rates[i];
        if (rate->per_second == 0 || rate->per_second > BUCKET_MAX || rate->burst == 0 ||
            rate->burst > BUCKET_MAX)
            return false;
    }
    return share->sockets > 0;
}

static int table_init(struct table *table, const struct limits_share *share, uint32_t entries)
{
    table->share = *share;
    random_bytes(&table->seed, sizeof(table->seed));
    uint32_t slot_count = 16;
    while (slot_count < entries)
        slot_count *= 2;
    table->slot_mask = slot_count - 1;
    table->oldest = table->newest = NOBODY;
    table->slots = malloc(slot_count * sizeof(*table->slots));
    table->entries = calloc(entries, sizeof(*table->entries));
    if (!table->slots || !table->entries)
        return ERR_NOMEM;
    for (uint32_t i = 0; i < slot_count; i++)
        table->slots[i] = NOBODY;
    for (uint32_t i = 0; i < entries; i++)
        idle_append(table, i);
    return 0;
}

static void table_clear(struct table *table)
{
    free(table->slots);
    free(table->entries);
}

int limits_create(struct limits **out, const struct limits_params *params)
{
    if (params->prefixes_max == 0 || params->prefixes_max > PREFIXES_MAX ||
        !is_share(&params->prefix) || !is_share(&params->network))
        return ERR_INVAL;
    struct limits *limits = calloc(1, sizeof(*limits));
    if (!limits)
        return ERR_NOMEM;
    int err = table_init(&limits->prefixes, &params->prefix, params->prefixes_max);
    if (!err)
        err = table_init(&limits->networks, &params->network, params->prefixes_max);
    if (err) {
        limits_destroy(limits);
        return err;
    }
    *out = limits;
    return 0;
}

void limits_destroy(struct limits *limits)
{
    if (!limits)
        return;
    table_clear(&limits->prefixes);
    table_clear(&limits->networks);
    free(limits);
}

static uint32_t find(const struct table *table, uint64_t number)
{
    uint32_t index = *slot_of(table, number);
    while (index != NOBODY && table->entries[index].number != number)
        index = table->entries[index].next_in_slot;
    return index;
}

static void leave_slot(struct table *table, uint32_t index)
{
    uint32_t *link = slot_of(table, table->entries[index].number);
    while (*link != index)
        link = &table->entries[*link].next_in_slot;
    *link = table->entries[index].next_in_slot;
}

/* Its entry, made from the idlest one if it has none, and the youngest of the idle from now on. NULL:
 * all hold sockets. */
static struct entry *touch(struct table *table, uint64_t number)
{
    uint32_t index = find(table, number);
    if (index == NOBODY) {
        index = table->oldest;
        if (index == NOBODY)
            return NULL;
        struct entry *oldest = &table->entries[index];
        if (oldest->used)
            leave_slot(table, index);
        uint32_t *slot = slot_of(table, number);
        *oldest = (struct entry){.number = number,
                                 .next_in_slot = *slot,
                                 .older = oldest->older,
                                 .newer = oldest->newer,
                                 .used = true};
        *slot = index;
    }
    struct entry *entry = &table->entries[index];
    if (entry->sockets == 0) {
        idle_remove(table, index);
        idle_append(table, index);
    }
    return entry;
}

static bool ask(struct table *table, uint64_t number, enum limits_kind kind, uint64_t now_us)
{
    struct entry *entry = touch(table, number);
    const struct limits_rate *rate = &table->share.rates[kind];
    return entry && bucket_take(&entry->buckets[kind], rate->per_second, rate->burst, now_us);
}

bool limits_ask(struct limits *limits, const struct address *from, enum limits_kind kind,
                uint64_t now_us)
{
    ASSERT_THREAD(THREAD_CONTROL);
    return address_is_loopback(from) ||
           (ask(&limits->prefixes, address_prefix(from), kind, now_us) &&
            ask(&limits->networks, address_network(from), kind, now_us));
}

/* NULL: it holds as many as it may. */
static struct entry *find_room(struct table *table, uint64_t number)
{
    struct entry *entry = touch(table, number);
    return entry && entry->sockets < table->share.sockets ? entry : NULL;
}

static void take_socket(struct table *table, struct entry *entry)
{
    if (entry->sockets == 0)
        idle_remove(table, (uint32_t)(entry - table->entries));
    entry->sockets++;
}

bool limits_have_socket(struct limits *limits, const struct address *from)
{
    ASSERT_THREAD(THREAD_CONTROL);
    return address_is_loopback(from) || (find_room(&limits->prefixes, address_prefix(from)) &&
                                         find_room(&limits->networks, address_network(from)));
}

bool limits_take_socket(struct limits *limits, const struct address *from)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (address_is_loopback(from))
        return true;
    struct entry *prefix = find_room(&limits->prefixes, address_prefix(from));
    struct entry *network = prefix ? find_room(&limits->networks, address_network(from)) : NULL;
    if (!network)
        return false;
    take_socket(&limits->prefixes, prefix);
    take_socket(&limits->networks, network);
    return true;
}

static void return_socket(struct table *table, uint64_t number)
{
    uint32_t index = find(table, number);
    assert(index != NOBODY && table->entries[index].sockets > 0);
    if (index == NOBODY || table->entries[index].sockets == 0)
        return;
    table->entries[index].sockets--;
    if (table->entries[index].sockets == 0)
        idle_append(table, index);
}

void limits_return_socket(struct limits *limits, const struct address *from)
{
    ASSERT_THREAD(THREAD_CONTROL);
    if (address_is_loopback(from))
        return;
    return_socket(&limits->prefixes, address_prefix(from));
    return_socket(&limits->networks, address_network(from));
}
