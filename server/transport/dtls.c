#include "transport/dtls.h"

#include "transport/dtls_internal.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/srtp.h>
#include <stdlib.h>
#include <sys/time.h>

enum {
    MTU_BYTES = 1200, /* fits everywhere, tunnels included */
    RETRANSMIT_FIRST_US =
        100 * 1000, /* OpenSSL's own is 1 s, RFC 6347's advice: too slow to join */
    RETRANSMIT_MAX_US = 1600 * 1000,
    MTU_OVERHEAD_BYTES = 48, /* IPv6 and UDP */
    US_PER_S = 1000000,
    GCM_SALT_BYTES = 12, /* RFC 7714 section 12 */
    CM_SALT_BYTES = 14,  /* RFC 5764 section 4.1.2 */
    /* ChangeCipherSpec and Finished with the longest cipher, AES-CBC and SHA-384. */
    KEPT_MAX_BYTES = 160,
    RECORD_CHANGE_CIPHER_SPEC = 20, /* RFC 5246 section 6.2.1 */
    RECORD_HANDSHAKE = 22,
    REPEAT_EVERY_US = 50 * 1000, /* however many datagrams the remote's flight has */
};
static const char EXPORT_LABEL[] = "EXTRACTOR-dtls_srtp"; /* RFC 5764 section 4.2 */

/* Datagrams one after the other: records may share one (RFC 6347 section 4.1.1). */
struct kept {
    uint8_t data[KEPT_MAX_BYTES];
    size_t bytes;
    bool is_cut; /* something did not fit */
};

struct dtls {
    SSL *ssl;                           /* owned; NULL once it was shed */
    const struct fingerprint *expected; /* borrowed from the peer */
    dtls_send_fn *send;
    void *ctx;
    struct slice input; /* the datagram in hand; empty once OpenSSL took it */
    enum dtls_state state;
    enum dtls_role role;
    uint64_t due_us;
    struct kept flight;   /* ours from ChangeCipherSpec on */
    struct kept farewell; /* close_notify */
    bool is_shedding;     /* what OpenSSL writes is kept, not sent */
    uint64_t repeated_us;
};

static void keep(struct kept *kept, const void *data, size_t bytes)
{
    if (bytes > sizeof(kept->data) - kept->bytes) {
        kept->is_cut = true;
        return;
    }
    memcpy(kept->data + kept->bytes, data, bytes);
    kept->bytes += bytes;
}

static void send_kept(struct dtls *dtls, const struct kept *kept)
{
    if (kept->bytes > 0)
        dtls->send(dtls->ctx, kept->data, kept->bytes);
}

static int bio_write(BIO *bio, const char *data, int bytes)
{
    struct dtls *dtls = BIO_get_data(bio);
    if (bytes > 0 && data[0] == RECORD_CHANGE_CIPHER_SPEC)
        dtls->flight =
            (struct kept){.bytes = 0}; /* before it OpenSSL may have repeated a former one */
    keep(dtls->is_shedding ? &dtls->farewell : &dtls->flight, data, (size_t)bytes);
    if (!dtls->is_shedding)
        dtls->send(dtls->ctx, (const uint8_t *)data, (size_t)bytes);
    return bytes;
}

static int bio_read(BIO *bio, char *out, int capacity)
{
    struct dtls *dtls = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (dtls->input.bytes == 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    size_t bytes = dtls->input.bytes < (size_t)capacity ? dtls->input.bytes : (size_t)capacity;
    memcpy(out, dtls->input.data, bytes);
    dtls->input = slice_of(NULL, 0); /* a datagram is read at once or not at all */
    return (int)bytes;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_GET_MTU_OVERHEAD:
        return MTU_OVERHEAD_BYTES;
    default: /* OpenSSL asks for much that a datagram in memory does not have */
        return 0;
    }
}

int dtls_bio_method_create(BIO_METHOD **out)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagrams");
    if (!method)
        return ERR_NOMEM;
    *out = method; /* the caller frees it, whatever we return */
    if (BIO_meth_set_write(method, bio_write) != 1 || BIO_meth_set_read(method, bio_read) != 1 ||
        BIO_meth_set_ctrl(method, bio_ctrl) != 1)
        return ERR_CRYPTO;
    return 0;
}

/* Stands in for the chain check: any certificate will do, if it is the one that was announced. Runs
 * before the handshake is complete, so no key exists yet that a stranger could use. */
int dtls_on_certificate(X509_STORE_CTX *store, void *arg)
{
    (void)arg;
    SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
    struct dtls *dtls = SSL_get_app_data(ssl);
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    struct fingerprint seen = {.digest = dtls->expected->digest};
    if (certificate && dtls_fingerprint(certificate, &seen) == 0 &&
        CRYPTO_memcmp(seen.bytes, dtls->expected->bytes, dtls_digest_bytes(seen.digest)) == 0)
        return 1;
    dtls->state = DTLS_STRANGER;
    X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
    return 0;
}

static unsigned next_timer_us(SSL *ssl, unsigned last_us)
{
    (void)ssl;
    if (last_us == 0)
        return RETRANSMIT_FIRST_US;
    return last_us * 2 < RETRANSMIT_MAX_US ? last_us * 2 : RETRANSMIT_MAX_US;
}

static int set_up_ssl(struct dtls *dtls, const struct dtls_identity *identity)
{
    dtls->ssl = SSL_new(identity->context);
    BIO *bio = BIO_new(identity->datagram_bio);
    if (!dtls->ssl || !bio) {
        (void)BIO_free(bio);
        return ERR_NOMEM;
    }
    BIO_set_data(bio, dtls);
    BIO_set_init(bio, 1);
    SSL_set_bio(dtls->ssl, bio, bio); /* takes it */
    (void)SSL_set_app_data(dtls->ssl, dtls);
    (void)SSL_set_mtu(dtls->ssl, MTU_BYTES);
    DTLS_set_timer_cb(dtls->ssl, next_timer_us);
    if (dtls->role == DTLS_SERVER)
        SSL_set_accept_state(dtls->ssl);
    else
        SSL_set_connect_state(dtls->ssl);
    return 0;
}

int dtls_create(struct dtls **out, const struct dtls_identity *identity, enum dtls_role role,
                const struct fingerprint *expected, dtls_send_fn *send, void *ctx)
{
    struct dtls *dtls = calloc(1, sizeof(*dtls));
    if (!dtls)
        return ERR_NOMEM;
    dtls->expected = expected;
    dtls->send = send;
    dtls->ctx = ctx;
    dtls->role = role;
    dtls->due_us = UINT64_MAX;
    int err = set_up_ssl(dtls, identity);
    if (err) {
        ERR_clear_error();
        dtls_destroy(dtls);
        return err;
    }
    *out = dtls;
    return 0;
}

void dtls_destroy(struct dtls *dtls)
{
    if (!dtls)
        return;
    SSL_free(dtls->ssl);
    free(dtls);
}

static void note_due(struct dtls *dtls, uint64_t now_us)
{
    struct timeval left = {0};
    dtls->due_us = UINT64_MAX;
    if (dtls->state == DTLS_HANDSHAKING && DTLSv1_get_timeout(dtls->ssl, &left) == 1)
        dtls->due_us = now_us + (uint64_t)left.tv_sec * US_PER_S + (uint64_t)left.tv_usec;
}

static void judge_handshake(struct dtls *dtls, int result)
{
    if (result == 1) {
        dtls->state = DTLS_DONE;
        return;
    }
    int error = SSL_get_error(dtls->ssl, result);
    if (error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE &&
        dtls->state == DTLS_HANDSHAKING)
        dtls->state = DTLS_FAILED;
}

/* After the handshake only two things still matter: the remote's last flight once more (OpenSSL
 * answers by itself) and close_notify. */
static void read_rest(struct dtls *dtls)
{
    uint8_t ignored[256];
    int got;
    do {
        got = SSL_read(dtls->ssl, ignored, sizeof(ignored));
    } while (got > 0);
    if (SSL_get_error(dtls->ssl, got) == SSL_ERROR_ZERO_RETURN)
        dtls->state = DTLS_CLOSED;
}

static enum dtls_state advance(struct dtls *dtls, uint64_t now_us)
{
    ERR_clear_error();
    if (dtls->state == DTLS_HANDSHAKING)
        judge_handshake(dtls, SSL_do_handshake(dtls->ssl));
    else if (dtls->state == DTLS_DONE)
        read_rest(dtls);
    ERR_clear_error();
    dtls->input = slice_of(NULL, 0);
    note_due(dtls, now_us);
    return dtls->state;
}

enum dtls_state dtls_begin(struct dtls *dtls, uint64_t now_us)
{
    return advance(dtls, now_us);
}

/* RFC 6347 section 4.2.4: who repeats its last flight misses ours. It comes with the sequence numbers
 * it had, against section 4.2.2: nothing is left to encrypt it anew, and who missed it has not seen
 * them. */
static void answer_repeat(struct dtls *dtls, struct slice datagram, uint64_t now_us)
{
    if (datagram.bytes == 0 ||
        (dtls->repeated_us != 0 && now_us - dtls->repeated_us < REPEAT_EVERY_US) ||
        (datagram.data[0] != RECORD_HANDSHAKE && datagram.data[0] != RECORD_CHANGE_CIPHER_SPEC))
        return;
    dtls->repeated_us = now_us;
    send_kept(dtls, &dtls->flight);
}

enum dtls_state dtls_receive(struct dtls *dtls, struct slice datagram, uint64_t now_us)
{
    if (!dtls->ssl) {
        answer_repeat(dtls, datagram, now_us);
        return dtls->state;
    }
    dtls->input = datagram;
    return advance(dtls, now_us);
}

enum dtls_state dtls_tick(struct dtls *dtls, uint64_t now_us)
{
    if (dtls->state != DTLS_HANDSHAKING || now_us < dtls->due_us)
        return dtls->state;
    ERR_clear_error();
    /* After a dozen tries it refuses; the peer's own deadline decides then. */
    if (DTLSv1_handle_timeout(dtls->ssl) < 0)
        dtls->due_us = UINT64_MAX;
    else
        note_due(dtls, now_us);
    ERR_clear_error();
    return dtls->state;
}

uint64_t dtls_due_us(const struct dtls *dtls)
{
    return dtls->due_us;
}

static size_t salt_bytes_of(enum srtp_profile profile)
{
    switch (profile) {
    case SRTP_AEAD_AES_128_GCM:
        return GCM_SALT_BYTES;
    case SRTP_AES128_CM_SHA1_80:
        return CM_SALT_BYTES;
    case SRTP_NONE:
        return 0;
    }
    return 0;
}

/* RFC 5764 section 4.2: client key, server key, client salt, server salt. */
static void cut_masters(const uint8_t *block, size_t salt_bytes, struct srtp_master *client,
                        struct srtp_master *server)
{
    memcpy(client->key, block, SRTP_MASTER_KEY_BYTES);
    memcpy(server->key, block + SRTP_MASTER_KEY_BYTES, SRTP_MASTER_KEY_BYTES);
    const uint8_t *salts = block + (size_t)2 * SRTP_MASTER_KEY_BYTES;
    memcpy(client->salt, salts, salt_bytes);
    memcpy(server->salt, salts + salt_bytes, salt_bytes);
}

int dtls_export(struct dtls *dtls, struct srtp_keys *out)
{
    if (dtls->state != DTLS_DONE || !dtls->ssl)
        return ERR_BADSTATE;
    const SRTP_PROTECTION_PROFILE *chosen = SSL_get_selected_srtp_profile(dtls->ssl);
    enum srtp_profile profile = chosen ? (enum srtp_profile)chosen->id : SRTP_NONE;
    size_t salt_bytes = salt_bytes_of(profile);
    if (salt_bytes == 0)
        return ERR_UNSUPPORTED;
    uint8_t block[2 * (SRTP_MASTER_KEY_BYTES + SRTP_MASTER_SALT_MAX)];
    if (SSL_export_keying_material(dtls->ssl, block, 2 * (SRTP_MASTER_KEY_BYTES + salt_bytes),
                                   EXPORT_LABEL, sizeof(EXPORT_LABEL) - 1, NULL, 0, 0) != 1)
        return ERR_CRYPTO;
    *out = (struct srtp_keys){.profile = profile};
    if (dtls->role == DTLS_CLIENT)
        cut_masters(block, salt_bytes, &out->send, &out->receive);
    else
        cut_masters(block, salt_bytes, &out->receive, &out->send);
    OPENSSL_cleanse(block, sizeof(block));
    return 0;
}

void dtls_shed(struct dtls *dtls)
{
    if (dtls->state != DTLS_DONE || dtls->role != DTLS_SERVER || dtls->flight.is_cut)
        return;
    dtls->is_shedding = true;
    ERR_clear_error();
    (void)SSL_shutdown(dtls->ssl);
    SSL_free(dtls->ssl);
    ERR_clear_error();
    dtls->ssl = NULL;
}

void dtls_close(struct dtls *dtls)
{
    if (dtls->state != DTLS_DONE)
        return;
    if (!dtls->ssl) {
        send_kept(dtls, &dtls->farewell);
        return;
    }
    ERR_clear_error();
    (void)SSL_shutdown(dtls->ssl);
    ERR_clear_error();
}
