/* door_world.h - for tests: a door, its rules, and time that passes when the test says so.
 *
 * Owner    one test at a time
 * Thread   the test's
 * Units    microseconds, milliseconds of the clock
 * Errors   assertions
 * Spec     none
 */
#ifndef TEST_DOOR_WORLD_H
#define TEST_DOOR_WORLD_H

#include "admission/door.h"

#include "admission/guests.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND_US UINT64_C(1000000)

enum { ROOM = 7, SEATS = 1000 };

struct world {
    struct admission *admission;
    struct door *door;
    struct door_rules rules;
    uint64_t now_us;
    int64_t wall_ms;
    uint64_t started_us;
    int64_t started_wall_ms;
};

static inline void open_door(struct world *world)
{
    struct door_params params = {.admission = world->admission,
                                 .room = ROOM,
                                 .started_us = world->started_us,
                                 .started_wall_ms = world->started_wall_ms};
    assert_int_equal(door_create(&world->door, &params), 0);
}

static inline void start(struct world *world, uint32_t cap)
{
    world->now_us = world->started_us = 1000 * SECOND_US;
    world->wall_ms = world->started_wall_ms = INT64_C(1800000000000);
    world->rules = (struct door_rules){.cap = cap, .is_open = true};
    struct admission_params params = {.seats = SEATS, .key = {{1, 2, 3}}};
    assert_int_equal(admission_create(&world->admission, &params), 0);
    open_door(world);
}

static inline void stop(struct world *world)
{
    door_destroy(world->door);
    assert_int_equal(admission_seats_taken(world->admission), 0);
    admission_destroy(world->admission);
}

static inline void pass_time(struct world *world, uint64_t us)
{
    world->now_us += us;
    world->wall_ms += (int64_t)(us / 1000);
    (void)door_tick(world->door, &world->rules, world->now_us);
}

static inline struct door_reply ask_as(struct world *world, const char *ticket, bool wants_seat,
                                       uint64_t prefix)
{
    struct door_ask ask = {.ticket = slice_text(ticket),
                           .prefix = prefix,
                           .wants_seat = wants_seat,
                           .now_us = world->now_us,
                           .wall_ms = world->wall_ms};
    struct door_reply reply;
    assert_int_equal(door_ask(world->door, &world->rules, &ask, &reply), 0);
    return reply;
}

static inline struct door_reply ask(struct world *world, const char *ticket)
{
    return ask_as(world, ticket, true, 0);
}

static inline struct door_reply check_in(struct world *world, const char *ticket)
{
    return ask_as(world, ticket, false, 0);
}

/* A newcomer who sits, and whose connection stands. */
static inline struct door_reply seat_one(struct world *world)
{
    struct door_reply reply = ask(world, "");
    assert_int_equal(reply.answer, DOOR_SEAT);
    door_joined(world->door, reply.number);
    return reply;
}

#endif
