#include "signalling/anteroom.h"

#include <assert.h>

enum {
    COST_US =
        300, /* of one who is let in: what they take, and about as much again, so that some is left */
    SAVED_MOST_US = 10 * 1000, /* of what was not used */
};

static void take_first(struct anteroom_queue *queue, struct waiter *out)
{
    *out = queue->waiters[queue->first];
    queue->first = (queue->first + 1) % ANTEROOM_MOST;
    queue->count--;
}

void anteroom_add(struct anteroom *room, const struct waiter *waiter)
{
    bool is_patient = waiter->head.was_put_off || !waiter->head.is_post;
    struct anteroom_queue *queue = is_patient ? &room->patient : &room->newcomers;
    assert(queue->count < ANTEROOM_MOST);
    queue->waiters[(queue->first + queue->count++) % ANTEROOM_MOST] = *waiter;
}

bool anteroom_is_empty(const struct anteroom *room)
{
    return room->patient.count + room->newcomers.count == 0;
}

static bool give_up(struct anteroom_queue *queue, uint64_t most_us, uint64_t now_us,
                    struct waiter *out)
{
    if (queue->count == 0)
        return false;
    bool is_late = now_us > queue->waiters[queue->first].since_us + most_us;
    if (!is_late && queue->count < ANTEROOM_MOST)
        return false;
    take_first(queue, out);
    return true;
}

bool anteroom_give_up(struct anteroom *room, uint64_t now_us, struct waiter *out)
{
    return give_up(&room->newcomers, ANTEROOM_NEWCOMER_US, now_us, out) ||
           give_up(&room->patient, ANTEROOM_PATIENT_US, now_us, out);
}

bool anteroom_let_in(struct anteroom *room, double spare_us, struct waiter *out)
{
    if (room->spent_us + SAVED_MOST_US < spare_us)
        room->spent_us = spare_us - SAVED_MOST_US;
    if (anteroom_is_empty(room) || spare_us < room->spent_us + COST_US)
        return false;
    room->spent_us += COST_US;
    take_first(room->patient.count > 0 ? &room->patient : &room->newcomers, out);
    return true;
}
