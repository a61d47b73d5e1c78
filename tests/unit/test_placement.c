#include "placement_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct parents list;

static int choose(uint32_t asker)
{
    memset(&list, 0xff, sizeof(list));
    return choose_parent(&list, &tree, asker, RELAY_BPS);
}

static bool lists(uint32_t index)
{
    for (uint32_t i = 0; i < list.count; i++)
        if (list.nodes[i] == index)
            return true;
    return false;
}

static void put(uint32_t index, uint32_t parent, uint32_t level)
{
    nodes[index].parent = parent;
    nodes[index].level = level;
    nodes[index].is_hearing = true;
    nodes[parent].children++;
}

static void test_half_of_the_origins_children_are_at_level_one(void **state)
{
    (void)state;
    uint32_t at[TREE_DEPTH_MAX + 1] = {0};
    make_nodes(21, 1);
    for (uint32_t i = 1; i <= 20; i++) {
        assert_int_equal(join(i), 0);
        at[nodes[i].level]++;
    }
    assert_int_equal(at[1], 10);
    assert_int_equal(at[2], 10);
}

static void test_the_first_relay_hangs_on_the_origin(void **state)
{
    (void)state;
    make_nodes(2, 1);
    assert_int_equal(choose(1), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.nodes[0], 0);
    assert_int_equal(list.level, 1);
}

static void test_who_hangs_on_the_origin_has_reserves_at_level_one(void **state)
{
    (void)state;
    make_nodes(5, 1);
    put(1, 0, 1);
    put(2, 0, 2);
    put(3, 0, 1);
    assert_int_equal(choose(4), 0);
    assert_int_equal(list.nodes[0], 0);
    assert_int_equal(list.level, 2);
    assert_true(lists(1) && lists(3));
    assert_false(lists(2));
}

static void test_a_relay_stays_in_its_region(void **state)
{
    (void)state;
    make_nodes(9, 2); /* odd ones are far from the origin */
    put(1, 0, 1);
    put(3, 0, 2);
    assert_int_equal(choose(5), 0);
    assert_true(list.nodes[0] == 1 || list.nodes[0] == 3);
    assert_int_equal(list.level, 3);
    assert_true(lists(1) && lists(3) && lists(0));
}

static void test_a_region_gets_two_heads(void **state)
{
    (void)state;
    make_nodes(9, 2);
    put(1, 0, 1);
    assert_int_equal(choose(3), 0);
    assert_int_equal(list.nodes[0], 0);
}

static void test_the_last_reserve_is_in_another_region(void **state)
{
    (void)state;
    make_nodes(40, 2);
    for (uint32_t i = 1; i < 30; i += 2)
        put(i, 0, 1);
    assert_int_equal(choose(31), 0);
    assert_int_equal(list.count, TREE_PARENTS_MAX);
    for (uint32_t i = 0; i < TREE_PARENTS_MAX; i++)
        assert_int_equal(strcmp(nodes[list.nodes[i]].view.region, "r1") == 0,
                         i < TREE_PARENTS_MAX - 1);
}

static void test_who_cannot_feed_is_no_parent(void **state)
{
    (void)state;
    make_nodes(3, 1);
    put(1, 0, 1);
    nodes[0].children = TREE_CHILDREN_MAX;
    assert_int_equal(choose(2), 0);
    assert_int_equal(list.nodes[0], 1);
    struct tree_node good = nodes[1];
    nodes[1].view.is_draining = true;
    assert_int_equal(choose(2), ERR_AGAIN);
    nodes[1] = good;
    nodes[1].silent_ms = TREE_SILENT_MS;
    assert_int_equal(choose(2), ERR_AGAIN);
    nodes[1] = good;
    nodes[1].view.load_permille = TREE_LOAD_MAX;
    assert_int_equal(choose(2), ERR_AGAIN);
    nodes[1] = good;
    nodes[1].view.egress_bps = nodes[1].view.egress_max_bps;
    assert_int_equal(choose(2), ERR_AGAIN);
    nodes[1] = good;
    nodes[1].is_changing = true;
    assert_int_equal(choose(2), ERR_AGAIN);
}

static void test_without_a_limit_egress_does_not_count(void **state)
{
    (void)state;
    make_nodes(2, 1);
    nodes[0].view.egress_max_bps = 0;
    nodes[0].view.egress_bps = UINT64_MAX;
    assert_int_equal(choose(1), 0);
}

static void test_who_hangs_on_a_silent_node_is_no_parent(void **state)
{
    (void)state;
    make_nodes(4, 1);
    put(1, 0, 1);
    put(2, 1, 2);
    nodes[0].children = TREE_CHILDREN_MAX;
    nodes[1].silent_ms = TREE_SILENT_MS;
    assert_int_equal(choose(3), ERR_AGAIN);
}

static void test_places_are_kept_for_orphans(void **state)
{
    (void)state;
    make_nodes(3, 1);
    nodes[0].children = TREE_CHILDREN_MAX - TREE_CHILDREN_KEPT;
    assert_int_equal(choose(1), ERR_AGAIN);
    nodes[2].level = 2; /* it carried the room, its parent is gone */
    assert_int_equal(choose(2), 0);
    assert_int_equal(list.nodes[0], 0);
}

static void test_a_parent_that_can_still_feed_is_kept(void **state)
{
    (void)state;
    make_nodes(6, 1);
    put(1, 0, 1);
    put(2, 0, 1);
    put(3, 1, 2);
    nodes[1].view.load_permille = TREE_LOAD_LEFT - 1;
    nodes[1].children = TREE_CHILDREN_MAX;
    assert_int_equal(choose(3), 0);
    assert_int_equal(list.nodes[0], 1);
    nodes[1].view.load_permille = TREE_LOAD_LEFT;
    assert_int_equal(choose(3), 0);
    assert_int_not_equal(list.nodes[0], 1);
    nodes[1].view.load_permille = 0;
    nodes[1].view.is_draining = true;
    assert_int_equal(choose(3), 0);
    assert_int_not_equal(list.nodes[0], 1);
}

static void test_a_level_does_not_rise_while_there_are_children(void **state)
{
    (void)state;
    make_nodes(8, 1);
    put(1, 0, 1);
    put(2, 1, 2);
    put(3, 2, 3);
    put(4, 3, 4);
    put(5, 1, 2);
    nodes[0].children = TREE_CHILDREN_MAX;
    nodes[1].silent_ms = TREE_SILENT_MS; /* 2 is an orphan, and 3 below it is none of its parents */
    assert_int_equal(choose(2), ERR_AGAIN);
    nodes[0].children = 2;
    assert_int_equal(choose(2), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.nodes[0], 0);
    assert_int_equal(list.level, 2);
}

static void test_a_damaged_tree_makes_no_loop(void **state)
{
    (void)state;
    make_nodes(8, 1);
    nodes[0].children = TREE_CHILDREN_MAX;
    nodes[1].level = 1, nodes[1].parent = 2; /* a circle */
    nodes[2].level = 2, nodes[2].parent = 1;
    nodes[3].level = 2, nodes[3].parent = 4711; /* nowhere */
    nodes[4].level = 0, nodes[4].parent = 4;    /* a second origin */
    nodes[5].level = 77, nodes[5].parent = 0;   /* too deep */
    nodes[6].level = 1, nodes[6].parent = TREE_NONE;
    assert_int_equal(choose(7), ERR_AGAIN);
    assert_int_equal(choose(1), ERR_AGAIN);
    for (uint32_t i = 1; i < 8; i++)
        assert_int_equal(tree_depth(&tree, i), TREE_NONE);
    nodes[0].children = 0;
    assert_int_equal(choose(1), 0);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.nodes[0], 0);
}

static void test_the_origin_and_strangers_have_no_parent(void **state)
{
    (void)state;
    make_nodes(3, 1);
    assert_int_equal(choose(0), ERR_INVAL);
    assert_int_equal(choose(3), ERR_INVAL);
    assert_int_equal(choose(TREE_NONE), ERR_INVAL);
    tree.origin = 3;
    assert_int_equal(choose(1), ERR_INVAL);
}

static void test_those_who_ask_at_once_are_spread(void **state)
{
    (void)state;
    make_nodes(60, 1);
    for (uint32_t i = 1; i <= 4; i++)
        put(i, 0, 1);
    nodes[0].children = TREE_CHILDREN_MAX;
    uint32_t sent[8] = {0};
    for (uint32_t i = 10; i < 50; i++) { /* nobody is in the tree yet when the next one asks */
        assert_int_equal(choose(i), 0);
        sent[list.nodes[0]]++;
    }
    for (uint32_t i = 1; i <= 4; i++)
        assert_in_range(sent[i], 3, 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_half_of_the_origins_children_are_at_level_one),
        cmocka_unit_test(test_the_first_relay_hangs_on_the_origin),
        cmocka_unit_test(test_who_hangs_on_the_origin_has_reserves_at_level_one),
        cmocka_unit_test(test_a_relay_stays_in_its_region),
        cmocka_unit_test(test_a_region_gets_two_heads),
        cmocka_unit_test(test_the_last_reserve_is_in_another_region),
        cmocka_unit_test(test_who_cannot_feed_is_no_parent),
        cmocka_unit_test(test_without_a_limit_egress_does_not_count),
        cmocka_unit_test(test_who_hangs_on_a_silent_node_is_no_parent),
        cmocka_unit_test(test_places_are_kept_for_orphans),
        cmocka_unit_test(test_a_parent_that_can_still_feed_is_kept),
        cmocka_unit_test(test_a_level_does_not_rise_while_there_are_children),
        cmocka_unit_test(test_a_damaged_tree_makes_no_loop),
        cmocka_unit_test(test_the_origin_and_strangers_have_no_parent),
        cmocka_unit_test(test_those_who_ask_at_once_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
