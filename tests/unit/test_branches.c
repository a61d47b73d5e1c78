/* Seats. Parents and people: test_branches_places.c. */
#include "branches_house.h"

static void test_a_room_without_relays_has_all_seats_at_its_origin(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 600);
    assert_int_equal(branches_own_cap(book, 600), 600);
    assert_int_equal(branches_own_cap(book, 0), UINT32_MAX);
    assert_int_equal(branches_free_elsewhere(book), 0);
}

static void test_free_seats_are_shared_by_what_each_can_take(void **state)
{
    (void)state;
    make_house(4, 1, 1000, 1400);
    views[3].seats_free = 500; /* the origin keeps back 500 of its 1000 */
    look.own_taken = 150;
    settle(4);
    assert_in_range(relays[1].granted, 416, 417); /* 1250 * 1000 / 3000 */
    assert_in_range(relays[2].granted, 416, 417);
    assert_in_range(relays[3].granted, 208, 209);
    assert_int_equal(branches_own_cap(book, 1400),
                     1400 - relays[1].granted - relays[2].granted - relays[3].granted);
    assert_int_equal(grants(), 3);
    assert_true(relays[1].takes_newcomers);
}

static void test_a_seat_that_is_taken_is_no_reason_for_a_grant(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 1000);
    settle(4);
    uint32_t before = grants();
    for (unsigned i = 0; i < 150; i++) {
        sit(1, 1);
        settle(1);
    }
    assert_int_equal(grants(), before);
    for (unsigned i = 0; i < 700; i++) {
        struct word_report *report = &relays[1].report;
        if (report->seated < report->seats)
            sit(1, 1);
        settle(1);
    }
    assert_in_range(relays[1].report.seated, 840, 1000); /* halves of what is left */
    assert_true(grants() < before + 50);
}

static void test_a_few_seats_over_some_nodes_stay_where_they_are(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 7);
    settle(8);
    uint32_t before = grants();
    assert_true(relays[1].granted >= 2 && relays[2].granted >= 2);
    assert_true(branches_own_cap(book, 7) >= 1);
    for (unsigned i = 0; i < 40; i++) {
        views[1].seats_free = 1000 - i % 7 * 30; /* what they could take changes a little */
        views[2].seats_free = 1000 - i % 5 * 40;
        settle(1);
    }
    assert_int_equal(grants(), before);
}

static void test_one_seat_is_never_moved_between_those_who_can_give_it(void **state)
{
    (void)state;
    make_house(6, 1, 1000, 1);
    for (unsigned i = 0; i < 60; i++) {
        views[1 + i % 5].seats_free = 1000 - i * 10;
        look.takes_newcomers = i % 2 == 0;
        settle(1);
    }
    assert_int_equal(grants(), 0);
    assert_int_equal(branches_own_cap(book, 1), 1);
}

static void test_a_seat_that_the_origin_cannot_give_goes_to_a_relay(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 1);
    views[0].seats_free = 400; /* less than it keeps back */
    settle(4);
    assert_int_equal(branches_own_cap(book, 1), 0);
    assert_int_equal(branches_free_elsewhere(book), 1);
}

static void test_seats_do_not_stay_at_a_relay_that_cannot_give_them(void **state)
{
    (void)state;
    for (unsigned reason = 0; reason < 4; reason++) {
        make_house(3, 1, 1000, 900);
        settle(4);
        sit(1, 10);
        assert_true(relays[1].granted > 300);
        look.takes_newcomers = false; /* also while people wait */
        views[1].is_draining = reason == 0;
        relays[1].report.is_hearing = reason != 1;
        views[1].seats_free = reason == 2 ? 0 : views[1].seats_free;
        views[1].joins_per_s = reason == 3 ? 0 : views[1].joins_per_s;
        uint32_t seats_free = views[1].seats_free;
        for (unsigned i = 0; i < 1000; i++) {
            settle(1);
            views[1].seats_free = seats_free;
            look.own_taken += look.own_taken < branches_own_cap(book, 900);
            if (relays[2].report.seated < relays[2].report.seats)
                sit(2, 1);
        }
        assert_int_equal(relays[1].granted, 10);
        assert_int_equal(look.own_taken + relays[2].report.seated, 890);
    }
}

static void test_a_lower_cap_evicts_nobody(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 900);
    settle(4);
    sit(1, 300);
    sit(2, 100);
    look.own_taken = 50;
    settle(4);
    look.cap = 200;
    assert_int_equal(branches_own_cap(book, 200), 0);
    settle(8);
    assert_int_equal(relays[1].granted, 300);
    assert_int_equal(relays[2].granted, 100);
    assert_int_equal(branches_own_cap(book, 200), 0);
    relay_seats(1, 20);
    settle(8);
    struct branches_counts counts;
    branches_counts(book, now_us, &counts);
    assert_int_equal(counts.granted + branches_own_cap(book, 200), 200);
}

static void test_a_block_counts_until_a_report_says_that_it_is_less(void **state)
{
    (void)state;
    make_house(2, 1, 1000, 900);
    settle(4);
    uint32_t block = relays[1].granted;
    look.cap = 100;
    now_us += HOUSE_STEP_US;
    assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
    assert_int_equal(look_at(1).block, block);
    assert_int_equal(branches_own_cap(book, 900), 900 - block);
    assert_int_equal(relay_reports(1), 0); /* of before */
    assert_int_equal(look_at(1).block, block);
    settle(6); /* said again */
    assert_true(look_at(1).block < 100);
}

static void test_a_grant_on_the_way_counts_when_the_link_is_lost(void **state)
{
    (void)state;
    make_house(2, 1, 1000, 0);
    settle(4);
    assert_true(relays[1].granted >= 1000);
    make_house(2, 1, 1000, 600);
    report_all();
    step();
    relays[1].report.is_hearing = true;
    report_all();
    now_us += HOUSE_STEP_US;
    assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
    uint32_t block = look_at(1).block;
    assert_true(block > 300);
    branches_lost(book, id_of(1), now_us);
    assert_int_equal(branches_own_cap(book, 600), 600 - block);
    assert_true(branches_take_back(book, id_of(1)));
    assert_int_equal(branches_own_cap(book, 600), 600 - --block);
    branches_left(book, id_of(1), now_us);
    assert_int_equal(branches_own_cap(book, 600), 600 - block); /* it may come, and it with it */
    now_us += 20 * 1000 * 1000;
    step();
    assert_int_equal(branches_own_cap(book, 600), 600);
}

static void test_the_block_of_a_silent_relay_is_kept_for_those_who_return(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    sit(1, 100);
    settle(1);
    uint32_t own = branches_own_cap(book, 300), block = look_at(1).block;
    branches_lost(book, id_of(1), now_us);
    ages_ms[1] = 9999;
    settle(4);
    assert_int_equal(look_at(1).block, block);
    assert_true(look_at(1).is_silent);
    assert_false(branches_take_back(book, id_of(2)));
    own = branches_own_cap(book, 300);
    for (uint32_t i = 1; i <= 30; i++) {
        assert_true(branches_take_back(book, i % 2 == 0 ? id_of(1) : NULL));
        assert_int_equal(branches_own_cap(book, 300), own + i);
    }
    settle(70);
    assert_int_equal(look_at(1).block, block - 30);
    settle(10);
    size_t at = 0;
    struct branches_relay relay;
    assert_true(branches_next(book, &at, &relay));
    assert_string_equal(relay.id, id_of(2));
    assert_false(branches_next(book, &at, &relay));
    ages_ms[1] = 0; /* and is back, with those who stayed: */
    relay_seats(1, 70);
    uint32_t number = relays[1].report.grant;
    settle(4);
    assert_true(relays[1].report.grant > number);
    assert_true(relays[1].granted >= 70);
    assert_int_equal(look_at(1).seated, 70);
}

static void test_who_sits_at_a_relay_that_was_only_cut_off_counts(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    sit(1, 100);
    settle(1);
    branches_lost(book, id_of(1), now_us);
    ages_ms[1] = 9999;
    settle(1);
    while (look_at(1).block > 90)
        assert_true(branches_take_back(book, id_of(1)));
    assert_int_equal(relay_reports(1), 0);
    assert_int_equal(look_at(1).block, 100);
    sit(1, 5); /* it cannot raise its block itself */
    assert_int_equal(relay_reports(1), 0);
    assert_int_equal(look_at(1).block, 100);
}

static void test_a_report_raises_no_block(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    uint32_t block = look_at(1).block;
    relays[1].report.seats = UINT32_MAX;
    relays[1].report.grant = UINT32_MAX;
    relays[1].report.children = UINT32_MAX;
    relays[1].report.turned_away = UINT64_MAX;
    for (unsigned i = 0; i < 30; i++) {
        assert_int_equal(relay_reports(1), 0);
        assert_int_equal(relay_reports(2), 0);
        now_us += HOUSE_STEP_US;
        assert_int_equal(branches_step(book, &look, now_us, count_only, NULL), 0);
        assert_true(look_at(1).block + look_at(2).block + branches_own_cap(book, 300) <= 300);
        if (i < 15)
            assert_int_equal(look_at(1).block, block);
        else
            relays[1].report.seated = UINT32_MAX; /* it gets a share of what is free, no more */
    }
}

static void test_a_relay_that_was_started_anew_is_told_anew(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    uint32_t number = relays[1].report.grant;
    make_relay(1);
    settle(6);
    assert_true(relays[1].report.grant > number);
    assert_true(relays[1].report.place > 0);
    assert_true(relays[1].report.seats > 100);
}

static void test_an_origin_that_was_started_anew_learns_blocks_first(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    settle(4);
    uint32_t place = relays[1].report.place, blocks = relays[1].granted + relays[2].granted;
    make_book(true);
    look.own_taken = 5;
    assert_int_equal(branches_own_cap(book, 300), 0);
    step();
    assert_int_equal(branches_own_cap(book, 300), 5);
    assert_int_equal(relay_reports(1), 0);
    step();
    assert_int_equal(relays[1].report.seats, relays[1].granted);
    settle(16);
    assert_true(relays[1].report.place > place);
    assert_true(relays[1].granted + relays[2].granted >= blocks / 2);
    assert_int_equal(branches_own_cap(book, 300), 300 - relays[1].granted - relays[2].granted);
}

static void test_nothing_is_given_away_before_all_have_called_after_a_restart(void **state)
{
    (void)state;
    make_house(3, 1, 1000, 300);
    views[1].seats_free = 10; /* so the other one has most */
    settle(4);
    views[1].seats_free = 1000;
    make_book(true);
    for (unsigned i = 0; i < 11; i++) {
        step();
        assert_int_equal(relay_reports(1), 0);
        if (i > 8)
            assert_int_equal(relay_reports(2), 0);
        assert_true(relays[1].report.seats + relays[2].report.seats <= 300);
    }
    settle(8);
    assert_int_equal(branches_own_cap(book, 300), 300 - relays[1].granted - relays[2].granted);
}

static void test_without_a_cap_a_block_is_what_the_node_can_take(void **state)
{
    (void)state;
    make_house(2, 1, 800, 0);
    settle(4);
    assert_in_range(relays[1].granted, 800, 1000);
    uint32_t before = grants();
    for (unsigned i = 0; i < 20; i++) {
        views[1].seats = 700 + i * 10;
        settle(1);
    }
    assert_int_equal(grants(), before);
}

static void test_relays_hear_when_a_line_begins_and_not_of_each_moment_without(void **state)
{
    (void)state;
    make_house(2, 1, 1000, 500);
    settle(4);
    uint32_t before = grants();
    for (unsigned i = 0; i < 40; i++) {
        look.takes_newcomers = i % 2 == 1;
        settle(1);
        assert_true(look.takes_newcomers || !relays[1].takes_newcomers);
    }
    assert_true(grants() <= before + 11); /* two in two seconds */
    look.takes_newcomers = true;
    settle(10);
    assert_true(relays[1].takes_newcomers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_room_without_relays_has_all_seats_at_its_origin),
        cmocka_unit_test(test_free_seats_are_shared_by_what_each_can_take),
        cmocka_unit_test(test_a_seat_that_is_taken_is_no_reason_for_a_grant),
        cmocka_unit_test(test_a_few_seats_over_some_nodes_stay_where_they_are),
        cmocka_unit_test(test_one_seat_is_never_moved_between_those_who_can_give_it),
        cmocka_unit_test(test_a_seat_that_the_origin_cannot_give_goes_to_a_relay),
        cmocka_unit_test(test_seats_do_not_stay_at_a_relay_that_cannot_give_them),
        cmocka_unit_test(test_a_lower_cap_evicts_nobody),
        cmocka_unit_test(test_a_block_counts_until_a_report_says_that_it_is_less),
        cmocka_unit_test(test_a_grant_on_the_way_counts_when_the_link_is_lost),
        cmocka_unit_test(test_the_block_of_a_silent_relay_is_kept_for_those_who_return),
        cmocka_unit_test(test_who_sits_at_a_relay_that_was_only_cut_off_counts),
        cmocka_unit_test(test_a_report_raises_no_block),
        cmocka_unit_test(test_a_relay_that_was_started_anew_is_told_anew),
        cmocka_unit_test(test_an_origin_that_was_started_anew_learns_blocks_first),
        cmocka_unit_test(test_nothing_is_given_away_before_all_have_called_after_a_restart),
        cmocka_unit_test(test_without_a_cap_a_block_is_what_the_node_can_take),
        cmocka_unit_test(test_relays_hear_when_a_line_begins_and_not_of_each_moment_without),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    branches_destroy(book);
    return failed;
}
