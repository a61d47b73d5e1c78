#include "config/redis_url.h"

#include <stdbool.h>
#include <string.h>

/* A part of the text, not ended by a zero. */
struct part {
    const char *at;
    size_t chars;
};

static bool take_prefix(const char **at, const char *prefix)
{
    size_t chars = strlen(prefix);
    if (strncmp(*at, prefix, chars) != 0)
        return false;
    *at += chars;
    return true;
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Of "%XX" at `at`, which ends with a zero somewhere; 0: it is none, or a zero byte. */
static char percent_value(const char *at)
{
    int high = hex_value(at[1]);
    int low = high < 0 ? -1 : hex_value(at[2]);
    unsigned byte = low < 0 ? 0 : (unsigned)high << 4 | (unsigned)low;
    return (char)byte;
}

static int decode(char *out, size_t chars_max, struct part part)
{
    size_t chars = 0;
    for (size_t i = 0; i < part.chars; i++) {
        char c = part.at[i];
        if (c == '%') {
            c = i + 2 < part.chars ? percent_value(part.at + i) : '\0';
            i += 2;
        } else if (!is_letter_or_digit(c) && strchr("-._~!$&'()*+;=", c) == NULL) {
            return ERR_INVAL;
        }
        if (c == '\0' || chars == chars_max)
            return ERR_INVAL;
        out[chars++] = c;
    }
    out[chars] = '\0';
    return 0;
}

/* "[[USER]:PASSWORD@]" in front of `at`; what follows may hold no other @. */
static int take_user(struct redis_url *url, const char **at)
{
    const char *sign = strchr(*at, '@');
    if (sign == NULL)
        return 0;
    const char *colon = memchr(*at, ':', (size_t)(sign - *at));
    if (colon == NULL || colon + 1 == sign)
        return ERR_INVAL; /* a user without a password is a slip */
    struct part user = {*at, (size_t)(colon - *at)};
    struct part password = {colon + 1, (size_t)(sign - colon - 1)};
    *at = sign + 1;
    int err = decode(url->user, REDIS_USER_MAX, user);
    return err != 0 ? err : decode(url->password, REDIS_PASSWORD_MAX, password);
}

/* The whole of `at`: decimal digits. */
static int read_number(uint32_t *out, const char *at, uint32_t min, uint32_t max)
{
    uint32_t number = 0;
    if (*at == '\0')
        return ERR_INVAL;
    for (; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return ERR_INVAL;
        number = number * 10 + (uint32_t)(*at - '0');
        if (number > max)
            return ERR_INVAL;
    }
    *out = number;
    return number < min ? ERR_INVAL : 0;
}

static int copy(char *out, size_t chars_max, struct part part)
{
    if (part.chars == 0 || part.chars > chars_max)
        return ERR_INVAL;
    memcpy(out, part.at, part.chars);
    out[part.chars] = '\0';
    return 0;
}

/* A name, or an address; brackets are for IPv6 only. */
static int read_host(struct redis_url *url, struct part host)
{
    bool in_brackets = host.chars > 2 && host.at[0] == '[' && host.at[host.chars - 1] == ']';
    if (in_brackets)
        host = (struct part){host.at + 1, host.chars - 2};
    for (size_t i = 0; i < host.chars; i++) {
        char c = host.at[i];
        bool is_good = in_brackets ? hex_value(c) >= 0 || c == ':' || c == '.'
                                   : is_letter_or_digit(c) || c == '-' || c == '.' || c == '_';
        if (!is_good)
            return ERR_INVAL;
    }
    return copy(url->host, REDIS_HOST_MAX, host);
}

static int read_tcp(struct redis_url *url, const char *at)
{
    size_t place_chars = strcspn(at, "/");
    const char *slash = at + place_chars;
    if (*slash == '/' && slash[1] != '\0' && read_number(&url->db, slash + 1, 0, REDIS_DB_MAX) != 0)
        return ERR_INVAL;
    char place[REDIS_HOST_MAX + sizeof("[]:65535")];
    if (copy(place, sizeof(place) - 1, (struct part){at, place_chars}) != 0)
        return ERR_INVAL;
    const char *behind = strchr(place, ']');
    char *colon = strchr(behind != NULL ? behind : place, ':');
    uint32_t port = REDIS_PORT;
    if (colon != NULL && read_number(&port, colon + 1, 1, UINT16_MAX) != 0)
        return ERR_INVAL;
    url->port = (uint16_t)port;
    size_t host_chars = colon != NULL ? (size_t)(colon - place) : strlen(place);
    return read_host(url, (struct part){place, host_chars});
}

static int read_unix(struct redis_url *url, const char *at)
{
    size_t path_chars = strcspn(at, "?");
    const char *query = at + path_chars;
    if (*query == '?' &&
        (!take_prefix(&query, "?db=") || read_number(&url->db, query, 0, REDIS_DB_MAX) != 0))
        return ERR_INVAL;
    if (at[0] != '/' || path_chars < 2)
        return ERR_INVAL;
    return copy(url->path, REDIS_PATH_MAX, (struct part){at, path_chars});
}

int redis_url_parse(struct redis_url *out, const char *text)
{
    struct redis_url url = {.port = 0};
    const char *at = text;
    int err = ERR_INVAL;
    if (text[0] == '/')
        err = read_unix(&url, at);
    else if (take_prefix(&at, "redis://"))
        err = take_user(&url, &at) != 0 ? ERR_INVAL : read_tcp(&url, at);
    else if (take_prefix(&at, "unix://"))
        err = take_user(&url, &at) != 0 ? ERR_INVAL : read_unix(&url, at);
    else if (take_prefix(&at, "rediss://"))
        err = ERR_UNSUPPORTED;
    if (err == 0)
        *out = url;
    return err;
}
