/* visit.h - one listener's way through the plan: waiting, asking, standing in line, hearing, leaving.
 *
 *                       +---------- lost, or the attempt failed ------------+
 *                       v                                                   |
 *     WAITING --its turn--> ASKING --answer--> ANSWERED --first packet--> HEARING
 *        ^  ^                 |                                             |
 *        |  +--- refused, ----+                                             |
 *        |       with a time, or with a place in line: then it asks there   |
 *        |                                   leaves, lost, failed for good  |
 *        +---- comes back ---- LEAVING <------------------------------------+
 *                                 +--------> GONE
 *
 * ASKING: a socket or request is under way. ANSWERED: the ear has it. LEAVING: until the ear has
 * closed its socket and nothing is left of the signalling.
 *
 * In line (in_line) it waits and asks in turns, and asks the line and not its way (asks_line); it
 * checks in exactly when it was told. Its ticket goes with it wherever it asks, until it leaves for
 * good: who comes after that is somebody else.
 *
 * A node that wants to be left is heard on while it asks, waits and hears elsewhere (`former`): the new seat
 * takes over with its first packet.
 *
 * Home is the server of the rehearsal. Sent elsewhere it asks there at once, a few times in a row; then it
 * rests and begins at home, where it also begins after every loss, and where the line is.
 *
 * Owner    the door; visits live as long as it
 * Thread   the door's
 * Units    microseconds, monotonic
 * Errors   what happens is counted in the door's tally, with its reason
 * Spec     none
 */
#ifndef REHEARSE_VISIT_H
#define REHEARSE_VISIT_H

#include "line_word.h"
#include "rehearse/link.h"
#include "rehearse/plan.h"
#include "rehearse/wave.h"
#include "transport/timers.h"

#include <jansson.h>

struct door;
struct lws;

enum {
    VISIT_ANSWER_BY_US = 10 * 1000 * 1000,
    VISIT_AWAY_ANSWER_BY_US = 5 * 1000 * 1000, /* at another node than home */
    VISIT_LEAVE_BY_US = 3 * 1000 * 1000,       /* then its socket is cut */
    VISIT_FAILURES_MAX = 6,                    /* one after the other: it gives up */
    VISIT_INCOMING_MAX = 64 * 1024,
    VISIT_CLOSING_US = 100 * 1000, /* an old socket that is still closing is waited for */
};
#define VISIT_NEVER UINT64_MAX

enum visit_state {
    VISIT_WAITING,
    VISIT_ASKING,
    VISIT_ANSWERED,
    VISIT_HEARING,
    VISIT_LEAVING,
    VISIT_GONE
};

enum visit_request {
    VISIT_NO_REQUEST,
    VISIT_POST,
    VISIT_DELETE,
    VISIT_CHECK_IN, /* both ways: at the line... */
    VISIT_GIVE_UP,  /* ...and from it */
};

struct visit_former {
    struct lws *wsi; /* borrowed from libwebsockets; NULL: none */
    uint32_t attempt;
    bool ear_has_it; /* connected at the ear, its end not yet told */
    bool is_left;    /* it is to end */
};

struct visit {
    struct timer timer;
    struct door *door; /* borrowed */
    enum visit_state state;
    enum way way;
    unsigned counter; /* of the door's, in which it is counted now */
    uint32_t number, attempt;
    uint64_t due_us;    /* of the state */
    uint64_t leave_us;  /* of the plan */
    uint64_t return_us; /* of the plan */
    uint64_t then_us;   /* LEAVING: when it comes again; VISIT_NEVER */
    uint64_t attempt_us;
    uint64_t ask_us;                    /* the question under way began */
    uint64_t since_us, since_answer_us; /* it first asked, and had an answer; 0: not yet */
    uint64_t lost_us;                   /* it had sound until then; 0: it had none yet */
    uint64_t moving_us;                 /* then it leaves a node that wants to be left; 0: never */
    struct visit_former former;         /* that node's, until the next one is heard */
    uint64_t stay_us;                   /* after the first sound; 0: as the plan says */
    uint64_t period_us, next_us;        /* comes again as somebody new; 0: never */
    unsigned part;                      /* of the rehearsal, in which the question began */
    unsigned failures;                  /* since sound came last */
    uint32_t stand;                     /* of the door's stands, or STANDS_NONE */
    bool has_come;                      /* its turn came */
    bool ear_has_it;                    /* connected at the ear, its end not yet told */
    bool is_attempt;                    /* one is under way that was counted */
    bool asks_line, in_line;
    bool gives_up;                    /* its place is to be given back before it has left */
    char ticket[LINE_TICKET_MAX + 1]; /* the newest; "": none */
    unsigned node, hops;              /* where it asks or sits; in a row */
    bool is_sent;                     /* its next question goes to `node`, not home */
    char region[LINE_REGION_MAX + 1]; /* for the hello; "": none */
    char ufrag[PEER_OWN_UFRAG_CHARS + 1], pwd[PEER_OWN_PWD_CHARS + 1];

    /* of its way */
    struct lws *wsi;      /* borrowed from libwebsockets; NULL: none */
    bool is_cut;          /* it closes with the loop's next turns */
    bool is_connecting;   /* inside the call that makes wsi */
    bool has_ended_early; /* in there */
    bool is_socket;       /* wsi is a WebSocket */
    bool is_open;         /* WebSocket: established and welcome */
    bool says_hello, says_offer;
    enum visit_request request; /* WHEP */
    unsigned status;            /* HTTP, of the request */
    uint64_t retry_after_us;    /* of its answer; VISIT_NEVER: none */
    char *location;             /* owned; WHEP session to delete; NULL: none */
    char *incoming;             /* owned; a message or body that is still coming */
    size_t incoming_bytes;
};

struct listener_order;
/* visit_order.c: for its ear, by the answer. Allocates. NULL: it is nonsense, or no memory. */
struct listener_order *visit_order(const struct visit *visit, struct slice sdp);

/* Its timer is due. */
void visit_tick(struct visit *visit, uint64_t now_us);
/* Does what the wave says, `after_us` from now. */
void visit_wave(struct visit *visit, const struct wave *wave, uint64_t after_us, uint64_t now_us);
/* The rehearsal is over for it: it leaves at leave_us, or at once if it only waits. */
void visit_dismiss(struct visit *visit, uint64_t now_us, uint64_t leave_us);
void visit_clear(struct visit *visit); /* frees what it owns */

/* The socket of its former seat is no more. */
void visit_on_former_end(struct visit *visit, uint64_t now_us);

/* From its ear. */
void visit_on_ear(struct visit *visit, const struct ear_event *event, uint64_t now_us);

/* The line's answer, or a way's that speaks of the line. */
void visit_on_line(struct visit *visit, const struct line_word *word, uint64_t now_us);
/* Its question was answered with another node. */
void visit_on_elsewhere(struct visit *visit, const struct line_node *node, uint64_t now_us);
/* From its way. `word` names the reason: the server's, or ours. */
void visit_on_answer(struct visit *visit, struct slice sdp, uint64_t now_us);
void visit_on_refusal(struct visit *visit, const char *word, uint64_t retry_after_us,
                      uint64_t now_us);
/* The server sends it away, whether it hears already or not. */
void visit_on_bye(struct visit *visit, const char *word, uint64_t retry_after_us, uint64_t now_us);
/* The node wants to be left after so long; VISIT_NEVER: at once. The sound goes on till then. */
void visit_on_moving(struct visit *visit, uint64_t after_us, uint64_t now_us);
/* The attempt leads nowhere. is_ours: a limit of this machine, so it need not be tried again. */
void visit_on_failure(struct visit *visit, const char *word, bool is_ours, uint64_t now_us);
/* How long it waits before it comes again by itself: full jitter, longer each time. */
uint64_t visit_backoff_us(struct visit *visit);
/* The server's own wish, and a little spread. */
uint64_t visit_wished_us(uint64_t retry_after_us);
uint64_t visit_random_us(uint64_t limit_us); /* below it */
/* wsi is no more. */
void visit_on_end(struct visit *visit, uint64_t now_us);

/* door_way.c: what both ways have in common. */

/* Asks for a seat: connects, or uses the socket that is open; asks the line if asks_line. Failure
 * comes as visit_on_failure(). */
void way_ask(struct visit *visit);
/* Ends the signalling; visit_on_end() follows when wsi was not NULL. */
void way_leave(struct visit *visit);
/* Cuts wsi without ceremony; visit_on_end() follows. */
void way_cut(struct visit *visit);
/* The same for the socket of its former seat; visit_on_former_end() follows, if there is one. */
void way_leave_former(struct visit *visit);
void way_cut_former(struct visit *visit);
/* What door.c knows of nodes: ERR_INVAL, or as nodes_find(). */
MUST_CHECK int door_find_node(struct door *door, unsigned *out, const char *url);
const char *door_node_url(const struct door *door, unsigned node); /* lends */

/* Forgets wsi and what is to be deleted at a node that may be gone and would not close it; no event
 * comes of it any more. */
void way_drop(struct visit *visit);
/* Nothing is left: no socket, no request, no session at the server. */
bool way_is_done(const struct visit *visit);

#endif
