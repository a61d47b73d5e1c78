#include "simulate/outcome.h"

#include <inttypes.h>
#include <stdlib.h>

enum { START_S = CURVE_START_MS / 1000, LINE_EVERY_S = 60 };

/* ---- what the nodes reached ---- */

static int compare_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

int outcome_peaks_make(struct outcome_peaks *out, const struct world *world)
{
    uint32_t count = world->options->nodes;
    *out = (struct outcome_peaks){.count = count};
    out->joins = calloc(count, sizeof(*out->joins));
    out->load_permille = calloc(count, sizeof(*out->load_permille));
    out->egress_bps = calloc(count, sizeof(*out->egress_bps));
    if (!out->joins || !out->load_permille || !out->egress_bps) {
        outcome_peaks_clear(out);
        return ERR_NOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct sim_node *node = &world->nodes[i];
        out->joins[i] = node->peak_joins;
        out->load_permille[i] = node->peak_load_permille;
        out->egress_bps[i] = node->peak_egress_bps;
        out->seats += node->seats;
    }
    qsort(out->joins, count, sizeof(*out->joins), compare_u32);
    qsort(out->load_permille, count, sizeof(*out->load_permille), compare_u32);
    qsort(out->egress_bps, count, sizeof(*out->egress_bps), compare_u64);
    return 0;
}

void outcome_peaks_clear(struct outcome_peaks *peaks)
{
    free(peaks->joins);
    free(peaks->load_permille);
    free(peaks->egress_bps);
    *peaks = (struct outcome_peaks){0};
}

bool outcome_is_kept(const struct account *account)
{
    return account_is_answered(account) && account_is_within_limits(account) &&
           account_is_flat(account);
}

/* ---- for people ---- */

static double seconds(uint32_t ms)
{
    return ms / 1000.0;
}

static void print_head(const struct world *world, const struct outcome_peaks *peaks, FILE *out)
{
    const struct options *options = world->options;
    const struct costs *costs = world->costs;
    (void)fprintf(out,
                  "%" PRIu32 " listeners (%s), %" PRIu32 " nodes of %" PRIu32 " cores and %" PRIu32
                  " Mbit/s (half of that to double) in %" PRIu32 " regions, %" PRIu64
                  " seats, seed %" PRIu64 "\n",
                  options->listeners, curve_name(options->curve), options->nodes, options->cores,
                  options->egress_mbit, options->regions, peaks->seats, options->seed);
    (void)fprintf(out, "costs: measured %s on %s, %s\n", costs->measured, costs->machine,
                  costs->how);
    if (!costs->relay_is_measured)
        (void)fprintf(out, "       not measured: a relay, which counts as two listeners\n");
    if (!costs->hop_is_measured)
        (void)fprintf(out, "       not measured: a hop, which counts as %.0f ms\n", costs->hop_ms);
}

static void print_promises(const struct account *account, FILE *out)
{
    static const char *const words[] = {"BROKEN", "kept"};
    const struct account_limits *over = &account->over;
    (void)fprintf(out,
                  "\n%-7s every listener is placed or answered within 60 s: %" PRIu64 " of %" PRIu32
                  ", slowest %.1f s\n",
                  words[account_is_answered(account)],
                  account->answers.count - spans_above(&account->answers, ACCOUNT_ANSWER_MS_MAX),
                  account->came, seconds(account->answers.max_ms));
    (void)fprintf(out,
                  "%-7s no node is over its limits: seconds over seats %" PRIu32 ", egress %" PRIu32
                  ", relays %" PRIu32 ", load %" PRIu32 "\n",
                  words[account_is_within_limits(account)], over->seats, over->egress,
                  over->children, over->load);
    (void)fprintf(out, "%-7s depth is 4 at most: %" PRIu32 ", in a circle %" PRIu32 "\n\n",
                  words[account_is_flat(account)], account->deepest, over->loops);
}

static void print_spans(FILE *out, const char *name, const struct spans *spans)
{
    (void)fprintf(out, "%-34s %9" PRIu64 "  p50 %7.2f  p95 %7.2f  p99 %7.2f  max %7.2f s\n", name,
                  spans->count, seconds(spans_at(spans, 500)), seconds(spans_at(spans, 950)),
                  seconds(spans_at(spans, 990)), seconds(spans->max_ms));
}

static void print_figures(const struct account *account, const struct outcome_peaks *peaks,
                          FILE *out)
{
    uint32_t last = peaks->count - 1, middle = last / 2, high = last * 95 / 100;
    print_spans(out, "to a seat or a place in line", &account->answers);
    print_spans(out, "to the first sound", &account->first_sounds);
    print_spans(out, "relay failed, to sound elsewhere", &account->returns[FAILURE_RELAYS]);
    print_spans(out, "region failed, to sound elsewhere", &account->returns[FAILURE_REGION]);
    print_spans(out, "origin failed, to sound elsewhere", &account->returns[FAILURE_ORIGIN]);
    print_spans(out, "parent lost, to sound from another", &account->gaps);
    print_spans(out, "origin lost, to its sound again", &account->origin_gaps);
    print_spans(out, "added by the tree, at the end", &account->added);
    print_spans(out, "a request waits for its node", &account->control_waits);
    (void)fprintf(out,
                  "of each node's busiest second:     joins p50 %" PRIu32 " p95 %" PRIu32
                  " max %" PRIu32 "; egress p50 %.0f p95 %.0f max %.0f Mbit/s; load p50 %" PRIu32
                  " p95 %" PRIu32 " max %" PRIu32 " per mille\n",
                  peaks->joins[middle], peaks->joins[high], peaks->joins[last],
                  (double)peaks->egress_bps[middle] / 1e6, (double)peaks->egress_bps[high] / 1e6,
                  (double)peaks->egress_bps[last] / 1e6, peaks->load_permille[middle],
                  peaks->load_permille[high], peaks->load_permille[last]);
    (void)fprintf(out,
                  "%" PRIu64 " sent to another node, %" PRIu64
                  " answers with a place in line, %" PRIu64 " found a full line, %" PRIu64
                  " requests not looked at in time\n",
                  account->redirects, account->lined, account->turned_away, account->shed);
    (void)fprintf(out,
                  "%" PRIu64 " questions for parents, %" PRIu64 " without a parent, %" PRIu64
                  " turns to a reserve; at the origin at most %" PRIu32
                  " a second who lost another node\n",
                  account->parent_asks, account->no_parents, account->turns_to_reserve,
                  account->returned_peak);
}

static void print_rows(const struct account *account, FILE *out)
{
    (void)fprintf(out, "\n%8s %9s %9s %8s %8s %8s %8s %7s %7s\n", "time", "came", "hearing",
                  "joining", "silent", "in line", "joins/s", "relays", "depth");
    for (uint32_t s = LINE_EVERY_S; s < account->seconds; s += LINE_EVERY_S) {
        const struct account_second *row = &account->rows[s];
        uint32_t clock_s = 20 * 3600 + s - START_S;
        (void)fprintf(out,
                      "%02" PRIu32 ":%02" PRIu32 ":%02" PRIu32 " %9" PRIu32 " %9" PRIu32
                      " %8" PRIu32 " %8" PRIu32 " %8" PRIu32 " %8" PRIu32 " %7" PRIu32 " %7" PRIu32
                      "\n",
                      clock_s / 3600, clock_s / 60 % 60, clock_s % 60, row->came, row->hearing,
                      row->joining, row->silent, row->in_line, row->joins, row->relays, row->depth);
    }
}

int outcome_text(const struct world *world, const struct outcome_peaks *peaks, FILE *out)
{
    print_head(world, peaks, out);
    print_promises(world->account, out);
    print_figures(world->account, peaks, out);
    print_rows(world->account, out);
    return fflush(out) == 0 && ferror(out) == 0 ? 0 : ERR_IO;
}
