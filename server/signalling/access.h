/* access.h - who asks: nobody in particular, a host by invitation, or the admin.
 *
 * Owner    values
 * Thread   control
 * Units    none
 * Errors   as replies: 404 unknown_room, 401 bad_token, 403 revoked_token or not_allowed
 * Spec     RFC 6750 section 2.1, 3 (bearer tokens)
 */
#ifndef SIGNALLING_ACCESS_H
#define SIGNALLING_ACCESS_H

#include "room/room.h"
#include "signalling/http.h"

enum access {
    ACCESS_ADMIN = 1,
    ACCESS_OWNER = 2,
    ACCESS_MODERATOR = 4,
    ACCESS_SPEAKER = 8,
    ACCESS_STEER = ACCESS_ADMIN | ACCESS_OWNER | ACCESS_MODERATOR,
    ACCESS_HOSTS = ACCESS_OWNER | ACCESS_MODERATOR | ACCESS_SPEAKER,
};

/* The room of the first path parameter, if this node is its origin. NULL: replied, 404, 307 to the origin, or 503
 * while that cannot be reached. */
struct room *access_room(struct request *request);
/* The same for listeners: also one that this node relays. */
struct room *access_audience(struct request *request);
/* Another node has it: 307 or 503 was replied. */
bool access_redirect(struct request *request);
/* True if the bearer is one of `wanted` (or-ed enum access); *host is 0 for the admin. False: replied.
 * room NULL: only the admin can be meant. */
bool access_allows(struct request *request, const struct room *room, unsigned wanted,
                   uint32_t *host);
/* The bearer token; NULL: none, or not well-formed. Lends. */
const char *access_token(const struct request *request);

/* Replies 400 and returns NULL unless the body is one JSON object of these fields (a list ended by NULL). The
 * caller owns it. */
json_t *access_object(struct request *request, const char *const *fields);
/* An optional whole number; 0 if it is not there. False: replied 400 bad_field. */
bool access_number(struct request *request, const json_t *object, const char *name, json_int_t min,
                   json_int_t max, json_int_t *out);
/* Of a path: a whole number without sign; 0: it is none, or has more than nine digits. */
uint32_t access_number_of(const char *text);
/* Replies 400 bad_field. */
void access_bad_field(struct request *request, const char *field, const char *allowed);

#endif
