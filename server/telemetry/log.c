#include "telemetry/log.h"

#include "base/clock.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES =
        2048, /* below PIPE_BUF, so that lines of several threads never mix in a pipe */
};

static _Atomic int level_shown = LOG_LEVEL_INFO;

static const char *const level_names[] = {
    [LOG_LEVEL_ERROR] = "error",
    [LOG_LEVEL_WARN] = "warn",
    [LOG_LEVEL_INFO] = "info",
    [LOG_LEVEL_DEBUG] = "debug",
};

void log_set_level(enum log_level level)
{
    atomic_store_explicit(&level_shown, (int)level, memory_order_relaxed);
}

static size_t clamp_written(int written, size_t room)
{
    if (written < 0)
        return 0;
    return (size_t)written < room ? (size_t)written : room - 1;
}

static size_t write_prefix(char *line, size_t room, enum log_level level, const char *event)
{
    int64_t wall_ms = clock_wall_ms();
    time_t seconds = (time_t)(wall_ms / 1000);
    struct tm utc;
    (void)gmtime_r(&seconds, &utc);
    char time_text[32];
    (void)strftime(time_text, sizeof(time_text), "%Y-%m-%dT%H:%M:%S", &utc);
    int written = snprintf(line, room, "%s.%03dZ %s %s ", time_text, (int)(wall_ms % 1000),
                           level_names[level], event);
    return clamp_written(written, room);
}

__attribute__((format(printf, 3, 0))) static void
write_line(enum log_level level, const char *event, const char *format, va_list fields)
{
    if ((int)level > atomic_load_explicit(&level_shown, memory_order_relaxed))
        return;
    char line[LINE_MAX_BYTES];
    size_t room = sizeof(line) - 1; /* for the newline */
    size_t bytes = write_prefix(line, room, level, event);
    bytes += clamp_written(vsnprintf(line + bytes, room - bytes, format, fields), room - bytes);
    /* whatever a field brought, an event stays one line */
    for (size_t i = 0; i < bytes; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7F)
            line[i] = '_';
    if (line[bytes - 1] == ' ')
        bytes--;
    line[bytes++] = '\n';
    ssize_t written = write(STDERR_FILENO, line, bytes);
    (void)written;
}

void log_error(const char *event, const char *format, ...)
{
    va_list fields;
    va_start(fields, format);
    write_line(LOG_LEVEL_ERROR, event, format, fields);
    va_end(fields);
}

void log_warn(const char *event, const char *format, ...)
{
    va_list fields;
    va_start(fields, format);
    write_line(LOG_LEVEL_WARN, event, format, fields);
    va_end(fields);
}

void log_info(const char *event, const char *format, ...)
{
    va_list fields;
    va_start(fields, format);
    write_line(LOG_LEVEL_INFO, event, format, fields);
    va_end(fields);
}

void log_debug(const char *event, const char *format, ...)
{
    va_list fields;
    va_start(fields, format);
    write_line(LOG_LEVEL_DEBUG, event, format, fields);
    va_end(fields);
}

const char *log_safe(char out[LOG_SAFE_MAX], const char *text)
{
    size_t chars = 0;
    for (; text && text[chars] && chars < LOG_SAFE_MAX - 1; chars++) {
        unsigned char c = (unsigned char)text[chars];
        out[chars] = c <= ' ' || c == 0x7F || c == '"' || c == '\'' || c == '`' ? '_' : (char)c;
    }
    out[chars] = '\0';
    return out;
}
