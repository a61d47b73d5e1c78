/* connection.h - one media connection of a listener or host: from an SDP offer to the end of its
 * peer.
 *
 * The door of the room: WebSocket, WHIP and WHEP all come through connection_open().
 *
 * Owner    whoever opened it (a socket, a WHIP session), until connection_close()
 * Thread   control
 * Units    milliseconds
 * Errors   every refusal has a reason, a sentence, and what is allowed instead
 * Spec     RFC 8829, RFC 9725, RFC 8839 section 4.4.1.1.1 (ICE restart)
 */
#ifndef ROOM_CONNECTION_H
#define ROOM_CONNECTION_H

#include "admission/ticket.h"
#include "rostrum/error.h"
#include "rostrum/sdp.h"
#include "rostrum/slice.h"
#include "tree/node.h"

#include <stdbool.h>
#include <stdint.h>

struct room;
struct connection;

enum refusal_reason {
    REFUSAL_NONE,
    REFUSAL_BAD_SDP,
    REFUSAL_BANNED, /* their network is excluded from this room */
    REFUSAL_ELSEWHERE, /* there is a seat on another node, or the room is its; `elsewhere` says which */
    REFUSAL_LINE,      /* a place in line; `standing` says which */
    REFUSAL_FULL,      /* no place in line either */
    REFUSAL_TOO_MANY_HERE,  /* of this address wait already */
    REFUSAL_NOT_OPEN,       /* scheduled: not yet */
    REFUSAL_OVER,           /* ended, published, withdrawn, cancelled */
    REFUSAL_TOO_MANY_HOSTS, /* STAGE_HOSTS_MAX are on stage */
    REFUSAL_CONSENT_FIRST,  /* this host has not agreed to be recorded */
    REFUSAL_OVERLOAD,       /* a ring or table is full */
    REFUSAL_CLOSING,        /* the server is going down */
};

/* A place in line. */
struct line_standing {
    char ticket[TICKET_CHARS + 1]; /* to come back with */
    uint32_t place;                /* 1 is next */
    uint32_t in_line;
    bool knows_wait;
    uint32_t from_s, to_s; /* the wait, as a range */
};

struct elsewhere {
    char url[NODE_URL_MAX + 1];
    char ticket[TICKET_CHARS + 1];    /* to go with; "": none */
    char region[NODE_REGION_MAX + 1]; /* where they came from; "": not known */
};

struct refusal {
    enum refusal_reason reason;
    char message[240];
    char allowed[160];             /* "" when there is nothing to add */
    uint32_t retry_after_ms;       /* 0: do not ask again */
    struct line_standing standing; /* REFUSAL_LINE */
    struct elsewhere elsewhere;    /* REFUSAL_ELSEWHERE */
};

/* The network that somebody asks from is excluded: counts that, writes why, returns ERR_AUTH. 0: it is not. */
MUST_CHECK int room_check_network(struct room *room, uint64_t network, struct refusal *refusal);

enum connection_event {
    CONNECTION_UP,   /* the handshake is complete */
    CONNECTION_LOST, /* its peer ended; close it. `cause` is a word such as "consent" or "timeout"
                      */
};

/* How somebody could be sent to another node. */
enum asker_way {
    ASKER_STAYS,
    ASKER_GOES, /* without a ticket: to where no line is */
    ASKER_GOES_WITH_TICKET,
};

/* Where somebody asks from. */
struct asker_origin {
    uint64_t prefix;    /* address_prefix() */
    uint64_t network;   /* address_network(); 0: unknown */
    const char *region; /* of the node that sent them; NULL: none did */
    enum asker_way way;
};

struct connection_params {
    uint32_t host; /* 0: a listener */
    struct slice offer;
    struct slice ticket; /* a listener's, or pass; anything else is taken for none */
    char *seat_ticket;   /* TICKET_CHARS + 1 characters: written for a listener. NULL: not wanted */
    struct asker_origin origin;
    struct connection *former; /* of the same owner: its seat goes over in silence. NULL: none */
    void (*on_event)(void *owner, enum connection_event event, const char *cause);
    void *owner;
};

enum { ANSWER_MAX = 8192 };

/* Admits, orders a peer, writes the answer (zero-terminated). A host's former connection is
 * replaced and told LOST with cause "replaced". 0, or ERR_* with *refusal filled. Allocates on
 * success. */
MUST_CHECK int connection_open(struct connection **out, struct room *room,
                               const struct connection_params *params, char answer[ANSWER_MAX],
                               struct refusal *refusal);
/* A further offer on an open connection: the same fingerprint and new credentials restart ICE and
 * keep seat and keys; ERR_UNSUPPORTED: another endpoint, so close this one and open anew. */
MUST_CHECK int connection_reoffer(struct connection *connection, struct slice offer,
                                  char answer[ANSWER_MAX], struct refusal *refusal);
/* ICE restart by fragment (WHIP, WHEP PATCH); the answering fragment is written. ERR_PROTO with
 * *refusal. */
MUST_CHECK int connection_restart(struct connection *connection, const struct sdpfrag *fragment,
                                  char answer[ANSWER_MAX], struct refusal *refusal);
/* Gives the seat or place back. NULL is fine. No event follows. */
void connection_close(struct connection *connection);
/* The same, but its owner vanished without a word: a listener's seat is kept for a moment. */
void connection_abandon(struct connection *connection);
/* A relay's: `order` says all but id, local credentials, kind and room, which are written into it. No seat is
 * taken. ERR_FULL, ERR_NOMEM. */
struct peer_order;
MUST_CHECK int connection_feed(struct connection **out, struct room *room, struct peer_order *order,
                               void (*on_event)(void *owner, enum connection_event event,
                                                const char *cause),
                               void *owner);
bool connection_is_up(const struct connection *connection);
/* Whether that is the client's user fragment in the present ICE session. */
bool connection_has_ufrag(const struct connection *connection, const char *ufrag);
/* Names the ICE session, for ETag: changes with each restart. Lends. */
const char *connection_ice_tag(const struct connection *connection);

#endif
