#include "transport/timers.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

static void place(struct timers *timers, struct timer *timer, size_t at)
{
    timers->heap[at] = timer;
    timer->at = at;
}

static void sift_up(struct timers *timers, struct timer *timer)
{
    size_t at = timer->at;
    while (at > 0 && timers->heap[(at - 1) / 2]->due_us > timer->due_us) {
        place(timers, timers->heap[(at - 1) / 2], at);
        at = (at - 1) / 2;
    }
    place(timers, timer, at);
}

static void sift_down(struct timers *timers, struct timer *timer)
{
    size_t at = timer->at;
    for (;;) {
        size_t child = at * 2 + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            timers->heap[child + 1]->due_us < timers->heap[child]->due_us)
            child++;
        if (timers->heap[child]->due_us >= timer->due_us)
            break;
        place(timers, timers->heap[child], at);
        at = child;
    }
    place(timers, timer, at);
}

void timers_clear(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){0};
}

int timers_add(struct timers *timers, struct timer *timer, void *owner, uint64_t due_us)
{
    if (timers->count == timers->capacity) {
        size_t capacity = timers->capacity > 0 ? timers->capacity * 2 : FIRST_CAPACITY;
        struct timer **heap = realloc(timers->heap, capacity * sizeof(*heap));
        if (!heap)
            return ERR_NOMEM;
        timers->heap = heap;
        timers->capacity = capacity;
    }
    *timer = (struct timer){.due_us = due_us, .owner = owner};
    place(timers, timer, timers->count++);
    sift_up(timers, timer);
    return 0;
}

void timers_remove(struct timers *timers, struct timer *timer)
{
    struct timer *last = timers->heap[--timers->count];
    if (last == timer)
        return;
    place(timers, last, timer->at);
    sift_up(timers, last);
    sift_down(timers, last);
}

void timers_set(struct timers *timers, struct timer *timer, uint64_t due_us)
{
    timer->due_us = due_us;
    sift_up(timers, timer);
    sift_down(timers, timer);
}

struct timer *timers_first(const struct timers *timers)
{
    return timers->count > 0 ? timers->heap[0] : NULL;
}
