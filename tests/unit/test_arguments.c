#include "rehearse/arguments.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 20, SECOND_US = 1000000 };

static struct arguments arguments;
static char problem[PLAN_PROBLEM_MAX];

/* Splits at spaces; getopt may move the words about. */
static int parse(const char *line)
{
    static char text[512];
    char *words[WORDS_MAX + 1] = {NULL};
    int count = 0;
    size_t chars = strlen(line);
    assert_true(chars < sizeof(text));
    memcpy(text, line, chars + 1);
    for (char *at = text; *at != '\0' && count < WORDS_MAX; at += strlen(at) + 1) {
        words[count++] = at;
        at[strcspn(at, " ")] = '\0';
        if (at + strlen(at) == text + chars)
            break;
    }
    problem[0] = '\0';
    return arguments_parse(&arguments, count, words, problem);
}

static const struct plan_params *accepted(const char *line)
{
    int err = parse(line);
    assert_string_equal(problem, "");
    assert_int_equal(err, 0);
    return &arguments.plan.params;
}

static void assert_refused(const char *line, const char *wanted)
{
    assert_int_equal(parse(line), ERR_INVAL);
    if (strstr(problem, wanted) == NULL)
        fail_msg("'%s' says '%s', not '%s'", line, problem, wanted);
}

static void test_a_slug_and_a_number_of_listeners_are_enough(void **state)
{
    (void)state;
    const struct plan_params *params = accepted("rehearse evening --listeners 1000");
    assert_string_equal(arguments.slug, "evening");
    assert_int_equal(params->listeners, 1000);
    assert_int_equal(params->ramp_per_second, 100);
    assert_int_equal(params->hold_us, 30 * SECOND_US);
    assert_int_equal(params->verify_percent, 5);
    assert_int_equal(params->whep_percent + params->lossy_percent + params->slow_percent +
                         params->unread_percent + params->leave_percent,
                     0);
    assert_int_equal(arguments.threads, 0);
    assert_int_equal(arguments.source_count, 0);
}

static void test_every_option_reaches_the_plan(void **state)
{
    (void)state;
    const struct plan_params *params =
        accepted("rehearse --listeners 500 --ramp 20 --seconds 60 --whep 30 --lossy 10:5 "
                 "evening --slow 20:150");
    assert_int_equal(params->ramp_per_second, 20);
    assert_int_equal(params->hold_us, 60 * SECOND_US);
    assert_int_equal(params->whep_percent, 30);
    assert_int_equal(params->lossy_percent, 10);
    assert_int_equal(params->loss_percent, 5);
    assert_int_equal(params->slow_percent, 20);
    assert_int_equal(params->slow_us, 150000);
    assert_string_equal(arguments.slug, "evening");
    params = accepted("rehearse e --listeners 9 --at-once --unread 40 --line 25 --verify 7 "
                      "--leave 50@10 --return 5 --threads 3");
    assert_int_equal(params->ramp_per_second, 0);
    assert_int_equal(params->unread_percent, 40);
    assert_int_equal(params->line_percent, 25);
    assert_int_equal(params->verify_percent, 7);
    assert_int_equal(params->leave_percent, 50);
    assert_int_equal(params->leave_after_us, 10 * SECOND_US);
    assert_int_equal(params->return_after_us, 5 * SECOND_US);
    assert_int_equal(arguments.threads, 3);
}

static void test_about_fifty_listeners_verify_unless_told_otherwise(void **state)
{
    (void)state;
    assert_int_equal(accepted("r e --listeners 50")->verify_percent, 100);
    assert_int_equal(accepted("r e --listeners 100")->verify_percent, 50);
    assert_int_equal(accepted("r e --listeners 4000")->verify_percent, 2);
    assert_int_equal(accepted("r e --listeners 100000 --ramp 1000")->verify_percent, 1);
    assert_int_equal(accepted("r e --listeners 100 --verify 0")->verify_percent, 0);
}

static void test_several_sources_are_kept_in_order(void **state)
{
    (void)state;
    (void)accepted("r e --listeners 1 --source 192.0.2.1 --source 2001:db8::1");
    assert_int_equal(arguments.source_count, 2);
    struct address wanted;
    assert_int_equal(address_parse(&wanted, "2001:db8::1"), 0);
    assert_true(address_equal(&arguments.sources[1], &wanted));
}

static void test_what_is_missing_is_told(void **state)
{
    (void)state;
    assert_refused("rehearse", "usage: ");
    assert_refused("rehearse evening", "--listeners is missing; allowed: 1 to 1000000");
    assert_refused("rehearse --listeners 5", "usage: ");
    assert_refused("rehearse a b --listeners 5", "usage: ");
    assert_refused("rehearse e --listeners", "--listeners needs a value");
}

static void test_what_is_no_number_is_told(void **state)
{
    (void)state;
    assert_refused("r e --listeners many", "--listeners: 'many' is no number; allowed: digits");
    assert_refused("r e --listeners -5", "--listeners: '-5'");
    assert_refused("r e --listeners 5x", "--listeners: '5x'");
    assert_refused("r e --listeners 4294967301", "is no number"); /* 2^32 + 5 */
    assert_refused("r e --listeners 5 --seconds 1.5", "--seconds: '1.5'");
}

static void test_what_is_no_pair_is_told(void **state)
{
    (void)state;
    assert_refused("r e --listeners 5 --lossy 10", "two numbers with : between, such as 10:20");
    assert_refused("r e --listeners 5 --slow :10", "--slow");
    assert_refused("r e --listeners 5 --lossy 10:", "--lossy");
    assert_refused("r e --listeners 5 --leave 10:5", "two numbers with @ between");
}

static void test_what_is_out_of_range_is_told(void **state)
{
    (void)state;
    assert_refused("r e --listeners 1000001", "allowed: 1 to 1000000");
    assert_refused("r e --listeners 5 --ramp 0", "--ramp: 0; allowed: 1 and more");
    assert_refused("r e --listeners 5 --whep 101", "--whep: 101 percent; allowed: 0 to 100");
    assert_refused("r e --listeners 5 --seconds 0", "--seconds: 0; allowed: 1 to 3600");
    assert_refused("r e --listeners 5 --threads 0", "--threads: 0; allowed: 1 to 16");
    assert_refused("r e --listeners 5 --threads 17", "--threads");
    assert_refused("r e --listeners 5 --leave 5@5 --return 0", "--return: 0");
    assert_refused("r e --listeners 5 --source here", "--source: 'here'");
    assert_refused("r e --listeners 5 --source 192.0.2.1:80", "without port");
}

static void test_what_contradicts_itself_is_told(void **state)
{
    (void)state;
    assert_refused("r e --listeners 5 --ramp 5 --at-once", "--ramp and --at-once");
    assert_refused("r e --listeners 5 --at-once --ramp 5", "--ramp and --at-once");
}

static void test_an_unknown_option_is_told_by_its_name(void **state)
{
    (void)state;
    assert_refused("r e --listeners 5 --speakers 2", "there is no option '--speakers'");
}

static void test_a_slug_that_could_be_no_rooms_is_refused(void **state)
{
    (void)state;
    assert_refused("r A/b --listeners 5", "'A/b' is no room's name");
    assert_refused("r aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa "
                   "--listeners 5",
                   "1 to 63");
}

static void test_more_sources_than_there_is_room_for_are_refused(void **state)
{
    (void)state;
    enum { COUNT = ARGUMENTS_SOURCES_MAX + 1 };
    static char source[] = "--source=192.0.2.1", name[] = "r", slug[] = "e",
                listeners[] = "--listeners=5";
    char *words[COUNT + 4] = {name, slug, listeners};
    for (unsigned i = 0; i < COUNT; i++)
        words[3 + i] = source;
    assert_int_equal(arguments_parse(&arguments, COUNT + 3, words, problem), ERR_INVAL);
    assert_non_null(strstr(problem, "at most 256"));
    assert_int_equal(arguments_parse(&arguments, COUNT + 2, words, problem), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_slug_and_a_number_of_listeners_are_enough),
        cmocka_unit_test(test_every_option_reaches_the_plan),
        cmocka_unit_test(test_about_fifty_listeners_verify_unless_told_otherwise),
        cmocka_unit_test(test_several_sources_are_kept_in_order),
        cmocka_unit_test(test_what_is_missing_is_told),
        cmocka_unit_test(test_what_is_no_number_is_told),
        cmocka_unit_test(test_what_is_no_pair_is_told),
        cmocka_unit_test(test_what_is_out_of_range_is_told),
        cmocka_unit_test(test_what_contradicts_itself_is_told),
        cmocka_unit_test(test_an_unknown_option_is_told_by_its_name),
        cmocka_unit_test(test_a_slug_that_could_be_no_rooms_is_refused),
        cmocka_unit_test(test_more_sources_than_there_is_room_for_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
