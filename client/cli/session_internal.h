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
    uv_timer_t retry, watch;
    uint64_t watched_us, heard_us; /* the last look; the last packet, or when packets became due */
    bool room_is_live;
    uint64_t moving_us;  /* then it leaves a node that wants to be left; 0: never */
    bool is_sent;        /* when its socket has ended it connects at once */
    struct media *media; /* owned */
    char offer[MEDIA_SDP_MAX];
    bool media_up;
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

/* session_socket.c */

/* Takes the message; dropped when there is no socket, or too many wait. */
void session_say(struct session *session, json_t *message);
/* The next message that waits. Negative: the socket is to be closed. */
int session_write_next(struct session *session, struct lws *wsi);
/* To the node where it is. False: it could not even be begun. */
bool session_connect(struct session *session);
/* Cuts the socket, if there is one: session_on_socket_end() is called in here. */
void session_cut(struct session *session);
MUST_CHECK int session_make_context(struct session *session);
/* The node of this URL. Errors as nodes_find(). */
MUST_CHECK int session_find_node(struct session *session, unsigned *out, const char *url);

#endif
