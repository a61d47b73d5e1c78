#include "rehearse/evening.h"

#include "base/clock.h"
#include "rehearse/recording.h"

#include <stdlib.h>

enum {
    SECOND_US = 1000 * 1000,
    HOSTS_COME_US = 3 * SECOND_US,
    WHEP_PERCENT = 20,
    LINE_PERCENT = 40,
    VERIFIED = 50,
};

/* ---- before ---- */

static int look_before(struct evening *evening)
{
    struct server_view_params params = {.server = evening->cli->server,
                                        .slug = evening->arguments.common.slug,
                                        .token = evening->cli->token};
    int err = server_view_create(&evening->view, &params);
    if (err != 0)
        return cli_fail("the server cannot be looked at: %s", error_name(err));
    if (server_view_look(evening->view, &evening->before) != 0)
        return cli_fail("the server cannot be looked at: %s", server_view_why(evening->view));
    return EXIT_OK;
}

static uint32_t smaller_known(uint32_t fits, const struct node_look *look, enum look_number number)
{
    uint64_t seats = look->numbers[number];
    return look_has(look, number) && seats > 0 && seats < fits ? (uint32_t)seats : fits;
}

/* What is to fit, by the words of operator and owner; without any as many as this machine plays. What the
 * governor says at first is only a guess. */
static uint32_t seats_of(const struct evening *evening)
{
    uint32_t fits = EVENING_PEOPLE_MAX / 2;
    fits = smaller_known(fits, &evening->before, LOOK_SEATS_MAX);
    return smaller_known(fits, &evening->before, LOOK_ROOM_SEATS);
}

/* The passers-by have the open files that the people leave. */
static void plan_passers(struct evening *evening)
{
    struct ground_need need = ground_need(&evening->arguments.common.plan);
    struct origin origin;
    uint64_t files = evening->setup.ground.files;
    uint64_t left = files > need.files ? files - need.files : 0;
    evening->passers_at_once = left < PASSERS_AT_ONCE_MAX ? (uint32_t)left : PASSERS_AT_ONCE_MAX;
    if (origin_parse(&origin, evening->cli->server) != 0 || origin.tls)
        evening->no_passers = "passers-by come by http only, and the server is asked by https";
    else if (evening->passers_at_once == 0)
        evening->no_passers = "this machine has no open files left for passers-by";
    if (evening->no_passers != NULL) {
        note(&evening->setup.notes, "%s: the storm is the people alone.", evening->no_passers);
        return;
    }
    origin_write_field(&origin, evening->host_field);
    ground_raise_files(need.files + evening->passers_at_once);
}

static int make_plan(struct evening *evening)
{
    struct evening_size *size = &evening->size;
    char problem[PLAN_PROBLEM_MAX];
    evening_size_make(size, seats_of(evening), evening->arguments.people,
                      evening->arguments.is_small);
    if (size->people < 2 * size->seats)
        note(&evening->setup.notes,
             "%u seats fit, and twice as many people are more than this drill brings: %u.",
             size->seats, size->people);
    struct plan_params params = {
        .listeners = size->people,
        .hold_us = (uint64_t)evening_seconds_max(size) * SECOND_US,
        /* Who came by WHEP learns of a restart only when the sound is missing. */
        .whep_percent = evening->arguments.expects_restart ? 0 : WHEP_PERCENT,
        .line_percent = LINE_PERCENT,
        .verify_percent = size->people <= VERIFIED ? 100 : (100 * VERIFIED - 1) / size->people + 1,
        .is_conducted = true};
    if (plan_make(&evening->arguments.common.plan, &params, problem) != 0)
        return cli_fail("%s", problem);
    return EXIT_OK;
}

static void bring_hosts(struct evening *evening)
{
    if (evening->cli->token == NULL) {
        evening->no_hosts = "without an admin's token there are no hosts of the drill's own";
        return;
    }
    if (drill_hosts_start(&evening->hosts, evening->cli, evening->arguments.common.slug) != EXIT_OK)
        evening->no_hosts = "the drill's hosts could not be started";
    if (!setup_wait_until(clock_now_us() + HOSTS_COME_US))
        evening->is_cut_short = true;
}

static int prepare(struct evening *evening)
{
    int status = setup_find_server(&evening->setup);
    if (status == EXIT_OK)
        status = setup_check_room(evening->cli, evening->arguments.common.slug);
    setup_hold_signals();
    if (status == EXIT_OK)
        status = look_before(evening);
    if (status == EXIT_OK)
        status = make_plan(evening);
    if (status == EXIT_OK)
        status = setup_prepare(&evening->setup);
    if (status == EXIT_OK)
        plan_passers(evening);
    if (status == EXIT_OK)
        bring_hosts(evening);
    return status;
}

/* ---- the evening ---- */

static int play(struct evening *evening)
{
    const struct arguments *arguments = &evening->arguments.common;
    struct crowd_params params = {.plan = &arguments->plan,
                                  .server = evening->cli->server,
                                  .address = evening->setup.ground.server,
                                  .slug = arguments->slug,
                                  .ear_threads = evening->setup.threads,
                                  .sources = evening->setup.sources,
                                  .source_count = evening->setup.source_count,
                                  .is_stubborn = true};
    int err = crowd_create(&evening->crowd, &params);
    if (err != 0)
        return cli_fail("the crowd cannot be made: %s", error_name(err));
    evening->started_ms = clock_wall_ms();
    evening->start_us = clock_now_us();
    err = server_view_start(evening->view, &evening->before, evening->start_us);
    if (err == 0)
        err = crowd_start(evening->crowd);
    if (err != 0)
        return cli_fail("the crowd cannot start: %s", error_name(err));
    if (!evening->is_cut_short)
        evening->is_cut_short = !evening_play(evening);
    if (evening->passers != NULL)
        passers_end(evening->passers); /* also when it was cut short */
    server_view_stop(evening->view);
    crowd_stop(evening->crowd);
    crowd_tally(evening->crowd, &evening->tally);
    if (evening->passers == NULL)
        return EXIT_OK;
    passers_stop(evening->passers);
    tally_merge_asks(&evening->tally.asks[PART_STORM], &passers_count(evening->passers)->asks);
    return EXIT_OK;
}

static void end_hosts(struct evening *evening)
{
    if (evening->cli->token == NULL)
        return;
    drill_hosts_stop(&evening->hosts, evening_was_restarted(evening), &evening->hosts_seen);
}

static void end_room(struct evening *evening)
{
    const char *slug = evening->arguments.common.slug;
    if (!evening->arguments.ends_room)
        evening->recording.why_not = "it was not told to end the room (--end)";
    else if (evening->cli->token == NULL)
        evening->recording.why_not = "without an admin's token the room cannot be ended";
    else
        recording_check(&evening->recording, evening->cli, slug, evening_was_restarted(evening));
    if (evening->cli->token != NULL)
        drill_hosts_uninvite(&evening->hosts, evening->cli, slug);
}

static int tell(const struct evening *evening)
{
    int err = evening->cli->json ? evening_json(evening, stdout) : evening_text(evening, stdout);
    if (err != 0)
        return cli_fail("the report cannot be written: %s", error_name(err));
    for (unsigned i = 0; i < PROMISES; i++)
        if (evening->promises[i].outcome == PROMISE_BROKEN)
            return cli_fail("a promise was broken");
    return EXIT_OK;
}

static void destroy(struct evening *evening)
{
    server_view_destroy(evening->view);
    crowd_destroy(evening->crowd);
    passers_destroy(evening->passers);
    setup_clear(&evening->setup);
    free(evening);
}

int command_evening(const struct cli *cli, int argc, char **argv)
{
    char problem[PLAN_PROBLEM_MAX];
    struct evening *evening = calloc(1, sizeof(*evening));
    if (evening == NULL)
        return cli_fail("out of memory");
    evening->cli = cli;
    evening->setup = (struct setup){.cli = cli, .arguments = &evening->arguments.common};
    evening->tally.per_second = evening->heard;
    int status = EXIT_OK;
    if (evening_arguments_parse(&evening->arguments, argc, argv, problem) != 0)
        status = cli_usage("rehearse: %s", problem);
    if (status == EXIT_OK)
        status = prepare(evening);
    if (status == EXIT_OK)
        status = play(evening);
    end_hosts(evening);
    if (status == EXIT_OK) {
        end_room(evening);
        evening_judge(evening);
        status = tell(evening);
    }
    destroy(evening);
    return status;
}
