#include "rostrum/stun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* RFC 5769 section 2.1: request with the short-term password below */
static const uint8_t rfc_request[] =
    "\x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
    "\x80\x22\x00\x10STUN test client"
    "\x00\x24\x00\x04\x6e\x00\x01\xff"
    "\x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36"
    "\x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20"
    "\x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71"
    "\xa2"
    "\x80\x28\x00\x04\xe5\x7a\x3b\xcf";
/* RFC 5769 section 2.2: IPv4 response */
static const uint8_t rfc_ipv4[] =
    "\x01\x01\x00\x3c\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
    "\x80\x22\x00\x0btest vector "
    "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43"
    "\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7"
    "\xd7"
    "\x80\x28\x00\x04\xc0\x7d\x4c\x96";
/* RFC 5769 section 2.3: IPv6 response */
static const uint8_t rfc_ipv6[] =
    "\x01\x01\x00\x48\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae"
    "\x80\x22\x00\x0btest vector "
    "\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9"
    "\xd9"
    "\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed"
    "\x41"
    "\x80\x28\x00\x04\xc8\xfb\x0b\x4c";
/* RFC 5769 section 2.4: long-term request, no fingerprint */
static const uint8_t rfc_long_term[] =
    "\x00\x01\x00\x60\x21\x12\xa4\x42\x78\xad\x34\x33\xc6\xad\x72\xc0\x29\xda\x41\x2e"
    "\x00\x06\x00\x12\xe3\x83\x9e\xe3\x83\x88\xe3\x83\xaa\xe3\x83\x83\xe3\x82\xaf\xe3\x82\xb9\x00"
    "\x00"
    "\x00\x15\x00\x1c"
    "f//499k954d6OL34oL9FSTvy64sA"
    "\x00\x14\x00\x0b"
    "example.org\x00"
    "\x00\x08\x00\x14\xf6\x70\x24\x65\x6d\xd6\x4a\x3e\x02\xb8\xe0\x71\x2e\x85\xc9\xa2\x8c\xa8\x96"
    "\x66";

static const char rfc_password[] = "VOkJxbRl1RmTxUk/WvJxBt";

#define VECTOR(array) slice_of(array, sizeof(array) - 1)

static void expect_authentic(struct slice packet, const struct stun_msg *msg)
{
    struct slice key = slice_text(rfc_password);
    assert_int_equal(stun_check_integrity(msg, packet, key), 0);
    assert_int_equal(stun_check_integrity(msg, packet, slice_text("VOkJxbRl1RmTxUk/WvJxBu")),
                     ERR_AUTH);
    assert_int_equal(stun_check_integrity(msg, packet, slice_text("")), ERR_AUTH);
    assert_int_equal(stun_check_fingerprint(msg, packet), 0);
}

static void test_rfc5769_request(void **state)
{
    (void)state;
    struct slice packet = VECTOR(rfc_request);
    struct stun_msg msg;
    assert_true(stun_is(packet));
    assert_int_equal(stun_parse(&msg, packet), 0);
    assert_int_equal(msg.class, STUN_REQUEST);
    assert_int_equal(msg.method, STUN_BINDING);
    assert_memory_equal(msg.txid, rfc_request + 8, 12);
    assert_true(slice_is(msg.username, "evtj:h6vY"));
    assert_true(msg.has_priority && msg.priority == 0x6e0001ff);
    assert_true(msg.has_controlled && !msg.has_controlling);
    assert_true(msg.tie_breaker == 0x932ff9b151263b36u);
    assert_false(msg.use_candidate);
    assert_int_equal(msg.unknown_count, 0);
    assert_true(msg.has_integrity && msg.has_fingerprint);
    expect_authentic(packet, &msg);
    struct slice ours;
    struct slice theirs;
    assert_int_equal(stun_split_username(msg.username, &ours, &theirs), 0);
    assert_true(slice_is(ours, "evtj") && slice_is(theirs, "h6vY"));
}

static void expect_mapped(struct slice packet, const char *text)
{
    struct stun_msg msg;
    struct address address;
    assert_int_equal(stun_parse(&msg, packet), 0);
    assert_int_equal(msg.class, STUN_SUCCESS);
    assert_int_equal(address_parse(&address, text), 0);
    assert_true(msg.has_mapped);
    assert_true(address_equal(&msg.mapped, &address));
    expect_authentic(packet, &msg);
}

static void test_rfc5769_responses(void **state)
{
    (void)state;
    expect_mapped(VECTOR(rfc_ipv4), "192.0.2.1:32853");
    expect_mapped(VECTOR(rfc_ipv6), "[2001:db8:1234:5678:11:2233:4455:6677]:32853");
}

static void test_rfc5769_long_term_request(void **state)
{
    (void)state;
    struct slice packet = VECTOR(rfc_long_term);
    struct stun_msg msg;
    /* MD5 of "マトリックス:example.org:TheMatrIX" */
    static const uint8_t key[16] =
        "\xe8\xca\x7a\xd5\x9d\x5e\xb0\x51\x8e\x31\x29\x11\xd2\xda\xb2\xa9";
    assert_int_equal(stun_parse(&msg, packet), 0);
    assert_int_equal(msg.username.bytes, 18);
    assert_false(msg.has_fingerprint);
    assert_int_equal(msg.unknown_count, 0);
    assert_int_equal(stun_check_fingerprint(&msg, packet), ERR_PROTO);
    assert_int_equal(stun_check_integrity(&msg, packet, slice_of(key, sizeof(key))), 0);
}

/* Cuts into a buffer of exactly that size, so that the address sanitizer sees any byte read too
 * far. */
static void expect_truncations_refused(struct slice packet)
{
    for (size_t bytes = 0; bytes < packet.bytes; bytes++) {
        struct stun_msg msg = {.method = 77};
        uint8_t *cut = malloc(bytes > 0 ? bytes : 1);
        assert_non_null(cut);
        memcpy(cut, packet.data, bytes);
        assert_int_equal(stun_parse(&msg, slice_of(cut, bytes)), ERR_PROTO);
        assert_int_equal(msg.method, 77);
        if (bytes >= STUN_HEADER_BYTES) {
            /* with a header that agrees with the cut the last attribute is torn */
            cut[2] = (uint8_t)((bytes - STUN_HEADER_BYTES) >> 8);
            cut[3] = (uint8_t)(bytes - STUN_HEADER_BYTES);
            int err = stun_parse(&msg, slice_of(cut, bytes));
            assert_true(err == 0 || err == ERR_PROTO);
        }
        free(cut);
    }
}

static void test_each_truncation_is_refused(void **state)
{
    (void)state;
    expect_truncations_refused(VECTOR(rfc_request));
    expect_truncations_refused(VECTOR(rfc_ipv6));
    expect_truncations_refused(VECTOR(rfc_long_term));
}

static void test_each_changed_byte_is_noticed(void **state)
{
    (void)state;
    uint8_t copy[sizeof(rfc_request) - 1];
    for (size_t i = 0; i < sizeof(copy); i++) {
        struct stun_msg msg;
        struct slice packet = slice_of(copy, sizeof(copy));
        memcpy(copy, rfc_request, sizeof(copy));
        copy[i] ^= 0x01;
        if (stun_parse(&msg, packet) != 0)
            continue;
        assert_int_equal(stun_check_fingerprint(&msg, packet), ERR_PROTO);
        if (msg.has_integrity && i < msg.integrity_at)
            assert_int_equal(stun_check_integrity(&msg, packet, slice_text(rfc_password)),
                             ERR_AUTH);
    }
}

static const struct stun_request request = {
    .txid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
    .username = {.data = (const uint8_t *)"theirs:ours", .bytes = 11},
    .priority = 0x6e0001ff,
    .controlling = true,
    .tie_breaker = 0x1122334455667788,
    .use_candidate = true,
};

static void test_request_round_trip(void **state)
{
    (void)state;
    uint8_t buffer[STUN_MESSAGE_MAX];
    struct writer w = writer_of(buffer, sizeof(buffer));
    struct stun_msg msg;
    writer_u8(&w, 0xEE); /* a message may start anywhere in the buffer */
    assert_int_equal(stun_write_request(&request, slice_text(rfc_password), &w), 0);
    struct slice packet = slice_of(buffer + 1, w.at - 1);
    assert_int_equal(stun_parse(&msg, packet), 0);
    assert_int_equal(msg.class, STUN_REQUEST);
    assert_true(slice_is(msg.username, "theirs:ours"));
    assert_true(msg.use_candidate && msg.has_controlling && msg.has_priority);
    assert_true(msg.tie_breaker == 0x1122334455667788 && msg.priority == 0x6e0001ff);
    expect_authentic(packet, &msg);
    expect_truncations_refused(packet);
}

static void test_success_round_trip(void **state)
{
    (void)state;
    static const char *const texts[] = {"192.0.2.1:32853", "[2001:db8::7]:9", "[::1]:65535"};
    for (size_t i = 0; i < 3; i++) {
        uint8_t buffer[STUN_MESSAGE_MAX];
        struct writer w = writer_of(buffer, sizeof(buffer));
        struct address mapped;
        assert_int_equal(address_parse(&mapped, texts[i]), 0);
        assert_int_equal(stun_write_success(request.txid, &mapped, slice_text(rfc_password), &w),
                         0);
        expect_mapped(writer_slice(&w), texts[i]);
    }
}

static void test_error_names_unknown_attributes(void **state)
{
    (void)state;
    uint8_t buffer[STUN_MESSAGE_MAX];
    struct writer w = writer_of(buffer, sizeof(buffer));
    struct stun_msg asked = {.unknown_count = 3, .unknown = {0x7001, 0x7002, 0x7003}};
    struct stun_msg msg;
    assert_int_equal(stun_write_error(&asked, STUN_UNKNOWN_ATTRIBUTE, slice_text(rfc_password), &w),
                     0);
    assert_int_equal(stun_parse(&msg, writer_slice(&w)), 0);
    assert_int_equal(msg.class, STUN_ERROR);
    assert_int_equal(msg.error_code, 420);
    expect_authentic(writer_slice(&w), &msg);
    assert_non_null(memmem(buffer, w.at, "\x00\x0a\x00\x06\x70\x01\x70\x02\x70\x03\x00\x00", 12));

    w = writer_of(buffer, sizeof(buffer));
    assert_int_equal(stun_write_error(&asked, STUN_UNAUTHENTICATED, slice_text(""), &w), 0);
    assert_int_equal(stun_parse(&msg, writer_slice(&w)), 0);
    assert_int_equal(msg.error_code, 401);
    assert_false(msg.has_integrity);
    assert_int_equal(stun_check_fingerprint(&msg, writer_slice(&w)), 0);
    assert_int_equal(stun_write_error(&asked, (enum stun_code)499, slice_text(""), &w), ERR_INVAL);
}

static void test_writers_refuse_what_does_not_fit(void **state)
{
    (void)state;
    uint8_t buffer[STUN_MESSAGE_MAX];
    struct writer w = writer_of(buffer, sizeof(buffer));
    struct slice key = slice_text(rfc_password);
    assert_int_equal(stun_write_request(&request, key, &w), 0);
    size_t needed = w.at;
    for (size_t capacity = 0; capacity < needed; capacity++) {
        w = writer_of(buffer, capacity);
        assert_int_equal(stun_write_request(&request, key, &w), ERR_FULL);
        assert_int_equal(w.at, 0);
    }
    char name[STUN_USERNAME_MAX + 2];
    memset(name, 'a', sizeof(name));
    struct stun_request longer = request;
    longer.username = slice_of(name, STUN_USERNAME_MAX);
    w = writer_of(buffer, sizeof(buffer));
    assert_int_equal(stun_write_request(&longer, key, &w), 0);
    longer.username = slice_of(name, STUN_USERNAME_MAX + 1);
    assert_int_equal(stun_write_request(&longer, key, &w), ERR_INVAL);
}

/* A hand-made request without integrity: header, then `attributes`. */
static int parse_attributes(struct stun_msg *msg, const char *attributes, size_t bytes)
{
    static uint8_t packet[2048];
    struct writer w = writer_of(packet, sizeof(packet));
    writer_u16(&w, 0x0001);
    writer_u16(&w, (uint16_t)bytes);
    writer_u32(&w, STUN_COOKIE);
    writer_zeros(&w, STUN_TXID_BYTES);
    writer_bytes(&w, slice_of(attributes, bytes));
    return stun_parse(msg, writer_slice(&w));
}

#define PARSE(msg, literal) parse_attributes(msg, literal, sizeof(literal) - 1)

static void test_odd_attributes(void **state)
{
    (void)state;
    struct stun_msg msg;
    /* nothing at all is a valid message: some senders leave much out */
    assert_int_equal(PARSE(&msg, ""), 0);
    assert_false(msg.has_priority || msg.has_controlling || msg.has_integrity || msg.has_mapped);
    /* comprehension-required unknowns are collected, optional ones pass */
    assert_int_equal(PARSE(&msg, "\x70\x01\x00\x01xyyy\xC0\x57\x00\x04zzzz"), 0);
    assert_int_equal(msg.unknown_count, 1);
    assert_int_equal(msg.unknown[0], 0x7001);
    /* wrong sizes */
    assert_int_equal(PARSE(&msg, "\x00\x24\x00\x03xyz\x00"), ERR_PROTO);
    assert_int_equal(PARSE(&msg, "\x00\x25\x00\x04xyzz"), ERR_PROTO);
    assert_int_equal(PARSE(&msg, "\x80\x2a\x00\x04xyzz"), ERR_PROTO);
    assert_int_equal(PARSE(&msg, "\x00\x20\x00\x08\x00\x03zzzzzz"), ERR_PROTO);
    assert_int_equal(PARSE(&msg, "\x00\x20\x00\x08\x00\x02zzzzzz"), ERR_PROTO);
    assert_int_equal(PARSE(&msg, "\x00\x09\x00\x04\x00\x00\x07\x00"), ERR_PROTO);
    assert_int_equal(PARSE(&msg, "\x00\x08\x00\x04zzzz"), ERR_PROTO);
    /* nothing may follow FINGERPRINT */
    assert_int_equal(PARSE(&msg, "\x80\x28\x00\x04zzzz\x00\x25\x00\x00"), ERR_PROTO);
    /* MAPPED-ADDRESS serves only in absence of the xored one */
    assert_int_equal(PARSE(&msg, "\x00\x01\x00\x08\x00\x01\x00\x09\x7f\x00\x00\x01"), 0);
    assert_true(msg.has_mapped && msg.mapped.port == 9);
}

static void test_attributes_behind_integrity_are_ignored(void **state)
{
    (void)state;
    struct stun_msg msg;
    assert_int_equal(PARSE(&msg, "\x00\x08\x00\x14"
                                 "01234567890123456789"
                                 "\x00\x25\x00\x00\x70\x01\x00\x00\x00\x24\x00\x00"),
                     0);
    assert_true(msg.has_integrity);
    assert_false(msg.use_candidate || msg.has_priority);
    assert_int_equal(msg.unknown_count, 0);
    assert_int_equal(msg.integrity_at, STUN_HEADER_BYTES);
}

static void test_limits_hold(void **state)
{
    (void)state;
    struct stun_msg msg;
    static char attributes[(STUN_ATTRIBUTES_MAX + 1) * 4];
    for (size_t i = 0; i <= STUN_ATTRIBUTES_MAX; i++)
        memcpy(attributes + i * 4, "\x70\x05\x00\x00", 4);
    assert_int_equal(parse_attributes(&msg, attributes, (size_t)STUN_ATTRIBUTES_MAX * 4), 0);
    assert_int_equal(msg.unknown_count, STUN_UNKNOWN_MAX);
    assert_int_equal(parse_attributes(&msg, attributes, sizeof(attributes)), ERR_PROTO);

    static char username[4 + 520] = "\x00\x06\x02\x01"; /* 513 */
    assert_int_equal(parse_attributes(&msg, username, 4 + 516), 0);
    username[3] = 2;
    assert_int_equal(parse_attributes(&msg, username, 4 + 516), ERR_PROTO);
    struct slice part;
    assert_int_equal(stun_split_username(slice_text("abc"), &part, &part), ERR_PROTO);
    assert_int_equal(stun_split_username(slice_text(":abc"), &part, &part), ERR_PROTO);
    assert_int_equal(stun_split_username(slice_text("abc:"), &part, &part), ERR_PROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rfc5769_request),
        cmocka_unit_test(test_rfc5769_responses),
        cmocka_unit_test(test_rfc5769_long_term_request),
        cmocka_unit_test(test_each_truncation_is_refused),
        cmocka_unit_test(test_each_changed_byte_is_noticed),
        cmocka_unit_test(test_request_round_trip),
        cmocka_unit_test(test_success_round_trip),
        cmocka_unit_test(test_error_names_unknown_attributes),
        cmocka_unit_test(test_writers_refuse_what_does_not_fit),
        cmocka_unit_test(test_odd_attributes),
        cmocka_unit_test(test_attributes_behind_integrity_are_ignored),
        cmocka_unit_test(test_limits_hold),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
