#include "telemetry/process.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE_BYTES = 512,
    PATH_BYTES = 64,
    NS_PER_MS = 1000 * 1000,
    FIELDS_BEFORE_TIMES = 11, /* proc(5): from `state`, the third, to `cmajflt`, the thirteenth */
};

static uint64_t ms_of(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000 + (uint64_t)time->tv_usec / 1000;
}

uint64_t process_cpu_ms(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0)
        return 0;
    return ms_of(&usage.ru_utime) + ms_of(&usage.ru_stime);
}

static bool read_line(const char *path, char line[LINE_BYTES])
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool has_line = fgets(line, LINE_BYTES, file) != NULL;
    (void)fclose(file);
    return has_line;
}

struct memory {
    uint64_t address_bytes, rss_bytes;
};

static struct memory memory_now(void)
{
    char line[LINE_BYTES];
    uint64_t pages = 0, resident = 0;
    long page_bytes = sysconf(_SC_PAGESIZE);
    if (!read_line("/proc/self/statm", line) ||
        sscanf(line, "%" SCNu64 " %" SCNu64, &pages, &resident) != 2 || page_bytes < 1)
        return (struct memory){0};
    return (struct memory){.address_bytes = pages * (uint64_t)page_bytes,
                           .rss_bytes = resident * (uint64_t)page_bytes};
}

uint64_t process_rss_bytes(void)
{
    return memory_now().rss_bytes;
}

uint64_t process_address_bytes(void)
{
    return memory_now().address_bytes;
}

unsigned process_descriptors(void)
{
    struct stat info;
    if (stat("/proc/self/fd", &info) == 0 && info.st_size > 0)
        return (unsigned)info.st_size;
    DIR *folder = opendir("/proc/self/fd");
    struct rlimit limit;
    if (folder == NULL) /* none was left for it */
        return errno == EMFILE && getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (unsigned)limit.rlim_cur
                                                                        : 0;
    unsigned count = 0;
    const struct dirent *entry;
    while ((entry = readdir(folder)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0]))
            count++;
    (void)closedir(folder);
    return count - 1; /* its own */
}

unsigned process_cores(void)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : (unsigned)cores;
}

bool process_parse_stat(struct process_thread *out, const char *line, unsigned ticks_per_second)
{
    /* The name may hold anything, parentheses too: the last one ends it. */
    const char *name = strchr(line, '(');
    const char *end = strrchr(line, ')');
    char *after_id;
    long id = strtol(line, &after_id, 10);
    if (name == NULL || end == NULL || end < name || after_id == line || id < 1)
        return false;
    const char *rest = end + 1;
    for (unsigned i = 0; i < FIELDS_BEFORE_TIMES; i++) {
        rest += strspn(rest, " ");
        rest += strcspn(rest, " ");
    }
    unsigned long long user = 0, system = 0;
    if (sscanf(rest, "%llu %llu", &user, &system) != 2)
        return false;
    *out =
        (struct process_thread){.id = (int)id, .cpu_ms = (user + system) * 1000 / ticks_per_second};
    (void)snprintf(out->name, sizeof(out->name), "%.*s", (int)(end - name - 1), name + 1);
    return true;
}

static bool read_thread(struct process_thread *out, const char *id, unsigned ticks_per_second)
{
    char path[PATH_BYTES], line[LINE_BYTES];
    int chars = snprintf(path, sizeof(path), "/proc/self/task/%s/stat", id);
    return chars > 0 && chars < PATH_BYTES && read_line(path, line) &&
           process_parse_stat(out, line, ticks_per_second);
}

bool process_parse_run(struct process_run *out, const char *line)
{
    struct process_run run;
    if (!isdigit((unsigned char)line[0]) || sscanf(line, "%" SCNu64 " %" SCNu64 " %" SCNu64,
                                                   &run.cpu_ns, &run.waited_ns, &run.runs) != 3)
        return false;
    *out = run;
    return true;
}

static unsigned kernel_ticks(void)
{
    long ticks = sysconf(_SC_CLK_TCK);
    return ticks < 1 ? 100 : (unsigned)ticks;
}

bool process_thread_run(struct process_run *out, int id)
{
    char path[PATH_BYTES], line[LINE_BYTES];
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/schedstat", id);
    if (read_line(path, line) && process_parse_run(out, line))
        return true;
    struct process_thread thread;
    (void)snprintf(path, sizeof(path), "%d", id);
    if (!read_thread(&thread, path, kernel_ticks()))
        return false;
    *out = (struct process_run){.cpu_ns = thread.cpu_ms * NS_PER_MS};
    return true;
}

static int by_id(const void *a, const void *b)
{
    const struct process_thread *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

size_t process_threads(struct process_thread *out, size_t max)
{
    unsigned ticks = kernel_ticks();
    DIR *folder = opendir("/proc/self/task");
    if (folder == NULL)
        return 0;
    size_t count = 0;
    const struct dirent *entry;
    while (count < max && (entry = readdir(folder)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0]) &&
            read_thread(&out[count], entry->d_name, ticks))
            count++;
    (void)closedir(folder);
    qsort(out, count, sizeof(*out), by_id);
    return count;
}
