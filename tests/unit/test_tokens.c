#include "admission/tokens.h"

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
    char folder[64];
    char path[96];
};

static int make_folder(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/rostrum-token-XXXXXX");
    if (!mkdtemp(f->folder))
        return ERR_IO;
    (void)snprintf(f->path, sizeof(f->path), "%s/admin.token", f->folder);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    struct fixture *f = *state;
    (void)unlink(f->path);
    (void)rmdir(f->folder);
    free(f);
    return 0;
}

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_made_tokens_are_well_formed_and_differ(void **state)
{
    (void)state;
    char a[TOKEN_CHARS + 1];
    char b[TOKEN_CHARS + 1];
    token_make(a);
    token_make(b);
    assert_int_equal(strlen(a), TOKEN_CHARS);
    assert_true(token_is_well_formed(a));
    assert_string_not_equal(a, b);
}

static void test_form_is_checked_at_its_limits(void **state)
{
    (void)state;
    char text[130];
    memset(text, 'a', sizeof(text));
    text[19] = '\0';
    assert_false(token_is_well_formed(text));
    text[19] = 'a';
    text[20] = '\0';
    assert_true(token_is_well_formed(text));
    text[20] = 'a';
    text[128] = '\0';
    assert_true(token_is_well_formed(text));
    text[128] = 'a';
    text[129] = '\0';
    assert_false(token_is_well_formed(text));
    assert_false(token_is_well_formed(""));
    assert_false(token_is_well_formed("aaaaaaaaaaaaaaaaaaa+"));
    assert_false(token_is_well_formed("aaaaaaaaaaaaaaaaaaa\n"));
    assert_false(token_is_well_formed("aaaaaaaaaaaaaaaaaaa\xC3\xBC"));
    assert_true(token_is_well_formed("-_AZaz09-_AZaz09-_AZ"));
}

static void test_hash_is_sha256(void **state)
{
    (void)state;
    /* FIPS 180-2 appendix B.1: SHA-256("abc") */
    static const uint8_t abc[TOKEN_HASH_BYTES] = {0xBA, 0x78, 0x16, 0xBF, 0x8F, 0x01, 0xCF, 0xEA,
                                                  0x41, 0x41, 0x40, 0xDE, 0x5D, 0xAE, 0x22, 0x23,
                                                  0xB0, 0x03, 0x61, 0xA3, 0x96, 0x17, 0x7A, 0x9C,
                                                  0xB4, 0x10, 0xFF, 0x61, 0xF2, 0x00, 0x15, 0xAD};
    struct token_hash a = token_hash("abc");
    struct token_hash b = token_hash("abd");
    assert_memory_equal(a.bytes, abc, sizeof(abc));
    assert_true(token_hash_equal(&a, &a));
    assert_false(token_hash_equal(&a, &b));
}

static void test_the_admin_token_is_made_once(void **state)
{
    struct fixture *f = *state;
    char first[TOKEN_CHARS + 1];
    char again[TOKEN_CHARS + 1];
    assert_int_equal(token_load_or_make(first, f->path), 0);
    assert_true(token_is_well_formed(first));
    assert_int_equal(token_load_or_make(again, f->path), 0);
    assert_string_equal(first, again);
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void test_an_open_token_file_is_closed_to_others(void **state)
{
    struct fixture *f = *state;
    char token[TOKEN_CHARS + 1];
    write_file(f->path, "0123456789abcdefABCDEF-_01234567");
    assert_int_equal(chmod(f->path, 0644), 0);
    assert_int_equal(token_load_or_make(token, f->path), 0);
    assert_string_equal(token, "0123456789abcdefABCDEF-_01234567");
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
}

static void test_a_damaged_token_file_is_not_replaced(void **state)
{
    static const char *const bad[] = {"",
                                      "\n",
                                      "short\n",
                                      "0123456789abcdefABCDEF+_01234567\n",
                                      "0123456789abcdefABCDEF-_012345678\n",
                                      "0123456789abcdefABCDEF-_01234567\nmore"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char token[TOKEN_CHARS + 1] = "untouched";
        write_file(f->path, bad[i]);
        assert_int_equal(token_load_or_make(token, f->path), ERR_DAMAGED);
        assert_string_equal(token, "untouched");
        struct stat info;
        assert_int_equal(stat(f->path, &info), 0);
        assert_int_equal(info.st_size, strlen(bad[i]));
    }
}

static void test_what_is_no_file_is_refused(void **state)
{
    struct fixture *f = *state;
    char token[TOKEN_CHARS + 1];
    char missing[128];
    (void)snprintf(missing, sizeof(missing), "%s/no/admin.token", f->folder);
    assert_int_equal(token_load_or_make(token, missing), ERR_IO);
    assert_int_equal(token_load_or_make(token, f->folder), ERR_IO);
    assert_int_equal(symlink("/dev/zero", f->path), 0);
    assert_int_equal(token_load_or_make(token, f->path), ERR_IO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_tokens_are_well_formed_and_differ),
        cmocka_unit_test(test_form_is_checked_at_its_limits),
        cmocka_unit_test(test_hash_is_sha256),
        cmocka_unit_test_setup_teardown(test_the_admin_token_is_made_once, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_an_open_token_file_is_closed_to_others, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_damaged_token_file_is_not_replaced, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_what_is_no_file_is_refused, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
