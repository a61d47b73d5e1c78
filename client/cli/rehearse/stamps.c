#include "rehearse/stamps.h"

void stamps_begin(struct stamps *stamps, uint64_t now_us, int64_t wall_ns)
{
    int64_t offset_us = (int64_t)now_us - wall_ns / 1000;
    int64_t moved_us = offset_us - stamps->offset_us;
    if (stamps->has_offset && (moved_us > STAMPS_STEP_US || moved_us < -STAMPS_STEP_US))
        stamps->usable_from_us = now_us + STAMPS_UNREAD_MAX_US;
    stamps->has_offset = true;
    stamps->offset_us = offset_us;
    stamps->now_us = now_us;
}

uint64_t stamps_arrival_us(const struct stamps *stamps, int64_t stamp_ns)
{
    int64_t arrival_us = stamp_ns / 1000 + stamps->offset_us;
    int64_t age_us = (int64_t)stamps->now_us - arrival_us;
    /* Younger than the burst: it came while we were reading. */
    bool is_sane = stamps->now_us >= stamps->usable_from_us && age_us > -STAMPS_BURST_MAX_US &&
                   age_us < STAMPS_AGE_MAX_US;
    return is_sane ? (uint64_t)arrival_us : stamps->now_us;
}
