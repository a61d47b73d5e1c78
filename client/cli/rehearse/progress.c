#include "rehearse/progress.h"

#include <inttypes.h>
#include <unistd.h>

void progress_begin(struct progress *progress, FILE *out)
{
    *progress = (struct progress){.out = out, .is_terminal = isatty(fileno(out)) == 1};
}

void progress_line(char out[PROGRESS_LINE_CHARS], uint32_t second, uint32_t seconds,
                   const struct crowd_now *crowd, const struct server_second *server)
{
    char load[48] = "", line[32] = "";
    if (crowd->lined > 0)
        (void)snprintf(line, sizeof(line), ", %" PRIu32 " in line", crowd->lined);
    if (server->has_cpu)
        (void)snprintf(load, sizeof(load), ", server %" PRIu32 " %% of a core",
                       server->cpu_permille / 10);
    (void)snprintf(out, PROGRESS_LINE_CHARS,
                   "%" PRIu32 "/%" PRIu32 " s: %" PRIu32 " hearing, %" PRIu32 " joining, %" PRIu32
                   " waiting%s, %" PRIu64 " refused, %" PRIu64 " failed, %" PRIu64 " lost%s",
                   second, seconds, crowd->hearing, crowd->joining, crowd->waiting, line,
                   crowd->refused, crowd->failed, crowd->lost, load);
}

void progress_show(struct progress *progress, uint32_t second, uint32_t seconds,
                   const struct crowd_now *crowd, const struct server_second *server)
{
    char line[PROGRESS_LINE_CHARS];
    if (!progress->is_terminal && second % PROGRESS_EVERY_S != 0)
        return;
    progress_line(line, second, seconds, crowd, server);
    /* Erases to the end of the line (ECMA-48 EL), for the last one may have been longer. */
    (void)fprintf(progress->out, progress->is_terminal ? "\r%s\033[K" : "%s\n", line);
    (void)fflush(progress->out);
    progress->is_open = progress->is_terminal;
}

void progress_end(struct progress *progress)
{
    if (progress->is_open)
        (void)fputc('\n', progress->out);
    progress->is_open = false;
}
