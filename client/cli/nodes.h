/* nodes.h - the servers that one program speaks with: home, and those where it is sent.
 *
 * The first one is home. Each has the TLS of its own name; over TLS at home none without it is taken. They
 * stay in the list until the end, for connections point to them.
 *
 * Owner    whoever owns the libwebsockets context, which ends before nodes_clear()
 * Thread   that of the context
 * Units    none
 * Errors   as named
 * Spec     RFC 9110 section 4.3
 */
#ifndef CLI_NODES_H
#define CLI_NODES_H

#include "line_word.h"
#include "origin.h"

#include <openssl/types.h>

struct lws_client_connect_info;
struct lws_context;
struct lws_protocols;
struct lws_vhost;

enum {
    NODES_MAX = 64,
    NODES_HOME = 0,
    NODES_HOPS_MAX = 3, /* in a row; then it begins at home again, after: */
    NODES_REST_MS = 1000,
    NODES_REST_SPREAD_MS = 1500,
};

struct node {
    char url[LINE_URL_MAX + 1];
    struct origin origin;
    char field[ORIGIN_FIELD_CHARS]; /* for the Host field */
    SSL_CTX *tls;                   /* owned; NULL: http, or home, whose TLS is the context's */
    struct lws_vhost *vhost;        /* of the context; NULL: its first one */
};

struct nodes {
    struct node list[NODES_MAX];
    unsigned used;
};

/* Home, before anything else. url: borrowed for the call. ERR_INVAL: no such URL. */
MUST_CHECK int nodes_init(struct nodes *nodes, const char *url);
/* The node of this URL, as line_node_read() gives it; new ones are added. ERR_INVAL: not one that is followed,
 * ERR_FULL, ERR_NOMEM, ERR_CRYPTO. */
MUST_CHECK int nodes_find(struct nodes *nodes, unsigned *out, const char *url,
                          struct lws_context *context, const struct lws_protocols *protocols);
/* Where a connection goes: address, Host, port, TLS. Lends. */
void nodes_aim(const struct nodes *nodes, unsigned node, struct lws_client_connect_info *out);
void nodes_clear(struct nodes *nodes);

#endif
