#include "simulate/outcome.h"

#include <jansson.h>

#include <stdlib.h>

static json_t *spans_json(const struct spans *spans)
{
    return json_pack("{s:I,s:i,s:i,s:i,s:i}", "count", (json_int_t)spans->count, "p50",
                     (int)spans_at(spans, 500), "p95", (int)spans_at(spans, 950), "p99",
                     (int)spans_at(spans, 990), "max", (int)spans->max_ms);
}

static json_t *returns_json(const struct account *account)
{
    return json_pack("{s:o,s:o,s:o}", "relays", spans_json(&account->returns[FAILURE_RELAYS]),
                     "region", spans_json(&account->returns[FAILURE_REGION]), "origin",
                     spans_json(&account->returns[FAILURE_ORIGIN]));
}

static json_t *peaks_json(const struct outcome_peaks *peaks)
{
    uint32_t last = peaks->count - 1, middle = last / 2, high = last * 95 / 100;
    return json_pack("{s:[i,i,i],s:[I,I,I],s:[i,i,i]}", "joins_per_s", (int)peaks->joins[middle],
                     (int)peaks->joins[high], (int)peaks->joins[last], "egress_bps",
                     (json_int_t)peaks->egress_bps[middle], (json_int_t)peaks->egress_bps[high],
                     (json_int_t)peaks->egress_bps[last], "load_permille",
                     (int)peaks->load_permille[middle], (int)peaks->load_permille[high],
                     (int)peaks->load_permille[last]);
}

static json_t *promises_json(const struct account *account)
{
    const struct account_limits *over = &account->over;
    return json_pack("{s:b,s:b,s:b,s:i,s:i,s:i,s:i,s:i,s:i}", "answered",
                     (int)account_is_answered(account), "limits",
                     (int)account_is_within_limits(account), "depth", (int)account_is_flat(account),
                     "over_seats_s", (int)over->seats, "over_egress_s", (int)over->egress,
                     "over_relays_s", (int)over->children, "over_load_s", (int)over->load,
                     "deepest", (int)account->deepest, "loops", (int)over->loops);
}

static json_t *rows_json(const struct account *account)
{
    json_t *list = json_array();
    for (uint32_t s = 0; s < account->seconds; s++) {
        const struct account_second *row = &account->rows[s];
        (void)json_array_append_new(
            list,
            json_pack("{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i}", "second",
                      (int)s - CURVE_START_MS / 1000, "came", (int)row->came, "hearing",
                      (int)row->hearing, "joining", (int)row->joining, "silent", (int)row->silent,
                      "in_line", (int)row->in_line, "joins", (int)row->joins, "most_joins",
                      (int)row->most_joins, "most_load_permille", (int)row->most_load_permille,
                      "most_egress_permille", (int)row->most_egress_permille, "relays",
                      (int)row->relays, "depth", (int)row->depth));
    }
    return list;
}

static json_t *costs_json(const struct costs *costs)
{
    return json_pack("{s:s,s:s,s:s,s:b,s:b}", "machine", costs->machine, "measured",
                     costs->measured, "how", costs->how, "relay_is_measured",
                     (int)costs->relay_is_measured, "hop_is_measured", (int)costs->hop_is_measured);
}

static json_t *counts_json(const struct account *account)
{
    return json_pack(
        "{s:i,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:i}", "came", (int)account->came, "redirects",
        (json_int_t)account->redirects, "line_answers", (json_int_t)account->lined, "line_full",
        (json_int_t)account->turned_away, "requests_too_late", (json_int_t)account->shed,
        "parent_asks", (json_int_t)account->parent_asks, "without_parent",
        (json_int_t)account->no_parents, "turns_to_reserve", (json_int_t)account->turns_to_reserve,
        "returned_to_origin_peak", (int)account->returned_peak);
}

int outcome_json(const struct world *world, const struct outcome_peaks *peaks, FILE *out)
{
    const struct options *options = world->options;
    const struct account *account = world->account;
    json_t *object = json_pack(
        "{s:b,s:i,s:i,s:i,s:s,s:I,s:I,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o,s:o}", "kept",
        (int)outcome_is_kept(account), "listeners", (int)options->listeners, "nodes",
        (int)options->nodes, "regions", (int)options->regions, "arrivals",
        curve_name(options->curve), "seed", (json_int_t)options->seed, "seats",
        (json_int_t)peaks->seats, "costs", costs_json(world->costs), "promises",
        promises_json(account), "counts", counts_json(account), "answer_ms",
        spans_json(&account->answers), "first_sound_ms", spans_json(&account->first_sounds),
        "return_ms", returns_json(account), "gap_ms", spans_json(&account->gaps), "origin_gap_ms",
        spans_json(&account->origin_gaps), "added_ms", spans_json(&account->added),
        "control_wait_ms", spans_json(&account->control_waits), "node_peaks_p50_p95_max",
        peaks_json(peaks), "per_second", rows_json(account));
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text == NULL)
        return ERR_NOMEM;
    (void)fprintf(out, "%s\n", text);
    free(text);
    return fflush(out) == 0 && ferror(out) == 0 ? 0 : ERR_IO;
}
