#include "rehearse/evening_arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 16 };

static struct evening_arguments arguments;
static char problem[PLAN_PROBLEM_MAX];
static char *words[WORDS_MAX + 1];
static int count;

/* Splits at spaces; getopt may move the words about. */
static void split(const char *line)
{
    static char text[512];
    char *rest = NULL;
    count = 0;
    assert_true(strlen(line) < sizeof(text));
    memcpy(text, line, strlen(line) + 1);
    for (char *word = strtok_r(text, " ", &rest); word != NULL && count < WORDS_MAX;
         word = strtok_r(NULL, " ", &rest))
        words[count++] = word;
    words[count] = NULL;
}

static int parse(const char *line)
{
    split(line);
    problem[0] = '\0';
    return evening_arguments_parse(&arguments, count, words, problem);
}

static void assert_refused(const char *line, const char *wanted)
{
    assert_int_equal(parse(line), ERR_INVAL);
    if (strstr(problem, wanted) == NULL)
        fail_msg("'%s' says '%s', not '%s'", line, problem, wanted);
}

static void test_a_scenario_is_recognised(void **state)
{
    (void)state;
    split("rehearse talk --listeners 9");
    assert_false(evening_is_meant(count, words));
    split("rehearse talk --scenario evening");
    assert_true(evening_is_meant(count, words));
    split("rehearse --scenario=evening talk");
    assert_true(evening_is_meant(count, words));
}

static void test_the_name_of_the_room_is_enough(void **state)
{
    (void)state;
    assert_int_equal(parse("rehearse talk --scenario evening"), 0);
    assert_string_equal(arguments.common.slug, "talk");
    assert_int_equal(arguments.people, 0);
    assert_false(arguments.is_small || arguments.expects_restart || arguments.ends_room);
}

static void test_every_option_is_taken(void **state)
{
    (void)state;
    assert_int_equal(parse("rehearse --scenario=evening --small --expect-restart --end --threads 2 "
                           "--listeners 500 --source 127.0.0.9 --source 127.0.0.8 talk"),
                     0);
    assert_true(arguments.is_small && arguments.expects_restart && arguments.ends_room);
    assert_int_equal(arguments.people, 500);
    assert_int_equal(arguments.common.threads, 2);
    assert_int_equal(arguments.common.source_count, 2);
}

static void test_what_is_wrong_is_told_with_what_is_allowed(void **state)
{
    (void)state;
    assert_refused("rehearse talk --scenario morning", "allowed: evening");
    assert_refused("rehearse talk --scenario evening --listeners 7", "allowed: 8 to");
    assert_refused("rehearse talk --scenario evening --listeners 9x", "'9x'");
    assert_refused("rehearse talk --scenario evening --threads 17", "allowed: 1 to 16");
    assert_refused("rehearse talk --scenario evening --source nowhere", "nowhere");
    assert_refused("rehearse talk --scenario evening --whep 5", "no option '--whep'");
    assert_refused("rehearse talk --scenario", "needs a value");
    assert_refused("rehearse --scenario evening", "usage");
    assert_refused("rehearse Talk --scenario evening", "no room's name");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_scenario_is_recognised),
        cmocka_unit_test(test_the_name_of_the_room_is_enough),
        cmocka_unit_test(test_every_option_is_taken),
        cmocka_unit_test(test_what_is_wrong_is_told_with_what_is_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
