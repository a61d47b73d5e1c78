#include "rehearse/crowd.h"

#include "base/clock.h"
#include "rehearse/door.h"
#include "rehearse/ear.h"
#include "rostrum/srtp_link.h"

#include <stdlib.h>
#include <string.h>

enum {
    EARS_MAX = 16,
    RING_MIN_BYTES = 4096,
};

struct crowd {
    struct crowd_params params;
    struct dtls_identity *identity; /* owned */
    struct door *door;              /* owned */
    struct ear *ears[EARS_MAX];     /* owned */
    struct ear_link links[EARS_MAX];
    struct wake event_bell;
    struct crowd_mood mood;
    unsigned ears_started;
    bool door_started;
};

static size_t ring_bytes(const struct crowd *crowd)
{
    size_t share = crowd->params.plan->params.listeners / crowd->params.ear_threads + 1;
    size_t needed = share * LINK_RECORDS_PER_LISTENER * LINK_RECORD_BYTES;
    size_t bytes = RING_MIN_BYTES;
    while (bytes < needed)
        bytes *= 2;
    return bytes;
}

static int make_link(struct crowd *crowd, struct ear_link *link)
{
    link->event_bell = &crowd->event_bell;
    int err = wake_init(&link->order_bell);
    if (err == 0)
        err = ring_create(&link->orders, ring_bytes(crowd));
    return err == 0 ? ring_create(&link->events, ring_bytes(crowd)) : err;
}

static int make_ears(struct crowd *crowd)
{
    for (unsigned i = 0; i < crowd->params.ear_threads; i++) {
        struct ear_params params = {.number = i,
                                    .ears = crowd->params.ear_threads,
                                    .plan = crowd->params.plan,
                                    .identity = crowd->identity,
                                    .link = &crowd->links[i],
                                    .mood = &crowd->mood};
        int err = make_link(crowd, &crowd->links[i]);
        if (err == 0)
            err = ear_create(&crowd->ears[i], &params);
        if (err != 0)
            return err;
    }
    return 0;
}

static int make_door(struct crowd *crowd)
{
    struct door_params params = {.crowd = &crowd->params,
                                 .identity = crowd->identity,
                                 .links = crowd->links,
                                 .ears = crowd->params.ear_threads,
                                 .event_bell = &crowd->event_bell,
                                 .mood = &crowd->mood};
    return door_create(&crowd->door, &params);
}

static int set_up(struct crowd *crowd)
{
    int err = srtp_link_startup();
    if (err == 0)
        err = dtls_identity_create(&crowd->identity, NULL);
    if (err == 0)
        err = wake_init(&crowd->event_bell);
    if (err == 0)
        err = make_ears(crowd);
    return err == 0 ? make_door(crowd) : err;
}

int crowd_create(struct crowd **out, const struct crowd_params *params)
{
    if (params->ear_threads < 1 || params->ear_threads > EARS_MAX)
        return ERR_INVAL;
    struct crowd *crowd = calloc(1, sizeof(*crowd));
    if (crowd == NULL)
        return ERR_NOMEM;
    crowd->params = *params;
    crowd->event_bell.fd = -1;
    for (unsigned i = 0; i < EARS_MAX; i++)
        crowd->links[i].order_bell.fd = -1;
    atomic_store(&crowd->mood.room_is_live, true); /* unless the server says that it is not */
    int err = set_up(crowd);
    if (err != 0) {
        crowd_destroy(crowd);
        return err;
    }
    *out = crowd;
    return 0;
}

static void stop_ears(struct crowd *crowd)
{
    atomic_store_explicit(&crowd->mood.stop, true, memory_order_release);
    for (unsigned i = 0; i < crowd->ears_started; i++)
        wake_ring(&crowd->links[i].order_bell);
    while (crowd->ears_started > 0)
        ear_join(crowd->ears[--crowd->ears_started]);
}

int crowd_start(struct crowd *crowd)
{
    uint64_t start_us = clock_now_us();
    int err = 0;
    while (err == 0 && crowd->ears_started < crowd->params.ear_threads) {
        err = ear_start(crowd->ears[crowd->ears_started], start_us);
        crowd->ears_started += err == 0;
    }
    if (err == 0)
        err = door_start(crowd->door, start_us);
    crowd->door_started = err == 0;
    if (err != 0)
        stop_ears(crowd);
    return err;
}

void crowd_look(struct crowd *crowd, struct crowd_now *out)
{
    struct door_now door;
    door_look(crowd->door, &door);
    *out = (struct crowd_now){.waiting = door.waiting,
                              .joining = door.joining,
                              .gone = door.gone,
                              .attempts = door.attempts,
                              .lined = door.lined,
                              .seated = door.seated,
                              .missing = door.missing,
                              .joined = door.joined,
                              .disconnects = door.disconnects,
                              .late_answers = door.late_answers,
                              .unanswered = door.unanswered,
                              .refused = door.refused,
                              .failed = door.failed,
                              .is_over = door.is_over};
    for (unsigned i = 0; i < crowd->params.ear_threads; i++) {
        struct ear_now ear;
        ear_look(crowd->ears[i], &ear);
        out->connected += ear.connected;
        out->hearing += ear.hearing;
        out->heard += ear.heard;
        out->steady += ear.steady;
        out->packets += ear.packets;
        out->lost += ear.lost;
    }
}

int crowd_wave(struct crowd *crowd, const struct wave *wave)
{
    return door_wave(crowd->door, wave);
}

void crowd_set_part(struct crowd *crowd, unsigned part)
{
    door_set_part(crowd->door, part);
}

void crowd_stop(struct crowd *crowd)
{
    if (crowd->door_started)
        door_stop(crowd->door);
    crowd->door_started = false;
    stop_ears(crowd);
}

void crowd_tally(const struct crowd *crowd, struct tally *out)
{
    struct tally_second *per_second = out->per_second;
    *out = (struct tally){.per_second = per_second};
    if (per_second != NULL)
        memset(per_second, 0, TALLY_SECONDS_MAX * sizeof(*per_second));
    tally_merge(out, door_tally(crowd->door));
    for (unsigned i = 0; i < crowd->params.ear_threads; i++)
        tally_merge(out, ear_tally(crowd->ears[i]));
}

const struct stands *crowd_stands(const struct crowd *crowd)
{
    return door_stands(crowd->door);
}

void crowd_destroy(struct crowd *crowd)
{
    if (crowd == NULL)
        return;
    crowd_stop(crowd);
    door_destroy(crowd->door);
    for (unsigned i = 0; i < EARS_MAX; i++) {
        ear_destroy(crowd->ears[i]);
        ring_destroy(crowd->links[i].orders);
        ring_destroy(crowd->links[i].events);
        wake_clear(&crowd->links[i].order_bell);
    }
    wake_clear(&crowd->event_bell);
    dtls_identity_destroy(crowd->identity);
    free(crowd);
}
