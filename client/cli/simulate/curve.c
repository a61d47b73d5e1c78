#include "simulate/curve.h"

#include <stddef.h>

struct stretch {
    int32_t from_s; /* from the start; up to the next one's */
    uint32_t parts; /* of PARTS */
};

enum { PARTS = 1000, STRETCHES_MAX = 9 };

/* The last one only ends the one before it. */
static const struct stretch stretches[CURVES][STRETCHES_MAX] = {
    [CURVE_EVENING] = {{-900, 50},
                       {-300, 100},
                       {-120, 50},
                       {-60, 120},
                       {-15, 180},
                       {0, 300},
                       {30, 150},
                       {90, 50},
                       {600, 0}},
    [CURVE_FLASH] = {{-900, 10}, {0, 990}, {10, 0}},
};

const char *curve_name(enum curve curve)
{
    static const char *const names[CURVES] = {"evening", "flash"};
    return names[curve];
}

uint32_t curve_arrival_ms(enum curve curve, uint64_t dice)
{
    const struct stretch *stretch = stretches[curve];
    uint32_t part = (uint32_t)((dice >> 32) * PARTS >> 32);
    while (part >= stretch->parts)
        part -= (stretch++)->parts;
    uint64_t span_ms = (uint64_t)(stretch[1].from_s - stretch->from_s) * 1000;
    int64_t from_ms = CURVE_START_MS + (int64_t)stretch->from_s * 1000;
    return (uint32_t)(from_ms + (int64_t)((dice & UINT32_MAX) * span_ms >> 32));
}
