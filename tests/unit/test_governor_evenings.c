/* Whole evenings of the governor and its door, on random nodes: what is promised is kept on all. The seed
 * of one that fails is printed. */
#include "governor_world.h"

#include <math.h>

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
        cmocka_unit_test(test_evenings_in_random_worlds_keep_what_is_promised),
        cmocka_unit_test(test_bad_evenings_in_random_worlds_keep_what_is_promised),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
