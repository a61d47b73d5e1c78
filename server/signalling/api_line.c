/* api_line.c - the way in over HTTP: stand in line, look at the door; and what the owner may say about the line. */
#include "signalling/access.h"
#include "signalling/clients.h"
#include "signalling/handlers.h"
#include "signalling/media.h"
#include "signalling/refusals.h"
#include "signalling/views.h"

#include "admission/guests.h"
#include "admission/line.h"
#include "base/clock.h"
#include "room/connection.h"

#include <stdio.h>
#include <string.h>

enum {
    PASSES_MAX = 1000,
    /* How often who looks at the door shall come back: so that all of them together ask little. */
    POLL_MIN_MS = 5000,
    POLL_MAX_MS = 60000,
    POLLS_PER_S = 500,
};

/* Pages of other sites may look, too. */
static void allow_pages(struct request *request)
{
    reply_header(request, "Access-Control-Allow-Origin", "*");
}

static struct slice ticket_of(const struct request *request)
{
    const char *token = access_token(request);
    return token != NULL ? slice_text(token) : slice_of(NULL, 0);
}

void handle_line_enter(struct request *request)
{
    allow_pages(request);
    reply_header(request, "Cache-Control", "no-store");
    struct room *room = access_room(request);
    if (room == NULL)
        return;
    char held[TICKET_CHARS + 1];
    struct refusal refusal = {.reason = REFUSAL_NONE};
    struct asker_origin origin = client_origin(request->client);
    origin.way = ASKER_GOES_WITH_TICKET;
    if (access_token(request) == NULL && !client_may_join(request->client, &refusal)) {
        reply_refusal(request, ERR_FULL, &refusal);
        return;
    }
    int err = room_check_in(room, ticket_of(request), &origin, held, &refusal);
    if (err == 0)
        reply_json(request, 200,
                   json_pack("{s:s, s:s, s:i}", "answer", "seat", "ticket", held, "hold_ms",
                             GUEST_HOLD_US / 1000));
    else if (refusal.reason == REFUSAL_ELSEWHERE)
        reply_json(request, 200,
                   json_pack("{s:s, s:s, s:s}", "answer", "elsewhere", "url", refusal.elsewhere.url,
                             "ticket", refusal.elsewhere.ticket));
    else if (refusal.reason == REFUSAL_LINE)
        reply_json(request, 200,
                   json_pack("{s:s, s:s, s:o, s:I}", "answer", "line", "state",
                             room_state_name(room_record(room)->state), "line",
                             view_line(&refusal.standing), "retry_after_ms",
                             (json_int_t)refusal.retry_after_ms));
    else
        reply_refusal(request, err, &refusal);
}

void handle_line_leave(struct request *request)
{
    allow_pages(request);
    struct room *room = access_room(request);
    if (room == NULL)
        return;
    struct asker_origin origin = client_origin(request->client);
    room_give_up(room, ticket_of(request), &origin);
    reply_empty(request, 204);
}

void handle_line_options(struct request *request)
{
    allow_pages(request);
    reply_header(request, "Access-Control-Allow-Methods", "POST, DELETE, OPTIONS");
    reply_header(request, "Access-Control-Allow-Headers", "Authorization");
    reply_header(request, "Access-Control-Max-Age", "86400");
    reply_empty(request, 204);
}

static json_int_t poll_ms_of(uint32_t in_line)
{
    json_int_t poll_ms = (json_int_t)in_line * 1000 / POLLS_PER_S;
    return poll_ms < POLL_MIN_MS ? POLL_MIN_MS : poll_ms > POLL_MAX_MS ? POLL_MAX_MS : poll_ms;
}

void handle_door_look(struct request *request)
{
    allow_pages(request);
    const struct room *room = access_room(request);
    if (room == NULL)
        return;
    struct room_line line;
    room_line(room, &line);
    json_t *view = view_door(room, &line);
    json_object_set_new(view, "server_time_ms", json_integer(clock_wall_ms()));
    json_object_set_new(view, "poll_ms", json_integer(poll_ms_of(line.in_line)));
    reply_header(request, "Cache-Control", "public, max-age=2");
    reply_json(request, 200, view);
}

/* ---- the owner's ---- */

static json_t *make_passes(const struct request *request, struct room *room, json_int_t count)
{
    json_t *list = json_array();
    for (json_int_t i = 0; i < count; i++) {
        char pass[TICKET_CHARS + 1], url[CONFIG_URL_MAX + 160];
        if (room_write_pass(room, pass) != 0) {
            json_decref(list);
            return NULL;
        }
        (void)snprintf(url, sizeof(url), "%s/r/%s#pass=%s", request->signalling->config->base_url,
                       room_record(room)->slug, pass);
        json_array_append_new(list, json_string(url));
    }
    return list;
}

void handle_pass_create(struct request *request)
{
    static const char *const fields[] = {"count", NULL};
    struct room *room = access_room(request);
    uint32_t host;
    json_int_t count;
    if (room == NULL || !access_allows(request, room, ACCESS_ADMIN | ACCESS_OWNER, &host))
        return;
    json_t *object = access_object(request, fields);
    if (object == NULL)
        return;
    bool is_good = access_number(request, object, "count", 1, PASSES_MAX, &count);
    json_decref(object);
    if (!is_good)
        return;
    json_t *passes = make_passes(request, room, count == 0 ? 1 : count);
    if (passes == NULL) {
        reply_problem(request, 500, "internal", NULL, "The passes could not be signed.");
        return;
    }
    reply_header(request, "Cache-Control", "no-store");
    reply_json(request, 201, json_pack("{s:o}", "passes", passes));
}

/* How many of one address may stand in line: more for one venue. */
void handle_room_change(struct request *request)
{
    static const char *const fields[] = {"places_per_address", NULL};
    struct room *room = access_room(request);
    uint32_t host;
    json_int_t places;
    if (room == NULL || !access_allows(request, room, ACCESS_ADMIN | ACCESS_OWNER, &host))
        return;
    json_t *object = access_object(request, fields);
    if (object == NULL)
        return;
    bool is_good =
        access_number(request, object, "places_per_address", 0, LINE_PER_PREFIX_MAX, &places);
    json_decref(object);
    if (!is_good)
        return;
    room_set_places_per_address(room, (uint32_t)places);
    reply_json(request, 200, view_room_api(room));
}
