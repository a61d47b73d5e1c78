/* api_node.c - the node over HTTP: what it uses, whom it serves, what its sockets counted; and the modes of the node
 * and of its rooms. */
#include "signalling/access.h"
#include "signalling/handlers.h"
#include "signalling/views.h"
#include "signalling/views_tree.h"

#include "base/clock.h"
#include "room/governing.h"
#include "room/room.h"
#include "telemetry/process.h"
#include "transport/transport.h"
#include "tree/directory.h"

#include <stdio.h>
#include <string.h>

/* Every number of struct transport_totals by its name: one line each. */
#define TOTAL(member)                                                                              \
    {                                                                                              \
#member, offsetof(struct transport_totals, member)                                         \
    }
static const struct {
    const char *name;
    size_t offset;
} totals_members[] = {
    TOTAL(datagrams_in),
    TOTAL(datagrams_out),
    TOTAL(bytes_in),
    TOTAL(bytes_out),
    TOTAL(dropped_unauthenticated),
    TOTAL(dropped_malformed),
    TOTAL(dropped_replayed),
    TOTAL(dropped_full),
    TOTAL(handed_over),
    TOTAL(send_failures),
    TOTAL(program_sent),
    TOTAL(program_late),
    TOTAL(program_failed),
    TOTAL(retransmitted),
    TOTAL(nack_refused),
    TOTAL(rtcp_bad),
    TOTAL(handshakes_refused),
    TOTAL(handshakes_repeated),
};
#undef TOTAL
_Static_assert(sizeof(totals_members) / sizeof(totals_members[0]) * sizeof(uint64_t) ==
                   sizeof(struct transport_totals),
               "each number has its line above");

static json_t *view_totals(const struct transport *transport)
{
    struct transport_totals totals;
    transport_totals(transport, &totals);
    json_t *view = json_object();
    for (size_t i = 0; i < sizeof(totals_members) / sizeof(totals_members[0]); i++) {
        uint64_t value;
        memcpy(&value, (const char *)&totals + totals_members[i].offset, sizeof(value));
        json_object_set_new(view, totals_members[i].name, json_integer((json_int_t)value));
    }
    return view;
}

/* Of the threads that come in numbers, each gets its own: "worker0", "worker1". */
static json_t *view_threads(void)
{
    static struct process_thread threads[PROCESS_THREADS_MAX]; /* control thread only */
    static const char *const numbered[] = {"worker", "stage"};
    unsigned seen[sizeof(numbered) / sizeof(numbered[0])] = {0};
    size_t count = process_threads(threads, PROCESS_THREADS_MAX);
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        char name[PROCESS_NAME_MAX + 16];
        (void)snprintf(name, sizeof(name), "%s", i == 0 ? "control" : threads[i].name);
        for (size_t n = 0; n < sizeof(numbered) / sizeof(numbered[0]); n++)
            if (strcmp(threads[i].name, numbered[n]) == 0)
                (void)snprintf(name, sizeof(name), "%s%u", numbered[n], seen[n]++);
        json_array_append_new(
            list, json_pack("{s:s, s:I}", "name", name, "cpu_ms", (json_int_t)threads[i].cpu_ms));
    }
    return list;
}

/* What the governor sees, and what it makes of it; null: it is off. */
static json_t *view_governor(const struct rooms *rooms)
{
    const struct governing *governing = governing_look(rooms);
    if (governing == NULL)
        return json_null();
    const struct governor_verdict *verdict = &governing->governor.verdict;
    const struct governor_signals *signals = &governing->signals;
    const struct load *load = &signals->load;
    json_t *view = json_pack(
        "{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "mode", mode_name(verdict->mode), "measured",
        mode_name(verdict->measured), "cause", governor_cause_name(verdict->cause), "value",
        (json_int_t)verdict->value, "limit", (json_int_t)verdict->limit, "seats",
        (json_int_t)verdict->seats, "joins_per_s", (json_int_t)verdict->joins_per_s);
    json_object_set_new(
        view, "signals",
        json_pack(
            "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
            "program_late", (json_int_t)load->program_late_permille, "stage_late",
            (json_int_t)load->stage_late_permille, "send_failed",
            (json_int_t)load->send_failed_permille, "worker_lag_us",
            (json_int_t)load->worker_lag_us, "worker_busy", (json_int_t)load->worker_busy_permille,
            "stage_busy", (json_int_t)load->stage_busy_permille, "control_busy",
            (json_int_t)load->control_busy_permille, "control_lag_us",
            (json_int_t)load->control_lag_us, "egress", (json_int_t)load->egress_permille, "memory",
            (json_int_t)load->memory_permille, "descriptors",
            (json_int_t)load->descriptors_permille, "handshakes",
            (json_int_t)signals->handshakes_permille, "loss", (json_int_t)signals->loss_permille,
            "put_off", (json_int_t)governing->governor.raw[GOVERNOR_PUT_OFF]));
    json_object_set_new(view, "waiting", json_integer(signals->waiting));
    return view;
}

static json_t *view_sockets(const struct signalling *signalling)
{
    const struct socket_counts *counts = &signalling->counts;
    return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "open", (json_int_t)signalling->client_count,
                     "accepted", (json_int_t)counts->accepted, "refused",
                     (json_int_t)counts->refused, "made_way", (json_int_t)counts->made_way,
                     "too_fast", (json_int_t)counts->too_fast, "slow", (json_int_t)counts->slow);
}

static json_t *view_other(const struct directory *directory, const struct node_view *node)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:b, s:I}", "id", node->id,
                     "url", node->url, "region", node->region, "seats", (json_int_t)node->seats,
                     "seats_free", (json_int_t)node->seats_free, "joins_per_s",
                     (json_int_t)node->joins_per_s, "egress_bps", (json_int_t)node->egress_bps,
                     "egress_max_bps", (json_int_t)node->egress_max_bps, "load_permille",
                     (json_int_t)node->load_permille, "draining", node->is_draining, "age_ms",
                     (json_int_t)directory_node_age_ms(directory, node->id));
}

/* All nodes that this one knows of, itself first. */
static json_t *view_cluster(const struct signalling *signalling)
{
    const struct directory *directory = signalling->directory;
    struct directory_counts counts;
    size_t node_count;
    const struct node_view *nodes = directory_nodes(directory, &node_count);
    json_t *list = json_array();
    for (size_t i = 0; i < node_count; i++)
        json_array_append_new(list, view_other(directory, &nodes[i]));
    directory_counts(directory, &counts);
    return json_pack(
        "{s:s, s:s, s:o, s:o, s:o, s:{s:I, s:I, s:I, s:I, s:I, s:I}}", "directory",
        directory_state_name(directory_state(directory)), "id", nodes[0].id, "nodes", list, "fed",
        view_fed(signalling->rooms), "relayed", view_relayed(signalling->rooms), "words",
        "believed", (json_int_t)counts.words_in, "damaged", (json_int_t)counts.words_bad, "foreign",
        (json_int_t)counts.words_foreign, "stale", (json_int_t)counts.words_stale, "left_out",
        (json_int_t)counts.left_out, "connects", (json_int_t)counts.connects);
}

static json_t *view_node(const struct signalling *signalling)
{
    struct rooms_counts counts;
    rooms_counts(signalling->rooms, &counts);
    return json_pack(
        "{s:s, s:I, s:s, s:i, s:i, s:I, s:I, s:o, s:{s:I, s:I, s:I}, s:I, s:I, s:o, s:o, s:o, s:o}",
        "version", ROSTRUM_VERSION, "uptime_s",
        (json_int_t)((clock_now_us() - signalling->started_us) / 1000000), "mode",
        mode_name(rooms_mode(signalling->rooms)), "cores", (int)process_cores(), "workers",
        (int)signalling->config->workers, "cpu_ms", (json_int_t)process_cpu_ms(), "rss_bytes",
        (json_int_t)process_rss_bytes(), "threads", view_threads(), "seats", "max",
        (json_int_t)counts.seats_max, "now", (json_int_t)counts.seats_now, "taken",
        (json_int_t)counts.seats_taken, "connected", (json_int_t)counts.connected, "hearing",
        (json_int_t)counts.hearing, "media", view_totals(signalling->transport), "governor",
        view_governor(signalling->rooms), "sockets", view_sockets(signalling), "cluster",
        view_cluster(signalling));
}

void handle_node_show(struct request *request)
{
    uint32_t host;
    if (!access_allows(request, NULL, ACCESS_ADMIN, &host))
        return;
    reply_header(request, "Cache-Control", "no-store");
    reply_json(request, 200, view_node(request->signalling));
}

/* Of a body that was checked for its fields. False: it was refused. */
static bool read_mode(struct request *request, const json_t *object, enum mode *out)
{
    const char *name = json_string_value(json_object_get(object, "mode"));
    if (name != NULL && mode_parse(out, name) == 0)
        return true;
    access_bad_field(request, "mode", MODE_ALLOWED);
    return false;
}

static bool read_hold(struct request *request, const json_t *object, enum governor_hold *out)
{
    const json_t *hold = json_object_get(object, "hold");
    const char *name = hold != NULL ? json_string_value(hold) : "at_least";
    bool is_exact = name != NULL && strcmp(name, "exactly") == 0;
    *out = is_exact ? GOVERNOR_EXACTLY : GOVERNOR_AT_LEAST;
    if (is_exact || (name != NULL && strcmp(name, "at_least") == 0))
        return true;
    access_bad_field(request, "hold", "at_least or exactly");
    return false;
}

void handle_node_change(struct request *request)
{
    static const char *const fields[] = {"mode", "hold", NULL};
    uint32_t host;
    enum mode mode;
    enum governor_hold hold;
    if (!access_allows(request, NULL, ACCESS_ADMIN, &host))
        return;
    json_t *object = access_object(request, fields);
    if (object == NULL)
        return;
    bool is_good = read_mode(request, object, &mode) && read_hold(request, object, &hold);
    json_decref(object);
    if (!is_good)
        return;
    if (governing_pin(request->signalling->rooms, hold, mode) == 0)
        reply_json(request, 200, view_node(request->signalling));
    else
        access_bad_field(request, "mode", MODE_ALLOWED);
}

static void change_mode(struct request *request, struct room *room, enum mode mode, uint32_t seats,
                        uint32_t host)
{
    char problem[ROOM_PROBLEM_MAX];
    int err = room_set_mode(room, mode, seats, host, problem);
    if (err == 0)
        reply_json(request, 200, view_room_api(room));
    else if (err == ERR_INVAL)
        access_bad_field(request, "seats", problem);
    else
        reply_problem(request, 409, "bad_state", problem, "The room is '%s'.",
                      room_state_name(room_record(room)->state));
}

void handle_room_mode(struct request *request)
{
    static const char *const fields[] = {"mode", "seats", NULL};
    struct room *room = access_room(request);
    uint32_t host;
    enum mode mode;
    json_int_t seats;
    if (room == NULL || !access_allows(request, room, ACCESS_ADMIN | ACCESS_OWNER, &host))
        return;
    json_t *object = access_object(request, fields);
    if (object == NULL)
        return;
    if (read_mode(request, object, &mode) &&
        access_number(request, object, "seats", 0, ROOM_SEATS_LIMIT, &seats))
        change_mode(request, room, mode, (uint32_t)seats, host);
    json_decref(object);
}
