#include "telemetry/process.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    LINE_BYTES = 512,
    PATH_BYTES = 64,
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

uint64_t process_rss_bytes(void)
{
    char line[LINE_BYTES];
    unsigned long long pages = 0, resident = 0;
    long page_bytes = sysconf(_SC_PAGESIZE);
    if (!read_line("/proc/self/statm", line) || sscanf(line, "%llu %llu", &pages, &resident) != 2 ||
        page_bytes < 1)
        return 0;
    return resident * (unsigned long long)page_bytes;
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

static int by_id(const void *a, const void *b)
{
    const struct process_thread *left = a, *right = b;
    return (left->id > right->id) - (left->id < right->id);
}

size_t process_threads(struct process_thread *out, size_t max)
{
    long ticks = sysconf(_SC_CLK_TCK);
    DIR *folder = opendir("/proc/self/task");
    if (folder == NULL)
        return 0;
    size_t count = 0;
    const struct dirent *entry;
    while (count < max && (entry = readdir(folder)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0]) &&
            read_thread(&out[count], entry->d_name, ticks < 1 ? 100 : (unsigned)ticks))
            count++;
    (void)closedir(folder);
    qsort(out, count, sizeof(*out), by_id);
    return count;
}
