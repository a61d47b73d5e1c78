/* strain.h - how busy the busiest thread of this command was: a crowd that gets no processor plays its part late,
 * and the limit that it finds is its own.
 *
 * A thread is busy while it runs and while it is ready to run and gets no processor.
 *
 * Owner    the command, by value
 * Thread   any one
 * Units    microseconds, monotonic, passed in; per mille of the time
 * Errors   none: where the kernel does not tell, nobody was busy
 * Spec     telemetry/process.h
 */
#ifndef REHEARSE_STRAIN_H
#define REHEARSE_STRAIN_H

#include "telemetry/process.h"

struct strain {
    uint64_t from_us;
    size_t count;
    struct {
        int id;
        uint64_t busy_ns;
    } threads[PROCESS_THREADS_MAX];
};

void strain_begin(struct strain *strain, uint64_t now_us);
/* Of the time since strain_begin(), of all threads that are there now. */
unsigned strain_permille(const struct strain *strain, uint64_t now_us);

#endif
