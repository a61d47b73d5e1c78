#include "simulate/options.h"

#include "number.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FAILURE_S_MAX = 590 };

static const char FAILURE_FORMS[] =
    "allowed: relays:COUNT@SECOND[+SECONDS], region:NUMBER@SECOND[+SECONDS], "
    "origin@SECOND+SECONDS or none";

static const struct option options[] = {
    {"costs", required_argument, NULL, 'c'},   {"listeners", required_argument, NULL, 'l'},
    {"nodes", required_argument, NULL, 'n'},   {"regions", required_argument, NULL, 'r'},
    {"cores", required_argument, NULL, 'o'},   {"egress", required_argument, NULL, 'e'},
    {"doors", required_argument, NULL, 'd'},   {"arrivals", required_argument, NULL, 'a'},
    {"fail", required_argument, NULL, 'f'},    {"seed", required_argument, NULL, 's'},
    {"picture", required_argument, NULL, 'p'}, {NULL, 0, NULL, 0},
};

/* Without --fail: each kind once, when the rush is over. */
static const struct failure usual_failures[] = {
    {.kind = FAILURE_RELAYS, .which = 10, .at_s = 120},
    {.kind = FAILURE_REGION, .which = 3, .at_s = 240, .lasts_s = 120},
    {.kind = FAILURE_ORIGIN, .at_s = 480, .lasts_s = 10},
};

__attribute__((format(printf, 2, 3))) static int refuse(char problem[OPTIONS_PROBLEM_MAX],
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(problem, OPTIONS_PROBLEM_MAX, format, args);
    va_end(args);
    return ERR_INVAL;
}

static int take_number(const char *name, uint32_t least, uint32_t most, uint32_t *out,
                       char problem[OPTIONS_PROBLEM_MAX])
{
    if (number_in(out, optarg, least, most))
        return 0;
    return refuse(problem, "--%s: '%.40s'; allowed: %" PRIu32 " to %" PRIu32, name, optarg, least,
                  most);
}

/* ---- failures ---- */

/* Digits after `mark`, if that is next. False: the mark is there, but no good number behind it. */
static bool take_after(const char **at, char mark, uint32_t *out)
{
    if (**at != mark)
        return true;
    const char *digits = *at + 1;
    size_t chars = strspn(digits, "0123456789");
    *at = digits + chars;
    return number_read(out, digits, chars);
}

static bool read_failure(const char *text, struct failure *out)
{
    static const char *const names[] = {"relays", "region", "origin"};
    struct failure failure = {.at_s = UINT32_MAX};
    size_t kind = 0, chars = strcspn(text, ":@");
    while (kind < 3 && (strlen(names[kind]) != chars || strncmp(text, names[kind], chars) != 0))
        kind++;
    if (kind == 3)
        return false;
    failure.kind = (enum failure_kind)kind;
    const char *at = text + chars;
    bool is_good = take_after(&at, ':', &failure.which) && take_after(&at, '@', &failure.at_s) &&
                   take_after(&at, '+', &failure.lasts_s) && *at == '\0';
    bool is_origin = failure.kind == FAILURE_ORIGIN;
    *out = failure;
    return is_good && failure.at_s <= FAILURE_S_MAX && failure.lasts_s <= FAILURE_S_MAX &&
           is_origin == (failure.which == 0) && !(is_origin && failure.lasts_s == 0);
}

static int take_failure(struct options *out, bool *are_usual, char problem[OPTIONS_PROBLEM_MAX])
{
    if (*are_usual)
        out->failure_count = 0;
    *are_usual = false;
    if (strcmp(optarg, "none") == 0)
        return 0;
    if (out->failure_count == OPTIONS_FAILURES_MAX)
        return refuse(problem, "--fail: too many; allowed: %d", OPTIONS_FAILURES_MAX);
    if (!read_failure(optarg, &out->failures[out->failure_count]))
        return refuse(problem, "--fail: '%.40s'; %s; seconds from 20:00 on, up to %d", optarg,
                      FAILURE_FORMS, FAILURE_S_MAX);
    out->failure_count++;
    return 0;
}

static int check_failures(const struct options *out, char problem[OPTIONS_PROBLEM_MAX])
{
    for (uint32_t i = 0; i < out->failure_count; i++) {
        const struct failure *failure = &out->failures[i];
        if (failure->kind == FAILURE_RELAYS && failure->which >= out->nodes)
            return refuse(problem,
                          "--fail: %" PRIu32 " relays of %" PRIu32 " nodes; one of them is "
                          "the origin",
                          failure->which, out->nodes);
        if (failure->kind == FAILURE_REGION && failure->which > out->regions)
            return refuse(problem, "--fail: there is no region %" PRIu32 "; allowed: 1 to %" PRIu32,
                          failure->which, out->regions);
    }
    return 0;
}

/* The usual ones, as far as so small a cluster has them. Region 1 is the origin's. */
static void fit_usual_failures(struct options *out)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < out->failure_count; i++) {
        struct failure failure = out->failures[i];
        if (failure.kind == FAILURE_RELAYS && failure.which > out->nodes / 100)
            failure.which = out->nodes / 100;
        if (failure.kind == FAILURE_REGION && failure.which > out->regions)
            failure.which = out->regions;
        bool has_any = failure.kind == FAILURE_ORIGIN || failure.which > 1 ||
                       (failure.kind == FAILURE_RELAYS && failure.which > 0);
        if (has_any)
            out->failures[kept++] = failure;
    }
    out->failure_count = kept;
}

/* ---- options ---- */

static int take_curve(enum curve *out, char problem[OPTIONS_PROBLEM_MAX])
{
    for (unsigned i = 0; i < CURVES; i++)
        if (strcmp(optarg, curve_name((enum curve)i)) == 0) {
            *out = (enum curve)i;
            return 0;
        }
    return refuse(problem, "--arrivals: '%.40s'; allowed: evening, flash", optarg);
}

static int take_option(struct options *out, int option, bool *are_usual, char **argv,
                       char problem[OPTIONS_PROBLEM_MAX])
{
    uint32_t seed = 0;
    int err;
    switch (option) {
    case 'c':
        out->costs = optarg;
        return 0;
    case 'p':
        out->picture = optarg;
        return 0;
    case 'l':
        return take_number("listeners", 1, OPTIONS_LISTENERS_MAX, &out->listeners, problem);
    case 'n':
        return take_number("nodes", 1, OPTIONS_NODES_MAX, &out->nodes, problem);
    case 'r':
        return take_number("regions", 1, OPTIONS_REGIONS_MAX, &out->regions, problem);
    case 'o':
        return take_number("cores", 1, 256, &out->cores, problem);
    case 'e':
        return take_number("egress", 1, 400000, &out->egress_mbit, problem);
    case 'd':
        return take_number("doors", 1, 100, &out->doors_percent, problem);
    case 'a':
        return take_curve(&out->curve, problem);
    case 'f':
        return take_failure(out, are_usual, problem);
    case 's':
        err = take_number("seed", 0, 999999999, &seed, problem);
        out->seed = seed;
        return err;
    case ':':
        return refuse(problem, "%s needs a value", argv[optind - 1]);
    default:
        return refuse(problem, "there is no option '%s'", argv[optind - 1]);
    }
}

int options_parse(struct options *out, int argc, char **argv, char problem[OPTIONS_PROBLEM_MAX])
{
    int option, err = 0;
    bool are_usual = true;
    *out = (struct options){.listeners = 1000000,
                            .nodes = 1000,
                            .regions = 6,
                            .cores = 2,
                            .egress_mbit = 1000,
                            .doors_percent = 100,
                            .seed = 1,
                            .failure_count = sizeof(usual_failures) / sizeof(usual_failures[0])};
    memcpy(out->failures, usual_failures, sizeof(usual_failures));
    opterr = 0; /* what is wrong is told once, by the caller */
    optind = 0;
    while (err == 0 && (option = getopt_long(argc, argv, ":", options, NULL)) != -1)
        err = take_option(out, option, &are_usual, argv, problem);
    if (err != 0)
        return err;
    if (optind != argc)
        return refuse(problem, "'%.40s' is no option of simulate", argv[optind]);
    if (out->costs == NULL)
        return refuse(problem, "--costs FILE is missing: what a node's work costs, as "
                               "tests/bench/costs.mjs measures it");
    if (out->regions > out->nodes)
        return refuse(problem, "--regions: more than nodes");
    if (are_usual)
        fit_usual_failures(out);
    return check_failures(out, problem);
}
