/* The governor and its door on a node in virtual time. */
#include "governor_world.h"

#include <math.h>

static void open_usual(struct world *world)
{
    world_open(world, &usual);
    pass(world, SETTLED_S);
    watch(world);
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

/* Longer packets are not the relay's to make: it is full with what fits of those that come. */
static void test_a_relay_does_not_count_on_economy(void **state)
{
    (void)state;
    struct world world;
    open_usual(&world);
    world.is_relay = true;
    arrive(&world, 1.5 * full(&world, false));
    pass(&world, 120);
    CHECK(&world, world.verdict.mode == MODE_SMALL_AUDIENCE && world.ups == 1);
    CHECK(&world,
          world.taken > 0.7 * full(&world, false) && world.taken < 0.9 * full(&world, false));
    CHECK(&world, world.late_most == 0 && world.excess <= 0.02);
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

/* A slow processor, or much else to do: the guess is far off, and nobody is let in on it. */
static void test_a_machine_that_is_far_slower_than_guessed_is_not_overrun(void **state)
{
    (void)state;
    for (double slower = 2; slower <= 8; slower *= 2) {
        struct world world;
        struct world_params params = usual;
        params.seat *= slower;
        params.join = 0.2; /* and nothing holds those back who come in */
        world_open(&world, &params);
        pass(&world, SETTLED_S);
        arrive(&world, 10 * full(&world, false));
        pass(&world, 60);
        CHECK(&world, world.excess <= 0.02 && world.late_most == 0);
    }
}

/* Handshakes run in the time that the seats leave: a worker full of them serves its seats well. */
static void test_a_worker_that_is_full_of_handshakes_is_not_overloaded(void **state)
{
    (void)state;
    struct world world;
    struct world_params params = usual;
    params.join = 20;
    world_open(&world, &params);
    pass(&world, SETTLED_S);
    watch(&world);
    arrive(&world, 0.3 * full(&world, false));
    unsigned full_of_them = 0;
    for (unsigned i = 0; i < 60 * STEPS_PER_S; i++) {
        step(&world);
        full_of_them += world.signals.load.worker_busy_permille > 950;
    }
    CHECK(&world, full_of_them >= 3 * STEPS_PER_S);
    CHECK(&world, world.ups == 0 && world.late_most == 0);
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

/* People come and go: the seats that are freed are not given away as if they had been served well. */
static void test_what_was_too_much_is_not_tried_again_and_again(void **state)
{
    (void)state;
    struct world world;
    open_usual(&world);
    world.carries = 0.2 * full(&world, false);
    arrive(&world, 20 * full(&world, false));
    pass(&world, 30);
    CHECK(&world, world.verdict.mode == MODE_SMALL_AUDIENCE);
    unsigned bad = 0;
    for (unsigned i = 0; i < 1200; i++) {
        leave(&world, i % 2 == 0 ? world.connected * 0.01 : 0);
        step(&world);
        bad += world.signals.load.send_failed_permille > 10;
    }
    CHECK(&world, bad < 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_fits_is_served_as_well_as_can_be),
        cmocka_unit_test(test_twice_what_fits_is_served_in_economy),
        cmocka_unit_test(test_a_relay_does_not_count_on_economy),
        cmocka_unit_test(test_ten_times_what_fits_makes_a_small_audience),
        cmocka_unit_test(test_a_ramp_goes_through_the_modes_one_by_one),
        cmocka_unit_test(test_the_operators_cap_is_never_exceeded_and_changes_no_mode),
        cmocka_unit_test(test_joins_go_on_at_their_peak_however_many_want_in),
        cmocka_unit_test(test_two_hogs_are_met_within_five_seconds_and_forgotten_in_ninety),
        cmocka_unit_test(test_nobody_comes_in_while_those_inside_are_served_badly),
        cmocka_unit_test(test_hogs_that_come_and_go_make_no_more_changes_than_they_must),
        cmocka_unit_test(test_a_lifeboat_keeps_as_many_as_it_can_serve),
        cmocka_unit_test(test_it_falls_back_into_what_failed_only_once),
        cmocka_unit_test(test_a_machine_that_is_far_slower_than_guessed_is_not_overrun),
        cmocka_unit_test(test_a_worker_that_is_full_of_handshakes_is_not_overloaded),
        cmocka_unit_test(test_what_was_too_much_is_not_tried_again_and_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
