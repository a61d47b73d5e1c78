#include "transport/dtls_internal.h"

#include "base/random.h"
#include "transport/dtls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    VALID_SECONDS = 10 * 365 * 24 * 3600,
    BACKDATED_SECONDS = 24 * 3600, /* for remotes whose clock is slow */
    RECORD_MAX_BYTES = 1200,
    CERTIFICATE_MAX_BYTES = 16 * 1024,
};
/* GCM first: the batch engines are twice as fast with it. Everybody has the second. */
static const char *const PROFILES = "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80";
static const char *const CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES";

static const EVP_MD *digest_of(enum digest digest)
{
    switch (digest) {
    case DIGEST_SHA256:
        return EVP_sha256();
    case DIGEST_SHA384:
        return EVP_sha384();
    case DIGEST_SHA512:
        return EVP_sha512();
    }
    return NULL;
}

size_t dtls_digest_bytes(enum digest digest)
{
    const EVP_MD *md = digest_of(digest);
    return md ? (size_t)EVP_MD_get_size(md) : 0;
}

int dtls_fingerprint(X509 *certificate, struct fingerprint *out)
{
    const EVP_MD *md = digest_of(out->digest);
    unsigned bytes = 0;
    if (!md || X509_digest(certificate, md, out->bytes, &bytes) != 1)
        return ERR_CRYPTO;
    return 0;
}

static int name_and_sign(X509 *certificate, EVP_PKEY *key)
{
    uint64_t serial;
    random_bytes(&serial, sizeof(serial));
    X509_NAME *name = X509_get_subject_name(certificate);
    if (X509_set_version(certificate, X509_VERSION_3) != 1 ||
        ASN1_INTEGER_set_uint64(X509_get_serialNumber(certificate), serial >> 1) != 1 ||
        !X509_gmtime_adj(X509_getm_notBefore(certificate), -BACKDATED_SECONDS) ||
        !X509_gmtime_adj(X509_getm_notAfter(certificate), VALID_SECONDS) ||
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"rostrum", -1,
                                   -1, 0) != 1 ||
        X509_set_issuer_name(certificate, name) != 1 || X509_set_pubkey(certificate, key) != 1 ||
        X509_sign(certificate, key, EVP_sha256()) == 0)
        return ERR_CRYPTO;
    return 0;
}

static int make_certificate(struct dtls_identity *identity)
{
    identity->key = EVP_EC_gen("P-256");
    identity->certificate = X509_new();
    if (!identity->key || !identity->certificate)
        return ERR_CRYPTO;
    return name_and_sign(identity->certificate, identity->key);
}

/* ERR_NOENT: there is no such file yet. */
static int load(struct dtls_identity *identity, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        return errno == ENOENT ? ERR_NOENT : ERR_IO;
    identity->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    identity->certificate = PEM_read_X509(file, NULL, NULL, NULL);
    (void)fclose(file);
    if (!identity->key || !identity->certificate ||
        X509_check_private_key(identity->certificate, identity->key) != 1)
        return ERR_DAMAGED;
    return 0;
}

static int write_pem(const struct dtls_identity *identity, int fd)
{
    FILE *file = fdopen(fd, "w");
    if (!file) {
        (void)close(fd);
        return ERR_IO;
    }
    int ok = PEM_write_PrivateKey(file, identity->key, NULL, NULL, 0, NULL, NULL) == 1 &&
             PEM_write_X509(file, identity->certificate) == 1 && fflush(file) == 0 &&
             fsync(fileno(file)) == 0;
    ok = fclose(file) == 0 && ok;
    return ok ? 0 : ERR_IO;
}

/* Under another name first, so that a crash leaves no half-written identity behind. */
static int save(const struct dtls_identity *identity, const char *path)
{
    char draft[PATH_MAX];
    int chars = snprintf(draft, sizeof(draft), "%s.new", path);
    if (chars < 0 || (size_t)chars >= sizeof(draft))
        return ERR_IO;
    (void)unlink(draft);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (fd < 0)
        return ERR_IO;
    int err = write_pem(identity, fd);
    if (!err && rename(draft, path) != 0)
        err = ERR_IO;
    if (err)
        (void)unlink(draft);
    return err;
}

static int obtain_certificate(struct dtls_identity *identity, const char *path)
{
    int err = path ? load(identity, path) : ERR_NOENT;
    if (err != ERR_NOENT)
        return err;
    err = make_certificate(identity);
    if (!err && path)
        err = save(identity, path);
    return err;
}

static int make_context(struct dtls_identity *identity)
{
    SSL_CTX *context = SSL_CTX_new(DTLS_method());
    if (!context)
        return ERR_NOMEM;
    int groups[] = {NID_X25519, NID_X9_62_prime256v1};
    identity->context = context;
    SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION);
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    /* We send nothing longer, and the buffer for it is 15 kB smaller. */
    (void)SSL_CTX_set_max_send_fragment(context, RECORD_MAX_BYTES);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_max_cert_list(context, CERTIFICATE_MAX_BYTES);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_cert_verify_callback(context, dtls_on_certificate, NULL);
    if (SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_max_proto_version(context, DTLS1_2_VERSION) != 1 ||
        SSL_CTX_set_cipher_list(context, CIPHERS) != 1 ||
        SSL_CTX_set1_groups(context, groups, sizeof(groups) / sizeof(groups[0])) != 1 ||
        SSL_CTX_use_certificate(context, identity->certificate) != 1 ||
        SSL_CTX_use_PrivateKey(context, identity->key) != 1)
        return ERR_CRYPTO;
    return dtls_identity_restrict(identity, PROFILES) == 0 ? 0 : ERR_CRYPTO;
}

int dtls_identity_create(struct dtls_identity **out, const char *path)
{
    struct dtls_identity *identity = calloc(1, sizeof(*identity));
    if (!identity)
        return ERR_NOMEM;
    identity->fingerprint.digest = DIGEST_SHA256;
    int err = obtain_certificate(identity, path);
    if (err)
        goto fail;
    err = dtls_fingerprint(identity->certificate, &identity->fingerprint);
    if (err)
        goto fail;
    err = dtls_bio_method_create(&identity->datagram_bio);
    if (err)
        goto fail;
    err = make_context(identity);
    if (err)
        goto fail;
    *out = identity;
    return 0;
fail:
    ERR_clear_error();
    dtls_identity_destroy(identity);
    return err;
}

void dtls_identity_destroy(struct dtls_identity *identity)
{
    if (!identity)
        return;
    SSL_CTX_free(identity->context);
    BIO_meth_free(identity->datagram_bio);
    EVP_PKEY_free(identity->key);
    X509_free(identity->certificate);
    free(identity);
}

const struct fingerprint *dtls_identity_fingerprint(const struct dtls_identity *identity)
{
    return &identity->fingerprint;
}

/* SSL_CTX_set_tlsext_use_srtp() returns 0 when it went well. */
int dtls_identity_restrict(struct dtls_identity *identity, const char *profiles)
{
    return SSL_CTX_set_tlsext_use_srtp(identity->context, profiles) == 0 ? 0 : ERR_INVAL;
}
