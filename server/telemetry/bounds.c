#include "telemetry/bounds.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    LINE_BYTES = BOUNDS_PATH_MAX + 64,
    FILE_PATH_BYTES = 2 * BOUNDS_PATH_MAX + 64,
};

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

bool bounds_parse_bytes(uint64_t *out, const char *line)
{
    size_t chars = strcspn(line, "\n");
    if (chars == 3 && strncmp(line, "max", chars) == 0) {
        *out = BOUNDS_NONE;
        return true;
    }
    char *end;
    errno = 0;
    unsigned long long bytes = strtoull(line, &end, 10);
    if (!isdigit((unsigned char)line[0]) || end != line + chars || errno != 0)
        return false;
    *out = bytes;
    return true;
}

/* True if `name` is one of the names in "a,b,c" of that many characters. */
static bool is_listed(const char *list, size_t chars, const char *name)
{
    const char *end = list + chars;
    for (const char *at = list; at <= end;) {
        size_t one = strcspn(at, ",:");
        if (one == strlen(name) && strncmp(at, name, one) == 0)
            return true;
        at += one + 1;
    }
    return false;
}

bool bounds_parse_group(char path[BOUNDS_PATH_MAX], bool *is_v1, const char *line)
{
    size_t number = strspn(line, "0123456789");
    if (number == 0 || line[number] != ':')
        return false;
    const char *controllers = line + number + 1;
    size_t chars = strcspn(controllers, ":");
    if (controllers[chars] != ':' || controllers[chars + 1] != '/')
        return false;
    bool is_whole = number == 1 && line[0] == '0' && chars == 0;
    if (!is_whole && !is_listed(controllers, chars, "memory"))
        return false;
    const char *name = controllers + chars + 1;
    size_t path_chars = strcspn(name, "\n");
    if (path_chars >= BOUNDS_PATH_MAX)
        return false;
    memcpy(path, name, path_chars);
    path[path_chars] = '\0';
    *is_v1 = !is_whole;
    return true;
}

static uint64_t read_bytes(const char *path)
{
    char line[LINE_BYTES];
    uint64_t bytes = BOUNDS_NONE;
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return BOUNDS_NONE;
    if (fgets(line, sizeof(line), file) == NULL || !bounds_parse_bytes(&bytes, line))
        bytes = BOUNDS_NONE;
    (void)fclose(file);
    return bytes;
}

/* From the process' group up to the root: each of them bounds all that is below it. In a container
 * whose own group looks like the root, or whose path is that of the host, the root's file is there. */
static uint64_t bound_of_groups(const char *root, char path[BOUNDS_PATH_MAX], bool is_v1)
{
    const char *tree = is_v1 ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup";
    const char *name = is_v1 ? "memory.limit_in_bytes" : "memory.max";
    uint64_t bytes = BOUNDS_NONE;
    for (;;) {
        char file[FILE_PATH_BYTES];
        int chars = snprintf(file, sizeof(file), "%s%s%s/%s", root, tree, path, name);
        if (chars > 0 && (size_t)chars < sizeof(file))
            bytes = least(bytes, read_bytes(file));
        char *last = strrchr(path, '/');
        if (last == NULL)
            return bytes;
        *last = '\0';
    }
}

static uint64_t memory_of_groups(const char *root)
{
    char name[FILE_PATH_BYTES], line[LINE_BYTES], path[BOUNDS_PATH_MAX];
    uint64_t bytes = BOUNDS_NONE;
    bool is_v1;
    (void)snprintf(name, sizeof(name), "%s/proc/self/cgroup", root);
    FILE *file = fopen(name, "re");
    if (file == NULL)
        return BOUNDS_NONE;
    while (fgets(line, sizeof(line), file) != NULL)
        if (bounds_parse_group(path, &is_v1, line))
            bytes = least(bytes, bound_of_groups(root, path, is_v1));
    (void)fclose(file);
    return bytes;
}

static uint64_t limit_of(int result, const struct rlimit *limit)
{
    return result != 0 || limit->rlim_cur == RLIM_INFINITY ? BOUNDS_NONE : limit->rlim_cur;
}

void bounds_read(struct bounds *out, const char *root)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    uint64_t machine_bytes =
        pages > 0 && page_bytes > 0 ? (uint64_t)pages * (uint64_t)page_bytes : BOUNDS_NONE;
    struct rlimit address, descriptors;
    int address_result = getrlimit(RLIMIT_AS, &address);
    int descriptors_result = getrlimit(RLIMIT_NOFILE, &descriptors);
    *out = (struct bounds){.memory_bytes = least(machine_bytes, memory_of_groups(root)),
                           .address_bytes = limit_of(address_result, &address),
                           .descriptors = limit_of(descriptors_result, &descriptors)};
}
