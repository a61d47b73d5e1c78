#include "rehearse/arguments.h"

#include "number.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECOND_US = 1000000 };

enum option_value {
    OPT_LISTENERS = 256,
    OPT_RAMP,
    OPT_AT_ONCE,
    OPT_SECONDS,
    OPT_WHEP,
    OPT_LOSSY,
    OPT_SLOW,
    OPT_UNREAD,
    OPT_LINE,
    OPT_VERIFY,
    OPT_LEAVE,
    OPT_RETURN,
    OPT_SOURCE,
    OPT_THREADS,
};

static const struct option options[] = {
    {"listeners", required_argument, NULL, OPT_LISTENERS},
    {"ramp", required_argument, NULL, OPT_RAMP},
    {"at-once", no_argument, NULL, OPT_AT_ONCE},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"whep", required_argument, NULL, OPT_WHEP},
    {"lossy", required_argument, NULL, OPT_LOSSY},
    {"slow", required_argument, NULL, OPT_SLOW},
    {"unread", required_argument, NULL, OPT_UNREAD},
    {"line", required_argument, NULL, OPT_LINE},
    {"verify", required_argument, NULL, OPT_VERIFY},
    {"leave", required_argument, NULL, OPT_LEAVE},
    {"return", required_argument, NULL, OPT_RETURN},
    {"source", required_argument, NULL, OPT_SOURCE},
    {"threads", required_argument, NULL, OPT_THREADS},
    {NULL, 0, NULL, 0},
};

struct parsing {
    struct arguments *out;
    struct plan_params params;
    bool is_ramped, is_at_once, is_verify_given;
    char *problem;
};

__attribute__((format(printf, 2, 3))) static int refuse(struct parsing *parsing, const char *format,
                                                        ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(parsing->problem, PLAN_PROBLEM_MAX, format, args);
    va_end(args);
    return ERR_INVAL;
}

static const char *name_of(int value)
{
    for (const struct option *option = options; option->name != NULL; option++)
        if (option->val == value)
            return option->name;
    return "?";
}

static int take_number(struct parsing *parsing, int option, uint32_t *out)
{
    if (number_read(out, optarg, strlen(optarg)))
        return 0;
    return refuse(parsing, "--%s: '%s' is no number; allowed: digits", name_of(option), optarg);
}

/* "10:5", "50@20". */
static int take_pair(struct parsing *parsing, int option, char between, uint32_t *first,
                     uint32_t *second)
{
    const char *at = strchr(optarg, between);
    if (at != NULL && number_read(first, optarg, (size_t)(at - optarg)) &&
        number_read(second, at + 1, strlen(at + 1)))
        return 0;
    return refuse(parsing, "--%s: '%s'; allowed: two numbers with %c between, such as 10%c20",
                  name_of(option), optarg, between, between);
}

static int take_ramp(struct parsing *parsing)
{
    parsing->is_ramped = true;
    int err = take_number(parsing, OPT_RAMP, &parsing->params.ramp_per_second);
    if (err == 0 && parsing->params.ramp_per_second == 0)
        return refuse(parsing, "--ramp: 0; allowed: 1 and more listeners a second, or --at-once");
    return err;
}

static int take_threads(struct parsing *parsing)
{
    uint32_t threads = 0;
    int err = take_number(parsing, OPT_THREADS, &threads);
    if (err == 0 && (threads < 1 || threads > ARGUMENTS_THREADS_MAX))
        return refuse(parsing, "--threads: %" PRIu32 "; allowed: 1 to %d", threads,
                      ARGUMENTS_THREADS_MAX);
    parsing->out->threads = threads;
    return err;
}

static int take_source(struct parsing *parsing)
{
    struct arguments *out = parsing->out;
    if (out->source_count == ARGUMENTS_SOURCES_MAX)
        return refuse(parsing, "--source: too many; allowed: at most %d", ARGUMENTS_SOURCES_MAX);
    struct address *source = &out->sources[out->source_count];
    if (address_parse(source, optarg) != 0 || source->port != 0)
        return refuse(parsing, "--source: '%s'; allowed: an address of this machine, without port",
                      optarg);
    out->source_count++;
    return 0;
}

/* Numbers that are given in other units than the plan's. */
static int take_time(struct parsing *parsing, int option)
{
    struct plan_params *params = &parsing->params;
    uint32_t number = 0;
    int err;
    switch (option) {
    case OPT_SECONDS:
        err = take_number(parsing, option, &number);
        params->hold_us = (uint64_t)number * SECOND_US;
        return err;
    case OPT_RETURN:
        err = take_number(parsing, option, &number);
        params->return_after_us = (uint64_t)number * SECOND_US;
        if (err == 0 && number == 0)
            return refuse(parsing, "--return: 0; allowed: 1 and more seconds after leaving");
        return err;
    case OPT_SLOW:
        err = take_pair(parsing, option, ':', &params->slow_percent, &number);
        params->slow_us = (uint64_t)number * 1000;
        return err;
    default:
        err = take_pair(parsing, option, '@', &params->leave_percent, &number);
        params->leave_after_us = (uint64_t)number * SECOND_US;
        return err;
    }
}

static int take_option(struct parsing *parsing, int option, char **argv)
{
    struct plan_params *params = &parsing->params;
    switch (option) {
    case OPT_LISTENERS:
        return take_number(parsing, option, &params->listeners);
    case OPT_RAMP:
        return take_ramp(parsing);
    case OPT_AT_ONCE:
        parsing->is_at_once = true;
        return 0;
    case OPT_WHEP:
        return take_number(parsing, option, &params->whep_percent);
    case OPT_LOSSY:
        return take_pair(parsing, option, ':', &params->lossy_percent, &params->loss_percent);
    case OPT_LINE:
        return take_number(parsing, option, &params->line_percent);
    case OPT_UNREAD:
        return take_number(parsing, option, &params->unread_percent);
    case OPT_VERIFY:
        parsing->is_verify_given = true;
        return take_number(parsing, option, &params->verify_percent);
    case OPT_SECONDS:
    case OPT_RETURN:
    case OPT_SLOW:
    case OPT_LEAVE:
        return take_time(parsing, option);
    case OPT_SOURCE:
        return take_source(parsing);
    case OPT_THREADS:
        return take_threads(parsing);
    case ':':
        return refuse(parsing, "%s needs a value", argv[optind - 1]);
    default:
        return refuse(parsing, "there is no option '%s'", argv[optind - 1]);
    }
}

bool arguments_is_slug(const char *text)
{
    return text[0] != '\0' && strlen(text) <= 63 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(text);
}

static int take_slug(struct parsing *parsing, int argc, char **argv)
{
    if (optind != argc - 1)
        return refuse(parsing, "usage: rehearse SLUG --listeners N [--ramp PER_SECOND | --at-once] "
                               "[--seconds N] ...");
    const char *slug = argv[optind];
    if (!arguments_is_slug(slug))
        return refuse(parsing, "'%.64s' is no room's name; allowed: 1 to 63 of a-z, 0-9 and -",
                      slug);
    parsing->out->slug = slug;
    return 0;
}

/* What was not given. */
static int fill(struct parsing *parsing)
{
    struct plan_params *params = &parsing->params;
    if (params->listeners == 0)
        return refuse(parsing, "--listeners is missing; allowed: 1 to %d", PLAN_LISTENERS_MAX);
    if (parsing->is_ramped && parsing->is_at_once)
        return refuse(parsing, "--ramp and --at-once; allowed: one of them");
    if (parsing->is_at_once)
        params->ramp_per_second = 0;
    if (!parsing->is_verify_given)
        params->verify_percent = params->listeners <= ARGUMENTS_VERIFIED
                                     ? 100
                                     : (100 * ARGUMENTS_VERIFIED - 1) / params->listeners + 1;
    return 0;
}

int arguments_parse(struct arguments *out, int argc, char **argv, char problem[PLAN_PROBLEM_MAX])
{
    struct parsing parsing = {.out = out,
                              .params = {.ramp_per_second = 100, .hold_us = 30 * SECOND_US},
                              .problem = problem};
    *out = (struct arguments){0};
    int option, err = 0;
    opterr = 0; /* what is wrong is told once, by the caller */
    optind = 0;
    while (err == 0 && (option = getopt_long(argc, argv, ":", options, NULL)) != -1)
        err = take_option(&parsing, option, argv);
    if (err == 0)
        err = take_slug(&parsing, argc, argv);
    if (err == 0)
        err = fill(&parsing);
    if (err == 0)
        err = plan_make(&out->plan, &parsing.params, problem);
    return err;
}
