/* state.h - the state folder belongs to one running server: a lock that ends with the process.
 *
 * Owner    main; taken before anything in the folder is read
 * Thread   control
 * Units    none
 * Errors   as named, with one or two sentences for the operator in `problem`
 * Spec     flock(2) on DIR/lock; the process id in it is for people only
 */
#ifndef STORE_STATE_H
#define STORE_STATE_H

#include "store/store.h"

/* Makes the folder (0700; its parent exists) if it is missing, checks that it is writable and takes
 * its lock, which the caller keeps until close(*lock_fd). ERR_EXIST: another server has it. ERR_IO.
 */
MUST_CHECK int store_lock_state(const char *folder, int *lock_fd, char problem[STORE_PROBLEM_MAX]);

#endif
