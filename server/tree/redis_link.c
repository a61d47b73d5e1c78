#include "tree/redis_link.h"

#include "base/clock.h"
#include "base/random.h"
#include "tree/redis_dial.h"
#include "tree/redis_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

enum { WHY_MAX = 32, READ_BYTES = 16 * 1024, STEADY_US = 2 * 1000 * 1000, DOUBLINGS_MAX = 5 };

enum state { WAITING, DIALLING, GREETING, READY };

struct request {
    void *request; /* the caller's */
    uint64_t sent_us;
};

struct redis_link {
    struct redis_link_params params;
    struct redis_url url;
    struct redis_dial *dial;
    struct redis_wire *wire;
    struct redis_reader *reader;
    enum state state;
    uint64_t due_us; /* WAITING: the next try; DIALLING, GREETING: its end */
    uint64_t ready_us;
    unsigned failures;  /* in a row */
    unsigned greetings; /* answers still to come, the last of them to PING or SUBSCRIBE */
    struct request requests[REDIS_REQUESTS_MAX];
    unsigned first, count; /* of requests, a ring */
    size_t read_bytes;     /* since the last tick */
    bool is_paused;        /* reading */
    uint64_t connects;
    char why[WHY_MAX]; /* set: the connection is to end */
    char problem[WHY_MAX];
    char buffer[READ_BYTES];
};

/* ---- writing ---- */

struct write {
    uv_write_t request;
    char *bytes; /* owned: hiredis's */
};

static void on_written(uv_write_t *request, int status)
{
    struct write *write = request->data;
    (void)status; /* a broken connection shows when it is read */
    redisFreeCommand(write->bytes);
    free(write);
}

static int write_bytes(struct redis_link *link, char *bytes, size_t count)
{
    struct write *write = calloc(1, sizeof(*write));
    if (write == NULL) {
        redisFreeCommand(bytes);
        return ERR_NOMEM;
    }
    write->bytes = bytes;
    write->request.data = write;
    uv_buf_t buffer = uv_buf_init(bytes, (unsigned)count);
    if (uv_write(&write->request, &link->wire->stream, &buffer, 1, on_written) == 0)
        return 0;
    redisFreeCommand(bytes);
    free(write);
    return ERR_IO;
}

static int write_command(struct redis_link *link, unsigned count, const struct slice *arguments)
{
    const char *texts[REDIS_ARGUMENTS_MAX];
    size_t sizes[REDIS_ARGUMENTS_MAX];
    if (count > REDIS_ARGUMENTS_MAX)
        return ERR_INVAL;
    for (unsigned i = 0; i < count; i++) {
        texts[i] = arguments[i].bytes > 0 ? (const char *)arguments[i].data : "";
        sizes[i] = arguments[i].bytes;
    }
    if (link->wire->stream.write_queue_size > REDIS_UNSENT_MAX)
        return ERR_FULL;
    char *bytes = NULL;
    long long size = redisFormatCommandArgv(&bytes, (int)count, texts, sizes);
    return size < 0 ? ERR_NOMEM : write_bytes(link, bytes, (size_t)size);
}

/* ---- the end of a connection ---- */

static void answer_all_with_nothing(struct redis_link *link)
{
    while (link->count > 0) {
        void *request = link->requests[link->first].request;
        link->first = (link->first + 1) % REDIS_REQUESTS_MAX;
        link->count--;
        if (link->params.on_reply != NULL)
            link->params.on_reply(link->params.ctx, request, NULL);
    }
}

static uint64_t pause_us(const struct redis_link *link)
{
    unsigned doublings = link->failures < DOUBLINGS_MAX ? link->failures : DOUBLINGS_MAX;
    uint64_t pause_ms = (uint64_t)REDIS_PAUSE_MIN_MS << doublings;
    if (pause_ms > REDIS_PAUSE_MAX_MS)
        pause_ms = REDIS_PAUSE_MAX_MS;
    return pause_ms * 500 + random_u32() % (pause_ms * 500 + 1);
}

static void end_connection(struct redis_link *link, const char *why)
{
    bool was_ready = link->state == READY;
    uint64_t now_us = clock_now_us();
    redis_dial_cancel(link->dial);
    redis_wire_close(link->wire);
    redis_reader_destroy(link->reader);
    link->wire = NULL;
    link->reader = NULL;
    link->is_paused = false;
    (void)snprintf(link->problem, sizeof(link->problem), "%s", why);
    link->why[0] = '\0';
    if (was_ready && now_us > link->ready_us + STEADY_US)
        link->failures = 0;
    link->due_us = now_us + pause_us(link);
    link->failures++;
    link->state = WAITING;
    answer_all_with_nothing(link);
    if (was_ready && link->params.on_down != NULL)
        link->params.on_down(link->params.ctx, link->problem);
}

/* Callbacks only mark; the one who called them ends it. */
static void mark(struct redis_link *link, const char *why)
{
    if (link->why[0] == '\0')
        (void)snprintf(link->why, sizeof(link->why), "%s", why);
}

static bool end_if_marked(struct redis_link *link)
{
    char why[WHY_MAX];
    if (link->why[0] == '\0')
        return false;
    memcpy(why, link->why, sizeof(why));
    end_connection(link, why);
    return true;
}

/* ---- reading ---- */

static void take_greeting(struct redis_link *link, const struct redisReply *reply)
{
    char failure[REDIS_FAILURE_MAX];
    bool is_last = --link->greetings == 0;
    const char *wanted = is_last && link->params.channel == NULL ? "PONG" : "OK";
    bool is_good = is_last && link->params.channel != NULL
                       ? redis_reply_is_subscribed(reply, link->params.channel)
                       : redis_reply_is(reply, wanted);
    if (!is_good) {
        mark(link, redis_reply_failure(reply, failure) ? failure : "no_redis");
    } else if (is_last) {
        link->state = READY;
        link->ready_us = clock_now_us();
        link->connects++;
        link->problem[0] = '\0';
        link->params.on_ready(link->params.ctx);
    }
}

static void take_word(struct redis_link *link, const struct redisReply *reply)
{
    struct slice word;
    if (redis_reply_word(reply, link->params.channel, &word))
        link->params.on_word(link->params.ctx, word);
    else
        mark(link, "no_redis");
}

static void take_reply(struct redis_link *link, const struct redisReply *reply)
{
    if (link->state == GREETING) {
        take_greeting(link, reply);
    } else if (link->params.channel != NULL) {
        take_word(link, reply);
    } else if (link->count == 0) {
        mark(link, "no_redis"); /* an answer that nobody asked for */
    } else {
        void *request = link->requests[link->first].request;
        link->first = (link->first + 1) % REDIS_REQUESTS_MAX;
        link->count--;
        link->params.on_reply(link->params.ctx, request, reply);
    }
}

static void take_bytes(struct redis_link *link, struct slice bytes)
{
    struct redisReply *reply = NULL;
    int err = redis_reader_feed(link->reader, bytes);
    while (err == 0 && link->why[0] == '\0') {
        err = redis_reader_next(link->reader, &reply);
        if (err != 0 || reply == NULL)
            break;
        take_reply(link, reply);
        redis_reply_free(reply);
    }
    if (err != 0)
        mark(link, err == ERR_PROTO ? "no_redis" : "no_memory");
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
    (void)suggested;
    struct redis_link *link = ((struct redis_wire *)handle->data)->owner;
    *out = uv_buf_init(link->buffer, sizeof(link->buffer));
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
    struct redis_link *link = ((struct redis_wire *)stream->data)->owner;
    if (count > 0)
        take_bytes(link, slice_of(buffer->base, (size_t)count));
    else if (count < 0)
        mark(link, count == UV_EOF ? "closed" : uv_err_name((int)count));
    if (end_if_marked(link) || count <= 0)
        return;
    link->read_bytes += (size_t)count;
    if (link->read_bytes > REDIS_READ_MAX && uv_read_stop(stream) == 0)
        link->is_paused = true; /* until the next tick: nobody may take the whole control thread */
}

/* ---- the beginning of a connection ---- */

static int greet(struct redis_link *link)
{
    const struct redis_url *url = &link->url;
    char db[8];
    (void)snprintf(db, sizeof(db), "%u", url->db);
    struct slice auth[] = {slice_text("AUTH"), slice_text(url->user), slice_text(url->password)};
    struct slice select[] = {slice_text("SELECT"), slice_text(db)};
    struct slice ping[] = {slice_text("PING")};
    struct slice subscribe[] = {slice_text("SUBSCRIBE"), slice_of(NULL, 0)};
    int err = 0;
    link->greetings = 1;
    if (url->password[0] != '\0') {
        unsigned first = url->user[0] != '\0' ? 0 : 1;
        auth[first] = auth[0];
        err = write_command(link, 3 - first, auth + first);
        link->greetings++;
    }
    if (err == 0 && url->db != 0) {
        err = write_command(link, 2, select);
        link->greetings++;
    }
    if (err != 0)
        return err;
    if (link->params.channel == NULL)
        return write_command(link, 1, ping);
    subscribe[1] = slice_text(link->params.channel);
    return write_command(link, 2, subscribe);
}

static void on_dialled(void *ctx, struct redis_wire *wire, const char *why)
{
    struct redis_link *link = ctx;
    if (wire == NULL) {
        end_connection(link, why);
        return;
    }
    wire->owner = link;
    link->wire = wire;
    link->state = GREETING;
    if (redis_reader_create(&link->reader) != 0 || greet(link) != 0 ||
        uv_read_start(&wire->stream, on_room, on_read) != 0)
        end_connection(link, "no_memory");
}

static void dial(struct redis_link *link, uint64_t now_us)
{
    link->state = DIALLING;
    link->due_us = now_us + REDIS_TRY_MS * UINT64_C(1000);
    if (redis_dial_start(link->dial, now_us) != 0)
        end_connection(link, "no_socket");
}

/* ---- outside ---- */

int redis_link_create(struct redis_link **out, const struct redis_link_params *params)
{
    struct redis_link *link = calloc(1, sizeof(*link));
    if (link == NULL)
        return ERR_NOMEM;
    link->params = *params;
    link->url = *params->url;
    link->params.url = NULL;
    int err = redis_dial_create(&link->dial, params->loop, &link->url, on_dialled, link);
    if (err != 0) {
        free(link);
        return err;
    }
    *out = link;
    return 0;
}

void redis_link_destroy(struct redis_link *link)
{
    if (link == NULL)
        return;
    link->params.on_down = NULL;
    end_connection(link, "ended");
    redis_dial_destroy(link->dial);
    explicit_bzero(&link->url, sizeof(link->url));
    free(link);
}

void redis_link_tick(struct redis_link *link, uint64_t now_us)
{
    redis_dial_tick(link->dial, now_us);
    link->read_bytes = 0;
    if (link->is_paused && link->wire != NULL) {
        link->is_paused = false;
        if (uv_read_start(&link->wire->stream, on_room, on_read) != 0)
            mark(link, "no_socket");
    }
    if (end_if_marked(link))
        return;
    if (link->state == WAITING && now_us >= link->due_us)
        dial(link, now_us);
    else if ((link->state == DIALLING || link->state == GREETING) && now_us > link->due_us)
        end_connection(link, "no_answer");
    else if (link->state == READY && link->count > 0 &&
             now_us > link->requests[link->first].sent_us + REDIS_ANSWER_MS * UINT64_C(1000))
        end_connection(link, "no_answer");
}

bool redis_link_is_ready(const struct redis_link *link)
{
    return link->state == READY && link->why[0] == '\0';
}

const char *redis_link_problem(const struct redis_link *link)
{
    return link->problem;
}

uint64_t redis_link_connects(const struct redis_link *link)
{
    return link->connects;
}

int redis_link_send(struct redis_link *link, unsigned argument_count, const struct slice *arguments,
                    void *request)
{
    if (!redis_link_is_ready(link))
        return ERR_AGAIN;
    if (link->count == REDIS_REQUESTS_MAX)
        return ERR_FULL;
    int err = write_command(link, argument_count, arguments);
    if (err != 0)
        return err;
    unsigned at = (link->first + link->count) % REDIS_REQUESTS_MAX;
    link->requests[at] = (struct request){request, clock_now_us()};
    link->count++;
    return 0;
}

void redis_link_drop(struct redis_link *link, const char *why)
{
    if (link->state != WAITING)
        mark(link, why);
}
