/* The entries lie in the order of their attempts; those with equally many form a run. One more attempt swaps an entry
 * with the last of its run and moves the border of the run: a few steps, however many there are. Entries that are
 * not used yet have no attempts, so they come first and are taken first. */
#include "admission/busiest.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum {
    SLOTS = 2048, /* of the hash: a power of two, at most half full */
    NONE = UINT16_MAX,
};

struct entry {
    uint64_t network;
    uint32_t too_high;
    uint16_t run;
    uint16_t rank; /* its index in order[] */
    struct arrival_counts counts;
};

/* Those with `attempts`: order[last - size + 1] to order[last]. */
struct run {
    uint32_t attempts;
    uint16_t last, size; /* size 0: free */
};

struct busiest {
    uint64_t key;
    uint32_t missed;
    uint16_t free_run_count;
    uint16_t slots[SLOTS]; /* entry, or NONE */
    uint16_t order[BUSIEST_MAX];
    uint16_t free_runs[BUSIEST_MAX];
    struct run runs[BUSIEST_MAX];
    struct entry entries[BUSIEST_MAX];
};

int busiest_create(struct busiest **out, uint64_t key)
{
    struct busiest *busiest = calloc(1, sizeof(*busiest));
    if (!busiest)
        return ERR_NOMEM;
    busiest->key = key;
    for (unsigned i = 0; i < SLOTS; i++)
        busiest->slots[i] = NONE;
    for (uint16_t i = 0; i < BUSIEST_MAX; i++) {
        busiest->order[i] = busiest->entries[i].rank = i;
        busiest->free_runs[i] = i;
    }
    busiest->free_run_count = BUSIEST_MAX - 1; /* the last one is that of all unused entries: */
    for (unsigned i = 0; i < BUSIEST_MAX; i++)
        busiest->entries[i].run = BUSIEST_MAX - 1;
    busiest->runs[BUSIEST_MAX - 1] = (struct run){.last = BUSIEST_MAX - 1, .size = BUSIEST_MAX};
    *out = busiest;
    return 0;
}

void busiest_destroy(struct busiest *busiest)
{
    free(busiest);
}

/* ---- the hash ---- */

static unsigned home_of(const struct busiest *busiest, uint64_t network)
{
    uint64_t hash = (network ^ busiest->key) * 0x9E3779B97F4A7C15u;
    hash = (hash ^ (hash >> 32) ^ (busiest->key << 7)) * 0xBF58476D1CE4E5B9u;
    return (unsigned)(hash >> 40) % SLOTS;
}

/* The slot of network, or the free one where it belongs. */
static unsigned slot_of(const struct busiest *busiest, uint64_t network)
{
    unsigned slot = home_of(busiest, network);
    while (busiest->slots[slot] != NONE &&
           busiest->entries[busiest->slots[slot]].network != network)
        slot = (slot + 1) % SLOTS;
    return slot;
}

/* Whoever was pushed past the hole by others moves back into it. */
static void remove_slot(struct busiest *busiest, uint64_t network)
{
    unsigned hole = slot_of(busiest, network);
    busiest->slots[hole] = NONE;
    for (unsigned at = (hole + 1) % SLOTS; busiest->slots[at] != NONE; at = (at + 1) % SLOTS) {
        unsigned home = home_of(busiest, busiest->entries[busiest->slots[at]].network);
        if ((at - home) % SLOTS < (at - hole) % SLOTS)
            continue; /* its home lies behind the hole */
        busiest->slots[hole] = busiest->slots[at];
        busiest->slots[at] = NONE;
        hole = at;
    }
}

/* ---- the order ---- */

static uint16_t take_run(struct busiest *busiest, uint32_t attempts, uint16_t last)
{
    assert(busiest->free_run_count > 0);
    uint16_t number = busiest->free_runs[--busiest->free_run_count];
    busiest->runs[number] = (struct run){.attempts = attempts, .last = last};
    return number;
}

static void put_at(struct busiest *busiest, uint16_t entry, uint16_t rank)
{
    busiest->order[rank] = entry;
    busiest->entries[entry].rank = rank;
}

/* One attempt more. At the limit of the number everything stays as it is. */
static void raise_entry(struct busiest *busiest, uint16_t number)
{
    struct entry *entry = &busiest->entries[number];
    struct run *run = &busiest->runs[entry->run];
    uint16_t last = run->last;
    if (run->attempts == UINT32_MAX)
        return;
    uint16_t next = last + 1 < BUSIEST_MAX ? busiest->entries[busiest->order[last + 1]].run : NONE;
    bool joins = next != NONE && busiest->runs[next].attempts == run->attempts + 1;
    if (run->size == 1 && !joins) {
        run->attempts++;
        return;
    }
    put_at(busiest, busiest->order[last], entry->rank);
    put_at(busiest, number, last);
    if (--run->size == 0)
        busiest->free_runs[busiest->free_run_count++] = entry->run;
    else
        run->last--;
    entry->run = joins ? next : take_run(busiest, run->attempts + 1, last);
    busiest->runs[entry->run].size++;
}

/* Gives the entry of whoever came least to a network that has none. */
static uint16_t make_room(struct busiest *busiest, uint64_t network)
{
    uint16_t number = busiest->order[0];
    struct entry *entry = &busiest->entries[number];
    if (entry->network != 0) {
        busiest->missed = busiest->runs[entry->run].attempts;
        remove_slot(busiest, entry->network);
    }
    entry->network = network;
    entry->too_high = busiest->missed;
    entry->counts = (struct arrival_counts){0};
    busiest->slots[slot_of(busiest, network)] = number;
    return number;
}

void busiest_count(struct busiest *busiest, enum arrival arrival, uint64_t network)
{
    if (network == 0)
        return;
    uint16_t number = busiest->slots[slot_of(busiest, network)];
    bool is_attempt = arrival_is_attempt(arrival);
    if (number == NONE && !is_attempt)
        return;
    if (number == NONE)
        number = make_room(busiest, network);
    if (is_attempt)
        raise_entry(busiest, number);
    uint32_t *count = &busiest->entries[number].counts.of[arrival];
    *count += *count < UINT32_MAX;
}

/* ---- looking and restoring ---- */

static const struct run *run_at(const struct busiest *busiest, unsigned rank)
{
    return &busiest->runs[busiest->entries[busiest->order[rank]].run];
}

uint32_t busiest_missed(const struct busiest *busiest)
{
    return busiest->missed;
}

unsigned busiest_list(const struct busiest *busiest, struct arrival_network *out, unsigned max)
{
    unsigned count = 0;
    for (unsigned rank = BUSIEST_MAX; rank-- > 0 && count < max; count++) {
        const struct entry *entry = &busiest->entries[busiest->order[rank]];
        if (entry->network == 0)
            break;
        out[count] = (struct arrival_network){.network = entry->network,
                                              .attempts = run_at(busiest, rank)->attempts,
                                              .too_high = entry->too_high,
                                              .counts = entry->counts};
    }
    return count;
}

/* The unused entry of the highest rank becomes the next one in line. */
int busiest_restore(struct busiest *busiest, const struct arrival_network *network)
{
    struct run *unused = &busiest->runs[busiest->entries[busiest->order[0]].run];
    if (unused->attempts != 0)
        return ERR_FULL;
    uint16_t rank = unused->last;
    const struct run *above = rank + 1 < BUSIEST_MAX ? run_at(busiest, rank + 1u) : NULL;
    if (network->network == 0 || network->attempts == 0 || network->too_high >= network->attempts ||
        (above && network->attempts > above->attempts))
        return ERR_INVAL;
    unsigned slot = slot_of(busiest, network->network);
    if (busiest->slots[slot] != NONE)
        return ERR_EXIST;
    uint16_t number = busiest->order[rank];
    struct entry *entry = &busiest->entries[number];
    uint16_t emptied = entry->run;
    unused->last--;
    if (--unused->size == 0)
        busiest->free_runs[busiest->free_run_count++] = emptied;
    *entry = (struct entry){.network = network->network,
                            .too_high = network->too_high,
                            .rank = rank,
                            .counts = network->counts};
    entry->run = above && above->attempts == network->attempts
                     ? busiest->entries[busiest->order[rank + 1]].run
                     : take_run(busiest, network->attempts, rank);
    busiest->runs[entry->run].size++;
    busiest->slots[slot] = number;
    if (network->too_high > busiest->missed)
        busiest->missed = network->too_high;
    return 0;
}
