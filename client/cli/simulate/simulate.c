/* rostrum simulate: a crowd on many nodes, in virtual time. */
#include "cli.h"
#include "simulate/outcome.h"

#include <errno.h>
#include <string.h>

static int draw(const struct world *world, const char *path)
{
    FILE *file = fopen(path, "we");
    if (file == NULL)
        return cli_fail("cannot write the picture %s: %s", path, strerror(errno));
    int err = picture_write(world, file);
    if (fclose(file) != 0 || err != 0)
        return cli_fail("cannot write the picture %s", path);
    return EXIT_OK;
}

static int tell(const struct cli *cli, const struct world *world)
{
    struct outcome_peaks peaks;
    int err = outcome_peaks_make(&peaks, world);
    if (err != 0)
        return cli_fail("the account cannot be made: %s", error_name(err));
    err = cli->json ? outcome_json(world, &peaks, stdout) : outcome_text(world, &peaks, stdout);
    outcome_peaks_clear(&peaks);
    if (err != 0)
        return cli_fail("the account cannot be written: %s", error_name(err));
    return EXIT_OK;
}

int command_simulate(const struct cli *cli, int argc, char **argv)
{
    static struct options options;
    static struct costs costs;
    char wrong_use[OPTIONS_PROBLEM_MAX], wrong_costs[COST_PROBLEM_MAX];
    struct world *world = NULL;
    if (options_parse(&options, argc, argv, wrong_use) != 0)
        return cli_usage("%s", wrong_use);
    if (costs_read(&costs, options.costs, wrong_costs) != 0)
        return cli_fail("%s", wrong_costs);
    int err = world_create(&world, &options, &costs);
    if (err != 0)
        return cli_fail("so large a simulation cannot be made: %s", error_name(err));
    world_run(world);
    int status = tell(cli, world);
    if (status == EXIT_OK && options.picture != NULL)
        status = draw(world, options.picture);
    if (status == EXIT_OK && !outcome_is_kept(world->account))
        status = cli_fail("a promise was broken");
    world_destroy(world);
    return status;
}
