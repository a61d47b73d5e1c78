/* rostrum node: what the server uses, whom it serves, in which mode it is. */
#include "api.h"
#include "cli.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>

static const char PATH[] = "/api/v1/node";

static double mib(json_int_t bytes)
{
    return (double)bytes / (1024 * 1024);
}

static json_int_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static void print_node(json_t *node)
{
    const json_t *seats = json_object_get(node, "seats");
    (void)printf(
        "rostrumd %s, up %lld s, mode %s\n", json_string_value(json_object_get(node, "version")),
        (long long)number(node, "uptime_s"), json_string_value(json_object_get(node, "mode")));
    (void)printf("seats %lld of %lld taken, %lld connected, %lld hearing\n",
                 (long long)number(seats, "taken"), (long long)number(seats, "max"),
                 (long long)number(node, "connected"), (long long)number(node, "hearing"));
    (void)printf("%lld cores, %.1f MiB of memory, %.1f s of processor time\n",
                 (long long)number(node, "cores"), mib(number(node, "rss_bytes")),
                 (double)number(node, "cpu_ms") / 1000);
    size_t i;
    json_t *thread;
    json_array_foreach(json_object_get(node, "threads"), i, thread)(void)
        printf("  %-16s %.2f s\n", json_string_value(json_object_get(thread, "name")),
               (double)number(thread, "cpu_ms") / 1000);
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(node, "media"), name, value)(void)
        printf("  %-24s %lld\n", name, (long long)json_integer_value(value));
}

static int node_show(const struct cli *cli)
{
    json_t *answer;
    int status = api_call(cli, "GET", PATH, NULL, &answer);
    if (status != EXIT_OK)
        return status;
    if (cli->json)
        return api_print(answer);
    print_node(answer);
    json_decref(answer);
    return EXIT_OK;
}

static int node_mode(const struct cli *cli, const char *mode)
{
    json_t *body = json_pack("{s:s}", "mode", mode);
    if (body == NULL)
        return cli_usage("'%s' is no valid UTF-8 text", mode);
    json_t *answer;
    int status = api_call(cli, "PATCH", PATH, body, &answer);
    if (status != EXIT_OK)
        return status;
    if (cli->json)
        return api_print(answer);
    (void)printf("mode %s, until the server is started again\n",
                 json_string_value(json_object_get(answer, "mode")));
    json_decref(answer);
    return EXIT_OK;
}

int command_node(const struct cli *cli, int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "show") == 0)
        return node_show(cli);
    if (argc == 3 && strcmp(argv[1], "mode") == 0)
        return node_mode(cli, argv[2]);
    return cli_usage("usage: node show | node mode normal|economy|small_audience");
}
