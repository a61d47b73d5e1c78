/* api_rooms.c - rooms over HTTP: list, make, show, steer. */
#include "admission/line.h"
#include "signalling/access.h"
#include "signalling/api_internal.h"
#include "signalling/handlers.h"
#include "signalling/strict_json.h"
#include "signalling/views.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_MAX = 200, HOSTS_FIELD_MAX = 64 };

static int64_t start_of(const struct room_record *record)
{
    if (record->live_ms > 0)
        return record->live_ms;
    return record->start_ms > 0 ? record->start_ms : record->created_ms;
}

static bool is_on(const struct room_record *record)
{
    return record->state == ROOM_LIVE || record->state == ROOM_DOORS_OPEN;
}

/* What is on now comes before all that is announced: the list has an end. */
static int newest_first(const void *a, const void *b)
{
    const struct room_record *left = room_record(*(const struct room *const *)a);
    const struct room_record *right = room_record(*(const struct room *const *)b);
    if (is_on(left) != is_on(right))
        return is_on(left) ? -1 : 1;
    int64_t difference = start_of(right) - start_of(left);
    if (difference == 0)
        return left->id < right->id ? 1 : -1;
    return difference > 0 ? 1 : -1;
}

void handle_room_list(struct request *request)
{
    struct rooms *rooms = request->signalling->rooms;
    size_t total = rooms_count(rooms);
    const struct room **shown = calloc(total + 1, sizeof(const struct room *));
    size_t count = 0;
    for (size_t i = 0; shown != NULL && i < total; i++) {
        const struct room *room = rooms_at(rooms, i);
        enum room_state state = room_record(room)->state;
        if (state != ROOM_WITHDRAWN && state != ROOM_CANCELLED)
            shown[count++] = room;
    }
    if (count > 0)
        qsort(shown, count, sizeof(const struct room *), newest_first);
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < LIST_MAX; i++)
        json_array_append_new(list, view_room_api(shown[i]));
    free(shown);
    reply_json(request, 200, json_pack("{s:o}", "rooms", list));
}

void handle_room_show(struct request *request)
{
    const struct room *room = access_room(request);
    if (room != NULL)
        reply_json(request, 200, view_room_api(room));
}

/* ---- making ---- */

struct wanted_host {
    const char *name;
    enum role role;
};

struct wanted_room {
    struct room_draft draft;
    unsigned host_count;
    struct wanted_host hosts[HOSTS_FIELD_MAX];
};

bool api_read_name(const json_t *object, const char **out)
{
    const json_t *name = json_object_get(object, "name");
    size_t chars = json_is_string(name) ? strict_json_chars(name) : 0;
    *out = json_string_value(name);
    for (const char *c = *out; c != NULL && *c != '\0'; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7F)
            return false;
    return chars >= 1 && chars <= 80;
}

static bool read_host(struct request *request, json_t *object, struct wanted_host *out)
{
    static const char *const fields[] = {"name", "role", NULL};
    if (!json_is_object(object) || strict_json_unknown_field(object, fields) != NULL) {
        access_bad_field(request, "hosts", "a list of {name, role}");
        return false;
    }
    if (!api_read_name(object, &out->name)) {
        access_bad_field(request, "hosts",
                         "each name has 1 to 80 characters, no control characters");
        return false;
    }
    const json_t *role = json_object_get(object, "role");
    if (role == NULL)
        return true;
    if (!json_is_string(role) || role_parse(&out->role, json_string_value(role)) != 0) {
        access_bad_field(request, "hosts", "each role is owner, speaker or moderator");
        return false;
    }
    return true;
}

static bool read_hosts(struct request *request, const json_t *object, struct wanted_room *out)
{
    const json_t *hosts = json_object_get(object, "hosts");
    if (hosts == NULL)
        return true;
    if (!json_is_array(hosts) || json_array_size(hosts) > HOSTS_FIELD_MAX) {
        access_bad_field(request, "hosts", "a list of at most 64 hosts");
        return false;
    }
    for (size_t i = 0; i < json_array_size(hosts); i++) {
        out->hosts[i].role = i == 0 ? ROLE_OWNER : ROLE_SPEAKER;
        if (!read_host(request, json_array_get(hosts, i), &out->hosts[i]))
            return false;
        out->host_count++;
    }
    return true;
}

static bool read_room(struct request *request, const json_t *object, struct wanted_room *out)
{
    static const json_int_t time_max = 253402300799000; /* the end of the year 9999 */
    const json_t *slug = json_object_get(object, "slug");
    const json_t *title = json_object_get(object, "title");
    const json_t *stereo = json_object_get(object, "stereo");
    json_int_t start, seats, program, recording, places;
    if (!json_is_string(slug)) {
        access_bad_field(request, "slug", "1 to 63 of a-z and 0-9, single hyphens between them");
        return false;
    }
    if (!json_is_string(title)) {
        access_bad_field(request, "title", "1 to 200 characters");
        return false;
    }
    if (stereo != NULL && !json_is_boolean(stereo)) {
        access_bad_field(request, "stereo", "true or false");
        return false;
    }
    if (!access_number(request, object, "start_ms", 0, time_max, &start) ||
        !access_number(request, object, "seats", 0, ROOM_SEATS_LIMIT, &seats) ||
        !access_number(request, object, "program_bps", 0, 256000, &program) ||
        !access_number(request, object, "recording_bps", 0, 256000, &recording) ||
        !access_number(request, object, "places_per_address", 0, LINE_PER_PREFIX_MAX, &places))
        return false;
    out->draft = (struct room_draft){.slug = json_string_value(slug),
                                     .title = json_string_value(title),
                                     .start_ms = start,
                                     .seats = (uint32_t)seats,
                                     .stereo = json_is_true(stereo),
                                     .program_bps = (uint32_t)program,
                                     .recording_bps = (uint32_t)recording,
                                     .places_per_address = (uint32_t)places};
    return read_hosts(request, object, out);
}

/* The reply to a room that is being stored. */
struct creation {
    struct request *request;
    json_t *answer;
};

static void on_created(void *ctx, int err)
{
    struct creation *creation = ctx;
    if (creation->answer != NULL && err != 0) /* without an answer it was refused before */
        reply_problem(creation->request, 503, "not_stored", NULL, "The room could not be stored.");
    else if (creation->answer != NULL)
        reply_json(creation->request, 201, json_incref(creation->answer));
    json_decref(creation->answer);
    request_unref(creation->request);
    free(creation);
}

json_t *api_host_answer(struct request *request, const struct room *room, uint32_t host,
                        const char *token)
{
    const struct roster_entry *entry = room_host(room, host);
    json_t *answer = json_pack("{s:i, s:s, s:s, s:s}", "id", (int)host, "name", entry->name, "role",
                               role_name(entry->role), "token", token);
    json_t *url = json_sprintf("%s/r/%s/stage#%s", request->signalling->config->base_url,
                               room_record(room)->slug, token);
    json_object_set_new(answer, "stage_url", url);
    return answer;
}

static json_t *creation_answer(struct request *request, struct room *room,
                               const struct wanted_room *wanted, char problem[ROOM_PROBLEM_MAX])
{
    json_t *hosts = json_array();
    for (unsigned i = 0; i < wanted->host_count; i++) {
        char token[TOKEN_CHARS + 1];
        uint32_t host;
        if (room_invite(room, wanted->hosts[i].name, wanted->hosts[i].role, token, &host,
                        problem) != 0) {
            json_decref(hosts);
            return NULL;
        }
        json_array_append_new(hosts, api_host_answer(request, room, host, token));
    }
    json_t *url =
        json_sprintf("%s/r/%s", request->signalling->config->base_url, room_record(room)->slug);
    return json_pack("{s:s, s:o, s:o}", "slug", room_record(room)->slug, "listen_url", url, "hosts",
                     hosts);
}

static void refuse_room(struct request *request, int err, const char *problem)
{
    if (err == ERR_EXIST)
        reply_problem(request, 409, "slug_taken", "a slug that no room has", "%s", problem);
    else if (err == ERR_INVAL)
        reply_problem(request, 400, "bad_field", NULL, "%s", problem);
    else
        reply_problem(request, 503, "overload", NULL, "%s", problem);
}

static void create(struct request *request, const struct wanted_room *wanted)
{
    struct creation *creation = calloc(1, sizeof(*creation));
    if (creation == NULL) {
        reply_problem(request, 503, "overload", NULL, "The server is out of memory.");
        return;
    }
    char problem[ROOM_PROBLEM_MAX] = "The server has no room for another one.";
    struct room *room;
    creation->request = request_ref(request);
    int err =
        rooms_add(request->signalling->rooms, &wanted->draft, on_created, creation, &room, problem);
    if (err != 0) {
        refuse_room(request, err, problem);
        request_unref(request);
        free(creation);
        return;
    }
    /* done() runs from the store's drain, never from inside rooms_add(). */
    creation->answer = creation_answer(request, room, wanted, problem);
    if (creation->answer == NULL)
        reply_problem(request, 503, "overload", NULL, "The room stands, its hosts do not: %s",
                      problem);
}

void handle_room_create(struct request *request)
{
    static const char *const fields[] = {"slug",   "title",       "start_ms",      "hosts", "seats",
                                         "stereo", "program_bps", "recording_bps", NULL};
    static struct wanted_room wanted; /* control thread only; points into `object` */
    uint32_t host;
    if (!access_allows(request, NULL, ACCESS_ADMIN, &host))
        return;
    json_t *object = access_object(request, fields);
    if (object == NULL)
        return;
    wanted = (struct wanted_room){0};
    if (read_room(request, object, &wanted))
        create(request, &wanted);
    json_decref(object);
}

/* ---- steering ---- */

struct steering {
    struct request *request;
    struct room *room;
};

static void on_steered(void *ctx, int err)
{
    struct steering *steering = ctx;
    if (err == 0)
        reply_json(steering->request, 200, view_room_api(steering->room));
    else
        reply_problem(steering->request, 503, "not_stored", NULL, "This could not be stored.");
    request_unref(steering->request);
    free(steering);
}

static enum steer action_of(const char *path)
{
    static const char *const names[] = {
        [STEER_OPEN] = "/open",     [STEER_LIVE] = "/live",         [STEER_END] = "/end",
        [STEER_CANCEL] = "/cancel", [STEER_WITHDRAW] = "/withdraw",
    };
    const char *last = strrchr(path, '/');
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (strcmp(last, names[i]) == 0)
            return (enum steer)i;
    return STEER_OPEN; /* no route leads here */
}

static void refuse_steer(struct request *request, const struct room *room, int err,
                         const char *problem)
{
    if (err == ERR_BADSTATE)
        reply_problem(request, 409, "bad_state", problem, "The room is '%s'.",
                      room_state_name(room_record(room)->state));
    else
        reply_problem(request, 503, "overload", NULL, "%s", problem);
}

void handle_room_steer(struct request *request)
{
    enum steer action = action_of(request->path);
    struct room *room = access_room(request);
    uint32_t host;
    unsigned wanted = action == STEER_WITHDRAW ? ACCESS_ADMIN | ACCESS_OWNER : ACCESS_STEER;
    if (room == NULL || !access_allows(request, room, wanted, &host))
        return;
    char problem[ROOM_PROBLEM_MAX] = "This is not possible now.";
    if (action != STEER_WITHDRAW) {
        int err = room_steer(room, action, NULL, NULL, problem);
        if (err == 0)
            reply_json(request, 200, view_room_api(room));
        else
            refuse_steer(request, room, err, problem);
        return;
    }
    struct steering *steering = calloc(1, sizeof(*steering));
    if (steering != NULL)
        *steering = (struct steering){.request = request_ref(request), .room = room};
    int err =
        steering != NULL ? room_steer(room, action, on_steered, steering, problem) : ERR_NOMEM;
    if (err == 0)
        return;
    refuse_steer(request, room, err, problem);
    if (steering != NULL)
        request_unref(request);
    free(steering);
}
