/* What people in line are told, against what happens to them: a service in virtual time lets them in,
 * they check in when they were told to, and some go away without a word. */
#include "admission/moves.h"
#include "line_tools.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

enum { PEOPLE_MAX = 20000, STEP_MS = 20, STEPS_MAX = 100000, NOBODY = 0 };

struct person {
    uint64_t entered_us, leaves_us, seated_us;
    uint64_t shown_us; /* when one of the waits they were told, picked at random */
    uint32_t from_s, to_s;
    uint32_t shown; /* how many */
    uint32_t next;  /* due in the same step */
};

/* Times in seconds. */
struct plan {
    double opens_s, ends_s;
    double seats_per_s;
    double changes_s, seats_per_s_then; /* from changes_s on */
    double comes_per_s;
    double patience_s;    /* 0: endless */
    double judged_from_s; /* waits that were shown before are not looked at */
    uint32_t crowd;       /* are there at the start */
    uint64_t seed;
};

/* People have the numbers 1 to `people`. */
struct evening {
    struct plan plan;
    struct line *line;
    uint32_t people, free_seats;
    uint64_t now_us, next_seat_us, next_person_us;
    uint64_t free_seat_us; /* sum over all */
    uint32_t seated, judged, right, inversions_per_mille;
    uint32_t due[STEPS_MAX];
    struct person person[PEOPLE_MAX + 1];
};

static uint64_t us_of(double seconds)
{
    return (uint64_t)(seconds * (double)SECOND_US);
}

/* Until the next of so many random events in a second. */
static uint64_t gap_us(double per_s)
{
    return us_of(-log((chance_u32() + 0.5) / 4294967296.0) / per_s);
}

static void come_again(struct evening *e, uint32_t number)
{
    uint64_t due_us = e->now_us + (uint64_t)line_again_ms(e->line, number, e->now_us) * 1000;
    uint64_t step = due_us / 1000 / STEP_MS + 1;
    if (step >= STEPS_MAX || due_us >= e->person[number].leaves_us)
        return;
    e->person[number].next = e->due[step];
    e->due[step] = number;
}

static void look_at_the_wait(struct evening *e, uint32_t number)
{
    struct person *person = &e->person[number];
    uint32_t from_s;
    uint32_t to_s;
    if (!line_wait(e->line, number, e->now_us, &from_s, &to_s))
        return;
    assert_true(from_s < to_s);
    if (e->now_us < us_of(e->plan.judged_from_s) || chance_below(++person->shown) != 0)
        return;
    person->shown_us = e->now_us;
    person->from_s = from_s;
    person->to_s = to_s;
}

static void person_comes(struct evening *e)
{
    assert_in_range(e->people, 0, PEOPLE_MAX - 1);
    uint32_t number = ++e->people;
    struct person *person = &e->person[number];
    person->entered_us = e->now_us;
    person->leaves_us =
        e->plan.patience_s > 0 ? e->now_us + gap_us(1 / e->plan.patience_s) : UINT64_MAX;
    assert_int_equal(line_enter(e->line, LINE_CLASS_ANONYMOUS, number, 0, e->now_us), 0);
    look_at_the_wait(e, number);
    come_again(e, number);
}

static void person_checks_in(struct evening *e, uint32_t number)
{
    assert_int_equal(line_seen(e->line, number, e->now_us), 0);
    if (line_may_sit(e->line, number, e->free_seats, e->now_us)) {
        assert_true(line_leave(e->line, number, LINE_WHY_SEATED));
        e->person[number].seated_us = e->now_us;
        e->free_seats--;
        e->seated++;
        return;
    }
    look_at_the_wait(e, number);
    come_again(e, number);
}

static void look_ahead(struct evening *e)
{
    const struct line_outlook outlook = {.free_seats = e->free_seats, .most_per_s = 450};
    line_expect(e->line, &outlook);
}

static void one_step(struct evening *e, uint32_t step)
{
    e->now_us = (uint64_t)step * STEP_MS * 1000;
    bool is_changed = e->plan.changes_s > 0 && e->now_us >= us_of(e->plan.changes_s);
    double per_s = is_changed ? e->plan.seats_per_s_then : e->plan.seats_per_s;
    for (; e->next_seat_us <= e->now_us; e->next_seat_us += gap_us(per_s))
        e->free_seats += line_count(e->line) > 0;
    for (; e->next_person_us <= e->now_us; e->next_person_us += gap_us(e->plan.comes_per_s))
        person_comes(e);
    uint32_t number = e->due[step];
    while (number != NOBODY) {
        uint32_t next = e->person[number].next;
        person_checks_in(e, number);
        number = next;
    }
    e->free_seat_us += (uint64_t)e->free_seats * STEP_MS * 1000;
    if (step % 12 == 0)
        look_ahead(e);
    if (step % 25 == 0)
        (void)line_sweep(e->line, e->now_us);
}

static void judge(struct evening *e)
{
    for (uint32_t i = 1; i <= e->people; i++) {
        const struct person *person = &e->person[i];
        if (person->seated_us == 0 || person->shown == 0)
            continue;
        double waited_s = (double)(person->seated_us - person->shown_us) / (double)SECOND_US;
        double told_s = (person->from_s + person->to_s) / 2.0;
        e->judged++;
        /* a range from zero promises "any moment", which is no factor of anything */
        e->right += waited_s >= fmin(person->from_s, told_s / 2) && waited_s <= told_s * 2;
    }
}

/* How many in a thousand sat down before somebody who was there earlier: of those pairs of seated
 * people who were in line together, ever so many at random. */
static void count_inversions(struct evening *e)
{
    enum { CHOSEN_PAIRS = 3000000, NEIGHBOURS = 4000 };
    uint32_t pairs = 0;
    uint32_t inverted = 0;
    for (unsigned i = 0; i < CHOSEN_PAIRS; i++) {
        uint32_t number = 1 + chance_below(e->people);
        uint32_t later = number + 1 + chance_below(NEIGHBOURS);
        const struct person *first = &e->person[number];
        if (later > e->people || first->seated_us == 0 || e->person[later].seated_us == 0 ||
            e->person[later].entered_us >= first->seated_us)
            continue;
        pairs++;
        inverted += e->person[later].seated_us < first->seated_us;
    }
    e->inversions_per_mille = inverted * 1000 / (pairs + 1);
}

static struct evening *play(const char *name, struct plan plan)
{
    struct evening *e = calloc(1, sizeof(*e));
    assert_non_null(e);
    e->plan = plan;
    chance = plan.seed;
    e->line = make_line(PEOPLE_MAX, LINE_PER_PREFIX);
    look_ahead(e);
    e->next_seat_us = us_of(plan.opens_s);
    e->next_person_us = plan.comes_per_s > 0 ? 0 : UINT64_MAX;
    for (uint32_t i = 0; i < plan.crowd; i++)
        person_comes(e);
    uint32_t steps = (uint32_t)(plan.ends_s * 1000 / STEP_MS);
    assert_in_range(steps, 1, STEPS_MAX);
    for (uint32_t step = 0; step < steps; step++)
        one_step(e, step);
    judge(e);
    count_inversions(e);
    print_message(
        "%-10s %5u of %5u seated, told rightly %5.1f %% of %5u, a seat was free for %.2f s, "
        "inversions %u per mille\n",
        name, e->seated, e->people, 100.0 * e->right / (e->judged + 1e-9), e->judged,
        (double)e->free_seat_us / (double)SECOND_US / (e->seated + 1.0), e->inversions_per_mille);
    line_destroy(e->line);
    return e;
}

static void assert_four_of_five_were_told_rightly(uint32_t judged, uint32_t right,
                                                  uint32_t at_least)
{
    assert_in_range(judged, at_least, PEOPLE_MAX);
    assert_in_range(right * 100, judged * 80, judged * 100);
}

static void test_a_steady_service_is_foretold_and_in_order(void **state)
{
    (void)state;
    const struct plan plan = {.ends_s = 600, .seats_per_s = 6, .crowd = 1500, .comes_per_s = 4};
    struct evening *e = play("steady", plan);
    assert_four_of_five_were_told_rightly(e->judged, e->right, 2500);
    assert_in_range(e->free_seat_us / e->seated, 0, SECOND_US); /* handed on within a second */
    assert_in_range(e->inversions_per_mille, 0, 20);
    free(e);
}

static void test_a_fast_service_is_foretold_and_in_order(void **state)
{
    (void)state;
    const struct plan plan = {.ends_s = 120, .seats_per_s = 150, .crowd = 12000, .comes_per_s = 55};
    struct evening *e = play("fast", plan);
    assert_four_of_five_were_told_rightly(e->judged, e->right, 6000);
    assert_in_range(e->free_seat_us / e->seated, 0, SECOND_US);
    assert_in_range(e->inversions_per_mille, 0, 20);
    free(e);
}

/* Many come and go: few wait, and not for long. */
static void test_a_short_line_that_moves_fast_is_foretold_and_in_order(void **state)
{
    (void)state;
    const struct plan plan = {.ends_s = 60, .seats_per_s = 180, .crowd = 700, .comes_per_s = 180};
    struct evening *e = play("short", plan);
    assert_four_of_five_were_told_rightly(e->judged, e->right, 6000);
    assert_in_range(e->free_seat_us / e->seated, 0, SECOND_US / 2);
    assert_in_range(e->inversions_per_mille, 0, 20);
    free(e);
}

/* So few are seated that one evening is much of a chance: ten of them. */
static void test_a_slow_service_is_foretold_from_five_minutes(void **state)
{
    (void)state;
    struct plan plan = {.ends_s = 1900, .seats_per_s = 0.08, .crowd = 80, .comes_per_s = 0.05};
    uint32_t judged = 0;
    uint32_t right = 0;
    for (plan.seed = 1; plan.seed <= 10; plan.seed++) {
        struct evening *e = play("slow", plan);
        judged += e->judged;
        right += e->right;
        free(e);
    }
    print_message("slow, all evenings: told rightly %.1f %%\n", 100.0 * right / judged);
    assert_four_of_five_were_told_rightly(judged, right, 1200);
}

/* Those who go away behind somebody bring them no nearer. */
static void test_impatient_people_do_not_spoil_the_estimate(void **state)
{
    (void)state;
    const struct plan plan = {
        .ends_s = 900, .seats_per_s = 3, .crowd = 1500, .comes_per_s = 8, .patience_s = 300};
    struct evening *e = play("impatient", plan);
    assert_four_of_five_were_told_rightly(e->judged, e->right, 1500);
    free(e);
}

/* Nothing moved for a while, then all at once does: the time before the doors is not part of the rate. */
static void test_doors_that_open_are_noticed(void **state)
{
    (void)state;
    const struct plan plan = {.opens_s = 200, .ends_s = 400, .seats_per_s = 40, .crowd = 6000};
    struct evening *e = play("doors", plan);
    assert_four_of_five_were_told_rightly(e->judged, e->right, 4000);
    free(e);
}

static void test_a_service_that_slows_down_is_noticed(void **state)
{
    (void)state;
    const struct plan plan = {.ends_s = 1500,
                              .seats_per_s = 40,
                              .changes_s = 60,
                              .seats_per_s_then = 2,
                              .crowd = 5000,
                              .judged_from_s = 75};
    struct evening *e = play("slows down", plan);
    assert_four_of_five_were_told_rightly(e->judged, e->right, 2000);
    free(e);
}

static void seat(struct line *line, uint64_t *number, unsigned people, uint64_t now_us)
{
    for (unsigned i = 0; i < people; i++, (*number)++) {
        assert_int_equal(line_seen(line, *number, now_us), 0);
        assert_true(line_leave(line, *number, LINE_WHY_SEATED));
    }
}

static bool is_known(const struct line *line, uint64_t now_us)
{
    uint32_t from_s;
    uint32_t to_s;
    return line_wait(line, 900, now_us, &from_s, &to_s);
}

static void test_what_nobody_can_know_is_unknown(void **state)
{
    (void)state;
    struct line *line = make_line(2000, LINE_PER_PREFIX);
    uint64_t start_us = 1000 * SECOND_US;
    uint64_t first = 1;
    for (uint64_t i = 1; i <= 1000; i++)
        assert_int_equal(line_enter(line, LINE_CLASS_ANONYMOUS, i, 0, start_us), 0);
    assert_false(is_known(line, start_us));
    assert_false(is_known(line, start_us + 100 * SECOND_US)); /* nobody moved */
    start_us += 60 * SECOND_US;
    seat(line, &first, 300, start_us); /* one crowd at once says nothing */
    assert_false(is_known(line, start_us + SECOND_US / 2));
    assert_false(is_known(line, start_us + 20 * SECOND_US));
    for (unsigned i = 1; i <= 5; i++) {
        assert_false(is_known(line, start_us + i * 2 * SECOND_US)); /* four, and what was before */
        seat(line, &first, 1, start_us + i * 2 * SECOND_US);
    }
    assert_true(is_known(line, start_us + 11 * SECOND_US));
    assert_false(is_known(line, start_us + 400 * SECOND_US)); /* nobody for five minutes */
    uint32_t from_s;
    uint32_t to_s;
    assert_false(line_wait(line, 5000, start_us + 11 * SECOND_US, &from_s, &to_s)); /* not there */
    line_destroy(line);
}

/* 0.7 to 1.4 of place by rate, in steps that are longer for longer waits. */
static void test_the_range_is_rounded_outwards(void **state)
{
    (void)state;
    static const uint32_t expected[][3] = {
        /* ahead, from, to; at ten a second */
        {0, 0, 5},           /* 0.1 s */
        {49, 3, 10},         /* 5 s */
        {199, 10, 30},       /* 20 s */
        {519, 30, 80},       /* 52 s: 36 to 73 */
        {1599, 110, 240},    /* 160 s: 112 to 224 */
        {5199, 360, 780},    /* 520 s: 364 to 728 */
        {19999, 1200, 3000}, /* 2000 s: 1400 to 2800 */
        {59999, 3600, 9000}, /* 6000 s: 4200 to 8400 */
    };
    struct moves moves = {0};
    uint32_t from_s;
    uint32_t to_s;
    for (uint64_t i = 0; i < 310; i++)
        moves_seated(&moves, i * SECOND_US / 10);
    uint64_t now_us = 31 * SECOND_US - 1;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_true(moves_wait(&moves, expected[i][0], 100000, now_us, &from_s, &to_s));
        assert_int_equal(from_s, expected[i][1]);
        assert_int_equal(to_s, expected[i][2]);
    }
    /* longer than any evening */
    assert_false(moves_wait(&moves, 200000, 300000, now_us, &from_s, &to_s));
}

static void test_those_who_go_bring_only_those_behind_them_forward(void **state)
{
    (void)state;
    struct moves moves = {0};
    uint32_t from_s;
    uint32_t to_s;
    uint64_t now_us = 0;
    for (; now_us < 61 * SECOND_US; now_us += SECOND_US / 4) { /* four a second go, one is seated */
        moves_gone(&moves, now_us);
        if (now_us % SECOND_US == 0)
            moves_seated(&moves, now_us);
    }
    /* of 400 each goes after 100 s on the mean: 100 s times the logarithm of 1 + 400/100 */
    assert_true(moves_wait(&moves, 399, 400, now_us - 1, &from_s, &to_s));
    assert_int_equal(from_s, 110); /* 161 s: 113 to 225 */
    assert_int_equal(to_s, 240);
    /* hardly any of the four are among the nine ahead */
    assert_true(moves_wait(&moves, 9, 400, now_us - 1, &from_s, &to_s));
    assert_int_equal(from_s, 6); /* 9.5 s: 6.7 to 13.3 */
    assert_int_equal(to_s, 15);
}

static void test_a_halt_shows_within_seconds(void **state)
{
    (void)state;
    struct moves moves = {0};
    uint32_t from_s;
    uint32_t to_s;
    for (uint64_t now_us = 0; now_us < 60 * SECOND_US; now_us += SECOND_US / 10)
        moves_seated(&moves, now_us);
    assert_true(moves_wait(&moves, 100, 1000, 60 * SECOND_US - 1, &from_s, &to_s));
    assert_int_equal(to_s, 15); /* 10 s */
    assert_true(moves_wait(&moves, 100, 1000, 66 * SECOND_US, &from_s, &to_s));
    assert_in_range(from_s, 60, 200);
    assert_true(moves_wait(&moves, 100, 1000, 100 * SECOND_US, &from_s, &to_s));
    assert_in_range(from_s, 300, 900);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_steady_service_is_foretold_and_in_order),
        cmocka_unit_test(test_a_fast_service_is_foretold_and_in_order),
        cmocka_unit_test(test_a_short_line_that_moves_fast_is_foretold_and_in_order),
        cmocka_unit_test(test_a_slow_service_is_foretold_from_five_minutes),
        cmocka_unit_test(test_impatient_people_do_not_spoil_the_estimate),
        cmocka_unit_test(test_doors_that_open_are_noticed),
        cmocka_unit_test(test_a_service_that_slows_down_is_noticed),
        cmocka_unit_test(test_what_nobody_can_know_is_unknown),
        cmocka_unit_test(test_the_range_is_rounded_outwards),
        cmocka_unit_test(test_those_who_go_bring_only_those_behind_them_forward),
        cmocka_unit_test(test_a_halt_shows_within_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
