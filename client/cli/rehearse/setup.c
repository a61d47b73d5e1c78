#include "rehearse/setup.h"

#include "api.h"
#include "base/clock.h"
#include "origin.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    SECOND_US = 1000000,
    SMALL_CROWD = 200, /* one thread does */
};

/* ---- the room ---- */

/* What people need to know who rehearse for the first time. */
static int not_live(const char *slug, const char *state)
{
    bool is_early = strcmp(state, "scheduled") == 0 || strcmp(state, "doors_open") == 0;
    if (!is_early)
        return cli_fail("the room '%s' is %s; make another one to rehearse in", slug, state);
    return cli_fail("the room '%s' is not live yet (%s). Make it live, and let somebody speak:\n"
                    "  rostrum --token-file FILE room open %s\n"
                    "  rostrum speak %s FILE --token TOKEN --consent --loop\n"
                    "  rostrum --token-file FILE room live %s",
                    slug, state, slug, slug, slug);
}

int setup_check_room(const struct cli *cli, const char *slug)
{
    char path[128];
    json_t *room;
    (void)snprintf(path, sizeof(path), "/api/v1/rooms/%s", slug);
    int status = api_call(cli, "GET", path, NULL, &room);
    if (status != EXIT_OK)
        return status;
    const char *state = json_string_value(json_object_get(room, "state"));
    if (state == NULL)
        status = cli_fail("the server does not say in which state the room is");
    else if (strcmp(state, "live") != 0)
        status = not_live(slug, state);
    json_decref(room);
    return status;
}

/* ---- the machine ---- */

static int make_sources(struct setup *setup, const struct ground_need *need)
{
    const struct arguments *arguments = setup->arguments;
    uint32_t count = ground_source_count(&setup->ground, need, arguments->source_count);
    setup->source_count = count;
    if (count == 0)
        return EXIT_OK;
    setup->sources = calloc(count, sizeof(*setup->sources));
    if (setup->sources == NULL)
        return cli_fail("out of memory");
    for (uint32_t i = 0; i < count; i++)
        setup->sources[i] =
            arguments->source_count > 0 ? arguments->sources[i] : ground_loopback_source(i);
    return EXIT_OK;
}

static int check_sources(const struct setup *setup)
{
    const struct arguments *arguments = setup->arguments;
    for (uint32_t i = 0; i < arguments->source_count; i++)
        if (ground_check_source(&setup->ground, &arguments->sources[i]) != 0) {
            char text[ADDRESS_TEXT_MAX];
            address_write_ip(&arguments->sources[i], text);
            return cli_usage("--source: %s; allowed: addresses of this machine from which the "
                             "server can be reached",
                             text);
        }
    return EXIT_OK;
}

static unsigned choose_threads(const struct setup *setup)
{
    const struct arguments *arguments = setup->arguments;
    unsigned cores = setup->ground.cores;
    if (arguments->threads > 0)
        return arguments->threads;
    if (arguments->plan.params.listeners <= SMALL_CROWD)
        return 1;
    if (setup->ground.server_is_here)
        cores /= 2; /* the others are the server's */
    if (cores > ARGUMENTS_THREADS_MAX)
        return ARGUMENTS_THREADS_MAX;
    return cores > 0 ? cores : 1;
}

int setup_find_server(struct setup *setup)
{
    const struct arguments *arguments = setup->arguments;
    struct origin origin;
    const char *url = setup->cli->server;
    if (origin_parse(&origin, url) != 0)
        return cli_usage("'%s' is no server; allowed: http://HOST[:PORT] or https://HOST[:PORT]",
                         url);
    const struct address *source = arguments->source_count > 0 ? arguments->sources : NULL;
    if (ground_look(&setup->ground, origin.host, origin.port, source) != 0)
        return cli_fail("there is no address for '%s'", origin.host);
    return EXIT_OK;
}

/* What this machine can do, and what it should be told. */
int setup_prepare(struct setup *setup)
{
    const struct plan *plan = &setup->arguments->plan;
    struct ground_need need = ground_need(plan);
    char problem[PLAN_PROBLEM_MAX];
    int status = check_sources(setup);
    if (status == EXIT_OK)
        status = make_sources(setup, &need);
    if (status != EXIT_OK)
        return status;
    setup->threads = choose_threads(setup);
    if (ground_judge(&setup->ground, &need, setup->source_count, &setup->notes, problem) != 0)
        return cli_fail("%s", problem);
    ground_raise_files(need.files);
    return EXIT_OK;
}

void setup_clear(struct setup *setup)
{
    free(setup->sources);
    setup->sources = NULL;
}

/* ---- time and signals ---- */

/* Waits for so long, or until a signal of the end comes: false. */
bool setup_wait_until(uint64_t until_us)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    for (;;) {
        uint64_t now_us = clock_now_us();
        if (now_us >= until_us)
            return true;
        struct timespec left = {.tv_sec = (time_t)((until_us - now_us) / SECOND_US),
                                .tv_nsec = (long)((until_us - now_us) % SECOND_US) * 1000};
        if (sigtimedwait(&ends, NULL, &left) > 0)
            return false;
    }
}

/* From here on signals of the end wait to be taken by wait_until(), also in the crowd's threads. */
void setup_hold_signals(void)
{
    sigset_t ends;
    (void)sigemptyset(&ends);
    (void)sigaddset(&ends, SIGINT);
    (void)sigaddset(&ends, SIGTERM);
    (void)pthread_sigmask(SIG_BLOCK, &ends, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}
