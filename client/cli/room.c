/* rostrum room: everything that the HTTP API does, printed for people or as it came. */
#include "api.h"
#include "cli.h"
#include "room_bans.h"
#include "room_report.h"

#include <jansson.h>

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    PATH_MAX_CHARS = 256,
    SMALL_SEATS_MAX = 65536,
    PASSES_MAX = 1000, /* of one request */
};

/* "2026-11-21T20:00:00Z", "2026-11-21 20:00" (local time) or milliseconds since 1970. */
static int parse_start(const char *text, long long *out_ms)
{
    char *end;
    long long ms = strtoll(text, &end, 10);
    if (*end == '\0' && ms > 0) {
        *out_ms = ms;
        return EXIT_OK;
    }
    struct tm tm = {.tm_isdst = -1};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (rest != NULL && *rest == '\0') {
        *out_ms = (long long)timegm(&tm) * 1000;
        return EXIT_OK;
    }
    tm = (struct tm){.tm_isdst = -1};
    rest = strptime(text, "%Y-%m-%d %H:%M", &tm);
    if (rest == NULL || *rest != '\0')
        return cli_usage("'%s' is no time; allowed: 2026-11-21T20:00:00Z, '2026-11-21 20:00' "
                         "(local) or milliseconds since 1970",
                         text);
    *out_ms = (long long)mktime(&tm) * 1000;
    return EXIT_OK;
}

static void print_host(json_t *host)
{
    (void)printf("%-10s %s\n           %s\n", json_string_value(json_object_get(host, "role")),
                 json_string_value(json_object_get(host, "name")),
                 json_string_value(json_object_get(host, "stage_url")));
}

static int print_created(const struct cli *cli, json_t *answer)
{
    if (cli->json)
        return api_print(answer);
    (void)printf("listen     %s\n", json_string_value(json_object_get(answer, "listen_url")));
    size_t i;
    json_t *host;
    json_array_foreach(json_object_get(answer, "hosts"), i, host) print_host(host);
    json_decref(answer);
    return EXIT_OK;
}

static int add_host(json_t *hosts, const char *name, const char *role)
{
    json_t *host = role == NULL ? json_pack("{s:s}", "name", name)
                                : json_pack("{s:s,s:s}", "name", name, "role", role);
    return host == NULL || json_array_append_new(hosts, host) != 0
               ? cli_usage("'%s' is no valid UTF-8 text", name)
               : EXIT_OK;
}

static int set_text(json_t *body, const char *key, const char *value)
{
    json_t *text = json_string(value);
    return text == NULL || json_object_set_new(body, key, text) != 0
               ? cli_usage("--%s: '%s' is no valid UTF-8 text", key, value)
               : EXIT_OK;
}

static int set_number(json_t *body, const char *key, const char *value)
{
    char *end;
    long long number = strtoll(value, &end, 10);
    if (*value == '\0' || *end != '\0')
        return cli_usage("--%s: '%s' is no number", key, value);
    return json_object_set_new(body, key, json_integer(number)) != 0 ? EXIT_FAILED : EXIT_OK;
}

/* One option of `room create` into the request's body. */
static int take_create_option(int option, json_t *body)
{
    json_t *hosts = json_object_get(body, "hosts");
    long long start_ms = 0;
    switch (option) {
    case 's':
        return set_text(body, "slug", optarg);
    case 't':
        return set_text(body, "title", optarg);
    case 'b':
        if (parse_start(optarg, &start_ms) != EXIT_OK)
            return EXIT_USAGE;
        return json_object_set_new(body, "start_ms", json_integer(start_ms)) != 0 ? EXIT_FAILED
                                                                                  : EXIT_OK;
    case 'h':
        return add_host(hosts, optarg, NULL);
    case 'm':
        return add_host(hosts, optarg, "moderator");
    case 'n':
        return set_number(body, "seats", optarg);
    case 'p':
        return set_number(body, "program_bps", optarg);
    case '2':
        return json_object_set_new(body, "stereo", json_true()) != 0 ? EXIT_FAILED : EXIT_OK;
    default:
        return cli_usage("room create: unknown option or missing value");
    }
}

static int room_create(const struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        {"slug", required_argument, NULL, 's'},
        {"title", required_argument, NULL, 't'},
        {"start", required_argument, NULL, 'b'},
        {"host", required_argument, NULL, 'h'},
        {"moderator", required_argument, NULL, 'm'},
        {"seats", required_argument, NULL, 'n'},
        {"program-bps", required_argument, NULL, 'p'},
        {"stereo", no_argument, NULL, '2'},
        {NULL, 0, NULL, 0},
    };
    json_t *body = json_pack("{s:[]}", "hosts");
    int option, status = EXIT_OK;
    while (status == EXIT_OK && (option = getopt_long(argc, argv, "", options, NULL)) != -1)
        status = take_create_option(option, body);
    if (status == EXIT_OK && (json_object_get(body, "slug") == NULL ||
                              json_object_get(body, "title") == NULL || optind != argc))
        status = cli_usage("room create needs --slug and --title");
    if (status != EXIT_OK) {
        json_decref(body);
        return status;
    }
    json_t *answer;
    status = api_call(cli, "POST", "/api/v1/rooms", body, &answer);
    return status == EXIT_OK ? print_created(cli, answer) : status;
}

static void print_room(json_t *room)
{
    (void)printf("%-24s %-11s hearing %-6lld %s\n",
                 json_string_value(json_object_get(room, "slug")),
                 json_string_value(json_object_get(room, "state")),
                 json_integer_value(json_object_get(room, "hearing")),
                 json_string_value(json_object_get(room, "title")));
}

static int room_list(const struct cli *cli)
{
    json_t *answer;
    int status = api_call(cli, "GET", "/api/v1/rooms", NULL, &answer);
    if (status != EXIT_OK)
        return status;
    if (cli->json)
        return api_print(answer);
    size_t i;
    json_t *room;
    json_array_foreach(json_object_get(answer, "rooms"), i, room) print_room(room);
    json_decref(answer);
    return EXIT_OK;
}

static int room_one(const struct cli *cli, const char *action, const char *slug)
{
    char path[PATH_MAX_CHARS];
    bool show = strcmp(action, "show") == 0;
    int chars = snprintf(path, sizeof(path), "/api/v1/rooms/%s%s%s", slug, show ? "" : "/",
                         show ? "" : action);
    if (chars < 0 || chars >= (int)sizeof(path))
        return cli_usage("the slug is too long");
    json_t *answer;
    int status = api_call(cli, show ? "GET" : "POST", path, NULL, &answer);
    if (status != EXIT_OK)
        return status;
    if (cli->json)
        return api_print(answer);
    print_room(answer);
    json_decref(answer);
    return EXIT_OK;
}

/* The number of an option such as --seats. False: it is none, or out of range. */
static bool read_count(const char *text, long most, long *out)
{
    char *end;
    *out = strtol(text, &end, 10);
    return *text != '\0' && *end == '\0' && *out >= 1 && *out <= most;
}

static int print_mode(const struct cli *cli, json_t *answer)
{
    if (cli->json)
        return api_print(answer);
    (void)printf("%s: %s (the room asks for %s)\n",
                 json_string_value(json_object_get(answer, "slug")),
                 json_string_value(json_object_get(answer, "mode")),
                 json_string_value(json_object_get(answer, "wanted_mode")));
    json_decref(answer);
    return EXIT_OK;
}

static int room_mode(const struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"seats", required_argument, NULL, 's'},
                                            {NULL, 0, NULL, 0}};
    long seats = 0;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 's')
            return cli_usage("room mode: unknown option or missing value");
        if (!read_count(optarg, SMALL_SEATS_MAX, &seats))
            return cli_usage("--seats: '%s'; allowed: 1 to %d", optarg, SMALL_SEATS_MAX);
    }
    if (optind != argc - 2)
        return cli_usage("usage: room mode SLUG normal|economy|small_audience [--seats N]");
    const char *slug = argv[optind], *mode = argv[optind + 1];
    if (seats > 0 && strcmp(mode, "small_audience") != 0)
        return cli_usage("--seats: only small_audience has seats of its own");
    char path[PATH_MAX_CHARS];
    int chars = snprintf(path, sizeof(path), "/api/v1/rooms/%s/mode", slug);
    if (chars < 0 || chars >= (int)sizeof(path))
        return cli_usage("the slug is too long");
    json_t *body = json_pack("{s:s}", "mode", mode);
    if (body == NULL)
        return cli_usage("'%s' is no valid UTF-8 text", mode);
    if (seats > 0 && json_object_set_new(body, "seats", json_integer(seats)) != 0) {
        json_decref(body);
        return cli_fail("out of memory");
    }
    json_t *answer;
    int status = api_call(cli, "POST", path, body, &answer);
    return status == EXIT_OK ? print_mode(cli, answer) : status;
}

static int room_pass(const struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"count", required_argument, NULL, 'c'},
                                            {NULL, 0, NULL, 0}};
    long count = 1;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option != 'c')
            return cli_usage("room pass: unknown option or missing value");
        if (!read_count(optarg, PASSES_MAX, &count))
            return cli_usage("--count: '%s'; allowed: 1 to %d", optarg, PASSES_MAX);
    }
    char path[PATH_MAX_CHARS];
    if (optind != argc - 1)
        return cli_usage("usage: room pass SLUG [--count N]");
    int chars = snprintf(path, sizeof(path), "/api/v1/rooms/%s/passes", argv[optind]);
    if (chars < 0 || chars >= (int)sizeof(path))
        return cli_usage("the slug is too long");
    json_t *answer;
    int status =
        api_call(cli, "POST", path, json_pack("{s:I}", "count", (json_int_t)count), &answer);
    if (status != EXIT_OK)
        return status;
    if (cli->json)
        return api_print(answer);
    size_t i;
    json_t *pass;
    json_array_foreach(json_object_get(answer, "passes"), i, pass) if (json_is_string(pass))(void)
        puts(json_string_value(pass));
    json_decref(answer);
    return EXIT_OK;
}

static int room_invite(const struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"name", required_argument, NULL, 'n'},
                                            {"role", required_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    const char *name = NULL, *role = "speaker";
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'n')
            name = optarg;
        else if (option == 'r')
            role = optarg;
        else
            return cli_usage("room invite: unknown option or missing value");
    }
    char path[PATH_MAX_CHARS];
    if (name == NULL || optind != argc - 1)
        return cli_usage("usage: room invite SLUG --name NAME [--role ROLE]");
    int chars = snprintf(path, sizeof(path), "/api/v1/rooms/%s/invitations", argv[optind]);
    if (chars < 0 || chars >= (int)sizeof(path))
        return cli_usage("the slug is too long");
    json_t *answer;
    int status =
        api_call(cli, "POST", path, json_pack("{s:s,s:s}", "name", name, "role", role), &answer);
    if (status != EXIT_OK)
        return status;
    if (cli->json)
        return api_print(answer);
    print_host(answer);
    json_decref(answer);
    return EXIT_OK;
}

int command_room(const struct cli *cli, int argc, char **argv)
{
    static const char *const actions[] = {"show", "open", "live", "end", "cancel", "withdraw"};
    if (argc < 2)
        return cli_usage("room: what? create, list, show, open, live, end, cancel, withdraw, "
                         "invite, mode, pass, report, ban, bans, unban");
    if (strcmp(argv[1], "create") == 0)
        return room_create(cli, argc - 1, argv + 1);
    if (strcmp(argv[1], "list") == 0)
        return room_list(cli);
    if (strcmp(argv[1], "invite") == 0)
        return room_invite(cli, argc - 1, argv + 1);
    if (strcmp(argv[1], "mode") == 0)
        return room_mode(cli, argc - 1, argv + 1);
    if (strcmp(argv[1], "pass") == 0)
        return room_pass(cli, argc - 1, argv + 1);
    if (strcmp(argv[1], "report") == 0)
        return argc == 3 ? room_report(cli, argv[2]) : cli_usage("usage: room report SLUG");
    if (room_bans_knows(argv[1]))
        return room_bans(cli, argc - 1, argv + 1);
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
        if (strcmp(argv[1], actions[i]) == 0)
            return argc == 3 ? room_one(cli, actions[i], argv[2])
                             : cli_usage("usage: room %s SLUG", actions[i]);
    return cli_usage("room: there is no '%s'; allowed: create, list, show, open, live, end, "
                     "cancel, withdraw, invite, mode, pass, report, ban, bans, unban",
                     argv[1]);
}
