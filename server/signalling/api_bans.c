/* api_bans.c - networks that are excluded from a room, over HTTP. */
#include "signalling/access.h"
#include "signalling/handlers.h"
#include "signalling/views.h"
#include "signalling/visitors.h"

#include "base/address.h"

#include <stdlib.h>
#include <string.h>

static const char allowed_network[] =
    "an address, or its network of /24 or /48: 203.0.113.0/24, 2001:db8:1::/48";

static json_t *view_ban(const struct ban_record *ban)
{
    char network[ADDRESS_NETWORK_TEXT_MAX] = "";
    (void)address_network_write(ban->network, network); /* no other was let in */
    return json_pack("{s:I, s:s, s:I, s:I}", "id", (json_int_t)ban->id, "network", network, "by",
                     (json_int_t)ban->by, "created_ms", (json_int_t)ban->created_ms);
}

static const struct ban_record *find(const struct room *room, uint32_t id)
{
    unsigned count;
    const struct ban_record *bans = room_bans(room, &count);
    for (unsigned i = 0; i < count; i++)
        if (bans[i].id == id)
            return &bans[i];
    return NULL;
}

/* Whose stage page is open, with or without a microphone. */
static bool has_host_from(const struct room *room, uint64_t network)
{
    const struct watchers *watchers = room_watchers(room);
    for (const struct visitor *at = watchers != NULL ? watchers->hosts : NULL; at != NULL;
         at = at->next)
        if (at->client != NULL && address_network(&at->client->from) == network)
            return true;
    return false;
}

/* ---- looking ---- */

void handle_ban_list(struct request *request)
{
    struct room *room = access_room(request);
    uint32_t host;
    if (room == NULL || !access_allows(request, room, ACCESS_STEER, &host))
        return;
    json_t *list = json_array();
    unsigned count;
    const struct ban_record *bans = room_bans(room, &count);
    for (unsigned i = 0; i < count; i++)
        json_array_append_new(list, view_ban(&bans[i]));
    reply_json(request, 200, json_pack("{s:o}", "bans", list));
}

/* ---- making ---- */

/* A request that waits for the store. */
struct making {
    struct request *request; /* reference */
    struct room *room;
    uint32_t id;
};

static void on_made(void *ctx, int err)
{
    struct making *making = ctx;
    const struct ban_record *ban = find(making->room, making->id);
    if (err != 0)
        reply_problem(making->request, 503, "not_stored", NULL,
                      "This holds now, but could not be stored yet; it is tried again.");
    else if (ban == NULL)
        reply_problem(making->request, 404, "unknown_ban", NULL, "It was lifted meanwhile.");
    else
        reply_json(making->request, 201, view_ban(ban));
    request_unref(making->request);
    free(making);
}

static void refuse(struct request *request, const struct room *room, int err, uint32_t id,
                   const char *problem)
{
    const struct ban_record *former = err == ERR_EXIST ? find(room, id) : NULL;
    if (former != NULL)
        reply_json(request, 200, view_ban(former));
    else if (err == ERR_AUTH)
        reply_problem(request, 409, "protected_network", "a network of listeners only", "%s",
                      problem);
    else if (err == ERR_BADSTATE)
        reply_problem(request, 409, "bad_state", NULL, "%s", problem);
    else if (err == ERR_FULL)
        reply_problem(request, 409, "full", NULL, "%s", problem);
    else
        reply_problem(request, 503, "overload", NULL, "%s", problem);
}

static void make(struct request *request, struct room *room, uint64_t network, uint32_t by)
{
    char problem[ROOM_PROBLEM_MAX] = "A host of this room is connected from this network.";
    struct making *making = calloc(1, sizeof(*making));
    if (making == NULL) {
        refuse(request, room, ERR_NOMEM, 0, "The server is out of memory.");
        return;
    }
    *making = (struct making){.request = request_ref(request), .room = room};
    int err = !room_is_banned(room, network) && has_host_from(room, network)
                  ? ERR_AUTH
                  : room_ban(room, network, by, on_made, making, &making->id, problem);
    if (err == 0)
        return;
    refuse(request, room, err, making->id, problem);
    request_unref(request);
    free(making);
}

void handle_ban_create(struct request *request)
{
    static const char *const fields[] = {"network", NULL};
    struct room *room = access_room(request);
    uint32_t host;
    uint64_t network;
    if (room == NULL || !access_allows(request, room, ACCESS_STEER, &host))
        return;
    json_t *object = access_object(request, fields);
    if (object == NULL)
        return;
    const char *text = json_string_value(json_object_get(object, "network"));
    if (text == NULL || address_network_parse(&network, text) != 0)
        access_bad_field(request, "network", allowed_network);
    else
        make(request, room, network, host);
    json_decref(object);
}

/* ---- lifting ---- */

static void on_lifted(void *ctx, int err)
{
    struct request *request = ctx;
    if (err == 0)
        reply_empty(request, 204);
    else
        reply_problem(request, 503, "not_stored", NULL,
                      "This could not be stored; the network is still excluded.");
    request_unref(request);
}

void handle_ban_lift(struct request *request)
{
    struct room *room = access_room(request);
    uint32_t host;
    if (room == NULL || !access_allows(request, room, ACCESS_STEER, &host))
        return;
    int err =
        room_lift_ban(room, access_number_of(request->params[1]), on_lifted, request_ref(request));
    if (err == 0)
        return;
    if (err == ERR_NOENT)
        reply_problem(request, 404, "unknown_ban", NULL,
                      "This room excludes nobody by number '%s'.", request->params[1]);
    else
        reply_problem(request, 503, "overload", NULL, "This could not be stored now.");
    request_unref(request);
}
