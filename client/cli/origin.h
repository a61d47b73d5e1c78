/* origin.h - a server's URL taken apart, and how libwebsockets is to connect to it.
 *
 * Owner    values
 * Thread   any
 * Units    none
 * Errors   ERR_INVAL
 * Spec     RFC 9110 sections 4.2 and 7.2, RFC 3986 section 3.2.2
 */
#ifndef CLI_ORIGIN_H
#define CLI_ORIGIN_H

#include "rostrum/error.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    ORIGIN_HOST_CHARS = 256,
    ORIGIN_FIELD_CHARS = ORIGIN_HOST_CHARS + 8, /* with brackets and port */
};

/* "http://host:port" or "https://host". */
struct origin {
    char host[ORIGIN_HOST_CHARS]; /* an IPv6 address without brackets */
    uint16_t port;
    bool tls;
};

/* ERR_INVAL: not such a URL. */
MUST_CHECK int origin_parse(struct origin *out, const char *url);
/* The value of the Host field: an IPv6 address in brackets, and only an unusual port. */
void origin_write_field(const struct origin *origin, char out[ORIGIN_FIELD_CHARS]);
/* For `ssl_connection` of lws_client_connect_info. The certificate's name is checked by what
 * tls_create() made, which must be the context's `provided_client_ssl_ctx`. A redirect is an answer like others: libwebsockets
 * 4.1 that follows one on a loop of libuv loses the socket, and would take a token where it was not meant to go. */
int origin_connect_flags(const struct origin *origin);

#endif
