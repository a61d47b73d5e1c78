#include "admission/seat_cost.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const double SPAN_S = 0.25;

/* What a node really costs. */
struct truth {
    double base, seat, join;
};

static void learn(struct seat_cost *cost, const struct truth *truth, double seats,
                  double joins_per_s)
{
    seat_cost_learn(cost, &(struct seat_sample){.load = truth->base + seats * truth->seat +
                                                        joins_per_s * truth->join,
                                                .seats = seats,
                                                .joins_per_s = joins_per_s,
                                                .span_s = SPAN_S});
}

static void assert_near(double value, double wanted, double part)
{
    if (fabs(value - wanted) > part * wanted)
        fail_msg("%f is not near %f", value, wanted);
}

/* People come in as fast as ever the rest of the core takes them, and then they stay. */
static void fill(struct seat_cost *cost, const struct truth *truth)
{
    for (unsigned i = 0; i < 40; i++)
        learn(cost, truth, 0, 0);
    double seats = 0;
    for (unsigned i = 0; i < 400 && seats < 700 / truth->seat; i++) {
        double joins = (850 - truth->base - seats * truth->seat) / truth->join;
        seats += joins * SPAN_S;
        learn(cost, truth, seats, joins);
    }
}

static void test_seats_and_joins_are_told_apart_while_people_come(void **state)
{
    (void)state;
    static const struct truth truths[] = {{20, 0.2, 1}, {5, 0.04, 0.3}, {60, 0.7, 0.5},
                                          {10, 0.1, 4}, {100, 0.6, 5},  {0, 0.03, 2}};
    for (size_t i = 0; i < sizeof(truths) / sizeof(truths[0]); i++) {
        struct seat_cost cost;
        seat_cost_init(&cost, 1);
        fill(&cost, &truths[i]);
        assert_near(seat_cost_likely(&cost, 1), truths[i].seat, 0.05);
        assert_near(seat_cost_of_join(&cost), truths[i].join, 0.3);
        assert_true(seat_cost_surely(&cost, 1) > seat_cost_likely(&cost, 1));
        assert_near(seat_cost_surely(&cost, 1), truths[i].seat, 0.1);
        assert_near(cost.base + 1, truths[i].base + 1, 0.05);
    }
}

static void test_workers_share_the_guess(void **state)
{
    (void)state;
    struct seat_cost one, four;
    seat_cost_init(&one, 1);
    seat_cost_init(&four, 4);
    assert_near(seat_cost_likely(&four, 1) * 4, seat_cost_likely(&one, 1), 1e-9);
    assert_near(seat_cost_of_join(&four) * 4, seat_cost_of_join(&one), 1e-9);
}

static void test_one_or_two_samples_that_do_not_fit_teach_nothing(void **state)
{
    (void)state;
    const struct truth usual = {20, 0.2, 1}, glitch = {20, 0.6, 1};
    struct seat_cost cost;
    seat_cost_init(&cost, 1);
    fill(&cost, &usual);
    for (unsigned i = 0; i < 20; i++) {
        learn(&cost, &glitch, 2000, 0);
        learn(&cost, &glitch, 2000, 0);
        assert_near(seat_cost_likely(&cost, 1), usual.seat, 0.05);
        learn(&cost, &usual, 2000, 0);
    }
}

static void test_a_world_that_changed_is_learnt_within_two_seconds(void **state)
{
    (void)state;
    const struct truth usual = {20, 0.2, 1};
    static const double factors[] = {0.1, 0.4, 2, 3, 10};
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]); i++) {
        const struct truth hogged = {20, 0.2 * factors[i], 1};
        struct seat_cost cost;
        seat_cost_init(&cost, 1);
        fill(&cost, &usual);
        for (unsigned k = 0; k < 8; k++)
            learn(&cost, &hogged, 3000, 0);
        assert_near(seat_cost_likely(&cost, 1), hogged.seat, 0.05);
        for (unsigned k = 0; k < 8; k++)
            learn(&cost, &usual, 3000, 0);
        assert_near(seat_cost_likely(&cost, 1), usual.seat, 0.05);
    }
}

static void test_longer_packets_are_expected_to_save_little_and_shorter_to_cost_much(void **state)
{
    (void)state;
    struct seat_cost cost;
    seat_cost_init(&cost, 1);
    fill(&cost, &(struct truth){20, 0.2, 1});
    assert_near(seat_cost_likely(&cost, 3), 0.08, 0.06);
    seat_cost_pack(&cost, 2);
    assert_near(seat_cost_likely(&cost, 2), 0.11, 0.06);
    seat_cost_pack(&cost, 3);
    seat_cost_pack(&cost, 3);
    assert_near(seat_cost_likely(&cost, 3), 0.08, 0.06);
    for (unsigned i = 0; i < 40; i++)
        learn(&cost, &(struct truth){20, 0.08, 1}, 3000, 0);
    assert_near(seat_cost_likely(&cost, 3), 0.08, 0.05);
    assert_near(seat_cost_likely(&cost, 1), 0.08 / 0.36, 0.05);
}

/* Whoever speaks makes work too: a few seats do not prove that each of them is dear. */
static void test_a_handful_of_seats_proves_no_high_cost(void **state)
{
    (void)state;
    struct seat_cost cost, fresh;
    seat_cost_init(&cost, 1);
    seat_cost_init(&fresh, 1);
    for (unsigned i = 0; i < 100; i++)
        learn(&cost, &(struct truth){60, 0.2, 1}, 30, 0); /* the base was never seen alone */
    assert_true(seat_cost_surely(&cost, 1) > 0.4);
    assert_near(seat_cost_likely(&cost, 1), seat_cost_likely(&fresh, 1), 1e-9);
}

static void test_what_was_learnt_fades_when_all_are_gone(void **state)
{
    (void)state;
    struct seat_cost cost, fresh;
    const struct truth hogged = {20, 0.8, 3};
    seat_cost_init(&cost, 1);
    seat_cost_init(&fresh, 1);
    fill(&cost, &hogged);
    for (unsigned i = 0; i < 60 * 4; i++)
        learn(&cost, &hogged, 0, 0);
    assert_near(seat_cost_surely(&cost, 1), seat_cost_surely(&fresh, 1), 0.05);
    assert_near(seat_cost_of_join(&cost), seat_cost_of_join(&fresh), 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_seats_and_joins_are_told_apart_while_people_come),
        cmocka_unit_test(test_workers_share_the_guess),
        cmocka_unit_test(test_one_or_two_samples_that_do_not_fit_teach_nothing),
        cmocka_unit_test(test_a_world_that_changed_is_learnt_within_two_seconds),
        cmocka_unit_test(test_longer_packets_are_expected_to_save_little_and_shorter_to_cost_much),
        cmocka_unit_test(test_a_handful_of_seats_proves_no_high_cost),
        cmocka_unit_test(test_what_was_learnt_fades_when_all_are_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
