/* tls.h - TLS to one server: whose certificates are trusted, which name they must carry, and why a
 * connection was refused.
 *
 * Every client here takes its TLS from this one place. libwebsockets 4.1 would hold a certificate
 * against the host up to its first colon: against nothing for an IPv6 address.
 *
 * Owner    the caller frees with SSL_CTX_free()
 * Thread   tls_create: any; its result may serve several. tls_why: that of the connection
 * Units    characters
 * Errors   ERR_NOMEM, ERR_CRYPTO
 * Spec     RFC 9110 section 4.3.4, RFC 9525
 */
#ifndef CLI_TLS_H
#define CLI_TLS_H

#include "rostrum/error.h"

#include <openssl/types.h>
#include <stdbool.h>
#include <stddef.h>

enum { TLS_WHY_CHARS = 160 };

/* Allocates. host: a name or an IP address without brackets; the certificate of each connection
 * must be for it, and be signed by whom the system, or SSL_CERT_FILE and SSL_CERT_DIR, trusts. */
MUST_CHECK int tls_create(SSL_CTX **out, const char *host);
/* Why the connection failed, such as "certificate verify failed: certificate has expired"; ssl NULL:
 * there was none yet. Empties the thread's queue of errors. False: TLS knows nothing of it, and
 * `out` is "". */
bool tls_why(const SSL *ssl, char out[TLS_WHY_CHARS]);

#endif
