/* files.c - published recordings and stems: whole, by range, or only if changed.
 *
 * The path comes from the room, never from the address that was asked for. */
#include "signalling/access.h"
#include "signalling/clients.h"
#include "signalling/handlers.h"
#include "signalling/range.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const char opus_type[] = "audio/ogg; codecs=opus";

enum { ETAG_MAX = 64 };

static int open_file(const struct room *room, uint32_t host, uint64_t *bytes)
{
    char path[CONFIG_PATH_MAX + 128];
    if (room_file(room, host, path, sizeof(path)) != 0)
        return -1;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    struct stat status;
    if (file >= 0 && (fstat(file, &status) != 0 || !S_ISREG(status.st_mode))) {
        close(file);
        return -1;
    }
    if (file >= 0)
        *bytes = (uint64_t)status.st_size;
    return file;
}

static void describe(struct request *request, const char *etag, bool is_public)
{
    reply_header(request, "ETag", "%s", etag);
    reply_header(request, "Accept-Ranges", "bytes");
    reply_header(request, "Cache-Control", is_public ? "no-cache" : "private, no-cache");
}

static void describe_file(struct request *request, const struct room *room, uint32_t host,
                          const char *etag)
{
    const char *kind = request->is_download ? "attachment" : "inline";
    const char *slug = room_record(room)->slug;
    describe(request, etag, host == 0);
    if (host == 0)
        reply_header(request, "Content-Disposition", "%s; filename=\"%s.opus\"", kind, slug);
    else
        reply_header(request, "Content-Disposition", "%s; filename=\"%s-%u.opus\"", kind, slug,
                     (unsigned)host);
}

/* Takes the file. */
static void send_part(struct request *request, int file, uint64_t bytes, enum range_answer answer,
                      const struct range *range)
{
    switch (answer) {
    case RANGE_WHOLE:
        reply_file(request, 200, opus_type, file, 0, bytes);
        return;
    case RANGE_PART:
        reply_header(request, "Content-Range", "bytes %llu-%llu/%llu",
                     (unsigned long long)range->first, (unsigned long long)range->last,
                     (unsigned long long)bytes);
        reply_file(request, 206, opus_type, file, range->first, range->last - range->first + 1);
        return;
    case RANGE_UNSATISFIABLE:
        close(file);
        reply_header(request, "Content-Range", "bytes */%llu", (unsigned long long)bytes);
        reply_problem(request, 416, "bad_range", NULL, "The recording has %llu bytes.",
                      (unsigned long long)bytes);
        return;
    }
}

/* Each download takes three descriptors and most of what is written: it may wait. */
static void refuse_for_now(struct request *request)
{
    reply_header(request, "Retry-After", "10");
    reply_problem(request, 503, "overload", NULL,
                  "Very many are connected at this moment. Try again in some seconds.");
}

static void serve(struct request *request, const struct room *room, uint32_t host)
{
    uint64_t bytes = 0;
    if (clients_are_short(request->signalling)) {
        refuse_for_now(request);
        return;
    }
    int file = open_file(room, host, &bytes);
    if (file < 0) {
        reply_problem(request, 503, "not_readable", NULL, "The recording cannot be read now.");
        return;
    }
    char etag[ETAG_MAX];
    snprintf(etag, sizeof(etag), "\"%llu-%u-%llu\"", (unsigned long long)room_publication(room)->id,
             (unsigned)host, (unsigned long long)bytes);
    if (request->if_match[0] != '\0' && !etag_is_listed_strongly(request->if_match, etag)) {
        close(file);
        reply_problem(request, 412, "changed", NULL, "The recording is not the one you mean.");
    } else if (etag_is_listed(request->if_none_match, etag)) {
        close(file);
        describe(request, etag, host == 0);
        reply_empty(request, 304);
    } else {
        struct range range = {0};
        enum range_answer answer = RANGE_WHOLE;
        if (etag_allows_range(request->if_range, etag))
            answer = range_parse(request->range, bytes, &range);
        if (answer != RANGE_UNSATISFIABLE)
            describe_file(request, room, host, etag);
        send_part(request, file, bytes, answer, &range);
    }
}

static bool is_published(struct request *request, const struct room *room)
{
    if (room_publication(room) != NULL)
        return true;
    if (room_record(room)->state == ROOM_WITHDRAWN)
        reply_problem(request, 410, "withdrawn", NULL, "This recording was withdrawn.");
    else
        reply_problem(request, 404, "not_published", NULL, "There is no recording here yet.");
    return false;
}

void handle_recording(struct request *request)
{
    struct room *room = access_room(request);
    if (room != NULL && is_published(request, room))
        serve(request, room, 0);
}

/* "3.opus" -> 3, if the recording has that stem; 0 otherwise. */
static uint32_t stem_number(const struct room *room, const char *file)
{
    for (unsigned i = 0; i < room_stem_count(room); i++) {
        char name[32];
        snprintf(name, sizeof(name), "%u.opus", (unsigned)room_stem(room, i)->host);
        if (strcmp(name, file) == 0)
            return room_stem(room, i)->host;
    }
    return 0;
}

void handle_stem(struct request *request)
{
    struct room *room = access_room(request);
    uint32_t by;
    if (room == NULL || !access_allows(request, room, ACCESS_ADMIN | ACCESS_OWNER, &by) ||
        !is_published(request, room))
        return;
    uint32_t host = stem_number(room, request->params[1]);
    if (host == 0) {
        reply_problem(request, 404, "unknown_stem", NULL, "This recording has no stem '%s'.",
                      request->params[1]);
        return;
    }
    serve(request, room, host);
}
