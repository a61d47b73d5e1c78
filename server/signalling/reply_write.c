/* reply_write.c - what handlers call to answer: status, fields, body. */
#include "signalling/reply_internal.h"
#include "signalling/texts.h"

#include "base/clock.h"

#include <libwebsockets.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *reason_of(unsigned status)
{
    static const struct {
        unsigned status;
        const char *reason;
    } reasons[] = {{200, "OK"},
                   {201, "Created"},
                   {204, "No Content"},
                   {206, "Partial Content"},
                   {304, "Not Modified"},
                   {400, "Bad Request"},
                   {401, "Unauthorized"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {409, "Conflict"},
                   {410, "Gone"},
                   {411, "Length Required"},
                   {412, "Precondition Failed"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {415, "Unsupported Media Type"},
                   {416, "Range Not Satisfiable"},
                   {422, "Unprocessable Content"},
                   {426, "Upgrade Required"},
                   {428, "Precondition Required"},
                   {429, "Too Many Requests"},
                   {431, "Request Header Fields Too Large"},
                   {500, "Internal Server Error"},
                   {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Unknown";
}

static void write_date(char out[40])
{
    time_t now = (time_t)(clock_wall_ms() / 1000);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(out, 40, "%a, %d %b %Y %H:%M:%S GMT", &utc);
}

void reply_header(struct request *request, const char *name, const char *format, ...)
{
    struct reply *reply = reply_of(request);
    if (reply == NULL)
        return;
    char value[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(value, sizeof(value), format, arguments);
    va_end(arguments);
    size_t room = sizeof(reply->fields) - reply->field_bytes;
    int written = snprintf(reply->fields + reply->field_bytes, room, "%s: %s\r\n", name, value);
    if (written > 0 && (size_t)written < room)
        reply->field_bytes += (size_t)written;
    else
        reply->fields[reply->field_bytes] = '\0'; /* a field too many is left out whole */
}

static bool may_have_body(unsigned status)
{
    return status != 204 && status != 304;
}

/* Writes the head and lets it go. `bytes`: of the body, wherever it lies. */
static void send_reply(struct request *request, unsigned status, const char *type, uint64_t bytes)
{
    struct reply *reply = request->reply;
    if (request->client == NULL)
        return; /* nobody listens any more */
    char date[40];
    char length[64] = "";
    write_date(date);
    if (may_have_body(status))
        snprintf(length, sizeof(length), "Content-Length: %llu\r\n", (unsigned long long)bytes);
    bool closes = request->must_close || request->signalling->closing;
    int head =
        snprintf(reply->head, sizeof(reply->head),
                 "HTTP/1.1 %u %s\r\nDate: %s\r\n%s%s%s%s%s%s"
                 "X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\r\n",
                 status, reason_of(status), date, length, type != NULL ? "Content-Type: " : "",
                 type != NULL ? type : "", type != NULL ? "\r\n" : "",
                 closes ? "Connection: close\r\n" : "", reply->fields);
    reply->head_bytes = (size_t)head;
    if (request->method == METHOD_HEAD || !may_have_body(status)) {
        reply->body = slice_of(NULL, 0);
        reply->file_end = reply->file_at;
    }
    request->state = REQUEST_SENDING;
    reply_start(request);
}

void reply_lent(struct request *request, unsigned status, const char *type, struct slice bytes)
{
    struct reply *reply = reply_of(request);
    if (reply == NULL) { /* no memory even for a refusal */
        if (request->client != NULL)
            http_on_sent(request, false);
        return;
    }
    reply->body = bytes;
    send_reply(request, status, type, bytes.bytes);
}

void reply_text(struct request *request, unsigned status, const char *type, struct slice text)
{
    struct reply *reply = reply_of(request);
    if (reply != NULL && text.bytes > 0) {
        reply->owned_body = malloc(text.bytes);
        if (reply->owned_body == NULL) {
            text = slice_of(NULL, 0);
            status = 503;
        } else {
            memcpy(reply->owned_body, text.data, text.bytes);
            text.data = reply->owned_body;
        }
    }
    reply_lent(request, status, type, text);
}

void reply_empty(struct request *request, unsigned status)
{
    reply_lent(request, status, NULL, slice_of(NULL, 0));
}

static void reply_object(struct request *request, unsigned status, const char *type, json_t *object)
{
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    struct reply *reply = reply_of(request);
    if (text == NULL || reply == NULL) {
        free(text);
        reply_empty(request, 503);
        return;
    }
    reply->owned_body = text;
    if (strstr(reply->fields, "Cache-Control:") == NULL)
        reply_header(request, "Cache-Control", "no-store");
    reply_lent(request, status, type, slice_text(text));
}

void reply_json(struct request *request, unsigned status, json_t *object)
{
    reply_object(request, status, "application/json", object);
}

static json_t *problem_of(unsigned status, const char *code, const char *allowed,
                          const char *detail)
{
    json_t *problem = json_object();
    json_object_set_new(problem, "status", json_integer(status));
    json_object_set_new(problem, "title", json_string(reason_of(status)));
    json_object_set_new(problem, "code", json_string(code));
    json_object_set_new(problem, "detail", texts_string(detail));
    if (allowed != NULL && allowed[0] != '\0')
        json_object_set_new(problem, "allowed", texts_string(allowed));
    return problem;
}

void reply_problem(struct request *request, unsigned status, const char *code, const char *allowed,
                   const char *format, ...)
{
    char detail[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof(detail), format, arguments);
    va_end(arguments);
    reply_problem_with(request, status, code, allowed, detail, NULL);
}

void reply_problem_with(struct request *request, unsigned status, const char *code,
                        const char *allowed, const char *detail, json_t *more)
{
    json_t *problem = problem_of(status, code, allowed, detail);
    if (more != NULL)
        json_object_update(problem, more);
    json_decref(more);
    reply_object(request, status, "application/problem+json", problem);
}

void reply_file(struct request *request, unsigned status, const char *type, int file,
                uint64_t first, uint64_t bytes)
{
    struct reply *reply = reply_of(request);
    if (reply == NULL) {
        close(file);
        reply_empty(request, 503);
        return;
    }
    reply->file = file;
    request->signalling->reply_descriptors++;
    reply->file_at = first;
    reply->file_end = first + bytes;
    send_reply(request, status, type, bytes);
}

void http_refuse_upgrade(struct client *client, unsigned status, const char *code,
                         const char *detail)
{
    json_t *problem = problem_of(status, code, NULL, detail);
    char *body = problem != NULL ? json_dumps(problem, JSON_COMPACT) : NULL;
    json_decref(problem);
    char answer[1024];
    int bytes = snprintf(answer, sizeof(answer),
                         "HTTP/1.1 %u %s\r\nContent-Type: application/problem+json\r\n%s"
                         "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                         status, reason_of(status),
                         status == 426 ? "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" : "",
                         body != NULL ? strlen(body) : 0, body != NULL ? body : "");
    free(body);
    if (bytes > 0 && (size_t)bytes < sizeof(answer))
        (void)send(client->fd, answer, (size_t)bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
}
