/* views.h - rooms as people may see them: the JSON of room_view, roster, levels, audience.
 *
 * Owner    the caller owns what is returned
 * Thread   control
 * Units    as in the schema
 * Errors   NULL: memory
 * Spec     include/rostrum/protocol.schema.json
 */
#ifndef SIGNALLING_VIEWS_H
#define SIGNALLING_VIEWS_H

#include "room/connection.h"
#include "room/room.h"

#include <jansson.h>

json_t *view_room(const struct room *room);
/* view_room() with "hearing", "connected", "seats" and "wanted_mode": ROOM of the HTTP API. */
json_t *view_room_api(const struct room *room);
struct line_standing;
json_t *view_elsewhere(const struct elsewhere *to);
json_t *view_line(const struct line_standing *standing);
json_t *view_door(const struct room *room, const struct room_line *line);
json_t *view_consent(const struct room *room, uint32_t host);

/* Whole messages. */
json_t *view_room_message(const struct room *room);
json_t *view_roster_message(const struct room *room);
json_t *view_levels_message(const struct stage_level *levels, unsigned count);
json_t *view_audience_message(const struct room *room);
json_t *view_welcome_message(const struct room *room, uint32_t host, const char *ref);

#endif
