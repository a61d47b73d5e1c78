#include "base/thread.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MEDIA_NICE = -10 };

static _Thread_local enum thread_role own_role = THREAD_ANY;

static bool is_media(enum thread_role role)
{
    return role == THREAD_WORKER || role == THREAD_STAGE || role == THREAD_RECORDER;
}

static void *run_thread(void *arg)
{
    struct thread *thread = arg;
    own_role = thread->role;
    /* Media before pages and newcomers. Where this is not permitted it runs like the rest. */
    if (is_media(thread->role))
        (void)setpriority(PRIO_PROCESS, (id_t)gettid(), MEDIA_NICE);
    (void)pthread_setname_np(pthread_self(), thread->name);
    thread->run(thread->arg);
    return NULL;
}

int thread_start(struct thread *thread, const char *name, enum thread_role role,
                 void (*run)(void *arg), void *arg)
{
    *thread = (struct thread){.name = name, .role = role, .run = run, .arg = arg};
    /* A new thread inherits the mask, so no signal can reach it before it has blocked them all. */
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&thread->handle, NULL, run_thread, thread);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? ERR_NOMEM : 0;
}

void thread_join(struct thread *thread)
{
    (void)pthread_join(thread->handle, NULL);
}

void thread_set_role(enum thread_role role)
{
    own_role = role;
}

enum thread_role thread_role(void)
{
    return own_role;
}
