/* The order of a line against an array that is searched from end to end. */
#include "admission/places.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { KEYS = 6000, LAPSE_TICKS = 600, STEPS = 40000, SLOT_S = 4, SLOTS_LATE = 2 };

struct known {
    bool is_in;
    uint32_t seen_tick;
    uint32_t due_s;
};

struct scene {
    struct places places;
    struct known known[KEYS];
    uint32_t tick;
    uint32_t chance;
};

static uint32_t chance_below(struct scene *scene, uint32_t end)
{
    scene->chance = scene->chance * 1664525 + 1013904223;
    return (uint32_t)((uint64_t)scene->chance * end >> 32);
}

static bool is_lapsed(const struct scene *scene, const struct known *known)
{
    return scene->tick - known->seen_tick > LAPSE_TICKS;
}

static bool is_there(const struct scene *scene, const struct known *known)
{
    int64_t slots_late =
        (int64_t)(scene->tick / PLACES_TICKS_PER_S / SLOT_S) - known->due_s / SLOT_S;
    return known->is_in && !is_lapsed(scene, known) && slots_late < SLOTS_LATE;
}

/* Keys that are far apart, in the order of their indices. */
static uint64_t key_of(uint32_t index)
{
    return ((uint64_t)index << 40) + 7;
}

static void check(struct scene *scene, uint32_t index)
{
    struct spot spot;
    uint32_t rank = 0;
    uint32_t fresh = 0;
    uint32_t there = 0;
    for (uint32_t i = 0; i < index; i++) {
        const struct known *known = &scene->known[i];
        rank += known->is_in;
        fresh += known->is_in && scene->tick - known->seen_tick <= PLACES_FRESH_TICKS;
        there += is_there(scene, known);
    }
    bool is_in = places_find(&scene->places, key_of(index), &spot);
    assert_int_equal(is_in, scene->known[index].is_in);
    if (!is_in)
        return;
    assert_int_equal(places_rank(&scene->places, spot), rank);
    assert_int_equal(places_fresh_before(&scene->places, spot), fresh);
    assert_int_equal(places_there_before(&scene->places, spot), there);
    assert_int_equal(places_is_lapsed(&scene->places, spot),
                     is_lapsed(scene, &scene->known[index]));
    for (uint32_t i = index; i < KEYS; i++)
        there += is_there(scene, &scene->known[i]);
    assert_int_equal(places_there(&scene->places), there);
}

static void sweep(struct scene *scene)
{
    struct place lapsed[PLACES_LAPSED_MAX];
    uint32_t count = places_take_lapsed(&scene->places, lapsed);
    for (uint32_t i = 0; i < count; i++) {
        struct known *known = &scene->known[lapsed[i].key >> 40];
        assert_true(known->is_in && is_lapsed(scene, known));
        assert_int_equal(lapsed[i].prefix, lapsed[i].key >> 40);
        known->is_in = false;
    }
}

static void see(struct scene *scene, uint32_t index, struct spot spot)
{
    struct known *known = &scene->known[index];
    uint32_t ahead_s = chance_below(scene, PLACES_DUE_AHEAD_MAX_S + 1);
    places_see(&scene->places, spot);
    places_expect(&scene->places, spot, ahead_s);
    assert_int_equal(places_ahead_s(&scene->places, spot), ahead_s);
    known->seen_tick = scene->tick;
    known->due_s = scene->tick / PLACES_TICKS_PER_S + ahead_s;
}

static void one_step(struct scene *scene)
{
    struct spot spot;
    uint32_t index = chance_below(scene, KEYS);
    uint32_t what = chance_below(scene, 100);
    bool is_in = places_find(&scene->places, key_of(index), &spot);
    assert_int_equal(is_in, scene->known[index].is_in);
    if (what < 6) {
        sweep(scene);
    } else if (what < 60 && !is_in) {
        assert_int_equal(places_insert(&scene->places, key_of(index), index), 0);
        assert_int_equal(places_insert(&scene->places, key_of(index), index), ERR_EXIST);
        scene->known[index] = (struct known){true, scene->tick, scene->tick / PLACES_TICKS_PER_S};
    } else if (what < 85 && is_in) {
        see(scene, index, spot);
    } else if (is_in) {
        places_remove(&scene->places, spot);
        scene->known[index].is_in = false;
    }
}

static void test_it_agrees_with_a_plain_array(void **state)
{
    (void)state;
    static struct scene scene;
    for (uint32_t seed = 1; seed <= 3; seed++) {
        /* just before `due` begins again, and before the ticks do */
        scene = (struct scene){.chance = seed, .tick = seed == 1 ? 1000 : (1u << 24) - 2000};
        assert_int_equal(places_init(&scene.places, KEYS, LAPSE_TICKS), 0);
        uint32_t most_blocks = 0;
        places_turn_to(&scene.places, scene.tick);
        for (unsigned step = 0; step < STEPS; step++) {
            if (chance_below(&scene, 20) == 0)
                places_turn_to(&scene.places, ++scene.tick);
            if (chance_below(&scene, 3000) == 0) {
                scene.tick += chance_below(&scene, 2 * LAPSE_TICKS);
                places_turn_to(&scene.places, scene.tick);
            }
            one_step(&scene);
            if (step % 8 == 0)
                check(&scene, chance_below(&scene, KEYS));
            if (scene.places.block_count > most_blocks)
                most_blocks = scene.places.block_count;
        }
        assert_in_range(most_blocks, 6, scene.places.blocks_max);
        places_clear(&scene.places);
    }
}

static void assert_no_neighbours_fit(const struct places *places)
{
    for (uint32_t i = 0; i + 1 < places->block_count; i++)
        assert_true(places->blocks[i].count + places->blocks[i + 1].count > PLACES_BLOCK_MAX);
}

static void test_no_two_neighbours_fit_into_one_block(void **state)
{
    (void)state;
    static struct scene scene;
    struct spot spot;
    scene = (struct scene){.chance = 9};
    assert_int_equal(places_init(&scene.places, KEYS, LAPSE_TICKS), 0);
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t key = chance_below(&scene, KEYS);
        bool grows = step / 5000 % 2 == 0;
        bool is_in = places_find(&scene.places, key, &spot);
        if (grows && !is_in)
            assert_int_equal(places_insert(&scene.places, key, 0), 0);
        else if (!grows && is_in)
            places_remove(&scene.places, spot);
        assert_no_neighbours_fit(&scene.places);
    }
    places_clear(&scene.places);
    places_clear(&scene.places);
}

/* The halves of a full block fit to small neighbours that the whole did not fit to. */
static void test_halves_join_their_small_neighbours(void **state)
{
    (void)state;
    enum { SMALL = 10 };
    struct places places;
    struct spot spot;
    assert_int_equal(places_init(&places, KEYS, LAPSE_TICKS), 0);
    for (uint64_t key = 0; key < 3 * PLACES_BLOCK_MAX; key++)
        assert_int_equal(places_insert(&places, key * 2, 0), 0);
    for (uint64_t key = SMALL; key < PLACES_BLOCK_MAX; key++) {
        assert_true(places_find(&places, key * 2, &spot));
        places_remove(&places, spot);
        assert_true(places_find(&places, (2 * PLACES_BLOCK_MAX + key) * 2, &spot));
        places_remove(&places, spot);
    }
    assert_int_equal(places.block_count, 3);
    assert_int_equal(places_insert(&places, PLACES_BLOCK_MAX * 3 + 1, 0), 0);
    assert_no_neighbours_fit(&places);
    assert_int_equal(places.block_count, 2);
    assert_true(places_find(&places, PLACES_BLOCK_MAX * 3 + 1, &spot));
    assert_int_equal(places_rank(&places, spot), SMALL + PLACES_BLOCK_MAX / 2 + 1);
    places_clear(&places);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_agrees_with_a_plain_array),
        cmocka_unit_test(test_no_two_neighbours_fit_into_one_block),
        cmocka_unit_test(test_halves_join_their_small_neighbours),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
