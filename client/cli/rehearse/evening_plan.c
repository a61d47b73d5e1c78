#include "rehearse/evening_plan.h"

enum {
    SECOND_US = 1000 * 1000,
    FIRST_STEP = 8,
    /* Of a freed seat: the next check-in, the handshake, the first sound. */
    HANDING_ON_US = 600 * 1000,
    STAY_MIN_US = 300 * 1000,
    STAY_MAX_US = 20 * SECOND_US,
};

static uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static const struct evening_size small_one = {.is_small = true,
                                              .refusals = 300,
                                              .step_s = 2,
                                              .storm_s = 10,
                                              .hogs_s = 5,
                                              .back_s = 15,
                                              .restart_s = 30,
                                              .quiet_s = 10,
                                              .idle_s = 3};
static const struct evening_size full_one = {.refusals = 2000,
                                             .step_s = 4,
                                             .storm_s = 60,
                                             .hogs_s = 20,
                                             .back_s = 30,
                                             .restart_s = 60,
                                             .quiet_s = 120,
                                             .idle_s = 5};

void evening_size_make(struct evening_size *out, uint32_t seats, uint32_t people, bool is_small)
{
    uint32_t most = is_small ? EVENING_SMALL_PEOPLE_MAX : EVENING_PEOPLE_MAX;
    struct evening_size size = is_small ? small_one : full_one;
    size.seats = seats;
    size.people = seats < UINT32_MAX / 2 ? 2 * seats : seats;
    size.people = least(size.people, people > 0 ? people : most);
    size.base = least(seats, size.people) / (is_small ? 2 : 4);
    *out = size;
}

unsigned evening_seconds_max(const struct evening_size *size)
{
    unsigned fill_s = EVENING_STEPS_MAX * (size->step_s + 1) + 2 * size->back_s;
    return fill_s + size->storm_s + size->hogs_s + size->back_s + 2 * size->restart_s +
           size->quiet_s + 60;
}

uint32_t evening_step(const struct evening_size *size, unsigned step)
{
    uint32_t most = least(size->people, size->seats) - size->base;
    if (step >= EVENING_STEPS_MAX)
        return 0;
    bool was_last = step > 0 && (uint32_t)FIRST_STEP << (step - 1) >= most;
    return was_last ? 0 : least((uint32_t)FIRST_STEP << step, most);
}

void evening_storm_make(struct evening_storm *out, const struct evening_size *size,
                        double peak_per_s)
{
    uint32_t churn_seats = least(size->people, size->seats) - size->base;
    uint32_t churn_people = size->people - size->base;
    double offered_per_s = peak_per_s * EVENING_TIMES;
    double cycle_us = churn_seats / (peak_per_s * 1.1) * SECOND_US;
    double stay_us = cycle_us - HANDING_ON_US;
    *out = (struct evening_storm){.stay_us = STAY_MIN_US};
    if (stay_us > STAY_MAX_US)
        out->stay_us = STAY_MAX_US;
    else if (stay_us > STAY_MIN_US)
        out->stay_us = (uint64_t)stay_us;
    out->room_per_s = churn_seats * (double)SECOND_US / ((double)out->stay_us + HANDING_ON_US);
    out->arrive_us = (uint64_t)(churn_people / offered_per_s * SECOND_US);
    out->passers_per_s = offered_per_s;
}
