#include "admission/busiest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NETWORKS = 20000, KEY = 4711 };

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

static struct busiest *make(void)
{
    struct busiest *busiest;
    assert_int_equal(busiest_create(&busiest, KEY), 0);
    return busiest;
}

static void test_as_long_as_there_is_room_every_count_is_exact(void **state)
{
    (void)state;
    struct busiest *busiest = make();
    static struct arrival_network list[BUSIEST_MAX + 1];
    for (uint64_t network = 1; network <= BUSIEST_MAX; network++)
        for (uint64_t i = 0; i < network; i++)
            busiest_count(busiest, i % 3 == 0 ? ARRIVAL_ASK : ARRIVAL_ASK_AGAIN, network);
    busiest_count(busiest, ARRIVAL_SEATED, 7);
    busiest_count(busiest, ARRIVAL_SEATED, 100000); /* never asked: nothing that could be ranked */
    busiest_count(busiest, ARRIVAL_ASK, 0);         /* unknown */
    assert_int_equal(busiest_missed(busiest), 0);
    assert_int_equal(busiest_list(busiest, list, BUSIEST_MAX + 1), BUSIEST_MAX);
    for (unsigned i = 0; i < BUSIEST_MAX; i++) {
        uint32_t attempts = BUSIEST_MAX - i;
        assert_int_equal(list[i].network, attempts);
        assert_int_equal(list[i].attempts, attempts);
        assert_int_equal(list[i].too_high, 0);
        assert_int_equal(list[i].counts.of[ARRIVAL_ASK], (attempts + 2) / 3);
        assert_int_equal(list[i].counts.of[ARRIVAL_SEATED], attempts == 7);
    }
    assert_int_equal(busiest_list(busiest, list, 3), 3);
    busiest_destroy(busiest);
}

/* Half of the attempts come from few networks, the other half from anywhere: the exact count decides. */
static void test_no_count_is_further_off_than_it_says(void **state)
{
    (void)state;
    static uint32_t exact[NETWORKS + 1];
    static uint32_t seated[NETWORKS + 1];
    static struct arrival_network list[BUSIEST_MAX];
    static bool listed[NETWORKS + 1];
    for (uint64_t round = 1; round <= 20; round++) {
        struct busiest *busiest = make();
        uint64_t seed = round;
        uint32_t attempts = 5000 * (uint32_t)round;
        memset(exact, 0, sizeof(exact));
        memset(seated, 0, sizeof(seated));
        memset(listed, 0, sizeof(listed));
        for (uint32_t i = 0; i < attempts; i++) {
            uint32_t few = next_random(&seed) % 50, many = next_random(&seed) % NETWORKS;
            uint32_t network = 1 + (next_random(&seed) % 2 == 0 ? few * few : many);
            exact[network]++;
            busiest_count(busiest, ARRIVAL_ASK, network);
            if (next_random(&seed) % 4 != 0)
                continue;
            seated[network]++;
            busiest_count(busiest, ARRIVAL_SEATED, network);
        }
        uint32_t missed = busiest_missed(busiest);
        unsigned count = busiest_list(busiest, list, BUSIEST_MAX);
        assert_int_equal(count, BUSIEST_MAX);
        assert_true(missed > 0 && missed <= attempts / BUSIEST_MAX);
        for (unsigned i = 0; i < count; i++) {
            const struct arrival_network *network = &list[i];
            assert_false(listed[network->network]);
            listed[network->network] = true;
            assert_true(i == 0 || network->attempts <= list[i - 1].attempts);
            assert_true(network->attempts >= exact[network->network]);
            assert_true(network->attempts - network->too_high <= exact[network->network]);
            assert_true(network->too_high <= missed);
            assert_true(network->counts.of[ARRIVAL_SEATED] <= seated[network->network]);
            assert_true(network->too_high > 0 ||
                        network->counts.of[ARRIVAL_SEATED] == seated[network->network]);
        }
        for (uint32_t network = 1; network <= NETWORKS; network++)
            assert_true(listed[network] || exact[network] <= missed);
        busiest_destroy(busiest);
    }
}

static void test_a_flood_of_strangers_does_not_hide_who_comes_often(void **state)
{
    (void)state;
    struct busiest *busiest = make();
    struct arrival_network first;
    for (uint64_t i = 1; i <= 200000; i++) {
        busiest_count(busiest, ARRIVAL_ASK, 1000 + i);
        if (i % 100 == 0)
            busiest_count(busiest, ARRIVAL_ASK_AGAIN, 1);
    }
    assert_int_equal(busiest_list(busiest, &first, 1), 1);
    assert_int_equal(first.network, 1);
    assert_in_range(first.attempts, 2000, 2000 + 202000 / BUSIEST_MAX);
    assert_true(first.attempts - first.too_high <= 2000);
    busiest_destroy(busiest);
}

static void test_a_restored_table_goes_on_where_it_was(void **state)
{
    (void)state;
    static struct arrival_network before[BUSIEST_MAX], after[BUSIEST_MAX];
    struct busiest *first = make(), *second = make();
    uint64_t seed = 9;
    for (unsigned i = 0; i < 30000; i++)
        busiest_count(first, ARRIVAL_ASK, 1 + next_random(&seed) % 50 * (next_random(&seed) % 50));
    unsigned count = busiest_list(first, before, BUSIEST_MAX);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(busiest_restore(second, &before[i]), 0);
    for (unsigned i = 0; i < 30000; i++) {
        uint64_t network = 1 + next_random(&seed) % 3000;
        busiest_count(first, ARRIVAL_ASK_AGAIN, network);
        busiest_count(second, ARRIVAL_ASK_AGAIN, network);
    }
    assert_int_equal(busiest_missed(first), busiest_missed(second));
    count = busiest_list(first, before, BUSIEST_MAX);
    assert_int_equal(busiest_list(second, after, BUSIEST_MAX), count);
    uint64_t sums[2] = {0, 0};
    for (unsigned i = 0; i < count;
         i++) { /* who of equals was let go of may differ, the numbers not */
        assert_int_equal(before[i].attempts, after[i].attempts);
        sums[0] += before[i].attempts;
        sums[1] += after[i].attempts;
    }
    assert_int_equal(sums[0], sums[1]);
    assert_int_equal(sums[0], 60000); /* nothing is lost from one to the other */
    busiest_destroy(first);
    busiest_destroy(second);
}

static void test_what_cannot_have_been_counted_is_not_restored(void **state)
{
    (void)state;
    struct busiest *busiest = make();
    struct arrival_network network = {.network = 5, .attempts = 10, .too_high = 10};
    assert_int_equal(busiest_restore(busiest, &network), ERR_INVAL);
    network.too_high = 3;
    assert_int_equal(busiest_restore(busiest, &network), 0);
    assert_int_equal(busiest_missed(busiest), 3);
    assert_int_equal(busiest_restore(busiest, &network), ERR_EXIST);
    network = (struct arrival_network){.network = 6, .attempts = 11};
    assert_int_equal(busiest_restore(busiest, &network), ERR_INVAL); /* more than the one before */
    for (uint64_t i = 1; i < BUSIEST_MAX; i++) {
        network = (struct arrival_network){.network = 10 + i, .attempts = 10};
        assert_int_equal(busiest_restore(busiest, &network), 0);
    }
    network.network = 9;
    assert_int_equal(busiest_restore(busiest, &network), ERR_FULL);
    busiest_destroy(busiest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_long_as_there_is_room_every_count_is_exact),
        cmocka_unit_test(test_no_count_is_further_off_than_it_says),
        cmocka_unit_test(test_a_flood_of_strangers_does_not_hide_who_comes_often),
        cmocka_unit_test(test_a_restored_table_goes_on_where_it_was),
        cmocka_unit_test(test_what_cannot_have_been_counted_is_not_restored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
