#include "signalling/routes.h"

#include "signalling/handlers.h"

#include <stdio.h>
#include <string.h>

struct route {
    const char *pattern;
    enum method method; /* GET serves HEAD too */
    bool wants_body;
    void (*handle)(struct request *request);
};

#define ROOM "/api/v1/rooms/{slug}"

static const struct route routes[] = {
    {"/", METHOD_GET, false, handle_rooms_page},
    {"/r/{slug}", METHOD_GET, false, handle_room_page},
    {"/r/{slug}/stage", METHOD_GET, false, handle_stage_page},
    {"/r/{slug}/report", METHOD_GET, false, handle_report_page},
    {"/r/{slug}/recording.opus", METHOD_GET, false, handle_recording},
    {"/admin", METHOD_GET, false, handle_admin_page},
    {"/livez", METHOD_GET, false, handle_livez},
    {"/readyz", METHOD_GET, false, handle_readyz},
    {"/ws", METHOD_GET, false, handle_plain_socket},

    {"/api/v1/node", METHOD_GET, false, handle_node_show},
    {"/api/v1/node", METHOD_PATCH, true, handle_node_change},
    {"/api/v1/rooms", METHOD_GET, false, handle_room_list},
    {"/api/v1/rooms", METHOD_POST, true, handle_room_create},
    {ROOM, METHOD_GET, false, handle_room_show},
    {ROOM "/open", METHOD_POST, false, handle_room_steer},
    {ROOM "/live", METHOD_POST, false, handle_room_steer},
    {ROOM "/end", METHOD_POST, false, handle_room_steer},
    {ROOM "/cancel", METHOD_POST, false, handle_room_steer},
    {ROOM "/withdraw", METHOD_POST, false, handle_room_steer},
    {ROOM, METHOD_PATCH, true, handle_room_change},
    {ROOM "/door", METHOD_GET, false, handle_door_look},
    {ROOM "/line", METHOD_POST, false, handle_line_enter},
    {ROOM "/line", METHOD_DELETE, false, handle_line_leave},
    {ROOM "/line", METHOD_OPTIONS, false, handle_line_options},
    {ROOM "/passes", METHOD_POST, true, handle_pass_create},
    {ROOM "/mode", METHOD_POST, true, handle_room_mode},
    {ROOM "/report", METHOD_GET, false, handle_room_report},
    {ROOM "/invitations", METHOD_GET, false, handle_invitation_list},
    {ROOM "/invitations", METHOD_POST, true, handle_invitation_create},
    {ROOM "/invitations/{id}", METHOD_DELETE, false, handle_invitation_revoke},
    {ROOM "/bans", METHOD_GET, false, handle_ban_list},
    {ROOM "/bans", METHOD_POST, true, handle_ban_create},
    {ROOM "/bans/{id}", METHOD_DELETE, false, handle_ban_lift},
    {ROOM "/consent", METHOD_GET, false, handle_consent_show},
    {ROOM "/consent", METHOD_POST, true, handle_consent_give},
    {ROOM "/stems", METHOD_GET, false, handle_stem_list},
    {ROOM "/stems/{file}", METHOD_GET, false, handle_stem},

    /* Longest literal first: "/whip/s/{id}" has one segment more than "/whip/{slug}". */
    {"/whip/{slug}", METHOD_POST, true, handle_whip_offer},
    {"/whip/{slug}", METHOD_GET, false, handle_whip_look},
    {"/whip/{slug}", METHOD_OPTIONS, false, handle_whip_options},
    {"/whip/s/{id}", METHOD_GET, false, handle_whip_session_look},
    {"/whip/s/{id}", METHOD_PATCH, true, handle_whip_patch},
    {"/whip/s/{id}", METHOD_DELETE, false, handle_whip_delete},
    {"/whip/s/{id}", METHOD_OPTIONS, false, handle_whip_options},
    {"/whep/{slug}", METHOD_POST, true, handle_whep_offer},
    {"/whep/{slug}", METHOD_GET, false, handle_whip_look},
    {"/whep/{slug}", METHOD_OPTIONS, false, handle_whip_options},
    {"/whep/s/{id}", METHOD_GET, false, handle_whip_session_look},
    {"/whep/s/{id}", METHOD_PATCH, true, handle_whip_patch},
    {"/whep/s/{id}", METHOD_DELETE, false, handle_whip_delete},
    {"/whep/s/{id}", METHOD_OPTIONS, false, handle_whip_options},
};

#undef ROOM

bool route_matches(const char *pattern, const char *path,
                   char params[REQUEST_PARAMS_MAX][REQUEST_PARAM_MAX + 1])
{
    unsigned count = 0;
    while (*pattern != '\0') {
        if (*pattern != '{') {
            if (*pattern++ != *path++)
                return false;
            continue;
        }
        size_t chars = strcspn(path, "/");
        if (chars == 0 || chars > REQUEST_PARAM_MAX || count == REQUEST_PARAMS_MAX)
            return false;
        memcpy(params[count], path, chars);
        params[count++][chars] = '\0';
        path += chars;
        pattern = strchr(pattern, '}') + 1;
    }
    return *path == '\0';
}

static unsigned methods_of(struct request *request)
{
    unsigned methods = 0;
    if (strncmp(request->path, ROUTES_ASSETS, sizeof(ROUTES_ASSETS) - 1) == 0)
        methods = METHOD_GET;
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (route_matches(routes[i].pattern, request->path, request->params))
            methods |= routes[i].method;
    if ((methods & METHOD_GET) != 0)
        methods |= METHOD_HEAD;
    return methods != 0 ? methods | METHOD_OPTIONS : 0;
}

/* A path or method that no route has. OPTIONS is answered here for all but WHIP and WHEP. */
static void handle_unknown(struct request *request)
{
    static const struct {
        enum method method;
        const char *name;
    } names[] = {{METHOD_GET, "GET"},     {METHOD_HEAD, "HEAD"},     {METHOD_POST, "POST"},
                 {METHOD_PATCH, "PATCH"}, {METHOD_DELETE, "DELETE"}, {METHOD_OPTIONS, "OPTIONS"}};
    unsigned methods = methods_of(request);
    if (methods == 0) {
        reply_problem(request, 404, "unknown_path", NULL, "There is nothing at this address.");
        return;
    }
    char allow[64] = "";
    size_t at = 0;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if ((methods & names[i].method) != 0)
            at += (size_t)snprintf(allow + at, sizeof(allow) - at, "%s%s", at > 0 ? ", " : "",
                                   names[i].name);
    reply_header(request, "Allow", "%s", allow);
    if (request->method == METHOD_OPTIONS)
        reply_empty(request, 204);
    else
        reply_problem(request, 405, "bad_method", allow, "This address does not take this method.");
}

bool routes_choose(struct request *request)
{
    enum method method = request->method == METHOD_HEAD ? METHOD_GET : request->method;
    if (method == METHOD_GET &&
        strncmp(request->path, ROUTES_ASSETS, sizeof(ROUTES_ASSETS) - 1) == 0) {
        request->handle = handle_asset;
        return false;
    }
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        if (routes[i].method == method &&
            route_matches(routes[i].pattern, request->path, request->params)) {
            request->handle = routes[i].handle;
            return routes[i].wants_body;
        }
    request->handle = handle_unknown;
    return false;
}
