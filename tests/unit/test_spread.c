#include "tree/spread.h"

#include "placement_tools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { ROOM = 4711, PEOPLE = 100000 };

static struct spread_share shares[NODES_MAX];
static struct spread spread;
static uint32_t sent[NODES_MAX];

static void make(const char *region, bool is_returning)
{
    struct spread_ask ask = {.region = region, .room = ROOM, .is_returning = is_returning};
    spread_make(&spread, shares, &tree, &ask);
}

static void send_crowd(void)
{
    uint64_t dice = 1;
    memset(sent, 0, sizeof(sent));
    for (unsigned i = 0; i < PEOPLE; i++) {
        dice = dice * 6364136223846793005u + 1442695040888963407u;
        uint32_t node = choose_node(&spread, TREE_NONE, false, dice >> 24);
        assert_true(node < tree.count);
        sent[node]++;
    }
}

static uint32_t open_nodes(void)
{
    return spread.count;
}

static void carry(uint32_t index)
{
    nodes[index].level = 1;
    nodes[index].parent = 0;
}

static void test_a_small_room_stays_at_its_origin(void **state)
{
    (void)state;
    make_nodes(20, 1);
    make("r0", false);
    assert_int_equal(open_nodes(), 1);
    assert_int_equal(choose_node(&spread, TREE_NONE, false, 12345), 0);
}

static void test_a_crowd_fills_what_is_free_in_proportion(void **state)
{
    (void)state;
    make_nodes(5, 1);
    for (uint32_t i = 1; i < 5; i++) {
        carry(i);
        nodes[i].view.seats_free = 200 * i;
    }
    nodes[0].view.seats_free = 0;
    make("r0", false);
    send_crowd();
    for (uint32_t i = 1; i < 5; i++)
        assert_in_range(sent[i], PEOPLE / 10 * i * 97 / 100, PEOPLE / 10 * i * 103 / 100);
}

static void test_joins_and_load_count_as_seats_do(void **state)
{
    (void)state;
    make_nodes(4, 1);
    for (uint32_t i = 1; i < 4; i++)
        carry(i);
    nodes[0].view.seats_free = 0;
    nodes[2].view.joins_per_s = 50; /* 500 in the next ten seconds, the others 1000 */
    nodes[3].view.load_permille = TREE_LOAD_ORPHAN_MAX / 2;
    make("r0", false);
    send_crowd();
    assert_in_range(sent[1], PEOPLE * 48 / 100, PEOPLE * 52 / 100);
    assert_in_range(sent[2], PEOPLE * 23 / 100, PEOPLE * 27 / 100);
    assert_in_range(sent[3], PEOPLE * 23 / 100, PEOPLE * 27 / 100);
}

static void test_nobody_is_sent_where_nothing_is_free(void **state)
{
    (void)state;
    make_nodes(6, 1);
    for (uint32_t i = 1; i < 6; i++)
        carry(i);
    nodes[0].view.seats_free = 0;
    nodes[1].view.seats_free = 0;
    nodes[2].view.is_draining = true;
    nodes[3].silent_ms = TREE_SILENT_MS;
    nodes[4].view.joins_per_s = 0;
    nodes[5].view.load_permille = TREE_LOAD_ORPHAN_MAX;
    make("r0", false);
    assert_int_equal(choose_node(&spread, TREE_NONE, false, 3), TREE_NONE);
    assert_int_equal(choose_node(&spread, 1, true, 3), TREE_NONE);
}

static void test_a_room_goes_on_to_other_nodes_before_it_is_full(void **state)
{
    (void)state;
    make_nodes(200, 1);
    for (uint32_t i = 1; i < 20; i++)
        carry(i);
    make("r0", false);
    assert_int_equal(open_nodes(), 20);
    for (uint32_t i = 0; i < 20; i++)
        nodes[i].view.seats_free = 240;
    nodes[0].view.seats_free = 500 + 120;
    make("r0", false);
    assert_in_range(open_nodes(), 30, 60); /* about twice as many */
}

static void test_all_who_answer_open_the_same_nodes(void **state)
{
    (void)state;
    make_nodes(200, 1);
    nodes[0].view.seats_free = 500;
    make("r0", false);
    assert_in_range(open_nodes(), 1, 6);
    uint32_t first = shares[0].node;
    nodes[199].view.load_permille = 100; /* another view of the same */
    make("r0", false);
    assert_int_equal(shares[0].node, first);
}

static void test_a_listener_stays_in_the_region(void **state)
{
    (void)state;
    make_nodes(40, 4);
    for (uint32_t i = 1; i < 40; i++)
        carry(i);
    make("r2", false);
    send_crowd();
    for (uint32_t i = 0; i < 40; i++)
        assert_int_equal(sent[i] > 0, i % 4 == 2);
    for (uint32_t i = 2; i < 40; i += 4)
        nodes[i].view.seats_free = 0;
    make("r2", false);
    send_crowd();
    for (uint32_t i = 1; i < 40; i++)
        assert_int_equal(sent[i] > 0, i % 4 != 2);
    make("nowhere", false);
    assert_true(choose_node(&spread, TREE_NONE, false, 5) < 40);
}

static void test_a_region_without_the_room_opens_one_node(void **state)
{
    (void)state;
    make_nodes(40, 4);
    make("r3", false);
    assert_int_equal(open_nodes(), 1);
    assert_string_equal(nodes[shares[0].node].view.region, "r3");
}

static void test_the_origin_keeps_half_of_its_seats_back(void **state)
{
    (void)state;
    make_nodes(2, 1);
    carry(1);
    nodes[0].view.seats_free = 501;
    nodes[1].view.seats_free = 99;
    make("r0", false);
    send_crowd();
    assert_in_range(sent[0], PEOPLE / 200, PEOPLE / 50);
    nodes[0].view.seats_free = 500;
    nodes[1].view.seats_free = 0;
    make("r0", false);
    assert_int_equal(choose_node(&spread, TREE_NONE, false, 3), 0); /* there is nothing else */
}

static void test_who_lost_a_node_does_not_go_to_the_origin(void **state)
{
    (void)state;
    make_nodes(3, 1);
    carry(1);
    carry(2);
    make("r0", true);
    send_crowd();
    assert_int_equal(sent[0], 0);
    nodes[1].view.seats_free = 0;
    nodes[2].view.seats_free = 0;
    make("r0", true);
    assert_int_equal(choose_node(&spread, TREE_NONE, false, 3), 0);
}

static void test_the_node_that_is_asked_keeps_whom_it_can(void **state)
{
    (void)state;
    make_nodes(10, 1);
    for (uint32_t i = 1; i < 9; i++)
        carry(i);
    make("r0", false);
    for (uint64_t dice = 0; dice < 1000; dice++) {
        assert_int_equal(choose_node(&spread, 5, true, dice * 7919), 5);
        assert_int_not_equal(choose_node(&spread, 5, false, dice * 7919), 5);
        assert_int_not_equal(choose_node(&spread, 9, true, dice * 7919),
                             9); /* it has not the room */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_small_room_stays_at_its_origin),
        cmocka_unit_test(test_a_crowd_fills_what_is_free_in_proportion),
        cmocka_unit_test(test_joins_and_load_count_as_seats_do),
        cmocka_unit_test(test_nobody_is_sent_where_nothing_is_free),
        cmocka_unit_test(test_a_room_goes_on_to_other_nodes_before_it_is_full),
        cmocka_unit_test(test_all_who_answer_open_the_same_nodes),
        cmocka_unit_test(test_a_listener_stays_in_the_region),
        cmocka_unit_test(test_a_region_without_the_room_opens_one_node),
        cmocka_unit_test(test_the_origin_keeps_half_of_its_seats_back),
        cmocka_unit_test(test_who_lost_a_node_does_not_go_to_the_origin),
        cmocka_unit_test(test_the_node_that_is_asked_keeps_whom_it_can),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
