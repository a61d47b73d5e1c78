/* recording.h - the drill's recording: ends the room, waits for the file, checks it as `rostrum verify`.
 *
 * Owner    the command
 * Thread   the command's; blocks for at most RECORDING_WITHIN_S and the download
 * Units    milliseconds
 * Errors   why_not of the promise says what was missing
 * Spec     POST /api/v1/rooms/SLUG/end, RFC 7845
 */
#ifndef REHEARSE_RECORDING_H
#define REHEARSE_RECORDING_H

#include "cli.h"
#include "rehearse/promises.h"

enum { RECORDING_WITHIN_S = 120 };

/* was_restarted: the server was killed meanwhile, so that a part may be missing. */
void recording_check(struct promise_recording *out, const struct cli *cli, const char *slug,
                     bool was_restarted);

#endif
