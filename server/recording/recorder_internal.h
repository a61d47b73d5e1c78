/* recorder_internal.h - for tests: a disk that fails.
 *
 * Owner    tests
 * Thread   control, before recorder_start()
 * Units    none
 * Errors   none
 * Spec     none
 */
#ifndef RECORDING_RECORDER_INTERNAL_H
#define RECORDING_RECORDER_INTERNAL_H

#include "recording/disk.h"
#include "recording/recorder.h"

/* Borrows. */
void recorder_use_disk(struct recorder *recorder, const struct disk *disk);

#endif
