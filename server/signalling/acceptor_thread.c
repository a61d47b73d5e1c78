/* acceptor_thread.c - takes a crowd's connections from the kernel, hands them on, and puts off who would wait too
 * long. */
#include "signalling/acceptor_internal.h"

#include "base/clock.h"
#include "base/random.h"
#include "room/room.h"
#include "signalling/anteroom.h"
#include "signalling/clients.h"
#include "signalling/put_off.h"
#include "telemetry/log.h"
#include "telemetry/process.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    /* So many may wait for control; more wait in the kernel, with their requests. */
    HANDED_ON_MOST = 256,
    LET_IN_BELOW = 32,      /* wait for control: then newcomers come in, too */
    TOLD_AT_ONCE = 256,     /* put off: to wake control for each costs it more than to count them */
    PUSHED_BYTES = 1 << 16, /* the most in a turn: all of the anteroom, and one more */
    DESCRIPTORS_SPARED = 256, /* for files and the like */
    PEEKED_BYTES = 2048,
    CONTROL_US = 10 * 1000, /* between two looks at control */
    LOOK_US = 1000,         /* while somebody must wait: whether it is still so */
    PAUSE_US = 100 * 1000,  /* when descriptors or memory are used up: some will be free again */
};

static const double LATEST = 0.1; /* share of the latest look in what is smoothed */

/* The thread's own. */
struct taker {
    struct acceptor *acceptor; /* borrowed */
    struct anteroom anteroom;
    int waiters_below;          /* descriptors: who gets a higher one does not wait */
    unsigned untold;            /* words of who was put off for which no bell has rung */
    uint64_t looked_us;         /* at control... */
    struct process_run control; /* ...as it was then */
    double ran_us, busy_us;     /* of it, between two looks: smoothed */
    double spare_us;            /* what it could have done besides, in all */
};

enum outlook {
    OUTLOOK_MORE,   /* somebody may wait still */
    OUTLOOK_NOBODY, /* until somebody comes */
    OUTLOOK_FULL,   /* until control has taken some */
    OUTLOOK_PAUSE,  /* for PAUSE_US */
};

static struct tcp_info tcp_info_of(int fd)
{
    struct tcp_info info = {0};
    socklen_t bytes = sizeof(info);
    (void)getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes);
    return info;
}

/* What tcpi_unacked is of a listening socket. */
unsigned acceptor_backlog(const struct acceptor *acceptor)
{
    return tcp_info_of(acceptor->fd).tcpi_unacked;
}

/* Since its request came, or if none did, since it is there. */
static unsigned waited_ms(int fd)
{
    return tcp_info_of(fd).tcpi_last_data_recv;
}

static void tell(struct taker *taker)
{
    taker->untold = 0;
    wake_ring(&taker->acceptor->bell);
}

/* take_one() has seen that there is room. */
static void push(const struct taker *taker, const struct accepted *accepted)
{
    int err = ring_push(taker->acceptor->accepted, accepted, sizeof(*accepted));
    assert(err == 0);
    (void)err;
}

static void hand_on(struct taker *taker, int fd)
{
    (void)atomic_fetch_add(&taker->acceptor->handed_on, 1);
    push(taker, &(struct accepted){.fd = fd});
    tell(taker);
}

/* ---- putting off ---- */

/* Who asks for a seat gets a ticket that keeps their turn, unless they have one. */
static void say_come_again(const struct taker *taker, const struct waiter *waiter)
{
    char answer[PUT_OFF_BYTES], ticket[TICKET_CHARS + 1];
    const char *words = CLIENTS_COME_AGAIN;
    bool is_new = waiter->head.room[0] != '\0' && !waiter->head.has_credentials;
    if (waiter->head.is_page) {
        put_off_page(answer, random_u32());
        words = answer;
    } else if (is_new && rooms_put_off(taker->acceptor->signalling->rooms, ticket) == 0) {
        put_off_with_ticket(answer, ticket);
        words = answer;
    }
    clients_turn_away(waiter->fd, words);
}

static void put_off(struct taker *taker, const struct waiter *waiter)
{
    bool is_proxy =
        taker->acceptor->signalling->config->trust_forwarded && address_is_loopback(&waiter->peer);
    struct accepted word = {.fd = -1, .network = is_proxy ? 0 : address_network(&waiter->peer)};
    memcpy(word.room, waiter->head.room, sizeof(word.room));
    say_come_again(taker, waiter);
    (void)close(waiter->fd);
    push(taker, &word);
    if (++taker->untold == TOLD_AT_ONCE)
        tell(taker);
}

/* ---- one at a time ---- */

static enum outlook outlook_after(int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
    case ENOBUFS:
    case ENOMEM:
        log_warn("signalling.not_accepted", "error=%s", strerror(error));
        return OUTLOOK_PAUSE;
    case ECONNABORTED:
    case EINTR:
        return OUTLOOK_MORE;
    default:
        return OUTLOOK_NOBODY;
    }
}

static enum outlook take(struct taker *taker, struct waiter *out)
{
    struct sockaddr_storage from;
    socklen_t bytes = sizeof(from);
    out->fd = accept4(taker->acceptor->fd, (struct sockaddr *)&from, &bytes,
                      SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (out->fd < 0)
        return outlook_after(errno);
    if (address_from_any(&out->peer, (const struct sockaddr *)&from) != 0)
        out->peer = (struct address){0};
    return OUTLOOK_MORE;
}

/* Who was given a seat comes with its ticket, or for the WebSocket; and a page that was begun wants its parts: that
 * proves nothing, but it tells those on their way in from those who only come now, or come again. Who has sent nothing
 * yet costs nothing yet. */
static bool is_expected(const struct taker *taker, const struct waiter *waiter)
{
    const struct request_head *head = &waiter->head;
    return head->is_empty || head->is_upgrade || head->is_asset ||
           (head->has_credentials && !head->was_put_off) ||
           familiar_has(&taker->acceptor->signalling->familiar, &waiter->peer, clock_now_us());
}

static void sort(struct taker *taker, struct waiter *waiter)
{
    char bytes[PEEKED_BYTES];
    ssize_t got = recv(waiter->fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    request_head_read(&waiter->head, slice_of(bytes, got > 0 ? (size_t)got : 0));
    if (is_expected(taker, waiter)) {
        hand_on(taker, waiter->fd);
        return;
    }
    if (waiter->fd >= taker->waiters_below) {
        put_off(taker, waiter);
        return;
    }
    waiter->since_us = clock_now_us() - (uint64_t)waited_ms(waiter->fd) * 1000;
    anteroom_add(&taker->anteroom, waiter);
}

/* Time in which it was ready and got no processor is none that it had to spare; and the less of the processor
 * it gets of the time in which it would run, the less it could have done in the rest. That it waited is known
 * only when it ran again, so that now and then some is taken back. */
static void look_at_control(struct taker *taker, uint64_t now_us)
{
    struct process_run run = {0}; /* where the kernel does not tell, it is taken for idle */
    if (now_us < taker->looked_us + CONTROL_US)
        return;
    (void)process_thread_run(&run, (int)getpid());
    double ran_us = (double)(run.cpu_ns - taker->control.cpu_ns) / 1000;
    double busy_us = ran_us + (double)(run.waited_ns - taker->control.waited_ns) / 1000;
    double idle_us = (double)(now_us - taker->looked_us) - busy_us;
    taker->ran_us += (ran_us - taker->ran_us) * LATEST;
    taker->busy_us += (busy_us - taker->busy_us) * LATEST;
    taker->spare_us += taker->busy_us > 0 ? idle_us * taker->ran_us / taker->busy_us : idle_us;
    taker->looked_us = now_us;
    taker->control = run;
}

static void look_anew(struct taker *taker)
{
    taker->looked_us = clock_now_us();
    taker->ran_us = taker->busy_us = 0;
    (void)process_thread_run(&taker->control, (int)getpid());
}

static void look_into_anteroom(struct taker *taker, unsigned handed_on)
{
    struct waiter waiter;
    uint64_t now_us = clock_now_us();
    while (anteroom_give_up(&taker->anteroom, now_us, &waiter))
        put_off(taker, &waiter);
    look_at_control(taker, now_us);
    while (handed_on++ < LET_IN_BELOW &&
           anteroom_let_in(&taker->anteroom, taker->spare_us, &waiter))
        hand_on(taker, waiter.fd);
}

static void give_back(struct taker *taker)
{
    atomic_store(&taker->acceptor->is_crowded, false);
    tell(taker);
}

static enum outlook take_one(struct taker *taker)
{
    struct acceptor *acceptor = taker->acceptor;
    struct waiter next;
    unsigned handed_on = atomic_load(&acceptor->handed_on);
    if (ring_reserve(acceptor->accepted, PUSHED_BYTES) == NULL)
        return OUTLOOK_PAUSE; /* control stands still */
    look_into_anteroom(taker, handed_on);
    if (handed_on >= HANDED_ON_MOST)
        return OUTLOOK_FULL;
    enum outlook outlook = take(taker, &next);
    if (next.fd >= 0)
        sort(taker, &next);
    else if (outlook == OUTLOOK_NOBODY && handed_on == 0 && anteroom_is_empty(&taker->anteroom))
        give_back(taker);
    return outlook;
}

/* ---- the loop ---- */

static void wait_for_more(struct taker *taker, enum outlook outlook)
{
    struct acceptor *acceptor = taker->acceptor;
    struct pollfd both[] = {{.fd = acceptor->stir.fd, .events = POLLIN},
                            {.fd = acceptor->fd, .events = POLLIN}};
    struct timespec pause = {.tv_nsec = (outlook == OUTLOOK_PAUSE ? PAUSE_US : LOOK_US) * 1000L};
    if (outlook == OUTLOOK_MORE)
        return;
    atomic_store(&acceptor->waits_for_room, true);
    (void)ppoll(both, outlook == OUTLOOK_NOBODY ? 2 : 1, &pause, NULL);
    atomic_store(&acceptor->waits_for_room, false);
    wake_hush(&acceptor->stir);
}

static void take_crowd(struct taker *taker)
{
    look_anew(taker);
    while (!atomic_load(&taker->acceptor->is_ending)) {
        enum outlook outlook = take_one(taker);
        if (!atomic_load(&taker->acceptor->is_crowded))
            return;
        wait_for_more(taker, outlook);
    }
}

/* The kernel gives the lowest that is free, so a high one says that few are. */
static int descriptors_for_waiters(void)
{
    struct rlimit limit;
    bool is_bounded = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < INT_MAX;
    return is_bounded ? (int)limit.rlim_cur - DESCRIPTORS_SPARED : INT_MAX;
}

static void close_waiting(struct taker *taker)
{
    struct waiter waiter;
    while (anteroom_give_up(&taker->anteroom, UINT64_MAX, &waiter))
        (void)close(waiter.fd);
}

void acceptor_run(void *shared)
{
    struct acceptor *acceptor = shared;
    struct taker taker = {.acceptor = acceptor, .waiters_below = descriptors_for_waiters()};
    struct pollfd stir = {.fd = acceptor->stir.fd, .events = POLLIN};
    while (!atomic_load(&acceptor->is_ending)) {
        if (atomic_load(&acceptor->is_crowded)) {
            take_crowd(&taker);
            continue;
        }
        (void)poll(&stir, 1, -1);
        wake_hush(&acceptor->stir);
    }
    close_waiting(&taker);
}
