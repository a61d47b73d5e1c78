#include "nodes.h"

#include "tls.h"

#include <libwebsockets.h>
#include <openssl/ssl.h>

#include <stdio.h>
#include <string.h>

static int fill(struct node *node, const char *url)
{
    *node = (struct node){0};
    if (strlen(url) >= sizeof(node->url) || origin_parse(&node->origin, url) != 0)
        return ERR_INVAL;
    (void)snprintf(node->url, sizeof(node->url), "%s", url);
    origin_write_field(&node->origin, node->field);
    return 0;
}

int nodes_init(struct nodes *nodes, const char *url)
{
    nodes->used = 0;
    int err = fill(&nodes->list[NODES_HOME], url);
    nodes->used = err == 0;
    return err;
}

/* The name that a certificate must carry belongs to an SSL_CTX, and that to a vhost. */
static int secure(struct node *node, struct lws_context *context,
                  const struct lws_protocols *protocols)
{
    int err = tls_create(&node->tls, node->origin.host);
    if (err != 0)
        return err;
    struct lws_context_creation_info info = {.port = CONTEXT_PORT_NO_LISTEN,
                                             .protocols = protocols,
                                             .vhost_name = node->url,
                                             .provided_client_ssl_ctx = node->tls,
                                             .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT};
    node->vhost = lws_create_vhost(context, &info);
    if (node->vhost != NULL)
        return 0;
    SSL_CTX_free(node->tls);
    node->tls = NULL;
    return ERR_NOMEM;
}

int nodes_find(struct nodes *nodes, unsigned *out, const char *url, struct lws_context *context,
               const struct lws_protocols *protocols)
{
    struct node *node = &nodes->list[nodes->used];
    for (unsigned i = 0; i < nodes->used; i++)
        if (strcmp(nodes->list[i].url, url) == 0) {
            *out = i;
            return 0;
        }
    if (nodes->used == NODES_MAX)
        return ERR_FULL;
    int err = fill(node, url);
    if (err == 0 && nodes->list[NODES_HOME].origin.tls && !node->origin.tls)
        err = ERR_INVAL;
    if (err == 0 && node->origin.tls)
        err = secure(node, context, protocols);
    if (err != 0)
        return err;
    *out = nodes->used++;
    return 0;
}

void nodes_aim(const struct nodes *nodes, unsigned node, struct lws_client_connect_info *out)
{
    const struct node *at = &nodes->list[node];
    out->address = at->origin.host;
    out->host = at->field;
    out->port = at->origin.port;
    out->ssl_connection = origin_connect_flags(&at->origin);
    out->vhost = at->vhost;
}

void nodes_clear(struct nodes *nodes)
{
    for (unsigned i = 0; i < nodes->used; i++)
        SSL_CTX_free(nodes->list[i].tls);
    nodes->used = 0;
}
