/* room_bans.h - rostrum room ban, bans, unban: networks that a room excludes.
 *
 * Owner    none
 * Thread   one
 * Units    local time
 * Errors   the exit status of the command
 * Spec     /api/v1/rooms/{slug}/bans
 */
#ifndef CLI_ROOM_BANS_H
#define CLI_ROOM_BANS_H

#include "cli.h"

#include <stdbool.h>

/* argv[0] is "ban", "bans" or "unban"; false from room_bans_knows(): none of them. */
bool room_bans_knows(const char *action);
int room_bans(const struct cli *cli, int argc, char **argv);

#endif
