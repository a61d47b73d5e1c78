/* Nodes that meet in a real Redis: who is there, and whose room it is. Faults: test_directory_faults.c. */
#include "redis_house.h"

static void test_nodes_see_each_other_and_who_says_good_bye_is_gone(void **state)
{
    struct house *house = *state;
    for (unsigned i = 0; i < 3; i++)
        (void)house_join(house, i);
    assert_int_equal(directory_state(house->nodes[0].directory), DIRECTORY_DOWN);
    for (unsigned i = 0; i < 3; i++)
        HOUSE_UNTIL(house, 5000, house_sees(&house->nodes[i]) == 3);
    HOUSE_UNTIL(house, 5000, house_is_up(house, 3));
    size_t count;
    assert_string_equal(directory_nodes(house->nodes[1].directory, &count)->id, "node-1");
    const struct node_view *seen = directory_node(house->nodes[0].directory, "node-2");
    assert_non_null(seen);
    assert_string_equal(seen->url, "https://n.example");
    assert_int_equal(seen->seats_free, 98);
    struct node_view view = {.seats = 100, .seats_free = 7, .is_draining = true};
    directory_announce(house->nodes[2].directory, &view);
    HOUSE_UNTIL(house, 5000, directory_node(house->nodes[0].directory, "node-2")->is_draining);
    assert_int_equal(directory_node(house->nodes[0].directory, "node-2")->seats_free, 7);
    house_leave(house, 2);
    HOUSE_UNTIL(house, 2000, house_sees(&house->nodes[0]) == 2);
    assert_null(directory_node(house->nodes[0].directory, "node-2"));
}

static void test_a_room_is_found_by_all_and_released_at_once(void **state)
{
    struct house *house = *state;
    struct house_node *a = house_join(house, 0), *b = house_join(house, 1);
    assert_int_equal(directory_claim(a->directory, "monday", 0), 0);
    assert_true(house_finds(a, "monday", DIRECTORY_FOUND, "node-0"));
    assert_true(house_finds(b, "monday", DIRECTORY_UNKNOWN, ""));
    HOUSE_UNTIL(house, 10000, house_heard(a, HEARD_CLAIMED, "monday") == 1);
    HOUSE_UNTIL(house, 5000, house_finds(b, "monday", DIRECTORY_FOUND, "node-0"));
    uint64_t fence = 0;
    assert_true(directory_owns(a->directory, "monday", &fence));
    assert_true(fence >= 1);
    assert_false(directory_owns(b->directory, "monday", NULL));
    HOUSE_UNTIL(house, 10000, house_finds(b, "tuesday", DIRECTORY_NONE, ""));
    directory_release(a->directory, "monday");
    HOUSE_UNTIL(house, 1000, house_finds(b, "monday", DIRECTORY_NONE, ""));
    assert_int_equal(directory_claim(b->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 1000, house_heard(b, HEARD_CLAIMED, "monday") == 1);
    assert_true(b->heard[0].fence > fence);
    HOUSE_UNTIL(house, 1000, house_finds(a, "monday", DIRECTORY_FOUND, "node-1"));
}

static void test_of_two_who_claim_at_once_exactly_one_gets_the_room(void **state)
{
    struct house *house = *state;
    enum { ROOMS = 40 }; /* more than one batch */
    struct house_node *a = house_join(house, 0), *b = house_join(house, 1);
    HOUSE_UNTIL(house, 5000, house_is_up(house, 2));
    unsigned own_a = 0, own_b = 0;
    for (unsigned i = 0; i < ROOMS; i++) {
        char slug[16];
        (void)snprintf(slug, sizeof(slug), "room-%u", i);
        assert_int_equal(directory_claim((i % 2 ? a : b)->directory, slug, 0), 0);
        assert_int_equal(directory_claim((i % 2 ? b : a)->directory, slug, 0), 0);
    }
    HOUSE_UNTIL(house, 10000, a->heard_count == ROOMS && b->heard_count == ROOMS);
    for (unsigned i = 0; i < ROOMS; i++) {
        char slug[16];
        (void)snprintf(slug, sizeof(slug), "room-%u", i);
        bool is_a = directory_owns(a->directory, slug, NULL);
        assert_int_equal(directory_owns(b->directory, slug, NULL), !is_a);
        assert_int_equal(house_heard(is_a ? a : b, HEARD_CLAIMED, slug), 1);
        assert_int_equal(house_heard(is_a ? b : a, HEARD_LOST, slug), 1);
        assert_true(house_finds(is_a ? b : a, slug, DIRECTORY_FOUND, is_a ? "node-0" : "node-1"));
        own_a += is_a;
        own_b += !is_a;
    }
    assert_int_equal(own_a + own_b, ROOMS);
}

static void test_a_node_that_comes_back_gets_its_rooms_at_once(void **state)
{
    struct house *house = *state;
    struct house_node *a = house_join(house, 0), *b = house_join(house, 1);
    assert_int_equal(directory_claim(a->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 10000, house_heard(a, HEARD_CLAIMED, "monday") == 1);
    uint64_t fence = a->heard[0].fence;
    HOUSE_UNTIL(house, 5000, house_finds(b, "monday", DIRECTORY_FOUND, "node-0"));
    house_leave(house, 0);
    HOUSE_UNTIL(house, 2000, house_finds(b, "monday", DIRECTORY_AWAY, "node-0"));
    assert_int_equal(directory_claim(b->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 2000, house_heard(b, HEARD_LOST, "monday") == 1); /* the lease still runs */
    a = house_join(house, 0);
    assert_int_equal(directory_claim(a->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 2000, house_heard(a, HEARD_CLAIMED, "monday") == 1);
    assert_true(a->heard[0].fence > fence);
    HOUSE_UNTIL(house, 3000, house_finds(b, "monday", DIRECTORY_FOUND, "node-0"));
}

static void test_a_room_whose_origin_does_not_come_back_can_be_claimed(void **state)
{
    struct house *house = *state;
    struct house_node *a = house_join(house, 0), *b = house_join(house, 1);
    assert_int_equal(directory_claim(a->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 10000, house_heard(a, HEARD_CLAIMED, "monday") == 1);
    uint64_t fence = a->heard[0].fence;
    house_leave(house, 0);
    uint64_t left_us = clock_now_us();
    while (house_heard(b, HEARD_CLAIMED, "monday") == 0) {
        assert_true(clock_now_us() < left_us + 15u * 1000 * 1000);
        assert_int_equal(directory_claim(b->directory, "monday", 0),
                         0); /* as often as it is lost */
        (void)uv_run(&house->loop, UV_RUN_ONCE);
        b->heard_count = b->heard_count < HOUSE_HEARD_MAX / 2 ? b->heard_count : 0;
    }
    uint64_t held = 0;
    assert_true(directory_owns(b->directory, "monday", &held));
    assert_true(held > fence);
}

static void test_news_reach_the_others_and_not_oneself(void **state)
{
    struct house *house = *state;
    struct house_node *a = house_join(house, 0), *b = house_join(house, 1);
    char data[DIRECTORY_EVENT_MAX + 1];
    memset(data, 0, sizeof(data));
    struct slice longest = slice_of(data, DIRECTORY_EVENT_MAX);
    assert_int_equal(directory_publish(a->directory, "monday", longest), ERR_AGAIN);
    for (unsigned i = 0; i < 2; i++)
        HOUSE_UNTIL(house, 5000, house_sees(&house->nodes[i]) == 2);
    HOUSE_UNTIL(house, 5000, house_is_up(house, 2));
    assert_int_equal(directory_publish(a->directory, "monday", longest), 0);
    assert_int_equal(directory_publish(a->directory, DIRECTORY_TOPIC_NODES, slice_text("")), 0);
    HOUSE_UNTIL(house, 2000, b->heard_count == 2);
    assert_int_equal(house_heard(b, HEARD_EVENT, "monday"), 1);
    assert_int_equal(b->heard[0].bytes, DIRECTORY_EVENT_MAX);
    assert_string_equal(b->heard[0].node, "node-0");
    assert_int_equal(house_heard(b, HEARD_EVENT, DIRECTORY_TOPIC_NODES), 1);
    assert_int_equal(a->heard_count, 0);
    struct slice too_long = slice_of(data, DIRECTORY_EVENT_MAX + 1);
    assert_int_equal(directory_publish(a->directory, "monday", too_long), ERR_INVAL);
    assert_int_equal(directory_publish(a->directory, "Monday", longest), ERR_INVAL);
    int err = 0;
    unsigned taken = 0;
    for (; taken <= DIRECTORY_EVENTS_PER_S && err == 0; taken++)
        err = directory_publish(a->directory, "monday", slice_text("x"));
    assert_int_equal(err, ERR_FULL);
}

static void test_another_cluster_in_the_same_redis_is_not_believed(void **state)
{
    struct house *house = *state;
    struct cluster_key other = {{9}};
    struct directory_counts counts = {.words_in = 0};
    struct house_node *a = house_join(house, 0), *b = house_join(house, 1);
    house_join_with(house, 2, "node-2", &other, false);
    for (unsigned i = 0; i < 2; i++)
        HOUSE_UNTIL(house, 5000, house_sees(&house->nodes[i]) == 2);
    while (counts.words_foreign < 3) {
        (void)uv_run(&house->loop, UV_RUN_ONCE);
        directory_counts(a->directory, &counts);
    }
    assert_int_equal(house_sees(a), 2);
    assert_int_equal(house_sees(&house->nodes[2]), 1);
    /* It takes the lease of a room first: the others neither get the room nor believe that it has it. */
    assert_int_equal(directory_claim(house->nodes[2].directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 10000, house_heard(&house->nodes[2], HEARD_CLAIMED, "monday") == 1);
    assert_int_equal(directory_claim(a->directory, "monday", 0), 0);
    while (counts.words_bad < 1) {
        (void)uv_run(&house->loop, UV_RUN_ONCE);
        directory_counts(a->directory, &counts);
    }
    assert_int_equal(a->heard_count, 0);
    directory_release(house->nodes[2].directory, "monday");
    HOUSE_UNTIL(house, 5000, house_heard(a, HEARD_CLAIMED, "monday") == 1);
    HOUSE_UNTIL(house, 5000, house_finds(b, "monday", DIRECTORY_FOUND, "node-0"));
}

static void test_two_nodes_of_one_id_are_noticed(void **state)
{
    struct house *house = *state;
    struct directory_counts counts = {.words_in = 0};
    house_join_with(house, 0, "node-0", &house->key, false);
    house_join_with(house, 1, "node-0", &house->key, false);
    HOUSE_UNTIL(house, 5000, house_is_up(house, 2));
    while (counts.words_stale < 2) {
        (void)uv_run(&house->loop, UV_RUN_ONCE);
        directory_counts(house->nodes[0].directory, &counts);
    }
    assert_int_equal(house_sees(&house->nodes[0]), 1);
}

static void test_a_user_needs_only_the_rights_that_are_documented(void **state)
{
    struct house *house = *state;
    redis_do(&house->redis,
             "acl setuser node on '>few' +auth +select +ping +publish +subscribe +eval "
             "+get +set +exists +pttl +pexpire +del '~rostrum:*' '&rostrum:*'");
    house->redis.user = "node";
    (void)snprintf(house->redis.password, sizeof(house->redis.password), "few");
    struct house_node *a = house_join(house, 0), *b = house_join(house, 1);
    assert_int_equal(directory_claim(a->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 10000, house_heard(a, HEARD_CLAIMED, "monday") == 1);
    HOUSE_UNTIL(house, 5000, house_finds(b, "monday", DIRECTORY_FOUND, "node-0"));
    directory_release(a->directory, "monday");
    assert_int_equal(directory_claim(b->directory, "monday", 0), 0);
    HOUSE_UNTIL(house, 2000, house_heard(b, HEARD_CLAIMED, "monday") == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HOUSE_TEST(test_nodes_see_each_other_and_who_says_good_bye_is_gone),
        HOUSE_TEST(test_a_room_is_found_by_all_and_released_at_once),
        HOUSE_TEST(test_of_two_who_claim_at_once_exactly_one_gets_the_room),
        HOUSE_TEST(test_a_node_that_comes_back_gets_its_rooms_at_once),
        HOUSE_TEST(test_a_room_whose_origin_does_not_come_back_can_be_claimed),
        HOUSE_TEST(test_news_reach_the_others_and_not_oneself),
        HOUSE_TEST(test_another_cluster_in_the_same_redis_is_not_believed),
        HOUSE_TEST(test_two_nodes_of_one_id_are_noticed),
        HOUSE_TEST(test_a_user_needs_only_the_rights_that_are_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
