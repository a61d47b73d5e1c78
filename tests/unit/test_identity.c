#include "tree/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char path[64];
    char problem[IDENTITY_PROBLEM_MAX];
};

static int make_file(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    (void)snprintf(f->path, sizeof(f->path), "/tmp/rostrum-identity-XXXXXX");
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    (void)close(fd);
    *state = f;
    return 0;
}

static int remove_file(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    free(f);
    return 0;
}

static void write_file(struct fixture *f, const void *bytes, size_t count, mode_t mode)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, count, file), count);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(f->path, mode), 0);
}

static void test_an_id_is_made_once_and_then_stays(void **state)
{
    struct fixture *f = *state;
    char first[NODE_ID_MAX + 1], second[NODE_ID_MAX + 1];
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(node_id_load_or_make(first, f->path, f->problem), 0);
    assert_true(node_id_is_valid(first));
    assert_int_equal(strlen(first), 16);
    assert_int_equal(node_id_load_or_make(second, f->path, f->problem), 0);
    assert_string_equal(first, second);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(node_id_load_or_make(second, f->path, f->problem), 0);
    assert_string_not_equal(first, second);
}

static void test_an_operator_may_choose_the_id(void **state)
{
    struct fixture *f = *state;
    char id[NODE_ID_MAX + 1];
    write_file(f, "paris-2\n", 8, 0600);
    assert_int_equal(node_id_load_or_make(id, f->path, f->problem), 0);
    assert_string_equal(id, "paris-2");
    char longest[NODE_ID_MAX + 1];
    memset(longest, 'x', sizeof(longest));
    write_file(f, longest, NODE_ID_MAX, 0600);
    assert_int_equal(node_id_load_or_make(id, f->path, f->problem), 0);
    write_file(f, longest, NODE_ID_MAX + 1, 0600);
    assert_int_equal(node_id_load_or_make(id, f->path, f->problem), ERR_DAMAGED);
}

static void test_a_damaged_id_is_told_and_stays(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"", "\n", "a b", "a/b", "a.b", "two\nlines", "\xC3\xA4"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char id[NODE_ID_MAX + 1] = "before", read[16] = "";
        write_file(f, bad[i], strlen(bad[i]), 0600);
        f->problem[0] = '\0';
        assert_int_equal(node_id_load_or_make(id, f->path, f->problem), ERR_DAMAGED);
        assert_non_null(strstr(f->problem, f->path));
        assert_string_equal(id, "before");
        FILE *file = fopen(f->path, "r");
        assert_non_null(file);
        (void)fread(read, 1, sizeof(read) - 1, file);
        assert_int_equal(fclose(file), 0);
        assert_string_equal(read, bad[i]);
    }
    write_file(f, "ab\0cd", 5, 0600);
    char id[NODE_ID_MAX + 1];
    assert_int_equal(node_id_load_or_make(id, f->path, f->problem), ERR_DAMAGED);
}

static void test_a_secret_is_the_same_with_and_without_a_line_end(void **state)
{
    struct fixture *f = *state;
    static const char text[] = "0123456789abcdef0123456789abcdef\r\n";
    static struct cluster_secret a, b;
    write_file(f, text, 32, 0600);
    assert_int_equal(cluster_secret_load(&a, f->path, f->problem), 0);
    write_file(f, text, 34, 0400);
    assert_int_equal(cluster_secret_load(&b, f->path, f->problem), 0);
    assert_int_equal(a.count, 32);
    assert_int_equal(b.count, 32);
    assert_memory_equal(a.bytes, b.bytes, 32);
}

static void test_a_secret_that_others_can_read_is_refused(void **state)
{
    struct fixture *f = *state;
    static struct cluster_secret secret;
    static const mode_t open_modes[] = {0640, 0604, 0620, 0660, 0644};
    char bytes[32];
    memset(bytes, 's', sizeof(bytes));
    for (size_t i = 0; i < sizeof(open_modes) / sizeof(open_modes[0]); i++) {
        write_file(f, bytes, sizeof(bytes), open_modes[i]);
        assert_int_equal(cluster_secret_load(&secret, f->path, f->problem), ERR_AUTH);
        assert_non_null(strstr(f->problem, "chmod 600"));
        assert_null(strstr(f->problem, "ssss"));
    }
}

static void test_a_secret_has_32_to_4096_bytes(void **state)
{
    struct fixture *f = *state;
    static struct cluster_secret secret;
    static char bytes[CLUSTER_SECRET_MAX + 64];
    memset(bytes, 's', sizeof(bytes));
    static const struct {
        size_t count;
        int result;
    } sizes[] = {{0, ERR_INVAL},
                 {31, ERR_INVAL},
                 {32, 0},
                 {CLUSTER_SECRET_MAX, 0},
                 {CLUSTER_SECRET_MAX + 1, ERR_INVAL},
                 {CLUSTER_SECRET_MAX + 64, ERR_INVAL}};
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        write_file(f, bytes, sizes[i].count, 0600);
        assert_int_equal(cluster_secret_load(&secret, f->path, f->problem), sizes[i].result);
    }
    assert_int_equal(cluster_secret_load(&secret, "/tmp", f->problem), ERR_IO);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(cluster_secret_load(&secret, f->path, f->problem), ERR_IO);
    assert_non_null(strstr(f->problem, "does not exist"));
}

static void test_each_label_and_each_secret_makes_its_own_key(void **state)
{
    (void)state;
    static struct cluster_secret secret = {.count = 32, .bytes = {1}},
                                 other = {.count = 32, .bytes = {2}};
    struct cluster_key a, b, c, again;
    assert_int_equal(cluster_key_make(&a, &secret, "directory"), 0);
    assert_int_equal(cluster_key_make(&b, &secret, "link"), 0);
    assert_int_equal(cluster_key_make(&c, &other, "directory"), 0);
    assert_int_equal(cluster_key_make(&again, &secret, "directory"), 0);
    assert_memory_equal(&a, &again, sizeof(a));
    assert_memory_not_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(&a, &c, sizeof(a));
}

static void test_the_mac_is_hmac_sha256(void **state)
{
    (void)state;
    /* RFC 4231 section 4.3 has a key of 4 bytes; padded with zeros to 32 it is the same key. */
    struct cluster_key key = {{'J', 'e', 'f', 'e'}};
    static const uint8_t wanted[CLUSTER_MAC_BYTES] = {0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60,
                                                      0x75, 0x4e, 0x6a, 0x04, 0x24, 0x26,
                                                      0x08, 0x95, 0x75, 0xc7};
    uint8_t mac[CLUSTER_MAC_BYTES];
    assert_int_equal(cluster_mac(&key, slice_text("what do ya want for nothing?"), mac), 0);
    assert_true(cluster_mac_equal(mac, wanted));
    mac[15] ^= 1;
    assert_false(cluster_mac_equal(mac, wanted));
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, make_file, remove_file)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FILE_TEST(test_an_id_is_made_once_and_then_stays),
        FILE_TEST(test_an_operator_may_choose_the_id),
        FILE_TEST(test_a_damaged_id_is_told_and_stays),
        FILE_TEST(test_a_secret_is_the_same_with_and_without_a_line_end),
        FILE_TEST(test_a_secret_that_others_can_read_is_refused),
        FILE_TEST(test_a_secret_has_32_to_4096_bytes),
        cmocka_unit_test(test_each_label_and_each_secret_makes_its_own_key),
        cmocka_unit_test(test_the_mac_is_hmac_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
