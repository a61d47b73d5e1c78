/* room_report.h - rostrum room report: what came of an event, for people.
 *
 * Owner    none
 * Thread   one
 * Units    local time
 * Errors   the exit status of the command
 * Spec     GET /api/v1/rooms/{slug}/report
 */
#ifndef CLI_ROOM_REPORT_H
#define CLI_ROOM_REPORT_H

#include "cli.h"

int room_report(const struct cli *cli, const char *slug);

#endif
