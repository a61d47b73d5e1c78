#include "rehearse/door.h"

#include "loop_end.h"

#include "base/clock.h"
#include "rehearse/door_internal.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

enum {
    TURN_BUDGET = 32, /* visits moved on in one turn of the loop: then it reads again */
    STOP_WITHIN_US = 20 * 1000 * 1000,
    DISMISS_EVERY_US = 1000, /* the end of a rehearsal is not to be a storm */
};

/* ---- small things for visits ---- */

void door_count(struct door *door, unsigned from, unsigned to)
{
    if (from == to)
        return;
    atomic_fetch_sub_explicit(&door->counters[from], 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&door->counters[to], 1, memory_order_relaxed);
}

void door_publish(struct door *door)
{
    atomic_store_explicit(&door->now_attempts, door->tally.attempts, memory_order_relaxed);
    atomic_store_explicit(&door->now_disconnects, door->tally.disconnects, memory_order_relaxed);
    atomic_store_explicit(&door->now_late, door->late_answers, memory_order_relaxed);
    atomic_store_explicit(&door->now_unanswered, door->unanswered, memory_order_relaxed);
    atomic_store_explicit(&door->now_joined, door->tally.joined, memory_order_relaxed);
    atomic_store_explicit(&door->now_refused, door->tally.refused, memory_order_relaxed);
    atomic_store_explicit(&door->now_failed, door->tally.failed, memory_order_relaxed);
}

void door_order(struct door *door, const struct ear_order *order)
{
    struct ear_link *link = &door->params.links[order->number % door->params.ears];
    int err = ring_push(link->orders, order, sizeof(*order));
    assert(err == 0); /* link.h says why there is room */
    (void)err;
    wake_ring(&link->order_bell);
}

int door_write_offer(struct visit *visit, char out[OFFER_BYTES_MAX])
{
    struct door *door = visit->door;
    struct plan_listener plan = plan_listener(door->params.crowd->plan, visit->number);
    struct offer_params params = {.session_id =
                                      (uint64_t)visit->number << 24 | (visit->attempt & 0xFFFFFF),
                                  .ufrag = visit->ufrag,
                                  .pwd = visit->pwd,
                                  .fingerprint = dtls_identity_fingerprint(door->params.identity),
                                  .nack = plan.is_lossy};
    struct writer writer = writer_of(out, OFFER_BYTES_MAX);
    int err = offer_write(&params, &writer);
    out[err == 0 ? writer.at : 0] = '\0';
    return err;
}

const struct address *door_source(const struct door *door, uint32_t number)
{
    const struct crowd_params *crowd = door->params.crowd;
    return crowd->source_count == 0 ? NULL : &crowd->sources[number % crowd->source_count];
}

/* ---- the loop ---- */

static void dismiss_all(struct door *door, uint64_t now_us)
{
    if (door->is_dismissed)
        return;
    door->is_dismissed = true;
    for (uint32_t i = 0; i < door->visit_count; i++)
        visit_dismiss(&door->visits[i], now_us, now_us + (uint64_t)i * DISMISS_EVERY_US);
}

static void on_clock(uv_timer_t *timer)
{
    struct door *door = timer->data;
    uint64_t now_us = clock_now_us();
    if (now_us >= door->start_us + door->params.crowd->plan->end_us)
        dismiss_all(door, now_us);
    for (unsigned i = 0; i < TURN_BUDGET; i++) {
        struct timer *first = timers_first(&door->timers);
        if (first == NULL || first->due_us > now_us)
            break;
        visit_tick(first->owner, now_us);
    }
    door_set_clock(door);
}

void door_set_clock(struct door *door)
{
    const struct timer *first = timers_first(&door->timers);
    uint64_t now_us = clock_now_us();
    uint64_t due_us = door->start_us + door->params.crowd->plan->end_us;
    if (door->is_dismissed)
        due_us = VISIT_NEVER;
    if (first != NULL && first->due_us < due_us)
        due_us = first->due_us;
    uint64_t wait_ms = due_us <= now_us ? 0 : (due_us - now_us + 999) / 1000;
    if (due_us == VISIT_NEVER)
        (void)uv_timer_stop(&door->clock);
    else
        (void)uv_timer_start(&door->clock, on_clock, wait_ms, 0);
}

static void take_events(struct door *door, struct ring *events)
{
    const void *record;
    size_t bytes;
    while ((record = ring_peek(events, &bytes)) != NULL) {
        struct ear_event event;
        memcpy(&event, record, sizeof(event));
        ring_release(events);
        visit_on_ear(&door->visits[event.number], &event, clock_now_us());
    }
}

static void spread_wave(struct door *door, const struct wave *wave)
{
    uint64_t now_us = clock_now_us();
    for (uint32_t i = 0; i < wave->count && wave->first + i < door->visit_count; i++)
        visit_wave(&door->visits[wave->first + i], wave, wave->over_us * i / wave->count, now_us);
}

static void take_waves(struct door *door)
{
    const void *record;
    size_t bytes;
    while ((record = ring_peek(door->waves, &bytes)) != NULL) {
        struct wave wave;
        memcpy(&wave, record, sizeof(wave));
        ring_release(door->waves);
        spread_wave(door, &wave);
    }
}

static bool everybody_is_gone(const struct door *door)
{
    return atomic_load_explicit(&door->counters[DOOR_GONE], memory_order_relaxed) ==
           door->visit_count;
}

static void on_bell(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    struct door *door = poll->data;
    wake_hush(door->params.event_bell);
    for (unsigned i = 0; i < door->params.ears; i++)
        take_events(door, door->params.links[i].events);
    take_waves(door);
    if (atomic_load_explicit(&door->is_to_stop, memory_order_acquire))
        dismiss_all(door, clock_now_us());
}

static void close_loop(struct door *door)
{
    (void)uv_timer_stop(&door->clock);
    for (uint32_t i = 0; i < door->visit_count; i++)
        door->visits[i].wsi = door->visits[i].former.wsi = NULL;
    loop_end(&door->loop, &door->context);
}

static void run(void *arg)
{
    struct door *door = arg;
    uint64_t give_up_us = VISIT_NEVER;
    door_set_clock(door);
    while (!everybody_is_gone(door) || give_up_us == VISIT_NEVER) {
        (void)uv_run(&door->loop, UV_RUN_ONCE);
        bool is_to_stop = atomic_load_explicit(&door->is_to_stop, memory_order_acquire);
        if (is_to_stop && give_up_us == VISIT_NEVER)
            give_up_us = clock_now_us() + STOP_WITHIN_US;
        if (clock_now_us() >= give_up_us)
            break;
    }
    close_loop(door);
}

/* ---- making ---- */

static int find_server(struct door *door)
{
    const struct crowd_params *crowd = door->params.crowd;
    struct origin *origin = &door->origin;
    if (origin_parse(origin, crowd->server) != 0)
        return ERR_INVAL;
    int err = nodes_init(&door->nodes, crowd->server);
    if (err != 0)
        return err;
    address_write_ip(&crowd->address, door->addresses[NODES_HOME]);
    (void)snprintf(door->whep_path, sizeof(door->whep_path), "/whep/%s", crowd->slug);
    (void)snprintf(door->line_path, sizeof(door->line_path), "/api/v1/rooms/%s/line", crowd->slug);
    return origin->tls ? tls_create(&door->tls, origin->host) : 0;
}

static const struct lws_protocols protocols[] = {
    {.name = WHEP_PROTOCOL, .callback = whep_on_event},
    {.name = SOCKET_PROTOCOL, .callback = socket_on_event},
    {.name = NULL}};

/* Once for each node, however many are sent there. */
static int resolve(const char *host, char out[ADDRESS_TEXT_MAX])
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC}, *list;
    if (getaddrinfo(host, NULL, &hints, &list) != 0)
        return ERR_IO;
    int err = getnameinfo(list->ai_addr, list->ai_addrlen, out, ADDRESS_TEXT_MAX, NULL, 0,
                          NI_NUMERICHOST);
    freeaddrinfo(list);
    return err == 0 ? 0 : ERR_IO;
}

int door_find_node(struct door *door, unsigned *out, const char *url)
{
    unsigned at;
    int err = nodes_find(&door->nodes, &at, url, door->context, protocols);
    if (err == 0 && door->addresses[at][0] == '\0')
        err = resolve(door->nodes.list[at].origin.host, door->addresses[at]);
    if (err == 0)
        *out = at;
    return err;
}

const char *door_node_url(const struct door *door, unsigned node)
{
    return door->nodes.list[node].url;
}

static int make_context(struct door *door)
{
    /* No pings of ours: pages cannot send any, the server does. */
    static const lws_retry_bo_t no_pings = {.secs_since_valid_ping = 0};
    void *loops[] = {&door->loop};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .pcontext = &door->context,
        .foreign_loops = loops,
        .retry_and_idle_policy = &no_pings,
        .provided_client_ssl_ctx = door->tls,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
    };
    lws_set_log_level(0, NULL);
    door->context = lws_create_context(&info);
    return door->context != NULL ? 0 : ERR_NOMEM;
}

static int make_loop(struct door *door)
{
    if (uv_loop_init(&door->loop) != 0)
        return ERR_NOMEM;
    door->has_loop = true;
    (void)uv_timer_init(&door->loop, &door->clock);
    door->clock.data = door->bell.data = door;
    if (uv_poll_init(&door->loop, &door->bell, door->params.event_bell->fd) != 0 ||
        uv_poll_start(&door->bell, UV_READABLE, on_bell) != 0)
        return ERR_IO;
    return make_context(door);
}

int door_create(struct door **out, const struct door_params *params)
{
    struct door *door = calloc(1, sizeof(*door));
    if (door == NULL)
        return ERR_NOMEM;
    door->params = *params;
    door->visit_count = params->crowd->plan->params.listeners;
    door->visits = calloc(door->visit_count, sizeof(*door->visits));
    int err = door->visits == NULL ? ERR_NOMEM : find_server(door);
    if (err == 0)
        err = ring_create(&door->waves, DOOR_WAVES_BYTES);
    if (err == 0)
        err = make_loop(door);
    if (err != 0) {
        door_destroy(door);
        return err;
    }
    *out = door;
    return 0;
}

static uint64_t moment_of(const struct door *door, uint64_t plan_us)
{
    return plan_us == UINT64_MAX ? VISIT_NEVER : door->start_us + plan_us;
}

int door_start(struct door *door, uint64_t start_us)
{
    door->start_us = start_us;
    for (uint32_t i = 0; i < door->visit_count; i++) {
        struct visit *visit = &door->visits[i];
        struct plan_listener plan = plan_listener(door->params.crowd->plan, i);
        *visit = (struct visit){.door = door,
                                .state = VISIT_WAITING,
                                .way = plan.way,
                                .counter = DOOR_WAITING,
                                .number = i,
                                .due_us = moment_of(door, plan.join_us),
                                .leave_us = moment_of(door, plan.leave_us),
                                .return_us = moment_of(door, plan.return_us),
                                .then_us = VISIT_NEVER,
                                .stand = STANDS_NONE,
                                .asks_line = plan.asks_line,
                                .retry_after_us = VISIT_NEVER};
        if (timers_add(&door->timers, &visit->timer, visit, visit->due_us) != 0)
            return ERR_NOMEM;
    }
    atomic_store(&door->counters[DOOR_WAITING], door->visit_count);
    return thread_start(&door->thread, "door", THREAD_ANY, run, door);
}

void door_look(struct door *door, struct door_now *out)
{
    *out = (struct door_now){
        .waiting = atomic_load_explicit(&door->counters[DOOR_WAITING], memory_order_relaxed),
        .joining = atomic_load_explicit(&door->counters[DOOR_JOINING], memory_order_relaxed),
        .lined = atomic_load_explicit(&door->counters[DOOR_LINED], memory_order_relaxed),
        .missing = atomic_load_explicit(&door->missing, memory_order_relaxed),
        .seated = atomic_load_explicit(&door->counters[DOOR_HEARING], memory_order_relaxed),
        .gone = atomic_load_explicit(&door->counters[DOOR_GONE], memory_order_relaxed),
        .attempts = atomic_load_explicit(&door->now_attempts, memory_order_relaxed),
        .disconnects = atomic_load_explicit(&door->now_disconnects, memory_order_relaxed),
        .late_answers = atomic_load_explicit(&door->now_late, memory_order_relaxed),
        .unanswered = atomic_load_explicit(&door->now_unanswered, memory_order_relaxed),
        .joined = atomic_load_explicit(&door->now_joined, memory_order_relaxed),
        .refused = atomic_load_explicit(&door->now_refused, memory_order_relaxed),
        .failed = atomic_load_explicit(&door->now_failed, memory_order_relaxed),
        .is_over = everybody_is_gone(door)};
    uint32_t answered = atomic_load_explicit(&door->counters[DOOR_ANSWERED], memory_order_relaxed);
    out->joining += answered;
    out->seated += answered;
}

int door_wave(struct door *door, const struct wave *wave)
{
    int err = ring_push(door->waves, wave, sizeof(*wave));
    wake_ring(door->params.event_bell);
    return err;
}

void door_set_part(struct door *door, unsigned part)
{
    atomic_store_explicit(&door->part, part, memory_order_relaxed);
}

void door_stop(struct door *door)
{
    atomic_store_explicit(&door->is_to_stop, true, memory_order_release);
    wake_ring(door->params.event_bell);
    thread_join(&door->thread);
    door->has_loop = false; /* the thread closed it */
}

const struct tally *door_tally(const struct door *door)
{
    return &door->tally;
}

const struct stands *door_stands(const struct door *door)
{
    return &door->stands;
}

void door_destroy(struct door *door)
{
    if (door == NULL)
        return;
    if (door->has_loop)
        close_loop(door);
    for (uint32_t i = 0; door->visits != NULL && i < door->visit_count; i++)
        visit_clear(&door->visits[i]);
    SSL_CTX_free(door->tls);
    nodes_clear(&door->nodes);
    timers_clear(&door->timers);
    stands_clear(&door->stands);
    ring_destroy(door->waves);
    free(door->visits);
    free(door);
}
