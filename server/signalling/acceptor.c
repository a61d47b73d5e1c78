#include "signalling/acceptor.h"

#include "base/address.h"
#include "base/slug.h"
#include "room/room.h"
#include "signalling/clients.h"
#include "telemetry/log.h"

#include <errno.h>
#include <libwebsockets.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

enum {
    TAKEN_AT_ONCE = 32,
    /* More come than can be served when more wait in the kernel, and who is at the head did so for longer.
     * So that nobody waits long, newcomers are told at once then to come again: programs, which do so by
     * themselves, sooner than people who have opened a page. */
    BACKLOG_MOST = 256,
    WAIT_MOST_MS = 100,
    PAGE_WAIT_MOST_MS = 400,
    SIFTED_AT_ONCE = 128,
    PEEKED_BYTES = 2048,
    ANSWER_BYTES = 512,
    PAUSE_MS = 100, /* when descriptors or memory are used up: some will be free again */
};

/* RFC 9457; as any other refusal for overload, and with a ticket. */
#define PUT_OFF                                                                                    \
    "{\"status\":503,\"title\":\"Service Unavailable\",\"code\":\"overload\","                     \
    "\"detail\":\"Very many ask at this moment. Ask again with this ticket: it keeps your "        \
    "turn.\","                                                                                     \
    "\"ticket\":\"%s\"}"

struct acceptor {
    struct signalling *signalling; /* borrowed */
    uv_poll_t poll;
    uv_timer_t pause;
    int fd;
    unsigned open_handles;
};

/* ---- taking ---- */

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_pause_over(uv_timer_t *timer)
{
    struct acceptor *acceptor = timer->data;
    (void)uv_poll_start(&acceptor->poll, UV_READABLE, on_readable);
}

static void pause_taking(struct acceptor *acceptor, int error)
{
    log_warn("signalling.not_accepted", "error=%s", strerror(error));
    (void)uv_poll_stop(&acceptor->poll);
    (void)uv_timer_start(&acceptor->pause, on_pause_over, PAUSE_MS, 0);
}

/* A failed adoption closes the socket itself. */
static bool hand_on(struct signalling *signalling, int fd)
{
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (!clients_admit(signalling, fd))
        (void)close(fd);
    else
        (void)lws_adopt_socket_vhost(signalling->vhost, fd);
    return true;
}

/* `take` is false when it wants no more. True: so it was, or nobody is left. */
static bool take_some(struct acceptor *acceptor, unsigned most,
                      bool (*take)(struct signalling *signalling, int fd))
{
    for (unsigned i = 0; i < most; i++) {
        int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            if (!take(acceptor->signalling, fd))
                return true;
            continue;
        }
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            pause_taking(acceptor, errno);
        if (errno != ECONNABORTED && errno != EINTR)
            return true;
    }
    return false;
}

static struct tcp_info tcp_info_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t bytes = sizeof(info);
    (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes);
    return info;
}

/* Connections that wait to be taken: what tcpi_unacked is of a listening socket. */
static unsigned backlog_of(int fd)
{
    return tcp_info_of(fd).tcpi_unacked;
}

/* Since its request came, or if none did, since it is there. */
static unsigned waited_ms(int fd)
{
    return tcp_info_of(fd).tcpi_last_data_recv;
}

static bool has_field(const char *head, const char *field)
{
    return strcasestr(head, field) != NULL;
}

static bool is_post(const char *head)
{
    return strncmp(head, "POST ", 5) == 0;
}

/* What it has sent so far speaks of a ticket, or it wants the WebSocket, which who was given a seat does.
 * That proves nothing, but it tells those in line from those who only come now, or come again. */
static bool is_expected(const char *head)
{
    bool was_put_off = has_field(head, "\r\nauthorization: bearer " TICKET_ASKED_BEGINS);
    return (has_field(head, "\r\nauthorization:") && !was_put_off) ||
           has_field(head, "\r\nupgrade:");
}

/* The room where a seat is asked for; NULL: something else is. */
static struct room *room_of(const struct signalling *signalling, const char *head)
{
    static const char *const ways[] = {"POST /api/v1/rooms/", "POST /whep/"};
    char slug[SLUG_MAX + 1];
    for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
        size_t chars = strlen(ways[i]);
        if (strncmp(head, ways[i], chars) != 0)
            continue;
        size_t slug_chars = strcspn(head + chars, "/? \r\n");
        if (slug_chars > SLUG_MAX)
            return NULL;
        memcpy(slug, head + chars, slug_chars);
        slug[slug_chars] = '\0';
        return rooms_find(signalling->rooms, slug);
    }
    return NULL;
}

/* Who asks for something that a ticket is good for gets one that keeps their turn, unless they have it. */
static void put_off(struct signalling *signalling, int fd, const char *head)
{
    char answer[ANSWER_BYTES], ticket[TICKET_CHARS + 1];
    struct room *room = room_of(signalling, head);
    if (room != NULL)
        room_count_arrival(room, ARRIVAL_PUT_OFF, clients_network(signalling, fd));
    bool is_new = is_post(head) && !has_field(head, "\r\nauthorization:");
    if (!is_new || rooms_put_off(signalling->rooms, ticket) != 0) {
        clients_refuse(signalling, fd);
        return;
    }
    (void)snprintf(answer, sizeof(answer),
                   "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"
                   "Content-Type: application/problem+json\r\nContent-Length: %zu\r\n"
                   "Access-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n" PUT_OFF,
                   sizeof(PUT_OFF) - sizeof("%s") + TICKET_CHARS, ticket);
    clients_refuse_with(signalling, fd, answer);
}

/* Who has sent nothing yet costs nothing yet. */
static bool may_come_in(struct signalling *signalling, int fd, const char *head, unsigned ms)
{
    unsigned most_ms = is_post(head) ? WAIT_MOST_MS : PAGE_WAIT_MOST_MS;
    return head[0] == '\0' || ms <= most_ms || is_expected(head) ||
           clients_are_familiar(signalling, fd);
}

/* Until one has not waited: nobody behind it has. */
static bool take_expected(struct signalling *signalling, int fd)
{
    char head[PEEKED_BYTES];
    unsigned ms = waited_ms(fd);
    ssize_t bytes = recv(fd, head, sizeof(head) - 1, MSG_PEEK | MSG_DONTWAIT);
    head[bytes > 0 ? bytes : 0] = '\0';
    if (may_come_in(signalling, fd, head, ms)) {
        (void)hand_on(signalling, fd);
    } else {
        put_off(signalling, fd, head);
        (void)close(fd);
    }
    return ms > WAIT_MOST_MS;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct acceptor *acceptor = poll->data;
    (void)status;
    (void)events;
    unsigned backlog = backlog_of(acceptor->fd);
    unsigned beyond = backlog > BACKLOG_MOST ? backlog - BACKLOG_MOST : 0;
    unsigned sifted = beyond < SIFTED_AT_ONCE ? beyond : SIFTED_AT_ONCE;
    bool is_caught_up = take_some(acceptor, sifted, take_expected) || sifted == beyond;
    if (is_caught_up)
        (void)take_some(acceptor, TAKEN_AT_ONCE, hand_on);
}

/* ---- listening ---- */

static bool has_ipv6(void)
{
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

static bool is_any(const struct address *address)
{
    static const uint8_t zeros[16];
    return memcmp(address->ip + 12, zeros, 4) == 0 &&
           (address_is_ipv4(address) || memcmp(address->ip, zeros, 12) == 0);
}

/* "Any" is both families, where there are both. */
static int bind_to(int *out, const struct address *address)
{
    struct sockaddr_in6 v6 = address_to_sockaddr(address);
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = v6.sin6_port};
    bool is_ipv4 = is_any(address) ? !has_ipv6() : address_is_ipv4(address);
    int on = 1, off = 0;
    if (is_any(address))
        v6.sin6_addr = in6addr_any;
    memcpy(&v4.sin_addr, address->ip + 12, sizeof(v4.sin_addr));
    int fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    *out = fd;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (!is_ipv4)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
    const struct sockaddr *to =
        is_ipv4 ? (const struct sockaddr *)&v4 : (const struct sockaddr *)&v6;
    if (bind(fd, to, is_ipv4 ? sizeof(v4) : sizeof(v6)) != 0 || listen(fd, INT_MAX) != 0)
        return errno == EADDRINUSE ? ERR_EXIST : ERR_IO;
    return 0;
}

static int port_of(int fd, uint16_t *out)
{
    struct sockaddr_storage own;
    struct address address;
    socklen_t bytes = sizeof(own);
    if (getsockname(fd, (struct sockaddr *)&own, &bytes) != 0 ||
        address_from_any(&address, (const struct sockaddr *)&own) != 0)
        return ERR_IO;
    *out = address.port;
    return 0;
}

static int listen_on(struct acceptor *acceptor, const struct address *address, uint16_t *port)
{
    int err = bind_to(&acceptor->fd, address);
    if (err == 0)
        err = port_of(acceptor->fd, port);
    return err;
}

/* ---- life ---- */

static void on_handle_closed(uv_handle_t *handle)
{
    struct acceptor *acceptor = handle->data;
    if (--acceptor->open_handles == 0)
        free(acceptor);
}

static int watch(struct acceptor *acceptor, uv_loop_t *loop)
{
    acceptor->poll.data = acceptor->pause.data = acceptor;
    if (uv_timer_init(loop, &acceptor->pause) != 0)
        return ERR_NOMEM;
    acceptor->open_handles++;
    if (uv_poll_init(loop, &acceptor->poll, acceptor->fd) != 0)
        return ERR_IO;
    acceptor->open_handles++;
    return uv_poll_start(&acceptor->poll, UV_READABLE, on_readable) == 0 ? 0 : ERR_IO;
}

int acceptor_start(struct signalling *signalling)
{
    struct acceptor *acceptor = calloc(1, sizeof(*acceptor));
    if (acceptor == NULL)
        return ERR_NOMEM;
    acceptor->signalling = signalling;
    acceptor->fd = -1;
    signalling->acceptor = acceptor;
    int err = listen_on(acceptor, &signalling->config->http, &signalling->port);
    return err == 0 ? watch(acceptor, signalling->loop) : err;
}

void acceptor_stop(struct signalling *signalling)
{
    struct acceptor *acceptor = signalling->acceptor;
    signalling->acceptor = NULL;
    if (acceptor == NULL)
        return;
    if (acceptor->open_handles == 2)
        uv_close((uv_handle_t *)&acceptor->poll, on_handle_closed);
    if (acceptor->fd >= 0)
        (void)close(acceptor->fd);
    if (acceptor->open_handles > 0)
        uv_close((uv_handle_t *)&acceptor->pause, on_handle_closed);
    else
        free(acceptor);
}
