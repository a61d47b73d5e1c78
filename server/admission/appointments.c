#include "admission/appointments.h"

#include <assert.h>

static uint16_t *promised_in(struct appointments *appointments, uint32_t second)
{
    return &appointments->promised[second % APPOINTMENTS_SECONDS];
}

void appointments_turn_to(struct appointments *appointments, uint32_t now_s)
{
    uint32_t passed = now_s - appointments->now_s;
    for (uint32_t i = 0; i < passed && i < APPOINTMENTS_SECONDS; i++)
        *promised_in(appointments, appointments->now_s + i) = 0;
    appointments->now_s = now_s;
}

static uint32_t find_room(struct appointments *appointments, uint32_t wanted_s, uint16_t limit)
{
    for (uint32_t second = wanted_s; second <= appointments->now_s + APPOINTMENTS_AHEAD_MAX_S;
         second++)
        if (*promised_in(appointments, second) < limit)
            return second;
    for (uint32_t second = wanted_s; second > appointments->now_s; second--)
        if (*promised_in(appointments, second) < limit)
            return second;
    return wanted_s;
}

uint32_t appointments_make(struct appointments *appointments, uint32_t wanted_s, uint16_t limit)
{
    assert(wanted_s - appointments->now_s <= APPOINTMENTS_AHEAD_MAX_S);
    uint32_t second = find_room(appointments, wanted_s, limit);
    (*promised_in(appointments, second))++;
    return second;
}

void appointments_cancel(struct appointments *appointments, uint32_t second)
{
    uint16_t *promised = promised_in(appointments, second);
    assert(*promised > 0);
    (*promised)--;
}
