#include "room/presence.h"

#include "admission/admission.h"
#include "config/config.h"
#include "room/cluster_internal.h"

static uint32_t larger(uint32_t a, uint32_t b)
{
    return a > b ? a : b;
}

/* Of the parts that wear out; one that is a bound (memory, egress) counts as busy as it is full. */
static uint32_t busiest_permille(const struct load *load)
{
    uint32_t busiest = larger(load->worker_busy_permille, load->stage_busy_permille);
    busiest = larger(busiest, load->control_busy_permille);
    busiest = larger(busiest, load->egress_permille);
    return larger(busiest, load->memory_permille);
}

void rooms_describe(const struct rooms *rooms, struct node_view *out)
{
    const struct admission *admission = rooms->deps.admission;
    const struct load *load = &rooms->governing.signals.load;
    uint32_t joins_per_s = admission_joins_per_s(admission);
    out->seats = admission_seats(admission);
    out->seats_free = admission_free(admission);
    /* Without a bound of its own it has the one of handshakes. */
    out->joins_per_s = joins_per_s < ADMISSION_JOINING_MAX ? joins_per_s : ADMISSION_JOINING_MAX;
    out->egress_bps = load->egress_bps;
    out->egress_max_bps = rooms->deps.config->egress_max_bps;
    out->load_permille = busiest_permille(load);
    out->is_draining = rooms->closing || (rooms->cluster != NULL && rooms->cluster->is_draining);
}
