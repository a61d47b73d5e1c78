/* thread.h - named threads with a role, so that an entry point can assert on whose thread it runs.
 *
 * Owner    the module that starts the thread joins it
 * Thread   any
 * Units    none
 * Errors   thread_start: ERR_NOMEM (the system has no more threads)
 * Spec     pthreads(7)
 */
#ifndef BASE_THREAD_H
#define BASE_THREAD_H

#include "rostrum/error.h"

#include <assert.h>
#include <pthread.h>

enum thread_role {
    THREAD_ANY, /* tests and tools: every assertion passes */
    THREAD_CONTROL,
    THREAD_ACCEPTOR,
    THREAD_WORKER,
    THREAD_STAGE,
    THREAD_RECORDER,
    THREAD_STORE,
};

struct thread {
    pthread_t handle;
    const char *name; /* borrowed, at most 15 characters */
    enum thread_role role;
    void (*run)(void *arg);
    void *arg;
};

/* Fills and starts; all signals are blocked in the new thread, and those of the media plane go
 * before others if the system permits it (RLIMIT_NICE). `name` must outlive it. */
MUST_CHECK int thread_start(struct thread *thread, const char *name, enum thread_role role,
                            void (*run)(void *arg), void *arg);
void thread_join(struct thread *thread);
/* Gives the calling thread a role (the main thread becomes THREAD_CONTROL). */
void thread_set_role(enum thread_role role);
enum thread_role thread_role(void);

#define ASSERT_THREAD(wanted) assert(thread_role() == THREAD_ANY || thread_role() == (wanted))

#endif
