#include "rehearse/evening_arguments.h"

#include "number.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PEOPLE_MIN = 8 };

static const struct option options[] = {
    {"scenario", required_argument, NULL, 'c'},  {"small", no_argument, NULL, 's'},
    {"expect-restart", no_argument, NULL, 'r'},  {"end", no_argument, NULL, 'e'},
    {"listeners", required_argument, NULL, 'n'}, {"source", required_argument, NULL, 'a'},
    {"threads", required_argument, NULL, 't'},   {NULL, 0, NULL, 0},
};

__attribute__((format(printf, 2, 3))) static int refuse(char problem[PLAN_PROBLEM_MAX],
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(problem, PLAN_PROBLEM_MAX, format, args);
    va_end(args);
    return ERR_INVAL;
}

bool evening_is_meant(int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], "--scenario", strlen("--scenario")) == 0)
            return true;
    return false;
}

static int take_number(const char *name, uint32_t least, uint32_t most, uint32_t *out,
                       char problem[PLAN_PROBLEM_MAX])
{
    if (number_in(out, optarg, least, most))
        return 0;
    return refuse(problem, "--%s: '%s'; allowed: %" PRIu32 " to %" PRIu32, name, optarg, least,
                  most);
}

static int take_source(struct arguments *common, char problem[PLAN_PROBLEM_MAX])
{
    if (common->source_count == ARGUMENTS_SOURCES_MAX)
        return refuse(problem, "--source: too many; allowed: at most %d", ARGUMENTS_SOURCES_MAX);
    struct address *source = &common->sources[common->source_count];
    if (address_parse(source, optarg) != 0 || source->port != 0)
        return refuse(problem, "--source: '%s'; allowed: an address of this machine, without port",
                      optarg);
    common->source_count++;
    return 0;
}

static int take_option(struct evening_arguments *out, int option, char **argv,
                       char problem[PLAN_PROBLEM_MAX])
{
    switch (option) {
    case 'c':
        return strcmp(optarg, "evening") == 0
                   ? 0
                   : refuse(problem, "--scenario: '%s'; allowed: evening", optarg);
    case 's':
        out->is_small = true;
        return 0;
    case 'r':
        out->expects_restart = true;
        return 0;
    case 'e':
        out->ends_room = true;
        return 0;
    case 'n':
        return take_number("listeners", PEOPLE_MIN, PLAN_LISTENERS_MAX / 2, &out->people, problem);
    case 'a':
        return take_source(&out->common, problem);
    case 't':
        return take_number("threads", 1, ARGUMENTS_THREADS_MAX, &out->common.threads, problem);
    case ':':
        return refuse(problem, "%s needs a value", argv[optind - 1]);
    default:
        return refuse(problem, "there is no option '%s' with --scenario", argv[optind - 1]);
    }
}

int evening_arguments_parse(struct evening_arguments *out, int argc, char **argv,
                            char problem[PLAN_PROBLEM_MAX])
{
    int option, err = 0;
    *out = (struct evening_arguments){0};
    opterr = 0; /* what is wrong is told once, by the caller */
    optind = 0;
    while (err == 0 && (option = getopt_long(argc, argv, ":", options, NULL)) != -1)
        err = take_option(out, option, argv, problem);
    if (err != 0)
        return err;
    if (optind != argc - 1)
        return refuse(problem, "usage: rehearse SLUG --scenario evening [--small] [--listeners N] "
                               "[--expect-restart] [--end] ...");
    const char *slug = argv[optind];
    if (!arguments_is_slug(slug))
        return refuse(problem, "'%.64s' is no room's name; allowed: 1 to 63 of a-z, 0-9 and -",
                      slug);
    out->common.slug = slug;
    return 0;
}
