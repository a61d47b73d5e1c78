#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <stdio.h>
#include <string.h>

/* An address is no name to ask for (RFC 6066 section 3). libwebsockets gives the part of it that
 * stands before the first colon, for which a server may have no certificate. */
static void forget_name(const SSL *ssl, int where, int result)
{
    SSL *own;
    (void)result;
    memcpy(&own, &ssl, sizeof(own)); /* the only hook before the first message knows it as const */
    if ((where & SSL_CB_HANDSHAKE_START) != 0)
        (void)SSL_set_tlsext_host_name(own, NULL);
}

/* Each connection inherits it. An address is held against addresses only, never against names. */
static int expect_name(SSL_CTX *tls, const char *host)
{
    X509_VERIFY_PARAM *expected = SSL_CTX_get0_param(tls);
    if (host[0] == '\0') /* OpenSSL would take it for "any name" */
        return ERR_CRYPTO;
    X509_VERIFY_PARAM_set_hostflags(expected, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (X509_VERIFY_PARAM_set1_ip_asc(expected, host) != 1)
        return X509_VERIFY_PARAM_set1_host(expected, host, 0) == 1 ? 0 : ERR_CRYPTO;
    SSL_CTX_set_info_callback(tls, forget_name);
    return 0;
}

int tls_create(SSL_CTX **out, const char *host)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (tls == NULL) {
        ERR_clear_error();
        return ERR_NOMEM;
    }
    int err = SSL_CTX_set_default_verify_paths(tls) == 1 ? expect_name(tls, host) : ERR_CRYPTO;
    SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, NULL);
    (void)SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS); /* a crowd has thousands, mostly idle */
    ERR_clear_error(); /* a text that is no address, a file of certificates that is not there */
    if (err != 0) {
        SSL_CTX_free(tls);
        return err;
    }
    *out = tls;
    return 0;
}

/* The first error is the cause, those after it say who passed it on. Lends; NULL: there is none. */
static const char *first_error(void)
{
    const char *data = NULL;
    int flags = 0;
    unsigned long code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags);
    if ((flags & ERR_TXT_STRING) != 0 && data != NULL && data[0] != '\0')
        return data;
    return code != 0 ? ERR_reason_error_string(code) : NULL;
}

bool tls_why(const SSL *ssl, char out[TLS_WHY_CHARS])
{
    const char *before = "", *text = first_error();
    long verdict = ssl != NULL ? SSL_get_verify_result(ssl) : X509_V_OK;
    if (verdict != X509_V_OK) {
        before = "certificate verify failed: ";
        text = X509_verify_cert_error_string(verdict);
    } else if (text == NULL && ssl != NULL && SSL_in_init(ssl) && !SSL_in_before(ssl)) {
        text = "the TLS handshake failed"; /* and somebody emptied the queue */
    }
    (void)snprintf(out, TLS_WHY_CHARS, "%s%s", before, text != NULL ? text : "");
    ERR_clear_error();
    return text != NULL;
}
