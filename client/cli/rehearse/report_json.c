#include "rehearse/report.h"

#include <jansson.h>

#include <stdlib.h>
#include <string.h>

/* Members are set one by one; a member that finds no memory is found missing when the object is
 * written, by set() having failed. */
struct object {
    json_t *json;
    bool has_failed;
};

static struct object object_new(void)
{
    json_t *json = json_object();
    return (struct object){.json = json, .has_failed = json == NULL};
}

/* Takes the value. */
static void set(struct object *object, const char *name, json_t *value)
{
    if (json_object_set_new(object->json, name, value) != 0)
        object->has_failed = true;
}

static void set_count(struct object *object, const char *name, uint64_t value)
{
    set(object, name, json_integer((json_int_t)value));
}

static void set_real(struct object *object, const char *name, double value)
{
    set(object, name, json_real(value));
}

/* null: no UTF-8. */
static void set_text(struct object *object, const char *name, const char *value)
{
    json_t *text = json_string(value);
    set(object, name, text != NULL ? text : json_null());
}

static void set_bool(struct object *object, const char *name, bool value)
{
    set(object, name, json_boolean(value));
}

/* null: not known. */
static void set_figure(struct object *object, const char *name, struct figure figure, double factor)
{
    set(object, name, figure.is_known ? json_real(figure.value * factor) : json_null());
}

static void set_known(struct object *object, const char *name, bool is_known, uint64_t value)
{
    set(object, name, is_known ? json_integer((json_int_t)value) : json_null());
}

static void set_object(struct object *object, const char *name, struct object *member)
{
    object->has_failed = object->has_failed || member->has_failed;
    set(object, name, member->json);
}

static void set_times(struct object *object, const char *name, const struct histogram *times)
{
    struct object member = object_new();
    double mean = times->count > 0 ? (double)times->sum_us / (double)times->count : 0;
    set_count(&member, "count", times->count);
    set_real(&member, "mean", mean / 1000);
    set_real(&member, "p50", (double)histogram_at(times, 500) / 1000);
    set_real(&member, "p95", (double)histogram_at(times, 950) / 1000);
    set_real(&member, "p99", (double)histogram_at(times, 990) / 1000);
    set_real(&member, "max", (double)times->max_us / 1000);
    set_object(object, name, &member);
}

static void set_plan(struct object *object, const struct report *report)
{
    const struct plan_params *params = &report->plan->params;
    struct object plan = object_new();
    set_count(&plan, "listeners", params->listeners);
    set_count(&plan, "ramp_per_second", params->ramp_per_second);
    set_real(&plan, "hold_s", (double)params->hold_us / 1000000);
    set_count(&plan, "whep_percent", params->whep_percent);
    set_count(&plan, "lossy_percent", params->lossy_percent);
    set_count(&plan, "loss_percent", params->loss_percent);
    set_count(&plan, "slow_percent", params->slow_percent);
    set_real(&plan, "slow_ms", (double)params->slow_us / 1000);
    set_count(&plan, "unread_percent", params->unread_percent);
    set_count(&plan, "line_percent", params->line_percent);
    set_count(&plan, "verify_percent", params->verify_percent);
    set_count(&plan, "leave_percent", params->leave_percent);
    set_real(&plan, "leave_after_s", (double)params->leave_after_us / 1000000);
    set_real(&plan, "return_after_s", (double)params->return_after_us / 1000000);
    set_count(&plan, "sources", report->sources);
    set_count(&plan, "threads", report->threads);
    set_object(object, "plan", &plan);
}

static void set_reasons(struct object *object, const char *name,
                        const struct tally_reasons *reasons)
{
    struct object counts = object_new();
    for (unsigned i = 0; i < reasons->used; i++)
        set_count(&counts, reasons->list[i].name, reasons->list[i].count);
    set_object(object, name, &counts);
}

static void set_door(struct object *object, const struct tally *tally)
{
    set_count(object, "attempts", tally->attempts);
    set_count(object, "joined", tally->joined);
    set_count(object, "refused", tally->refused);
    set_count(object, "failed", tally->failed);
    set_count(object, "disconnects", tally->disconnects);
    set_reasons(object, "reasons", &tally->reasons);
    set_reasons(object, "disconnect_reasons", &tally->losses);
    set_times(object, "first_sound_ms", &tally->first_sound);
    set_times(object, "signalling_ms", &tally->signalling);
}

/* Only where it came from more than one. */
static void set_nodes(struct object *object, const struct tally *tally)
{
    const struct tally_nodes *nodes = &tally->nodes;
    struct object member = object_new();
    for (unsigned i = 0; i < nodes->used; i++)
        set_count(&member, nodes->list[i].url, nodes->list[i].heard);
    if (nodes->others > 0)
        set_count(&member, "others", nodes->others);
    if (nodes->used < 2) {
        json_decref(member.json);
        return;
    }
    set_count(object, "hops", tally->hops);
    set_count(object, "moved", tally->moved);
    set_object(object, "heard_by_node", &member);
}

static void set_line(struct object *object, const struct report *report)
{
    const struct tally_asks *asks = &report->tally->asks[0];
    struct object member = object_new();
    struct stands_waits waits;
    struct stands_order order;
    stands_waits(report->stands, report->stopped_us, &waits);
    stands_order(report->stands, STAND_NEWCOMER, &order);
    set_count(&member, "places", waits.places);
    set_count(&member, "check_ins", asks->check_ins);
    set_count(&member, "waits_right", waits.right);
    set_count(&member, "waits_wrong", waits.wrong);
    set_count(&member, "waits_unknown", waits.unknown);
    set_count(&member, "pairs", order.pairs);
    set_count(&member, "inversions", order.inversions);
    set_object(object, "line", &member);
    set_count(object, "asked", asks->asked);
    set_count(object, "answered_late", asks->late);
    set_count(object, "unanswered", asks->unanswered);
    set_times(object, "answer_ms", &asks->times);
}

static json_t *seconds_or_never(uint64_t us)
{
    return us != STANDS_NEVER ? json_real((double)us / 1000000) : json_null();
}

json_t *report_back(const struct stands_back *back)
{
    struct object object = object_new();
    set_count(&object, "lost", back->lost);
    set_count(&object, "heard", back->heard);
    set(&object, "p50_s", seconds_or_never(back->p50_us));
    set(&object, "p95_s", seconds_or_never(back->p95_us));
    set(&object, "max_s", seconds_or_never(back->max_us));
    set_count(&object, "newcomers_before", back->strangers);
    if (!object.has_failed)
        return object.json;
    json_decref(object.json);
    return NULL;
}

static int set_back(struct object *object, const struct report *report)
{
    struct stands_back back;
    int err = stands_back(report->stands, 0, UINT64_MAX, &back);
    if (err == 0)
        set(object, "reconnect", report_back(&back));
    return err;
}

static void set_sound(struct object *object, const struct tally *tally)
{
    uint64_t due = tally->packets + tally->lost;
    set_count(object, "packets", tally->packets);
    set_count(object, "lost", tally->lost);
    set_real(object, "lost_percent", due > 0 ? (double)tally->lost * 100 / (double)due : 0);
    set_count(object, "dropped_on_purpose", tally->dropped);
    set_count(object, "repaired", tally->repaired);
    set_count(object, "duplicates", tally->duplicates);
    set_count(object, "verified", tally->verified);
    set_count(object, "damaged", tally->damaged);
    set_count(object, "gaps_over_60ms", tally->gaps);
    set_times(object, "lateness_ms", &tally->lateness);
    set_times(object, "jitter_ms", &tally->jitter);
    set_times(object, "longest_gap_ms", &tally->longest_gap);
    set_count(object, "reports_sent", tally->reports_sent);
    set_count(object, "nacks_sent", tally->nacks_sent);
    set_count(object, "checks_sent", tally->checks_sent);
}

static void set_truth(struct object *object, const struct truth *truth)
{
    struct object hearing = object_new();
    struct figure percent = {truth->is_error_known, truth->error_max_permille};
    set_count(&hearing, "true_max", truth->true_max);
    set_known(&hearing, "server_max", truth->is_known, truth->server_max);
    set_known(&hearing, "overcount_max", truth->is_known, truth->overcount_max);
    set_known(&hearing, "error_after_10s", truth->is_error_known, truth->error_max);
    set_figure(&hearing, "error_after_10s_percent", percent, 0.1);
    set_object(object, "hearing", &hearing);
}

static void set_server(struct object *object, const struct report *report)
{
    const struct costs *costs = report->costs;
    struct object server = object_new();
    set_text(&server, "version", report->node->version);
    set_text(&server, "mode", report->node->mode);
    set_known(&server, "cores", look_has(report->node, LOOK_CORES),
              report->node->numbers[LOOK_CORES]);
    set_count(&server, "seconds_not_seen", report_unseen_seconds(report));
    set_count(&server, "steady_seconds", costs->steady_seconds);
    set_count(&server, "steady_hearing", costs->steady_hearing);
    set_figure(&server, "rest_cpu_percent", costs->rest_permille, 0.1);
    set_figure(&server, "cpu_percent", costs->steady_permille, 0.1);
    set_text(&server, "busiest_thread", costs->busiest);
    set_figure(&server, "busiest_cpu_percent", costs->busiest_permille, 0.1);
    set_figure(&server, "us_per_listener_second", costs->us_per_listener_s, 1);
    set_figure(&server, "us_per_packet", costs->us_per_packet, 1);
    set_figure(&server, "ms_per_join", costs->ms_per_join, 1);
    set_figure(&server, "rss_bytes_per_seat", costs->rss_per_seat, 1);
    set_known(&server, "packets_sent", costs->sent.is_known, (uint64_t)costs->sent.value);
    set_known(&server, "packets_late", costs->late.is_known, (uint64_t)costs->late.value);
    set_known(&server, "packets_failed", costs->failures.is_known, (uint64_t)costs->failures.value);
    set(&server, "not_seen",
        report->blind_spot[0] != '\0' ? json_string(report->blind_spot) : json_null());
    set_object(object, "server", &server);
}

static void set_verdict(struct object *object, const struct verdict *verdict)
{
    struct object out = object_new();
    set_count(&out, "most", verdict->most);
    set_count(&out, "held", verdict->held);
    set_bool(&out, "held_briefly", verdict->is_thin);
    set_count(&out, "seconds", verdict->judged);
    set_count(&out, "seconds_not_clean", verdict->unclean);
    if (verdict->is_broken) {
        struct object broke = object_new();
        json_t *signs = json_array();
        for (unsigned i = 0; sign_name(i) != NULL; i++)
            if ((verdict->signs >> i & 1) != 0 &&
                json_array_append_new(signs, json_string(sign_name(i))) != 0)
                broke.has_failed = true;
        set_count(&broke, "listeners", verdict->broke_at);
        set_count(&broke, "second", verdict->broke_second);
        set(&broke, "signs", signs);
        set_object(&out, "broke", &broke);
    } else
        set(&out, "broke", json_null());
    set_text(&out, "limit", limit_name(verdict->limit));
    set_count(&out, "holds", verdict->holds);
    set_bool(&out, "extrapolated", verdict->is_extrapolated);
    set_count(&out, "seats", verdict->seats);
    set_text(&out, "sentence", verdict->sentence);
    set_object(object, "verdict", &out);
}

/* ---- second by second ---- */

static json_t *server_of(const struct server_second *second, bool *has_failed)
{
    struct object server = object_new();
    struct figure cpu = {second->has_cpu, second->cpu_permille};
    struct figure busiest = {second->has_busiest, second->busiest_permille};
    set_figure(&server, "cpu_percent", cpu, 0.1);
    set_text(&server, "busiest_thread", second->busiest);
    set_figure(&server, "busiest_cpu_percent", busiest, 0.1);
    set_known(&server, "hearing", second->has_hearing, second->hearing);
    set_known(&server, "connected", second->has_hearing, second->connected);
    set_known(&server, "rss_bytes", second->has_rss, second->rss_bytes);
    set_known(&server, "packets_sent", second->has_sent, second->sent);
    set_known(&server, "packets_late", second->has_sent, second->late);
    set_known(&server, "packets_failed", second->has_failures, second->failures);
    *has_failed = *has_failed || server.has_failed;
    return server.json;
}

/* How many packets came up to 1 ms late, up to 2, ...; as far as there were any. */
static void set_late(struct object *object, const struct tally_second *second)
{
    size_t steps = sizeof(second->late) / sizeof(second->late[0]);
    while (steps > 0 && second->late[steps - 1] == 0)
        steps--;
    json_t *list = json_array();
    for (size_t i = 0; i < steps; i++)
        if (json_array_append_new(list, json_integer(second->late[i])) != 0)
            object->has_failed = true;
    set(object, "late", list);
}

static void set_rows(struct object *object, const struct report *report)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < report->row_count; i++) {
        const struct row *row = &report->rows[i];
        struct object out = object_new();
        set_count(&out, "second", i);
        set_count(&out, "hearing", row->crowd.hearing);
        set_count(&out, "joins", row->crowd.joins);
        set_count(&out, "packets", row->crowd.packets);
        set_count(&out, "lost", row->crowd.lost);
        set_count(&out, "gaps", row->crowd.gaps);
        set_count(&out, "late_ms_p50", tally_second_late_ms(&row->crowd, 500));
        set_count(&out, "late_ms_p99", tally_second_late_ms(&row->crowd, 990));
        set_late(&out, &row->crowd);
        set_bool(&out, "clean", verdict_signs(row) == 0);
        set_real(&out, "crowd_cpu_percent", (double)row->own_permille / 10);
        set_real(&out, "machine_cpu_percent", (double)row->machine_permille / 10);
        struct figure others = {row->has_others, row->others_permille};
        set_figure(&out, "others_cpu_percent", others, 0.1);
        set_count(&out, "udp_overflows", row->overflows);
        set(&out, "server",
            row->server.is_seen ? server_of(&row->server, &out.has_failed) : json_null());
        if (out.has_failed || json_array_append(list, out.json) != 0)
            object->has_failed = true;
        json_decref(out.json);
    }
    set(object, "per_second", list);
}

static void set_notes(struct object *object, const struct notes *notes)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < notes->count; i++)
        if (json_array_append_new(list, json_string(notes->list[i])) != 0)
            object->has_failed = true;
    set(object, "notes", list);
}

int report_json(const struct report *report, FILE *out)
{
    struct object object = object_new();
    set_text(&object, "room", report->slug);
    set_text(&object, "address", report->server);
    set_count(&object, "started_ms", (uint64_t)report->started_ms);
    set_real(&object, "elapsed_s", (double)report->elapsed_us / 1000000);
    set_bool(&object, "cut_short", report->is_cut_short);
    set_plan(&object, report);
    set_door(&object, report->tally);
    set_nodes(&object, report->tally);
    set_line(&object, report);
    object.has_failed |= set_back(&object, report) != 0;
    set_sound(&object, report->tally);
    set_truth(&object, report->truth);
    set_server(&object, report);
    set_real(&object, "crowd_cpu_s", (double)report->own_cpu_us / 1000000);
    set_verdict(&object, report->verdict);
    set_notes(&object, report->notes);
    set_rows(&object, report);
    char *text =
        object.has_failed
            ? NULL
            : json_dumps(object.json, JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_REAL_PRECISION(6));
    json_decref(object.json);
    if (text == NULL)
        return ERR_NOMEM;
    int failed = fputs(text, out) < 0 || fputc('\n', out) == EOF || fflush(out) != 0;
    free(text);
    return failed ? ERR_IO : 0;
}
