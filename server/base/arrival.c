#include "base/arrival.h"

static const char *const names[ARRIVALS] = {
    [ARRIVAL_ASK] = "ask",
    [ARRIVAL_ASK_AGAIN] = "ask_again",
    [ARRIVAL_REFUSED_RATE] = "refused_rate",
    [ARRIVAL_TICKET_VALID] = "ticket_valid",
    [ARRIVAL_TICKET_BAD] = "ticket_bad",
    [ARRIVAL_SEATED] = "seated",
    [ARRIVAL_LINED] = "lined",
    [ARRIVAL_REFUSED_FULL] = "refused_full",
    [ARRIVAL_REFUSED_HERE] = "refused_here",
    [ARRIVAL_REFUSED_CLOSED] = "refused_closed",
    [ARRIVAL_HANDSHAKE_DONE] = "handshake_done",
    [ARRIVAL_HANDSHAKE_FAILED] = "handshake_failed",
    [ARRIVAL_LAPSED] = "lapsed",
    [ARRIVAL_GAVE_UP] = "gave_up",
    [ARRIVAL_PUT_OFF] = "put_off",
};

const char *arrival_name(enum arrival arrival)
{
    return names[arrival];
}

bool arrival_is_attempt(enum arrival arrival)
{
    return arrival <= ARRIVAL_REFUSED_RATE || arrival == ARRIVAL_PUT_OFF;
}

uint64_t arrival_attempts(const struct arrival_counts *counts)
{
    uint64_t attempts = 0;
    for (unsigned i = 0; i < ARRIVALS; i++)
        if (arrival_is_attempt((enum arrival)i))
            attempts += counts->of[i];
    return attempts;
}

bool arrival_counts_any(const struct arrival_counts *counts)
{
    uint32_t any = 0;
    for (unsigned i = 0; i < ARRIVALS; i++)
        any |= counts->of[i];
    return any != 0;
}

void arrival_counts_add(struct arrival_counts *to, const struct arrival_counts *more)
{
    for (unsigned i = 0; i < ARRIVALS; i++) {
        uint32_t left = UINT32_MAX - to->of[i];
        to->of[i] += more->of[i] < left ? more->of[i] : left;
    }
}
