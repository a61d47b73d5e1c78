#include "rehearse/server_view.h"

#include "base/clock.h"
#include "base/thread.h"
#include "rehearse/ask.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SECOND_US = 1000000, PATH_CHARS = 128 };

struct server_view {
    struct asker *asker; /* owned */
    char room_path[PATH_CHARS];
    bool has_token, has_seen_node;
    uint64_t start_us;
    struct node_look before; /* the look that the next rates are counted from */
    char blind_spot[VIEW_WHY_CHARS];
    struct thread thread;
    bool is_running;
    pthread_mutex_t lock; /* guards what follows while the thread runs */
    pthread_cond_t wake;
    bool is_stopping;
    uint32_t rows_used;
    struct server_second rows[VIEW_SECONDS_MAX];
};

/* pthread_cond_timedwait() on the clock of clock_now_us(). */
static int init_wait(struct server_view *view)
{
    pthread_condattr_t monotonic;
    if (pthread_condattr_init(&monotonic) != 0)
        return ERR_NOMEM;
    int failed = pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0 ||
                 pthread_cond_init(&view->wake, &monotonic) != 0;
    (void)pthread_condattr_destroy(&monotonic);
    if (failed)
        return ERR_NOMEM;
    if (pthread_mutex_init(&view->lock, NULL) == 0)
        return 0;
    (void)pthread_cond_destroy(&view->wake);
    return ERR_NOMEM;
}

int server_view_create(struct server_view **out, const struct server_view_params *params)
{
    struct server_view *view = calloc(1, sizeof(*view));
    if (view == NULL)
        return ERR_NOMEM;
    int chars =
        snprintf(view->room_path, sizeof(view->room_path), "/api/v1/rooms/%s", params->slug);
    int err = chars < 0 || chars >= PATH_CHARS ? ERR_INVAL : init_wait(view);
    if (err != 0) {
        free(view);
        return err;
    }
    view->has_token = params->token != NULL;
    err = asker_create(&view->asker, params->server, params->token);
    if (err != 0) {
        server_view_destroy(view);
        return err;
    }
    *out = view;
    return 0;
}

void server_view_destroy(struct server_view *view)
{
    if (view == NULL)
        return;
    server_view_stop(view);
    asker_destroy(view->asker);
    (void)pthread_cond_destroy(&view->wake);
    (void)pthread_mutex_destroy(&view->lock);
    free(view);
}

const char *server_view_why(const struct server_view *view)
{
    const char *why = ask_why(view->asker);
    return why[0] != '\0' ? why : "nonsense";
}

static void say_blind_spot(struct server_view *view)
{
    if (!view->has_token)
        (void)snprintf(view->blind_spot, sizeof(view->blind_spot),
                       "without an admin's token (--token-file) the server's processor, memory and "
                       "packets were not seen");
    else
        (void)snprintf(view->blind_spot, sizeof(view->blind_spot),
                       "the server's processor, memory and packets were not seen: /api/v1/node "
                       "answers %.48s",
                       server_view_why(view));
}

int server_view_look(struct server_view *view, struct node_look *out)
{
    const char *text;
    size_t bytes;
    *out = (struct node_look){0};
    int room = ask(view->asker, view->room_path, &text, &bytes);
    if (room == 0)
        room = look_take_room(out, text, bytes);
    int node = view->has_token ? ask(view->asker, "/api/v1/node", &text, &bytes) : ERR_NOENT;
    out->at_us = clock_now_us();
    if (node == 0)
        node = look_take_node(out, text, bytes);
    if (node == 0) {
        view->has_seen_node = true;
        return 0;
    }
    /* Half a look would be what the next is compared with: what was sent meanwhile, dropped, or
     * failed would be counted nowhere. */
    if (view->has_seen_node)
        return ERR_IO;
    say_blind_spot(view);
    return room == 0 ? 0 : ERR_IO;
}

/* Waits until then. False: the end has come before. */
static bool wait_until(struct server_view *view, uint64_t until_us)
{
    struct timespec until = {.tv_sec = (time_t)(until_us / SECOND_US),
                             .tv_nsec = (long)(until_us % SECOND_US) * 1000};
    (void)pthread_mutex_lock(&view->lock);
    int waited = 0;
    while (!view->is_stopping && waited == 0)
        waited = pthread_cond_timedwait(&view->wake, &view->lock, &until);
    bool goes_on = !view->is_stopping || clock_now_us() >= until_us; /* the last second too */
    (void)pthread_mutex_unlock(&view->lock);
    return goes_on;
}

static void keep(struct server_view *view, const struct node_look *look)
{
    uint64_t second = (look->at_us - view->start_us) / SECOND_US;
    if (second < 1 || second > VIEW_SECONDS_MAX)
        return;
    struct server_second row;
    server_second_make(&row, &view->before, look);
    (void)pthread_mutex_lock(&view->lock);
    view->rows[second - 1] = row;
    view->rows_used = (uint32_t)second;
    (void)pthread_mutex_unlock(&view->lock);
}

static void run(void *arg)
{
    struct server_view *view = arg;
    struct node_look look;
    uint64_t next_us = view->start_us + SECOND_US;
    while (wait_until(view, next_us)) {
        if (server_view_look(view, &look) == 0) {
            keep(view, &look);
            view->before = look;
        }
        next_us += ((clock_now_us() - next_us) / SECOND_US + 1) * SECOND_US;
    }
}

int server_view_start(struct server_view *view, const struct node_look *before, uint64_t start_us)
{
    view->before = *before;
    view->start_us = start_us;
    int err = thread_start(&view->thread, "server view", THREAD_ANY, run, view);
    view->is_running = err == 0;
    return err;
}

void server_view_latest(struct server_view *view, struct server_second *out)
{
    (void)pthread_mutex_lock(&view->lock);
    *out = view->rows_used > 0 ? view->rows[view->rows_used - 1] : (struct server_second){0};
    (void)pthread_mutex_unlock(&view->lock);
}

void server_view_stop(struct server_view *view)
{
    if (!view->is_running)
        return;
    (void)pthread_mutex_lock(&view->lock);
    view->is_stopping = true;
    (void)pthread_cond_signal(&view->wake);
    (void)pthread_mutex_unlock(&view->lock);
    thread_join(&view->thread);
    view->is_running = false;
}

const struct server_second *server_view_rows(const struct server_view *view, uint32_t *count)
{
    *count = view->rows_used;
    return view->rows;
}

const char *server_view_blind_spot(const struct server_view *view)
{
    return view->blind_spot;
}
