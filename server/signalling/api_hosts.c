/* api_hosts.c - a room's hosts over HTTP: invitations, consent, stems. */
#include "signalling/access.h"
#include "signalling/api_internal.h"
#include "signalling/handlers.h"
#include "signalling/strict_json.h"
#include "signalling/views.h"

#include <stdio.h>

/* Answers 204 when the store has it. */
static void on_stored(void *ctx, int err)
{
    struct request *request = ctx;
    if (err == 0)
        reply_empty(request, 204);
    else
        reply_problem(request, 503, "not_stored", NULL, "This could not be stored.");
    request_unref(request);
}

/* ---- invitations ---- */

void handle_invitation_list(struct request *request)
{
    struct room *room = access_room(request);
    uint32_t host;
    if (room == NULL || !access_allows(request, room, ACCESS_STEER, &host))
        return;
    json_t *list = json_array();
    unsigned count;
    const struct roster_entry *roster = room_roster(room, &count);
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(
            list, json_pack("{s:i, s:s, s:s, s:b, s:b}", "id", (int)roster[i].host, "name",
                            roster[i].name, "role", role_name(roster[i].role), "revoked",
                            (int)roster[i].revoked, "agreed", (int)roster[i].agreed));
    reply_json(request, 200, json_pack("{s:o}", "invitations", list));
}

static void refuse_invitation(struct request *request, int err, const char *problem)
{
    if (err == ERR_INVAL)
        reply_problem(request, 400, "bad_field", "1 to 80 characters", "%s", problem);
    else if (err == ERR_FULL)
        reply_problem(request, 409, "full", NULL, "%s", problem);
    else if (err == ERR_BADSTATE)
        reply_problem(request, 409, "bad_state", NULL, "%s", problem);
    else
        reply_problem(request, 503, "overload", NULL, "%s", problem);
}

static void invite(struct request *request, struct room *room, const json_t *object)
{
    const char *name;
    const json_t *role_field = json_object_get(object, "role");
    enum role role = ROLE_SPEAKER;
    if (!api_read_name(object, &name)) {
        access_bad_field(request, "name", "1 to 80 characters");
        return;
    }
    if (role_field != NULL &&
        (!json_is_string(role_field) || role_parse(&role, json_string_value(role_field)) != 0)) {
        access_bad_field(request, "role", "owner, speaker or moderator");
        return;
    }
    char problem[ROOM_PROBLEM_MAX] = "This is not possible now.";
    char token[TOKEN_CHARS + 1];
    uint32_t host;
    int err = room_invite(room, name, role, token, &host, problem);
    if (err == 0)
        reply_json(request, 201, api_host_answer(request, room, host, token));
    else
        refuse_invitation(request, err, problem);
}

void handle_invitation_create(struct request *request)
{
    static const char *const fields[] = {"name", "role", NULL};
    struct room *room = access_room(request);
    uint32_t host;
    if (room == NULL || !access_allows(request, room, ACCESS_STEER, &host))
        return;
    json_t *object = access_object(request, fields);
    if (object != NULL)
        invite(request, room, object);
    json_decref(object);
}

void handle_invitation_revoke(struct request *request)
{
    struct room *room = access_room(request);
    uint32_t by;
    if (room == NULL || !access_allows(request, room, ACCESS_STEER, &by))
        return;
    const struct roster_entry *entry = room_host(room, access_number_of(request->params[1]));
    const struct roster_entry *asking = by != 0 ? room_host(room, by) : NULL;
    if (entry == NULL) {
        reply_problem(request, 404, "unknown_host", NULL, "This room has no host '%s'.",
                      request->params[1]);
        return;
    }
    if (asking != NULL && asking->role == ROLE_MODERATOR && entry->role == ROLE_OWNER) {
        reply_problem(request, 403, "not_allowed", "admin, owner",
                      "A moderator may not remove an owner.");
        return;
    }
    int err = room_revoke(room, entry->host, on_stored, request_ref(request));
    if (err == 0)
        return;
    reply_problem(request, 503, "overload", NULL, "This could not be stored now.");
    request_unref(request);
}

/* ---- consent ---- */

void handle_consent_show(struct request *request)
{
    struct room *room = access_room(request);
    uint32_t host;
    if (room != NULL && access_allows(request, room, ACCESS_HOSTS, &host))
        reply_json(request, 200, view_consent(room, host));
}

void handle_consent_give(struct request *request)
{
    static const char *const fields[] = {"wording", NULL};
    struct room *room = access_room(request);
    uint32_t host;
    if (room == NULL || !access_allows(request, room, ACCESS_HOSTS, &host))
        return;
    json_t *object = access_object(request, fields);
    if (object == NULL)
        return;
    const char *wording = json_string_value(json_object_get(object, "wording"));
    if (wording == NULL) {
        access_bad_field(request, "wording", consent_wording());
        json_decref(object);
        return;
    }
    int err = room_agree(room, host, wording, on_stored, request_ref(request));
    if (err == ERR_INVAL)
        reply_problem(request, 409, "bad_wording", consent_wording(),
                      "The wording has changed; read the present one first.");
    else if (err != 0)
        reply_problem(request, 503, "overload", NULL, "This could not be stored now.");
    if (err != 0)
        request_unref(request);
    json_decref(object);
}

/* ---- stems ---- */

void handle_stem_list(struct request *request)
{
    struct room *room = access_room(request);
    uint32_t host;
    if (room == NULL || !access_allows(request, room, ACCESS_ADMIN | ACCESS_OWNER, &host))
        return;
    json_t *list = json_array();
    const char *slug = room_record(room)->slug;
    unsigned count = room_publication(room) != NULL ? room_stem_count(room) : 0;
    for (unsigned i = 0; i < count; i++) {
        const struct stem_record *stem = room_stem(room, i);
        json_t *url = json_sprintf("/api/v1/rooms/%s/stems/%u.opus", slug, (unsigned)stem->host);
        json_array_append_new(list,
                              json_pack("{s:i, s:s, s:I, s:o}", "number", (int)stem->host, "name",
                                        stem->name, "bytes", (json_int_t)stem->bytes, "url", url));
    }
    reply_json(request, 200, json_pack("{s:o}", "stems", list));
}
