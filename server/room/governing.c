#include "room/governing.h"

#include "config/config.h"
#include "room/cluster_internal.h"
#include "telemetry/log.h"

enum {
    SHED_PER_STEP =
        250, /* as many as may leave in a quarter of a second: a burst of goodbyes costs, too */
};

void governing_init(struct rooms *rooms, uint64_t now_us)
{
    struct governing *governing = &rooms->governing;
    const struct config *config = rooms->deps.config;
    struct load_params load = {.stages = config->stages,
                               .stage_tick_us = STAGE_TICK_US,
                               .egress_max_bps = config->egress_max_bps};
    struct governor_params params = {.workers = config->workers,
                                     .seats_max = config->seats,
                                     .joins_max_per_s = config->joins_max_per_s};
    governing->is_on = config->governor;
    uint32_t served = 0;
    for (size_t i = 0; i < rooms->count; i++)
        if (rooms->list[i]->record.state == ROOM_LIVE)
            served += rooms->list[i]->connected_before;
    load_meter_init(&governing->meter, &load);
    governor_init(&governing->governor, &params, now_us);
    governor_remember(&governing->governor, served);
    if (!governing->is_on)
        admission_set_limits(rooms->deps.admission, config->seats,
                             config->joins_max_per_s != 0 ? config->joins_max_per_s : UINT32_MAX);
    else if (governor_pin(&governing->governor, GOVERNOR_AT_LEAST, config->mode) != 0)
        log_warn("governor.not_pinned", "mode=%s", mode_name(config->mode));
}

static void take_load(struct rooms *rooms, uint64_t now_us)
{
    struct governing *governing = &rooms->governing;
    struct transport_totals media;
    struct stage_totals stages;
    transport_totals(rooms->deps.transport, &media);
    stage_totals(rooms->deps.stage, &stages);
    struct load_counted counted = {
        .program_sent = media.program_sent,
        .program_late = media.program_late,
        .program_failed = media.program_failed,
        .datagrams_out = media.datagrams_out,
        .send_failures = media.send_failures,
        .bytes_out = media.bytes_out,
        .stage_ticks = stages.ticks,
        .stage_tardy_ticks = stages.tardy_ticks,
    };
    load_meter_take(&governing->meter, &counted, now_us, &governing->signals.load);
}

static uint32_t losing_of(const struct room *room)
{
    uint32_t losing = 0;
    for (unsigned w = 0; w < TRANSPORT_WORKERS_MAX; w++)
        losing += room->workers[w].losing;
    return losing;
}

static void take_signals(struct rooms *rooms, uint64_t now_us)
{
    struct governor_signals *signals = &rooms->governing.signals;
    const struct admission *admission = rooms->deps.admission;
    uint32_t hearing = 0, losing = 0;
    *signals = (struct governor_signals){
        .seats_taken = admission_seats_taken(admission),
        .joins = admission_joins(admission),
        .put_off = rooms->put_off,
        .handshakes_permille = admission_joining(admission) * 1000 / ADMISSION_JOINING_MAX,
    };
    for (size_t i = 0; i < rooms_all_count(rooms); i++) {
        const struct room *room = rooms_all_at(rooms, i);
        signals->seats_connected += room->connected;
        if (mode_is_packed(room->stage_mode))
            signals->seats_packed += room->connected;
        if (room->relay != NULL)
            signals->seats_relayed += room->connected;
        hearing += room->hearing;
        losing += losing_of(room);
        signals->waiting += room_waits_for_node(room);
    }
    signals->loss_permille = hearing == 0 ? 0 : losing * 1000 / hearing;
    take_load(rooms, now_us);
}

static struct connection *newest_listener(const struct room *room)
{
    struct connection *at = room->connections; /* the newest is the first */
    while (at != NULL && at->number == 0)
        at = at->next;
    return at;
}

/* Last in, first out, from the room that has the most. */
static void shed(struct rooms *rooms, uint32_t keep)
{
    for (unsigned n = 0; n < SHED_PER_STEP; n++) {
        if (admission_seats_taken(rooms->deps.admission) <= keep)
            return;
        struct room *fullest = NULL;
        for (size_t i = 0; i < rooms_all_count(rooms); i++) {
            struct room *room = rooms_all_at(rooms, i);
            if (room->door != NULL &&
                (fullest == NULL || door_taken(room->door) > door_taken(fullest->door)))
                fullest = room;
        }
        struct connection *last = fullest != NULL ? newest_listener(fullest) : NULL;
        if (last == NULL)
            return;
        connection_end(last, "shed");
    }
}

static const char *cause_name(enum governor_cause cause)
{
    return cause == GOVERNOR_PIN ? "operator" : governor_cause_name(cause);
}

void governing_step(struct rooms *rooms, uint64_t now_us)
{
    struct governing *governing = &rooms->governing;
    take_signals(rooms, now_us);
    if (!governing->is_on)
        return;
    struct governor_verdict verdict =
        governor_step(&governing->governor, &governing->signals, now_us);
    admission_set_limits(rooms->deps.admission, verdict.seats, verdict.joins_per_s);
    if (verdict.changed) {
        struct mode_reason reason = {cause_name(verdict.cause), verdict.value, verdict.limit};
        if (verdict.cause == GOVERNOR_PIN)
            reason.limit = 0;
        rooms_set_mode(rooms, verdict.mode, &reason);
        log_info("governor.limits", "seats=%u joins_per_s=%u", verdict.seats, verdict.joins_per_s);
    }
    if (verdict.mode == MODE_LIFEBOAT)
        shed(rooms, verdict.seats);
}

int governing_pin(struct rooms *rooms, enum governor_hold hold, enum mode mode)
{
    struct governing *governing = &rooms->governing;
    int err = governor_pin(&governing->governor, hold, mode);
    if (err != 0)
        return err;
    /* At once; the next step finds nothing to change. */
    enum mode now = mode;
    if (governing->is_on && hold == GOVERNOR_AT_LEAST)
        now = mode_stricter(mode, governing->governor.verdict.measured);
    rooms_set_mode(rooms, now, &(struct mode_reason){.cause = cause_name(GOVERNOR_PIN)});
    return 0;
}

const struct governing *governing_look(const struct rooms *rooms)
{
    return rooms->governing.is_on ? &rooms->governing : NULL;
}
