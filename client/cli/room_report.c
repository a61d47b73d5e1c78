#include "room_report.h"

#include "api.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { LINES_MAX = 40, NETWORKS_SHOWN = 10, PATH_MAX_CHARS = 256, TIME_CHARS = 32 };

static long long number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static const char *word(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

/* "2026-11-22 20:00:00" */
static const char *time_of(long long wall_ms, char out[TIME_CHARS])
{
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm tm = {.tm_year = 0};
    (void)localtime_r(&seconds, &tm);
    (void)strftime(out, TIME_CHARS, "%Y-%m-%d %H:%M:%S", &tm);
    return out;
}

static const char *clock_of(long long wall_ms, char out[TIME_CHARS])
{
    return strchr(time_of(wall_ms, out), ' ') + 1;
}

static void print_head(const json_t *report)
{
    char text[TIME_CHARS];
    const json_t *peak = json_object_get(report, "peak");
    const json_t *totals = json_object_get(report, "totals");
    (void)printf("%s (%s), %s\n", word(report, "title"), word(report, "slug"),
                 word(report, "state"));
    if (number(report, "live_ms") > 0)
        (void)printf("live from %s", time_of(number(report, "live_ms"), text));
    if (number(report, "ended_ms") > 0)
        (void)printf(" to %s", time_of(number(report, "ended_ms"), text));
    if (number(report, "live_ms") > 0)
        (void)puts("");
    (void)printf(
        "at most at one time: %lld hearing, %lld connected, %lld in line; turned away: %lld\n",
        number(peak, "hearing"), number(peak, "connected"), number(peak, "in_line"),
        number(totals, "turned_away"));
    (void)printf("%s\n", word(json_object_get(report, "facts"), "text"));
}

static void print_causes(const json_t *report)
{
    const char *name;
    json_t *value;
    (void)puts("\narrivals");
    json_object_foreach(json_object_get(json_object_get(report, "totals"), "by_cause"), name,
                        value)(void)
        printf("  %-18s %lld\n", name, (long long)json_integer_value(value));
}

static void print_networks(const json_t *report)
{
    const json_t *networks = json_object_get(report, "networks");
    const json_t *list = json_object_get(networks, "list");
    if (json_array_size(list) == 0)
        return;
    (void)printf("\nbusiest networks (%lld kept; any other made at most %lld attempts)\n",
                 number(networks, "kept"), number(networks, "missed"));
    for (size_t i = 0; i < json_array_size(list) && i < NETWORKS_SHOWN; i++) {
        const json_t *network = json_array_get(list, i);
        const json_t *arrivals = json_object_get(network, "arrivals");
        (void)printf(
            "  %-24s %8lld attempts (at most %lld too high), %lld seats, %lld handshakes\n",
            word(network, "network"), number(network, "attempts"), number(network, "too_high"),
            number(arrivals, "seated"), number(arrivals, "handshake_done"));
    }
}

static void print_change(const json_t *change)
{
    char text[TIME_CHARS];
    bool is_mode = strcmp(word(change, "kind"), "mode") == 0;
    (void)printf("  %s %s", clock_of(number(change, "at_ms"), text),
                 word(change, is_mode ? "mode" : "state"));
    if (word(change, "cause")[0] != '\0')
        (void)printf(", cause %s", word(change, "cause"));
    if (json_object_get(change, "value") != NULL)
        (void)printf(" (%lld, limit %lld)", number(change, "value"), number(change, "limit"));
    (void)puts("");
}

static void print_changes(const json_t *report)
{
    const json_t *changes = json_object_get(report, "changes");
    (void)puts("\nchanges of state and mode");
    if (!json_is_true(json_object_get(report, "changes_complete")))
        (void)puts("  (earlier ones are left out)");
    for (size_t i = 0; i < json_array_size(changes); i++)
        print_change(json_array_get(changes, i));
}

/* A line may stand for several samples: the most people at one time, all attempts. */
struct line {
    long long until_ms, hearing, connected, in_line, turned_away, attempts;
    const char *mode;
};

static long long larger(long long a, long long b)
{
    return a > b ? a : b;
}

static void add_sample(struct line *line, const json_t *sample)
{
    const json_t *arrivals = json_object_get(sample, "arrivals");
    line->until_ms = number(sample, "at_ms");
    line->hearing = larger(line->hearing, number(sample, "hearing"));
    line->connected = larger(line->connected, number(sample, "connected"));
    line->in_line = larger(line->in_line, number(sample, "in_line"));
    line->turned_away = number(sample, "turned_away");
    line->attempts += number(arrivals, "ask") + number(arrivals, "ask_again") +
                      number(arrivals, "refused_rate") + number(arrivals, "put_off");
    line->mode = word(sample, "mode");
}

static void print_history(const json_t *report)
{
    const json_t *samples = json_object_get(report, "history");
    size_t count = json_array_size(samples), step = (count + LINES_MAX - 1) / LINES_MAX;
    if (count == 0)
        return;
    (void)printf("\n%-8s %8s %9s %8s %11s %8s  %s\n", "until", "hearing", "connected", "in line",
                 "turned away", "attempts", "mode");
    for (size_t first = 0; first < count; first += step) {
        char text[TIME_CHARS];
        struct line line = {.mode = ""};
        for (size_t i = first; i < count && i < first + step; i++)
            add_sample(&line, json_array_get(samples, i));
        (void)printf("%-8s %8lld %9lld %8lld %11lld %8lld  %s\n", clock_of(line.until_ms, text),
                     line.hearing, line.connected, line.in_line, line.turned_away, line.attempts,
                     line.mode);
    }
}

int room_report(const struct cli *cli, const char *slug)
{
    char path[PATH_MAX_CHARS];
    int chars = snprintf(path, sizeof(path), "/api/v1/rooms/%s/report", slug);
    if (chars < 0 || chars >= (int)sizeof(path))
        return cli_usage("the slug is too long");
    json_t *report;
    int status = api_call(cli, "GET", path, NULL, &report);
    if (status != EXIT_OK)
        return status;
    if (cli->json)
        return api_print(report);
    print_head(report);
    print_causes(report);
    print_networks(report);
    print_changes(report);
    print_history(report);
    json_decref(report);
    return EXIT_OK;
}
