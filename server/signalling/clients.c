#include "signalling/clients.h"

#include "admission/limits.h"
#include "base/clock.h"
#include "base/random.h"
#include "room/connection.h"
#include "signalling/http.h"
#include "signalling/links_internal.h"
#include "signalling/visitors.h"
#include "telemetry/bounds.h"
#include "telemetry/log.h"
#include "telemetry/process.h"

#include <libwebsockets.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    NEW_MAX = 2048, /* libwebsockets keeps up to 18 kB for a request that is not whole */
    NEW_PATIENCE_US = 1000 * 1000, /* until then it may be on its way, or we have not read it */
    MAKE_WAY_AT_ONCE = 2,          /* for each who comes, so that too many become fewer */
    DESCRIPTORS_OTHERS = 512,      /* hosts' media, files, rings, the database */
    SOCKETS_LEAST = 64,            /* however few there are */
    RESERVE_SHARE = 8,             /* an eighth of the sockets, within: */
    RESERVE_LEAST = 4,
    RESERVE_MOST = 64,
    MEMORY_PERCENT = 90, /* of what the system lets us have; then we are short, too */
    RETRY_JOIN_MS = 2000,
    REFUSED_BYTES = 4096,
    UNSENT_BYTES = 64 * 1024, /* that the kernel keeps for one who does not read */
};

void clients_init(struct signalling *signalling)
{
    struct bounds bounds;
    bounds_read(&bounds, "");
    unsigned sockets = signalling->config->sockets_max;
    if (bounds.descriptors < (uint64_t)sockets + DESCRIPTORS_OTHERS)
        sockets = bounds.descriptors > DESCRIPTORS_OTHERS + SOCKETS_LEAST
                      ? (unsigned)(bounds.descriptors - DESCRIPTORS_OTHERS)
                      : SOCKETS_LEAST;
    unsigned reserve = sockets / RESERVE_SHARE;
    if (reserve > RESERVE_MOST)
        reserve = RESERVE_MOST;
    if (reserve < RESERVE_LEAST)
        reserve = RESERVE_LEAST;
    signalling->sockets_max = sockets;
    signalling->sockets_reserved = reserve;
    signalling->memory_bytes = bounds.memory_bytes;
}

void clients_tick(struct signalling *signalling)
{
    if (signalling->memory_bytes == BOUNDS_NONE)
        return;
    bool is_low = process_rss_bytes() / MEMORY_PERCENT > signalling->memory_bytes / 100;
    if (is_low && !signalling->is_low_on_memory)
        log_warn("memory.low", "hint=no_more_listeners_until_some_is_free");
    signalling->is_low_on_memory = is_low;
}

static unsigned in_use(const struct signalling *signalling)
{
    return signalling->client_count + signalling->reply_descriptors;
}

/* Those who make way already are as good as gone. */
bool clients_are_short(const struct signalling *signalling)
{
    return signalling->is_low_on_memory ||
           in_use(signalling) - signalling->making_way >
               signalling->sockets_max - signalling->sockets_reserved;
}

/* ---- those who wait ---- */

void client_wait(struct client *client, enum client_wait wait)
{
    struct signalling *signalling = client->signalling;
    if (client->wait != CLIENT_BUSY) {
        struct waiting *former = &signalling->waiting[client->wait];
        *(client->older != NULL ? &client->older->newer : &former->oldest) = client->newer;
        *(client->newer != NULL ? &client->newer->older : &former->newest) = client->older;
        former->count--;
    }
    client->wait = wait;
    if (wait == CLIENT_BUSY)
        return;
    struct waiting *waiting = &signalling->waiting[wait];
    client->waits_us = clock_now_us();
    client->older = waiting->newest;
    client->newer = NULL;
    *(waiting->newest != NULL ? &waiting->newest->newer : &waiting->oldest) = client;
    waiting->newest = client;
    waiting->count++;
}

static void make_way(struct client *client)
{
    signalling_count(&client->signalling->counts.made_way);
    client->signalling->making_way++;
    client->makes_way = true;
    client_wait(client, CLIENT_BUSY);
    client_cut(client);
}

static struct client *longest_waiting(const struct signalling *signalling)
{
    struct client *new = signalling->waiting[CLIENT_NEW].oldest;
    struct client *idle = signalling->waiting[CLIENT_IDLE].oldest;
    if (new == NULL || idle == NULL)
        return new != NULL ? new : idle;
    return new->waits_us < idle->waits_us ? new : idle;
}

/* ---- in and out ---- */

static bool peer_of(int fd, struct address *out)
{
    struct sockaddr_storage from;
    socklen_t bytes = sizeof(from);
    return getpeername(fd, (struct sockaddr *)&from, &bytes) == 0 &&
           address_from_any(out, (const struct sockaddr *)&from) == 0;
}

/* Whether there is a place for one more. Only for who will take it may somebody have to make way. */
static bool has_place(struct signalling *signalling, const struct address *peer)
{
    unsigned reserved = signalling->sockets_reserved;
    if (clients_are_short(signalling)) {
        struct client *longest = longest_waiting(signalling);
        if (longest != NULL)
            make_way(longest);
    }
    if (familiar_has(&signalling->familiar, peer, clock_now_us()))
        reserved = 0;
    return in_use(signalling) < signalling->sockets_max - reserved / 2;
}

void clients_turn_away(int fd, const char *answer)
{
    char request[REFUSED_BYTES];
    /* What is closed unread is reset, and the answer may be lost with it. */
    (void)!recv(fd, request, sizeof(request), MSG_DONTWAIT);
    (void)!send(fd, answer, strlen(answer), MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void refuse(struct signalling *signalling, int fd)
{
    signalling_count(&signalling->counts.refused);
    clients_turn_away(fd, CLIENTS_COME_AGAIN);
}

bool clients_admit(struct signalling *signalling, int fd, struct address *peer)
{
    signalling_count(&signalling->counts.accepted);
    if (!peer_of(fd, peer) || !limits_ask(signalling->limits, peer, LIMITS_ASK, clock_now_us()) ||
        !limits_have_socket(signalling->limits, peer) || !has_place(signalling, peer)) {
        refuse(signalling, fd);
        return false;
    }
    return true;
}

/* Too many have not sent a whole request: those go who have had the time for it. */
static void bound_new(struct signalling *signalling)
{
    const struct waiting *silent = &signalling->waiting[CLIENT_NEW];
    uint64_t now_us = clock_now_us();
    for (unsigned n = 0; n < MAKE_WAY_AT_ONCE && silent->count > NEW_MAX; n++) {
        if (now_us < silent->oldest->waits_us + NEW_PATIENCE_US)
            return;
        make_way(silent->oldest);
    }
}

int clients_add(struct signalling *signalling, struct lws *wsi)
{
    const int unsent_bytes = UNSENT_BYTES;
    int fd = lws_get_socket_fd(wsi);
    struct client *client = calloc(1, sizeof(*client));
    if (client == NULL)
        return -1;
    client->signalling = signalling;
    client->wsi = wsi;
    client->fd = fd;
    client->wait = CLIENT_BUSY;
    if (!peer_of(fd, &client->peer) || !limits_take_socket(signalling->limits, &client->peer)) {
        refuse(signalling, fd);
        free(client);
        return -1;
    }
    client->from = client->peer;
    client->next = signalling->clients;
    client->link = &signalling->clients;
    if (client->next != NULL)
        client->next->link = &client->next;
    signalling->clients = client;
    signalling->client_count++;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent_bytes, sizeof(unsent_bytes));
    lws_set_opaque_user_data(wsi, client);
    client_wait(client, CLIENT_NEW);
    bound_new(signalling);
    return 0;
}

void clients_remove(struct lws *wsi)
{
    struct client *client = lws_get_opaque_user_data(wsi);
    if (client == NULL)
        return;
    lws_set_opaque_user_data(wsi, NULL);
    client_wait(client, CLIENT_BUSY);
    http_on_gone(client);
    visitor_gone(client);
    links_on_caller_gone(client);
    *client->link = client->next;
    if (client->next != NULL)
        client->next->link = client->link;
    client->signalling->client_count--;
    client->signalling->making_way -= client->makes_way;
    limits_return_socket(client->signalling->limits, &client->from);
    free(client);
}

bool client_set_from(struct client *client, const struct address *from)
{
    struct signalling *signalling = client->signalling;
    if (memcmp(client->from.ip, from->ip, sizeof(from->ip)) == 0)
        return true;
    if (!limits_ask(signalling->limits, from, LIMITS_ASK, clock_now_us()) ||
        !limits_take_socket(signalling->limits, from)) {
        signalling_count(&signalling->counts.refused);
        return false;
    }
    limits_return_socket(signalling->limits, &client->from);
    client->from = *from;
    return true;
}

static bool say_too_many(struct client *client, struct refusal *refusal)
{
    signalling_count(&client->signalling->counts.too_fast);
    *refusal = (struct refusal){.reason = REFUSAL_TOO_MANY_HERE,
                                .retry_after_ms = RETRY_JOIN_MS + random_u32() % RETRY_JOIN_MS,
                                .message = "Very many come from your address at this moment."};
    return false;
}

bool client_may_join(struct client *client, struct refusal *refusal)
{
    return limits_ask(client->signalling->limits, &client->from, LIMITS_JOIN, clock_now_us()) ||
           say_too_many(client, refusal);
}

bool client_may_listen(struct client *client, struct refusal *refusal)
{
    return client_may_join(client, refusal) &&
           (limits_take_socket(client->signalling->limits, &client->from) ||
            say_too_many(client, refusal));
}

void client_cut(struct client *client)
{
    lws_set_timeout(client->wsi, PENDING_TIMEOUT_USER_OK, LWS_TO_KILL_ASYNC);
    /* libwebsockets looks at its timers after its own events only; this makes one. */
    lws_cancel_service(client->signalling->context);
}
