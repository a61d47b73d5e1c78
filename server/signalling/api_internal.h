/* api_internal.h - what the two halves of the JSON API share.
 *
 * Owner    the caller owns returned objects
 * Thread   control
 * Units    characters
 * Errors   as named
 * Spec     the HTTP surface: README of the server
 */
#ifndef SIGNALLING_API_INTERNAL_H
#define SIGNALLING_API_INTERNAL_H

#include "room/room.h"
#include "signalling/http.h"

/* The object's "name", lent; false unless it has 1 to 80 characters. */
bool api_read_name(const json_t *object, const char **out);
/* {"id", "name", "role", "stage_url", "token"}: the only time that the token is shown. */
json_t *api_host_answer(struct request *request, const struct room *room, uint32_t host,
                        const char *token);

#endif
