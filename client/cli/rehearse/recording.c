#include "rehearse/recording.h"

#include "api.h"
#include "http.h"

#include "base/clock.h"
#include "rehearse/setup.h"
#include "rostrum/ogg_opus.h"

#include <stdio.h>
#include <string.h>

enum { PATH_CHARS = 256, LOOK_EVERY_US = 500 * 1000, SECOND_US = 1000 * 1000, STATUS_OK = 200 };

static json_t *look(const struct cli *cli, const char *slug)
{
    char path[PATH_CHARS];
    json_t *room = NULL;
    (void)snprintf(path, sizeof(path), "/api/v1/rooms/%s", slug);
    return api_call(cli, "GET", path, NULL, &room) == EXIT_OK ? room : NULL;
}

static bool is_published(const json_t *room)
{
    const char *state = json_string_value(json_object_get(room, "state"));
    return state != NULL && strcmp(state, "published") == 0;
}

/* The room as it is when its recording is there; NULL: it does not come. */
static json_t *wait_for_it(const struct cli *cli, const char *slug)
{
    uint64_t until_us = clock_now_us() + RECORDING_WITHIN_S * (uint64_t)SECOND_US;
    for (;;) {
        json_t *room = look(cli, slug);
        if (room == NULL || is_published(room))
            return room;
        json_decref(room);
        if (clock_now_us() >= until_us || !setup_wait_until(clock_now_us() + LOOK_EVERY_US))
            return NULL;
    }
}

static bool verify(struct promise_recording *out, const struct http_reply *file)
{
    static struct ogg_opus_verify verify;
    ogg_opus_verify_init(&verify);
    int err = ogg_opus_verify_feed(&verify, slice_of((const uint8_t *)file->body, file->bytes));
    out->is_whole = ogg_opus_verify_finish(&verify) && verify.has_eos;
    out->gaps = verify.gaps + verify.damaged_places;
    /* The last one is no hole: with it the decoder lets go of what it holds back. */
    out->fillers = verify.filler_packets > 0 ? verify.filler_packets - 1 : 0;
    out->duration_ms = verify.duration_samples / 48;
    ogg_opus_verify_clear(&verify);
    return err == 0;
}

static const char *fetch(struct promise_recording *out, const struct cli *cli, const json_t *room)
{
    const json_t *publication = json_object_get(room, "publication");
    const char *url = json_string_value(json_object_get(publication, "url"));
    struct http_request request = {.method = "GET", .path = url};
    struct http_reply reply = {0};
    if (url == NULL || url[0] != '/')
        return "the room has no recording";
    if (http_call(cli->server, &request, &reply) != 0)
        return "the recording could not be fetched";
    bool is_fetched = reply.status == STATUS_OK && verify(out, &reply);
    http_reply_clear(&reply);
    return is_fetched ? NULL : "what was published is no recording";
}

static const char *check(struct promise_recording *out, const struct cli *cli, const char *slug)
{
    char path[PATH_CHARS];
    json_t *answer = NULL;
    (void)snprintf(path, sizeof(path), "/api/v1/rooms/%s/end", slug);
    if (api_call(cli, "POST", path, NULL, &answer) != EXIT_OK)
        return "the room did not end";
    json_decref(answer);
    json_t *room = wait_for_it(cli, slug);
    if (room == NULL)
        return "the recording was not published in time";
    out->live_ms = json_integer_value(json_object_get(room, "ended_ms")) -
                   json_integer_value(json_object_get(room, "live_ms"));
    const char *why_not = fetch(out, cli, room);
    json_decref(room);
    return why_not;
}

void recording_check(struct promise_recording *out, const struct cli *cli, const char *slug,
                     bool was_restarted)
{
    *out = (struct promise_recording){.was_restarted = was_restarted};
    out->why_not = check(out, cli, slug);
}
