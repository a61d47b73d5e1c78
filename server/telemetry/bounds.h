/* bounds.h - what the system lets this process have: memory and descriptors.
 *
 * Owner    values
 * Thread   any but the media threads: the kernel is asked through files
 * Units    bytes, descriptors; BOUNDS_NONE where there is no bound
 * Errors   none: what the kernel does not tell is BOUNDS_NONE
 * Spec     getrlimit(2), cgroups(7), the kernel's admin-guide/cgroup-v2 (memory.max)
 */
#ifndef TELEMETRY_BOUNDS_H
#define TELEMETRY_BOUNDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOUNDS_NONE UINT64_MAX

enum { BOUNDS_PATH_MAX = 512 };

struct bounds {
    uint64_t
        memory_bytes; /* resident: the least of the machine's and of all control groups above */
    uint64_t address_bytes; /* RLIMIT_AS */
    uint64_t descriptors;   /* RLIMIT_NOFILE */
};

/* `root` stands before the paths of the kernel's files: "" but in tests. */
void bounds_read(struct bounds *out, const char *root);

/* Reads one line of /proc/PID/cgroup. True: it names the group that bounds memory, in version 2 (one
 * tree for all) or 1 (a tree for memory); its path is copied. */
bool bounds_parse_group(char path[BOUNDS_PATH_MAX], bool *is_v1, const char *line);
/* Reads memory.max ("max", or bytes). False: it is neither. */
bool bounds_parse_bytes(uint64_t *out, const char *line);

#endif
