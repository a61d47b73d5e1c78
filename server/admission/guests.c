#include "admission/guests.h"

#include <stdlib.h>

void guests_init(struct guests *guests)
{
    *guests = (struct guests){0};
    map_init(&guests->by_number, 0);
}

void guests_clear(struct guests *guests)
{
    for (size_t i = 0; i < guests->by_number.capacity; i++)
        free(guests->by_number.slots[i].value);
    map_clear(&guests->by_number);
    guests_init(guests);
}

struct guest *guests_find(const struct guests *guests, uint64_t number)
{
    return map_get(&guests->by_number, number);
}

static void unqueue(struct guests *guests, struct guest *guest)
{
    if (guest->state == GUEST_SITS)
        return;
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
    guest->until_us = now_us + (state == GUEST_HOLDS ? GUEST_HOLD_US : GUEST_RETURN_US);
    struct guest_queue *queue = &guests->queues[state];
    guest->older = queue->newest;
    *(guest->older != NULL ? &guest->older->newer : &queue->oldest) = guest;
    queue->newest = guest;
}

struct guest *guests_add(struct guests *guests, uint64_t number, enum guest_state state,
                         uint64_t now_us)
{
    struct guest *guest = calloc(1, sizeof(*guest));
    if (guest == NULL)
        return NULL;
    guest->number = number;
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
