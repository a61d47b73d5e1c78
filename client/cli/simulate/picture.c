/* picture.c - the evening as four panels over the same time. */
#include "simulate/outcome.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>

enum {
    WIDTH = 960,
    LEFT = 84,
    RIGHT = 800, /* names of the lines stand beyond */
    TOP = 86,
    PANEL_HEIGHT = 150,
    PANEL_STEP = 214,
    TICK_EVERY_S = 5 * 60,
    START_S = CURVE_START_MS / 1000,
    NAME_STEP = 16,
    LINES_MAX = 3,
};

struct line {
    const char *name;
    size_t at; /* in struct account_second; NULL name: none */
};

static const struct panel {
    const char *title, *unit;
    uint32_t least_top;
    bool is_log; /* tens, hundreds, thousands: a few are worth seeing beside very many */
    struct line lines[LINES_MAX];
} panels[] = {
    {.title = "People",
     .unit = "people",
     .least_top = 10,
     .lines = {{"came", offsetof(struct account_second, came)},
               {"hear", offsetof(struct account_second, hearing)}}},
    {.title = "People without sound",
     .unit = "people, by tens",
     .least_top = 10,
     .is_log = true,
     .lines = {{"on their way", offsetof(struct account_second, joining)},
               {"seat, no sound", offsetof(struct account_second, silent)},
               {"in line", offsetof(struct account_second, in_line)}}},
    {.title = "Joins of all nodes",
     .unit = "per second",
     .least_top = 10,
     .lines = {{"joins", offsetof(struct account_second, joins)}}},
    {.title = "The fullest node of each second",
     .unit = "per mille",
     .least_top = 1000,
     .lines = {{"processor", offsetof(struct account_second, most_load_permille)},
               {"egress", offsetof(struct account_second, most_egress_permille)}}},
};
enum { PANELS = sizeof(panels) / sizeof(panels[0]), HEIGHT = TOP + PANELS * PANEL_STEP };

static uint32_t value_at(const struct account_second *row, const struct line *line)
{
    return *(const uint32_t *)(const void *)((const char *)row + line->at);
}

/* 1, 2 or 5 times a power of ten; on a scale of tens the power itself. */
static uint64_t round_up(uint64_t value, bool is_log)
{
    uint64_t power = 1;
    while (power * 10 < value)
        power *= 10;
    if (is_log)
        return 10 * power;
    return value <= power       ? power
           : value <= 2 * power ? 2 * power
           : value <= 5 * power ? 5 * power
                                : 10 * power;
}

static uint64_t top_of(const struct account *account, const struct panel *panel)
{
    uint64_t most = panel->least_top;
    for (unsigned i = 0; i < LINES_MAX && panel->lines[i].name != NULL; i++)
        for (uint32_t s = 0; s < account->seconds; s++)
            if (value_at(&account->rows[s], &panel->lines[i]) > most)
                most = value_at(&account->rows[s], &panel->lines[i]);
    return round_up(most, panel->is_log);
}

/* 0 at the bottom, 1 at the top. On a scale of tens nobody and one stand at the bottom. */
static double height_of(const struct panel *panel, double value, uint64_t top)
{
    if (!panel->is_log)
        return value / (double)top;
    return value <= 1 ? 0 : log10(value) / log10((double)top);
}

static double x_of(const struct account *account, uint32_t second)
{
    return LEFT +
           (double)(RIGHT - LEFT) * second / (account->seconds > 1 ? account->seconds - 1 : 1);
}

static void write_head(const struct world *world, FILE *out)
{
    const struct options *options = world->options;
    const struct account *account = world->account;
    (void)fprintf(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\" "
        "aria-labelledby=\"title\" font-family=\"system-ui, sans-serif\" "
        "font-size=\"13\">\n<style>\n"
        "svg { --paper: #fff; --ink: #1b1f24; --grid: #d5dae0; --c0: #0067a8; --c1: #c04a00; --c2: "
        "#00795a }\n"
        "@media (prefers-color-scheme: dark) { svg { --paper: #14171b; --ink: #e8ebef; --grid: "
        "#3a4149; "
        "--c0: #62b5f0; --c1: #ff9a57; --c2: #4fcea5 } }\n"
        ".paper { fill: var(--paper) } text { fill: var(--ink) } .grid { stroke: var(--grid) }\n"
        ".event { stroke: var(--ink); stroke-dasharray: 2 4 } path { fill: none; stroke-width: 1.8 "
        "}\n"
        ".l0 { stroke: var(--c0) } .l1 { stroke: var(--c1); stroke-dasharray: 7 3 } "
        ".l2 { stroke: var(--c2); stroke-dasharray: 2 2 }\n"
        ".n0 { fill: var(--c0) } .n1 { fill: var(--c1) } .n2 { fill: var(--c2) }\n</style>\n"
        "<rect class=\"paper\" width=\"%d\" height=\"%d\"/>\n",
        WIDTH, HEIGHT, WIDTH, HEIGHT);
    (void)fprintf(out,
                  "<text id=\"title\" x=\"%d\" y=\"30\" font-size=\"18\">%" PRIu32
                  " listeners, %" PRIu32 " nodes, %" PRIu32 " regions: %s</text>\n",
                  LEFT, options->listeners, options->nodes, options->regions,
                  outcome_is_kept(account) ? "all promises kept" : "a promise was BROKEN");
    (void)fprintf(out,
                  "<text x=\"%d\" y=\"50\">answered after %.1f s at most, deepest relay %" PRIu32
                  ", arrivals “%s”, seed %" PRIu64 ". Dotted: what fails.</text>\n",
                  LEFT, account->answers.max_ms / 1000.0, account->deepest,
                  curve_name(options->curve), options->seed);
}

static void write_failures(const struct world *world, int y, FILE *out)
{
    static const char *const names[] = {"relays", "region", "origin"};
    const struct options *options = world->options;
    for (uint32_t i = 0; i < options->failure_count; i++) {
        const struct failure *failure = &options->failures[i];
        double x = x_of(world->account, START_S + failure->at_s);
        (void)fprintf(
            out,
            "<line class=\"event\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
            "<text x=\"%.1f\" y=\"%d\" font-size=\"11\" text-anchor=\"middle\">%s</text>\n",
            x, x, y, y + PANEL_HEIGHT, x, y - 4, names[failure->kind]);
    }
}

static void write_mark(int y, double height, double value, FILE *out)
{
    double line_y = y + PANEL_HEIGHT * (1 - height);
    bool is_million = value >= 1e6, is_thousand = value >= 1e4;
    (void)fprintf(out,
                  "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                  "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.10g%s</text>\n",
                  LEFT, RIGHT, line_y, line_y, LEFT - 8, line_y + 4,
                  is_million    ? value / 1e6
                  : is_thousand ? value / 1e3
                                : value,
                  is_million    ? " M"
                  : is_thousand ? " k"
                                : "");
}

static void write_marks(const struct panel *panel, uint64_t top, int y, FILE *out)
{
    enum { STEPS = 4 };
    for (int i = 0; !panel->is_log && i <= STEPS; i++)
        write_mark(y, (double)i / STEPS, (double)top * i / STEPS, out);
    for (uint64_t value = 1; panel->is_log && value <= top; value *= 10)
        write_mark(y, height_of(panel, (double)value, top), (double)value, out);
}

static void write_axes(const struct world *world, const struct panel *panel, uint64_t top, int y,
                       FILE *out)
{
    int bottom = y + PANEL_HEIGHT;
    (void)fprintf(out, "<text x=\"%d\" y=\"%d\" font-weight=\"600\">%s</text>\n", LEFT, y - 12,
                  panel->title);
    (void)fprintf(
        out, "<text transform=\"translate(14 %d) rotate(-90)\" text-anchor=\"middle\">%s</text>\n",
        y + PANEL_HEIGHT / 2, panel->unit);
    (void)fprintf(out, "<text x=\"%d\" y=\"%d\">time of day</text>\n", RIGHT + 10, bottom + 20);
    write_marks(panel, top, y, out);
    for (uint32_t s = 0; s < world->account->seconds; s += TICK_EVERY_S) {
        uint32_t clock_s = 20 * 3600 + s - START_S;
        double x = x_of(world->account, s);
        (void)fprintf(out,
                      "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%d\" y2=\"%d\"/>"
                      "<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%02" PRIu32 ":%02" PRIu32
                      "</text>\n",
                      x, x, y, bottom + 5, x, bottom + 20, clock_s / 3600, clock_s / 60 % 60);
    }
}

static void write_line(const struct account *account, const struct panel *panel, unsigned number,
                       uint64_t top, int y, FILE *out)
{
    const struct line *line = &panel->lines[number];
    (void)fprintf(out, "<path class=\"l%u\" d=\"", number);
    for (uint32_t s = 0; s < account->seconds; s++)
        (void)fprintf(out, "%s%.1f %.1f", s == 0 ? "M" : "L", x_of(account, s),
                      y + PANEL_HEIGHT *
                              (1 - height_of(panel, value_at(&account->rows[s], line), top)));
    int name_y = y + 12 + (int)number * NAME_STEP;
    (void)fprintf(out,
                  "\"/>\n<path class=\"l%u\" d=\"M%d %dh22\"/><text class=\"n%u\" x=\"%d\" "
                  "y=\"%d\">%s</text>\n",
                  number, RIGHT + 10, name_y - 4, number, RIGHT + 38, name_y, line->name);
}

int picture_write(const struct world *world, FILE *out)
{
    write_head(world, out);
    for (unsigned i = 0; i < PANELS; i++) {
        int y = TOP + 14 + (int)i * PANEL_STEP;
        uint64_t top = top_of(world->account, &panels[i]);
        write_axes(world, &panels[i], top, y, out);
        write_failures(world, y, out);
        for (unsigned k = 0; k < LINES_MAX && panels[i].lines[k].name != NULL; k++)
            write_line(world->account, &panels[i], k, top, y, out);
    }
    (void)fputs("</svg>\n", out);
    return fflush(out) == 0 && ferror(out) == 0 ? 0 : ERR_IO;
}
