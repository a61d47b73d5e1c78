/* rostrum rehearse: a crowd of listeners against one's own server, before the event. */
#include "cli.h"
#include "rehearse/arguments.h"
#include "rehearse/crowd.h"
#include "rehearse/evening.h"
#include "rehearse/progress.h"
#include "rehearse/report.h"
#include "rehearse/server_view.h"
#include "rehearse/setup.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    SECOND_US = 1000000,
    REST_US = 2 * SECOND_US, /* the server is looked at for so long before the crowd comes */
};

/* Everything of one rehearsal; made once, on the heap for its size. */
struct rehearsal {
    const struct cli *cli;
    struct arguments arguments;
    struct setup setup;
    struct server_view *view; /* owned */
    struct node_look node;    /* before the crowd came */
    struct server_second rest;
    struct crowd *crowd; /* owned */
    uint64_t start_us, elapsed_us;
    int64_t started_ms;
    bool is_cut_short;
    uint32_t seconds;           /* whole ones that have passed: rows that are used */
    uint64_t cpu_us, overflows; /* at the end of the last second */
    struct machine_time machine;
    uint64_t own_cpu_us;
    struct tally tally;
    struct tally_second heard[TALLY_SECONDS_MAX];
    struct row rows[TALLY_SECONDS_MAX];
};

/* ---- before ---- */

static void note_seats(struct rehearsal *rehearsal)
{
    uint64_t seats = rehearsal->node.numbers[LOOK_SEATS_MAX];
    uint32_t listeners = rehearsal->arguments.plan.params.listeners;
    if (look_has(&rehearsal->node, LOOK_SEATS_MAX) && seats < listeners)
        note(&rehearsal->setup.notes,
             "The server's seats are set to %llu: so many at most will be let in.",
             (unsigned long long)seats);
}

/* The server at rest: what the room costs without the crowd. */
static int look_at_rest(struct rehearsal *rehearsal)
{
    struct server_view_params params = {.server = rehearsal->cli->server,
                                        .slug = rehearsal->arguments.slug,
                                        .token = rehearsal->cli->token};
    struct node_look before;
    int err = server_view_create(&rehearsal->view, &params);
    if (err != 0)
        return cli_fail("the server cannot be looked at: %s", error_name(err));
    if (server_view_look(rehearsal->view, &before) != 0)
        return cli_fail("the server cannot be looked at: %s", server_view_why(rehearsal->view));
    if (!setup_wait_until(clock_now_us() + REST_US))
        return cli_fail("stopped before the crowd came");
    if (server_view_look(rehearsal->view, &rehearsal->node) != 0)
        return cli_fail("the server cannot be looked at any more: %s",
                        server_view_why(rehearsal->view));
    server_second_make(&rehearsal->rest, &before, &rehearsal->node);
    note_seats(rehearsal);
    return EXIT_OK;
}

/* ---- while it runs ---- */

static uint64_t own_cpu_us(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return (uint64_t)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * SECOND_US +
           (uint64_t)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static uint32_t permille_since(uint64_t now_us, uint64_t before_us)
{
    return now_us > before_us ? (uint32_t)((now_us - before_us) * 1000 / SECOND_US) : 0;
}

/* The second that has just passed, as this machine saw it. */
static void close_second(struct rehearsal *rehearsal)
{
    struct row *row = &rehearsal->rows[rehearsal->seconds++];
    uint64_t cpu_us = own_cpu_us(), overflows = ground_udp_overflows();
    struct machine_time machine = rehearsal->machine;
    if (!ground_machine_time(&machine))
        machine = rehearsal->machine;
    row->own_permille = permille_since(cpu_us, rehearsal->cpu_us);
    row->machine_permille = permille_since(machine.busy_us, rehearsal->machine.busy_us);
    uint32_t known =
        row->own_permille + permille_since(machine.kernel_us, rehearsal->machine.kernel_us);
    row->has_others = true;
    row->others_permille = row->machine_permille > known ? row->machine_permille - known : 0;
    row->overflows = overflows > rehearsal->overflows ? overflows - rehearsal->overflows : 0;
    rehearsal->cpu_us = cpu_us;
    rehearsal->machine = machine;
    rehearsal->overflows = overflows;
}

static void watch(struct rehearsal *rehearsal)
{
    uint64_t end_us = rehearsal->arguments.plan.end_us;
    uint32_t seconds = (uint32_t)(end_us / SECOND_US); /* whole ones: a part would look idle */
    struct progress progress;
    struct crowd_now crowd = {0};
    struct server_second server;
    progress_begin(&progress, stderr);
    while (rehearsal->seconds < seconds && rehearsal->seconds < TALLY_SECONDS_MAX &&
           !crowd.is_over) {
        uint64_t next_us = rehearsal->start_us + (rehearsal->seconds + 1ull) * SECOND_US;
        if (!setup_wait_until(next_us)) {
            rehearsal->is_cut_short = true;
            break;
        }
        close_second(rehearsal);
        crowd_look(rehearsal->crowd, &crowd);
        server_view_latest(rehearsal->view, &server);
        progress_show(&progress, rehearsal->seconds, seconds, &crowd, &server);
    }
    progress_end(&progress);
    rehearsal->elapsed_us = clock_now_us() - rehearsal->start_us;
}

static int play(struct rehearsal *rehearsal)
{
    struct crowd_params params = {.plan = &rehearsal->arguments.plan,
                                  .server = rehearsal->cli->server,
                                  .address = rehearsal->setup.ground.server,
                                  .slug = rehearsal->arguments.slug,
                                  .ear_threads = rehearsal->setup.threads,
                                  .sources = rehearsal->setup.sources,
                                  .source_count = rehearsal->setup.source_count};
    for (unsigned i = 0; i < rehearsal->setup.notes.count; i++)
        (void)fprintf(stderr, "rostrum: %s\n", rehearsal->setup.notes.list[i]);
    int err = crowd_create(&rehearsal->crowd, &params);
    if (err != 0)
        return cli_fail("the crowd cannot be made: %s", error_name(err));
    uint64_t before_us = own_cpu_us();
    rehearsal->cpu_us = before_us;
    rehearsal->overflows = ground_udp_overflows();
    if (!ground_machine_time(&rehearsal->machine))
        rehearsal->machine = (struct machine_time){0};
    rehearsal->started_ms = clock_wall_ms();
    rehearsal->start_us = clock_now_us();
    err = server_view_start(rehearsal->view, &rehearsal->node, rehearsal->start_us);
    if (err == 0)
        err = crowd_start(rehearsal->crowd);
    if (err != 0)
        return cli_fail("the crowd cannot start: %s", error_name(err));
    watch(rehearsal);
    rehearsal->own_cpu_us = own_cpu_us() - before_us;
    server_view_stop(rehearsal->view);
    crowd_stop(rehearsal->crowd);
    return EXIT_OK;
}

/* ---- after ---- */

/* A server here was counted as one of the other programs. */
static void set_server_apart(struct row *row)
{
    uint32_t server = row->server.cpu_permille;
    row->has_others = row->server.has_cpu;
    row->others_permille =
        row->has_others && row->others_permille > server ? row->others_permille - server : 0;
}

/* Puts what the crowd heard and what the server said beside each other. */
static void join_rows(struct rehearsal *rehearsal)
{
    enum { LOOK_US = SECOND_US / 2 }; /* a look may come so late, when everybody has left already */
    uint64_t end_us = rehearsal->arguments.plan.end_us;
    uint32_t count;
    const struct server_second *server = server_view_rows(rehearsal->view, &count);
    for (uint32_t i = 0; i < rehearsal->seconds; i++) {
        struct row *row = &rehearsal->rows[i];
        row->crowd = rehearsal->heard[i];
        if (i < count)
            row->server = server[i];
        if ((i + 1ull) * SECOND_US + LOOK_US > end_us)
            row->server.has_hearing = false;
        if (rehearsal->setup.ground.server_is_here)
            set_server_apart(row);
    }
}

static int tell(struct rehearsal *rehearsal)
{
    const struct ground *ground = &rehearsal->setup.ground;
    const struct plan_params *plan = &rehearsal->arguments.plan.params;
    const struct node_look *node = &rehearsal->node;
    struct costs costs;
    struct truth truth;
    struct verdict verdict;
    uint32_t others = look_has(node, LOOK_HEARING) ? (uint32_t)node->numbers[LOOK_HEARING] : 0;
    costs_make(&costs, rehearsal->rows, rehearsal->seconds, &rehearsal->rest);
    truth_make(&truth, rehearsal->rows, rehearsal->seconds, others, plan->unread_percent > 0);
    struct verdict_params params = {
        .tried = plan->listeners,
        .crowd_cores =
            rehearsal->setup.threads < ground->cores ? rehearsal->setup.threads : ground->cores,
        .server_cores = look_has(node, LOOK_CORES) ? (unsigned)node->numbers[LOOK_CORES] : 0,
        .here_cores = ground->cores,
        .server_is_here = ground->server_is_here,
        .disconnects = rehearsal->tally.disconnects,
        .has_unread = plan->unread_percent > 0};
    verdict_make(&verdict, &params, rehearsal->rows, rehearsal->seconds, &costs);
    struct report report = {.slug = rehearsal->arguments.slug,
                            .server = rehearsal->cli->server,
                            .started_ms = rehearsal->started_ms,
                            .is_cut_short = rehearsal->is_cut_short,
                            .plan = &rehearsal->arguments.plan,
                            .sources = rehearsal->setup.source_count,
                            .threads = rehearsal->setup.threads,
                            .notes = &rehearsal->setup.notes,
                            .blind_spot = server_view_blind_spot(rehearsal->view),
                            .node = node,
                            .tally = &rehearsal->tally,
                            .stands = crowd_stands(rehearsal->crowd),
                            .stopped_us = rehearsal->start_us + rehearsal->elapsed_us,
                            .rows = rehearsal->rows,
                            .row_count = rehearsal->seconds,
                            .own_cpu_us = rehearsal->own_cpu_us,
                            .elapsed_us = rehearsal->elapsed_us,
                            .costs = &costs,
                            .truth = &truth,
                            .verdict = &verdict};
    int err = rehearsal->cli->json ? report_json(&report, stdout) : report_text(&report, stdout);
    if (err != 0)
        return cli_fail("the report cannot be written: %s", error_name(err));
    if (rehearsal->tally.joined == 0 && verdict.most == 0)
        return cli_fail("nobody heard anything; does somebody speak in the room?");
    return EXIT_OK;
}

static void end(struct rehearsal *rehearsal)
{
    server_view_destroy(rehearsal->view);
    crowd_destroy(rehearsal->crowd);
    setup_clear(&rehearsal->setup);
    free(rehearsal);
}

int command_rehearse(const struct cli *cli, int argc, char **argv)
{
    if (evening_is_meant(argc, argv))
        return command_evening(cli, argc, argv);
    char problem[PLAN_PROBLEM_MAX];
    struct rehearsal *rehearsal = calloc(1, sizeof(*rehearsal));
    if (rehearsal == NULL)
        return cli_fail("out of memory");
    rehearsal->cli = cli;
    rehearsal->setup = (struct setup){.cli = cli, .arguments = &rehearsal->arguments};
    rehearsal->tally.per_second = rehearsal->heard;
    int status = EXIT_OK;
    if (arguments_parse(&rehearsal->arguments, argc, argv, problem) != 0)
        status = cli_usage("rehearse: %s", problem);
    if (status == EXIT_OK)
        status = setup_find_server(&rehearsal->setup);
    if (status == EXIT_OK)
        status = setup_check_room(cli, rehearsal->arguments.slug);
    if (status == EXIT_OK)
        status = setup_prepare(&rehearsal->setup);
    setup_hold_signals();
    if (status == EXIT_OK)
        status = look_at_rest(rehearsal);
    if (status == EXIT_OK)
        status = play(rehearsal);
    if (status == EXIT_OK) {
        crowd_tally(rehearsal->crowd, &rehearsal->tally);
        join_rows(rehearsal);
        status = tell(rehearsal);
    }
    end(rehearsal);
    return status;
}
