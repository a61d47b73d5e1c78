#include "signalling/report.h"

#include "base/address.h"
#include "signalling/texts.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PERMILLE = 1000 };

static void set_number(json_t *object, const char *name, uint64_t value)
{
    json_object_set_new(object, name, json_integer((json_int_t)value));
}

/* ---- sums ---- */

struct sums {
    uint64_t of[ARRIVALS], attempts;
    uint32_t hearing, connected, in_line, turned_away;
    int64_t hearing_ms;
};

static void add_sample(struct sums *sums, const struct sample_record *sample)
{
    for (unsigned i = 0; i < ARRIVALS; i++)
        sums->of[i] += sample->arrivals.of[i];
    sums->attempts += arrival_attempts(&sample->arrivals);
    if (sample->hearing > sums->hearing) {
        sums->hearing = sample->hearing;
        sums->hearing_ms = sample->at_ms;
    }
    if (sample->connected > sums->connected)
        sums->connected = sample->connected;
    if (sample->in_line > sums->in_line)
        sums->in_line = sample->in_line;
    if (sample->turned_away > sums->turned_away)
        sums->turned_away = sample->turned_away;
}

/* How many of a thousand attempts the busiest networks made: at least, and at most. */
struct share {
    unsigned networks;
    uint64_t from_permille, to_permille;
    uint64_t missed;
};

static uint64_t permille_of(uint64_t part, uint64_t whole)
{
    if (whole == 0)
        return 0;
    return part >= whole ? PERMILLE : part * PERMILLE / whole;
}

static struct share share_of(const struct store_history *history, uint64_t attempts)
{
    struct share share = {.networks = 0};
    uint64_t least = 0, most = 0, known = 0;
    for (size_t i = 0; i < history->network_count; i++) {
        const struct arrival_network *network = &history->networks[i];
        known += network->attempts;
        if (network->too_high > share.missed)
            share.missed = network->too_high; /* what the newcomer inherited: see busiest.h */
        if (i >= REPORT_BUSIEST)
            continue;
        share.networks++;
        most += network->attempts;
        least += network->attempts - network->too_high;
    }
    /* Totals are stored more often than networks are: whose the last ones were before a crash nobody knows. */
    uint64_t unknown = attempts > known ? attempts - known : 0;
    share.missed += unknown;
    share.from_permille = permille_of(least, attempts);
    share.to_permille = permille_of(most + unknown, attempts);
    return share;
}

/* ---- parts ---- */

static json_t *view_arrivals(const struct arrival_counts *counts)
{
    json_t *view = json_object();
    for (unsigned i = 0; i < ARRIVALS; i++)
        if (counts->of[i] > 0)
            set_number(view, arrival_name((enum arrival)i), counts->of[i]);
    return view;
}

static json_t *view_totals(const struct sums *sums)
{
    json_t *by_cause = json_object();
    for (unsigned i = 0; i < ARRIVALS; i++)
        set_number(by_cause, arrival_name((enum arrival)i), sums->of[i]);
    return json_pack("{s:I, s:I, s:I, s:o}", "attempts", (json_int_t)sums->attempts, "people",
                     (json_int_t)sums->of[ARRIVAL_ASK], "turned_away",
                     (json_int_t)sums->turned_away, "by_cause", by_cause);
}

static json_t *view_sample(const struct sample_record *sample)
{
    json_t *view = json_object();
    json_object_set_new(view, "at_ms", json_integer(sample->at_ms));
    set_number(view, "span_s", sample->span_s);
    set_number(view, "hearing", sample->hearing);
    set_number(view, "connected", sample->connected);
    set_number(view, "in_line", sample->in_line);
    set_number(view, "turned_away", sample->turned_away);
    set_number(view, "seats", sample->seats);
    json_object_set_new(view, "mode", json_string(mode_name(sample->mode)));
    if (sample->cause[0] != '\0')
        json_object_set_new(view, "cause", texts_string(sample->cause));
    if (arrival_counts_any(&sample->arrivals))
        json_object_set_new(view, "arrivals", view_arrivals(&sample->arrivals));
    return view;
}

static json_t *view_networks(const struct store_history *history, uint64_t missed)
{
    json_t *list = json_array();
    for (size_t i = 0; i < history->network_count && i < REPORT_NETWORKS_MAX; i++) {
        const struct arrival_network *network = &history->networks[i];
        char text[ADDRESS_NETWORK_TEXT_MAX];
        if (!address_network_write(network->network, text))
            continue; /* another program wrote it */
        json_array_append_new(list, json_pack("{s:s, s:I, s:I, s:o}", "network", text, "attempts",
                                              (json_int_t)network->attempts, "too_high",
                                              (json_int_t)network->too_high, "arrivals",
                                              view_arrivals(&network->counts)));
    }
    return json_pack("{s:I, s:I, s:o}", "kept", (json_int_t)history->network_count, "missed",
                     (json_int_t)missed, "list", list);
}

/* "mode=economy cause=node value=31": numbers become numbers, all else is text. */
static void set_details(json_t *view, const char *detail)
{
    char copy[STORE_DETAIL_MAX + 1], *rest = NULL;
    (void)snprintf(copy, sizeof(copy), "%s", detail);
    for (char *pair = strtok_r(copy, " ", &rest); pair != NULL; pair = strtok_r(NULL, " ", &rest)) {
        char *value = strchr(pair, '=');
        if (value == NULL)
            continue;
        *value++ = '\0';
        size_t digits = strspn(value, "0123456789");
        bool is_number = digits > 0 && digits < 16 && value[digits] == '\0';
        if (json_object_get(view, pair) == NULL)
            json_object_set_new(view, pair,
                                is_number ? json_integer(strtoll(value, NULL, 10))
                                          : texts_string(value));
    }
}

static json_t *view_change(const struct event_record *change)
{
    bool is_mode = strcmp(change->kind, "room.mode") == 0;
    json_t *view = json_object();
    json_object_set_new(view, "at_ms", json_integer(change->wall_ms));
    json_object_set_new(view, "kind", json_string(is_mode ? "mode" : "state"));
    if (change->host != 0)
        set_number(view, "host", change->host);
    if (is_mode)
        set_details(view, change->detail);
    else
        json_object_set_new(view, "state", texts_string(change->detail));
    return view;
}

/* ---- was it an attack? ---- */

/* "; the 10 busiest of at least 1000 networks made 75 to 78 % of the attempts", or nothing. */
static void write_share(char *out, size_t out_bytes, const struct share *share, size_t networks)
{
    unsigned long long from = share->from_permille / 10, to = (share->to_permille + 9) / 10;
    char percent[48];
    out[0] = '\0';
    if (share->networks == 0)
        return;
    if (from == to)
        (void)snprintf(percent, sizeof(percent), "%llu", to);
    else
        (void)snprintf(percent, sizeof(percent), "%llu to %llu", from, to);
    (void)snprintf(out, out_bytes, "; the %u busiest of %s%zu networks made %s %% of the attempts",
                   share->networks, share->missed > 0 ? "at least " : "", networks, percent);
}

static json_t *view_facts(const struct sums *sums, const struct share *share,
                          const struct store_history *history)
{
    char text[512], busiest[160];
    const uint64_t *of = sums->of;
    write_share(busiest, sizeof(busiest), share, history->network_count);
    (void)snprintf(
        text, sizeof(text),
        "%llu attempts, %llu of them first asks; %llu valid tickets, %llu that were not; "
        "%llu handshakes completed, %llu failed%s.",
        (unsigned long long)sums->attempts, (unsigned long long)of[ARRIVAL_ASK],
        (unsigned long long)of[ARRIVAL_TICKET_VALID], (unsigned long long)of[ARRIVAL_TICKET_BAD],
        (unsigned long long)of[ARRIVAL_HANDSHAKE_DONE],
        (unsigned long long)of[ARRIVAL_HANDSHAKE_FAILED], busiest);
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:{s:I, s:I}, s:s}", "attempts",
                     (json_int_t)sums->attempts, "people", (json_int_t)of[ARRIVAL_ASK],
                     "tickets_valid", (json_int_t)of[ARRIVAL_TICKET_VALID], "tickets_bad",
                     (json_int_t)of[ARRIVAL_TICKET_BAD], "handshakes_done",
                     (json_int_t)of[ARRIVAL_HANDSHAKE_DONE], "handshakes_failed",
                     (json_int_t)of[ARRIVAL_HANDSHAKE_FAILED], "busiest", (int)share->networks,
                     "busiest_share_permille", "from", (json_int_t)share->from_permille, "to",
                     (json_int_t)share->to_permille, "text", text);
}

static void set_time(json_t *object, const char *name, int64_t wall_ms)
{
    if (wall_ms > 0)
        json_object_set_new(object, name, json_integer(wall_ms));
}

char *report_json(const struct report_subject *subject, const struct store_history *history)
{
    const struct room_record *room = &subject->room;
    struct sums sums = {.attempts = 0};
    json_t *samples = json_array(), *changes = json_array();
    for (size_t i = 0; i < history->sample_count; i++) {
        add_sample(&sums, &history->samples[i]);
        json_array_append_new(samples, view_sample(&history->samples[i]));
    }
    for (size_t i = 0; i < history->change_count; i++)
        json_array_append_new(changes, view_change(&history->changes[i]));
    struct share share = share_of(history, sums.attempts);
    json_t *view = json_object();
    json_object_set_new(view, "slug", texts_string(room->slug));
    json_object_set_new(view, "title", texts_string(room->title));
    json_object_set_new(view, "state", json_string(room_state_name(room->state)));
    set_time(view, "start_ms", room->start_ms);
    set_time(view, "live_ms", room->live_ms);
    set_time(view, "ended_ms", room->ended_ms);
    set_time(view, "generated_ms", subject->now_ms);
    json_object_set_new(view, "totals", view_totals(&sums));
    json_object_set_new(view, "peak",
                        json_pack("{s:I, s:I, s:I, s:I}", "hearing", (json_int_t)sums.hearing,
                                  "hearing_ms", (json_int_t)sums.hearing_ms, "connected",
                                  (json_int_t)sums.connected, "in_line", (json_int_t)sums.in_line));
    json_object_set_new(view, "facts", view_facts(&sums, &share, history));
    json_object_set_new(view, "networks", view_networks(history, share.missed));
    json_object_set_new(view, "changes", changes);
    json_object_set_new(view, "changes_complete", json_boolean(history->has_all_changes));
    json_object_set_new(view, "history", samples);
    char *text = json_dumps(view, JSON_COMPACT);
    json_decref(view);
    return text;
}

/* ---- CSV ---- */

void report_cell(char *out, size_t out_bytes, const char *text)
{
    bool is_formula = text[0] != '\0' && strchr("=+-@\t\r\n", text[0]) != NULL;
    bool is_quoted = is_formula || strpbrk(text, ",\"\r\n") != NULL;
    size_t at = 0;
    if (is_quoted)
        out[at++] = '"';
    if (is_formula)
        out[at++] = '\'';
    for (; *text != '\0' && at + 4 < out_bytes; text++) {
        if (*text == '"')
            out[at++] = '"';
        out[at++] = *text;
    }
    if (is_quoted)
        out[at++] = '"';
    out[at] = '\0';
}

static void write_line(FILE *out, const struct sample_record *sample)
{
    char time_text[32], mode[32], cause[2 * STORE_CAUSE_MAX + 8];
    time_t seconds = (time_t)(sample->at_ms / 1000);
    struct tm tm = {.tm_year = 0};
    (void)gmtime_r(&seconds, &tm);
    (void)strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%SZ", &tm);
    report_cell(mode, sizeof(mode), mode_name(sample->mode));
    report_cell(cause, sizeof(cause), sample->cause);
    (void)fprintf(out, "%s,%u,%u,%u,%u,%u,%u,%s,%s", time_text, sample->span_s, sample->hearing,
                  sample->connected, sample->in_line, sample->turned_away, sample->seats, mode,
                  cause);
    for (unsigned i = 0; i < ARRIVALS; i++)
        (void)fprintf(out, ",%u", sample->arrivals.of[i]);
    (void)fputs("\r\n", out);
}

char *report_csv(const struct store_history *history)
{
    char *text = NULL;
    size_t bytes = 0;
    FILE *out = open_memstream(&text, &bytes);
    if (out == NULL)
        return NULL;
    (void)fputs("until,span_s,hearing,connected,in_line,turned_away,seats,mode,cause", out);
    for (unsigned i = 0; i < ARRIVALS; i++)
        (void)fprintf(out, ",%s", arrival_name((enum arrival)i));
    (void)fputs("\r\n", out);
    for (size_t i = 0; i < history->sample_count; i++)
        write_line(out, &history->samples[i]);
    if (fclose(out) == 0)
        return text;
    free(text);
    return NULL;
}
