#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { KEYS = 4000 };

/* Random puts and removes against a plain array, with keys that collide often. */
static void test_it_agrees_with_a_plain_array(void **state)
{
    (void)state;
    static char values[KEYS];
    static bool present[KEYS];
    struct map map;
    map_init(&map, 0);
    uint32_t seed = 7;
    size_t count = 0;
    for (unsigned step = 0; step < 200000; step++) {
        seed = seed * 1664525 + 1013904223;
        size_t i = (seed >> 8) % KEYS;
        uint64_t key = ((uint64_t)i << 40) | (i & 3);
        if ((seed >> 28) < 9) {
            assert_int_equal(map_put(&map, key, &values[i]), 0);
            count += present[i] ? 0 : 1;
            present[i] = true;
        } else {
            void *removed = map_remove(&map, key);
            assert_ptr_equal(removed, present[i] ? &values[i] : NULL);
            count -= present[i] ? 1 : 0;
            present[i] = false;
        }
    }
    assert_int_equal(map.count, count);
    for (size_t i = 0; i < KEYS; i++)
        assert_ptr_equal(map_get(&map, ((uint64_t)i << 40) | (i & 3)),
                         present[i] ? &values[i] : NULL);
    map_clear(&map);
}

static void test_the_limit_holds_and_replacing_is_free(void **state)
{
    (void)state;
    char a, b;
    struct map map;
    map_init(&map, 2);
    assert_int_equal(map_put(&map, 1, &a), 0);
    assert_int_equal(map_put(&map, 2, &a), 0);
    assert_int_equal(map_put(&map, 3, &a), ERR_FULL);
    assert_int_equal(map_put(&map, 2, &b), 0);
    assert_ptr_equal(map_get(&map, 2), &b);
    assert_null(map_get(&map, 3));
    map_clear(&map);
    assert_null(map_get(&map, 1));
    assert_null(map_remove(&map, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_it_agrees_with_a_plain_array),
        cmocka_unit_test(test_the_limit_holds_and_replacing_is_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
