#include "transport/pace.h"

void pace_start(struct pace *pace, uint64_t now_us, uint64_t spread_us)
{
    if (!pace->is_running)
        pace->next_us = now_us;
    pace->is_running = true;
    pace->deadline_us = now_us + spread_us;
}

void pace_sent(struct pace *pace, uint32_t left, uint64_t began_us)
{
    pace->is_running = left > 0;
    if (left == 0)
        return;
    uint64_t left_us = pace->deadline_us > began_us ? pace->deadline_us - began_us : 0;
    uint32_t bursts = (left + PACE_BURST - 1) / PACE_BURST;
    pace->next_us = began_us + left_us / (bursts + 1);
}

bool pace_is_due(const struct pace *pace, uint64_t now_us)
{
    return !pace->is_running || now_us + PACE_NEAR_US >= pace->next_us;
}
