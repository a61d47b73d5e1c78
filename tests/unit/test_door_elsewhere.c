/* The door of a room that has seats on several nodes: who is sent to another one, and who comes from there. */
#include "door_world.h"

static struct door_reply ask_to_go(struct world *world, const char *ticket)
{
    struct door_ask ask = {.ticket = slice_text(ticket),
                           .wants_seat = true,
                           .may_go = true,
                           .now_us = world->now_us,
                           .wall_ms = world->wall_ms};
    struct door_reply reply;
    assert_int_equal(door_ask(world->door, &world->rules, &ask, &reply), 0);
    return reply;
}

static void test_who_finds_no_seat_here_is_sent_where_one_is_free(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    world.rules.elsewhere = 1;
    struct door_reply here = ask_to_go(&world, ""), there = ask_to_go(&world, "");
    assert_int_equal(here.answer, DOOR_SEAT);
    assert_int_equal(there.answer, DOOR_ELSEWHERE);
    assert_true(there.took_seat);
    assert_int_equal(strlen(there.ticket), TICKET_CHARS);
    assert_int_equal(door_taken(world.door), 1);
    world.rules.elsewhere = 0;
    assert_int_equal(ask_to_go(&world, "").answer, DOOR_LINE);
    door_leave(world.door, here.number, world.now_us);
    stop(&world);
}

static void test_newcomers_go_where_the_room_prefers_and_who_sat_here_stays(void **state)
{
    (void)state;
    struct world world;
    start(&world, 10);
    struct door_reply guest = ask_to_go(&world, "");
    assert_int_equal(guest.answer, DOOR_SEAT);
    door_leave(world.door, guest.number, world.now_us);
    world.rules.elsewhere = 5;
    world.rules.prefers_elsewhere = true;
    assert_int_equal(ask_to_go(&world, "").answer, DOOR_ELSEWHERE);
    assert_int_equal(ask_to_go(&world, guest.ticket).answer, DOOR_SEAT);
    /* Who cannot take a ticket along stays as well. */
    struct door_reply stays = ask(&world, "");
    assert_int_equal(stays.answer, DOOR_SEAT);
    door_leave(world.door, guest.number, world.now_us);
    door_leave(world.door, stays.number, world.now_us);
    stop(&world);
}

static void test_a_seat_elsewhere_is_for_the_first_in_line(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    struct door_reply sits = ask_to_go(&world, "");
    struct door_reply first = ask_to_go(&world, ""), second = ask_to_go(&world, "");
    assert_int_equal(first.answer, DOOR_LINE);
    world.rules.elsewhere = 1;
    assert_int_equal(ask_to_go(&world, "").answer, DOOR_LINE);
    assert_int_equal(ask_to_go(&world, second.ticket).answer, DOOR_LINE);
    assert_int_equal(ask_to_go(&world, first.ticket).answer, DOOR_ELSEWHERE);
    assert_int_equal(door_in_line(world.door), 2);
    assert_int_equal(door_turned_away(world.door), 0);
    door_leave(world.door, sits.number, world.now_us);
    stop(&world);
}

static void test_nobody_goes_elsewhere_before_the_doors_open(void **state)
{
    (void)state;
    struct world world;
    start(&world, 10);
    world.rules.is_open = false;
    world.rules.elsewhere = 5;
    assert_int_equal(ask_to_go(&world, "").answer, DOOR_LINE);
    stop(&world);
}

static void test_a_relay_has_no_line_and_seats_whom_the_origin_sent(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    world.rules.elsewhere = 1;
    world.rules.prefers_elsewhere = true;
    struct door_reply sent = ask_to_go(&world, "");
    assert_int_equal(sent.answer, DOOR_ELSEWHERE);

    world.rules =
        (struct door_rules){.cap = 1, .is_open = true, .has_no_line = true, .returning_only = true};
    struct door_reply newcomer = ask_to_go(&world, "");
    assert_int_equal(newcomer.answer, DOOR_ELSEWHERE);
    assert_string_equal(newcomer.ticket, "");
    assert_int_equal(ask(&world, sent.ticket).answer, DOOR_SEAT);
    struct door_reply late = ask_to_go(&world, "");
    assert_int_equal(late.answer, DOOR_ELSEWHERE);
    assert_int_equal(door_in_line(world.door), 0);
    door_leave(world.door, sent.number, world.now_us);
    stop(&world);
}

static void
test_who_sits_at_a_relay_that_ends_is_sent_away_and_keeps_the_seat_till_then(void **state)
{
    (void)state;
    struct world world;
    start(&world, 10);
    struct door_reply sits = seat_one(&world);
    world.rules = (struct door_rules){.cap = 10, .has_no_line = true, .is_ending = true};
    struct door_reply again = ask_to_go(&world, sits.ticket);
    assert_int_equal(again.answer, DOOR_ELSEWHERE);
    assert_string_equal(again.ticket, sits.ticket);
    assert_null(again.former);
    assert_int_equal(door_taken(world.door), 1);
    door_leave(world.door, sits.number, world.now_us);
    stop(&world);
}

static void test_a_ticket_to_another_node_is_soon_old(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    world.rules.elsewhere = 1;
    world.rules.prefers_elsewhere = true;
    struct door_reply sent = ask_to_go(&world, "");
    world.rules =
        (struct door_rules){.cap = 1, .is_open = true, .has_no_line = true, .returning_only = true};
    pass_time(&world, (DOOR_FRESH_S + 1) * SECOND_US);
    struct door_reply late = ask_to_go(&world, sent.ticket);
    assert_int_equal(late.answer, DOOR_ELSEWHERE);
    assert_string_equal(late.ticket, sent.ticket);
    /* A place in line is no seat, however fresh. */
    world.rules = (struct door_rules){.cap = 0, .is_open = true};
    struct door_reply waits = ask(&world, "");
    assert_int_equal(waits.answer, DOOR_LINE);
    world.rules =
        (struct door_rules){.cap = 1, .is_open = true, .has_no_line = true, .returning_only = true};
    assert_int_equal(ask(&world, waits.ticket).answer, DOOR_ELSEWHERE);
    stop(&world);
}

static void test_seats_of_a_lost_node_are_for_those_who_come_back_from_it(void **state)
{
    (void)state;
    struct world world;
    start(&world, 1);
    world.rules.elsewhere = 1;
    struct door_reply here = ask_to_go(&world, ""), there = ask_to_go(&world, "");
    assert_int_equal(there.answer, DOOR_ELSEWHERE);
    world.rules.elsewhere = 0;
    world.rules.lost_elsewhere = 1;
    struct door_reply newcomer = ask(&world, "");
    assert_int_equal(newcomer.answer, DOOR_LINE);
    assert_int_equal(ask(&world, there.ticket).answer, DOOR_SEAT);
    assert_int_equal(door_taken(world.door), 2);
    door_leave(world.door, here.number, world.now_us);
    door_leave(world.door, there.number, world.now_us);
    stop(&world);
}

/* Of a node that was lost: they all sat behind one address, and come when they are told to. */
enum { MOVERS = 190, MOVERS_PER_S = 50, MOVERS_WITHIN_S = 5, LOOKS_PER_S = 100 };

struct mover {
    struct door_reply reply;
    uint64_t due_us;
};

static uint32_t seat_those_due(struct world *world, struct mover movers[MOVERS])
{
    uint32_t seated = 0;
    for (struct mover *mover = movers; mover < movers + MOVERS; mover++) {
        if (mover->reply.answer == DOOR_SEAT || world->now_us < mover->due_us)
            continue;
        struct door_ask ask = {.ticket = slice_text(mover->reply.ticket),
                               .prefix = 7,
                               .wants_seat = true,
                               .now_us = world->now_us,
                               .wall_ms = world->wall_ms};
        struct door_reply reply;
        assert_int_equal(door_ask(world->door, &world->rules, &ask, &reply), 0);
        assert_true(reply.answer == DOOR_SEAT || reply.answer == DOOR_LINE);
        mover->reply = reply;
        mover->due_us = world->now_us + reply.again_ms * UINT64_C(1000);
        seated += reply.answer == DOOR_SEAT;
    }
    return seated;
}

static void test_a_lost_node_brings_at_most_fifty_in_any_second_and_loses_no_time(void **state)
{
    (void)state;
    struct mover movers[MOVERS];
    uint32_t seated[MOVERS_WITHIN_S * LOOKS_PER_S] = {0}, all = 0;
    struct world world;
    start(&world, MOVERS);
    world.rules.elsewhere = MOVERS;
    world.rules.prefers_elsewhere = true;
    for (size_t i = 0; i < MOVERS; i++)
        movers[i] = (struct mover){.reply = ask_to_go(&world, "")};
    world.rules = (struct door_rules){.cap = DOOR_NO_CAP, .is_open = true, .lost_elsewhere = 1};
    for (uint32_t look = 0; look < MOVERS_WITHIN_S * LOOKS_PER_S; look++) {
        if (look % (LOOKS_PER_S / 4) == 0)
            (void)door_tick(world.door, &world.rules, world.now_us);
        seated[look] = seat_those_due(&world, movers);
        all += seated[look];
        uint32_t in_a_second = 0;
        for (uint32_t at = look < LOOKS_PER_S ? 0 : look - LOOKS_PER_S + 1; at <= look; at++)
            in_a_second += seated[at];
        assert_true(in_a_second <= MOVERS_PER_S);
        pass_time(&world, SECOND_US / LOOKS_PER_S);
    }
    assert_int_equal(all, MOVERS);
    for (size_t i = 0; i < MOVERS; i++)
        door_leave(world.door, movers[i].reply.number, world.now_us);
    stop(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_finds_no_seat_here_is_sent_where_one_is_free),
        cmocka_unit_test(test_newcomers_go_where_the_room_prefers_and_who_sat_here_stays),
        cmocka_unit_test(test_a_seat_elsewhere_is_for_the_first_in_line),
        cmocka_unit_test(test_nobody_goes_elsewhere_before_the_doors_open),
        cmocka_unit_test(test_a_relay_has_no_line_and_seats_whom_the_origin_sent),
        cmocka_unit_test(
            test_who_sits_at_a_relay_that_ends_is_sent_away_and_keeps_the_seat_till_then),
        cmocka_unit_test(test_a_ticket_to_another_node_is_soon_old),
        cmocka_unit_test(test_seats_of_a_lost_node_are_for_those_who_come_back_from_it),
        cmocka_unit_test(test_a_lost_node_brings_at_most_fifty_in_any_second_and_loses_no_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
