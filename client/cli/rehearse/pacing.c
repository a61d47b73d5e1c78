#include "rehearse/pacing.h"

static const double SECOND_US = 1000 * 1000;

void pacing_start(struct pacing *pacing, double per_s, uint64_t now_us)
{
    *pacing = (struct pacing){.per_s = per_s, .start_us = now_us};
}

uint64_t pacing_due(struct pacing *pacing, uint64_t now_us)
{
    if (now_us <= pacing->start_us)
        return 0;
    uint64_t until_now =
        (uint64_t)((double)(now_us - pacing->start_us) * pacing->per_s / SECOND_US);
    uint64_t most = (uint64_t)(pacing->per_s * PACING_TICK_US / SECOND_US) + 1;
    uint64_t due = until_now - pacing->told;
    pacing->told = until_now;
    if (due <= most)
        return due;
    pacing->missed += due - most;
    return most;
}
