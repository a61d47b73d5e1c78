#include "room_house.h"

#include "room/room_internal.h"
#include "store/store_internal.h"

static const struct mode_reason reason = {.cause = "test"};

static int set_mode(struct room *room, enum mode mode)
{
    char problem[ROOM_PROBLEM_MAX] = "";
    int err = room_set_mode(room, mode, 0, 0, problem);
    assert_true((err == 0) == (problem[0] == '\0'));
    return err;
}

static void test_the_stricter_of_room_and_node_holds(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    static const struct {
        enum mode node, room, both;
    } cases[] = {{MODE_NORMAL, MODE_NORMAL, MODE_NORMAL},
                 {MODE_NORMAL, MODE_ECONOMY, MODE_ECONOMY},
                 {MODE_ECONOMY, MODE_ECONOMY, MODE_ECONOMY},
                 {MODE_ECONOMY, MODE_NORMAL, MODE_ECONOMY},
                 {MODE_ECONOMY, MODE_SMALL_AUDIENCE, MODE_SMALL_AUDIENCE},
                 {MODE_LIFEBOAT, MODE_SMALL_AUDIENCE, MODE_LIFEBOAT},
                 {MODE_LIFEBOAT, MODE_NORMAL, MODE_LIFEBOAT},
                 {MODE_SMALL_AUDIENCE, MODE_NORMAL, MODE_SMALL_AUDIENCE},
                 {MODE_NORMAL, MODE_NORMAL, MODE_NORMAL}};
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        rooms_set_mode(house->rooms, cases[i].node, &reason);
        assert_int_equal(set_mode(room, cases[i].room), 0);
        assert_int_equal(rooms_mode(house->rooms), cases[i].node);
        assert_int_equal(room_record(room)->mode, cases[i].room);
        assert_int_equal(room_mode(room), cases[i].both);
        assert_int_equal(room->stage_mode, cases[i].both); /* the stage knows */
    }
}

static void count_room(void *ctx, struct room *room)
{
    (void)room;
    (*(unsigned *)ctx)++;
}

static void test_everybody_is_told_once_of_each_change(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    struct room *over = house_room(house, "two");
    assert_int_equal(house_steer(over, STEER_CANCEL), 0);
    unsigned told = 0;
    struct rooms_observer observer = {.ctx = &told, .on_room = count_room};
    rooms_observe(house->rooms, &observer);
    rooms_set_mode(house->rooms, MODE_ECONOMY, &reason);
    assert_int_equal(told, 1);
    rooms_set_mode(house->rooms, MODE_ECONOMY, &reason);
    assert_int_equal(told, 1);
    assert_int_equal(set_mode(room, MODE_ECONOMY), 0);
    assert_int_equal(told, 2); /* what it asks for is news, too */
    assert_int_equal(set_mode(room, MODE_ECONOMY), 0);
    assert_int_equal(told, 2);
    rooms_set_mode(house->rooms, MODE_NORMAL, &reason);
    assert_int_equal(told, 2); /* the room goes on as it was */
    rooms_observe(house->rooms, &(struct rooms_observer){0});
}

static void test_a_room_that_is_over_has_no_mode_to_change(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    assert_int_equal(house_steer(room, STEER_CANCEL), 0);
    assert_int_equal(set_mode(room, MODE_ECONOMY), ERR_BADSTATE);
    assert_int_equal(room_record(room)->mode, MODE_NORMAL);
}

static void test_what_a_room_asked_for_survives_a_restart(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    assert_int_equal(set_mode(room, MODE_ECONOMY), 0);
    rooms_set_mode(house->rooms, MODE_ECONOMY, &reason);
    house_stop(house);
    house_start(house);
    room = rooms_find(house->rooms, "one");
    assert_non_null(room);
    assert_int_equal(rooms_mode(house->rooms), MODE_NORMAL); /* the node's is the configuration's */
    assert_int_equal(room_record(room)->mode, MODE_ECONOMY);
    assert_int_equal(room->stage_mode, MODE_ECONOMY);
}

static void test_a_stricter_mode_with_the_same_packets_is_no_order_for_the_stage(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    assert_int_equal(set_mode(room, MODE_ECONOMY), 0);
    stage_stop(house->stage);
    while (stage_set_loss(house->stage, room_record(room)->id, 0) == 0)
        ;
    rooms_set_mode(house->rooms, MODE_LIFEBOAT, &reason);
    assert_int_equal(room->stage_mode, MODE_LIFEBOAT); /* a full ring is no matter */
    assert_int_equal(set_mode(room, MODE_NORMAL), 0);
    rooms_set_mode(house->rooms, MODE_NORMAL, &reason);
    assert_int_equal(room->stage_mode, MODE_LIFEBOAT);
    assert_int_equal(stage_start(house->stage), 0);
    HOUSE_UNTIL(house, room->stage_mode == MODE_NORMAL);
}

static void test_a_full_stage_hears_of_it_later(void **state)
{
    struct house *house = *state;
    struct room *room = house_room(house, "one");
    assert_int_equal(house_steer(room, STEER_OPEN), 0);
    stage_stop(house->stage);
    while (stage_set_loss(house->stage, room_record(room)->id, 0) == 0)
        ;
    assert_int_equal(set_mode(room, MODE_ECONOMY), 0);
    assert_int_equal(room_mode(room), MODE_ECONOMY);
    assert_int_equal(room->stage_mode, MODE_NORMAL);
    assert_int_equal(stage_start(house->stage), 0);
    HOUSE_UNTIL(house, room->stage_mode == MODE_ECONOMY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_the_stricter_of_room_and_node_holds, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(test_everybody_is_told_once_of_each_change, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(test_a_room_that_is_over_has_no_mode_to_change, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(test_what_a_room_asked_for_survives_a_restart, house_setup,
                                        house_teardown),
        cmocka_unit_test_setup_teardown(
            test_a_stricter_mode_with_the_same_packets_is_no_order_for_the_stage, house_setup,
            house_teardown),
        cmocka_unit_test_setup_teardown(test_a_full_stage_hears_of_it_later, house_setup,
                                        house_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
