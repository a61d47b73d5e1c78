#include "tree/redis_dial.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ADDRESSES_MAX = 4, PATIENCE_US = 500 * 1000 };

enum state { IDLE, LOOKING, CONNECTING };

struct look_up { /* outlives the dial if it hangs */
    uv_getaddrinfo_t request;
    struct redis_dial *dial; /* NULL: gone meanwhile */
};

struct redis_dial {
    uv_loop_t *loop; /* borrowed */
    struct redis_url url;
    redis_dialled *on_dialled;
    void *ctx;
    enum state state;
    uint64_t looking_us; /* when it began */
    struct look_up *look_up;
    struct redis_wire *wire; /* while connecting */
    struct sockaddr_storage addresses[ADDRESSES_MAX];
    unsigned address_count, next;
    bool is_numeric;
};

static void free_wire(uv_handle_t *handle)
{
    free(handle->data);
}

void redis_wire_close(struct redis_wire *wire)
{
    if (wire == NULL)
        return;
    wire->dial = NULL;
    wire->owner = NULL;
    uv_close(&wire->handle, free_wire);
}

static void finish(struct redis_dial *dial, struct redis_wire *wire, const char *why)
{
    dial->state = IDLE;
    dial->on_dialled(dial->ctx, wire, why);
}

static void on_connected(uv_connect_t *request, int status)
{
    struct redis_wire *wire = request->data;
    struct redis_dial *dial = wire->dial;
    if (dial == NULL)
        return; /* it is being closed */
    dial->wire = NULL;
    wire->dial = NULL;
    if (status == 0) {
        finish(dial, wire, NULL);
        return;
    }
    redis_wire_close(wire);
    finish(dial, NULL, uv_err_name(status));
}

static int connect_wire(struct redis_dial *dial, struct redis_wire *wire)
{
    wire->connect.data = wire;
    if (dial->url.path[0] != '\0') {
        uv_pipe_connect(&wire->connect, &wire->pipe, dial->url.path, on_connected);
        return 0;
    }
    const struct sockaddr_storage *to = &dial->addresses[dial->next++ % dial->address_count];
    (void)uv_tcp_nodelay(&wire->tcp, 1);
    return uv_tcp_connect(&wire->connect, &wire->tcp, (const struct sockaddr *)to, on_connected);
}

static int connect_now(struct redis_dial *dial)
{
    struct redis_wire *wire = calloc(1, sizeof(*wire));
    if (wire == NULL)
        return ERR_NOMEM;
    int failed = dial->url.path[0] != '\0' ? uv_pipe_init(dial->loop, &wire->pipe, 0)
                                           : uv_tcp_init(dial->loop, &wire->tcp);
    if (failed != 0) {
        free(wire);
        return ERR_IO;
    }
    wire->handle.data = wire;
    if (connect_wire(dial, wire) != 0) {
        redis_wire_close(wire);
        return ERR_IO;
    }
    wire->dial = dial;
    dial->wire = wire;
    dial->state = CONNECTING;
    return 0;
}

static void connect_or_fail(struct redis_dial *dial, const char *why)
{
    if (dial->address_count == 0)
        finish(dial, NULL, why);
    else if (connect_now(dial) != 0)
        finish(dial, NULL, "no_socket");
}

static void keep_addresses(struct redis_dial *dial, const struct addrinfo *found)
{
    unsigned count = 0;
    for (; found != NULL && count < ADDRESSES_MAX; found = found->ai_next)
        if (found->ai_addrlen <= sizeof(dial->addresses[0]))
            memcpy(&dial->addresses[count++], found->ai_addr, found->ai_addrlen);
    if (count > 0)
        dial->address_count = count;
}

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct look_up *look_up = request->data;
    struct redis_dial *dial = look_up->dial;
    free(look_up);
    if (dial != NULL) {
        dial->look_up = NULL;
        if (status == 0)
            keep_addresses(dial, found);
        if (dial->state == LOOKING)
            connect_or_fail(dial, "name_not_found");
    }
    uv_freeaddrinfo(found);
}

static int begin_look_up(struct redis_dial *dial)
{
    struct look_up *look_up = calloc(1, sizeof(*look_up));
    if (look_up == NULL)
        return ERR_NOMEM;
    char port[8];
    (void)snprintf(port, sizeof(port), "%u", dial->url.port);
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    look_up->request.data = look_up;
    look_up->dial = dial;
    if (uv_getaddrinfo(dial->loop, &look_up->request, on_found, dial->url.host, port, &hints) !=
        0) {
        free(look_up);
        return ERR_IO;
    }
    dial->look_up = look_up;
    return 0;
}

/* An address that is written as a number needs no look-up. */
static void read_numeric(struct redis_dial *dial)
{
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
    if (uv_ip4_addr(dial->url.host, dial->url.port, &ipv4) == 0)
        memcpy(&dial->addresses[0], &ipv4, sizeof(ipv4));
    else if (uv_ip6_addr(dial->url.host, dial->url.port, &ipv6) == 0)
        memcpy(&dial->addresses[0], &ipv6, sizeof(ipv6));
    else
        return;
    dial->is_numeric = true;
    dial->address_count = 1;
}

int redis_dial_create(struct redis_dial **out, uv_loop_t *loop, const struct redis_url *url,
                      redis_dialled *on_dialled, void *ctx)
{
    struct redis_dial *dial = calloc(1, sizeof(*dial));
    if (dial == NULL)
        return ERR_NOMEM;
    dial->loop = loop;
    dial->url = *url;
    dial->on_dialled = on_dialled;
    dial->ctx = ctx;
    read_numeric(dial);
    *out = dial;
    return 0;
}

int redis_dial_start(struct redis_dial *dial, uint64_t now_us)
{
    if (dial->is_numeric || dial->url.path[0] != '\0')
        return connect_now(dial);
    int err = dial->look_up == NULL ? begin_look_up(dial) : 0;
    if (err != 0)
        return err;
    dial->state = LOOKING;
    dial->looking_us = now_us;
    return 0;
}

void redis_dial_tick(struct redis_dial *dial, uint64_t now_us)
{
    if (dial->state == LOOKING && dial->address_count > 0 &&
        now_us > dial->looking_us + PATIENCE_US)
        connect_or_fail(dial, "name_not_found");
}

void redis_dial_cancel(struct redis_dial *dial)
{
    redis_wire_close(dial->wire);
    dial->wire = NULL;
    dial->state = IDLE;
}

void redis_dial_destroy(struct redis_dial *dial)
{
    if (dial == NULL)
        return;
    redis_dial_cancel(dial);
    if (dial->look_up != NULL) {
        dial->look_up->dial = NULL;
        (void)uv_cancel((uv_req_t *)&dial->look_up->request);
    }
    explicit_bzero(&dial->url, sizeof(dial->url));
    free(dial);
}
