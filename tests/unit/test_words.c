#include "tree/words.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { KINDS = WORD_BAN + 1 };

static const char ufrag[] = "aZ09+/xy";
static const char pwd[] = "abcdefghijklmnopqrstuvwx";
static uint8_t bytes[WORD_BYTES_MAX];

static struct address address_of(const char *text)
{
    struct address address;
    assert_int_equal(address_parse(&address, text), 0);
    return address;
}

static uint64_t network_of(const char *text)
{
    struct address address = address_of(text);
    return address_network(&address);
}

static struct word report_word(void)
{
    struct word word = {.kind = WORD_REPORT, .slug = "monday"};
    word.report = (struct word_report){.view = {.region = "eu-west",
                                                .seats = 2000,
                                                .seats_free = 1999,
                                                .joins_per_s = 300,
                                                .egress_bps = 128000000,
                                                .egress_max_bps = 10000000000,
                                                .load_permille = 250,
                                                .is_draining = true},
                                       .grant = 7,
                                       .seats = 800,
                                       .seated = 700,
                                       .connected = 750,
                                       .hearing = 690,
                                       .turned_away = 5000000000,
                                       .place = 3,
                                       .level = TREE_DEPTH_MAX,
                                       .parent = "node-b",
                                       .children = 5,
                                       .is_hearing = true};
    return word;
}

static struct word place_word(void)
{
    struct word word = {.kind = WORD_PLACE, .slug = "monday"};
    word.place = (struct word_place){.number = 9, .level = 1, .count = TREE_PARENTS_MAX};
    for (unsigned i = 0; i < TREE_PARENTS_MAX; i++) {
        (void)snprintf(word.place.parents[i].id, sizeof(word.place.parents[i].id), "node-%u", i);
        (void)snprintf(word.place.parents[i].url, sizeof(word.place.parents[i].url),
                       "https://n%u.example:8443", i);
    }
    return word;
}

static struct word answer_word(void)
{
    struct word word = {.kind = WORD_ANSWER, .slug = "monday"};
    word.answer = (struct word_answer){.ask = 4,
                                       .ufrag = slice_text(ufrag),
                                       .pwd = slice_text(pwd),
                                       .fingerprint = {1, 2, 3},
                                       .ssrc = 0xFFFFFFFF,
                                       .opus_type = 111,
                                       .red_type = 127,
                                       .candidate_count = WORD_CANDIDATES_MAX};
    for (unsigned i = 0; i < WORD_CANDIDATES_MAX; i++)
        word.answer.candidates[i] = address_of(i % 2 == 0 ? "192.0.2.1:5000" : "[2001:db8::1]:1");
    return word;
}

static struct word word_of(enum word_kind kind)
{
    struct word word = {.kind = kind, .slug = "monday"};
    switch (kind) {
    case WORD_REPORT:
        return report_word();
    case WORD_PLACE:
        return place_word();
    case WORD_ANSWER:
        return answer_word();
    case WORD_ROOM:
        word.room = (struct word_room){.state = 2,
                                       .mode = MODE_LIFEBOAT,
                                       .is_stereo = true,
                                       .start_ms = INT64_MAX,
                                       .live_ms = 1,
                                       .json = slice_text("{\"title\":\"M\xC3\xB6ntag\"}")};
        return word;
    case WORD_NEWS:
        word.news = (struct word_message){WORD_NEWS_OTHER, slice_text("{}")};
        return word;
    case WORD_GRANT:
        word.grant = (struct word_grant){6, 1234, true};
        return word;
    case WORD_OVER:
        word.over = WORD_OVER_NOT_WANTED;
        return word;
    case WORD_OFFER:
        word.offer = (struct word_offer){4, 1, slice_text(ufrag), slice_text(pwd), {9, 8, 7}};
        return word;
    case WORD_DECLINE:
        word.decline.ask = 4;
        word.decline.reason = WORD_DECLINE_DRAINING;
        return word;
    case WORD_BYE:
        word.bye.ask = 4;
        return word;
    case WORD_BAN:
        word.ban = (struct word_ban){network_of("203.0.113.7"), true};
        return word;
    case WORD_LEAVE:
        return word;
    }
    return word;
}

static size_t written(const struct word *word)
{
    struct writer out = writer_of(bytes, sizeof(bytes));
    assert_int_equal(word_write(&out, word), 0);
    return out.at;
}

static int writes(const struct word *word)
{
    struct writer out = writer_of(bytes, sizeof(bytes));
    int err = word_write(&out, word);
    assert_true(err == 0 || out.at == 0);
    return err;
}

/* What was written, with one byte changed, is no word. */
static void refuses_with(size_t count, size_t at, uint8_t value)
{
    struct word read;
    uint8_t before = bytes[at];
    assert_true(at < count && before != value);
    bytes[at] = value;
    assert_int_equal(word_read(&read, slice_of(bytes, count)), ERR_PROTO);
    bytes[at] = before;
    assert_int_equal(word_read(&read, slice_of(bytes, count)), 0);
}

static void test_a_report_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct word word = report_word(), read;
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_int_equal(read.kind, WORD_REPORT);
    assert_string_equal(read.slug, "monday");
    assert_memory_equal(&read.report.view, &word.report.view, sizeof(word.report.view));
    assert_int_equal(read.report.grant, 7);
    assert_int_equal(read.report.seats, 800);
    assert_int_equal(read.report.seated, 700);
    assert_int_equal(read.report.connected, 750);
    assert_int_equal(read.report.hearing, 690);
    assert_true(read.report.turned_away == 5000000000);
    assert_int_equal(read.report.place, 3);
    assert_int_equal(read.report.level, TREE_DEPTH_MAX);
    assert_string_equal(read.report.parent, "node-b");
    assert_int_equal(read.report.children, 5);
    assert_true(read.report.is_hearing);
    word.report.level = WORD_LEVEL_NONE;
    word.report.parent[0] = '\0';
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_int_equal(read.report.level, WORD_LEVEL_NONE);
    assert_string_equal(read.report.parent, "");
}

static void test_what_an_origin_says_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct word read, word = word_of(WORD_ROOM);
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_int_equal(read.room.state, 2);
    assert_int_equal(read.room.mode, MODE_LIFEBOAT);
    assert_true(read.room.is_stereo);
    assert_true(read.room.start_ms == INT64_MAX && read.room.live_ms == 1);
    assert_int_equal(read.room.ended_ms, 0);
    assert_true(slice_equal(read.room.json, word.room.json));
    word = word_of(WORD_NEWS);
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_int_equal(read.news.kind, WORD_NEWS_OTHER);
    assert_true(slice_is(read.news.json, "{}"));
    word = word_of(WORD_PLACE);
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_memory_equal(&read.place, &word.place, sizeof(word.place));
    word = word_of(WORD_GRANT);
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_int_equal(read.grant.number, 6);
    assert_int_equal(read.grant.seats, 1234);
    assert_true(read.grant.takes_newcomers);
    word = word_of(WORD_OVER);
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_int_equal(read.over, WORD_OVER_NOT_WANTED);
}

static void test_what_parent_and_relay_say_is_read_as_it_was_written(void **state)
{
    (void)state;
    struct word read, word = word_of(WORD_OFFER);
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_int_equal(read.offer.ask, 4);
    assert_int_equal(read.offer.level, 1);
    assert_true(slice_is(read.offer.ufrag, ufrag) && slice_is(read.offer.pwd, pwd));
    assert_memory_equal(read.offer.fingerprint, word.offer.fingerprint, WORD_FINGERPRINT_BYTES);
    word = word_of(WORD_ANSWER);
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_int_equal(read.answer.ask, 4);
    assert_true(slice_is(read.answer.ufrag, ufrag) && slice_is(read.answer.pwd, pwd));
    assert_memory_equal(read.answer.fingerprint, word.answer.fingerprint, WORD_FINGERPRINT_BYTES);
    assert_true(read.answer.ssrc == 0xFFFFFFFF);
    assert_int_equal(read.answer.opus_type, 111);
    assert_int_equal(read.answer.red_type, 127);
    assert_int_equal(read.answer.candidate_count, WORD_CANDIDATES_MAX);
    for (unsigned i = 0; i < WORD_CANDIDATES_MAX; i++)
        assert_true(address_equal(&read.answer.candidates[i], &word.answer.candidates[i]));
    word = word_of(WORD_DECLINE);
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_int_equal(read.decline.ask, 4);
    assert_int_equal(read.decline.reason, WORD_DECLINE_DRAINING);
    word = word_of(WORD_BYE);
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_int_equal(read.bye.ask, 4);
}

static void test_a_ban_is_of_a_network_and_only_a_lift_is_of_all(void **state)
{
    (void)state;
    struct word read, word = word_of(WORD_BAN);
    size_t count = written(&word);
    assert_int_equal(word_read(&read, slice_of(bytes, count)), 0);
    assert_true(read.ban.network == network_of("203.0.113.0") && read.ban.is_lifted);
    refuses_with(count, count - 1, 2);
    refuses_with(count, count - 9, 5); /* no such family */
    refuses_with(count, count - 5, 1); /* more than a /24 */
    word.ban = (struct word_ban){network_of("2001:db8:1::9"), false};
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_true(read.ban.network == network_of("2001:db8:1::") && !read.ban.is_lifted);
    word.ban = (struct word_ban){0, true};
    assert_int_equal(word_read(&read, slice_of(bytes, written(&word))), 0);
    assert_true(read.ban.network == 0 && read.ban.is_lifted);
    word.ban.is_lifted = false;
    assert_int_equal(writes(&word), ERR_INVAL);
    word.ban.network = address_prefix(&(struct address){.ip = {0x20, 1, 0xD, 0xB8}});
    assert_int_equal(writes(&word), ERR_INVAL);
}

static void test_no_part_of_a_word_is_a_word_nor_is_one_with_more_behind_it(void **state)
{
    (void)state;
    struct word read;
    for (unsigned kind = WORD_REPORT; kind < KINDS; kind++) {
        struct word word = word_of((enum word_kind)kind);
        size_t count = written(&word);
        for (size_t part = 0; part < count; part++) {
            uint8_t *copy = malloc(part + 1); /* of that size, so that reading beyond it is seen */
            assert_non_null(copy);
            memcpy(copy, bytes, part);
            assert_int_equal(word_read(&read, slice_of(copy, part)), ERR_PROTO);
            free(copy);
        }
        bytes[count] = 0;
        assert_int_equal(word_read(&read, slice_of(bytes, count + 1)), ERR_PROTO);
        assert_int_equal(word_read(&read, slice_of(bytes, count)), 0);
        assert_int_equal(read.kind, kind);
    }
}

static void test_unknown_kinds_and_bad_slugs_are_refused(void **state)
{
    (void)state;
    struct word word = word_of(WORD_LEAVE);
    size_t count = written(&word);
    refuses_with(count, 0, 0);
    refuses_with(count, 0, KINDS);
    refuses_with(count, 0, 255);
    refuses_with(count, 2, 'M');
    refuses_with(count, 2, '-');
    refuses_with(count, 2, 0);
    refuses_with(count, 1, 0);
    refuses_with(count, 1, 255);
    static const char *const slugs[] = {"", "M", "a--b", "-a", "a-", "a b"};
    for (unsigned i = 0; i < sizeof(slugs) / sizeof(slugs[0]); i++) {
        (void)snprintf(word.slug, sizeof(word.slug), "%s", slugs[i]);
        assert_int_equal(writes(&word), ERR_INVAL);
    }
    memset(word.slug, 'a', SLUG_MAX);
    assert_int_equal(writes(&word), 0);
    word = word_of(WORD_LEAVE);
    word.kind = (enum word_kind)KINDS;
    assert_int_equal(writes(&word), ERR_INVAL);
}

static void test_levels_flags_and_reasons_have_limits(void **state)
{
    (void)state;
    static const uint8_t bad_levels[] = {0, TREE_DEPTH_MAX + 1, 254};
    struct word word = report_word();
    size_t count = written(&word);
    size_t level_at = count - 1 - 4 - 1 - strlen("node-b") - 1;
    for (unsigned i = 0; i < sizeof(bad_levels); i++) {
        refuses_with(count, level_at, bad_levels[i]);
        word.report.level = bad_levels[i];
        assert_int_equal(writes(&word), ERR_INVAL);
        struct word place = place_word(), offer = word_of(WORD_OFFER);
        place.place.level = bad_levels[i];
        assert_int_equal(writes(&place), ERR_INVAL);
        offer.offer.level = bad_levels[i];
        assert_int_equal(writes(&offer), ERR_INVAL);
        word = report_word();
        assert_int_equal(written(&word), count);
    }
    refuses_with(count, count - 1, 2); /* is_hearing */
    word = word_of(WORD_OFFER);
    count = written(&word);
    refuses_with(count, 8 + 4, WORD_LEVEL_NONE); /* only in a report */
    word = word_of(WORD_GRANT);
    count = written(&word);
    refuses_with(count, count - 1, 2);
    word = word_of(WORD_OVER);
    count = written(&word);
    refuses_with(count, count - 1, 0);
    refuses_with(count, count - 1, WORD_OVER_NOT_WANTED + 1);
    word = word_of(WORD_DECLINE);
    count = written(&word);
    refuses_with(count, count - 1, 0);
    refuses_with(count, count - 1, WORD_DECLINE_DRAINING + 1);
    word = word_of(WORD_NEWS);
    count = written(&word);
    refuses_with(count, 8, 0);
    refuses_with(count, 8, WORD_NEWS_OTHER + 1);
    word = word_of(WORD_ROOM);
    count = written(&word);
    refuses_with(count, 9, MODE_LIFEBOAT + 1);
    refuses_with(count, 10, 2);
    refuses_with(count, 11, 0x80); /* start_ms below 0 */
}

static void test_ids_and_urls_of_parents_are_such_as_others_believe(void **state)
{
    (void)state;
    static const char *const urls[] = {"",
                                       "https://",
                                       "ftp://a",
                                       "https://a/",
                                       "https://a b",
                                       "https://a\n",
                                       "https://a\x7F",
                                       "https://b@a",
                                       "https://a\"",
                                       "https://a?x",
                                       "https://a\xC3\xB6"};
    static const char *const ids[] = {"", "a b", "a_b", "a\n", "\xC3\xB6"};
    struct word word = place_word();
    for (unsigned i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
        word = place_word();
        (void)snprintf(word.place.parents[3].url, sizeof(word.place.parents[3].url), "%s", urls[i]);
        assert_int_equal(writes(&word), ERR_INVAL);
    }
    for (unsigned i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        word = place_word();
        (void)snprintf(word.place.parents[0].id, sizeof(word.place.parents[0].id), "%s", ids[i]);
        assert_int_equal(writes(&word), ERR_INVAL);
        word = report_word();
        (void)snprintf(word.report.parent, sizeof(word.report.parent), "%s", ids[i]);
        assert_int_equal(writes(&word), i == 0 ? 0 : ERR_INVAL);
    }
    word = report_word();
    (void)snprintf(word.report.view.region, sizeof(word.report.view.region), "a<b");
    assert_int_equal(writes(&word), ERR_INVAL);
    word = place_word();
    size_t count = written(&word);
    size_t id_at = 8 + 4 + 1 + 1 + 1;
    refuses_with(count, id_at, '_');
    refuses_with(count, id_at, 0);
    refuses_with(count, count - 1, '\r');
    refuses_with(count, count - 1, 0);
    refuses_with(count, 8 + 4 + 1, 0); /* no parent */
    refuses_with(count, 8 + 4 + 1, TREE_PARENTS_MAX + 1);
    memset(word.place.parents[0].id, 'a', NODE_ID_MAX);
    assert_int_equal(writes(&word), 0);
}

static void test_counts_have_limits(void **state)
{
    (void)state;
    struct word word = place_word();
    word.place.count = 0;
    assert_int_equal(writes(&word), ERR_INVAL);
    word.place.count = TREE_PARENTS_MAX + 1;
    assert_int_equal(writes(&word), ERR_INVAL);
    word = answer_word();
    size_t count = written(&word);
    refuses_with(count, count - 1 - 18 * WORD_CANDIDATES_MAX, WORD_CANDIDATES_MAX + 1);
    refuses_with(count, count - 1, 0); /* [2001:db8::1]:0 */
    refuses_with(count, count - 1 - 18 * WORD_CANDIDATES_MAX - 1, 128);
    refuses_with(count, count - 1 - 18 * WORD_CANDIDATES_MAX - 2, 128);
    word.answer.candidate_count = 0;
    assert_int_equal(writes(&word), ERR_INVAL);
    word.answer.candidate_count = WORD_CANDIDATES_MAX + 1;
    assert_int_equal(writes(&word), ERR_INVAL);
}

static void test_ufrag_and_password_are_such_as_ice_has(void **state)
{
    (void)state;
    char long_text[257];
    memset(long_text, 'a', sizeof(long_text));
    struct word word = word_of(WORD_OFFER);
    word.offer.ufrag = slice_text("abc");
    assert_int_equal(writes(&word), ERR_INVAL);
    word.offer.ufrag = slice_text("abc\n");
    assert_int_equal(writes(&word), ERR_INVAL);
    word.offer.ufrag = slice_of(long_text, 256);
    assert_int_equal(writes(&word), ERR_INVAL);
    word.offer.ufrag = slice_of(long_text, 255);
    assert_int_equal(writes(&word), 0);
    word = answer_word();
    word.answer.pwd = slice_text("abcdefghijklmnopqrstu");
    assert_int_equal(writes(&word), ERR_INVAL);
    word = word_of(WORD_OFFER);
    size_t count = written(&word);
    refuses_with(count, 8 + 4 + 1 + 1, ':');
    refuses_with(count, count - WORD_FINGERPRINT_BYTES - 1, ' ');
}

static void test_json_is_utf8_and_of_a_bounded_size(void **state)
{
    (void)state;
    static char text[UINT16_MAX];
    static const char *const bad[] = {"\xC3",
                                      "\x80",
                                      "\xC0\x80",
                                      "\xE0\x80\x80",
                                      "\xED\xA0\x80",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xC3(",
                                      "\xE2\x82(",
                                      "\xFF"};
    static const char *const good[] = {
        "a", "\xC3\xB6", "\xE2\x82\xAC", "\xEE\x80\x80", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"};
    struct word word = word_of(WORD_NEWS), read;
    for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        word.news.json = slice_text(bad[i]);
        assert_int_equal(writes(&word), ERR_INVAL);
    }
    for (unsigned i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        word.news.json = slice_text(good[i]);
        assert_int_equal(writes(&word), 0);
    }
    word.news.json = slice_of("a\0b", 3);
    assert_int_equal(writes(&word), ERR_INVAL);
    word.news.json = slice_of("", 0);
    assert_int_equal(writes(&word), ERR_INVAL);
    memset(text, ' ', sizeof(text));
    memset(word.slug, 'a', SLUG_MAX);
    word.news.json = slice_of(text, WORD_NEWS_JSON_MAX);
    assert_int_equal(written(&word), WORD_BYTES_MAX);
    assert_int_equal(word_read(&read, slice_of(bytes, WORD_BYTES_MAX)), 0);
    assert_int_equal(read.news.json.bytes, WORD_NEWS_JSON_MAX);
    word.news.json.bytes++;
    assert_int_equal(writes(&word), ERR_INVAL);
    word = word_of(WORD_ROOM);
    word.room.json = slice_of(text, WORD_ROOM_JSON_MAX);
    assert_int_equal(writes(&word), 0);
    word.room.json.bytes++;
    assert_int_equal(writes(&word), ERR_INVAL);
}

static void test_a_word_that_does_not_fit_leaves_nothing(void **state)
{
    (void)state;
    for (unsigned kind = WORD_REPORT; kind < KINDS; kind++) {
        struct word word = word_of((enum word_kind)kind);
        size_t count = written(&word);
        struct writer out = writer_of(bytes, count + 2);
        writer_u24(&out, 1);
        assert_int_equal(word_write(&out, &word), ERR_FULL);
        assert_int_equal(out.at, 3);
        out = writer_of(bytes, count);
        assert_int_equal(word_write(&out, &word), 0);
    }
}

static void test_every_kind_has_a_name(void **state)
{
    (void)state;
    assert_string_equal(word_kind_name(WORD_REPORT), "report");
    assert_string_equal(word_kind_name(WORD_BYE), "bye");
    assert_string_equal(word_kind_name((enum word_kind)KINDS), "unknown");
    for (unsigned kind = WORD_REPORT; kind < KINDS; kind++)
        assert_string_not_equal(word_kind_name((enum word_kind)kind), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_report_is_read_as_it_was_written),
        cmocka_unit_test(test_what_an_origin_says_is_read_as_it_was_written),
        cmocka_unit_test(test_what_parent_and_relay_say_is_read_as_it_was_written),
        cmocka_unit_test(test_a_ban_is_of_a_network_and_only_a_lift_is_of_all),
        cmocka_unit_test(test_no_part_of_a_word_is_a_word_nor_is_one_with_more_behind_it),
        cmocka_unit_test(test_unknown_kinds_and_bad_slugs_are_refused),
        cmocka_unit_test(test_levels_flags_and_reasons_have_limits),
        cmocka_unit_test(test_ids_and_urls_of_parents_are_such_as_others_believe),
        cmocka_unit_test(test_counts_have_limits),
        cmocka_unit_test(test_ufrag_and_password_are_such_as_ice_has),
        cmocka_unit_test(test_json_is_utf8_and_of_a_bounded_size),
        cmocka_unit_test(test_a_word_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(test_every_kind_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
