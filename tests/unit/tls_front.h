/* tls_front.h - for tests: TLS in front of a server, as a proxy does it: a thread that takes one connection after the
 * other, with a certificate of its own for "localhost". Include after cmocka.h.
 *
 * Owner    one test; stop it when the server's connections have ended
 * Thread   one of its own
 * Units    bytes
 * Errors   assertions; the thread drops what fails
 * Spec     none
 */
#ifndef TEST_TLS_FRONT_H
#define TEST_TLS_FRONT_H

#include <arpa/inet.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct tls_front {
    SSL_CTX *context; /* owned */
    pthread_t thread;
    int fd; /* owned; listens */
    uint16_t port, server_port;
    char certificate[64]; /* path; whoever trusts it trusts this front */
};

static inline struct sockaddr_in front_address(uint16_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* False: one of them has ended. */
static inline bool front_pass(SSL *ssl, int client, int server)
{
    uint8_t bytes[4096];
    struct pollfd fds[2] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    if (SSL_pending(ssl) == 0 && poll(fds, 2, -1) < 0)
        return false;
    if (SSL_pending(ssl) > 0 || fds[0].revents != 0) {
        int got = SSL_read(ssl, bytes, sizeof(bytes));
        if (got <= 0 || send(server, bytes, (size_t)got, MSG_NOSIGNAL) != got)
            return false;
    }
    if (fds[1].revents != 0) {
        ssize_t got = recv(server, bytes, sizeof(bytes), 0);
        if (got <= 0 || SSL_write(ssl, bytes, (int)got) != got)
            return false;
    }
    return true;
}

static inline void *front_run(void *arg)
{
    struct tls_front *front = arg;
    int client;
    while ((client = accept(front->fd, NULL, NULL)) >= 0) {
        struct sockaddr_in to = front_address(front->server_port);
        int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        SSL *ssl = SSL_new(front->context);
        SSL_set_fd(ssl, client);
        if (SSL_accept(ssl) == 1 && connect(server, (struct sockaddr *)&to, sizeof(to)) == 0)
            while (front_pass(ssl, client, server))
                continue;
        SSL_free(ssl);
        (void)close(server);
        (void)close(client);
    }
    return NULL;
}

static inline X509 *front_certify(EVP_PKEY *key)
{
    X509 *x509 = X509_new();
    X509_EXTENSION *name = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:localhost");
    assert_non_null(x509);
    assert_non_null(name);
    assert_true(X509_set_version(x509, 2) && ASN1_INTEGER_set(X509_get_serialNumber(x509), 1));
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(x509), -60));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(x509), 3600));
    X509_NAME *subject = X509_get_subject_name(x509);
    assert_true(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                           (const unsigned char *)"front", -1, -1, 0));
    assert_true(X509_set_issuer_name(x509, subject) && X509_set_pubkey(x509, key));
    assert_true(X509_add_ext(x509, name, -1) && X509_sign(x509, key, EVP_sha256()));
    X509_EXTENSION_free(name);
    return x509;
}

static inline void front_make_certificate(struct tls_front *front)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *x509 = front_certify(key);
    (void)snprintf(front->certificate, sizeof(front->certificate), "/tmp/front-XXXXXX");
    int fd = mkstemp(front->certificate);
    BIO *bio = BIO_new_fd(fd, BIO_CLOSE);
    assert_true(fd >= 0 && bio != NULL && PEM_write_bio_X509(bio, x509));
    BIO_free(bio);
    assert_int_equal(SSL_CTX_use_certificate(front->context, x509), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(front->context, key), 1);
    X509_free(x509);
    EVP_PKEY_free(key);
}

static inline void front_start(struct tls_front *front)
{
    struct sockaddr_in own = front_address(0);
    socklen_t bytes = sizeof(own);
    *front = (struct tls_front){.context = SSL_CTX_new(TLS_server_method())};
    assert_non_null(front->context);
    front_make_certificate(front);
    front->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(front->fd, (struct sockaddr *)&own, sizeof(own)), 0);
    assert_int_equal(listen(front->fd, 8), 0);
    assert_int_equal(getsockname(front->fd, (struct sockaddr *)&own, &bytes), 0);
    front->port = ntohs(own.sin_port);
}

static inline void front_serve(struct tls_front *front, uint16_t server_port)
{
    front->server_port = server_port;
    assert_int_equal(pthread_create(&front->thread, NULL, front_run, front), 0);
}

static inline void front_stop(struct tls_front *front)
{
    (void)shutdown(front->fd, SHUT_RDWR);
    assert_int_equal(pthread_join(front->thread, NULL), 0);
    (void)close(front->fd);
    (void)unlink(front->certificate);
    SSL_CTX_free(front->context);
}

#endif
