/* The governor and its door on a node in virtual time. */
#include "governor_world.h"

#include <math.h>

static const struct world_params usual = {.workers = 1,
                                          .seat = 0.2,
                                          .join = 1,
                                          .base = 20,
                                          .crowding = 0.1,
                                          .knee = 930,
                                          .packed = 0.4,
                                          .seats_max = 1000000};

enum { SETTLED_S = 30 }; /* hosts are there, listeners are not yet */

static void open_usual(struct world *world)
{
    world_open(world, &usual);
    pass(world, SETTLED_S);
    watch(world);
}

static double full(const struct world *world, bool is_packed)
{
    return capacity(world, is_packed, 1);
}

/* ---- crowds ---- */

static void test_what_fits_is_served_as_well_as_can_be(void **state)
{
    (void)state;
    struct world world;
    open_usual(&world);
    arrive(&world, 0.6 * full(&world, false));
    pass(&world, 60);
    CHECK(&world, world.ups == 0 && world.waiting == 0);
    CHECK(&world, world.late_most == 0);
}

static void test_twice_what_fits_is_served_in_economy(void **state)
{
    (void)state;
    struct world world;
    open_usual(&world);
    double before = full(&world, false);
    arrive(&world, 1.7 * before);
    pass(&world, 60);
    CHECK(&world, world.verdict.mode == MODE_ECONOMY && world.ups == 1);
    CHECK(&world, world.verdict.cause == GOVERNOR_SEATS && world.verdict.value > 1000);
    CHECK(&world, world.seen_s[MODE_ECONOMY] >= 0 && world.seen_s[MODE_ECONOMY] <= 5);
    CHECK(&world, world.waiting == 0);
    CHECK(&world, world.late_most == 0);
    watch(&world);
    only_stay(&world, 0.2 * before);
    pass(&world, 90);
    CHECK(&world, world.normal_s >= 60 && world.ups == 0 && world.downs == 1);
}

static void test_ten_times_what_fits_makes_a_small_audience(void **state)
{
    (void)state;
    struct world world;
    open_usual(&world);
    arrive(&world, 10 * full(&world, false));
    pass(&world, 120);
    CHECK(&world, world.verdict.mode == MODE_SMALL_AUDIENCE);
    CHECK(&world, world.seen_s[MODE_SMALL_AUDIENCE] <= 5 && world.downs == 0);
    CHECK(&world, world.excess <= 0.02 && world.taken > 0.7 * full(&world, true));
    CHECK(&world, world.late_most == 0);
    watch(&world);
    only_stay(&world, 0);
    pass(&world, 90);
    CHECK(&world, world.normal_s >= 60 && world.downs == 1 && world.ups == 0);
}

/* Half of the node's rate of joins at first, then more and more. */
static void test_a_ramp_goes_through_the_modes_one_by_one(void **state)
{
    (void)state;
    struct world world;
    open_usual(&world);
    for (unsigned i = 0; i < 120; i++) {
        arrive(&world, full(&world, true) / 60);
        pass(&world, 1);
    }
    CHECK(&world, world.ups == 2 && world.downs == 0);
    CHECK(&world, world.seen_s[MODE_ECONOMY] < world.seen_s[MODE_SMALL_AUDIENCE]);
    CHECK(&world, world.excess <= 0.02 && world.late_most == 0);
}

/* The operator's cap is no overload: who does not get in waits, and all are served as well as can be. */
static void test_the_operators_cap_is_never_exceeded_and_changes_no_mode(void **state)
{
    (void)state;
    struct world world;
    struct world_params params = usual;
    params.seats_max = 700;
    world_open(&world, &params);
    arrive(&world, 20000);
    for (unsigned i = 0; i < 400; i++) {
        step(&world);
        CHECK(&world, world.taken <= 700 && world.verdict.mode == MODE_NORMAL);
    }
    CHECK(&world, world.taken == 700);
}

/* Ten times the joins that the node sustains, for a minute: it does not choke on them. */
static void test_joins_go_on_at_their_peak_however_many_want_in(void **state)
{
    (void)state;
    struct world world;
    struct world_params params = usual;
    params.join = 4;
    world_open(&world, &params);
    pass(&world, SETTLED_S);
    for (unsigned s = 0; s < 60; s++) {
        arrive(&world, 2000);
        uint32_t before = world.taken;
        pass(&world, 1);
        double sustained = (850 - seats_load(&world, world.taken, 3)) / params.join;
        CHECK(&world, s < 5 || world.taken - before > 0.6 * sustained);
        CHECK(&world, s < 5 || world.signals.load.worker_busy_permille < 950);
        CHECK(&world, world.verdict.cause != GOVERNOR_WORKER_BUSY);
    }
}

/* ---- other programs ---- */

static void test_two_hogs_are_met_within_five_seconds_and_forgotten_in_ninety(void **state)
{
    (void)state;
    static const double crowds[] = {0.1, 0.3, 0.5, 0.7};
    for (unsigned i = 0; i < sizeof(crowds) / sizeof(crowds[0]); i++) {
        struct world world;
        open_usual(&world);
        arrive(&world, crowds[i] * full(&world, false));
        pass(&world, 60);
        CHECK(&world, world.verdict.mode == MODE_NORMAL && world.waiting == 0);
        watch(&world);
        uint32_t taken = world.taken;
        world.hogs = 2;
        pass(&world, 5);
        bool is_over = world.late_most > 0;
        CHECK(&world, !is_over || world.verdict.mode >= MODE_ECONOMY);
        pass(&world, 35);
        CHECK(&world, world.downs == 0 && world.verdict.mode < MODE_LIFEBOAT);
        CHECK(&world, world.taken == taken);
        watch(&world);
        world.hogs = 0;
        pass(&world, 90);
        CHECK(&world, world.verdict.mode == MODE_NORMAL && world.ups == 0 && world.downs <= 1);
        watch(&world);
        pass(&world, 300);
        CHECK(&world, world.ups == 0);
    }
}

static void test_nobody_comes_in_while_those_inside_are_served_badly(void **state)
{
    (void)state;
    struct world world;
    open_usual(&world);
    arrive(&world, 0.7 * full(&world, false));
    pass(&world, 60);
    world.hogs = 4;
    pass(&world, 1);
    uint32_t taken = world.taken;
    arrive(&world, 1000);
    pass(&world, 20);
    CHECK(&world, world.taken <= taken && world.late_most > 0);
}

static void test_hogs_that_come_and_go_make_no_more_changes_than_they_must(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct world world;
        struct world_params params = usual;
        params.seed = seed;
        world_open(&world, &params);
        uint64_t random = seed;
        arrive(&world, between(&random, 0.4, 0.7) * full(&world, false));
        pass(&world, 60);
        watch(&world);
        unsigned long_pauses = 0, storms = 0;
        for (double s = 0; s < 900;) {
            double on_s = between(&random, 1, 40), off_s = between(&random, 1, 100);
            world.hogs = 2;
            pass(&world, on_s);
            world.hogs = 0;
            pass(&world, off_s);
            storms++;
            long_pauses += off_s >= 55;
            s += on_s + off_s;
        }
        CHECK(&world, world.downs <= long_pauses && world.ups <= 2 * (world.downs + 1));
        CHECK(&world, world.ups <= 2 * storms);
        pass(&world, 90);
        CHECK(&world, world.verdict.mode == MODE_NORMAL);
    }
}

/* More than economy can save: those who came last go, those who stay are served. */
static void test_a_lifeboat_keeps_as_many_as_it_can_serve(void **state)
{
    (void)state;
    struct world world;
    open_usual(&world);
    arrive(&world, 0.7 * full(&world, false));
    pass(&world, 60);
    uint32_t taken = world.taken;
    watch(&world);
    world.hogs = 7;
    pass(&world, 2.25);
    CHECK(&world, world.verdict.mode == MODE_SMALL_AUDIENCE); /* economy would not be enough */
    CHECK(&world, world.taken == taken);
    pass(&world, 7.75);
    CHECK(&world, world.verdict.mode == MODE_LIFEBOAT && world.verdict.limit == 50);
    pass(&world, 20);
    CHECK(&world, world.taken < taken && world.signals.load.program_late_permille == 0);
    CHECK(&world, world.verdict.joins_per_s == 0);
    watch(&world);
    world.hogs = 0;
    pass(&world, 90);
    CHECK(&world, world.verdict.mode == MODE_NORMAL && world.ups == 0 && world.downs == 1);
    pass(&world, 60);
    CHECK(&world, world.waiting == 0 && world.taken == taken && world.verdict.mode == MODE_NORMAL);
}

/* ---- what no processor explains ---- */

static void test_it_falls_back_into_what_failed_only_once(void **state)
{
    (void)state;
    struct world world;
    open_usual(&world);
    world.carries = 0.4 * full(&world, false);
    arrive(&world, 0.5 * full(&world, false));
    pass(&world, 420);
    CHECK(&world, world.verdict.mode == MODE_ECONOMY);
    CHECK(&world, world.ups == 2 && world.downs == 1); /* it tried once */
    only_stay(&world, 0.5 * world.carries);
    watch(&world);
    pass(&world, 90);
    CHECK(&world, world.verdict.mode == MODE_NORMAL && world.ups == 0);
}

/* ---- random worlds ---- */

static struct world_params random_params(uint64_t seed)
{
    uint64_t random = seed * 7919;
    unsigned workers = 1 + (unsigned)(chance(&random) * 4);
    return (struct world_params){.seed = seed,
                                 .workers = workers,
                                 .seat = exp(between(&random, log(0.04), log(0.8))) / workers,
                                 .join = exp(between(&random, log(0.2), log(4))) / workers,
                                 .base = between(&random, 2, 60),
                                 .crowding = between(&random, 0, 0.3),
                                 .knee = between(&random, 880, 980),
                                 .packed = between(&random, 0.34, 0.45),
                                 .seats_max = 1000000};
}

/* One evening: people come in a way, stay, go; then it is quiet. */
static void play_evening(uint64_t seed)
{
    struct world world;
    struct world_params params = random_params(seed);
    uint64_t random = seed * 104729;
    world_open(&world, &params);
    pass(&world, SETTLED_S);
    watch(&world);
    double crowd = exp(between(&random, log(0.3), log(20))) * full(&world, false);
    double ramp_s = chance(&random) < 0.4 ? 0 : between(&random, 1, 120);
    if (ramp_s == 0)
        arrive(&world, crowd);
    for (double s = 0; s < ramp_s; s++) {
        arrive(&world, crowd / ramp_s);
        pass(&world, 1);
    }
    if (ramp_s == 0 && crowd > 4 * full(&world, true)) {
        pass(&world, 5);
        CHECK(&world, world.verdict.mode == MODE_SMALL_AUDIENCE);
    }
    pass(&world, 120);
    CHECK(&world, world.excess <= 0.02 && world.late_most == 0);
    CHECK(&world, world.ups <= 2 && world.downs <= 1);
    CHECK(&world, world.verdict.mode <= MODE_SMALL_AUDIENCE);
    if (crowd < 0.4 * full(&world, false))
        CHECK(&world, world.verdict.mode == MODE_NORMAL && world.waiting == 0);
    if (crowd > 1.2 * full(&world, false))
        CHECK(&world, world.verdict.mode >= MODE_ECONOMY);
    if (crowd > 2 * full(&world, true))
        CHECK(&world, world.verdict.mode == MODE_SMALL_AUDIENCE &&
                          world.verdict.seats > 0.6 * full(&world, true));
    watch(&world);
    only_stay(&world, between(&random, 0, 0.2) * full(&world, false));
    pass(&world, 90);
    CHECK(&world, world.verdict.mode == MODE_NORMAL && world.ups == 0);
    pass(&world, 120);
    CHECK(&world, world.ups == 0);
}

static void test_evenings_in_random_worlds_keep_what_is_promised(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++)
        play_evening(seed);
}

/* A full house, other programs for a while, people who come and go all the time. */
static void play_bad_evening(uint64_t seed)
{
    struct world world;
    struct world_params params = random_params(seed);
    uint64_t random = seed * 15485863;
    world_open(&world, &params);
    pass(&world, SETTLED_S);
    double fits = full(&world, false), crowd = between(&random, 0.1, 0.65) * fits;
    arrive(&world, crowd);
    pass(&world, 60 + 2 * crowd * params.join / 850);
    CHECK(&world, world.verdict.mode == MODE_NORMAL && world.waiting == 0);
    uint32_t taken = world.taken;
    watch(&world);
    world.hogs = between(&random, 0.3, 6);
    pass(&world, 5);
    CHECK(&world, world.late_most < 10 || world.verdict.mode >= MODE_ECONOMY);
    double seconds = between(&random, 0, 90);
    for (double s = 0; s < seconds; s++) {
        arrive(&world, between(&random, 0, 0.01) * crowd);
        leave(&world, between(&random, 0, 0.01) * crowd);
        pass(&world, 1);
    }
    CHECK(&world, world.downs <= 1 && world.ups <= 3 && world.excess <= 0.02);
    watch(&world);
    world.hogs = 0;
    double line_s = world.waiting * params.join / 600;
    pass(&world, 90);
    if (line_s > 20) /* those who had to leave are still coming back */
        pass(&world, line_s + 60);
    CHECK(&world, world.verdict.mode == MODE_NORMAL && world.ups == 0);
    watch(&world);
    for (unsigned s = 0; s < 600; s++) {
        double wanted = world.taken + world.waiting;
        arrive(&world, wanted < taken ? between(&random, 0, 0.02) * crowd : 0);
        leave(&world, between(&random, 0, 0.01) * crowd);
        pass(&world, 1);
    }
    CHECK(&world, world.ups == 0 && world.late_most == 0 && world.excess <= 0.02);
}

static void test_bad_evenings_in_random_worlds_keep_what_is_promised(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++)
        play_bad_evening(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fits_is_served_as_well_as_can_be),
        cmocka_unit_test(test_twice_what_fits_is_served_in_economy),
        cmocka_unit_test(test_ten_times_what_fits_makes_a_small_audience),
        cmocka_unit_test(test_a_ramp_goes_through_the_modes_one_by_one),
        cmocka_unit_test(test_the_operators_cap_is_never_exceeded_and_changes_no_mode),
        cmocka_unit_test(test_joins_go_on_at_their_peak_however_many_want_in),
        cmocka_unit_test(test_two_hogs_are_met_within_five_seconds_and_forgotten_in_ninety),
        cmocka_unit_test(test_nobody_comes_in_while_those_inside_are_served_badly),
        cmocka_unit_test(test_hogs_that_come_and_go_make_no_more_changes_than_they_must),
        cmocka_unit_test(test_a_lifeboat_keeps_as_many_as_it_can_serve),
        cmocka_unit_test(test_it_falls_back_into_what_failed_only_once),
        cmocka_unit_test(test_evenings_in_random_worlds_keep_what_is_promised),
        cmocka_unit_test(test_bad_evenings_in_random_worlds_keep_what_is_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
