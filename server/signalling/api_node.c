/* api_node.c - the node over HTTP: what it uses, whom it serves, what its sockets counted; and the modes of the node
 * and of its rooms. */
#include "signalling/access.h"
#include "signalling/handlers.h"
#include "signalling/views.h"

#include "base/clock.h"
#include "room/room.h"
#include "telemetry/process.h"
#include "transport/transport.h"

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

static json_t *view_node(const struct signalling *signalling)
{
    struct rooms_counts counts;
    rooms_counts(signalling->rooms, &counts);
    return json_pack("{s:s, s:I, s:s, s:i, s:i, s:I, s:I, s:o, s:{s:I, s:I}, s:I, s:I, s:o}",
                     "version", ROSTRUM_VERSION, "uptime_s",
                     (json_int_t)((clock_now_us() - signalling->started_us) / 1000000), "mode",
                     mode_name(rooms_mode(signalling->rooms)), "cores", (int)process_cores(),
                     "workers", (int)signalling->config->workers, "cpu_ms",
                     (json_int_t)process_cpu_ms(), "rss_bytes", (json_int_t)process_rss_bytes(),
                     "threads", view_threads(), "seats", "max", (json_int_t)counts.seats_max,
                     "taken", (json_int_t)counts.seats_taken, "connected",
                     (json_int_t)counts.connected, "hearing", (json_int_t)counts.hearing, "media",
                     view_totals(signalling->transport));
}

void handle_node_show(struct request *request)
{
    uint32_t host;
    if (!access_allows(request, NULL, ACCESS_ADMIN, &host))
        return;
    reply_header(request, "Cache-Control", "no-store");
    reply_json(request, 200, view_node(request->signalling));
}

/* The body's one field. False: it was refused. */
static bool read_mode(struct request *request, enum mode *out)
{
    static const char *const fields[] = {"mode", NULL};
    json_t *object = access_object(request, fields);
    if (object == NULL)
        return false;
    const char *name = json_string_value(json_object_get(object, "mode"));
    bool is_mode = name != NULL && mode_parse(out, name) == 0;
    if (!is_mode)
        access_bad_field(request, "mode", MODE_ALLOWED);
    json_decref(object);
    return is_mode;
}

void handle_node_change(struct request *request)
{
    uint32_t host;
    enum mode mode;
    if (!access_allows(request, NULL, ACCESS_ADMIN, &host) || !read_mode(request, &mode))
        return;
    rooms_set_mode(request->signalling->rooms, mode, "admin");
    reply_json(request, 200, view_node(request->signalling));
}

void handle_room_mode(struct request *request)
{
    struct room *room = access_room(request);
    uint32_t host;
    enum mode mode;
    if (room == NULL || !access_allows(request, room, ACCESS_ADMIN | ACCESS_OWNER, &host) ||
        !read_mode(request, &mode))
        return;
    char problem[ROOM_PROBLEM_MAX];
    if (room_set_mode(room, mode, host, problem) == 0)
        reply_json(request, 200, view_room_api(room));
    else
        reply_problem(request, 409, "bad_state", problem, "The room is '%s'.",
                      room_state_name(room_record(room)->state));
}
