/* visitors.h - everybody with an open WebSocket: what they are told, what they say, how long they may stay.
 *
 * State (room, roster, levels, audience) is written once per change and room; each visitor has only a mark
 * for what it has yet to see, and takes the latest when its socket is ready. Answers are queued: beyond the
 * soft limit no more is read from this visitor, beyond the hard one it is cut.
 *
 * Owner    a visitor: its client and whoever waits for the store. Watchers: signalling
 * Thread   control
 * Units    microseconds, bytes
 * Errors   a visitor that cannot be served is cut; nobody else notices
 * Spec     RFC 6455; include/rostrum/protocol.schema.json
 */
#ifndef SIGNALLING_VISITORS_H
#define SIGNALLING_VISITORS_H

#include "base/bucket.h"
#include "room/room.h"
#include "signalling/media.h"
#include "signalling/signalling_internal.h"

enum {
    VISITOR_RATE_PER_SECOND = 20,
    VISITOR_RATE_BURST = 100,
    VISITOR_TOO_FAST_MAX = 200, /* refused in a row: then it goes */
    VISITOR_FRAMES_MAX = 32,    /* of one message */
    VISITOR_QUEUE_SOFT_BYTES = 64 * 1024,
    VISITOR_QUEUE_HARD_BYTES = 256 * 1024,
    /* Listeners that are told the audience's numbers in one second. A large audience hears of them in
     * turn: its numbers change all the time, and telling all of ten thousand costs a tenth of a core. */
    VISITORS_TOLD_PER_TICK = 200,
};

/* State that a visitor has yet to be told, or-ed. */
enum news {
    NEWS_ROOM,
    NEWS_ROSTER,
    NEWS_LEVELS,
    NEWS_AUDIENCE,
    NEWS_COUNT,
};

struct text;

struct queued {
    struct text *text; /* reference */
    struct queued *next;
};

/* All visitors of a room, and the latest state in words. */
struct watchers {
    struct signalling *signalling;
    struct room *room;
    struct visitor *hosts, *listeners;
    struct visitor *turn; /* the listener to be told the audience's numbers next; NULL: the first */
    unsigned listener_count, untold;
    struct text *latest[NEWS_COUNT]; /* references; NULL: nothing yet */
    struct watchers *next;           /* in signalling->watchers */
};

struct visitor {
    struct media media;    /* first: its event finds the visitor */
    struct client *client; /* borrowed; NULL once it is gone */
    unsigned refs;
    struct watchers *watchers; /* of the room it said hello to; NULL before */
    struct visitor *next, **link;
    uint32_t host;                 /* 0: a listener */
    char ticket[TICKET_CHARS + 1]; /* a listener's; "": none */
    char region[NODE_REGION_MAX + 1];
    unsigned news;                 /* 1u << enum news */
    struct queued *queue, **queue_end;
    size_t queue_bytes;
    bool is_paused;         /* nothing is read until the queue is short again */
    unsigned char *message; /* owned; of MESSAGE_BYTES_MAX while one is coming in */
    size_t message_bytes;
    unsigned message_frames;
    bool message_is_bad; /* the rest of it is skipped */
    struct bucket bucket;
    unsigned too_fast;
    bool has_tried_hello;
    uint64_t hello_by_us;
    uint64_t heard_us, pinged_us;
    uint64_t unsent_us; /* since when something waits for the socket to take it; 0: nothing does */
    bool wants_ping;
    unsigned close_status; /* nonzero: close with it once the queue is out */
    bool said_goodbye;     /* its own close frame came */
    bool is_closing;       /* the close frame is on its way */
    uint64_t close_by_us;
};

/* ---- for the listener ---- */

/* Nonzero: refused with an HTTP answer; the connection is closed. */
int visitor_check_upgrade(struct client *client);
int visitor_open(struct client *client, uint64_t now_us);
void visitor_on_goodbye(struct client *client);
void visitor_gone(struct client *client);
/* One piece of one frame. Nonzero: close. */
int visitor_on_data(struct client *client, const void *data, size_t bytes, uint64_t now_us);
void visitor_on_pong(struct client *client, uint64_t now_us);
/* Writes at most one message. Nonzero: close. */
int visitor_on_writable(struct client *client);
void visitor_tick(struct client *client, uint64_t now_us);

/* ---- for signalling ---- */

struct rooms_observer visitors_observer(struct signalling *signalling);
/* Once a second: tells the audience's numbers to the listeners whose turn it is. */
void visitors_tell_some(struct signalling *signalling);
/* Says `bye` with reason "closing" to all of them. */
void visitors_close(struct signalling *signalling);
void visitors_free_watchers(struct signalling *signalling);

/* ---- between visitors.c, news.c and talk.c ---- */

/* Queues; takes the reference; NULL (no memory) cuts the visitor. */
void visitor_say(struct visitor *visitor, struct text *text);
/* `bye`, then the close frame. status: RFC 6455 section 7.4. */
void visitor_bye(struct visitor *visitor, const char *reason, uint32_t retry_after_ms,
                 unsigned status);
/* The close frame once what was said is out; nothing more is read. */
void visitor_end(struct visitor *visitor, unsigned status);
/* Nobody but hosts is let in at this moment: says so, and closes. False: there is room for listeners. */
bool visitor_turn_away(struct visitor *visitor, const char *ref);
/* Marks news to be told, if there is any of that kind. */
void visitor_tell(struct visitor *visitor, enum news news);
struct visitor *visitor_ref(struct visitor *visitor);
void visitor_unref(struct visitor *visitor);
/* The watchers of a room, made when the first one comes. NULL: no memory. */
struct watchers *watchers_of(struct signalling *signalling, struct room *room);
/* Joins or leaves the room's watchers. */
void visitor_join(struct visitor *visitor, struct watchers *watchers);
void visitor_leave(struct visitor *visitor);
/* Writes the room's state anew if it was never written. */
void watchers_refresh(struct watchers *watchers, enum news news);
/* A whole message came in. */
void talk_on_message(struct visitor *visitor, const void *data, size_t bytes, uint64_t now_us);
void talk_on_media(struct media *media, enum connection_event event, const char *cause);

#endif
