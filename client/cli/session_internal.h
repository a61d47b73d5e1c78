/* session_internal.h - the parts of a session, for session*.c only.
 *
 * Owner    as in session.h
 * Thread   as in session.h
 * Units    as in session.h
 * Errors   as in session.h
 * Spec     as in session.h
 */
#ifndef CLI_SESSION_INTERNAL_H
#define CLI_SESSION_INTERNAL_H

#include "session.h" /* first: OpenSSL has macros of the names that it uses */

#include "check_in.h"
#include "nodes.h"

#include <jansson.h>
#include <uv.h>

enum {
    SESSION_MESSAGE_MAX = 64 * 1024,
    SESSION_QUEUE_MAX = 8,
};

/* A media connection. */
struct session_seat {
    struct session *session; /* borrowed */
    struct media *media;     /* owned; NULL: none */
    bool is_up;
    uint64_t heard_us; /* the last packet, or when packets became due */
};

struct session {
    struct session_params params;
    uv_loop_t loop;
    struct nodes nodes;
    unsigned node, hops;              /* where it is or goes; sent on so often in a row */
    char region[LINE_REGION_MAX + 1]; /* for the hello there; "": none */
    struct dtls_identity *identity;   /* owned */
    SSL_CTX *tls;                     /* owned; NULL for http */
    struct lws_context *context;      /* owned */
    struct lws *socket;               /* borrowed from the context; NULL: not connected */
    uintptr_t connection;             /* number of the newest one; older ones are not heard */
    uv_timer_t retry, watch;
    uint64_t watched_us; /* the last look */
    uint64_t asked_us;   /* another node, which has not answered; 0: none */
    bool room_is_live;
    uint64_t moving_us;                  /* then it leaves a node that wants to be left; 0: never */
    bool is_sent;                        /* when its socket has ended it connects at once */
    struct session_seat seats[2], *seat; /* the one that it has or asks for... */
    struct session_seat *former; /* ...and that of a node it leaves, heard till then; or NULL */
    struct lws *former_socket;   /* borrowed from the context; NULL: none */
    char offer[MEDIA_SDP_MAX];
    bool may_connect; /* the room is open, and this host has agreed */
    bool agreed;
    long long own_host; /* 0: a listener */
    bool closing;
    unsigned attempts;
    uint64_t retry_after_ms;          /* what the server asked for; 0: nothing */
    char ticket[LINE_TICKET_MAX + 1]; /* a listener's, the newest one; "": none */
    bool in_line;
    struct check_in check_in;
    char *queue[SESSION_QUEUE_MAX]; /* owned; messages to send */
    unsigned queued;
    char incoming[SESSION_MESSAGE_MAX];
    size_t incoming_bytes;
};

/* session.c */
void session_take_message(struct session *session, const json_t *message);
/* Its socket is no more, or could not be made. */
void session_on_socket_end(struct session *session);
/* For good. */
void session_end(struct session *session, int status);
void session_drop_media(struct session *session);

/* session_move.c */

/* Leaves the node that it hears, without missing anything: begins anew at home, and hears on here until
 * the next one is heard. False: it hears nothing. */
bool session_set_aside(struct session *session);
/* The next node is heard: good-bye. */
void session_take_over(struct session *session);
/* What it still heard is no more. */
void session_lose_former(struct session *session);
/* The same without a word to the command. NULL is fine. */
void session_drop_former(struct session *session);

/* session_socket.c */

/* Takes the message; dropped when there is no socket, or too many wait. */
void session_say(struct session *session, json_t *message);
/* The next message that waits. Negative: the socket is to be closed. */
int session_write_next(struct session *session, struct lws *wsi);
/* To the node where it is. False: it could not even be begun. */
bool session_connect(struct session *session);
/* Cuts the socket, if there is one: session_on_socket_end() is called in here. */
void session_cut(struct session *session);
/* Waits no more for a connection that is not yet a socket: session_on_socket_end() is called in here. It ends
 * by libwebsockets' own time, which does not like to be hurried there. */
void session_abandon(struct session *session);
/* What it is to the session is over: nothing of it is heard any more, and nothing waits to be said. */
void session_forget_socket(struct session *session);
/* Says good-bye on a socket that is none of the session's any more, and cuts it. NULL is fine. */
void session_leave_socket(struct lws *socket);
MUST_CHECK int session_make_context(struct session *session);
/* The node of this URL. Errors as nodes_find(). */
MUST_CHECK int session_find_node(struct session *session, unsigned *out, const char *url);

#endif
