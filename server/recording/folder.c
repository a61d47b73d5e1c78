#include "recording/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FOLDER_MODE = 0750 };

static int own_folder(const char *folder, uint64_t recording, char out[FOLDER_PATH_BYTES])
{
    int chars = snprintf(out, FOLDER_PATH_BYTES, "%s/%" PRIu64, folder, recording);
    return chars < 0 || chars >= FOLDER_PATH_BYTES ? ERR_INVAL : 0;
}

static int fail(int *system_error)
{
    *system_error = errno;
    return ERR_IO;
}

int folder_file(const char *folder, uint64_t recording, uint32_t track, char *out, size_t out_bytes)
{
    int chars = track == 0
                    ? snprintf(out, out_bytes, "%s/%" PRIu64 "/program.opus", folder, recording)
                    : snprintf(out, out_bytes, "%s/%" PRIu64 "/stem-%" PRIu32 ".opus", folder,
                               recording, track);
    return chars < 0 || (size_t)chars >= out_bytes ? ERR_INVAL : 0;
}

int folder_make(const char *folder, uint64_t recording, int *system_error)
{
    char path[FOLDER_PATH_BYTES];
    int err = own_folder(folder, recording, path);
    if (err != 0)
        return err;
    return mkdir(path, FOLDER_MODE) == 0 || errno == EEXIST ? 0 : fail(system_error);
}

static int sync_path(const char *path, int *system_error)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return fail(system_error);
    int err = fsync(fd) == 0 ? 0 : fail(system_error);
    (void)close(fd);
    return err;
}

int folder_sync(const char *folder, uint64_t recording, int *system_error)
{
    char path[FOLDER_PATH_BYTES];
    int err = own_folder(folder, recording, path);
    if (err == 0)
        err = sync_path(path, system_error);
    return err == 0 ? sync_path(folder, system_error) : err;
}

/* The host of a stem's file, or 0 for any other file. */
static uint32_t host_of(const char *name)
{
    static const char prefix[] = "stem-";
    if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
        return 0;
    char *end;
    unsigned long host = strtoul(name + sizeof(prefix) - 1, &end, 10);
    return strcmp(end, ".opus") == 0 && host <= UINT32_MAX ? (uint32_t)host : 0;
}

int folder_stems(const char *folder, uint64_t recording, uint32_t *hosts, unsigned hosts_max,
                 unsigned *count, int *system_error)
{
    char path[FOLDER_PATH_BYTES];
    int err = own_folder(folder, recording, path);
    if (err != 0)
        return err;
    DIR *dir = opendir(path);
    if (!dir)
        return fail(system_error);
    unsigned found = 0;
    const struct dirent *entry;
    while (found < hosts_max && (entry = readdir(dir)) != NULL) {
        uint32_t host = host_of(entry->d_name);
        if (host != 0)
            hosts[found++] = host;
    }
    (void)closedir(dir);
    *count = found;
    return 0;
}

int folder_remove(const char *folder, uint64_t recording, int *system_error)
{
    char path[FOLDER_PATH_BYTES];
    int err = own_folder(folder, recording, path);
    if (err != 0)
        return err;
    DIR *dir = opendir(path);
    if (!dir)
        return errno == ENOENT ? 0 : fail(system_error);
    const struct dirent *entry;
    while (err == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(dirfd(dir), entry->d_name, 0) != 0)
            err = fail(system_error);
    }
    (void)closedir(dir);
    if (err == 0 && rmdir(path) != 0)
        err = fail(system_error);
    return err;
}
