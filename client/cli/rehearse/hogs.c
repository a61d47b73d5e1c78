#include "rehearse/hogs.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the new process, where only what is safe in a signal handler is: others of our threads may have
 * held locks. */
_Noreturn static void be_busy(pid_t parent, unsigned seconds)
{
    volatile unsigned long rounds = 0;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)alarm(seconds);
    if (getppid() != parent) /* it ended before we asked to hear of it */
        _exit(0);
    for (;;)
        rounds++;
}

int hogs_start(struct hogs *hogs, unsigned count, unsigned seconds)
{
    pid_t parent = getpid();
    *hogs = (struct hogs){0};
    while (hogs->count < count && hogs->count < HOGS_MAX) {
        pid_t pid = fork();
        if (pid == 0)
            be_busy(parent, seconds);
        if (pid < 0) {
            hogs_stop(hogs);
            return ERR_IO;
        }
        hogs->pids[hogs->count++] = pid;
    }
    return 0;
}

void hogs_stop(struct hogs *hogs)
{
    for (unsigned i = 0; i < hogs->count; i++)
        (void)kill(hogs->pids[i], SIGKILL);
    for (unsigned i = 0; i < hogs->count; i++)
        while (waitpid(hogs->pids[i], NULL, 0) < 0 && errno == EINTR)
            continue;
    hogs->count = 0;
}
