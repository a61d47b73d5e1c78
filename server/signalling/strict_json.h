/* strict_json.h - reads one JSON object from a stranger: small, shallow, no doubt about any field.
 *
 * Owner    the caller owns the object
 * Thread   any
 * Units    bytes
 * Errors   ERR_PROTO with a sentence; never more than STRICT_JSON_DEPTH_MAX deep, no duplicate keys
 * Spec     RFC 8259
 */
#ifndef SIGNALLING_STRICT_JSON_H
#define SIGNALLING_STRICT_JSON_H

#include "rostrum/error.h"
#include "rostrum/slice.h"

#include <jansson.h>

enum {
    STRICT_JSON_DEPTH_MAX = 8,
    STRICT_JSON_PROBLEM_MAX = 200,
};

/* Allocates an object; release with json_decref(). ERR_PROTO with `problem`. */
MUST_CHECK int strict_json_read(json_t **out, struct slice text,
                                char problem[STRICT_JSON_PROBLEM_MAX]);
/* The first field that is not one of `names` (a list ended by NULL), or NULL. Lends. */
const char *strict_json_unknown_field(json_t *object, const char *const *names);
/* Writes "type, ref, sdp" into out, cut to its size. */
void strict_json_list(char *out, size_t out_bytes, const char *const *names);
/* Characters (code points) of a UTF-8 string. */
size_t strict_json_chars(const json_t *string);
/* An integer that JSON also lets stand as 1.0; false when it is neither. */
bool strict_json_integer(const json_t *value, json_int_t *out);

#endif
