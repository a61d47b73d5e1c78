#include "store_fixture.h"

enum { ROOM = 3, OTHER = 4, KEPT_MAX = 64 };

/* What was read on the store's thread; looked at only after the answer. */
struct kept {
    struct sample_record samples[KEPT_MAX];
    struct arrival_network networks[KEPT_MAX];
    struct event_record changes[KEPT_MAX];
    char kinds[KEPT_MAX][STORE_KIND_MAX + 1];
    char details[KEPT_MAX][64];
    size_t sample_count, network_count, change_count;
    bool has_all_changes;
};

static bool is_read; /* control's */

static void keep(void *ctx, const struct store_history *history)
{
    struct kept *kept = ctx;
    memset(kept, 0, sizeof(*kept));
    kept->sample_count = history->sample_count;
    kept->network_count = history->network_count;
    kept->change_count = history->change_count;
    kept->has_all_changes = history->has_all_changes;
    for (size_t i = 0; i < history->sample_count && i < KEPT_MAX; i++)
        kept->samples[i] = history->samples[i];
    for (size_t i = 0; i < history->network_count && i < KEPT_MAX; i++)
        kept->networks[i] = history->networks[i];
    for (size_t i = 0; i < history->change_count && i < KEPT_MAX; i++) {
        kept->changes[i] = history->changes[i];
        (void)snprintf(kept->kinds[i], sizeof(kept->kinds[i]), "%s", history->changes[i].kind);
        (void)snprintf(kept->details[i], sizeof(kept->details[i]), "%s",
                       history->changes[i].detail);
    }
}

static void on_kept(void *ctx, int err)
{
    (void)ctx;
    assert_int_equal(err, 0);
    is_read = true;
}

static struct kept *read_room(struct fixture *f, uint32_t room)
{
    static struct kept kept;
    is_read = false;
    assert_int_equal(store_read_history(f->store, room, keep, on_kept, &kept), 0);
    while (!is_read) {
        struct pollfd bell = {.fd = store_events_fd(f->store), .events = POLLIN};
        assert_int_equal(poll(&bell, 1, PATIENCE_MS), 1);
        answering = f;
        store_drain(f->store);
    }
    return &kept;
}

static void start_with_rooms(struct fixture *f)
{
    open_store(f);
    assert_int_equal(store_start(f->store), 0);
    struct room_record room = room_of(ROOM, "one"), other = room_of(OTHER, "two");
    room.state = ROOM_LIVE;
    other.state = ROOM_ENDED;
    assert_int_equal(store_put_room(f->store, &room, STORE_NORMAL, NULL, NULL), 0);
    assert_int_equal(store_put_room(f->store, &other, STORE_NORMAL, NULL, NULL), 0);
}

/* Every number another one. */
static struct sample_record sample_of(uint32_t room, int64_t at_ms, uint32_t base)
{
    struct sample_record sample = {.room = room,
                                   .at_ms = at_ms,
                                   .span_s = 10,
                                   .hearing = base + 1,
                                   .connected = base + 2,
                                   .in_line = base + 3,
                                   .turned_away = base + 4,
                                   .seats = base + 5,
                                   .mode = MODE_LIFEBOAT,
                                   .cause = "late_ticks"};
    for (unsigned i = 0; i < ARRIVALS; i++)
        sample.arrivals.of[i] = base + 10 + i;
    return sample;
}

static struct arrival_network network_of(uint64_t network, uint32_t attempts)
{
    struct arrival_network record = {
        .network = network, .attempts = attempts, .too_high = attempts / 2};
    for (unsigned i = 0; i < ARRIVALS; i++)
        record.counts.of[i] = attempts + i;
    return record;
}

static void put_sample(struct fixture *f, const struct sample_record *sample)
{
    assert_int_equal(store_put_sample(f->store, sample, NULL, NULL), 0);
}

static void test_what_was_put_is_read_as_it_was(void **state)
{
    struct fixture *f = *state;
    start_with_rooms(f);
    struct sample_record second = sample_of(ROOM, 20000, 100), first = sample_of(ROOM, 10000, 200),
                         foreign = sample_of(OTHER, 10000, 300);
    put_sample(f, &second);
    put_sample(f, &first);
    put_sample(f, &foreign);
    struct arrival_network networks[] = {network_of(5, 10), network_of(INT64_MAX, 90)};
    assert_int_equal(store_put_networks(f->store, ROOM, networks, 2, on_answer, NULL), 0);
    static const char *const events[][2] = {{"room.state", "doors_open"},
                                            {"host.joined", ""},
                                            {"room.mode", "mode=economy wanted=normal cause=node"}};
    for (size_t i = 0; i < 3; i++) {
        struct event_record event = {.room = ROOM,
                                     .host = 2,
                                     .wall_ms = 1000 + (int64_t)i,
                                     .kind = events[i][0],
                                     .detail = events[i][1]};
        assert_int_equal(store_put_event(f->store, &event), 0);
    }
    const struct kept *kept = read_room(f, ROOM);
    assert_int_equal(f->failed, 0);
    assert_int_equal(kept->sample_count, 2);
    const struct sample_record *expected[] = {&first, &second};
    for (unsigned i = 0; i < 2; i++) {
        const struct sample_record *sample = &kept->samples[i], *wanted = expected[i];
        assert_int_equal(sample->at_ms, wanted->at_ms);
        assert_int_equal(sample->span_s, 10);
        assert_int_equal(sample->hearing, wanted->hearing);
        assert_int_equal(sample->connected, wanted->connected);
        assert_int_equal(sample->in_line, wanted->in_line);
        assert_int_equal(sample->turned_away, wanted->turned_away);
        assert_int_equal(sample->seats, wanted->seats);
        assert_int_equal(sample->mode, MODE_LIFEBOAT);
        assert_string_equal(sample->cause, "late_ticks");
        assert_memory_equal(&sample->arrivals, &wanted->arrivals, sizeof(wanted->arrivals));
    }
    assert_int_equal(kept->network_count, 2); /* the busiest first */
    assert_int_equal(kept->networks[0].network, INT64_MAX);
    assert_int_equal(kept->networks[0].attempts, 90);
    assert_int_equal(kept->networks[0].too_high, 45);
    assert_memory_equal(&kept->networks[1].counts, &networks[0].counts, sizeof(networks[0].counts));
    assert_int_equal(kept->change_count, 2);
    assert_true(kept->has_all_changes);
    assert_string_equal(kept->kinds[0], "room.state");
    assert_string_equal(kept->details[1], "mode=economy wanted=normal cause=node");
    assert_int_equal(kept->changes[1].wall_ms, 1002);
    assert_int_equal(kept->changes[1].host, 2);
    assert_int_equal(read_room(f, OTHER)->sample_count, 1);
    assert_int_equal(read_room(f, 77)->sample_count, 0);
}

static void test_two_samples_of_one_moment_become_one(void **state)
{
    struct fixture *f = *state;
    start_with_rooms(f);
    struct sample_record sample = sample_of(ROOM, 10000, 0);
    put_sample(f, &sample);
    sample.hearing = 50;
    sample.connected = 0;
    sample.mode = MODE_NORMAL;
    sample.cause[0] = '\0';
    put_sample(f, &sample);
    const struct kept *kept = read_room(f, ROOM);
    assert_int_equal(kept->sample_count, 1);
    assert_int_equal(kept->samples[0].hearing, 50);
    assert_int_equal(kept->samples[0].connected, 2);
    assert_int_equal(kept->samples[0].mode, MODE_NORMAL);
    for (unsigned i = 0; i < ARRIVALS; i++)
        assert_int_equal(kept->samples[0].arrivals.of[i], 2 * sample.arrivals.of[i]);
}

/* A span that is not whole at either end, one without its last sample, and one that is missing. */
static void test_merged_samples_keep_sums_and_largest_values(void **state)
{
    static const unsigned seconds[] = {30, 40, 50, 60, 70, 80, 90, 100, 110, 170};
    struct fixture *f = *state;
    start_with_rooms(f);
    uint64_t asks = 0;
    for (unsigned i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++) {
        struct sample_record sample =
            sample_of(ROOM, (int64_t)seconds[i] * 1000, seconds[i] == 60 ? 1000 : seconds[i]);
        asks += sample.arrivals.of[ARRIVAL_ASK];
        put_sample(f, &sample);
    }
    struct sample_record foreign = sample_of(OTHER, 10000, 300);
    put_sample(f, &foreign);
    assert_int_equal(store_merge_samples(f->store, ROOM, 40, on_answer, NULL), 0);
    for (unsigned again = 0; again < 2; again++) { /* a second time changes nothing */
        const struct kept *kept = read_room(f, ROOM);
        static const int64_t ends[] = {40000, 80000, 120000, 200000};
        static const uint32_t hearing[] = {41, 1001, 111, 171}, away[] = {44, 84, 114, 174};
        uint64_t sum = 0;
        assert_int_equal(kept->sample_count, 4);
        for (unsigned i = 0; i < 4; i++) {
            assert_int_equal(kept->samples[i].at_ms, ends[i]);
            assert_int_equal(kept->samples[i].span_s, 40);
            assert_int_equal(kept->samples[i].hearing, hearing[i]);
            assert_int_equal(kept->samples[i].turned_away, away[i]); /* at the end of that time */
            sum += kept->samples[i].arrivals.of[ARRIVAL_ASK];
        }
        assert_int_equal(sum, asks);
        assert_int_equal(store_merge_samples(f->store, ROOM, 40, on_answer, NULL), 0);
    }
    assert_int_equal(read_room(f, OTHER)->samples[0].span_s, 10);
    assert_int_equal(f->failed, 0);
}

static void test_networks_are_replaced_as_a_whole_or_not_at_all(void **state)
{
    struct fixture *f = *state;
    start_with_rooms(f);
    struct arrival_network networks[] = {network_of(1, 10), network_of(2, 20), network_of(3, 30)};
    assert_int_equal(store_put_networks(f->store, ROOM, networks, 3, NULL, NULL), 0);
    assert_int_equal(store_put_networks(f->store, OTHER, networks, 1, NULL, NULL), 0);
    networks[0].network = 9;
    networks[1].network = 9; /* the second one cannot be put */
    assert_int_equal(store_put_networks(f->store, ROOM, networks, 2, on_answer, NULL), 0);
    struct sample_record sample = sample_of(ROOM, 10000, 0); /* shares their transaction */
    put_sample(f, &sample);
    wait_for_answers(f, 1);
    assert_int_equal(f->failed, 1);
    const struct kept *kept = read_room(f, ROOM);
    assert_int_equal(kept->network_count, 3);
    assert_int_equal(kept->networks[2].network, 1);
    assert_int_equal(kept->sample_count, 1);
    assert_int_equal(store_put_networks(f->store, ROOM, networks, 1, NULL, NULL), 0);
    assert_int_equal(read_room(f, ROOM)->network_count, 1);
    assert_int_equal(read_room(f, OTHER)->network_count, 1);
    assert_int_equal(store_put_networks(f->store, ROOM, NULL, 0, NULL, NULL), 0);
    assert_int_equal(read_room(f, ROOM)->network_count, 0);
}

static void test_a_full_table_of_networks_fits_one_more_does_not(void **state)
{
    static struct arrival_network networks[ARRIVAL_NETWORKS_MAX + 1];
    struct fixture *f = *state;
    start_with_rooms(f);
    for (uint32_t i = 0; i <= ARRIVAL_NETWORKS_MAX; i++)
        networks[i] = network_of(i + 1, i + 1);
    assert_int_equal(
        store_put_networks(f->store, ROOM, networks, ARRIVAL_NETWORKS_MAX + 1, NULL, NULL),
        ERR_INVAL);
    assert_int_equal(store_put_networks(f->store, ROOM, networks, ARRIVAL_NETWORKS_MAX, NULL, NULL),
                     0);
    assert_int_equal(read_room(f, ROOM)->network_count, ARRIVAL_NETWORKS_MAX);
    networks[1].network = (uint64_t)INT64_MAX + 1;
    assert_int_equal(store_put_networks(f->store, ROOM, networks, 2, NULL, NULL), ERR_INVAL);
}

static void test_the_oldest_of_too_many_changes_are_left_out(void **state)
{
    struct fixture *f = *state;
    start_with_rooms(f);
    for (int64_t i = 0; i <= STORE_CHANGES_MAX; i++) {
        struct event_record event = {
            .room = ROOM, .wall_ms = i, .kind = "room.mode", .detail = "mode=normal"};
        while (store_put_event(f->store, &event) == ERR_FULL)
            (void)read_room(f, ROOM);
    }
    const struct kept *kept = read_room(f, ROOM);
    assert_int_equal(kept->change_count, STORE_CHANGES_MAX);
    assert_false(kept->has_all_changes);
    assert_int_equal(kept->changes[0].wall_ms, 1);
}

static void test_the_columns_are_the_arrivals_in_their_order(void **state)
{
    struct fixture *f = *state;
    open_store(f);
    close_store(f);
    for (unsigned i = 0; i < ARRIVALS; i++) {
        char sql[200];
        (void)snprintf(sql, sizeof(sql),
                       "SELECT count(*) FROM pragma_table_info('sample') a, "
                       "pragma_table_info('network') b WHERE a.name = '%s' AND b.name = a.name AND "
                       "a.cid = %u AND b.cid = %u",
                       arrival_name((enum arrival)i), 10 + i, 4 + i);
        assert_int_equal(count_rows(f->path, sql), 1);
    }
}

/* ---- after a restart ---- */

struct loaded {
    struct history_summary summaries[4];
    unsigned summary_count;
    uint64_t networks[4];
    unsigned network_count;
};

static int load_summary(void *ctx, const struct history_summary *summary)
{
    struct loaded *loaded = ctx;
    loaded->summaries[loaded->summary_count++] = *summary;
    return 0;
}

static int load_network(void *ctx, uint32_t room, const struct arrival_network *record)
{
    struct loaded *loaded = ctx;
    assert_int_equal(room, ROOM);
    assert_int_equal(record->counts.of[ARRIVAL_GAVE_UP], record->attempts + ARRIVAL_GAVE_UP);
    loaded->networks[loaded->network_count++] = record->network;
    return 0;
}

static void test_only_rooms_that_go_on_are_loaded(void **state)
{
    static const struct store_loader loader = {.on_history = load_summary,
                                               .on_network = load_network};
    struct fixture *f = *state;
    start_with_rooms(f);
    struct arrival_network networks[] = {network_of(1, 10), network_of(2, 20)};
    struct sample_record sample = sample_of(ROOM, 10000, 0);
    put_sample(f, &sample);
    sample = sample_of(ROOM, 20000, 5);
    sample.span_s = 20;
    sample.connected = 77;
    put_sample(f, &sample);
    sample.room = OTHER;
    put_sample(f, &sample);
    assert_int_equal(store_put_networks(f->store, ROOM, networks, 2, NULL, NULL), 0);
    assert_int_equal(store_put_networks(f->store, OTHER, networks, 2, NULL, NULL), 0);
    close_store(f);
    open_store(f);
    struct loaded loaded = {.summary_count = 0};
    assert_int_equal(store_load(f->store, &loader, &loaded), 0);
    assert_int_equal(loaded.summary_count, 1);
    assert_int_equal(loaded.summaries[0].room, ROOM);
    assert_int_equal(loaded.summaries[0].samples, 2);
    assert_int_equal(loaded.summaries[0].span_s, 10);
    assert_int_equal(loaded.summaries[0].turned_away, 9);
    assert_int_equal(loaded.summaries[0].connected, 77);
    assert_int_equal(loaded.network_count, 2);
    assert_int_equal(loaded.networks[0], 2); /* the busiest first */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORE_TEST(test_what_was_put_is_read_as_it_was),
        STORE_TEST(test_two_samples_of_one_moment_become_one),
        STORE_TEST(test_merged_samples_keep_sums_and_largest_values),
        STORE_TEST(test_networks_are_replaced_as_a_whole_or_not_at_all),
        STORE_TEST(test_a_full_table_of_networks_fits_one_more_does_not),
        STORE_TEST(test_the_oldest_of_too_many_changes_are_left_out),
        STORE_TEST(test_the_columns_are_the_arrivals_in_their_order),
        STORE_TEST(test_only_rooms_that_go_on_are_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
