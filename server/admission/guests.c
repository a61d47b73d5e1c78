#include "admission/guests.h"

#include <stdlib.h>

int guests_init(struct guests *guests, uint64_t hash_key)
{
    *guests = (struct guests){0};
    map_init(&guests->by_number, 0);
    return prefixes_init(&guests->holding, GUESTS_PREFIXES_MAX, hash_key);
}

void guests_clear(struct guests *guests)
{
    for (size_t i = 0; i < guests->by_number.capacity; i++)
        free(guests->by_number.slots[i].value);
    map_clear(&guests->by_number);
    prefixes_clear(&guests->holding);
}

struct guest *guests_find(const struct guests *guests, uint64_t number)
{
    return map_get(&guests->by_number, number);
}

static void count_hold(struct guests *guests, const struct guest *guest, bool begins)
{
    if (guest->prefix == 0)
        return;
    guests->held += begins ? 1 : UINT32_MAX;
    if (begins)
        prefixes_add(&guests->holding, guest->prefix);
    else
        prefixes_remove(&guests->holding, guest->prefix);
}

static uint64_t lasts_us(enum guest_state state)
{
    switch (state) {
    case GUEST_HOLDS:
        return GUEST_HOLD_US;
    case GUEST_AWAY:
        return GUEST_AWAY_US;
    case GUEST_LEFT:
        return GUEST_RETURN_US;
    case GUEST_SITS:
        break;
    }
    return 0;
}

static void unqueue(struct guests *guests, struct guest *guest)
{
    if (guest->state == GUEST_SITS)
        return;
    if (guest->state == GUEST_HOLDS)
        count_hold(guests, guest, false);
    struct guest_queue *queue = &guests->queues[guest->state];
    *(guest->older != NULL ? &guest->older->newer : &queue->oldest) = guest->newer;
    *(guest->newer != NULL ? &guest->newer->older : &queue->newest) = guest->older;
    guest->older = guest->newer = NULL;
}

static void enter_state(struct guests *guests, struct guest *guest, enum guest_state state,
                        uint64_t now_us)
{
    guest->state = state;
    guest->owner = NULL;
    guest->is_joining = false;
    if (state == GUEST_SITS)
        return;
    guest->until_us = now_us + lasts_us(state);
    if (state == GUEST_HOLDS)
        count_hold(guests, guest, true);
    struct guest_queue *queue = &guests->queues[state];
    guest->older = queue->newest;
    *(guest->older != NULL ? &guest->older->newer : &queue->oldest) = guest;
    queue->newest = guest;
}

struct guest *guests_add(struct guests *guests, uint64_t number, uint64_t prefix,
                         enum guest_state state, uint64_t now_us)
{
    struct guest *guest = calloc(1, sizeof(*guest));
    if (guest == NULL)
        return NULL;
    guest->number = number;
    guest->prefix = prefix != 0 ? prefixes_hash(&guests->holding, prefix) : 0;
    if (map_put(&guests->by_number, number, guest) != 0) {
        free(guest);
        return NULL;
    }
    enter_state(guests, guest, state, now_us);
    return guest;
}

void guests_turn(struct guests *guests, struct guest *guest, enum guest_state state,
                 uint64_t now_us)
{
    unqueue(guests, guest);
    enter_state(guests, guest, state, now_us);
}

uint32_t guests_held(const struct guests *guests, uint64_t prefix)
{
    if (prefix == 0)
        return 0;
    if (guests->held >= GUESTS_PREFIXES_MAX)
        return UINT32_MAX;
    return prefixes_count(&guests->holding, prefixes_hash(&guests->holding, prefix));
}

void guests_remove(struct guests *guests, struct guest *guest)
{
    unqueue(guests, guest);
    map_remove(&guests->by_number, guest->number);
    free(guest);
}

struct guest *guests_overdue(const struct guests *guests, enum guest_state state, uint64_t now_us)
{
    struct guest *oldest = guests->queues[state].oldest;
    return oldest != NULL && now_us >= oldest->until_us ? oldest : NULL;
}
