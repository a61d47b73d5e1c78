/* What holds in every tree: many random ones grow, lose nodes and are damaged, and each choice is looked at. */
#include "placement_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed;

static uint32_t random_below(uint32_t bound)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((seed >> 33) % bound);
}

static void assert_whole(void)
{
    for (uint32_t i = 0; i < tree.count; i++) {
        const struct tree_node *node = &nodes[i];
        assert_true(node->children <= TREE_CHILDREN_MAX);
        assert_true(node->view.egress_bps <= node->view.egress_max_bps);
        if (i == tree.origin || node->parent == TREE_NONE)
            continue;
        assert_in_range(node->level, 1, TREE_DEPTH_MAX);
        assert_true(nodes[node->parent].level < node->level); /* so nothing goes in a circle */
        assert_true(tree_depth(&tree, i) <= node->level ||
                    nodes[node->parent].parent == TREE_NONE ||
                    tree_depth(&tree, node->parent) == TREE_NONE);
    }
}

/* A node dies: its children find themselves without parent. */
static void kill(uint32_t index)
{
    for (uint32_t i = 0; i < tree.count; i++)
        if (nodes[i].parent == index)
            leave_parent(i);
    leave_parent(index);
    nodes[index].level = TREE_NONE;
    nodes[index].silent_ms = TREE_SILENT_MS;
}

static void assert_sound(uint32_t asker, const struct parents *list)
{
    assert_in_range(list->count, 1, TREE_PARENTS_MAX);
    assert_in_range(list->level, 1, TREE_DEPTH_MAX);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct tree_node *node = &nodes[list->nodes[i]];
        assert_int_not_equal(list->nodes[i], asker);
        assert_true(node->level < list->level);
        assert_true(tree_is_there(node));
        for (uint32_t k = 0; k < i; k++)
            assert_int_not_equal(list->nodes[i], list->nodes[k]);
        /* The way up from there does not pass the asker. */
        uint32_t at = list->nodes[i];
        for (unsigned steps = 0; at != tree.origin; steps++) {
            assert_true(steps < TREE_DEPTH_MAX);
            assert_int_not_equal(at, asker);
            at = nodes[at].parent;
            assert_true(at < tree.count);
        }
    }
    if (nodes[asker].level >= 1 && nodes[asker].level <= TREE_DEPTH_MAX &&
        nodes[asker].children > 0)
        assert_int_equal(list->level, nodes[asker].level);
}

static void random_nodes(void)
{
    make_nodes(2 + random_below(180), 1 + random_below(6));
    for (uint32_t i = 0; i < tree.count; i++) {
        nodes[i].view.egress_max_bps = (1 + random_below(60)) * (uint64_t)RELAY_BPS;
        nodes[i].view.load_permille = random_below(1000);
    }
    nodes[0].view.load_permille = random_below(500);
}

static void step(void)
{
    uint32_t index = 1 + random_below(tree.count - 1);
    struct parents list;
    if (random_below(12) == 0 && nodes[index].silent_ms == 0) {
        kill(index);
        return;
    }
    if (nodes[index].silent_ms > 0)
        nodes[index].silent_ms = 0; /* it is back */
    nodes[index].view.is_draining = random_below(20) == 0;
    int err = choose_parent(&list, &tree, index, RELAY_BPS);
    if (err == ERR_AGAIN)
        return;
    assert_int_equal(err, 0);
    assert_sound(index, &list);
    follow(index, &list);
}

static void test_trees_that_change_have_no_loops_and_stay_flat(void **state)
{
    (void)state;
    for (seed = 1; seed < 120; seed++) {
        uint64_t kept = seed;
        random_nodes();
        for (unsigned i = 0; i < 400; i++) {
            step();
            assert_whole();
        }
        seed = kept;
    }
}

static void test_trees_of_nonsense_give_sound_parents(void **state)
{
    (void)state;
    uint32_t answered = 0;
    for (seed = 1; seed < 4000; seed++) {
        uint64_t kept = seed;
        random_nodes();
        for (uint32_t i = 0; i < tree.count; i++) {
            nodes[i].level = i == 0 ? 0 : random_below(7);
            nodes[i].parent = random_below(tree.count + 2);
            nodes[i].children = random_below(40);
            nodes[i].is_hearing = random_below(2) == 0;
        }
        uint32_t asker = 1 + random_below(tree.count - 1);
        struct parents list;
        int err = choose_parent(&list, &tree, asker, RELAY_BPS);
        if (err == 0) {
            assert_sound(asker, &list);
            answered++;
        } else {
            assert_int_equal(err, ERR_AGAIN);
        }
        seed = kept;
    }
    assert_true(answered > 400);
}

static void test_small_changes_of_load_move_nobody(void **state)
{
    (void)state;
    seed = 7;
    make_nodes(300, 5);
    for (uint32_t i = 0; i < tree.count; i++)
        nodes[i].view.load_permille = 400;
    for (uint32_t i = 1; i < tree.count; i++)
        assert_int_equal(join(i), 0);
    for (unsigned round = 0; round < 20; round++) {
        for (uint32_t i = 0; i < tree.count; i++)
            nodes[i].view.load_permille = 300 + random_below(600);
        for (uint32_t i = 1; i < tree.count; i++) {
            struct parents list;
            assert_int_equal(choose_parent(&list, &tree, i, RELAY_BPS), 0);
            assert_int_equal(list.nodes[0], nodes[i].parent);
            assert_int_equal(list.level, nodes[i].level);
        }
    }
}

static void test_a_thousand_nodes_hang_flat_and_even(void **state)
{
    (void)state;
    make_nodes(1000, 6);
    uint32_t deepest = 0, foreign = 0, fullest = 0;
    for (uint32_t i = 1; i < tree.count; i++)
        assert_int_equal(join(i), 0);
    for (uint32_t i = 1; i < tree.count; i++) {
        uint32_t depth = tree_depth(&tree, i);
        deepest = depth > deepest ? depth : deepest;
        fullest = nodes[i].children > fullest ? nodes[i].children : fullest;
        foreign += strcmp(nodes[i].view.region, nodes[nodes[i].parent].view.region) != 0;
    }
    assert_true(deepest <= TREE_DEPTH_MAX);
    assert_true(fullest <= TREE_CHILDREN_MAX - TREE_CHILDREN_KEPT);
    assert_int_equal(foreign, 5 * TREE_HEADS);
}

static void test_the_children_of_a_lost_node_scatter(void **state)
{
    (void)state;
    make_nodes(200, 1);
    for (uint32_t i = 1; i < tree.count; i++)
        assert_int_equal(join(i), 0);
    uint32_t lost = 1, orphans = 0, taken[NODES_MAX] = {0}, most = 0;
    for (uint32_t i = 1; i < tree.count; i++)
        if (nodes[i].children > nodes[lost].children)
            lost = i;
    struct parents list;
    for (uint32_t i = 1; i < tree.count; i++) {
        if (nodes[i].parent != lost)
            continue;
        assert_int_equal(choose_parent(&list, &tree, i, RELAY_BPS), 0);
        assert_true(list.count > 1);
        most = ++taken[list.nodes[1]] > most ? taken[list.nodes[1]] : most;
        orphans++;
    }
    assert_true(orphans >= 4);
    assert_true(most <= orphans / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trees_that_change_have_no_loops_and_stay_flat),
        cmocka_unit_test(test_trees_of_nonsense_give_sound_parents),
        cmocka_unit_test(test_small_changes_of_load_move_nobody),
        cmocka_unit_test(test_a_thousand_nodes_hang_flat_and_even),
        cmocka_unit_test(test_the_children_of_a_lost_node_scatter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
