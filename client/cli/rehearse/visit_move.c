#include "rehearse/visit_move.h"

#include "rehearse/door_internal.h"

bool visit_set_aside(struct visit *visit)
{
    struct visit_former *former = &visit->former;
    if (former->ear_has_it || former->wsi != NULL) {
        way_cut_former(visit);
        return false;
    }
    *former = (struct visit_former){
        .wsi = visit->wsi, .attempt = visit->attempt, .ear_has_it = visit->ear_has_it};
    visit->wsi = NULL;
    visit->is_open = visit->is_cut = visit->ear_has_it = false;
    way_drop_incoming(visit);
    return true;
}

bool visit_hears_former(const struct visit *visit)
{
    return visit->former.ear_has_it && !visit->former.is_left;
}

bool visit_is_former(const struct visit *visit, uint32_t attempt)
{
    return visit->former.ear_has_it && visit->former.attempt == attempt;
}

void visit_leave_former(struct visit *visit, uint64_t now_us)
{
    struct ear_order order = {.kind = EAR_CLOSE,
                              .number = visit->number,
                              .attempt = visit->former.attempt,
                              .at_us = now_us};
    if (!visit_hears_former(visit))
        return;
    visit->former.is_left = true;
    door_order(visit->door, &order);
    way_leave_former(visit);
}

void visit_drop_former(struct visit *visit)
{
    visit->former.ear_has_it = false;
    visit->former.is_left = true;
    way_leave_former(visit);
}

bool visit_is_leaving_former(const struct visit *visit)
{
    const struct visit_former *former = &visit->former;
    return former->is_left && (former->ear_has_it || former->wsi != NULL);
}
