/* api_node.c - the node over HTTP: what it uses, whom it serves, what its sockets counted. */
#include "signalling/access.h"
#include "signalling/handlers.h"

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
};
#undef TOTAL

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
    return json_pack("{s:s, s:I, s:i, s:i, s:I, s:I, s:o, s:{s:I, s:I}, s:I, s:I, s:o}", "version",
                     ROSTRUM_VERSION, "uptime_s",
                     (json_int_t)((clock_now_us() - signalling->started_us) / 1000000), "cores",
                     (int)process_cores(), "workers", (int)signalling->config->workers, "cpu_ms",
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
