/* links_dial.c - calls other nodes: names are looked up beside the loop, libwebsockets gets addresses only. */
#include "base/clock.h"
#include "signalling/links_internal.h"
#include "telemetry/log.h"

#include <libwebsockets.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PATIENCE_US = 500 * 1000, /* with a look-up, when there are addresses of the last time */
    RECEIVE_BYTES = 4096,
    PROTOCOL_BYTES = LINKS_MESSAGE_MAX, /* sent in one call */
};

static const char subprotocol[] = "rostrum.node.1";

struct link_look_up { /* outlives the wanted node if it hangs */
    uv_getaddrinfo_t request;
    struct wanted *wanted; /* NULL: released meanwhile */
};

struct target {
    bool is_secure;
    const char *authority;       /* lent from the url: what the Host field says */
    char host[NODE_URL_MAX + 1]; /* without brackets */
    char port[8];
};

/* ---- the socket's events ---- */

bool links_is_call(const struct links *links, struct lws *wsi)
{
    return links->vhost != NULL && lws_get_vhost(wsi) == links->vhost;
}

static struct link *link_of(struct lws *wsi)
{
    const struct signalling *signalling = lws_context_user(lws_get_context(wsi));
    uintptr_t number = (uintptr_t)lws_get_opaque_user_data(wsi);
    struct links *links = signalling->links;
    return links != NULL && links_is_call(links, wsi) ? link_find(links, (uint32_t)number) : NULL;
}

static int on_gone(struct link *link, const char *reason)
{
    link->wsi = NULL;
    link_gone(link, reason);
    return 0;
}

static int on_call(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                   size_t bytes)
{
    (void)user;
    struct link *link = NULL;
    switch (reason) { /* libwebsockets' enum; these belong to no connection */
    case LWS_CALLBACK_PROTOCOL_INIT:
    case LWS_CALLBACK_PROTOCOL_DESTROY:
    case LWS_CALLBACK_EVENT_WAIT_CANCELLED:
        return 0;
    default:
        link = link_of(wsi);
    }
    if (link == NULL)
        return reason == LWS_CALLBACK_CLIENT_ESTABLISHED ? -1 : 0;
    switch (reason) { /* libwebsockets' enum, of which we want these */
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        link->wsi = wsi;
        return link_on_open(link, clock_now_us());
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return link_on_data(link, in, bytes, clock_now_us());
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return link_on_writable(link);
    case LWS_CALLBACK_CLIENT_HTTP_REDIRECT:
        return -1;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        return on_gone(link, in != NULL ? in : "no_connection");
    case LWS_CALLBACK_CLIENT_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        return on_gone(link, NULL);
    default:
        return 0;
    }
}

static const struct lws_protocols protocols[] = {
    {.name = subprotocol,
     .callback = on_call,
     .rx_buffer_size = RECEIVE_BYTES,
     .tx_packet_size = PROTOCOL_BYTES},
    {.name = NULL},
};

/* links.c pings by words. */
static const lws_retry_bo_t no_pings = {0};

/* ---- connecting ---- */

static bool read_url(struct target *out, const char *url)
{
    if (!node_url_is_valid(url))
        return false;
    out->is_secure = strncmp(url, "https", 5) == 0;
    out->authority = strstr(url, "://") + 3;
    const char *host = out->authority;
    bool has_brackets = host[0] == '[';
    host += has_brackets;
    size_t chars = strcspn(host, has_brackets ? "]" : ":");
    const char *end = host + chars;
    if (has_brackets && *end++ != ']')
        return false;
    memcpy(out->host, host, chars);
    out->host[chars] = '\0';
    const char *port = *end == ':' ? end + 1 : out->is_secure ? "443" : "80";
    if (chars == 0 || (*end != '\0' && *end != ':') || strlen(port) > 5 || port[0] == '\0' ||
        strspn(port, "0123456789") != strlen(port))
        return false;
    (void)snprintf(out->port, sizeof(out->port), "%s", port);
    return true;
}

static void connect_to(struct wanted *wanted, const struct target *target)
{
    struct links *links = wanted->links;
    const struct address *to = &wanted->addresses[wanted->next_address++ % wanted->address_count];
    char ip[ADDRESS_TEXT_MAX];
    struct link *link = link_create(links, TRUST_CALLER);
    if (link == NULL) {
        wanted_failed(wanted, "no_memory");
        return;
    }
    uint32_t number = link->number;
    link->wanted = wanted;
    wanted->call = number;
    address_write_ip(to, ip);
    struct lws_client_connect_info info = {
        .context = links->signalling->context,
        .vhost = links->vhost,
        .address = ip,
        .port = to->port,
        .host = target->authority, /* also the name that the certificate must have */
        .path = "/node",
        .protocol = subprotocol,
        .local_protocol_name = subprotocol,
        .ssl_connection = target->is_secure ? LCCSCF_USE_SSL : 0,
        .alpn = "http/1.1",
        .retry_and_idle_policy = &no_pings,
        .opaque_user_data = (void *)(uintptr_t)number,
    };
    struct lws *wsi = lws_client_connect_via_info(&info);
    link = link_find(links, number); /* it may be over already */
    if (link == NULL)
        return;
    if (wsi != NULL)
        link->wsi = wsi;
    else
        link_gone(link, "no_connection");
}

static void connect_now(struct wanted *wanted)
{
    struct target target;
    wanted->looking_us = 0;
    if (wanted->address_count == 0)
        wanted_failed(wanted, "name_not_found");
    else if (read_url(&target, wanted->url))
        connect_to(wanted, &target);
    else
        wanted_failed(wanted, "bad_url");
}

/* ---- names ---- */

static void keep_addresses(struct wanted *wanted, const struct addrinfo *found)
{
    unsigned count = 0;
    for (; found != NULL && count < LINKS_ADDRESSES_MAX; found = found->ai_next)
        if (address_from_any(&wanted->addresses[count], found->ai_addr) == 0)
            count++;
    if (count > 0)
        wanted->address_count = count;
}

static void on_found(uv_getaddrinfo_t *request, int status, struct addrinfo *found)
{
    struct link_look_up *look_up = request->data;
    struct wanted *wanted = look_up->wanted;
    free(look_up);
    if (wanted != NULL) {
        wanted->look_up = NULL;
        if (status == 0)
            keep_addresses(wanted, found);
        if (wanted->looking_us != 0)
            connect_now(wanted);
    }
    uv_freeaddrinfo(found);
}

static int begin_look_up(struct wanted *wanted, const struct target *target)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct link_look_up *look_up = calloc(1, sizeof(*look_up));
    if (look_up == NULL)
        return ERR_NOMEM;
    look_up->request.data = look_up;
    look_up->wanted = wanted;
    if (uv_getaddrinfo(wanted->links->signalling->loop, &look_up->request, on_found, target->host,
                       target->port, &hints) != 0) {
        free(look_up);
        return ERR_IO;
    }
    wanted->look_up = look_up;
    return 0;
}

void links_dial_forget(struct wanted *wanted)
{
    if (wanted->look_up == NULL)
        return;
    wanted->look_up->wanted = NULL;
    (void)uv_cancel((uv_req_t *)&wanted->look_up->request);
}

void links_dial_tick(struct wanted *wanted, uint64_t now_us)
{
    struct target target;
    if (wanted->links->vhost == NULL || wanted->call != 0)
        return;
    if (wanted->looking_us != 0) {
        if (wanted->address_count > 0 && now_us > wanted->looking_us + PATIENCE_US)
            connect_now(wanted);
        return;
    }
    if (now_us < wanted->dial_at_us)
        return;
    if (!read_url(&target, wanted->url)) {
        wanted_failed(wanted, "bad_url");
        return;
    }
    wanted->looking_us = now_us;
    if (wanted->look_up == NULL && begin_look_up(wanted, &target) != 0) {
        wanted->looking_us = 0;
        wanted_failed(wanted, "no_look_up");
    }
}

/* ---- life ---- */

static int make_tls(struct links *links)
{
    links->tls = SSL_CTX_new(TLS_client_method());
    if (links->tls == NULL || SSL_CTX_set_default_verify_paths(links->tls) != 1 ||
        SSL_CTX_set_min_proto_version(links->tls, TLS1_2_VERSION) != 1)
        return ERR_CRYPTO;
    SSL_CTX_set_verify(links->tls, SSL_VERIFY_PEER, NULL);
    return 0;
}

int links_dial_start(struct links *links)
{
    int err = make_tls(links);
    if (err != 0)
        return err;
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .vhost_name = "links",
        .options = LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .provided_client_ssl_ctx = links->tls,
        .http_proxy_address = ":0", /* none, whatever the environment says */
        .retry_and_idle_policy = &no_pings,
    };
    struct lws_vhost *vhost = lws_create_vhost(links->signalling->context, &info);
    if (vhost == NULL || lws_init_vhost_client_ssl(&info, vhost) != 0)
        return ERR_NOMEM;
    links->vhost = vhost;
    return 0;
}

void links_dial_stop(struct links *links)
{
    SSL_CTX_free(links->tls);
    links->tls = NULL;
}
