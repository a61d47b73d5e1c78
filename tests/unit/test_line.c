#include "line_tools.h"

enum { NO_PREFIX = 0, SWEEP_MAX = 128 };

static void enter(struct line *line, enum line_class class, uint64_t number, uint64_t now_us)
{
    assert_int_equal(line_enter(line, class, number, NO_PREFIX, now_us), 0);
}

static void sweep_all(struct line *line, uint64_t now_us)
{
    for (uint32_t quiet = 0; quiet < 64; quiet++)
        if (line_sweep(line, now_us) > 0)
            quiet = 0;
}

static void test_who_asked_first_stands_first(void **state)
{
    (void)state;
    static const uint64_t numbers[] = {500, 100, 300, 200, 400};
    struct line *line = make_line(100, LINE_PER_PREFIX);
    for (unsigned i = 0; i < 5; i++)
        enter(line, LINE_CLASS_ANONYMOUS, numbers[i], i);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(line_rank(line, (i + 1) * 100), i);
    assert_int_equal(line_rank(line, 150), UINT32_MAX);
    assert_int_equal(line_count(line), 5);
    line_destroy(line);
    line_destroy(NULL);
}

static void test_classes_stand_one_behind_the_other(void **state)
{
    (void)state;
    struct line *line = make_line(100, LINE_PER_PREFIX);
    enter(line, LINE_CLASS_ANONYMOUS, 10, 0);
    enter(line, LINE_CLASS_INVITED, 20, 0);
    enter(line, LINE_CLASS_RETURNING, 30, 0);
    enter(line, LINE_CLASS_SEATED, 40, 0);
    enter(line, LINE_CLASS_ANONYMOUS, 5, 0);
    enter(line, LINE_CLASS_SEATED, 50, 0);
    static const uint64_t order[] = {40, 50, 30, 20, 5, 10};
    for (uint32_t i = 0; i < 6; i++)
        assert_int_equal(line_rank(line, order[i]), i);
    line_destroy(line);
}

static void test_an_old_number_comes_back_to_its_place(void **state)
{
    (void)state;
    enum { PEOPLE = 3000 };
    struct line *line = make_line(PEOPLE, LINE_PER_PREFIX);
    /* as after a restart: every third one late, in whatever order, newcomers already there */
    for (uint64_t i = 0; i < PEOPLE; i++)
        if (i % 3 != 1)
            enter(line, LINE_CLASS_RETURNING, 1000 + i * 10, i);
    for (uint64_t i = 0; i < PEOPLE; i++) {
        uint64_t late = (i * 1327) % PEOPLE;
        if (late % 3 == 1)
            enter(line, LINE_CLASS_RETURNING, 1000 + late * 10, PEOPLE + i);
    }
    for (uint64_t i = 0; i < PEOPLE; i++)
        assert_int_equal(line_rank(line, 1000 + i * 10), i);
    /* asking again is no second place, and no better one */
    enter(line, LINE_CLASS_RETURNING, 1000 + 700 * 10, SECOND_US);
    assert_int_equal(line_rank(line, 1000 + 700 * 10), 700);
    assert_int_equal(line_count(line), PEOPLE);
    line_destroy(line);
}

static void test_a_place_goes_to_the_better_class_and_stays_there(void **state)
{
    (void)state;
    struct line *line = make_line(100, 2);
    for (uint64_t i = 1; i <= 4; i++)
        enter(line, LINE_CLASS_ANONYMOUS, i, 0);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 9, 77, 0), 0);
    assert_int_equal(line_enter(line, LINE_CLASS_INVITED, 9, 77, 0), 0);
    assert_int_equal(line_rank(line, 9), 0);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 9, 77, 0), 0);
    assert_int_equal(line_rank(line, 9), 0);
    assert_int_equal(line_count(line), 5);
    assert_int_equal(line_moved(line), 0);
    assert_true(line_may_sit(line, 9, 1, 0));
    assert_false(line_may_sit(line, 1, 1, 0));
    /* it counted once for its prefix all the time */
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 10, 77, 0), 0);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 11, 77, 0), ERR_EXIST);
    assert_true(line_leave(line, 9, LINE_WHY_SEATED));
    assert_int_equal(line_rank(line, 9), UINT32_MAX);
    assert_int_equal(line_count(line), 5);
    line_destroy(line);
}

static void test_a_prefix_holds_eight_places(void **state)
{
    (void)state;
    const uint64_t prefix = 0xFFFFC0000201, other = 0xFFFFC0000202;
    struct line *line = make_line(100, LINE_PER_PREFIX);
    for (uint64_t i = 1; i <= 8; i++)
        assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, i, prefix, 0), 0);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 9, prefix, 0), ERR_EXIST);
    assert_int_equal(line_enter(line, LINE_CLASS_SEATED, 9, prefix, 0), ERR_EXIST);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 9, other, 0), 0);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 8, prefix, 0),
                     0); /* it is one of them */
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 9, prefix, 0),
                     0); /* on another network now */
    assert_int_equal(line_count(line), 9);
    assert_true(line_leave(line, 3, LINE_WHY_GAVE_UP));
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 10, prefix, 0), 0);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 11, prefix, 0), ERR_EXIST);
    for (uint64_t i = 100; i < 150; i++)
        enter(line, LINE_CLASS_ANONYMOUS, i, 0); /* without a prefix there is no limit */
    line_destroy(line);
}

static void test_one_venue_may_hold_more(void **state)
{
    (void)state;
    struct line *line = make_line(1000, LINE_PER_PREFIX);
    line_set_per_prefix(line, 300);
    for (uint64_t i = 1; i <= 300; i++)
        assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, i, 5, 0), 0);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 301, 5, 0), ERR_EXIST);
    line_set_per_prefix(line, LINE_PER_PREFIX);
    for (uint64_t i = 1; i <= 292; i++) {
        assert_true(line_leave(line, i, LINE_WHY_SEATED));
        assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 301, 5, 0), ERR_EXIST);
    }
    assert_true(line_leave(line, 293, LINE_WHY_SEATED));
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 301, 5, 0), 0);
    line_destroy(line);
}

static void test_a_prefix_that_holds_nothing_is_forgotten(void **state)
{
    (void)state;
    enum { PASSING = 3000 }; /* many times the room for prefixes */
    struct line *line = make_line(21, 1);
    for (uint64_t i = 1; i <= PASSING; i++) {
        assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, i, i, 0), 0);
        assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, PASSING + i, i, 0), ERR_EXIST);
        if (i >= 20)
            assert_true(line_leave(line, i - 19, LINE_WHY_GAVE_UP));
    }
    line_destroy(line);
}

static void test_a_place_lapses_after_two_minutes(void **state)
{
    (void)state;
    struct line *line = make_line(100, 1);
    uint64_t start_us = 7 * SECOND_US;
    for (uint64_t i = 1; i <= 3; i++)
        assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, i, i, start_us), 0);
    assert_int_equal(line_seen(line, 1, start_us + 60 * SECOND_US), 0);
    assert_int_equal(line_seen(line, 2, start_us + 120 * SECOND_US), 0);
    /* found out by itself, or by the sweep: it is the same */
    assert_int_equal(line_seen(line, 3, start_us + 121 * SECOND_US), ERR_NOENT);
    assert_int_equal(line_count(line), 2);
    sweep_all(line, start_us + 179 * SECOND_US);
    assert_int_equal(line_count(line), 2);
    sweep_all(line, start_us + 181 * SECOND_US);
    assert_int_equal(line_count(line), 1);
    assert_int_equal(line_rank(line, 2), 0);
    assert_int_equal(line_seen(line, 1, start_us + 181 * SECOND_US), ERR_NOENT);
    assert_int_equal(line_moved(line), 2);
    /* their prefixes are free again */
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 11, 1, start_us + 181 * SECOND_US), 0);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 13, 3, start_us + 181 * SECOND_US), 0);
    line_destroy(line);
}

static void test_a_lapsed_place_that_nobody_swept_is_none(void **state)
{
    (void)state;
    struct line *line = make_line(2, 1);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 1, 1, 0), 0);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 2, 2, 0), 0);
    uint64_t now_us = 130 * SECOND_US;
    assert_false(line_may_sit(line, 1, 5, now_us));
    assert_int_equal(line_enter(line, LINE_CLASS_INVITED, 1, 1, now_us),
                     0); /* as if swept before */
    assert_int_equal(line_moved(line), 1);
    assert_int_equal(line_enter(line, LINE_CLASS_INVITED, 2, 1, now_us), ERR_EXIST);
    assert_int_equal(line_moved(line), 2);
    assert_int_equal(line_rank(line, 2), UINT32_MAX);
    line_destroy(line);
}

static void test_a_sweep_is_bounded_and_gets_everywhere(void **state)
{
    (void)state;
    enum { PEOPLE = 20000 };
    struct line *line = make_line(PEOPLE, LINE_PER_PREFIX);
    for (uint64_t i = 1; i <= PEOPLE; i++)
        assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, i, i, SECOND_US), 0);
    for (uint64_t i = 1; i <= PEOPLE; i++) /* half of them stay */
        if (i % 2 == 0)
            assert_int_equal(line_seen(line, i, 50 * SECOND_US), 0);
    uint64_t now_us = 125 * SECOND_US;
    unsigned calls = 0;
    for (; line_count(line) > PEOPLE / 2; calls++) {
        assert_in_range(calls, 0, PEOPLE / SWEEP_MAX);
        assert_in_range(line_sweep(line, now_us), 0, SWEEP_MAX);
    }
    for (uint32_t i = 0; i < PEOPLE / 2; i++)
        assert_int_equal(line_rank(line, 2 * (i + 1)), i);
    /* one lapsed place among many is found in one round */
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 9999, 1, now_us - SECOND_US), 0);
    for (uint64_t i = 2; i <= PEOPLE; i += 2)
        assert_int_equal(line_seen(line, i, now_us), 0);
    now_us += 115 * SECOND_US;
    for (uint64_t i = 2; i <= PEOPLE; i += 2)
        assert_int_equal(line_seen(line, i, now_us), 0);
    now_us += 10 * SECOND_US;
    uint32_t lapsed = 0;
    for (unsigned i = 0; i < 2 * PEOPLE / 504 / 8 + 2; i++)
        lapsed += line_sweep(line, now_us);
    assert_int_equal(lapsed, 1);
    assert_int_equal(line_rank(line, 9999), UINT32_MAX);
    line_destroy(line);
}

static void test_free_seats_go_to_the_first_who_are_there(void **state)
{
    (void)state;
    enum { PEOPLE = 2000 };
    struct line *line = make_line(PEOPLE, LINE_PER_PREFIX);
    for (uint64_t i = 1; i <= PEOPLE; i++)
        enter(line, LINE_CLASS_ANONYMOUS, i, SECOND_US);
    /* five seconds later only every fifth one is there */
    uint64_t now_us = 6 * SECOND_US;
    for (uint64_t i = 5; i <= PEOPLE; i += 5)
        assert_int_equal(line_seen(line, i, now_us), 0);
    for (uint32_t i = 1; i <= PEOPLE; i++) {
        if (i % 5 != 0) {
            assert_false(line_may_sit(line, i, PEOPLE, now_us));
            continue;
        }
        assert_true(line_may_sit(line, i, i / 5, now_us));
        assert_false(line_may_sit(line, i, i / 5 - 1, now_us));
    }
    /* who has been away has its place before them, once it is back */
    assert_int_equal(line_seen(line, 1, now_us), 0);
    assert_true(line_may_sit(line, 1, 1, now_us));
    assert_false(line_may_sit(line, 5, 1, now_us));
    assert_true(line_may_sit(line, 5, 2, now_us));
    assert_false(line_may_sit(line, PEOPLE + 1, PEOPLE, now_us)); /* nobody */
    line_destroy(line);
}

static void test_fresh_is_three_seconds(void **state)
{
    (void)state;
    struct line *line = make_line(100, LINE_PER_PREFIX);
    for (uint64_t part_us = 0; part_us < SECOND_US; part_us += 70000) {
        uint64_t seen_us = line_moved(line) * 10 * SECOND_US + SECOND_US + part_us;
        enter(line, LINE_CLASS_ANONYMOUS, 1, seen_us);
        enter(line, LINE_CLASS_ANONYMOUS, 2, seen_us + SECOND_US / 2);
        assert_true(line_may_sit(line, 1, 1, seen_us + 3 * SECOND_US));
        assert_false(line_may_sit(line, 2, 1, seen_us + 3 * SECOND_US));
        assert_false(line_may_sit(line, 1, 1, seen_us + 3200000));
        assert_true(line_may_sit(line, 2, 1, seen_us + 3200000));
        assert_true(line_leave(line, 1, LINE_WHY_SEATED));
        assert_true(line_leave(line, 2, LINE_WHY_SEATED));
    }
    /* after a long silence nobody is */
    enter(line, LINE_CLASS_ANONYMOUS, 1, 1000 * SECOND_US);
    enter(line, LINE_CLASS_ANONYMOUS, 2, 1100 * SECOND_US);
    assert_true(line_may_sit(line, 2, 1, 1100 * SECOND_US));
    assert_false(line_may_sit(line, 1, 2, 1100 * SECOND_US));
    line_destroy(line);
}

static void test_a_full_line_takes_nobody_but_its_own(void **state)
{
    (void)state;
    struct line *line = make_line(3, LINE_PER_PREFIX);
    for (uint64_t i = 1; i <= 3; i++)
        enter(line, LINE_CLASS_ANONYMOUS, i, 0);
    assert_int_equal(line_enter(line, LINE_CLASS_SEATED, 4, NO_PREFIX, 0), ERR_FULL);
    enter(line, LINE_CLASS_SEATED, 3, 0); /* even to another class */
    assert_int_equal(line_rank(line, 3), 0);
    assert_true(line_leave(line, 1, LINE_WHY_GAVE_UP));
    enter(line, LINE_CLASS_ANONYMOUS, 4, 0);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 5, NO_PREFIX, 0), ERR_FULL);
    line_destroy(line);
}

static void test_leaving_counts_once(void **state)
{
    (void)state;
    struct line *line = make_line(10, LINE_PER_PREFIX);
    enter(line, LINE_CLASS_ANONYMOUS, 1, 0);
    enter(line, LINE_CLASS_ANONYMOUS, 2, 0);
    assert_true(line_leave(line, 1, LINE_WHY_SEATED));
    assert_false(line_leave(line, 1, LINE_WHY_SEATED));
    assert_int_equal(line_moved(line), 1);
    assert_int_equal(line_count(line), 1);
    assert_int_equal(line_seen(line, 1, 0), ERR_NOENT);
    line_destroy(line);
}

static void test_a_clock_that_steps_back_stands_still(void **state)
{
    (void)state;
    struct line *line = make_line(10, LINE_PER_PREFIX);
    enter(line, LINE_CLASS_ANONYMOUS, 1, 500 * SECOND_US);
    assert_int_equal(line_seen(line, 1, 10 * SECOND_US), 0);
    assert_true(line_may_sit(line, 1, 1, 0));
    assert_int_equal(line_sweep(line, 0), 0);
    assert_in_range(line_again_ms(line, 1, 0), 800, 1200);
    line_destroy(line);
}

static void test_what_is_out_of_range_is_refused(void **state)
{
    (void)state;
    struct line *line = NULL;
    struct line_params params = {0, LINE_PER_PREFIX, chance_u32};
    assert_int_equal(line_create(&line, &params), ERR_INVAL);
    params.places_max = LINE_PLACES_MAX + 1;
    assert_int_equal(line_create(&line, &params), ERR_INVAL);
    params.places_max = 1;
    params.per_prefix = 0;
    assert_int_equal(line_create(&line, &params), ERR_INVAL);
    params.per_prefix = LINE_PER_PREFIX_MAX + 1;
    assert_int_equal(line_create(&line, &params), ERR_INVAL);
    assert_null(line);
    line = make_line(10, LINE_PER_PREFIX);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, 0, 1, 0), ERR_INVAL);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, UINT64_C(1) << 62, 1, 0), ERR_INVAL);
    assert_int_equal(line_enter(line, (enum line_class)4, 1, 1, 0), ERR_INVAL);
    assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, (UINT64_C(1) << 62) - 1, 1, 0), 0);
    line_destroy(line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_asked_first_stands_first),
        cmocka_unit_test(test_classes_stand_one_behind_the_other),
        cmocka_unit_test(test_an_old_number_comes_back_to_its_place),
        cmocka_unit_test(test_a_place_goes_to_the_better_class_and_stays_there),
        cmocka_unit_test(test_a_prefix_holds_eight_places),
        cmocka_unit_test(test_one_venue_may_hold_more),
        cmocka_unit_test(test_a_prefix_that_holds_nothing_is_forgotten),
        cmocka_unit_test(test_a_place_lapses_after_two_minutes),
        cmocka_unit_test(test_a_lapsed_place_that_nobody_swept_is_none),
        cmocka_unit_test(test_a_sweep_is_bounded_and_gets_everywhere),
        cmocka_unit_test(test_free_seats_go_to_the_first_who_are_there),
        cmocka_unit_test(test_fresh_is_three_seconds),
        cmocka_unit_test(test_a_full_line_takes_nobody_but_its_own),
        cmocka_unit_test(test_leaving_counts_once),
        cmocka_unit_test(test_a_clock_that_steps_back_stands_still),
        cmocka_unit_test(test_what_is_out_of_range_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
