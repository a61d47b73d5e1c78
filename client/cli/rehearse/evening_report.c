/* evening_report.c - the account of an evening, for people and for machines. */
#include "rehearse/evening.h"
#include "rehearse/report.h"

#include <jansson.h>

#include <inttypes.h>
#include <stdlib.h>

static const double SECOND_US = 1000 * 1000;

const char *part_name(enum part part)
{
    static const char *const names[PARTS] = {"fill", "storm", "hogs",    "restart",
                                             "cut",  "quiet", "refusals"};
    return names[part];
}

static double since_start(const struct evening *evening, uint64_t at_us)
{
    return (double)(at_us - evening->start_us) / SECOND_US;
}

/* ---- for people ---- */

static void print_head(const struct evening *evening, FILE *out)
{
    const struct evening_size *size = &evening->size;
    (void)fprintf(out,
                  "bad evening in '%s' at %s: %" PRIu32 " seats, %" PRIu32 " people, %" PRIu32
                  " of them to stay%s%s\n\n",
                  evening->arguments.common.slug, evening->cli->server, size->seats, size->people,
                  size->base, size->is_small ? "; a small one: shorter, with fewer people" : "",
                  evening->is_cut_short ? " (cut short)" : "");
}

static void print_promises(const struct evening *evening, FILE *out)
{
    for (unsigned i = 0; i < PROMISES; i++) {
        const struct promise *promise = &evening->promises[i];
        (void)fprintf(out, "%-13s %-10s %s\n%-24s (%s)\n", outcome_name(promise->outcome),
                      promise->name, promise->figure, "", promise->text);
    }
}

static void print_modes(const struct evening *evening, FILE *out)
{
    enum mode_seen before = MODE_UNSEEN;
    for (uint32_t i = 0; i < evening->count; i++) {
        const struct moment *moment = &evening->moments[i];
        enum mode_seen mode = moment_mode(moment);
        if (mode == MODE_UNSEEN || mode == before)
            continue;
        (void)fprintf(out, "%6.0f s  %-14s %s%s\n", since_start(evening, moment->at_us),
                      mode_seen_name(mode), part_name(moment->part),
                      before == MODE_UNSEEN ? ", at first" : "");
        if (moment->server.cause[0] != '\0')
            (void)fprintf(out, "%9s because of %s\n", "", moment->server.cause);
        before = mode;
    }
}

static void print_reasons(const struct tally_reasons *reasons, FILE *out)
{
    for (unsigned i = 0; i < reasons->used; i++)
        (void)fprintf(out, "%s%" PRIu32 " %s", i == 0 ? " (" : ", ", reasons->list[i].count,
                      reasons->list[i].name);
    (void)fputs(reasons->used > 0 ? ")" : "", out);
}

static void print_passers(const struct evening *evening, FILE *out)
{
    if (evening->passers == NULL)
        return;
    const struct passers_count *count = passers_count(evening->passers);
    (void)fprintf(out, "of %" PRIu64 " passers-by %" PRIu64 " asked, %" PRIu64 " answered",
                  count->due, count->asks.asked, count->asks.answered);
    print_reasons(&count->refusals, out);
    (void)fprintf(out, ", p99 %.0f ms, longest %.0f ms; %" PRIu64 " late, %" PRIu64 " never",
                  (double)histogram_at(&count->asks.times, 990) / 1000,
                  (double)count->asks.times.max_us / 1000, count->asks.late,
                  count->asks.unanswered);
    print_reasons(&count->no_answer, out);
    (void)fprintf(out, "; %" PRIu64 " places given back, %" PRIu64 " not; %" PRIu64 " not offered",
                  count->given_up, count->kept, count->not_offered);
    print_reasons(&count->held_up, out);
    (void)fputs("\n", out);
}

static void print_notes(const struct evening *evening, FILE *out)
{
    const struct stands_back *back = &evening->back;
    char times[STANDS_TIMES_CHARS];
    if (back->lost > 0)
        (void)fprintf(out,
                      "of %" PRIu32 " who lost their network at once %" PRIu32
                      " heard again, %s; %" PRIu32
                      " newcomers were seated before the last of them\n",
                      back->lost, back->heard, stands_back_times(times, back), back->strangers);
    if (evening->no_hogs != NULL)
        (void)fprintf(out, "no hogs: %s\n", evening->no_hogs);
    for (unsigned i = 0; i < evening->setup.notes.count; i++)
        (void)fprintf(out, "note: %s\n", evening->setup.notes.list[i]);
}

int evening_text(const struct evening *evening, FILE *out)
{
    print_head(evening, out);
    print_promises(evening, out);
    (void)fputs("\n", out);
    print_modes(evening, out);
    print_passers(evening, out);
    print_notes(evening, out);
    return fflush(out) == 0 && ferror(out) == 0 ? 0 : ERR_IO;
}

/* ---- for machines ---- */

static json_t *promises_json(const struct evening *evening)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < PROMISES; i++) {
        const struct promise *promise = &evening->promises[i];
        (void)json_array_append_new(
            list, json_pack("{s:s,s:s,s:s,s:s}", "name", promise->name, "promise", promise->text,
                            "outcome", outcome_name(promise->outcome), "figure", promise->figure));
    }
    return list;
}

static json_t *parts_json(const struct evening *evening)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < PARTS; i++) {
        const struct tally_asks *asks = &evening->tally.asks[i];
        if (evening->from_us[i] == 0)
            continue;
        uint64_t to_us = evening->to_us[i] != 0 ? evening->to_us[i] : evening->from_us[i];
        (void)json_array_append_new(
            list,
            json_pack("{s:s,s:f,s:f,s:I,s:I,s:I,s:I,s:I,s:f,s:f}", "name", part_name((enum part)i),
                      "from_s", since_start(evening, evening->from_us[i]), "to_s",
                      since_start(evening, to_us), "asked", (json_int_t)asks->asked, "newcomers",
                      (json_int_t)asks->newcomers, "check_ins", (json_int_t)asks->check_ins,
                      "answered_late", (json_int_t)asks->late, "unanswered",
                      (json_int_t)asks->unanswered, "answer_p99_ms",
                      (double)histogram_at(&asks->times, 990) / 1000, "answer_max_ms",
                      (double)asks->times.max_us / 1000));
    }
    return list;
}

static json_t *moments_json(const struct evening *evening)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < evening->count; i++) {
        const struct moment *moment = &evening->moments[i];
        const struct server_second *server = &moment->server;
        json_t *view = json_null();
        if (server->is_seen)
            view = json_pack("{s:s,s:s,s:i,s:i,s:i,s:i,s:i,s:i,s:I}", "mode", server->mode, "cause",
                             server->cause, "hearing", (int)server->hearing, "connected",
                             (int)server->connected, "in_line", (int)server->in_line, "turned_away",
                             (int)server->turned_away, "seats", (int)server->governor_seats,
                             "cpu_percent", (int)(server->cpu_permille / 10), "late",
                             (json_int_t)server->late);
        (void)json_array_append_new(
            list,
            json_pack("{s:f,s:s,s:i,s:i,s:i,s:i,s:i,s:I,s:o}", "at_s",
                      since_start(evening, moment->at_us), "part", part_name(moment->part),
                      "seated", (int)moment->seated, "hearing", (int)moment->hearing, "heard",
                      (int)moment->heard, "steady", (int)moment->steady, "gaps", (int)moment->gaps,
                      "joined", (json_int_t)moment->joined, "server", view));
    }
    return list;
}

static json_t *reasons_json(const struct tally_reasons *reasons)
{
    json_t *object = json_object();
    for (unsigned i = 0; i < reasons->used; i++)
        (void)json_object_set_new(object, reasons->list[i].name,
                                  json_integer(reasons->list[i].count));
    return object;
}

static json_t *passers_json(const struct evening *evening)
{
    if (evening->passers == NULL)
        return json_null();
    const struct passers_count *count = passers_count(evening->passers);
    return json_pack(
        "{s:f,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:f,s:f,s:o,s:o,s:o}", "per_s",
        evening->storm.passers_per_s, "due", (json_int_t)count->due, "asked",
        (json_int_t)count->asks.asked, "answered", (json_int_t)count->asks.answered,
        "answered_late", (json_int_t)count->asks.late, "unanswered",
        (json_int_t)count->asks.unanswered, "not_offered", (json_int_t)count->not_offered,
        "given_up", (json_int_t)count->given_up, "kept", (json_int_t)count->kept, "answer_p99_ms",
        (double)histogram_at(&count->asks.times, 990) / 1000, "answer_max_ms",
        (double)count->asks.times.max_us / 1000, "refusals", reasons_json(&count->refusals),
        "no_answer", reasons_json(&count->no_answer), "held_up", reasons_json(&count->held_up));
}

int evening_json(const struct evening *evening, FILE *out)
{
    const struct evening_size *size = &evening->size;
    json_t *object = json_pack(
        "{s:s,s:s,s:I,s:b,s:b,s:i,s:i,s:i,s:f,s:f,s:o,s:o,s:o,s:o,s:o}", "room",
        evening->arguments.common.slug, "address", evening->cli->server, "started_ms",
        (json_int_t)evening->started_ms, "small", (int)size->is_small, "cut_short",
        (int)evening->is_cut_short, "seats", (int)size->seats, "people", (int)size->people, "base",
        (int)size->base, "peak_joins_per_s", evening->peak_per_s, "storm_joins_per_s",
        evening->storm_per_s, "promises", promises_json(evening), "parts", parts_json(evening),
        "passers", passers_json(evening), "reconnect", report_back(&evening->back), "per_second",
        moments_json(evening));
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;
    json_decref(object);
    if (text == NULL)
        return ERR_NOMEM;
    (void)fprintf(out, "%s\n", text);
    free(text);
    return fflush(out) == 0 && ferror(out) == 0 ? 0 : ERR_IO;
}
