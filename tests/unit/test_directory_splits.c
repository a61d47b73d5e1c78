/* Two owners of one room: after a split, and with an empty Redis. */
#include "redis_house.h"

static void test_after_a_split_the_higher_fence_keeps_the_room(void **state)
{
    struct house *house = *state;
    struct house_node *a = &house->nodes[0], *b = &house->nodes[1];
    uint64_t fence = house_settle(house), held = 0;
    a->wire.is_cut = true;
    HOUSE_UNTIL(house, 8000, house_finds(b, "monday", DIRECTORY_AWAY, "node-0"));
    uint64_t deadline_us = clock_now_us() + 12u * 1000 * 1000;
    while (!house_owns(b, "monday")) {
        assert_true(clock_now_us() < deadline_us);
        assert_int_equal(directory_claim(b->directory, "monday", 0),
                         0); /* refused while the lease runs */
        (void)uv_run(&house->loop, UV_RUN_ONCE);
        b->heard_count = 0;
    }
    assert_true(house_owns(a, "monday")); /* it cannot know; what runs there goes on */
    assert_int_equal(directory_state(a->directory), DIRECTORY_DOWN);
    a->wire.is_cut = false;
    HOUSE_UNTIL(house, 5000, !house_owns(a, "monday"));
    assert_int_equal(house_heard(a, HEARD_LOST, "monday"), 1);
    assert_string_equal(a->heard[a->heard_count - 1].node, "node-1");
    assert_true(directory_owns(b->directory, "monday", &held));
    assert_true(held > fence);
    HOUSE_UNTIL(house, 5000, house_finds(a, "monday", DIRECTORY_FOUND, "node-1"));
    HOUSE_UNTIL(house, 5000, house_is_up(house, 2));
    assert_true(house_owns(b, "monday"));
}

static void test_after_a_split_without_a_rival_nothing_has_changed(void **state)
{
    struct house *house = *state;
    struct house_node *a = &house->nodes[0], *b = &house->nodes[1];
    uint64_t fence = house_settle(house), held = 0;
    a->wire.is_refused = true;
    wire_break(&a->wire);
    HOUSE_UNTIL(house, 1000, directory_state(a->directory) == DIRECTORY_DOWN);
    HOUSE_UNTIL(house, 8000, house_sees(b) == 1);
    assert_int_equal(house_sees(a), 2); /* as they were: it cannot know */
    assert_null(directory_node(b->directory, "node-0"));
    a->wire.is_refused = false;
    HOUSE_UNTIL(house, 5000, house_is_up(house, 2) && house_sees(b) == 2);
    HOUSE_UNTIL(house, 5000, house_finds(b, "monday", DIRECTORY_FOUND, "node-0"));
    assert_true(directory_owns(a->directory, "monday", &held));
    assert_true(held == fence);
    assert_int_equal(a->heard_count, 1);
}

static void test_two_owners_of_an_empty_redis_settle_it_by_their_fences(void **state)
{
    struct house *house = *state;
    struct house_node *a = house_join(house, 0), *b = house_join(house, 1),
                      *c = house_join(house, 2);
    /* As after a split and the loss of Redis: each was granted the room once. */
    assert_int_equal(directory_claim(a->directory, "monday", 5), 0);
    assert_int_equal(directory_claim(b->directory, "monday", 7), 0);
    assert_int_equal(directory_claim(c->directory, "monday", 7), 0);
    HOUSE_UNTIL(house, 5000, house_heard(a, HEARD_LOST, "monday") == 1);
    HOUSE_UNTIL(house, 5000, house_heard(c, HEARD_LOST, "monday") == 1);
    HOUSE_UNTIL(house, 5000, house_owns(b, "monday"));
    assert_string_equal(a->heard[a->heard_count - 1].node, "node-1");
    /* What is granted later is higher than all that anybody remembers. */
    assert_int_equal(directory_claim(c->directory, "tuesday", 0), 0);
    HOUSE_UNTIL(house, 5000, house_heard(c, HEARD_CLAIMED, "tuesday") == 1);
    assert_true(c->heard[c->heard_count - 1].fence > 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(test_after_a_split_the_higher_fence_keeps_the_room),
        HOUSE_TEST(test_after_a_split_without_a_rival_nothing_has_changed),
        HOUSE_TEST(test_two_owners_of_an_empty_redis_settle_it_by_their_fences),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
