/* folder.h - where recordings lie: FOLDER/{recording}/program.opus and stem-{host}.opus.
 *
 * Owner    nobody: plain functions
 * Thread   any
 * Units    bytes
 * Errors   0 or a negative ERR_*; those of the system come with errno in *system_error
 * Spec     none
 */
#ifndef RECORDING_FOLDER_H
#define RECORDING_FOLDER_H

#include "rostrum/error.h"

#include <stddef.h>
#include <stdint.h>

enum { FOLDER_PATH_BYTES = 4096 };

/* Writes the path of a track's file; track 0 is the program. ERR_INVAL: too long. */
MUST_CHECK int folder_file(const char *folder, uint64_t recording, uint32_t track, char *out,
                           size_t out_bytes);
/* Makes the recording's own folder; fine when it is there. ERR_INVAL, ERR_IO. */
MUST_CHECK int folder_make(const char *folder, uint64_t recording, int *system_error);
/* Makes new names in it survive a power cut. ERR_INVAL, ERR_IO. */
MUST_CHECK int folder_sync(const char *folder, uint64_t recording, int *system_error);
/* Writes the hosts of at most hosts_max stems and their number. ERR_INVAL, ERR_IO. */
MUST_CHECK int folder_stems(const char *folder, uint64_t recording, uint32_t *hosts,
                            unsigned hosts_max, unsigned *count, int *system_error);
/* Deletes it with the files in it; fine when there is none. ERR_INVAL, ERR_IO. */
MUST_CHECK int folder_remove(const char *folder, uint64_t recording, int *system_error);

#endif
