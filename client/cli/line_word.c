#include "line_word.h"

#include <string.h>

enum { STATUS_OK = 200, STATUS_ERROR = 400 };

static const json_int_t PLACES_MAX = 100000000, SECONDS_MAX = 1000000;

/* ---- parts ---- */

bool line_take_ticket(char out[LINE_TICKET_MAX + 1], const char *text)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t chars = text != NULL ? strnlen(text, LINE_TICKET_MAX + 1) : 0;
    bool is_ticket =
        chars >= LINE_TICKET_MIN && chars <= LINE_TICKET_MAX && strspn(text, allowed) == chars;
    if (is_ticket)
        memcpy(out, text, chars);
    out[is_ticket ? chars : 0] = '\0';
    return is_ticket;
}

static bool read_number(uint32_t *out, const json_t *object, const char *name, json_int_t least,
                        json_int_t most)
{
    const json_t *value = json_object_get(object, name);
    json_int_t number = json_integer_value(value);
    if (!json_is_integer(value) || number < least || number > most)
        return false;
    *out = (uint32_t)number;
    return true;
}

static bool read_wait(struct line_place *out, const json_t *wait)
{
    out->has_wait = wait != NULL && !json_is_null(wait);
    return !out->has_wait ||
           (read_number(&out->from_s, wait, "from_s", 0, SECONDS_MAX) &&
            read_number(&out->to_s, wait, "to_s", 0, SECONDS_MAX) && out->from_s <= out->to_s);
}

int line_place_read(struct line_place *out, const json_t *line)
{
    struct line_place place = {0};
    if (!line_take_ticket(place.ticket, json_string_value(json_object_get(line, "ticket"))) ||
        !read_number(&place.place, line, "place", 1, PLACES_MAX) ||
        !read_number(&place.in_line, line, "in_line", 1, PLACES_MAX) ||
        !read_wait(&place, json_object_get(line, "wait")))
        return ERR_PROTO;
    *out = place;
    return 0;
}

/* As long as a URL of scheme, host and port goes; 0: it is none. */
static size_t node_chars(const char *url)
{
    static const char http[] = "http://", https[] = "https://";
    size_t scheme = strncmp(url, https, sizeof(https) - 1) == 0 ? sizeof(https) - 1
                    : strncmp(url, http, sizeof(http) - 1) == 0 ? sizeof(http) - 1
                                                                : 0;
    size_t chars = scheme;
    while (url[chars] > ' ' && url[chars] < 0x7f && strchr("/?#@\\", url[chars]) == NULL)
        chars++;
    return scheme > 0 && chars > scheme && chars <= LINE_URL_MAX ? chars : 0;
}

static bool take_url(struct line_node *out, const char *url)
{
    size_t chars = url != NULL ? node_chars(url) : 0;
    if (chars == 0 || url[chars] != '\0')
        return false;
    memcpy(out->url, url, chars);
    return true;
}

static bool take_region(struct line_node *out, const json_t *region)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    const char *text = json_string_value(region);
    if (region == NULL)
        return true;
    size_t chars = text != NULL ? strnlen(text, LINE_REGION_MAX + 1) : 0;
    if (chars == 0 || chars > LINE_REGION_MAX || strspn(text, allowed) != chars)
        return false;
    memcpy(out->region, text, chars);
    return true;
}

int line_node_read(struct line_node *out, const json_t *elsewhere)
{
    struct line_node node = {0};
    const json_t *ticket = json_object_get(elsewhere, "ticket");
    if (!take_url(&node, json_string_value(json_object_get(elsewhere, "url"))) ||
        (ticket != NULL && !line_take_ticket(node.ticket, json_string_value(ticket))) ||
        !take_region(&node, json_object_get(elsewhere, "region")))
        return ERR_PROTO;
    *out = node;
    return 0;
}

int line_node_split(struct line_node *out, const char **path, const char *location)
{
    size_t chars = node_chars(location);
    if (chars == 0 || location[chars] != '/')
        return ERR_PROTO;
    *out = (struct line_node){0};
    memcpy(out->url, location, chars);
    *path = location + chars;
    return 0;
}

uint32_t line_again_read(const json_t *object)
{
    const json_t *value = json_object_get(object, "retry_after_ms");
    json_int_t ms = json_integer_value(value);
    if (!json_is_integer(value) || ms < 0)
        return LINE_AGAIN_NEVER;
    return ms < LINE_AGAIN_MAX_MS ? (uint32_t)ms : LINE_AGAIN_MAX_MS;
}

/* ---- whole answers ---- */

static int read_seat(struct line_word *out, const json_t *body)
{
    out->answer = LINE_SEAT;
    if (!line_take_ticket(out->place.ticket, json_string_value(json_object_get(body, "ticket"))) ||
        !read_number(&out->hold_ms, body, "hold_ms", 0, LINE_AGAIN_MAX_MS))
        return ERR_PROTO;
    return 0;
}

static int read_place(struct line_word *out, const json_t *body)
{
    out->answer = LINE_PLACE;
    out->again_ms = line_again_read(body);
    if (out->again_ms == LINE_AGAIN_NEVER)
        return ERR_PROTO;
    return line_place_read(&out->place, json_object_get(body, "line"));
}

static int read_good(struct line_word *out, const json_t *body)
{
    const char *answer = json_string_value(json_object_get(body, "answer"));
    if (answer != NULL && strcmp(answer, "seat") == 0)
        return read_seat(out, body);
    if (answer != NULL && strcmp(answer, "line") == 0)
        return read_place(out, body);
    if (answer != NULL && strcmp(answer, "elsewhere") == 0) {
        out->answer = LINE_ELSEWHERE;
        return line_node_read(&out->node, body);
    }
    return ERR_PROTO;
}

/* A WHEP offer is answered so when there is only a place. */
static int read_problem(struct line_word *out, uint32_t retry_after_ms, const json_t *body)
{
    const char *code = json_string_value(json_object_get(body, "code"));
    if (code == NULL)
        return ERR_PROTO;
    out->again_ms = line_again_read(body);
    if (out->again_ms == LINE_AGAIN_NEVER)
        out->again_ms = retry_after_ms;
    if (strcmp(code, "line") == 0 && out->again_ms != LINE_AGAIN_NEVER) {
        out->answer = LINE_PLACE;
        return line_place_read(&out->place, json_object_get(body, "line"));
    }
    out->answer = LINE_NO;
    size_t chars = strnlen(code, LINE_WORD_CHARS - 1);
    memcpy(out->word, code, chars);
    (void)line_take_ticket(out->place.ticket, json_string_value(json_object_get(body, "ticket")));
    return 0;
}

int line_word_read(struct line_word *out, unsigned status, uint32_t retry_after_ms,
                   const char *body, size_t bytes)
{
    struct line_word word = {.again_ms = LINE_AGAIN_NEVER};
    json_t *json = json_loadb(body != NULL ? body : "", bytes, 0, NULL);
    int err = ERR_PROTO;
    if (json_is_object(json) && status == STATUS_OK)
        err = read_good(&word, json);
    else if (json_is_object(json) && status >= STATUS_ERROR)
        err = read_problem(&word, retry_after_ms, json);
    json_decref(json);
    if (err == 0)
        *out = word;
    return err;
}
