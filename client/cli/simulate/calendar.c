#include "simulate/calendar.h"

#include <stdlib.h>

#define NOBODY UINT32_MAX

struct queue {
    uint32_t first, last;
};

struct calendar {
    struct queue *queues; /* owned; one for each millisecond up to end_ms */
    uint32_t *next;       /* owned; of each item */
    uint32_t now_ms, end_ms;
};

int calendar_create(struct calendar **out, uint32_t items, uint32_t end_ms)
{
    struct calendar *calendar = calloc(1, sizeof(*calendar));
    if (calendar == NULL)
        return ERR_NOMEM;
    calendar->end_ms = end_ms;
    calendar->queues = malloc(((size_t)end_ms + 1) * sizeof(*calendar->queues));
    calendar->next = malloc((size_t)items * sizeof(*calendar->next));
    if (calendar->queues == NULL || calendar->next == NULL) {
        calendar_destroy(calendar);
        return ERR_NOMEM;
    }
    for (uint64_t ms = 0; ms <= end_ms; ms++)
        calendar->queues[ms] = (struct queue){.first = NOBODY, .last = NOBODY};
    *out = calendar;
    return 0;
}

void calendar_destroy(struct calendar *calendar)
{
    if (calendar == NULL)
        return;
    free(calendar->queues);
    free(calendar->next);
    free(calendar);
}

void calendar_add(struct calendar *calendar, uint32_t item, uint64_t at_ms)
{
    if (at_ms < calendar->now_ms)
        at_ms = calendar->now_ms;
    if (at_ms > calendar->end_ms)
        return;
    struct queue *queue = &calendar->queues[at_ms];
    calendar->next[item] = NOBODY;
    if (queue->first == NOBODY)
        queue->first = item;
    else
        calendar->next[queue->last] = item;
    queue->last = item;
}

bool calendar_take(struct calendar *calendar, uint32_t *item, uint32_t *now_ms)
{
    while (calendar->queues[calendar->now_ms].first == NOBODY) {
        if (calendar->now_ms == calendar->end_ms)
            return false;
        calendar->now_ms++;
    }
    struct queue *queue = &calendar->queues[calendar->now_ms];
    *item = queue->first;
    *now_ms = calendar->now_ms;
    queue->first = calendar->next[*item];
    return true;
}
