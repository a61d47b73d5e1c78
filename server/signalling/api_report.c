/* api_report.c - what came of an event, over HTTP: for those who lead the room, and the admin. */
#include "signalling/access.h"
#include "signalling/handlers.h"
#include "signalling/report.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

/* Each one keeps the store's thread busy for some milliseconds; the others come a second later. */
enum { REPORTS_AT_ONCE_MAX = 4 };

struct reporting {
    struct request *request; /* reference; not touched on the store's thread */
    struct report_subject subject;
    bool is_csv;
    char *text; /* owned; NULL until it was made */
};

/* On the store's thread. */
static void make_text(void *ctx, const struct store_history *history)
{
    struct reporting *reporting = ctx;
    reporting->text =
        reporting->is_csv ? report_csv(history) : report_json(&reporting->subject, history);
}

static void on_made(void *ctx, int err)
{
    struct reporting *reporting = ctx;
    struct request *request = reporting->request;
    request->signalling->reports_under_way--;
    reply_header(request, "Cache-Control", "no-store");
    reply_header(request, "Vary", "Accept, Authorization");
    if (err != 0 || reporting->text == NULL) {
        reply_problem(request, 503, "not_readable", NULL, "The history cannot be read now.");
    } else if (reporting->is_csv) {
        reply_header(request, "Content-Disposition", "attachment; filename=\"%s.csv\"",
                     reporting->subject.room.slug);
        reply_text(request, 200, "text/csv; charset=utf-8; header=present",
                   slice_text(reporting->text));
    } else {
        reply_text(request, 200, "application/json", slice_text(reporting->text));
    }
    request_unref(request);
    free(reporting->text);
    free(reporting);
}

static void refuse(struct request *request)
{
    reply_header(request, "Retry-After", "1");
    reply_problem(request, 503, "overload", NULL, "The server is busy with other reports.");
}

void handle_room_report(struct request *request)
{
    struct room *room = access_room(request);
    uint32_t host;
    if (room == NULL || !access_allows(request, room, ACCESS_STEER, &host))
        return;
    struct reporting *reporting = NULL;
    if (request->signalling->reports_under_way < REPORTS_AT_ONCE_MAX)
        reporting = calloc(1, sizeof(*reporting));
    if (reporting == NULL) {
        refuse(request);
        return;
    }
    reporting->request = request_ref(request);
    reporting->subject =
        (struct report_subject){.room = *room_record(room), .now_ms = clock_wall_ms()};
    reporting->is_csv = strstr(request->accept, "text/csv") != NULL;
    request->signalling->reports_under_way++;
    if (room_read_history(room, make_text, on_made, reporting) == 0)
        return;
    request->signalling->reports_under_way--;
    refuse(request);
    request_unref(request);
    free(reporting);
}
