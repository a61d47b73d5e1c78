#include "rehearse/report.h"

#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* Every line has its word on the left and what is to be said of it on the right. */
__attribute__((format(printf, 3, 4))) static void line(FILE *out, const char *word,
                                                       const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)fprintf(out, "%-16s", word);
    (void)vfprintf(out, format, args);
    (void)fputc('\n', out);
    va_end(args);
}

static double percent_of(uint64_t part, uint64_t whole)
{
    return whole > 0 ? (double)part * 100 / (double)whole : 0;
}

static double ms(uint64_t us)
{
    return (double)us / 1000;
}

static void print_times(FILE *out, const char *word, const struct histogram *times)
{
    if (times->count == 0)
        return;
    line(out, word, "p50 %.1f ms, p95 %.1f ms, p99 %.1f ms, max %.1f ms",
         ms(histogram_at(times, 500)), ms(histogram_at(times, 950)), ms(histogram_at(times, 990)),
         ms(times->max_us));
}

static void print_head(const struct report *report, FILE *out)
{
    const struct plan_params *params = &report->plan->params;
    char listeners[16];
    (void)fprintf(out, "rehearsal of '%s' at %s: %s listener%s, ", report->slug, report->server,
                  verdict_number(listeners, params->listeners), params->listeners == 1 ? "" : "s");
    if (params->ramp_per_second == 0)
        (void)fputs("all at once", out);
    else
        (void)fprintf(out, "%" PRIu32 " a second", params->ramp_per_second);
    (void)fprintf(out, ", %.0f s%s\n\n", (double)report->elapsed_us / 1000000,
                  report->is_cut_short ? " (cut short)" : "");
}

static void print_reasons(const struct tally_reasons *reasons, FILE *out)
{
    for (unsigned i = 0; i < reasons->used; i++)
        line(out, "", "%" PRIu32 " %s", reasons->list[i].count, reasons->list[i].name);
}

static void print_door(const struct report *report, FILE *out)
{
    const struct tally *tally = report->tally;
    line(out, "joined", "%" PRIu64 " of %" PRIu64 " attempts", tally->joined, tally->attempts);
    line(out, "refused, failed", "%" PRIu64 ", %" PRIu64, tally->refused, tally->failed);
    print_reasons(&tally->reasons, out);
    if (tally->disconnects > 0)
        line(out, "disconnected", "%" PRIu64 " times after sound had come", tally->disconnects);
    print_reasons(&tally->losses, out);
    if (tally->moved > 0)
        line(out, "moved", "%" PRIu64 " times, hearing all the time", tally->moved);
    print_times(out, "first sound", &tally->first_sound);
    print_times(out, "signalling", &tally->signalling);
}

static int print_back(const struct report *report, FILE *out)
{
    char times[STANDS_TIMES_CHARS];
    struct stands_back back;
    int err = stands_back(report->stands, 0, UINT64_MAX, &back);
    if (err == 0 && back.lost > 0)
        line(out, "came back", "%" PRIu32 " of %" PRIu32 " who lost the sound: %s", back.heard,
             back.lost, stands_back_times(times, &back));
    return err;
}

/* Only where it came from more than one. */
static void print_nodes(const struct tally *tally, FILE *out)
{
    const struct tally_nodes *nodes = &tally->nodes;
    if (nodes->used < 2)
        return;
    line(out, "nodes", "%u were heard; sent on %" PRIu64 " times", nodes->used, tally->hops);
    for (unsigned i = 0; i < nodes->used; i++)
        line(out, "", "%" PRIu64 " heard by %s", nodes->list[i].heard, nodes->list[i].url);
    if (nodes->others > 0)
        line(out, "", "%" PRIu64 " heard by others", nodes->others);
}

static void print_answers(const struct report *report, FILE *out)
{
    const struct tally_asks *asks = &report->tally->asks[0];
    print_times(out, "answers", &asks->times);
    if (asks->late > 0 || asks->unanswered > 0)
        line(out, "", "%" PRIu64 " after more than 1 s, %" PRIu64 " never, of %" PRIu64, asks->late,
             asks->unanswered, asks->asked);
}

static void print_line(const struct report *report, FILE *out)
{
    struct stands_waits waits;
    struct stands_order order;
    stands_waits(report->stands, report->stopped_us, &waits);
    stands_order(report->stands, STAND_NEWCOMER, &order);
    if (waits.places == 0)
        return;
    line(out, "in line",
         "%" PRIu32 " stood there; the wait that was shown was right for %" PRIu32 " of %" PRIu32
         " (unknown to %" PRIu32 ")",
         waits.places, waits.right, waits.right + waits.wrong, waits.unknown);
    line(out, "", "%" PRIu64 " check-ins; of %" PRIu64 " pairs %" PRIu64 " sat against their order",
         report->tally->asks[0].check_ins, order.pairs, order.inversions);
}

static void print_sound(const struct report *report, FILE *out)
{
    const struct tally *tally = report->tally;
    line(out, "packets", "%" PRIu64 " came, %" PRIu64 " lost (%.4f %%), %" PRIu64 " doubled",
         tally->packets, tally->lost, percent_of(tally->lost, tally->packets + tally->lost),
         tally->duplicates);
    if (tally->dropped > 0 || tally->repaired > 0)
        line(out, "", "%" PRIu64 " dropped on purpose; %" PRIu64 " came again when asked for",
             tally->dropped, tally->repaired);
    line(out, "", "%" PRIu64 " decrypted and checked, %" PRIu64 " damaged", tally->verified,
         tally->damaged);
    print_times(out, "lateness", &tally->lateness);
    print_times(out, "jitter", &tally->jitter);
    line(out, "gaps", "%" PRIu64 " over %d ms", tally->gaps, TALLY_GAP_US / 1000);
    print_times(out, "longest gap", &tally->longest_gap);
}

static void print_truth(const struct truth *truth, FILE *out)
{
    char heard[16], said[16], error[48] = "";
    (void)verdict_number(heard, truth->true_max);
    (void)verdict_number(said, truth->server_max);
    if (truth->is_error_known)
        (void)snprintf(error, sizeof(error), ", and off by %.1f %% after 10 s",
                       (double)truth->error_max_permille / 10);
    if (!truth->is_known)
        line(out, "hearing", "%s at most; the server's count was not seen", heard);
    else
        line(out, "hearing", "%s at most, the server counted %s; too many by %" PRIu32 " at most%s",
             heard, said, truth->overcount_max, error);
}

/* "43.0 % of a core"; nothing when it is not known. */
static void print_figure(FILE *out, const char *before, struct figure figure, double factor,
                         const char *unit)
{
    if (figure.is_known)
        (void)fprintf(out, "%s%.*f %s", before, figure.value * factor < 10 ? 2 : 1,
                      figure.value * factor, unit);
}

static void print_server(const struct report *report, FILE *out)
{
    const struct costs *costs = report->costs;
    if (costs->steady_permille.is_known) {
        (void)fprintf(out, "%-16s", "server");
        print_figure(out, "", costs->steady_permille, 0.1, "% of a core");
        print_figure(out, ", at rest ", costs->rest_permille, 0.1, "%");
        print_figure(out, ", its busiest thread ", costs->busiest_permille, 0.1, "%");
        if (costs->busiest_permille.is_known)
            (void)fprintf(out, " (%s)", costs->busiest);
        (void)fprintf(out, "\n%-16s", "");
        print_figure(out, "", costs->us_per_listener_s, 1, "us per listener and second");
        print_figure(out, ", ", costs->us_per_packet, 1, "us per packet");
        print_figure(out, ", ", costs->ms_per_join, 1, "ms per join");
        (void)fputc('\n', out);
    }
    if (costs->sent.is_known)
        line(out, "server sent", "%.0f packets, %.0f dropped as too late, %.0f not sent",
             costs->sent.value, costs->late.value, costs->failures.value);
    if (costs->rss_per_seat.is_known)
        line(out, "server memory", "%.1f KiB more per seat", costs->rss_per_seat.value / 1024);
}

static void print_here(const struct report *report, FILE *out)
{
    char beside[48] = "";
    uint64_t others = 0, seconds = 0;
    for (uint32_t i = 0; i < report->row_count; i++)
        if (report->rows[i].has_others) {
            others += report->rows[i].others_permille;
            seconds++;
        }
    if (seconds > 0)
        (void)snprintf(beside, sizeof(beside), "; other programs %.1f %%",
                       (double)others / (double)seconds / 10);
    line(out, "crowd", "%.1f %% of a core here, %u thread%s%s",
         percent_of(report->own_cpu_us, report->elapsed_us), report->threads,
         report->threads == 1 ? "" : "s", beside);
}

uint32_t report_unseen_seconds(const struct report *report)
{
    uint32_t unseen = 0;
    for (uint32_t i = 0; i < report->row_count; i++)
        unseen += !report->rows[i].server.is_seen;
    return unseen;
}

static void print_notes(const struct report *report, FILE *out)
{
    uint32_t unseen = report_unseen_seconds(report);
    if (report->blind_spot[0] != '\0')
        line(out, "not seen", "%s", report->blind_spot);
    if (unseen > 0)
        line(out, "not seen",
             "%" PRIu32 " of %" PRIu32 " seconds: the server did not answer in time", unseen,
             report->row_count);
    for (unsigned i = 0; i < report->notes->count; i++)
        line(out, "note", "%s", report->notes->list[i]);
}

int report_text(const struct report *report, FILE *out)
{
    print_head(report, out);
    print_door(report, out);
    int err = print_back(report, out);
    if (err != 0)
        return err;
    print_nodes(report->tally, out);
    print_answers(report, out);
    print_line(report, out);
    print_sound(report, out);
    print_truth(report->truth, out);
    print_server(report, out);
    print_here(report, out);
    print_notes(report, out);
    (void)fprintf(out, "\n%s\n", report->verdict->sentence);
    return fflush(out) == 0 && ferror(out) == 0 ? 0 : ERR_IO;
}
