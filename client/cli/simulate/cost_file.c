#include "simulate/cost_file.h"

#include <jansson.h>

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const char FORMAT[] = "rostrum costs 1";
static const char HOW[] = "It is measured and written by: node tests/bench/costs.mjs --out FILE";
static const double RELAY_SEATS = 2, HOP_MS_MAX = 5; /* the most that is allowed */
/* Each packet to a relay bears the two before it (audience/redundancy.h), and one set of headers, which are a
 * third of a listener's packet: 425 bytes for 176. Measured at two nodes: 2.3 to 2.5. */
static const double RELAY_BYTES = 2.4;

static const struct figure {
    const char *name;
    size_t at;
    double least, most;
} figures[] = {
    {"room_us_per_s", offsetof(struct costs, room_us_per_s), 0, 1e6},
    {"listener_us_per_s", offsetof(struct costs, listener_us_per_s), 0.1, 1e5},
    {"join_us", offsetof(struct costs, join_us), 1, 1e6},
    {"answer_us", offsetof(struct costs, answer_us), 1, 1e6},
    {"first_sound_ms", offsetof(struct costs, first_sound_ms), 1, 1e4},
    {"listener_bps", offsetof(struct costs, listener_bps), 1000, 1e7},
};

__attribute__((format(printf, 2, 3))) static int refuse(char problem[COST_PROBLEM_MAX],
                                                        const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(problem, COST_PROBLEM_MAX, format, args);
    va_end(args);
    return ERR_DAMAGED;
}

static int take_figure(struct costs *out, const json_t *object, const struct figure *figure,
                       char problem[COST_PROBLEM_MAX])
{
    const json_t *value = json_object_get(object, figure->name);
    double number = json_number_value(value);
    if (!json_is_number(value) || number < figure->least || number > figure->most)
        return refuse(problem, "%s has to be a number from %g to %g. %s", figure->name,
                      figure->least, figure->most, HOW);
    memcpy((char *)out + figure->at, &number, sizeof(number));
    return 0;
}

/* Null or missing: not measured. */
static int take_optional(double *out, bool *is_measured, const json_t *object, const char *name,
                         double otherwise, char problem[COST_PROBLEM_MAX])
{
    const json_t *value = json_object_get(object, name);
    *is_measured = json_is_number(value);
    *out = *is_measured ? json_number_value(value) : otherwise;
    if ((value != NULL && !json_is_null(value) && !*is_measured) || *out <= 0 || *out > 1e7)
        return refuse(problem, "%s has to be null or a number above 0. %s", name, HOW);
    return 0;
}

static int take_words(char out[COST_WORDS_MAX], const json_t *object, const char *name,
                      char problem[COST_PROBLEM_MAX])
{
    const char *words = json_string_value(json_object_get(object, name));
    if (words == NULL || words[0] == '\0')
        return refuse(problem, "%s is missing: the file has to say where it comes from. %s", name,
                      HOW);
    (void)snprintf(out, COST_WORDS_MAX, "%s", words);
    return 0;
}

static int take_all(struct costs *out, const json_t *object, char problem[COST_PROBLEM_MAX])
{
    const char *format = json_string_value(json_object_get(object, "format"));
    int err = 0;
    bool ignored;
    if (format == NULL || strcmp(format, FORMAT) != 0)
        return refuse(problem, "\"format\" is not \"%s\". %s", FORMAT, HOW);
    for (size_t i = 0; err == 0 && i < sizeof(figures) / sizeof(figures[0]); i++)
        err = take_figure(out, object, &figures[i], problem);
    if (err == 0)
        err = take_optional(&out->relay_us_per_s, &out->relay_is_measured, object, "relay_us_per_s",
                            RELAY_SEATS * out->listener_us_per_s, problem);
    if (err == 0)
        err = take_optional(&out->relay_bps, &ignored, object, "relay_bps",
                            RELAY_BYTES * out->listener_bps, problem);
    if (err == 0)
        err = take_optional(&out->hop_ms, &out->hop_is_measured, object, "hop_ms", HOP_MS_MAX,
                            problem);
    if (err == 0)
        err = take_words(out->machine, object, "machine", problem);
    if (err == 0)
        err = take_words(out->measured, object, "measured", problem);
    if (err == 0)
        err = take_words(out->how, object, "how", problem);
    return err;
}

int costs_parse(struct costs *out, const char *json, char problem[COST_PROBLEM_MAX])
{
    json_error_t error;
    struct costs costs = {0};
    json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL)
        return refuse(problem, "line %d: %s. %s", error.line, error.text, HOW);
    int err = take_all(&costs, object, problem);
    json_decref(object);
    if (err == 0)
        *out = costs;
    return err;
}

int costs_read(struct costs *out, const char *path, char problem[COST_PROBLEM_MAX])
{
    enum { BYTES_MAX = 64 * 1024 };
    static char text[BYTES_MAX + 1];
    char inner[COST_PROBLEM_MAX];
    FILE *file = fopen(path, "rbe");
    if (file == NULL) {
        (void)refuse(problem, "the cost file %s cannot be read: %s. %s", path, strerror(errno),
                     HOW);
        return ERR_IO;
    }
    size_t bytes = fread(text, 1, BYTES_MAX, file);
    (void)fclose(file);
    text[bytes] = '\0';
    int err = costs_parse(out, text, inner);
    if (err != 0)
        (void)refuse(problem, "the cost file %s: %.300s", path, inner);
    return err;
}
