#include "base/hmac_sha1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

struct vector {
    const char *secret;
    size_t secret_bytes;
    const char *data;
    const char *digest;
};

static void hmac_of(struct slice secret, struct slice data, uint8_t out[HMAC_SHA1_BYTES])
{
    struct hmac_sha1_key key;
    hmac_sha1_key_init(&key, secret);
    hmac_sha1(&key, &data, 1, out);
}

/* RFC 2202 section 3; the seven cases, those that repeat one byte written out. */
static void test_digests_equal_the_rfc(void **state)
{
    (void)state;
    char b0b[20], baa20[20], baa80[80], dd50[51] = {0}, cd50[51] = {0}, b0c[20];
    memset(b0b, 0x0b, sizeof(b0b));
    memset(b0c, 0x0c, sizeof(b0c));
    memset(baa20, 0xaa, sizeof(baa20));
    memset(baa80, 0xaa, sizeof(baa80));
    memset(dd50, 0xdd, 50);
    memset(cd50, 0xcd, 50);
    const struct vector vectors[] = {
        {b0b, 20, "Hi There",
         "\xb6\x17\x31\x86\x55\x05\x72\x64\xe2\x8b\xc0\xb6\xfb\x37\x8c\x8e\xf1\x46\xbe\x00"},
        {"Jefe", 4, "what do ya want for nothing?",
         "\xef\xfc\xdf\x6a\xe5\xeb\x2f\xa2\xd2\x74\x16\xd5\xf1\x84\xdf\x9c\x25\x9a\x7c\x79"},
        {baa20, 20, dd50,
         "\x12\x5d\x73\x42\xb9\xac\x11\xcd\x91\xa3\x9a\xf4\x8a\xa1\x7b\x4f\x63\xf1\x75\xd3"},
        {"\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15"
         "\x16\x17\x18\x19",
         25, cd50,
         "\x4c\x90\x07\xf4\x02\x62\x50\xc6\xbc\x84\x14\xf9\xbf\x50\xc8\x6c\x2d\x72\x35\xda"},
        {b0c, 20, "Test With Truncation",
         "\x4c\x1a\x03\x42\x4b\x55\xe0\x7f\xe7\xf2\x7b\xe1\xd5\x8b\xb9\x32\x4a\x9a\x5a\x04"},
        {baa80, 80, "Test Using Larger Than Block-Size Key - Hash Key First",
         "\xaa\x4a\xe5\xe1\x52\x72\xd0\x0e\x95\x70\x56\x37\xce\x8a\x3b\x55\xed\x40\x21\x12"},
        {baa80, 80, "Test Using Larger Than Block-Size Key and Larger Than One Block-Size Data",
         "\xe8\xe9\x9d\x0f\x45\x23\x7d\x78\x6d\x6b\xba\xa7\x96\x5c\x78\x08\xbb\xff\x1a\x91"},
    };
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        uint8_t digest[HMAC_SHA1_BYTES];
        hmac_of(slice_of(vectors[i].secret, vectors[i].secret_bytes), slice_text(vectors[i].data),
                digest);
        assert_memory_equal(digest, vectors[i].digest, sizeof(digest));
    }
}

/* Every length around the borders of a block, for the key and for the message. */
static void test_every_length_equals_the_library(void **state)
{
    (void)state;
    uint8_t bytes[260];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)(i * 151 + 7);
    for (size_t secret_bytes = 0; secret_bytes <= 130; secret_bytes++)
        for (size_t data_bytes = 0; data_bytes <= 130; data_bytes++) {
            uint8_t ours[HMAC_SHA1_BYTES], theirs[HMAC_SHA1_BYTES];
            unsigned their_bytes = 0;
            hmac_of(slice_of(bytes, secret_bytes), slice_of(bytes + 130, data_bytes), ours);
            assert_non_null(HMAC(EVP_sha1(), bytes, (int)secret_bytes, bytes + 130, data_bytes,
                                 theirs, &their_bytes));
            assert_int_equal(their_bytes, sizeof(ours));
            assert_memory_equal(ours, theirs, sizeof(ours));
        }
}

static void test_parts_are_hashed_as_one_message(void **state)
{
    (void)state;
    static const char text[] =
        "a message that is cut into three parts, some of which may be empty, "
        "and which is longer than a block";
    size_t bytes = sizeof(text) - 1;
    struct hmac_sha1_key key;
    uint8_t whole[HMAC_SHA1_BYTES];
    hmac_sha1_key_init(&key, slice_text("secret"));
    hmac_of(slice_text("secret"), slice_text(text), whole);
    for (size_t first = 0; first <= bytes; first++)
        for (size_t second = first; second <= bytes; second++) {
            const struct slice parts[] = {slice_of(text, first),
                                          slice_of(text + first, second - first),
                                          slice_of(text + second, bytes - second)};
            uint8_t digest[HMAC_SHA1_BYTES];
            hmac_sha1(&key, parts, 3, digest);
            assert_memory_equal(digest, whole, sizeof(digest));
        }
    const struct slice nothing = slice_of(NULL, 0);
    uint8_t digest[HMAC_SHA1_BYTES], empty[HMAC_SHA1_BYTES];
    hmac_sha1(&key, &nothing, 1, digest);
    hmac_sha1(&key, NULL, 0, empty);
    assert_memory_equal(digest, empty, sizeof(digest));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_digests_equal_the_rfc),
        cmocka_unit_test(test_every_length_equals_the_library),
        cmocka_unit_test(test_parts_are_hashed_as_one_message),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
