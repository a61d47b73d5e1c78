#include "simulate/options.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 40 };

static struct options options;
static char problem[OPTIONS_PROBLEM_MAX];

static int parse(const char *line)
{
    static char text[1024];
    char *words[WORDS_MAX + 1], *rest = NULL;
    int count = 0;
    assert_true(strlen(line) < sizeof(text));
    memcpy(text, line, strlen(line) + 1);
    for (char *word = strtok_r(text, " ", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    words[count] = NULL;
    problem[0] = '\0';
    return options_parse(&options, count, words, problem);
}

static void assert_refused(const char *line, const char *wanted)
{
    assert_int_equal(parse(line), ERR_INVAL);
    if (strstr(problem, wanted) == NULL)
        fail_msg("'%s' says '%s', not '%s'", line, problem, wanted);
}

static void test_the_cost_file_is_enough_for_a_million_with_failures(void **state)
{
    (void)state;
    assert_int_equal(parse("simulate --costs c.json"), 0);
    assert_string_equal(options.costs, "c.json");
    assert_int_equal(options.listeners, 1000000);
    assert_int_equal(options.nodes, 1000);
    assert_int_equal(options.failure_count, 3);
    assert_null(options.picture);
}

static void test_every_option_is_taken(void **state)
{
    (void)state;
    assert_int_equal(
        parse("simulate --costs c --listeners 500 --nodes 20 --regions 2 --cores 4 --egress 100 "
              "--doors 50 --arrivals flash --seed 7 --picture p.svg --fail relays:3@10 "
              "--fail region:2@20+30 --fail origin@40+5"),
        0);
    assert_true(options.listeners == 500 && options.nodes == 20 && options.regions == 2);
    assert_true(options.cores == 4 && options.egress_mbit == 100 && options.doors_percent == 50);
    assert_true(options.curve == CURVE_FLASH && options.seed == 7);
    assert_string_equal(options.picture, "p.svg");
    assert_int_equal(options.failure_count, 3);
    const struct failure *failure = options.failures;
    assert_true(failure[0].kind == FAILURE_RELAYS && failure[0].which == 3 &&
                failure[0].at_s == 10 && failure[0].lasts_s == 0);
    assert_true(failure[1].kind == FAILURE_REGION && failure[1].which == 2 &&
                failure[1].lasts_s == 30);
    assert_true(failure[2].kind == FAILURE_ORIGIN && failure[2].at_s == 40 &&
                failure[2].lasts_s == 5);
}

static void test_nothing_fails_if_so_wished(void **state)
{
    (void)state;
    assert_int_equal(parse("simulate --costs c --fail none"), 0);
    assert_int_equal(options.failure_count, 0);
}

static void test_of_the_usual_failures_a_small_cluster_has_those_that_it_can(void **state)
{
    (void)state;
    assert_int_equal(parse("simulate --costs c --nodes 1 --regions 1"), 0);
    assert_int_equal(options.failure_count, 1);
    assert_int_equal(options.failures[0].kind, FAILURE_ORIGIN);
    assert_int_equal(parse("simulate --costs c --nodes 200 --regions 2"), 0);
    assert_int_equal(options.failures[0].which, 2);
    assert_int_equal(options.failures[1].which, 2);
}

static void test_what_is_wrong_is_told_with_what_is_allowed(void **state)
{
    (void)state;
    assert_refused("simulate", "--costs FILE is missing");
    assert_refused("simulate --costs", "needs a value");
    assert_refused("simulate --costs c --listeners 0", "allowed: 1 to 5000000");
    assert_refused("simulate --costs c --listeners 5000001", "allowed: 1 to 5000000");
    assert_refused("simulate --costs c --nodes -3", "allowed: 1 to 4000");
    assert_refused("simulate --costs c --seed 1e9", "allowed: 0 to 999999999");
    assert_refused("simulate --costs c --arrivals tomorrow", "allowed: evening, flash");
    assert_refused("simulate --costs c --nodes 3 --regions 4", "--regions");
    assert_refused("simulate --costs c --speed 9", "there is no option '--speed'");
    assert_refused("simulate --costs c more", "'more' is no option");
}

static void test_failures_that_cannot_be_are_refused(void **state)
{
    (void)state;
    assert_refused("simulate --costs c --fail relays@10", "allowed: relays:COUNT@SECOND");
    assert_refused("simulate --costs c --fail relays:3", "allowed: relays:COUNT@SECOND");
    assert_refused("simulate --costs c --fail relays:3@", "allowed: relays:COUNT@SECOND");
    assert_refused("simulate --costs c --fail origin@10", "origin@SECOND+SECONDS");
    assert_refused("simulate --costs c --fail origin:1@10+3", "origin@SECOND+SECONDS");
    assert_refused("simulate --costs c --fail disk@3", "allowed: relays:COUNT@SECOND");
    assert_refused("simulate --costs c --fail origin@591+3", "up to 590");
    assert_refused("simulate --costs c --fail region:7@3", "there is no region 7");
    assert_refused("simulate --costs c --nodes 9 --regions 1 --fail relays:9@3",
                   "one of them is the origin");
}

static void test_there_are_only_so_many_failures(void **state)
{
    (void)state;
    char line[1024] = "simulate --costs c";
    for (unsigned i = 0; i < OPTIONS_FAILURES_MAX; i++)
        strncat(line, " --fail=relays:1@5", sizeof(line) - strlen(line) - 1);
    assert_int_equal(parse(line), 0);
    assert_int_equal(options.failure_count, OPTIONS_FAILURES_MAX);
    strncat(line, " --fail=relays:1@5", sizeof(line) - strlen(line) - 1);
    assert_refused(line, "too many");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_cost_file_is_enough_for_a_million_with_failures),
        cmocka_unit_test(test_every_option_is_taken),
        cmocka_unit_test(test_nothing_fails_if_so_wished),
        cmocka_unit_test(test_of_the_usual_failures_a_small_cluster_has_those_that_it_can),
        cmocka_unit_test(test_what_is_wrong_is_told_with_what_is_allowed),
        cmocka_unit_test(test_failures_that_cannot_be_are_refused),
        cmocka_unit_test(test_there_are_only_so_many_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
