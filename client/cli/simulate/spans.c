#include "simulate/spans.h"

void spans_add(struct spans *spans, uint32_t ms, uint64_t times)
{
    uint32_t step = (ms + SPANS_STEP_MS - 1) / SPANS_STEP_MS;
    if (times == 0)
        return;
    spans->steps[step < SPANS_STEPS ? step : SPANS_STEPS - 1] += times;
    spans->count += times;
    if (ms > spans->max_ms)
        spans->max_ms = ms;
}

uint32_t spans_at(const struct spans *spans, unsigned permille)
{
    uint64_t wanted = (spans->count * permille + 999) / 1000, seen = 0;
    uint32_t step = 0;
    if (spans->count == 0)
        return 0;
    while (step < SPANS_STEPS - 1 && (seen += spans->steps[step]) < wanted)
        step++;
    if (step == SPANS_STEPS - 1)
        return spans->max_ms; /* the last step has no end */
    uint32_t ms = step * SPANS_STEP_MS;
    return ms < spans->max_ms ? ms : spans->max_ms;
}

uint64_t spans_above(const struct spans *spans, uint32_t ms)
{
    uint64_t above = 0;
    for (uint32_t step = ms / SPANS_STEP_MS + 1; step < SPANS_STEPS; step++)
        above += spans->steps[step];
    return above;
}
