/* whip.h - WHIP and WHEP sessions: connections that are steered by HTTP requests alone.
 *
 * Owner    signalling owns the table, the table its sessions
 * Thread   control
 * Units    none
 * Errors   whip_table_create: ERR_NOMEM
 * Spec     RFC 9725, draft-ietf-wish-whep-03
 */
#ifndef SIGNALLING_WHIP_H
#define SIGNALLING_WHIP_H

#include "rostrum/error.h"

#include <stdint.h>

struct room;
struct whip_table;

MUST_CHECK int whip_table_create(struct whip_table **out);
void whip_table_destroy(struct whip_table *table); /* ends all sessions; NULL is fine */
void whip_end_host(struct whip_table *table, const struct room *room, uint32_t host);
void whip_end_all(struct whip_table *table);

#endif
