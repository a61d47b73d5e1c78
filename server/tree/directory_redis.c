/* The directory of a cluster: two connections to Redis, one for commands, one for the words of all nodes. */
#include "tree/directory_redis_internal.h"

#include "base/clock.h"
#include "base/random.h"
#include "config/redis_url.h"
#include "telemetry/log.h"
#include "tree/redis_claims.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    TICK_MS = 100,
    ECHO_US = 2500 * 1000, /* within which our own words have to come back */
};

static struct redis_directory *of(struct directory *directory)
{
    return (struct redis_directory *)directory;
}

/* ---- up and down ---- */

static void on_ready(void *ctx)
{
    struct redis_directory *redis = ctx;
    redis->base.counts.connects++;
    redis->has_echo = false;
    redis->echo_us = clock_now_us(); /* the time to answer begins */
    redis->said_us = 0;
    claim_book_hurry(&redis->base.claims);
}

static void go_down(struct redis_directory *redis, const char *why)
{
    if (!redis->is_up)
        return;
    redis->is_up = false;
    redis->up_us = UINT64_MAX;
    log_warn("directory.down", "why=%s", why);
}

static void on_down(void *ctx, const char *why)
{
    struct redis_directory *redis = ctx;
    redis->has_echo = false;
    go_down(redis, why);
}

/* What we say comes back through both connections, or it is as if there was no Redis. */
static void look(struct redis_directory *redis, uint64_t now_us)
{
    bool is_connected = redis_link_is_ready(redis->commands) && redis_link_is_ready(redis->hearing);
    if (is_connected && now_us > redis->echo_us + ECHO_US) {
        redis_link_drop(redis->hearing, "no_echo");
        go_down(redis, "no_echo");
    } else if (is_connected && redis->has_echo && !redis->is_up) {
        redis->is_up = true;
        redis->up_us = now_us;
        log_info("directory.up", "connects=%llu", (unsigned long long)redis->base.counts.connects);
    }
}

static void tick(struct redis_directory *redis, uint64_t now_us)
{
    uint64_t passed_us = now_us - redis->ticked_us;
    double events = redis->events_left + (double)passed_us * DIRECTORY_EVENTS_PER_S / 1e6;
    redis->ticked_us = now_us;
    redis->events_left = events < DIRECTORY_EVENTS_PER_S ? events : DIRECTORY_EVENTS_PER_S;
    redis->base.now_us = now_us;
    redis_link_tick(redis->hearing, now_us);
    redis_link_tick(redis->commands, now_us);
    look(redis, now_us);
    node_book_expire(&redis->base.nodes, redis->up_us, now_us);
    room_book_expire(&redis->rooms, redis->up_us, now_us);
    if (!redis_link_is_ready(redis->commands))
        return;
    directory_say_all(redis, now_us);
}

static void on_tick(uv_timer_t *timer)
{
    tick(timer->data, clock_now_us());
}

/* ---- what is asked of it ---- */

static enum directory_state state(const struct directory *directory)
{
    return ((const struct redis_directory *)directory)->is_up ? DIRECTORY_UP : DIRECTORY_DOWN;
}

static int claim(struct directory *directory, const char *slug, uint64_t fence)
{
    return claim_book_claim(&directory->claims, slug, fence);
}

static void release(struct directory *directory, const char *slug)
{
    struct redis_directory *redis = of(directory);
    uint64_t fence;
    if (!claim_book_find(&directory->claims, slug, &fence))
        return;
    struct directory_word word = {.kind = DIRECTORY_WORD_ROOMS};
    word.rooms.count = 1;
    word.rooms.list[0] = (struct directory_word_room){.fence = fence, .is_released = true};
    memcpy(word.rooms.list[0].slug, slug, strlen(slug) + 1);
    (void)claim_book_release(&directory->claims, slug);
    int err = redis_claims_release(redis->commands, directory->nodes.views[0].id,
                                   word.rooms.list[0].slug, NULL);
    if (err == 0 && fence != 0)
        err = directory_say(redis, &word);
    if (err != 0)
        log_debug("directory.release", "room=%s left=to_run_out", word.rooms.list[0].slug);
}

static enum directory_answer find(const struct directory *directory, const char *slug,
                                  struct lease *out)
{
    const struct redis_directory *redis = (const struct redis_directory *)directory;
    enum directory_answer answer = room_book_find(&redis->rooms, slug, out);
    if (answer == DIRECTORY_FOUND && redis->is_up && directory_node(directory, out->node) == NULL)
        return DIRECTORY_AWAY; /* it said good-bye */
    return answer == DIRECTORY_NONE && !redis->is_up ? DIRECTORY_UNKNOWN : answer;
}

static int publish(struct directory *directory, const char *topic, struct slice data)
{
    struct redis_directory *redis = of(directory);
    if (!redis->is_up)
        return ERR_AGAIN;
    if (redis->events_left < 1)
        return ERR_FULL;
    struct directory_word word = {.kind = DIRECTORY_WORD_EVENT};
    (void)snprintf(word.event.topic, sizeof(word.event.topic), "%s", topic);
    word.event.data = data;
    int err = directory_say(redis, &word);
    redis->events_left -= err == 0;
    return err;
}

/* ---- begin and end ---- */

static void free_timer(uv_handle_t *handle)
{
    free(handle);
}

static void destroy(struct directory *directory)
{
    struct redis_directory *redis = of(directory);
    struct directory_word word = {.kind = DIRECTORY_WORD_BYE};
    redis->base.observer = (struct directory_observer){.ctx = NULL};
    if (redis->commands != NULL && directory_say(redis, &word) != 0)
        log_debug("directory.bye", "left=to_run_out");
    redis_link_destroy(redis->commands);
    redis_link_destroy(redis->hearing);
    if (redis->timer != NULL)
        uv_close((uv_handle_t *)redis->timer, free_timer);
    room_book_clear(&redis->rooms);
    directory_clear(directory);
    explicit_bzero(&redis->key, sizeof(redis->key));
    free(redis);
}

static int make_timer(struct redis_directory *redis, uv_loop_t *loop)
{
    uv_timer_t *timer = calloc(1, sizeof(*timer));
    if (timer == NULL || uv_timer_init(loop, timer) != 0) {
        free(timer);
        return ERR_NOMEM;
    }
    timer->data = redis;
    redis->timer = timer;
    return uv_timer_start(timer, on_tick, 0, TICK_MS) == 0 ? 0 : ERR_INVAL;
}

static int make_links(struct redis_directory *redis, const struct directory_params *params)
{
    struct redis_link_params link = {.loop = params->loop,
                                     .url = params->redis,
                                     .ctx = redis,
                                     .on_ready = on_ready,
                                     .on_down = on_down,
                                     .on_reply = directory_on_reply};
    int err = redis_link_create(&redis->commands, &link);
    link.channel = redis->channel;
    link.on_reply = NULL;
    link.on_word = directory_on_word;
    return err != 0 ? err : redis_link_create(&redis->hearing, &link);
}

int directory_redis_create(struct directory **out, const struct directory_params *params)
{
    static const struct directory_ops ops = {.destroy = destroy,
                                             .state = state,
                                             .claim = claim,
                                             .release = release,
                                             .find = find,
                                             .publish = publish};
    struct redis_directory *redis = calloc(1, sizeof(*redis));
    if (redis == NULL)
        return ERR_NOMEM;
    random_bytes(&redis->boot, sizeof(redis->boot));
    directory_init(&redis->base, &ops, params->self, redis->boot);
    struct claim_book_events events = {redis, directory_on_claimed, directory_on_lost};
    claim_book_init(&redis->base.claims, params->self->id, &events);
    room_book_init(&redis->rooms);
    redis->key = *params->key;
    redis->up_us = UINT64_MAX;
    redis->base.now_us = redis->ticked_us = clock_now_us();
    (void)snprintf(redis->channel, sizeof(redis->channel), "rostrum:%u:words", params->redis->db);
    int err = make_links(redis, params);
    if (err == 0)
        err = make_timer(redis, params->loop);
    if (err == 0)
        *out = &redis->base;
    else
        destroy(&redis->base);
    return err;
}
