/* When people in line are told to check in again, and what that makes for the server. */
#include "line_tools.h"

#include <stdlib.h>

enum { SECONDS = 400, NOBODY = 0, COME_PER_MS = 50 };

/* People with the numbers 1 to LINE_PLACES_MAX, who do as they are told, to the millisecond. */
struct herd {
    struct line *line;
    uint32_t people;
    uint32_t longest_ms;
    uint32_t due[SECONDS * 1000]; /* lists */
    uint32_t next[LINE_PLACES_MAX + 1];
};

static uint32_t ask_when(struct herd *herd, uint32_t number, uint32_t ms)
{
    uint32_t again_ms = line_again_ms(herd->line, number, ms * UINT64_C(1000));
    if (again_ms > herd->longest_ms)
        herd->longest_ms = again_ms;
    if (ms + again_ms < SECONDS * 1000) {
        herd->next[number] = herd->due[ms + again_ms];
        herd->due[ms + again_ms] = number;
    }
    return again_ms;
}

static uint32_t check_in(struct herd *herd, uint32_t ms)
{
    enum { FRONT = 28 };
    uint32_t count = 0;
    for (uint32_t number = herd->due[ms]; number != NOBODY; count++) {
        uint32_t next = herd->next[number];
        assert_int_equal(line_seen(herd->line, number, ms * UINT64_C(1000)), 0);
        uint32_t again_ms = ask_when(herd, number, ms);
        if (number <= FRONT)
            assert_in_range(again_ms, 640, 960);
        number = next;
    }
    return count;
}

/* People 1 to `last` are there at this moment, whatever they were told. */
static void all_check_in(struct herd *herd, uint32_t last, uint64_t now_us)
{
    for (uint32_t number = 1; number <= last; number++)
        assert_int_equal(line_enter(herd->line, LINE_CLASS_ANONYMOUS, number, 0, now_us), 0);
}

static struct herd *make_herd(void)
{
    struct herd *herd = calloc(1, sizeof(*herd));
    assert_non_null(herd);
    chance = 3;
    herd->line = make_line(LINE_PLACES_MAX, LINE_PER_PREFIX);
    return herd;
}

/* Everybody comes within two seconds, and the line is as long as can be. */
static void test_never_more_check_ins_than_the_server_wants(void **state)
{
    (void)state;
    struct herd *herd = make_herd();
    uint32_t in_second = 0;
    uint32_t most = 0;
    for (uint32_t ms = 0; ms < SECONDS * 1000; ms++) {
        uint64_t now_us = ms * UINT64_C(1000);
        for (unsigned i = 0; i < COME_PER_MS && herd->people < LINE_PLACES_MAX; i++) {
            uint32_t number = ++herd->people;
            assert_int_equal(line_enter(herd->line, LINE_CLASS_ANONYMOUS, number, 0, now_us), 0);
            (void)ask_when(herd, number, ms);
        }
        in_second = (ms % 1000 == 0 ? 0 : in_second) + check_in(herd, ms);
        most = in_second > most ? in_second : most;
        assert_in_range(in_second, 0, LINE_CHECK_INS_PER_S);
        if (ms % 100 == 0) /* nobody lapses who does as told */
            assert_int_equal(line_sweep(herd->line, now_us), 0);
    }
    print_message("100,000 in line: %u check-ins in a second at most, again after %u ms at most\n",
                  most, herd->longest_ms);
    assert_in_range(herd->longest_ms, 60000, 106000);
    line_destroy(herd->line);
    free(herd);
}

static void test_the_farther_back_the_later_and_no_two_at_once(void **state)
{
    (void)state;
    enum { PEOPLE = 5000 };
    struct herd *herd = make_herd();
    uint32_t again_ms[PEOPLE + 1];
    unsigned same = 0;
    all_check_in(herd, PEOPLE, 0);
    again_ms[0] = 0;
    for (uint32_t number = 1; number <= PEOPLE; number++) {
        again_ms[number] = line_again_ms(herd->line, number, 0);
        assert_in_range(again_ms[number], 640, 60000);
        same += again_ms[number] == again_ms[number - 1];
    }
    assert_in_range(same, 0, 100);
    for (uint32_t number = 1; number <= 28; number++) /* as if 36 were seated in a second */
        assert_in_range(again_ms[number], 640, 960);
    for (uint32_t number = 29; number < 72; number++)
        assert_int_equal(again_ms[number], number * 1000 / 36);
    for (uint32_t number = 3001; number <= PEOPLE; number++)
        assert_in_range(again_ms[number], 40000, 60000);
    for (uint32_t number = 600; number <= 3000; number++)
        assert_true(again_ms[number] > again_ms[number / 3]);
    line_destroy(herd->line);
    free(herd);
}

/* Whoever asks again and again gets an appointment, not many: the others keep theirs. */
static void test_one_who_asks_too_often_fills_no_seconds(void **state)
{
    (void)state;
    struct herd *herd = make_herd();
    all_check_in(herd, 9000, SECOND_US);
    for (unsigned i = 0; i < 200000; i++) {
        uint64_t now_us = SECOND_US + i * 10;
        if (i % 3 > 0)
            assert_int_equal(line_seen(herd->line, 9000, now_us), 0);
        assert_in_range(line_again_ms(herd->line, 9000, now_us), 40000, 60000);
    }
    assert_in_range(line_again_ms(herd->line, 1, 3 * SECOND_US), 640, 960);
    line_destroy(herd->line);
    free(herd);
}

/* Nor does it help to come, to be told, and to go. */
static void test_those_who_go_give_their_appointments_back(void **state)
{
    (void)state;
    struct herd *herd = make_herd();
    for (uint32_t number = 1; number <= 20000; number++) { /* three thousand in a second */
        uint64_t now_us = SECOND_US + number * 333;
        assert_int_equal(line_enter(herd->line, LINE_CLASS_ANONYMOUS, number, 0, now_us), 0);
        assert_in_range(line_again_ms(herd->line, number, now_us), 640, 960);
        assert_true(line_leave(herd->line, number, LINE_WHY_GAVE_UP));
    }
    line_destroy(herd->line);
    free(herd);
}

/* The faster the line moves, the sooner those behind have to be there. */
static void test_a_fast_line_is_told_to_come_sooner(void **state)
{
    (void)state;
    const struct line_outlook outlook = {.most_per_s = 450};
    struct herd *herd = make_herd();
    uint64_t now_us = SECOND_US;
    all_check_in(herd, 10000, now_us);
    for (uint32_t number = 2001; number <= 10000; number++)
        assert_in_range(line_again_ms(herd->line, number, now_us), 20000, 60000);
    for (uint32_t number = 1; number <= 2000; number++) { /* 200 a second */
        now_us += 5000;
        assert_int_equal(line_seen(herd->line, number, now_us), 0);
        assert_true(line_leave(herd->line, number, LINE_WHY_SEATED));
    }
    line_expect(herd->line, &outlook);
    /* 2500 before it: 12.5 s, of which it waits about three fifths */
    assert_in_range(line_again_ms(herd->line, 4500, now_us), 5000, 10000);
    assert_in_range(line_again_ms(herd->line, 2200, now_us), 900, 1100); /* at its turn */
    /* could not sit, but soon */
    assert_in_range(line_again_ms(herd->line, 2001, now_us), 160, 240);
    line_expect(herd->line, &(struct line_outlook){0}); /* nobody, for a moment */
    assert_in_range(line_again_ms(herd->line, 2200, now_us), 900, 1100);
    line_destroy(herd->line);
    free(herd);
}

static void test_doors_that_are_about_to_open_have_people_before_them(void **state)
{
    (void)state;
    const struct line_outlook opening = {.most_per_s = 450, .opens_us = 2 * SECOND_US};
    const struct line_outlook unknown = {.most_per_s = 450};
    struct herd *herd = make_herd();
    uint64_t now_us = SECOND_US / 2;
    all_check_in(herd, 10000, now_us);
    line_expect(herd->line, &opening); /* each at the moment of their turn... */
    assert_int_equal(line_again_ms(herd->line, 1, now_us), 1500 + 2);
    assert_int_equal(line_again_ms(herd->line, 180, now_us), 1500 + 400);
    assert_in_range(line_again_ms(herd->line, 7500, now_us), 8500, 13000); /* ...or well before */
    now_us = 12 * SECOND_US;
    all_check_in(herd, 10000, now_us);
    line_expect(herd->line, &unknown);
    assert_in_range(line_again_ms(herd->line, 500, now_us), 6000, 12000);
    line_destroy(herd->line);
    free(herd);
}

/* Nobody knows yet how fast it will be: rather too early than in the wrong order. */
static void test_a_line_that_has_just_begun_may_be_fast(void **state)
{
    (void)state;
    const struct line_outlook outlook = {.most_per_s = 200};
    struct herd *herd = make_herd();
    all_check_in(herd, 1000, SECOND_US);
    line_expect(herd->line, &outlook);
    assert_int_equal(line_again_ms(herd->line, 300, SECOND_US), 1500);
    assert_in_range(line_again_ms(herd->line, 1000, SECOND_US), 2400, 3600);
    line_expect(herd->line,
                &(struct line_outlook){.most_per_s = 0}); /* the door is shut for a moment */
    assert_int_equal(line_again_ms(herd->line, 300, SECOND_US), 1500);
    all_check_in(herd, 1000, 12 * SECOND_US);
    assert_in_range(line_again_ms(herd->line, 1000, 12 * SECOND_US), 13000, 20000);
    line_destroy(herd->line);
    free(herd);
}

static void test_a_new_line_may_be_faster_than_the_one_before(void **state)
{
    (void)state;
    const struct line_outlook outlook = {.most_per_s = 200};
    struct herd *herd = make_herd();
    all_check_in(herd, 40, SECOND_US);
    for (uint32_t number = 1; number <= 40; number++) { /* two a second */
        assert_int_equal(line_seen(herd->line, number, (2 + number) * SECOND_US / 2), 0);
        assert_true(line_leave(herd->line, number, LINE_WHY_SEATED));
    }
    all_check_in(herd, 1000, 30 * SECOND_US);
    line_expect(herd->line, &outlook);
    assert_int_equal(line_again_ms(herd->line, 300, 30 * SECOND_US), 1500);
    line_destroy(herd->line);
    free(herd);
}

/* Free seats are to be taken within a second, whatever was usual before. */
static void test_free_seats_call_people_up(void **state)
{
    (void)state;
    const struct line_outlook outlook = {.free_seats = 300, .most_per_s = 400};
    struct herd *herd = make_herd();
    all_check_in(herd, 1000, SECOND_US);
    all_check_in(herd, 1000, 20 * SECOND_US);
    assert_in_range(line_again_ms(herd->line, 300, 20 * SECOND_US), 4000, 6000);
    line_expect(herd->line, &outlook);
    assert_int_equal(line_again_ms(herd->line, 300, 20 * SECOND_US), 1000);
    line_destroy(herd->line);
    free(herd);
}

/* Five hundred who went without a word stand before it, until they lapse. */
static void test_who_is_behind_people_who_went_away_is_at_the_front(void **state)
{
    (void)state;
    struct herd *herd = make_herd();
    for (uint32_t number = 1; number <= 501; number++) {
        assert_int_equal(line_enter(herd->line, LINE_CLASS_ANONYMOUS, number, 0, SECOND_US), 0);
        (void)line_again_ms(herd->line, number, SECOND_US);
    }
    assert_in_range(line_again_ms(herd->line, 501, SECOND_US), 6000, 12000);
    assert_int_equal(line_seen(herd->line, 501, 25 * SECOND_US), 0);
    assert_in_range(line_again_ms(herd->line, 501, 25 * SECOND_US), 640, 960);
    assert_int_equal(line_rank(herd->line, 501), 500); /* they keep their places */
    line_destroy(herd->line);
    free(herd);
}

static void test_who_is_not_there_gets_an_answer_too(void **state)
{
    (void)state;
    struct herd *herd = make_herd();
    assert_in_range(line_again_ms(herd->line, 5, SECOND_US), 640, 60000);
    assert_int_equal(line_enter(herd->line, LINE_CLASS_ANONYMOUS, 5, 0, SECOND_US), 0);
    assert_in_range(line_again_ms(herd->line, 5, 200 * SECOND_US), 640, 960); /* lapsed */
    line_destroy(herd->line);
    free(herd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_never_more_check_ins_than_the_server_wants),
        cmocka_unit_test(test_the_farther_back_the_later_and_no_two_at_once),
        cmocka_unit_test(test_one_who_asks_too_often_fills_no_seconds),
        cmocka_unit_test(test_those_who_go_give_their_appointments_back),
        cmocka_unit_test(test_a_fast_line_is_told_to_come_sooner),
        cmocka_unit_test(test_doors_that_are_about_to_open_have_people_before_them),
        cmocka_unit_test(test_a_line_that_has_just_begun_may_be_fast),
        cmocka_unit_test(test_a_new_line_may_be_faster_than_the_one_before),
        cmocka_unit_test(test_free_seats_call_people_up),
        cmocka_unit_test(test_who_is_behind_people_who_went_away_is_at_the_front),
        cmocka_unit_test(test_who_is_not_there_gets_an_answer_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
