#include "room_bans.h"

#include "api.h"

#include <jansson.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

enum { PATH_MAX_CHARS = 256 };

static void print_ban(const json_t *ban)
{
    char text[32] = "";
    time_t at = (time_t)(json_integer_value(json_object_get(ban, "created_ms")) / 1000);
    struct tm tm;
    if (localtime_r(&at, &tm) != NULL)
        (void)strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    (void)printf("%-6lld %-24s since %s\n", json_integer_value(json_object_get(ban, "id")),
                 json_string_value(json_object_get(ban, "network")), text);
}

static int list(const struct cli *cli, const char *path)
{
    json_t *answer;
    int status = api_call(cli, "GET", path, NULL, &answer);
    if (status != EXIT_OK)
        return status;
    if (cli->json)
        return api_print(answer);
    size_t i;
    const json_t *ban;
    json_array_foreach(json_object_get(answer, "bans"), i, ban) print_ban(ban);
    json_decref(answer);
    return EXIT_OK;
}

static int make(const struct cli *cli, const char *path, const char *network)
{
    json_t *answer, *body = json_pack("{s:s}", "network", network);
    if (body == NULL)
        return cli_usage("'%s' is no valid UTF-8 text", network);
    int status = api_call(cli, "POST", path, body, &answer);
    if (status != EXIT_OK)
        return status;
    if (cli->json)
        return api_print(answer);
    print_ban(answer);
    json_decref(answer);
    return EXIT_OK;
}

static int lift(const struct cli *cli, const char *path)
{
    json_t *answer = NULL;
    int status = api_call(cli, "DELETE", path, NULL, &answer);
    json_decref(answer);
    return status;
}

bool room_bans_knows(const char *action)
{
    return strcmp(action, "ban") == 0 || strcmp(action, "bans") == 0 ||
           strcmp(action, "unban") == 0;
}

int room_bans(const struct cli *cli, int argc, char **argv)
{
    bool is_list = strcmp(argv[0], "bans") == 0, is_lift = strcmp(argv[0], "unban") == 0;
    if (argc != (is_list ? 2 : 3))
        return cli_usage("usage: room %s SLUG%s", argv[0],
                         is_list   ? ""
                         : is_lift ? " ID"
                                   : " NETWORK (such as 203.0.113.0/24, or an address of it)");
    char path[PATH_MAX_CHARS];
    int chars = snprintf(path, sizeof(path), "/api/v1/rooms/%s/bans%s%s", argv[1],
                         is_lift ? "/" : "", is_lift ? argv[2] : "");
    if (chars < 0 || chars >= (int)sizeof(path))
        return cli_usage("the slug is too long");
    if (is_list)
        return list(cli, path);
    return is_lift ? lift(cli, path) : make(cli, path, argv[2]);
}
