#include "store/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int fail_io(char problem[STORE_PROBLEM_MAX], const char *path, const char *what)
{
    (void)snprintf(problem, STORE_PROBLEM_MAX, "The state folder %.200s cannot be %s: %s.", path,
                   what, strerror(errno));
    return ERR_IO;
}

static int prepare_folder(const char *folder, char problem[STORE_PROBLEM_MAX])
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return fail_io(problem, folder, "made");
    struct stat info;
    if (stat(folder, &info) != 0)
        return fail_io(problem, folder, "used");
    if (!S_ISDIR(info.st_mode)) {
        errno = ENOTDIR;
        return fail_io(problem, folder, "used");
    }
    if (faccessat(AT_FDCWD, folder, R_OK | W_OK | X_OK, AT_EACCESS) != 0)
        return fail_io(problem, folder, "written to");
    return 0;
}

static int fail_taken(int fd, const char *folder, char problem[STORE_PROBLEM_MAX])
{
    char holder[32] = "";
    ssize_t got = pread(fd, holder, sizeof(holder) - 1, 0);
    holder[got > 0 ? strspn(holder, "0123456789") : 0] = '\0';
    (void)snprintf(
        problem, STORE_PROBLEM_MAX,
        "The state folder %.200s is in use by another rostrumd%s%s. Stop that one, or give this "
        "one a folder of its own with --state.",
        folder, holder[0] ? ", process " : "", holder);
    return ERR_EXIST;
}

int store_lock_state(const char *folder, int *lock_fd, char problem[STORE_PROBLEM_MAX])
{
    int err = prepare_folder(folder, problem);
    if (err != 0)
        return err;
    char path[PATH_MAX];
    int chars = snprintf(path, sizeof(path), "%s/lock", folder);
    if (chars < 0 || (size_t)chars >= sizeof(path)) {
        errno = ENAMETOOLONG;
        return fail_io(problem, folder, "used");
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return fail_io(problem, folder, "written to");
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? fail_taken(fd, folder, problem)
                                   : fail_io(problem, folder, "locked");
        (void)close(fd);
        return err;
    }
    if (ftruncate(fd, 0) != 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0) {
        err = fail_io(problem, folder, "written to");
        (void)close(fd);
        return err;
    }
    *lock_fd = fd;
    return 0;
}
