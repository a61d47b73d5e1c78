/* door.h - the signalling thread: brings each listener to the server's door when the plan says so,
 * hears the answer, and sees to its coming back, leaving and returning.
 *
 * It keeps at most TURN_BUDGET first steps for one turn of its loop, so that answers are read while
 * others still arrive: who comes "at once" comes as fast as one thread can open sockets, and no
 * slower. Retries wait as the page's do: with full jitter, the server's own wish first.
 *
 * Owner    the crowd
 * Thread   create, start, stop, destroy, tally: the crowd's. door_look: any
 * Units    microseconds, monotonic
 * Errors   as named; what happens to a listener is counted
 * Spec     protocol.schema.json (rostrum.v1), WHEP (draft-ietf-wish-whep-03), RFC 9110
 */
#ifndef REHEARSE_DOOR_H
#define REHEARSE_DOOR_H

#include "rehearse/crowd.h"
#include "rehearse/link.h"

struct door;

struct door_params {
    const struct crowd_params *crowd;     /* borrowed, as all here */
    const struct dtls_identity *identity; /* its fingerprint stands in the offers */
    struct ear_link *links;               /* ears of them */
    unsigned ears;
    struct wake *event_bell;
    struct crowd_mood *mood;
};
enum { DOOR_WAVES_BYTES = 4096 };

struct door_now {
    uint32_t waiting, joining, lined, seated, missing, gone;
    uint64_t attempts, joined, refused, failed, disconnects, late_answers, unanswered;
    bool is_over;
};

/* Allocates. ERR_INVAL (no such server), ERR_NOMEM, ERR_IO. */
MUST_CHECK int door_create(struct door **out, const struct door_params *params);
MUST_CHECK int door_start(struct door *door, uint64_t start_us);
void door_look(struct door *door, struct door_now *out);
/* ERR_FULL: too many at a time. One thread. */
MUST_CHECK int door_wave(struct door *door, const struct wave *wave);
/* From now on questions belong to this part of the tally. */
void door_set_part(struct door *door, unsigned part);
/* Everybody leaves; returns when all have, or after a few seconds. The ears must run till then. */
void door_stop(struct door *door);
/* These lend; after door_stop(). */
const struct tally *door_tally(const struct door *door);
const struct stands *door_stands(const struct door *door);
void door_destroy(struct door *door); /* NULL is fine */

#endif
