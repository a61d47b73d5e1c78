#include "signalling/reply_internal.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

enum {
    FILE_CHUNK_BYTES = 65536, /* per turn of the loop and download */
    PROGRESS_US = 30 * 1000 * 1000,
};

struct reply *reply_of(struct request *request)
{
    if (request->reply != NULL)
        return request->reply;
    struct reply *reply = calloc(1, sizeof(*reply));
    if (reply != NULL) {
        reply->signalling = request->signalling;
        reply->file = -1;
        reply->poll_fd = -1;
    }
    request->reply = reply;
    return reply;
}

static void on_poll_closed(uv_handle_t *handle)
{
    free(handle);
}

static void close_counted(struct reply *reply, int fd)
{
    if (fd < 0)
        return;
    close(fd);
    reply->signalling->reply_descriptors--;
}

void reply_destroy(struct reply *reply)
{
    if (reply == NULL)
        return;
    if (reply->poll != NULL) {
        uv_poll_stop(reply->poll);
        uv_close((uv_handle_t *)reply->poll, on_poll_closed);
    }
    close_counted(reply, reply->poll_fd);
    close_counted(reply, reply->file);
    free(reply->owned_body);
    free(reply);
}

enum pump { PUMP_DONE, PUMP_WAIT, PUMP_FAILED };

static enum pump after_error(void)
{
    return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? PUMP_WAIT : PUMP_FAILED;
}

static enum pump pump_memory(struct reply *reply, int fd)
{
    size_t total = reply->head_bytes + reply->body.bytes;
    while (reply->sent < total) {
        struct iovec parts[2];
        struct msghdr message = {.msg_iov = parts};
        if (reply->sent < reply->head_bytes)
            parts[message.msg_iovlen++] = (struct iovec){
                .iov_base = reply->head + reply->sent, .iov_len = reply->head_bytes - reply->sent};
        size_t body_at = reply->sent > reply->head_bytes ? reply->sent - reply->head_bytes : 0;
        struct slice body = reply->body;
        if (body_at < body.bytes) {
            union { /* sendmsg() takes a pointer that it does not write through */
                const uint8_t *from;
                void *to;
            } lent = {.from = body.data + body_at};
            parts[message.msg_iovlen++] =
                (struct iovec){.iov_base = lent.to, .iov_len = body.bytes - body_at};
        }
        ssize_t sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent < 0)
            return after_error();
        reply->sent += (size_t)sent;
    }
    return PUMP_DONE;
}

/* One chunk a turn, so that a hundred downloads share the loop with everybody else. */
static enum pump pump_file(struct reply *reply, int fd)
{
    static uint8_t chunk[FILE_CHUNK_BYTES]; /* control thread only */
    uint64_t left = reply->file_end - reply->file_at;
    if (left == 0)
        return PUMP_DONE;
    size_t want = left < sizeof(chunk) ? (size_t)left : sizeof(chunk);
    ssize_t got = pread(reply->file, chunk, want, (off_t)reply->file_at);
    if (got <= 0)
        return PUMP_FAILED; /* shorter than its record, or unreadable: the promised length cannot be kept */
    ssize_t sent = send(fd, chunk, (size_t)got, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0)
        return after_error();
    reply->file_at += (uint64_t)sent;
    return reply->file_at == reply->file_end ? PUMP_DONE : PUMP_WAIT;
}

static enum pump pump(struct request *request)
{
    struct reply *reply = request->reply;
    int fd = request->client->fd;
    enum pump result = pump_memory(reply, fd);
    return result == PUMP_DONE ? pump_file(reply, fd) : result;
}

static void on_writable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct request *request = poll->data;
    if (request->client == NULL)
        return;
    request->deadline_us = clock_now_us() + PROGRESS_US;
    enum pump result = status < 0 ? PUMP_FAILED : pump(request);
    if (result != PUMP_WAIT)
        http_on_sent(request, result == PUMP_DONE);
}

static int wait_writable(struct request *request)
{
    struct reply *reply = request->reply;
    reply->poll_fd = fcntl(request->client->fd, F_DUPFD_CLOEXEC, 0);
    request->signalling->reply_descriptors += reply->poll_fd >= 0;
    uv_poll_t *poll = reply->poll_fd >= 0 ? calloc(1, sizeof(*poll)) : NULL;
    if (poll == NULL)
        return ERR_NOMEM;
    if (uv_poll_init(request->signalling->loop, poll, reply->poll_fd) != 0) {
        free(poll);
        return ERR_IO;
    }
    reply->poll = poll;
    poll->data = request;
    return uv_poll_start(poll, UV_WRITABLE, on_writable) == 0 ? 0 : ERR_IO;
}

void reply_start(struct request *request)
{
    request->deadline_us = clock_now_us() + PROGRESS_US;
    enum pump result = pump(request);
    if (result == PUMP_WAIT && wait_writable(request) != 0)
        result = PUMP_FAILED;
    if (result != PUMP_WAIT)
        http_on_sent(request, result == PUMP_DONE);
}
