#include "rehearse/passers.h"

#include "base/clock.h"
#include "base/thread.h"
#include "line_word.h"
#include "rehearse/http_answer.h"
#include "rehearse/pacing.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    EVENTS = 256,
    REQUEST_MAX = 768,
    BEGIN_WAIT_MS = 1,
    DRAIN_WAIT_MS = 20,
    EXPIRE_EVERY_US = 100 * 1000,
    STATUS_OK = 200,
    STATUS_REDIRECT = 300,
    MS_PER_S = 1000,
};

enum passer_state { PASSER_NONE, PASSER_BEGUN, PASSER_ASKED, PASSER_GIVING_UP };

struct passer {
    enum passer_state state; /* PASSER_NONE: without a socket */
    int fd;
    uint64_t begun_us, by_us;
    struct http_answer answer;
};

struct passers {
    struct passers_params params;
    char ask[REQUEST_MAX]; /* the whole request of all */
    int ask_bytes;
    struct thread thread;
    bool is_running;
    int epoll_fd;
    struct passer *all; /* owned; at_once of them */
    uint32_t *free;     /* owned; numbers of those without a socket */
    uint32_t free_count;
    uint32_t next_source;
    struct pacing pacing;
    struct passers_count count;
    atomic_bool is_ended;
    _Atomic uint64_t now_late, now_unanswered;
};

/* ---- the end of one ---- */

static void finish(struct passers *passers, struct passer *passer)
{
    (void)close(passer->fd);
    passer->state = PASSER_NONE;
    passers->free[passers->free_count++] = (uint32_t)(passer - passers->all);
}

static void not_offered(struct passers *passers, const char *why, uint64_t count)
{
    passers->count.not_offered += count;
    tally_reason(&passers->count.held_up, why, (uint32_t)count);
}

static void unanswered(struct passers *passers, const char *why)
{
    passers->count.asks.unanswered++;
    tally_reason(&passers->count.no_answer, why, 1);
    atomic_store_explicit(&passers->now_unanswered, passers->count.asks.unanswered,
                          memory_order_relaxed);
}

/* The connection leads to nothing more. */
static void fail(struct passers *passers, struct passer *passer, const char *why)
{
    if (passer->state == PASSER_GIVING_UP)
        passers->count.kept++;
    else
        unanswered(passers, why);
    finish(passers, passer);
}

/* ---- asking ---- */

static bool send_all(const struct passer *passer, const char *text, int bytes)
{
    return bytes > 0 && send(passer->fd, text, (size_t)bytes, MSG_NOSIGNAL) == (ssize_t)bytes;
}

static void ask(struct passers *passers, struct passer *passer)
{
    int error = 0;
    socklen_t bytes = sizeof(error);
    if (getsockopt(passer->fd, SOL_SOCKET, SO_ERROR, &error, &bytes) != 0 || error != 0) {
        fail(passers, passer, "no connection");
        return;
    }
    passer->state = PASSER_ASKED;
    if (!send_all(passer, passers->ask, passers->ask_bytes))
        fail(passers, passer, "cut off before the answer");
}

static void give_up(struct passers *passers, struct passer *passer, const char *ticket)
{
    char request[REQUEST_MAX];
    int bytes = snprintf(request, sizeof(request),
                         "DELETE /api/v1/rooms/%s/line HTTP/1.1\r\nHost: %s\r\n"
                         "Authorization: Bearer %s\r\n\r\n",
                         passers->params.slug, passers->params.host, ticket);
    passer->state = PASSER_GIVING_UP;
    passer->by_us = clock_now_us() + PASSERS_ANSWER_BY_US;
    passer->answer.used = 0;
    if (bytes >= (int)sizeof(request) || !send_all(passer, request, bytes))
        fail(passers, passer, "");
}

/* ---- answers ---- */

static void note_answered(struct passers *passers, const struct passer *passer)
{
    struct tally_asks *asks = &passers->count.asks;
    uint64_t took_us = clock_now_us() - passer->begun_us;
    asks->answered++;
    asks->late += took_us > TALLY_ANSWER_US;
    histogram_add(&asks->times, took_us);
    atomic_store_explicit(&passers->now_late, asks->late, memory_order_relaxed);
}

static void hear(struct passers *passers, struct passer *passer, const struct http_reply *reply)
{
    struct line_word word;
    char number[16];
    uint32_t again_ms = reply->retry_after_s < LINE_AGAIN_MAX_MS / MS_PER_S
                            ? reply->retry_after_s * MS_PER_S
                            : LINE_AGAIN_NEVER;
    note_answered(passers, passer);
    (void)snprintf(number, sizeof(number), "HTTP %u", reply->status);
    int err = line_word_read(&word, reply->status, again_ms, (const char *)reply->body.data,
                             reply->body.bytes);
    if (err == 0 && word.answer != LINE_NO) {
        give_up(passers, passer, word.place.ticket);
        return;
    }
    tally_reason(&passers->count.refusals, err == 0 ? word.word : number, 1);
    finish(passers, passer);
}

static void take(struct passers *passers, struct passer *passer, const struct http_reply *reply)
{
    if (passer->state == PASSER_ASKED) {
        hear(passers, passer, reply);
        return;
    }
    bool is_good = reply->status >= STATUS_OK && reply->status < STATUS_REDIRECT;
    passers->count.given_up += is_good;
    passers->count.kept += !is_good;
    finish(passers, passer);
}

static void read_answer(struct passers *passers, struct passer *passer)
{
    char piece[HTTP_ANSWER_MAX];
    struct http_reply reply;
    for (;;) {
        ssize_t bytes = recv(passer->fd, piece, sizeof(piece), 0);
        if (bytes < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (bytes <= 0) {
            fail(passers, passer, "cut off before the answer");
            return;
        }
        int err = http_answer_add(&passer->answer, slice_of(piece, (size_t)bytes), &reply);
        if (err == 0) {
            take(passers, passer, &reply);
            return;
        }
        if (err != ERR_AGAIN) {
            fail(passers, passer, "nonsense in the answer");
            return;
        }
    }
}

/* ---- beginning ---- */

/* Address and port for either family's sockets. */
static socklen_t to_system(const struct address *address, struct sockaddr_storage *out)
{
    struct sockaddr_in6 v6 = address_to_sockaddr(address);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6.sin6_port};
    *out = (struct sockaddr_storage){0};
    if (!address_is_ipv4(address)) {
        memcpy(out, &v6, sizeof(v6));
        return sizeof(v6);
    }
    memcpy(&v4.sin_addr, address->ip + 12, sizeof(v4.sin_addr));
    memcpy(out, &v4, sizeof(v4));
    return sizeof(v4);
}

static int bind_next(struct passers *passers, int fd)
{
    const struct passers_params *params = &passers->params;
    struct sockaddr_storage from;
    int on = 1;
    if (params->source_count == 0)
        return 0;
    socklen_t bytes = to_system(&params->sources[passers->next_source], &from);
    passers->next_source = (passers->next_source + 1) % params->source_count;
    /* The port is chosen when it is known where to: each source has all of them (ip(7)). */
    (void)setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
    return bind(fd, (const struct sockaddr *)&from, bytes);
}

/* Why this machine lets nobody begin: a constant text; NULL: it is the server's doing. */
static const char *local_limit(int error)
{
    if (error == EMFILE || error == ENFILE)
        return "no descriptors left here";
    if (error == ENOBUFS || error == ENOMEM)
        return "no memory left here";
    return error == EADDRNOTAVAIL || error == EADDRINUSE ? "no ports left here" : NULL;
}

/* The errno of what went wrong, or 0: it is on its way. */
static int open_towards(struct passers *passers, struct passer *passer)
{
    struct sockaddr_storage to;
    socklen_t bytes = to_system(&passers->params.address, &to);
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = passer};
    passer->fd = socket(to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (passer->fd < 0)
        return errno;
    if (bind_next(passers, passer->fd) == 0 &&
        epoll_ctl(passers->epoll_fd, EPOLL_CTL_ADD, passer->fd, &event) == 0 &&
        (connect(passer->fd, (const struct sockaddr *)&to, bytes) == 0 || errno == EINPROGRESS))
        return 0;
    int error = errno;
    (void)close(passer->fd);
    return error;
}

static void begin(struct passers *passers)
{
    if (passers->free_count == 0) {
        not_offered(passers, "too many under way", 1);
        return;
    }
    struct passer *passer = &passers->all[passers->free[passers->free_count - 1]];
    passer->begun_us = clock_now_us();
    int error = open_towards(passers, passer);
    if (error != 0 && local_limit(error) != NULL) {
        not_offered(passers, local_limit(error), 1);
        return;
    }
    passers->count.asks.asked++;
    passers->count.asks.newcomers++;
    if (error != 0) {
        unanswered(passers, "no connection");
        return;
    }
    passer->state = PASSER_BEGUN;
    passer->by_us = passer->begun_us + PASSERS_ANSWER_BY_US;
    passer->answer.used = 0;
    passers->free_count--;
}

/* ---- the loop ---- */

static void on_event(struct passers *passers, const struct epoll_event *event)
{
    struct passer *passer = event->data.ptr;
    if (passer->state == PASSER_BEGUN)
        ask(passers, passer);
    if (passer->state != PASSER_NONE && (event->events & ~(uint32_t)EPOLLOUT) != 0)
        read_answer(passers, passer);
}

static void expire(struct passers *passers, uint64_t now_us)
{
    for (uint32_t i = 0; i < passers->params.at_once; i++)
        if (passers->all[i].state != PASSER_NONE && passers->all[i].by_us <= now_us)
            fail(passers, &passers->all[i], "no answer in time");
}

static void run(void *arg)
{
    struct passers *passers = arg;
    struct epoll_event events[EVENTS];
    uint64_t now_us = clock_now_us(), expired_us = now_us;
    pacing_start(&passers->pacing, passers->params.per_s, now_us);
    for (;;) {
        bool is_ended = atomic_load_explicit(&passers->is_ended, memory_order_relaxed);
        if (is_ended && passers->free_count == passers->params.at_once)
            break;
        for (uint64_t due = is_ended ? 0 : pacing_due(&passers->pacing, now_us); due > 0; due--)
            begin(passers);
        int count =
            epoll_wait(passers->epoll_fd, events, EVENTS, is_ended ? DRAIN_WAIT_MS : BEGIN_WAIT_MS);
        for (int i = 0; i < count; i++)
            on_event(passers, &events[i]);
        now_us = clock_now_us();
        if (now_us - expired_us < EXPIRE_EVERY_US)
            continue;
        expire(passers, now_us);
        expired_us = now_us;
    }
    if (passers->pacing.missed > 0)
        not_offered(passers, "held up here", passers->pacing.missed);
    passers->count.due = passers->pacing.told;
}

/* ---- life ---- */

static int set_up(struct passers *passers)
{
    uint32_t at_once = passers->params.at_once;
    passers->ask_bytes = snprintf(passers->ask, sizeof(passers->ask),
                                  "POST /api/v1/rooms/%s/line HTTP/1.1\r\nHost: %s\r\n"
                                  "Content-Length: 0\r\n\r\n",
                                  passers->params.slug, passers->params.host);
    if (passers->ask_bytes >= (int)sizeof(passers->ask))
        return ERR_INVAL;
    passers->all = calloc(at_once, sizeof(*passers->all));
    passers->free = calloc(at_once, sizeof(*passers->free));
    if (passers->all == NULL || passers->free == NULL)
        return ERR_NOMEM;
    while (passers->free_count < at_once) {
        passers->free[passers->free_count] = passers->free_count;
        passers->free_count++;
    }
    passers->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (passers->epoll_fd < 0)
        return ERR_IO;
    return thread_start(&passers->thread, "passers", THREAD_ANY, run, passers);
}

int passers_create(struct passers **out, const struct passers_params *params)
{
    if (params->at_once < 1 || params->at_once > PASSERS_AT_ONCE_MAX || !(params->per_s > 0))
        return ERR_INVAL;
    struct passers *passers = calloc(1, sizeof(*passers));
    if (passers == NULL)
        return ERR_NOMEM;
    passers->params = *params;
    passers->epoll_fd = -1;
    int err = set_up(passers);
    passers->is_running = err == 0;
    if (err != 0) {
        passers_destroy(passers);
        return err;
    }
    *out = passers;
    return 0;
}

void passers_look(const struct passers *passers, uint64_t *late, uint64_t *unanswered_count)
{
    *late = atomic_load_explicit(&passers->now_late, memory_order_relaxed);
    *unanswered_count = atomic_load_explicit(&passers->now_unanswered, memory_order_relaxed);
}

void passers_end(struct passers *passers)
{
    atomic_store_explicit(&passers->is_ended, true, memory_order_relaxed);
}

void passers_stop(struct passers *passers)
{
    passers_end(passers);
    if (passers->is_running)
        thread_join(&passers->thread);
    passers->is_running = false;
}

const struct passers_count *passers_count(const struct passers *passers)
{
    return &passers->count;
}

void passers_destroy(struct passers *passers)
{
    if (passers == NULL)
        return;
    passers_stop(passers);
    if (passers->epoll_fd >= 0)
        (void)close(passers->epoll_fd);
    free(passers->all);
    free(passers->free);
    free(passers);
}
