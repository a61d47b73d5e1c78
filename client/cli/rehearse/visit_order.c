/* visit_order.c - what the ear is told of a listener that has its answer. */
#include "answer.h"
#include "rehearse/door_internal.h"

#include <stdlib.h>

struct listener_order *visit_order(const struct visit *visit, struct slice sdp)
{
    struct plan_listener plan = plan_listener(visit->door->params.crowd->plan, visit->number);
    const struct address *source = door_source(visit->door, visit->number);
    struct sdp_error error = {0};
    uint8_t opus;
    struct listener_order *order = calloc(1, sizeof(*order));
    if (order == NULL)
        return NULL;
    *order = (struct listener_order){.number = visit->number,
                                     .attempt = visit->attempt,
                                     .attempt_us = visit->attempt_us,
                                     .has_source = source != NULL,
                                     .is_lossy = plan.is_lossy,
                                     .is_slow = plan.is_slow,
                                     .is_unread = plan.is_unread,
                                     .is_verifying = plan.is_verifying,
                                     .is_away = visit->node != NODES_HOME};
    if (source != NULL)
        order->source = *source;
    memcpy(order->peer.local.ufrag, visit->ufrag, sizeof(visit->ufrag));
    memcpy(order->peer.local.pwd, visit->pwd, sizeof(visit->pwd));
    if (answer_read(&order->peer, &opus, sdp, &error) == 0)
        return order;
    free(order);
    return NULL;
}
