#include "signalling/access.h"

#include "base/clock.h"
#include "room/cluster.h"
#include "signalling/strict_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { RETRY_AWAY_S = 2 };

static void reply_away(struct request *request)
{
    reply_header(request, "Retry-After", "%d", RETRY_AWAY_S);
    reply_problem(request, 503, "origin_away", NULL,
                  "The server that has this room cannot be reached at this moment.");
}

bool access_redirect(struct request *request)
{
    char url[NODE_URL_MAX + 1];
    switch (rooms_locate(request->signalling->rooms, request->params[0], url)) {
    case ROOM_HERE:
    case ROOM_NOWHERE:
        return false;
    case ROOM_ELSEWHERE:
        reply_header(request, "Location", "%s%s", url, request->path);
        reply_header(request, "Cache-Control", "no-store");
        reply_problem(request, 307, "elsewhere", NULL, "This room is on another server.");
        return true;
    case ROOM_AWAY:
    case ROOM_UNKNOWN:
        break;
    }
    reply_away(request);
    return true;
}

static struct room *check(struct request *request, struct room *room)
{
    if (room == NULL && !access_redirect(request))
        reply_problem(request, 404, "unknown_room", NULL, "There is no room '%s'.",
                      request->params[0]);
    return room;
}

struct room *access_room(struct request *request)
{
    struct room *room = rooms_find(request->signalling->rooms, request->params[0]);
    return check(request, room != NULL && room_is_relayed(room) ? NULL : room);
}

struct room *access_audience(struct request *request)
{
    struct room *room = rooms_find(request->signalling->rooms, request->params[0]);
    return check(request, room != NULL && !room_is_known(room) ? NULL : room);
}

const char *access_token(const struct request *request)
{
    static const char scheme[] = "Bearer ";
    if (strncasecmp(request->authorization, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    const char *token = request->authorization + sizeof(scheme) - 1;
    token += strspn(token, " ");
    return token_is_well_formed(token) ? token : NULL;
}

static unsigned access_of(enum role role)
{
    switch (role) {
    case ROLE_OWNER:
        return ACCESS_OWNER;
    case ROLE_SPEAKER:
        return ACCESS_SPEAKER;
    case ROLE_MODERATOR:
        return ACCESS_MODERATOR;
    }
    return 0;
}

static void refuse_token(struct request *request)
{
    bool was_sent = request->authorization[0] != '\0';
    reply_header(request, "WWW-Authenticate", "Bearer realm=\"rostrum\"%s",
                 was_sent ? ", error=\"invalid_token\"" : "");
    reply_problem(request, 401, "bad_token", "Authorization: Bearer and a valid token",
                  was_sent ? "This token is not known here." : "This needs a token.");
}

static bool is_allowed(struct request *request, const struct room *room, unsigned wanted,
                       uint32_t *host)
{
    *host = 0;
    const char *token = access_token(request);
    if (token == NULL) {
        refuse_token(request);
        return false;
    }
    struct token_hash hash = token_hash(token);
    if (token_hash_equal(&hash, &request->signalling->admin)) {
        if ((wanted & ACCESS_ADMIN) != 0)
            return true;
        reply_problem(request, 403, "not_allowed", "a host's invitation token",
                      "The admin is no host of this room.");
        return false;
    }
    int err = room != NULL ? room_find_host(room, token, host) : ERR_AUTH;
    if (err == ERR_BADSTATE) {
        reply_problem(request, 403, "revoked_token", NULL, "This invitation was revoked.");
        return false;
    }
    const struct roster_entry *entry = err == 0 ? room_host(room, *host) : NULL;
    if (entry == NULL) {
        refuse_token(request);
        return false;
    }
    if ((wanted & access_of(entry->role)) == 0) {
        reply_problem(request, 403, "not_allowed",
                      (wanted & ACCESS_MODERATOR) != 0 ? "admin, owner, moderator" : "admin, owner",
                      "A %s may not do this.", role_name(entry->role));
        return false;
    }
    return true;
}

bool access_allows(struct request *request, const struct room *room, unsigned wanted,
                   uint32_t *host)
{
    bool allowed = is_allowed(request, room, wanted, host);
    if (allowed && request->client != NULL)
        familiar_note(&request->signalling->familiar, &request->client->from, clock_now_us());
    return allowed;
}

json_t *access_object(struct request *request, const char *const *fields)
{
    char problem[STRICT_JSON_PROBLEM_MAX];
    json_t *object;
    if (strict_json_read(&object, request_body(request), problem) != 0) {
        reply_problem(request, 400, "bad_json", NULL, "%s", problem);
        return NULL;
    }
    const char *unknown = strict_json_unknown_field(object, fields);
    if (unknown != NULL) {
        char allowed[200];
        strict_json_list(allowed, sizeof(allowed), fields);
        reply_problem(request, 400, "unknown_field", allowed, "There is no field '%.64s'.",
                      unknown);
        json_decref(object);
        return NULL;
    }
    return object;
}

bool access_number(struct request *request, const json_t *object, const char *name, json_int_t min,
                   json_int_t max, json_int_t *out)
{
    const json_t *value = json_object_get(object, name);
    *out = 0;
    if (value == NULL || json_is_null(value))
        return true;
    if (strict_json_integer(value, out) && *out >= min && *out <= max)
        return true;
    char allowed[64];
    (void)snprintf(allowed, sizeof(allowed), "a whole number from %lld to %lld", (long long)min,
                   (long long)max);
    access_bad_field(request, name, allowed);
    return false;
}

uint32_t access_number_of(const char *text)
{
    if (strspn(text, "0123456789") != strlen(text) || strlen(text) > 9)
        return 0;
    return (uint32_t)strtoul(text, NULL, 10);
}

void access_bad_field(struct request *request, const char *field, const char *allowed)
{
    reply_problem(request, 400, "bad_field", allowed,
                  "The field '%s' is missing or not as it must be.", field);
}
