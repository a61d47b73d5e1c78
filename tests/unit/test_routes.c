#include "transport/routes.h"
#include "transport/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct address make_address(unsigned number)
{
    struct address address = {.port = (uint16_t)(number * 7)};
    address.ip[10] = address.ip[11] = 0xFF;
    address.ip[14] = (uint8_t)(number >> 8);
    address.ip[15] = (uint8_t)number;
    return address;
}

static void test_addresses_come_and_go(void **state)
{
    (void)state;
    enum { COUNT = 3000 };
    static int values[COUNT];
    struct routes routes;
    assert_int_equal(routes_init(&routes, false), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        struct address address = make_address(i);
        assert_int_equal(routes_put(&routes, &address, &values[i]), 0);
    }
    for (unsigned i = 0; i < COUNT; i += 2) {
        struct address address = make_address(i);
        routes_remove(&routes, &address, &values[i + 1]); /* not its owner: stays */
        assert_ptr_equal(routes_get(&routes, &address), &values[i]);
        routes_remove(&routes, &address, &values[i]);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        struct address address = make_address(i);
        assert_ptr_equal(routes_get(&routes, &address), i % 2 ? &values[i] : NULL);
    }
    assert_int_equal(routes.count, COUNT / 2);
    routes_clear(&routes);
}

static void test_an_address_changes_its_value_without_taking_more_room(void **state)
{
    (void)state;
    int values[2];
    struct routes routes;
    struct address address = make_address(1);
    assert_int_equal(routes_init(&routes, false), 0);
    assert_int_equal(routes_put(&routes, &address, &values[0]), 0);
    size_t capacity = routes.capacity;
    for (unsigned i = 0; i < 1000; i++)
        assert_int_equal(routes_put(&routes, &address, &values[1]), 0);
    assert_int_equal(routes.count, 1);
    assert_int_equal(routes.capacity, capacity);
    assert_ptr_equal(routes_get(&routes, &address), &values[1]);
    routes_clear(&routes);
}

static void test_foreign_addresses_are_remembered_for_a_while(void **state)
{
    (void)state;
    struct routes routes;
    unsigned worker = 99;
    assert_int_equal(routes_init(&routes, true), 0);
    struct address address = make_address(1);
    assert_false(routes_find_worker(&routes, &address, &worker));
    routes_learn(&routes, &address, 3);
    assert_true(routes_find_worker(&routes, &address, &worker));
    assert_int_equal(worker, 3);
    routes_learn(&routes, &address, 63);
    assert_true(routes_find_worker(&routes, &address, &worker));
    assert_int_equal(worker, 63);
    for (unsigned i = 0; i < 200000; i++) { /* more than it holds */
        address = make_address(i);
        address.ip[0] = (uint8_t)(i >> 16);
        routes_learn(&routes, &address, 1);
        assert_true(routes_find_worker(&routes, &address, &worker));
    }
    routes_clear(&routes);
}

static void test_a_crowd_of_foreign_addresses_finds_room(void **state)
{
    (void)state;
    enum { CROWD = 8000 };
    struct routes routes;
    unsigned worker = 99, remembered = 0;
    assert_int_equal(routes_init(&routes, true), 0);
    size_t buckets = routes.foreign_buckets;
    for (unsigned i = 0; i < CROWD; i++) {
        struct address address = make_address(i);
        routes_learn(&routes, &address, i % 7);
    }
    assert_true(routes.foreign_buckets > buckets);
    for (unsigned i = 0; i < CROWD; i++) {
        struct address address = make_address(i);
        if (!routes_find_worker(&routes, &address, &worker))
            continue;
        assert_int_equal(worker, i % 7);
        remembered++;
    }
    assert_true(remembered > CROWD * 9 / 10);
    assert_true(routes.foreign_count >= remembered && routes.foreign_count <= CROWD);
    routes_clear(&routes);
}

static void test_timers_come_in_order(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    static struct timer all[COUNT];
    struct timers timers = {0};
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(timers_add(&timers, &all[i], &all[i], (i * 7919u) % 1009), 0);
    for (unsigned i = 0; i < COUNT; i += 3)
        timers_set(&timers, &all[i], (i * 31u) % 2003);
    for (unsigned i = 1; i < COUNT; i += 10)
        timers_remove(&timers, &all[i]);
    uint64_t last_us = 0;
    unsigned count = 0;
    struct timer *timer;
    while ((timer = timers_first(&timers)) != NULL) {
        assert_true(timer->due_us >= last_us);
        assert_ptr_equal(timer->owner, timer);
        last_us = timer->due_us;
        timers_remove(&timers, timer);
        count++;
    }
    assert_int_equal(count, COUNT - COUNT / 10);
    timers_clear(&timers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses_come_and_go),
        cmocka_unit_test(test_an_address_changes_its_value_without_taking_more_room),
        cmocka_unit_test(test_foreign_addresses_are_remembered_for_a_while),
        cmocka_unit_test(test_a_crowd_of_foreign_addresses_finds_room),
        cmocka_unit_test(test_timers_come_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
