/* disk.h - the few operations through which recordings reach the disk, so that tests can let them
 * fail.
 *
 * Owner    a constant, or a test; outlives every journal that uses it
 * Thread   recorder
 * Units    bytes
 * Errors   0 or the system's errno, which journals keep for the operator
 * Spec     pwrite(2), fdatasync(2), statvfs(3)
 */
#ifndef RECORDING_DISK_H
#define RECORDING_DISK_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

#include <stdbool.h>
#include <stdint.h>

struct disk {
    void *ctx; /* borrowed; handed to each function */
    /* Writes all of it or fails; after a failure some of it may stand in the file. */
    int (*write_at)(void *ctx, int fd, struct slice bytes, uint64_t offset);
    int (*sync)(void *ctx, int fd);
    /* Is there room enough again after "disk full" that going on makes sense? */
    bool (*has_room)(void *ctx, int fd);
};

/* The real one. Lends a constant. */
const struct disk *disk_system(void);

#endif
