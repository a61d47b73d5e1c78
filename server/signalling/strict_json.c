#include "signalling/strict_json.h"

#include <stdio.h>
#include <string.h>

/* jansson's own limit is 2048 levels, fixed when it was built. */
static bool is_shallow(struct slice text)
{
    unsigned depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.bytes; i++) {
        uint8_t c = text.data[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if ((c == '{' || c == '[') && ++depth > STRICT_JSON_DEPTH_MAX) {
            return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

int strict_json_read(json_t **out, struct slice text, char problem[STRICT_JSON_PROBLEM_MAX])
{
    if (!is_shallow(text)) {
        snprintf(problem, STRICT_JSON_PROBLEM_MAX, "The JSON is nested deeper than %d levels.",
                 STRICT_JSON_DEPTH_MAX);
        return ERR_PROTO;
    }
    json_error_t error;
    json_t *object =
        json_loadb((const char *)text.data, text.bytes, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        snprintf(problem, STRICT_JSON_PROBLEM_MAX, "Not JSON as we read it (at byte %d): %.120s.",
                 error.position, error.text);
        return ERR_PROTO;
    }
    if (!json_is_object(object)) {
        json_decref(object);
        snprintf(problem, STRICT_JSON_PROBLEM_MAX, "This is JSON, but not an object.");
        return ERR_PROTO;
    }
    *out = object;
    return 0;
}

const char *strict_json_unknown_field(json_t *object, const char *const *names)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
    {
        const char *const *name = names;
        while (*name != NULL && strcmp(*name, key) != 0)
            name++;
        if (*name == NULL)
            return key;
    }
    return NULL;
}

void strict_json_list(char *out, size_t out_bytes, const char *const *names)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; names[i] != NULL && at < out_bytes; i++) {
        int written = snprintf(out + at, out_bytes - at, "%s%s", i > 0 ? ", " : "", names[i]);
        at += written > 0 ? (size_t)written : 0;
    }
}

size_t strict_json_chars(const json_t *string)
{
    const char *text = json_string_value(string);
    size_t chars = 0;
    for (size_t i = 0; i < json_string_length(string); i++)
        chars += ((unsigned char)text[i] & 0xC0) != 0x80; /* not a continuation byte */
    return chars;
}

bool strict_json_integer(const json_t *value, json_int_t *out)
{
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    double real = json_real_value(value);
    if (!json_is_real(value) || real < -9e15 || real > 9e15 || real != (double)(json_int_t)real)
        return false;
    *out = (json_int_t)real;
    return true;
}
