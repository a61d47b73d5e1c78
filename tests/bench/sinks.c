#include "sinks.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    SPARE_DESCRIPTORS = 32,
    PER_ADDRESS = 50, /* as many as `rostrum rehearse` binds to one address of 127.0.0.0/8 */
};

static bool allow_descriptors(unsigned count)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return false;
    rlim_t wanted = count + SPARE_DESCRIPTORS;
    if (limit.rlim_cur >= wanted)
        return true;
    limit.rlim_cur = wanted;
    if (limit.rlim_max < wanted)
        limit.rlim_max = wanted; /* root may */
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static bool bind_one(struct sockaddr_in *out, unsigned number)
{
    struct sockaddr_in own = {.sin_family = AF_INET,
                              .sin_addr = {htonl(INADDR_LOOPBACK + number / PER_ADDRESS)}};
    socklen_t bytes = sizeof(own);
    const int least = 1; /* the system makes it as small as it allows */
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &least, sizeof(least)) != 0 ||
        bind(fd, (const struct sockaddr *)&own, sizeof(own)) != 0 ||
        getsockname(fd, (struct sockaddr *)&own, &bytes) != 0)
        return false;
    *out = own;
    return true;
}

/* In the new process: binds, tells, and stays. */
static void hold(int pipe_fd, unsigned count, pid_t parent)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != parent || !allow_descriptors(count))
        _exit(EXIT_FAILURE);
    for (unsigned i = 0; i < count; i++) {
        struct sockaddr_in own;
        if (!bind_one(&own, i)) {
            perror("sinks: no more sockets");
            _exit(EXIT_FAILURE);
        }
        if (write(pipe_fd, &own, sizeof(own)) != (ssize_t)sizeof(own))
            _exit(EXIT_FAILURE);
    }
    (void)close(pipe_fd);
    for (;;)
        (void)pause();
}

bool sinks_open(struct sockaddr_in *out, unsigned count)
{
    int ends[2];
    if (pipe(ends) != 0)
        return false;
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
        (void)close(ends[0]);
        hold(ends[1], count, parent);
    }
    (void)close(ends[1]);
    FILE *addresses = child > 0 ? fdopen(ends[0], "r") : NULL;
    bool is_whole = addresses && fread(out, sizeof(*out), count, addresses) == count;
    if (addresses)
        (void)fclose(addresses);
    else
        (void)close(ends[0]);
    if (!is_whole)
        (void)fprintf(stderr, "could not open %u sockets to send to\n", count);
    return is_whole;
}
