/* media.h - the media connection of one owner (a WebSocket or a WHIP session), at most one at a time.
 *
 * A connection says that it is lost from inside the room's own work; it is closed only after that event.
 *
 * Owner    its visitor or WHIP session, by value
 * Thread   control
 * Units    none
 * Errors   those of connection.h, with the refusal
 * Spec     RFC 8839 section 4.4.1.1.1 (ICE restart)
 */
#ifndef SIGNALLING_MEDIA_H
#define SIGNALLING_MEDIA_H

#include "room/connection.h"
#include "signalling/signalling_internal.h"

struct media {
    struct signalling *signalling; /* borrowed */
    struct connection *connection; /* owned; NULL: none */
    bool is_lost;                  /* in signalling->lost, to be closed soon */
    struct media *next_lost;
    void (*on_event)(struct media *media, enum connection_event event, const char *cause);
};

struct asker_origin client_origin(const struct client *client);
/* Opens, restarts, or replaces the connection, as the offer asks. params: but for owner, on_event and
 * former, which are ours; seat_ticket is left as it is by a restart. */
MUST_CHECK int media_offer(struct media *media, struct room *room,
                           const struct connection_params *params, char answer[ANSWER_MAX],
                           struct refusal *refusal);
/* Ends it, if there is one. No event follows. */
void media_close(struct media *media);
/* The same, when whoever has it vanished without a word. */
void media_abandon(struct media *media);
/* True while there is one that is not lost. */
bool media_is_open(const struct media *media);

#endif
