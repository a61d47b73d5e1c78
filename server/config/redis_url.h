/* redis_url.h - where a Redis or Valkey is, as the operator writes it.
 *
 *     redis://[[USER]:PASSWORD@]HOST[:PORT][/DB]
 *     unix://[[USER]:PASSWORD@]/PATH[?db=DB]      or just  /PATH
 *
 * HOST is a name, an IPv4 address or an IPv6 address in brackets. In USER and PASSWORD other
 * characters than A-Z a-z 0-9 - . _ ~ ! $ & ' ( ) * + ; = may be written as %XX, and : / @ ? # % have to
 * be. rediss:// (TLS) is refused: Debian 12's hiredis has no TLS, and a password must not travel in clear
 * because somebody forgot that.
 *
 * Owner    values; they hold a password: never logged
 * Thread   any
 * Units    characters
 * Errors   ERR_INVAL; ERR_UNSUPPORTED: rediss://
 * Spec     RFC 3986 for the percent signs
 */
#ifndef CONFIG_REDIS_URL_H
#define CONFIG_REDIS_URL_H

#include "rostrum/error.h"

#include <stdint.h>

enum {
    REDIS_HOST_MAX = 253,
    REDIS_PATH_MAX = 107, /* what a Unix address holds */
    REDIS_USER_MAX = 64,
    REDIS_PASSWORD_MAX = 200,
    REDIS_DB_MAX = 1023,
    REDIS_PORT = 6379,
};

struct redis_url {
    char host[REDIS_HOST_MAX + 1]; /* without brackets; "": a Unix socket */
    char path[REDIS_PATH_MAX + 1]; /* "": TCP */
    uint16_t port;
    char user[REDIS_USER_MAX + 1];         /* "": the default one */
    char password[REDIS_PASSWORD_MAX + 1]; /* "": none */
    uint32_t db;
};

MUST_CHECK int redis_url_parse(struct redis_url *out, const char *text);

#endif
