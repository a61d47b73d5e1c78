#include "signalling/request_head.h"

#include "admission/ticket.h"
#include "rostrum/cursor.h"
#include "signalling/routes.h"

enum { PATH_MAX_BYTES = 128 }; /* longer than any at which a seat is asked for */
#define PAGE "text/html"       /* the first that browsers accept of what a person opens */

static const char *const ways_to_a_seat[] = {"/api/v1/rooms/{slug}/line", "/whep/{slug}"};

static bool begins_with(struct slice text, const char *begins)
{
    size_t bytes = strlen(begins);
    return text.bytes >= bytes && memcmp(text.data, begins, bytes) == 0;
}

static void skip_spaces(struct cursor *in)
{
    for (struct cursor ahead = *in; cursor_u8(&ahead) == ' ';)
        *in = ahead;
}

static void read_room(struct request_head *out, struct slice target)
{
    char path[PATH_MAX_BYTES + 1], params[REQUEST_PARAMS_MAX][REQUEST_PARAM_MAX + 1];
    struct cursor in = cursor_of(target);
    struct slice wanted = cursor_until(&in, '?');
    if (wanted.bytes > PATH_MAX_BYTES)
        return;
    memcpy(path, wanted.data, wanted.bytes);
    path[wanted.bytes] = '\0';
    for (unsigned i = 0; i < sizeof(ways_to_a_seat) / sizeof(ways_to_a_seat[0]); i++)
        if (route_matches(ways_to_a_seat[i], path, params) && slug_is_valid(params[0]))
            memcpy(out->room, params[0], strlen(params[0]) + 1);
}

static void read_request_line(struct request_head *out, struct slice line)
{
    struct cursor in = cursor_of(line);
    struct slice method = cursor_until(&in, ' ');
    out->is_post = slice_is(method, "POST");
    out->is_get = slice_is(method, "GET");
    struct slice target = cursor_until(&in, ' ');
    out->is_asset = out->is_get && begins_with(target, ROUTES_ASSETS);
    if (out->is_post && target.bytes > 0)
        read_room(out, target);
}

static void read_credentials(struct request_head *out, struct cursor *value)
{
    static const char begins[] = TICKET_ASKED_BEGINS;
    out->has_credentials = true;
    struct slice scheme = cursor_until(value, ' ');
    out->was_put_off = slice_is_nocase(scheme, "bearer") &&
                       slice_is(cursor_slice(value, sizeof(begins) - 1), begins);
}

static void read_field(struct request_head *out, struct slice line)
{
    struct cursor in = cursor_of(line);
    struct slice name = cursor_until(&in, ':');
    if (cursor_left(&in) == 0)
        return;
    if (slice_is_nocase(name, "upgrade")) {
        out->is_upgrade = true;
    } else if (slice_is_nocase(name, "authorization")) {
        skip_spaces(&in);
        read_credentials(out, &in);
    } else if (slice_is_nocase(name, "accept")) {
        skip_spaces(&in);
        out->is_page = out->is_get && begins_with(cursor_rest(&in), PAGE);
    }
}

void request_head_read(struct request_head *out, struct slice bytes)
{
    struct cursor in = cursor_of(bytes);
    *out = (struct request_head){.is_empty = bytes.bytes == 0};
    read_request_line(out, cursor_until(&in, '\n'));
    while (cursor_left(&in) > 0) {
        struct slice line = slice_without_end(cursor_until(&in, '\n'), '\r');
        if (line.bytes == 0)
            return; /* the body */
        read_field(out, line);
    }
}
