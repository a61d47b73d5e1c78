/* governor_world.h - a node in virtual time: the busiest worker's load as a function of seats, packets,
 * joins and other programs, and a door that does as the governor says.
 *
 * A seat costs the worker the same, a little more in a crowd; packets of 60 ms come in two steps, five
 * seconds apart. Handshakes run in what is left of the
 * time, and wait for it. `hogs` other programs want the worker's
 * core and get an equal share each. Beyond `knee` of what the worker gets, packets are late.
 *
 * Owner    the including test program
 * Thread   the test's
 * Units    per mille of a core, seats, microseconds of virtual time
 * Errors   failed assertions
 * Spec     none
 */
#ifndef TESTS_GOVERNOR_WORLD_H
#define TESTS_GOVERNOR_WORLD_H

#include "admission/governor.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
    STEPS_PER_S = 4,
    SETTLED_S = 30, /* hosts are there, listeners are not yet */
    JOIN_STEPS = 3, /* from the answer to the first packet */
    SECOND_US = 1000 * 1000,
    GROW_US = 5 * SECOND_US,
    NEVER = -1,
};

struct world_params {
    uint64_t seed; /* 0: no noise */
    unsigned workers;
    double seat, join, base; /* per mille of the busiest worker; join: of one a second */
    double crowding;         /* so much more a seat costs at the knee */
    double knee;
    double packed; /* cost of packets of 60 ms, of that of 20 ms */
    uint32_t seats_max;
};

struct world {
    struct world_params params;
    struct governor governor;
    struct governor_verdict verdict;
    struct governor_signals signals; /* as given last */
    uint64_t random;
    uint64_t now_us;
    unsigned steps;
    double hogs;
    double carries; /* seats in packets of 20 ms that the network carries; 0: all */
    uint32_t waiting, taken, connected;
    uint32_t joining[JOIN_STEPS];    /* on their way to the handshake */
    double handshakes;               /* that wait for the worker */
    double credit;                   /* joins that the door may still let in */
    bool is_relay;                   /* another node makes the packets: they stay as they are */
    uint64_t packed_us;              /* since when packets are long; 0: they are not */
    double share_before, share_last; /* of the core, in the last samples */
    /* what was seen */
    unsigned ups, downs;
    double seen_s[MODE_LIFEBOAT + 1]; /* when first in this mode or a stricter one, since watch() */
    double normal_s;                  /* when last it became normal; NEVER: it is not */
    double late_most;                 /* per mille, since watch() */
    double excess; /* most seats over what was served well, as seats were given */
    double watched_s;
};

#define CHECK(world, condition)                                                                    \
    do {                                                                                           \
        if (!(condition))                                                                          \
            fail_msg(                                                                              \
                "%s at %.2f s, seed %llu: mode %s (%s %u of %u), taken %u, waiting %u, seats %u",  \
                #condition, world_s(world), (unsigned long long)(world)->params.seed,              \
                mode_name((world)->verdict.mode), governor_cause_name((world)->verdict.cause),     \
                (world)->verdict.value, (world)->verdict.limit, (world)->taken, (world)->waiting,  \
                (world)->verdict.seats);                                                           \
    } while (0)

static inline double world_s(const struct world *world)
{
    return (double)world->steps / STEPS_PER_S;
}

/* 0..1 (splitmix64). */
static inline double chance(uint64_t *random)
{
    uint64_t z = *random += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return (double)((z ^ (z >> 31)) >> 11) / (double)(1ull << 53);
}

static inline double between(uint64_t *random, double least, double most)
{
    return least + (most - least) * chance(random);
}

/* From now on "seen" begins anew. */
static inline void watch(struct world *world)
{
    world->watched_s = world_s(world);
    world->ups = world->downs = 0;
    world->late_most = 0;
    for (unsigned mode = 0; mode <= MODE_LIFEBOAT; mode++)
        world->seen_s[mode] = mode <= world->verdict.mode ? 0 : NEVER;
    world->normal_s = world->verdict.mode == MODE_NORMAL ? 0 : NEVER;
}

static inline void world_open(struct world *world, const struct world_params *params)
{
    *world = (struct world){.params = *params,
                            .random = params->seed,
                            .now_us = 1000 * SECOND_US,
                            .share_before = 1,
                            .share_last = 1};
    governor_init(
        &world->governor,
        &(struct governor_params){.workers = params->workers, .seats_max = params->seats_max},
        world->now_us);
    watch(world);
}

static const struct world_params usual = {.workers = 1,
                                          .seat = 0.2,
                                          .join = 1,
                                          .base = 20,
                                          .crowding = 0.1,
                                          .knee = 930,
                                          .packed = 0.4,
                                          .seats_max = 1000000};

/* ---- the model ---- */

/* Cost of a seat in packets of so many frames, of that in packets of one: a part of it stays. */
static inline double cost_of_frames(const struct world *world, unsigned frames)
{
    double stays = (3 * world->params.packed - 1) / 2;
    return stays + (1 - stays) / frames;
}

static inline double seats_load(const struct world *world, double seats, unsigned frames)
{
    double whole = (world->params.knee - world->params.base) / world->params.seat;
    return seats * world->params.seat * cost_of_frames(world, frames) *
           (1 + world->params.crowding * fmin(seats / whole, 1));
}

/* Seats that are served well in such packets with this share of a core. */
static inline double capacity(const struct world *world, bool is_packed, double share)
{
    unsigned frames = is_packed ? 3 : 1;
    double fits = 0, step = 65536;
    for (; step >= 1; step /= 2)
        while (seats_load(world, fits + step, frames) + world->params.base <=
               world->params.knee * share)
            fits += step;
    return fits;
}

/* The same, with no other program there. */
static inline double full(const struct world *world, bool is_packed)
{
    return capacity(world, is_packed, 1);
}

static inline double share_of(const struct world *world)
{
    return 1 / (1 + world->hogs);
}

static inline double noisy(struct world *world, double value)
{
    return world->params.seed == 0 ? value : value * between(&world->random, 0.96, 1.04);
}

/* In the time that the seats leave, within one step; returns how many were done. */
static inline uint32_t shake_hands(struct world *world, double media)
{
    double join = world->params.join / share_of(world);
    double most = fmax(1000 - media, 0) / join / STEPS_PER_S;
    double done = floor(fmin(world->handshakes, fmax(most, 1)));
    world->handshakes -= done;
    return (uint32_t)done;
}

static inline void look(struct world *world)
{
    unsigned frames = world->packed_us == 0                        ? 1
                      : world->now_us - world->packed_us < GROW_US ? 2
                                                                   : 3;
    double share = share_of(world);
    double media = (world->params.base + seats_load(world, world->connected, frames)) / share;
    uint32_t done = shake_hands(world, media);
    world->connected += done;
    double busy = media + (double)done * STEPS_PER_S * world->params.join / share;
    double late = media > world->params.knee ? 1000 * (1 - world->params.knee / media) : 0;
    double sent = world->connected / (double)frames;
    double lost =
        world->carries > 0 && sent > world->carries ? 1000 * (1 - world->carries / sent) : 0;
    world->signals = (struct governor_signals){
        .load = {.taken_us = world->now_us,
                 .program_late_permille = (uint32_t)late,
                 .worker_busy_permille = (uint32_t)fmin(noisy(world, busy), 1000),
                 .worker_lag_us = (uint32_t)(world->hogs * 1000),
                 .stage_busy_permille = (uint32_t)fmin(70 / share, 1000),
                 .send_failed_permille = (uint32_t)lost,
                 .control_lag_us = (uint32_t)noisy(world, 2000 + 3000 * world->hogs),
                 .memory_permille = 100 + world->connected / 1000,
                 .descriptors_permille = 50},
        .seats_taken = world->taken,
        .seats_connected = world->connected,
        .seats_packed = world->packed_us != 0 ? world->connected : 0,
        .seats_relayed = world->is_relay ? world->connected : 0,
        .waiting = world->waiting,
        .joins = world->signals.joins + done,
        .handshakes_permille = (uint32_t)fmin(world->handshakes / 2.5, 1000)};
    world->late_most = fmax(world->late_most, late);
}

static inline void note_modes(struct world *world, enum mode before)
{
    enum mode mode = world->verdict.mode;
    double seen_s = world_s(world) - world->watched_s;
    CHECK(world, world->verdict.changed == (mode != before));
    if (mode == before)
        return;
    world->ups += mode > before;
    world->downs += mode < before;
    world->normal_s = mode == MODE_NORMAL ? seen_s : NEVER;
    for (unsigned i = 0; i <= mode; i++)
        if (world->seen_s[i] < 0)
            world->seen_s[i] = seen_s;
    bool is_packed = mode_is_packed(mode) && !world->is_relay;
    if (is_packed != (world->packed_us != 0))
        world->packed_us = is_packed ? world->now_us : 0;
}

/* Those beyond the verdict's number leave a lifeboat, back into the line. */
static inline void shed(struct world *world)
{
    if (world->verdict.mode != MODE_LIFEBOAT || world->taken <= world->verdict.seats)
        return;
    uint32_t many = world->taken - world->verdict.seats;
    many = many < world->connected ? many : world->connected;
    world->taken -= many;
    world->connected -= many;
    world->waiting += many;
}

static inline void let_in(struct world *world)
{
    world->credit = fmin(world->credit, world->verdict.joins_per_s / 4.0);
    world->credit += (double)world->verdict.joins_per_s / STEPS_PER_S;
    uint32_t many = (uint32_t)world->credit;
    uint32_t free_seats =
        world->verdict.seats > world->taken ? world->verdict.seats - world->taken : 0;
    many = many < free_seats ? many : free_seats;
    many = many < world->waiting ? many : world->waiting;
    world->waiting -= many;
    world->taken += many;
    world->credit -= many;
    world->joining[JOIN_STEPS - 1] += many;
    double share = fmax(fmax(world->share_before, world->share_last), share_of(world));
    if (many > 0)
        world->excess =
            fmax(world->excess, world->taken / capacity(world, world->packed_us != 0, share) - 1);
}

static inline void step(struct world *world)
{
    world->steps++;
    world->now_us += SECOND_US / STEPS_PER_S;
    world->handshakes += world->joining[0];
    for (unsigned i = 1; i < JOIN_STEPS; i++)
        world->joining[i - 1] = world->joining[i];
    world->joining[JOIN_STEPS - 1] = 0;
    look(world);
    enum mode before = world->verdict.mode;
    world->verdict = governor_step(&world->governor, &world->signals, world->now_us);
    note_modes(world, before);
    shed(world);
    let_in(world);
    world->share_before = world->share_last;
    world->share_last = share_of(world);
}

static inline void pass(struct world *world, double seconds)
{
    for (unsigned i = 0; i < (unsigned)(seconds * STEPS_PER_S); i++)
        step(world);
}

/* ---- people ---- */

static inline void arrive(struct world *world, double many)
{
    world->waiting += (uint32_t)many;
}

static inline void leave(struct world *world, double many)
{
    uint32_t go = (uint32_t)many < world->connected ? (uint32_t)many : world->connected;
    world->taken -= go;
    world->connected -= go;
}

/* All but `many` go, first those who wait. */
static inline void only_stay(struct world *world, double many)
{
    world->waiting = 0;
    uint32_t stay = (uint32_t)many;
    uint32_t go = world->taken > stay ? world->taken - stay : 0;
    go = go < world->connected ? go : world->connected;
    world->taken -= go;
    world->connected -= go;
}

#endif
