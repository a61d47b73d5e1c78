/* dtls_internal.h - what dtls.c and dtls_identity.c share: the contexts made of the certificate.
 *
 * Owner    see peer.h: dtls_identity_create()
 * Thread   any; immutable after creation (SSL_new takes references only)
 * Units    none
 * Errors   none
 * Spec     RFC 5764 section 4.1
 */
#ifndef TRANSPORT_DTLS_INTERNAL_H
#define TRANSPORT_DTLS_INTERNAL_H

#include "rostrum/peer.h" /* before OpenSSL, whose macros bear the names of our SRTP profiles */

#include <openssl/ssl.h>

struct dtls_identity {
    X509 *certificate; /* owned, as all others */
    EVP_PKEY *key;
    SSL_CTX *context;
    BIO_METHOD *datagram_bio;
    struct fingerprint fingerprint;
};

/* Digests the certificate with the algorithm of out->digest. ERR_CRYPTO. */
MUST_CHECK int dtls_fingerprint(X509 *certificate, struct fingerprint *out);
size_t dtls_digest_bytes(enum digest digest);

/* The callbacks that every association runs through; they live in dtls.c. */
int dtls_on_certificate(X509_STORE_CTX *store, void *arg);
MUST_CHECK int dtls_bio_method_create(BIO_METHOD **out);

#endif
