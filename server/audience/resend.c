#include "audience/resend.h"

#include <stddef.h>

enum { CREDIT_MAX = RESEND_BURST * RESEND_PACKETS_PER_ONE };

bool resend_push(struct resend_queue *queue, const struct resend_entry *entry)
{
    if (queue->tail - queue->head == RESEND_QUEUE)
        return false;
    queue->entries[queue->tail++ % RESEND_QUEUE] = *entry;
    return true;
}

const struct resend_entry *resend_peek(const struct resend_queue *queue)
{
    if (queue->tail == queue->head)
        return NULL;
    return &queue->entries[queue->head % RESEND_QUEUE];
}

void resend_drop(struct resend_queue *queue)
{
    queue->head++;
}

struct resend_budget resend_budget_of(uint64_t newest_index)
{
    return (struct resend_budget){.counted_index = newest_index, .credit_packets = CREDIT_MAX};
}

bool resend_spend(struct resend_budget *budget, uint64_t newest_index)
{
    uint64_t earned = newest_index - budget->counted_index;
    uint64_t credit = budget->credit_packets + earned;
    budget->counted_index = newest_index;
    budget->credit_packets = credit < CREDIT_MAX ? (uint32_t)credit : CREDIT_MAX;
    if (budget->credit_packets < RESEND_PACKETS_PER_ONE)
        return false;
    budget->credit_packets -= RESEND_PACKETS_PER_ONE;
    return true;
}
