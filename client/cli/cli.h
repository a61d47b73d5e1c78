/* cli.h - what every command of `rostrum` gets and how it ends.
 *
 * Owner    main.c
 * Thread   one
 * Units    none
 * Errors   commands return the exit status: 0, 1 (failed, told on standard error), 2 (usage)
 * Spec     design.md section 9
 */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <stdbool.h>

struct cli {
    const char *server; /* http://host:port, no final slash */
    const char *token;  /* of --token-file; NULL: none */
    bool json;
};

enum { CLI_SECONDS_MAX = 1000000 }; /* of --seconds: eleven days */
enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

/* argv[0] is the command's name. */
int command_room(const struct cli *cli, int argc, char **argv);
int command_node(const struct cli *cli, int argc, char **argv);
int command_speak(const struct cli *cli, int argc, char **argv);
int command_listen(const struct cli *cli, int argc, char **argv);
int command_rehearse(const struct cli *cli, int argc, char **argv);
int command_simulate(const struct cli *cli, int argc, char **argv);
int command_verify(const struct cli *cli, int argc, char **argv);

/* Print one line on standard error and return the exit status. */
int cli_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
int cli_usage(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
