/* upgrade.c - who may open a WebSocket, a visitor's or a node's: the right address, subprotocol and origin. */
#include "signalling/handlers.h"
#include "signalling/http.h"
#include "signalling/visitors.h"
#include "telemetry/log.h"
#include "tree/directory.h"

#include <libwebsockets.h>
#include <stdio.h>
#include <string.h>

static const char subprotocol[] = "rostrum.v1";
static const char node_subprotocol[] = "rostrum.node.1";

/* True if the comma-separated list holds the word, without regard to case. */
static bool lists(const char *list, const char *word)
{
    size_t word_chars = strlen(word);
    while (*list != '\0') {
        list += strspn(list, " \t,");
        size_t chars = strcspn(list, " \t,");
        if (chars == word_chars && strncasecmp(list, word, chars) == 0)
            return true;
        list += chars;
    }
    return false;
}

/* "https://example.org:8443/base" -> how many of its bytes are the origin. */
static size_t origin_bytes(const char *url)
{
    const char *host = strstr(url, "://");
    return host != NULL ? (size_t)(host + 3 - url) + strcspn(host + 3, "/") : 0;
}

static bool is_origin_of(const char *origin, const char *url)
{
    size_t bytes = origin_bytes(url);
    return bytes > 0 && strlen(origin) == bytes && strncasecmp(origin, url, bytes) == 0;
}

/* Pages come from where the room is, and listeners are sent from there. */
static bool is_of_a_node(const struct signalling *signalling, const char *origin)
{
    size_t count;
    const struct node_view *nodes = directory_nodes(signalling->directory, &count);
    for (size_t i = 0; i < count; i++)
        if (is_origin_of(origin, nodes[i].url))
            return true;
    return false;
}

/* A browser always names its page's origin here, and no page can change it: so a foreign page cannot use its
 * visitor's browser to speak with us (CWE-1385). A program without a browser (our command line) sends none,
 * and could send any: for it the origin proves nothing, the token in `hello` does. "null" (a sandboxed frame,
 * a file) is a foreign page. */
static bool origin_is_ours(struct client *client)
{
    const struct config *config = client->signalling->config;
    char origin[CONFIG_URL_MAX];
    char host[CONFIG_URL_MAX];
    char own[CONFIG_URL_MAX + 8];
    if (lws_hdr_total_length(client->wsi, WSI_TOKEN_ORIGIN) == 0)
        return true;
    http_field(client->wsi, WSI_TOKEN_ORIGIN, origin, sizeof(origin));
    http_field(client->wsi, WSI_TOKEN_HOST, host, sizeof(host));
    if (is_origin_of(origin, config->base_url) || is_of_a_node(client->signalling, origin))
        return true;
    for (unsigned i = 0; i < config->origin_count; i++)
        if (is_origin_of(origin, config->origins[i]))
            return true;
    if (host[0] == '\0')
        return false;
    snprintf(own, sizeof(own), "http://%s", host);
    if (strcasecmp(origin, own) == 0)
        return true;
    snprintf(own, sizeof(own), "https://%s", host);
    return strcasecmp(origin, own) == 0;
}

static int refuse(struct client *client, unsigned status, const char *code, const char *detail)
{
    log_debug("socket.refused", "code=%s", code);
    http_refuse_upgrade(client, status, code, detail);
    return -1;
}

static int check_protocol(struct client *client)
{
    char field[REQUEST_FIELD_MAX + 1];
    http_field(client->wsi, WSI_TOKEN_PROTOCOL, field, sizeof(field));
    if (lists(field, node_subprotocol) ||
        (strcmp(field, subprotocol) != 0 && !lists(field, subprotocol)))
        return refuse(client, 400, "bad_subprotocol", "Offer the subprotocol rostrum.v1.");
    if (!origin_is_ours(client))
        return refuse(client, 403, "foreign_origin", "This page may not use this server.");
    return 0;
}

/* Nodes have no pages: whatever names an origin is a browser. */
static int check_node(struct client *client)
{
    char field[REQUEST_FIELD_MAX + 1];
    http_field(client->wsi, WSI_TOKEN_PROTOCOL, field, sizeof(field));
    if (strcmp(field, node_subprotocol) != 0)
        return refuse(client, 400, "bad_subprotocol", "Offer the subprotocol rostrum.node.1.");
    if (lws_hdr_total_length(client->wsi, WSI_TOKEN_ORIGIN) > 0)
        return refuse(client, 403, "foreign_origin", "No page may use this.");
    client->is_node = true;
    return 0;
}

static bool is_path(const char *uri, int uri_bytes, const char *path)
{
    return (size_t)uri_bytes == strlen(path) && memcmp(uri, path, strlen(path)) == 0;
}

int visitor_check_upgrade(struct client *client)
{
    struct lws *wsi = client->wsi;
    char field[REQUEST_FIELD_MAX + 1];
    char *uri = NULL;
    int uri_bytes = 0;
    /* libwebsockets calls this once more after it refused an unknown Upgrade by itself, with the headers
     * already freed (CVE-2025-11677): then there is nothing here, and we hang up without looking at `in`. */
    if (client->request != NULL || lws_hdr_total_length(wsi, WSI_TOKEN_UPGRADE) == 0)
        return -1;
    http_field(wsi, WSI_TOKEN_UPGRADE, field, sizeof(field));
    if (strcasecmp(field, "websocket") != 0)
        return refuse(client, 400, "bad_upgrade", "Only an upgrade to websocket is possible.");
    int method = lws_http_get_uri_and_method(wsi, &uri, &uri_bytes);
    bool is_node =
        client->signalling->links != NULL && method >= 0 && is_path(uri, uri_bytes, "/node");
    if (method != LWSHUMETH_GET || (!is_node && !is_path(uri, uri_bytes, "/ws")))
        return refuse(client, 404, "unknown_path", "The WebSocket is at GET /ws.");
    http_field(wsi, WSI_TOKEN_VERSION, field, sizeof(field));
    if (strcmp(field, "13") != 0)
        return refuse(client, 426, "bad_version", "Sec-WebSocket-Version must be 13.");
    http_field(wsi, WSI_TOKEN_CONNECTION, field, sizeof(field));
    if (!lists(field, "upgrade") || lws_hdr_total_length(wsi, WSI_TOKEN_KEY) != 24)
        return refuse(client, 400, "bad_upgrade", "Connection or Sec-WebSocket-Key is missing.");
    if ((is_node ? check_node(client) : check_protocol(client)) != 0)
        return -1;
    if (client->signalling->closing)
        return refuse(client, 503, "closing", "The server is going down.");
    if (!http_learn_origin(client))
        return refuse(client, 429, "too_many_connections", "Too many connections.");
    return 0;
}

void handle_plain_socket(struct request *request)
{
    reply_header(request, "Upgrade", "websocket");
    reply_problem(request, 426, "upgrade_required", "a WebSocket with subprotocol rostrum.v1",
                  "This address speaks WebSocket.");
}
