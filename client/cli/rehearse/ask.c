#include "rehearse/ask.h"

#include "tls.h"

#include <openssl/err.h>
#include <openssl/http.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct asker {
    char *host, *port; /* owned, OpenSSL's; an IPv6 address stands in brackets */
    char *name;        /* owned: the host as certificates name it */
    bool is_tls;
    SSL_CTX *tls;                    /* owned; NULL for http */
    const SSL *ssl;                  /* borrowed from the connection; NULL: there is none */
    STACK_OF(CONF_VALUE) * headers;  /* owned; NULL: none */
    STACK_OF(CONF_VALUE) * bodyless; /* owned; of a POST without a body */
    char why[TLS_WHY_CHARS];
    char answer[ASK_BYTES_MAX + 1];
};

/* The host without the brackets of RFC 3986 section 3.2.2. */
static int take_name(struct asker *asker)
{
    size_t chars = strlen(asker->host);
    bool is_bracketed = asker->host[0] == '[' && asker->host[chars - 1] == ']';
    asker->name = is_bracketed ? strndup(asker->host + 1, chars - 2) : strdup(asker->host);
    return asker->name != NULL ? 0 : ERR_NOMEM;
}

static int take_url(struct asker *asker, const char *server)
{
    int is_tls = 0, err = 0;
    char *path = NULL, *query = NULL, *user = NULL;
    if (OSSL_HTTP_parse_url(server, &is_tls, &user, &asker->host, &asker->port, NULL, &path, &query,
                            NULL) != 1)
        return ERR_INVAL;
    bool is_scheme = strncmp(server, "http://", 7) == 0 || strncmp(server, "https://", 8) == 0;
    if (!is_scheme || asker->host[0] == '\0' || strcmp(path, "/") != 0)
        err = ERR_INVAL;
    asker->is_tls = is_tls != 0;
    if (err == 0)
        err = take_name(asker);
    OPENSSL_free(path);
    OPENSSL_free(query);
    OPENSSL_free(user);
    return err;
}

static int add_token(struct asker *asker, const char *token)
{
    char value[300];
    int chars = snprintf(value, sizeof(value), "Bearer %s", token);
    if (chars < 0 || chars >= (int)sizeof(value))
        return ERR_INVAL;
    return X509V3_add_value("Authorization", value, &asker->headers) == 1 &&
                   X509V3_add_value("Authorization", value, &asker->bodyless) == 1
               ? 0
               : ERR_NOMEM;
}

int asker_create(struct asker **out, const char *server, const char *token)
{
    struct asker *asker = calloc(1, sizeof(*asker));
    if (asker == NULL)
        return ERR_NOMEM;
    int err = take_url(asker, server);
    if (err == 0 && asker->is_tls)
        err = tls_create(&asker->tls, asker->name);
    if (err == 0 && X509V3_add_value("Content-Length", "0", &asker->bodyless) != 1)
        err = ERR_NOMEM;
    if (err == 0 && token != NULL)
        err = add_token(asker, token);
    ERR_clear_error();
    if (err != 0) {
        asker_destroy(asker);
        return err;
    }
    *out = asker;
    return 0;
}

void asker_destroy(struct asker *asker)
{
    if (asker == NULL)
        return;
    sk_CONF_VALUE_pop_free(asker->headers, X509V3_conf_free);
    sk_CONF_VALUE_pop_free(asker->bodyless, X509V3_conf_free);
    SSL_CTX_free(asker->tls);
    OPENSSL_free(asker->host);
    OPENSSL_free(asker->port);
    free(asker->name);
    free(asker);
}

/* OpenSSL's hook: puts TLS upon the connection when it is made, and takes it off at the end. */
static BIO *put_tls(BIO *bio, void *arg, int connect, int detail)
{
    struct asker *asker = arg;
    (void)detail;
    if (connect == 0) {
        asker->ssl = NULL;
        BIO *tls = BIO_find_type(bio, BIO_TYPE_SSL);
        if (tls == NULL)
            return bio;
        BIO *below = BIO_pop(tls);
        (void)BIO_free(tls);
        return below;
    }
    BIO *tls = BIO_new_ssl(asker->tls, 1);
    SSL *ssl = NULL;
    if (tls == NULL)
        return NULL;
    (void)BIO_get_ssl(tls, &ssl);
    if (SSL_set_tlsext_host_name(ssl, asker->name) != 1) {
        (void)BIO_free(tls);
        return NULL;
    }
    asker->ssl = ssl;
    return BIO_push(tls, bio);
}

static int fail(struct asker *asker)
{
    if (!tls_why(asker->ssl, asker->why))
        (void)snprintf(asker->why, sizeof(asker->why), "no answer");
    return ERR_IO;
}

static int read_answer(struct asker *asker, BIO *bio, size_t *bytes)
{
    time_t until = time(NULL) + ASK_SECONDS;
    *bytes = 0;
    while (*bytes < ASK_BYTES_MAX) {
        size_t got = 0;
        if (BIO_read_ex(bio, asker->answer + *bytes, ASK_BYTES_MAX - *bytes, &got) == 1)
            *bytes += got;
        else if (!BIO_should_retry(bio))
            break;
        else if (BIO_wait(bio, until, 10) != 1)
            return ERR_IO;
    }
    asker->answer[*bytes] = '\0';
    return *bytes < ASK_BYTES_MAX ? 0 : ERR_IO;
}

struct question {
    const char *path;
    bool is_post;
    const char *body; /* NULL: none */
};

static bool set_question(struct asker *asker, OSSL_HTTP_REQ_CTX *connection,
                         const struct question *question)
{
    const char *body = question->body != NULL ? question->body : "";
    bool has_body = question->body != NULL;
    BIO *content = question->is_post ? BIO_new_mem_buf(body, (int)strlen(body)) : NULL;
    if (question->is_post && content == NULL)
        return false;
    bool is_set =
        OSSL_HTTP_set1_request(connection, question->path,
                               question->is_post && !has_body ? asker->bodyless : asker->headers,
                               has_body ? "application/json" : NULL, content, NULL, 0,
                               ASK_BYTES_MAX, ASK_SECONDS, 0) == 1;
    (void)BIO_free(content); /* the connection has its own reference */
    return is_set;
}

/* The answer is read before the connection is closed, which takes its TLS away. */
static int exchange(struct asker *asker, OSSL_HTTP_REQ_CTX *connection,
                    const struct question *question, size_t *bytes)
{
    if (!set_question(asker, connection, question))
        return ERR_IO;
    BIO *bio = OSSL_HTTP_exchange(connection, NULL);
    if (bio == NULL)
        return ERR_IO;
    int err = read_answer(asker, bio, bytes);
    (void)BIO_free(bio); /* one reference of two */
    return err;
}

static int put(struct asker *asker, const struct question *question, const char **answer,
               size_t *bytes)
{
    asker->why[0] = '\0';
    /* "" as proxy: none, whatever the environment says; audio does not go through one either. */
    OSSL_HTTP_REQ_CTX *connection =
        OSSL_HTTP_open(asker->host, asker->port, "", NULL, asker->is_tls, NULL, NULL,
                       asker->is_tls ? put_tls : NULL, asker, 0, ASK_SECONDS);
    if (connection == NULL) {
        asker->ssl = NULL;
        return fail(asker);
    }
    int err = exchange(asker, connection, question, bytes);
    if (err != 0)
        err = fail(asker);
    (void)OSSL_HTTP_close(connection, err == 0);
    ERR_clear_error();
    *answer = asker->answer;
    return err;
}

int ask(struct asker *asker, const char *path, const char **answer, size_t *bytes)
{
    return put(asker, &(struct question){.path = path}, answer, bytes);
}

int ask_post(struct asker *asker, const char *path, const char *body, const char **answer,
             size_t *bytes)
{
    struct question question = {.path = path, .is_post = true, .body = body};
    return put(asker, &question, answer, bytes);
}

const char *ask_why(const struct asker *asker)
{
    return asker->why;
}
