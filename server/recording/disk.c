#include "recording/disk.h"

#include <errno.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* After a full disk a recording goes on above either of these, so that it does not flap. */
enum {
    ROOM_PERCENT = 5,
    ROOM_BYTES = 64 * 1024 * 1024,
};

static int write_at(void *ctx, int fd, struct slice bytes, uint64_t offset)
{
    (void)ctx;
    size_t done = 0;
    while (done < bytes.bytes) {
        ssize_t wrote = pwrite(fd, bytes.data + done, bytes.bytes - done, (off_t)(offset + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return errno;
        if (wrote == 0)
            return ENOSPC;
        done += (size_t)wrote;
    }
    return 0;
}

static int sync_file(void *ctx, int fd)
{
    (void)ctx;
    return fdatasync(fd) == 0 ? 0 : errno;
}

static bool has_room(void *ctx, int fd)
{
    (void)ctx;
    struct statvfs fs;
    if (fstatvfs(fd, &fs) != 0)
        return true; /* unknown: the next write will tell */
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    uint64_t total_bytes = (uint64_t)fs.f_blocks * fs.f_frsize;
    return free_bytes >= ROOM_BYTES || free_bytes >= total_bytes / 100 * ROOM_PERCENT;
}

const struct disk *disk_system(void)
{
    static const struct disk system_disk = {
        .write_at = write_at, .sync = sync_file, .has_room = has_room};
    return &system_disk;
}
