#include "cli.h"

#include "rostrum/srtp_link.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char HELP[] =
    "rostrum - command line of a Rostrum server\n"
    "\n"
    "usage: rostrum [--server URL] [--token-file FILE] [--json] COMMAND ...\n"
    "\n"
    "  room create --slug S --title T [--start TIME] [--host NAME]... [--moderator NAME]...\n"
    "              [--seats N] [--stereo]    make a room and its invitations\n"
    "  room list                             all rooms\n"
    "  room show|open|live|end|cancel|withdraw SLUG\n"
    "  room invite SLUG --name NAME [--role owner|speaker|moderator]\n"
    "  room mode SLUG normal|economy|small_audience [--seats N]\n"
    "              economy: packets of 60 ms, a third of the cost; small_audience:\n"
    "              the same for N, or as many as are served well, others wait in line\n"
    "  room pass SLUG [--count N]            links whose holders stand before strangers in line\n"
    "  room report SLUG                      who came when, what was refused and why\n"
    "  room ban SLUG NETWORK                 end its listeners and let none of it in: an address,\n"
    "              or its network such as 203.0.113.0/24, 2001:db8:1::/48; hosts may come\n"
    "  room bans SLUG                        the networks that are excluded, by number\n"
    "  room unban SLUG ID\n"
    "  node show                             what the server uses and whom it serves\n"
    "  node mode normal|economy|small_audience\n"
    "              the same for all rooms, until it starts again\n"
    "  speak SLUG FILE --consent [--token T] [--loop] [--mark] [--seconds N]\n"
    "              speak a WAV or Ogg Opus file into a room, in real time\n"
    "  listen SLUG [--out FILE.opus] [--seconds N] [--marked] [--pass PASS]\n"
    "              listen, count what arrives, keep it; without a free seat stand in line\n"
    "  rehearse SLUG --listeners N [--ramp PER_SECOND | --at-once] [--seconds N]\n"
    "              [--whep PERCENT] [--lossy PERCENT:LOSS] [--slow PERCENT:MS]\n"
    "              [--unread PERCENT] [--line PERCENT] [--verify PERCENT]\n"
    "              [--leave PERCENT@SECONDS] [--return SECONDS] [--source ADDRESS]...\n"
    "              [--threads N]\n"
    "              a crowd of listeners against this server, before the event\n"
    "  rehearse SLUG --scenario evening [--small] [--listeners N] [--expect-restart] [--end]\n"
    "              the bad evening: everybody at once; a verdict for each promise\n"
    "  simulate --costs FILE [--listeners N] [--nodes N] [--regions N] [--cores N]\n"
    "              [--egress MBIT] [--doors PERCENT] [--arrivals evening|flash] [--seed N]\n"
    "              [--fail relays:COUNT@SECOND | region:NUMBER@SECOND | origin@SECOND+SECONDS]...\n"
    "              [--picture FILE.svg]\n"
    "              a crowd on many nodes, in virtual time; without any server\n"
    "  verify FILE                           check an Ogg Opus file\n"
    "\n"
    "  --server URL       default http://127.0.0.1:8080 (or ROSTRUM_SERVER)\n"
    "  --token-file FILE  a file that holds the admin's or a host's token\n"
    "  --json             print one JSON object on standard output\n"
    "\n"
    "Exit status: 0 done, 1 failed (the reason on standard error), 2 usage.\n";

__attribute__((format(printf, 2, 0))) static int report(int status, const char *format,
                                                        va_list args)
{
    (void)fputs("rostrum: ", stderr);
    (void)vfprintf(stderr, format, args);
    (void)fputc('\n', stderr);
    return status;
}

int cli_fail(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = report(EXIT_FAILED, format, args);
    va_end(args);
    return status;
}

int cli_usage(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int status = report(EXIT_USAGE, format, args);
    va_end(args);
    (void)fputs("rostrum: see rostrum --help\n", stderr);
    return status;
}

/* The first line of the file, without white space at its end. */
static int read_token(const char *path, char *out, size_t out_bytes)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return cli_fail("cannot read the token file %s: %s", path, strerror(errno));
    char *line = fgets(out, (int)out_bytes, file);
    (void)fclose(file);
    if (line == NULL)
        return cli_fail("the token file %s is empty", path);
    out[strcspn(out, " \t\r\n")] = '\0';
    return EXIT_OK;
}

static int run(const struct cli *cli, int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(const struct cli *cli, int argc, char **argv);
    } commands[] = {
        {"room", command_room},     {"node", command_node},         {"speak", command_speak},
        {"listen", command_listen}, {"rehearse", command_rehearse}, {"simulate", command_simulate},
        {"verify", command_verify},
    };
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (strcmp(argv[0], commands[i].name) == 0)
            return commands[i].run(cli, argc, argv);
    return cli_usage(
        "there is no command '%s'; allowed: room, node, speak, listen, rehearse, simulate, verify",
        argv[0]);
}

int main(int argc, char **argv)
{
    enum { OPT_SERVER = 256, OPT_TOKEN_FILE, OPT_JSON, OPT_HELP, OPT_VERSION };
    static const struct option options[] = {
        {"server", required_argument, NULL, OPT_SERVER},
        {"token-file", required_argument, NULL, OPT_TOKEN_FILE},
        {"json", no_argument, NULL, OPT_JSON},
        {"help", no_argument, NULL, OPT_HELP},
        {"version", no_argument, NULL, OPT_VERSION},
        {NULL, 0, NULL, 0},
    };
    char token[256];
    const char *environment = getenv("ROSTRUM_SERVER");
    struct cli cli = {.server = environment != NULL ? environment : "http://127.0.0.1:8080"};
    int option;
    /* "+": stop at the command; its own options follow it. */
    while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
        switch (option) {
        case OPT_SERVER:
            cli.server = optarg;
            break;
        case OPT_TOKEN_FILE:
            if (read_token(optarg, token, sizeof(token)) != EXIT_OK)
                return EXIT_FAILED;
            cli.token = token;
            break;
        case OPT_JSON:
            cli.json = true;
            break;
        case 'h':
        case OPT_HELP:
            (void)fputs(HELP, stdout);
            return EXIT_OK;
        case OPT_VERSION:
            (void)puts("rostrum " ROSTRUM_VERSION);
            return EXIT_OK;
        default:
            return cli_usage("unknown option");
        }
    }
    if (optind >= argc)
        return cli_usage("a command is missing");
    int command = optind;
    optind = 0; /* getopt starts anew with the command's own options */
    return run(&cli, argc - command, argv + command);
}
