#include "origin.h"

#include <libwebsockets.h>

#include <stdio.h>
#include <string.h>

enum {
    HTTP_PORT = 80,
    HTTPS_PORT = 443,
};

int origin_parse(struct origin *out, const char *url)
{
    char text[512];
    if (strlen(url) >= sizeof(text))
        return ERR_INVAL;
    (void)snprintf(text, sizeof(text), "%s", url);
    const char *scheme, *host, *path;
    int port;
    if (lws_parse_uri(text, &scheme, &host, &port, &path) != 0 || host[0] == '\0')
        return ERR_INVAL;
    bool tls = strcmp(scheme, "https") == 0;
    if ((!tls && strcmp(scheme, "http") != 0) || strlen(host) >= sizeof(out->host))
        return ERR_INVAL;
    (void)snprintf(out->host, sizeof(out->host), "%s", host);
    out->port = (uint16_t)port;
    out->tls = tls;
    return 0;
}

void origin_write_field(const struct origin *origin, char out[ORIGIN_FIELD_CHARS])
{
    bool is_usual = origin->port == (origin->tls ? HTTPS_PORT : HTTP_PORT);
    bool is_ipv6 = strchr(origin->host, ':') != NULL;
    int chars = snprintf(out, ORIGIN_FIELD_CHARS, is_ipv6 ? "[%s]" : "%s", origin->host);
    if (!is_usual)
        (void)snprintf(out + chars, ORIGIN_FIELD_CHARS - (size_t)chars, ":%u", origin->port);
}

int origin_connect_flags(const struct origin *origin)
{
    int tls = origin->tls ? LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK : 0;
    return LCCSCF_HTTP_NO_FOLLOW_REDIRECT | tls;
}
