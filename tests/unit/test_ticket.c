#include "admission/ticket.h"

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

/* The key 00 01 .. 1f, and texts that another implementation made with it. */
static const struct ticket_key key = {{0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10,
                                       11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                       22, 23, 24, 25, 26, 27, 28, 29, 30, 31}};
static const struct ticket place = {
    .kind = TICKET_PLACE,
    .room = 0x01020304,
    .number = 1764000000123456,
    .issued_s = 1764000000,
    .expires_s = 1764000120,
};
static const char chars[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char place_text[] = "AQEBAgMEAAZEWUFkIkBpJIEAaSSBeFSNyaBASramuy4imkEAr1k";

static int read_text(const char *text, uint64_t now_s, struct ticket *out)
{
    return ticket_read(&key, slice_text(text), now_s, out);
}

static void assert_same(const struct ticket *a, const struct ticket *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->room, b->room);
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->issued_s, b->issued_s);
    assert_int_equal(a->expires_s, b->expires_s);
}

static void test_a_ticket_is_written_as_others_write_it(void **state)
{
    (void)state;
    char text[TICKET_CHARS + 1];
    assert_int_equal(ticket_write(&key, &place, text), 0);
    assert_string_equal(text, place_text);
    const struct ticket pass = {TICKET_PASS, UINT32_MAX, UINT64_MAX, 0, UINT32_MAX};
    assert_int_equal(ticket_write(&key, &pass, text), 0);
    assert_string_equal(text, "AQP_______________8AAAAA_____5nqiaK6uUsNH1glBR5DaNg");
    assert_true(token_is_well_formed(text)); /* it goes where tokens go */
}

static void test_it_is_read_as_it_was_written(void **state)
{
    (void)state;
    const struct ticket tickets[] = {
        place,
        {TICKET_SEAT, 0, 0, 0, 0},
        {TICKET_PASS, UINT32_MAX, UINT64_MAX, 0, UINT32_MAX},
        {TICKET_ASKED, 0, UINT64_MAX, UINT32_MAX, UINT32_MAX},
    };
    for (size_t i = 0; i < sizeof(tickets) / sizeof(tickets[0]); i++) {
        char text[TICKET_CHARS + 1];
        struct ticket read;
        assert_int_equal(ticket_write(&key, &tickets[i], text), 0);
        assert_int_equal(strlen(text), TICKET_CHARS);
        assert_int_equal(read_text(text, tickets[i].issued_s, &read), 0);
        assert_same(&read, &tickets[i]);
        bool begins_so = strncmp(text, TICKET_ASKED_BEGINS, strlen(TICKET_ASKED_BEGINS)) == 0;
        assert_int_equal(begins_so, tickets[i].kind == TICKET_ASKED);
    }
}

static void test_no_character_may_change(void **state)
{
    (void)state;
    for (size_t i = 0; i < TICKET_CHARS; i++)
        for (size_t k = 0; k < sizeof(chars) - 1; k++) {
            char text[TICKET_CHARS + 1];
            struct ticket read = {.room = 77};
            memcpy(text, place_text, sizeof(text));
            if (text[i] == chars[k])
                continue;
            text[i] = chars[k];
            int err = read_text(text, place.issued_s, &read);
            /* version, kind, the order of the times and the last bits are looked at first */
            bool is_only_signed = (i >= 3 && i < 18) || (i >= 30 && i < TICKET_CHARS - 1);
            assert_true(err == ERR_AUTH || (err == ERR_PROTO && !is_only_signed));
            assert_int_equal(read.room, 77);
        }
}

static void test_another_key_is_refused(void **state)
{
    (void)state;
    struct ticket read;
    for (size_t i = 0; i < TICKET_KEY_BYTES; i++) {
        struct ticket_key other = key;
        other.bytes[i] ^= 0x80;
        assert_int_equal(ticket_read(&other, slice_text(place_text), place.issued_s, &read),
                         ERR_AUTH);
    }
}

static void test_what_is_no_ticket_is_malformed(void **state)
{
    (void)state;
    struct ticket read;
    for (size_t count = 0; count < TICKET_CHARS; count++)
        assert_int_equal(ticket_read(&key, slice_of(place_text, count), place.issued_s, &read),
                         ERR_PROTO);
    assert_int_equal(ticket_read(&key, slice_of(NULL, 0), 0, &read), ERR_PROTO);
    /* limit + 1: the terminating zero counted in */
    assert_int_equal(
        ticket_read(&key, slice_of(place_text, TICKET_CHARS + 1), place.issued_s, &read),
        ERR_PROTO);
    for (unsigned c = 0; c < 256; c++) {
        enum { IN_THE_TAG = 40 };
        char text[TICKET_CHARS + 1];
        memcpy(text, place_text, sizeof(text));
        if (text[IN_THE_TAG] == (char)c)
            continue;
        text[IN_THE_TAG] = (char)c;
        int err = ticket_read(&key, slice_of(text, TICKET_CHARS), place.issued_s, &read);
        assert_int_equal(err, memchr(chars, (int)c, sizeof(chars) - 1) ? ERR_AUTH : ERR_PROTO);
    }
}

/* All of them are signed with the key. */
static void test_signed_nonsense_is_malformed(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "AgEAAAABAAAAAAAAAAEAAAAAAAAAAQ18dWsFsed-iT14rBzVi0M", /* version 2 */
        "AQQAAAABAAAAAAAAAAEAAAAAAAAAASf8OENNzGCxNPvvZNz_Vyw", /* put off, in a room */
        "AQUAAAABAAAAAAAAAAEAAAABAAAAAdUmEXEoa6WBl7oJRMVfJ04", /* kind 5 */
        "AQAAAAABAAAAAAAAAAEAAAAAAAAAAR8rokwgK8oHS6XMy6Dc0y0", /* kind 0 */
        "AQEAAAABAAAAAAAAAAEAAAACAAAAATZWR_tJsGiuBifFFj52naI", /* expires before it is issued */
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct ticket read;
        assert_int_equal(read_text(texts[i], 1, &read), ERR_PROTO);
    }
}

static void test_no_second_text_means_the_same_ticket(void **state)
{
    (void)state;
    static const char same_byte[] = "klmn"; /* the last character's two lowest bits are no data */
    char text[TICKET_CHARS + 1];
    struct ticket read;
    memcpy(text, place_text, sizeof(text));
    assert_int_equal(text[TICKET_CHARS - 1], 'k');
    for (size_t i = 1; i < 4; i++) {
        text[TICKET_CHARS - 1] = same_byte[i];
        assert_int_equal(read_text(text, place.issued_s, &read), ERR_PROTO);
    }
}

static void test_it_holds_between_its_times_and_a_minute_more(void **state)
{
    (void)state;
    struct ticket read;
    uint64_t issued_s = place.issued_s;
    uint64_t expires_s = place.expires_s;
    assert_int_equal(read_text(place_text, issued_s - 61, &read), ERR_BADSTATE);
    assert_int_equal(read_text(place_text, issued_s - 60, &read), 0);
    assert_int_equal(read_text(place_text, expires_s + 60, &read), 0);
    assert_int_equal(read_text(place_text, expires_s + 61, &read), ERR_BADSTATE);
    assert_int_equal(read_text(place_text, 0, &read), ERR_BADSTATE);
    assert_int_equal(read_text(place_text, UINT32_MAX, &read), ERR_BADSTATE);
    /* the end of 32 bits is no beginning */
    static const char last[] = "AQP_______________8AAAAA_____5nqiaK6uUsNH1glBR5DaNg";
    assert_int_equal(read_text(last, UINT32_MAX, &read), 0);
    assert_int_equal(read_text(last, UINT64_C(61) + UINT32_MAX, &read), ERR_BADSTATE);
}

static void test_a_ticket_for_nothing_is_not_written(void **state)
{
    (void)state;
    char text[TICKET_CHARS + 1] = "untouched";
    struct ticket bad = place;
    bad.kind = (enum ticket_kind)0;
    assert_int_equal(ticket_write(&key, &bad, text), ERR_INVAL);
    bad.kind = (enum ticket_kind)(TICKET_ASKED + 1);
    assert_int_equal(ticket_write(&key, &bad, text), ERR_INVAL);
    bad = place;
    bad.expires_s = bad.issued_s - 1;
    assert_int_equal(ticket_write(&key, &bad, text), ERR_INVAL);
    assert_string_equal(text, "untouched");
}

struct fixture {
    char folder[64];
    char path[96];
};

static int make_folder(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    if (!f)
        return ERR_NOMEM;
    (void)snprintf(f->folder, sizeof(f->folder), "/tmp/rostrum-ticket-XXXXXX");
    if (!mkdtemp(f->folder))
        return ERR_IO;
    (void)snprintf(f->path, sizeof(f->path), "%s/ticket.key", f->folder);
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

static void test_the_key_is_made_once_and_survives(void **state)
{
    struct fixture *f = *state;
    struct ticket_key first;
    struct ticket_key again;
    assert_int_equal(ticket_key_load(&first, f->path), 0);
    assert_int_equal(ticket_key_load(&again, f->path), 0);
    assert_memory_equal(first.bytes, again.bytes, sizeof(first.bytes));
    struct stat info;
    assert_int_equal(stat(f->path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(unlink(f->path), 0);
    assert_int_equal(ticket_key_load(&again, f->path), 0);
    assert_memory_not_equal(first.bytes, again.bytes, sizeof(first.bytes));
}

static void test_the_key_is_the_hash_of_what_the_file_says(void **state)
{
    struct fixture *f = *state;
    struct ticket_key loaded;
    static const char token[] = "0123456789abcdefABCDEF-_01234567";
    struct token_hash hash = token_hash(token);
    write_file(f->path, token);
    assert_int_equal(ticket_key_load(&loaded, f->path), 0);
    assert_memory_equal(loaded.bytes, hash.bytes, sizeof(loaded.bytes));
}

static void test_a_damaged_key_is_refused_and_stays(void **state)
{
    static const char *const bad[] = {"", "short\n", "0123456789abcdefABCDEF+_01234567\n"};
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct ticket_key loaded = {{42}};
        write_file(f->path, bad[i]);
        assert_int_equal(ticket_key_load(&loaded, f->path), ERR_DAMAGED);
        assert_int_equal(loaded.bytes[0], 42);
        struct stat info;
        assert_int_equal(stat(f->path, &info), 0);
        assert_int_equal(info.st_size, strlen(bad[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_ticket_is_written_as_others_write_it),
        cmocka_unit_test(test_it_is_read_as_it_was_written),
        cmocka_unit_test(test_no_character_may_change),
        cmocka_unit_test(test_another_key_is_refused),
        cmocka_unit_test(test_what_is_no_ticket_is_malformed),
        cmocka_unit_test(test_signed_nonsense_is_malformed),
        cmocka_unit_test(test_no_second_text_means_the_same_ticket),
        cmocka_unit_test(test_it_holds_between_its_times_and_a_minute_more),
        cmocka_unit_test(test_a_ticket_for_nothing_is_not_written),
        cmocka_unit_test_setup_teardown(test_the_key_is_made_once_and_survives, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_the_key_is_the_hash_of_what_the_file_says, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(test_a_damaged_key_is_refused_and_stays, make_folder,
                                        remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
