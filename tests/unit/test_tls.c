#include "tls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

enum { TURNS_MAX = 10, DAY_S = 24 * 3600 };

/* ---- a server in memory ---- */

static void add_names(X509 *certificate, const char *names)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, certificate, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, NID_subject_alt_name, names);
    assert_non_null(extension);
    assert_int_equal(X509_add_ext(certificate, extension, -1), 1);
    X509_EXTENSION_free(extension);
}

/* Signed by itself, for these names ("DNS:a,IP:b"), until so many days from now. */
static X509 *certificate_of(EVP_PKEY *key, const char *names, long days)
{
    X509 *certificate = X509_new();
    assert_non_null(certificate);
    X509_NAME *subject = X509_get_subject_name(certificate);
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                                                (const unsigned char *)"a server", -1, -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(certificate, subject), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -2 * DAY_S));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), days * DAY_S));
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    add_names(certificate, names);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    return certificate;
}

static SSL_CTX *server_of(const char *names, long days)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    assert_non_null(key);
    X509 *certificate = certificate_of(key, names, days);
    SSL_CTX *server = SSL_CTX_new(TLS_server_method());
    assert_non_null(server);
    assert_int_equal(SSL_CTX_use_certificate(server, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server, key), 1);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return server;
}

/* ---- a connection in memory ---- */

struct meeting {
    SSL_CTX *client, *server; /* owned */
    SSL *from, *to;           /* owned */
};

static bool meet(struct meeting *meeting, const char *host, const char *names, long days,
                 bool is_trusted)
{
    BIO *near, *far;
    meeting->server = server_of(names, days);
    assert_int_equal(tls_create(&meeting->client, host), 0);
    if (is_trusted)
        assert_int_equal(X509_STORE_add_cert(SSL_CTX_get_cert_store(meeting->client),
                                             SSL_CTX_get0_certificate(meeting->server)),
                         1);
    meeting->from = SSL_new(meeting->client);
    meeting->to = SSL_new(meeting->server);
    assert_int_equal(BIO_new_bio_pair(&near, 0, &far, 0), 1);
    SSL_set_bio(meeting->from, near, near);
    SSL_set_bio(meeting->to, far, far);
    SSL_set_connect_state(meeting->from);
    SSL_set_accept_state(meeting->to);
    assert_int_equal(SSL_set_tlsext_host_name(meeting->from, host), 1);
    for (unsigned i = 0; i < TURNS_MAX && !SSL_is_init_finished(meeting->from); i++) {
        ERR_clear_error();
        int result = SSL_do_handshake(meeting->from);
        if (SSL_get_error(meeting->from, result) == SSL_ERROR_SSL)
            return false; /* the cause stays in the queue */
        (void)SSL_do_handshake(meeting->to);
    }
    assert_true(SSL_is_init_finished(meeting->from));
    return true;
}

static void part(struct meeting *meeting)
{
    SSL_free(meeting->from);
    SSL_free(meeting->to);
    SSL_CTX_free(meeting->client);
    SSL_CTX_free(meeting->server);
    ERR_clear_error();
}

static bool is_accepted(const char *host, const char *names)
{
    struct meeting meeting;
    bool is_good = meet(&meeting, host, names, 1, true);
    part(&meeting);
    return is_good;
}

static void expect_why(const char *host, const char *names, long days, bool is_trusted,
                       const char *expected)
{
    struct meeting meeting;
    char why[TLS_WHY_CHARS];
    assert_false(meet(&meeting, host, names, days, is_trusted));
    assert_true(tls_why(meeting.from, why));
    assert_string_equal(why, expected);
    part(&meeting);
}

/* ---- the tests ---- */

static void test_a_certificate_for_the_host_is_accepted(void **state)
{
    (void)state;
    assert_true(is_accepted("rooms.example.org", "DNS:rooms.example.org"));
    assert_true(is_accepted("rooms.example.org", "DNS:other.example,DNS:*.example.org"));
    assert_true(is_accepted("192.0.2.1", "IP:192.0.2.1"));
    assert_true(is_accepted("::1", "IP:::1"));
    assert_true(is_accepted("2001:db8:0:0::1", "DNS:other.example,IP:2001:db8::1"));
}

static void test_a_certificate_for_another_host_is_not(void **state)
{
    (void)state;
    static const char *const hosts[] = {"rooms.example.org", "192.0.2.1", "::1", "2001:db8::1"};
    static const char *const others[] = {"DNS:other.example", "IP:192.0.2.2",  "IP:2001:db8::2",
                                         "DNS:2001",          "DNS:192.0.2.1", "DNS:*"};
    for (size_t i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++)
        for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++)
            assert_false(is_accepted(hosts[i], others[j]));
}

static void test_a_host_that_is_neither_name_nor_address_is_never_met(void **state)
{
    (void)state;
    SSL_CTX *tls = NULL;
    assert_int_equal(tls_create(&tls, ""), ERR_CRYPTO);
    assert_null(tls);
    assert_false(is_accepted("fe80::1%eth0", "IP:fe80::1"));
    assert_false(is_accepted("[::1]", "IP:::1"));
}

static void test_only_a_name_is_asked_for(void **state)
{
    (void)state;
    struct meeting meeting;
    assert_true(meet(&meeting, "rooms.example.org", "DNS:rooms.example.org", 1, true));
    assert_string_equal(SSL_get_servername(meeting.to, TLSEXT_NAMETYPE_host_name),
                        "rooms.example.org");
    part(&meeting);
    assert_true(meet(&meeting, "::1", "IP:::1", 1, true));
    assert_null(SSL_get_servername(meeting.to, TLSEXT_NAMETYPE_host_name));
    part(&meeting);
}

static void test_the_reason_is_that_of_the_certificate(void **state)
{
    (void)state;
    expect_why("rooms.example.org", "DNS:other.example", 1, true,
               "certificate verify failed: hostname mismatch");
    expect_why("::1", "DNS:other.example", 1, true,
               "certificate verify failed: IP address mismatch");
    expect_why("::1", "IP:::1", 1, false, "certificate verify failed: self-signed certificate");
    expect_why("::1", "IP:::1", -1, true, "certificate verify failed: certificate has expired");
}

static void test_without_a_certificate_the_first_error_is_the_reason(void **state)
{
    (void)state;
    char why[TLS_WHY_CHARS];
    ERR_raise(ERR_LIB_SSL, SSL_R_WRONG_VERSION_NUMBER);
    ERR_raise(ERR_LIB_SSL, ERR_R_INTERNAL_ERROR);
    assert_true(tls_why(NULL, why));
    assert_string_equal(why, "wrong version number");
    assert_false(tls_why(NULL, why));
    assert_string_equal(why, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_certificate_for_the_host_is_accepted),
        cmocka_unit_test(test_a_certificate_for_another_host_is_not),
        cmocka_unit_test(test_a_host_that_is_neither_name_nor_address_is_never_met),
        cmocka_unit_test(test_only_a_name_is_asked_for),
        cmocka_unit_test(test_the_reason_is_that_of_the_certificate),
        cmocka_unit_test(test_without_a_certificate_the_first_error_is_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
