/* log.h - one line per event on standard error: time, level, fixed name, then fields.
 *
 * Owner    the process
 * Thread   any but the media threads (workers, stages), which count instead
 * Units    fields name theirs
 * Errors   none: a log line that cannot be written is lost
 * Spec     levels as style: error = an operator must act, warn = we recovered, info = life cycle, debug = the rest
 */
#ifndef TELEMETRY_LOG_H
#define TELEMETRY_LOG_H

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARN, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

void log_set_level(enum log_level level);
/* log_info("room.live", "room=%s hosts=%u", slug, hosts). No keys, tokens or addresses of people. Text that
 * came from outside goes through log_safe(). */
void log_error(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_warn(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_info(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));
void log_debug(const char *event, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum { LOG_SAFE_MAX = 128 };
/* Copies at most LOG_SAFE_MAX - 1 bytes; control characters, quotes and spaces become '_'. Returns out. */
const char *log_safe(char out[LOG_SAFE_MAX], const char *text);

#endif
