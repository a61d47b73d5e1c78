#include "signalling/acceptor.h"

#include "room/room.h"
#include "signalling/acceptor_internal.h"
#include "signalling/clients.h"
#include "signalling/doorstep.h"

#include <errno.h>
#include <libwebsockets.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SILENT_S = 1,             /* so long the kernel keeps who has sent nothing */
    CROWD = 256,              /* so many wait in the kernel */
    TAKEN_AT_ONCE = 32,       /* connections; then those that are open are read */
    ACCEPTED_BYTES = 1 << 19, /* some 5000, nearly all of them words of who was put off */
};

/* ---- taking ---- */

/* A failed adoption closes the socket itself. */
static void adopt(struct signalling *signalling, int fd)
{
    struct address peer;
    int on = 1;
    if (!clients_admit(signalling, fd, &peer) || doorstep_answer(signalling, fd, &peer)) {
        (void)close(fd);
        return;
    }
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    (void)lws_adopt_socket_vhost(signalling->vhost, fd);
}

static void count_put_off(struct signalling *signalling, const struct accepted *accepted)
{
    signalling_count(&signalling->counts.refused);
    rooms_count_put_off(signalling->rooms, accepted->room, accepted->network);
}

static unsigned take_some(struct acceptor *acceptor)
{
    unsigned taken = 0;
    size_t bytes;
    for (const struct accepted *next;
         taken < TAKEN_AT_ONCE && (next = ring_peek(acceptor->accepted, &bytes)) != NULL;
         ring_release(acceptor->accepted)) {
        if (next->fd < 0) {
            count_put_off(acceptor->signalling, next);
        } else {
            adopt(acceptor->signalling, next->fd);
            taken++;
        }
    }
    return taken;
}

/* Also where descriptors or memory are used up: the thread may wait until some are free. */
static void give_over(struct acceptor *acceptor)
{
    (void)uv_poll_stop(acceptor->knocks);
    atomic_store(&acceptor->is_crowded, true);
    wake_ring(&acceptor->stir);
}

static void on_knock(uv_poll_t *poll, int status, int events)
{
    struct acceptor *acceptor = poll->data;
    (void)status;
    (void)events;
    if (acceptor_backlog(acceptor) > CROWD) {
        give_over(acceptor);
        return;
    }
    for (unsigned i = 0; i < TAKEN_AT_ONCE; i++) {
        int fd = accept4(acceptor->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            adopt(acceptor->signalling, fd);
        } else if (errno != ECONNABORTED && errno != EINTR) {
            if (errno != EAGAIN)
                give_over(acceptor);
            return;
        }
    }
}

static void on_bell(uv_poll_t *poll, int status, int events)
{
    struct acceptor *acceptor = poll->data;
    (void)status;
    (void)events;
    wake_hush(&acceptor->bell);
    unsigned taken = take_some(acceptor);
    if (taken == TAKEN_AT_ONCE)
        wake_ring(&acceptor->bell); /* there may be more */
    (void)atomic_fetch_sub(&acceptor->handed_on, taken);
    if (atomic_exchange(&acceptor->waits_for_room, false))
        wake_ring(&acceptor->stir);
    if (!atomic_load(&acceptor->is_crowded))
        (void)uv_poll_start(acceptor->knocks, UV_READABLE, on_knock);
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
    int on = 1, off = 0, silent_s = SILENT_S;
    if (is_any(address))
        v6.sin6_addr = in6addr_any;
    memcpy(&v4.sin_addr, address->ip + 12, sizeof(v4.sin_addr));
    int fd = socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return ERR_IO;
    *out = fd;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_DEFER_ACCEPT, &silent_s, sizeof(silent_s));
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

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static int watch(struct acceptor *acceptor, uv_poll_t **out, int fd, uv_poll_cb on_readable)
{
    uv_poll_t *poll = calloc(1, sizeof(*poll));
    if (poll == NULL || uv_poll_init(acceptor->signalling->loop, poll, fd) != 0) {
        free(poll);
        return ERR_NOMEM;
    }
    *out = poll;
    poll->data = acceptor;
    return uv_poll_start(poll, UV_READABLE, on_readable) == 0 ? 0 : ERR_IO;
}

static void unwatch(uv_poll_t *poll)
{
    if (poll != NULL)
        uv_close((uv_handle_t *)poll, free_handle);
}

static int start(struct acceptor *acceptor)
{
    struct signalling *signalling = acceptor->signalling;
    int err = listen_on(acceptor, &signalling->config->http, &signalling->port);
    if (err == 0)
        err = ring_create(&acceptor->accepted, ACCEPTED_BYTES);
    if (err == 0)
        err = wake_init(&acceptor->stir);
    if (err == 0)
        err = wake_init(&acceptor->bell);
    if (err == 0)
        err = watch(acceptor, &acceptor->bells, acceptor->bell.fd, on_bell);
    if (err == 0)
        err = watch(acceptor, &acceptor->knocks, acceptor->fd, on_knock);
    if (err == 0)
        err = thread_start(&acceptor->thread, "acceptor", THREAD_ACCEPTOR, acceptor_run, acceptor);
    acceptor->is_running = err == 0;
    return err;
}

int acceptor_start(struct signalling *signalling)
{
    struct acceptor *acceptor = calloc(1, sizeof(*acceptor));
    if (acceptor == NULL)
        return ERR_NOMEM;
    acceptor->signalling = signalling;
    acceptor->fd = acceptor->bell.fd = acceptor->stir.fd = -1;
    signalling->acceptor = acceptor;
    return start(acceptor);
}

static void end_thread(struct acceptor *acceptor)
{
    atomic_store(&acceptor->is_ending, true);
    wake_ring(&acceptor->stir);
    thread_join(&acceptor->thread);
}

static void close_untaken(struct acceptor *acceptor)
{
    const struct accepted *next;
    size_t bytes;
    for (; (next = ring_peek(acceptor->accepted, &bytes)) != NULL; ring_release(acceptor->accepted))
        if (next->fd >= 0)
            (void)close(next->fd);
    ring_destroy(acceptor->accepted);
}

void acceptor_stop(struct signalling *signalling)
{
    struct acceptor *acceptor = signalling->acceptor;
    signalling->acceptor = NULL;
    if (acceptor == NULL)
        return;
    if (acceptor->is_running)
        end_thread(acceptor);
    unwatch(acceptor->bells);
    unwatch(acceptor->knocks);
    if (acceptor->accepted != NULL)
        close_untaken(acceptor);
    wake_clear(&acceptor->bell);
    wake_clear(&acceptor->stir);
    if (acceptor->fd >= 0)
        (void)close(acceptor->fd);
    free(acceptor);
}
