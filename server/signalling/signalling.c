#include "signalling/signalling.h"

#include "admission/limits.h"
#include "base/clock.h"
#include "room/room.h"
#include "signalling/clients.h"
#include "signalling/http.h"
#include "signalling/links.h"
#include "signalling/listener.h"
#include "signalling/media.h"
#include "signalling/neighbours.h"
#include "signalling/pages.h"
#include "signalling/visitors.h"
#include "signalling/whip.h"
#include "telemetry/log.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    TICK_MS = 1000,
    PREFIXES_MAX = 65536,
    SOCKETS_USUAL = 64,
    NETWORK_TIMES = 4, /* what a network may ask for, in shares of one address */
    RATE_MOST = 1000000,
};

/* Of an address with SOCKETS_USUAL sockets: a whole class behind it may come at 20:00. */
static const struct limits_rate usual_rates[LIMITS_KINDS] = {
    [LIMITS_ASK] = {.per_second = 50, .burst = 400},
    [LIMITS_READ] = {.per_second = 200, .burst = 2000}, /* a page is twenty of them */
    [LIMITS_JOIN] = {.per_second = 20, .burst = 100},   /* two for each who comes */
};

static unsigned scale(unsigned rate, uint64_t times)
{
    uint64_t scaled = rate * times / SOCKETS_USUAL;
    if (scaled < rate)
        return rate;
    return scaled < RATE_MOST ? (unsigned)scaled : RATE_MOST;
}

/* Who lets an address hold more sockets expects more people there: its rates grow as well. */
static struct limits_params limits_of(const struct config *config)
{
    struct limits_params params = {.prefixes_max = PREFIXES_MAX,
                                   .prefix.sockets = config->sockets_per_address,
                                   .network.sockets = config->sockets_per_network};
    for (unsigned i = 0; i < LIMITS_KINDS; i++) {
        const struct limits_rate *usual = &usual_rates[i];
        uint64_t times = config->sockets_per_address;
        params.prefix.rates[i] = (struct limits_rate){.per_second = scale(usual->per_second, times),
                                                      .burst = scale(usual->burst, times)};
        times = times * NETWORK_TIMES;
        params.network.rates[i] = (struct limits_rate){
            .per_second = scale(usual->per_second, times), .burst = scale(usual->burst, times)};
    }
    return params;
}

static void finish_closing(struct signalling *signalling)
{
    void (*on_closed)(void *ctx) = signalling->on_closed;
    signalling->on_closed = NULL;
    if (on_closed != NULL)
        on_closed(signalling->on_closed_ctx);
}

static bool has_visitors(const struct signalling *signalling)
{
    for (const struct client *client = signalling->clients; client != NULL; client = client->next)
        if (client->visitor != NULL)
            return true;
    return false;
}

static bool has_links(const struct signalling *signalling)
{
    return signalling->links != NULL && links_count(signalling->links) > 0;
}

static void on_tick(uv_timer_t *timer)
{
    struct signalling *signalling = timer->data;
    uint64_t now_us = clock_now_us();
    for (struct client *client = signalling->clients; client != NULL; client = client->next) {
        http_tick(client, now_us);
        visitor_tick(client, now_us);
    }
    visitors_tell_some(signalling);
    clients_tick(signalling);
    if (signalling->closing && (now_us > signalling->closed_by_us ||
                                (!has_visitors(signalling) && !has_links(signalling))))
        finish_closing(signalling);
}

static void before_poll(uv_prepare_t *prepare)
{
    struct signalling *signalling = prepare->data;
    signalling->is_polling = true;
}

static void after_poll(uv_check_t *check)
{
    struct signalling *signalling = check->data;
    signalling->is_polling = false;
}

static void free_handle(uv_handle_t *handle)
{
    free(handle);
}

static int make_timer(struct signalling *signalling, uv_timer_t **out)
{
    uv_timer_t *timer = calloc(1, sizeof(*timer));
    if (timer == NULL || uv_timer_init(signalling->loop, timer) != 0) {
        free(timer);
        return ERR_NOMEM;
    }
    timer->data = signalling;
    *out = timer;
    return 0;
}

static int make_poll_marks(struct signalling *signalling)
{
    uv_prepare_t *prepare = calloc(1, sizeof(*prepare));
    uv_check_t *check = calloc(1, sizeof(*check));
    if (prepare == NULL || check == NULL) {
        free(prepare);
        free(check);
        return ERR_NOMEM;
    }
    uv_prepare_init(signalling->loop, prepare); /* these four cannot fail */
    uv_check_init(signalling->loop, check);
    prepare->data = signalling;
    check->data = signalling;
    uv_prepare_start(prepare, before_poll);
    uv_check_start(check, after_poll);
    signalling->before_poll = prepare;
    signalling->after_poll = check;
    return 0;
}

static void end_handle(void *handle)
{
    if (handle != NULL)
        uv_close(handle, free_handle);
}

static int make_links(struct signalling *signalling, const struct signalling_deps *deps)
{
    const struct links_events events = neighbours_events(deps->rooms);
    const struct links_params params = {
        .key = deps->link_key, .id = deps->node_id, .events = &events};
    if (deps->link_key == NULL)
        return 0;
    int err = links_create(&signalling->links, signalling, &params);
    if (err == 0)
        neighbours_connect(deps->rooms, signalling->links);
    return err;
}

int signalling_create(struct signalling **out, const struct signalling_deps *deps,
                      char problem[SIGNALLING_PROBLEM_MAX])
{
    const struct config *config = deps->config;
    struct limits_params params = limits_of(config);
    struct signalling *signalling = calloc(1, sizeof(*signalling));
    int err = ERR_NOMEM;
    if (signalling == NULL)
        goto fail;
    signalling->config = config;
    signalling->rooms = deps->rooms;
    signalling->directory = deps->directory;
    signalling->transport = deps->transport;
    signalling->loop = deps->loop;
    signalling->started_us = clock_now_us();
    signalling->admin = *deps->admin;
    clients_init(signalling);
    err = make_timer(signalling, &signalling->tick);
    if (err == 0)
        err = make_timer(signalling, &signalling->soon);
    if (err == 0)
        err = make_poll_marks(signalling);
    if (err == 0)
        err = limits_create(&signalling->limits, &params);
    if (err == 0)
        err = whip_table_create(&signalling->whips);
    if (err == 0)
        err = make_links(signalling, deps);
    if (err == 0)
        err = pages_load(&signalling->pages, config->web);
    if (err != 0)
        goto fail;
    struct rooms_observer observer = visitors_observer(signalling);
    rooms_observe(deps->rooms, &observer);
    *out = signalling;
    return 0;

fail:
    snprintf(problem, SIGNALLING_PROBLEM_MAX, "Signalling cannot be set up: %s.", error_name(err));
    signalling_destroy(signalling);
    return err;
}

int signalling_start(struct signalling *signalling, char problem[SIGNALLING_PROBLEM_MAX])
{
    int err = listener_start(signalling, problem);
    if (err == 0)
        uv_timer_start(signalling->tick, on_tick, TICK_MS, TICK_MS);
    return err;
}

uint16_t signalling_port(const struct signalling *signalling)
{
    return signalling->port;
}

void signalling_close(struct signalling *signalling, uint32_t retry_after_ms,
                      void (*on_closed)(void *ctx), void *ctx)
{
    log_info("signalling.closing", "connections=%u", signalling->client_count);
    signalling->closing = true;
    signalling->retry_after_ms = retry_after_ms;
    signalling->on_closed = on_closed;
    signalling->on_closed_ctx = ctx;
    signalling->closed_by_us = clock_now_us() + SIGNALLING_CLOSE_WAIT_MS * 1000u;
    visitors_close(signalling);
    whip_end_all(signalling->whips);
    if (signalling->links != NULL)
        links_close(signalling->links);
    /* Soon enough to see the last one go, and never from inside this call. */
    uv_timer_start(signalling->tick, on_tick, 50, 100);
}

void signalling_destroy(struct signalling *signalling)
{
    if (signalling == NULL)
        return;
    if (signalling->rooms != NULL) {
        rooms_observe(signalling->rooms, &(struct rooms_observer){0});
        neighbours_connect(signalling->rooms, NULL);
    }
    links_mute(signalling->links);
    listener_stop(signalling);
    links_destroy(signalling->links);
    whip_table_destroy(signalling->whips);
    visitors_free_watchers(signalling);
    end_handle(signalling->tick);
    end_handle(signalling->soon);
    end_handle(signalling->before_poll);
    end_handle(signalling->after_poll);
    if (signalling->loop != NULL)
        uv_run(signalling->loop, UV_RUN_NOWAIT); /* lets the handles' memory go */
    pages_destroy(signalling->pages);
    limits_destroy(signalling->limits);
    free(signalling);
}
