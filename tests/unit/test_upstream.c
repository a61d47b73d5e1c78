#include "upstream_scene.h"

/* A parent, a way that loses, a relay, a listener: what was sent is what is heard. */

/* The listener sits, the first parent is followed, and what it plays is heard. */
static struct scene *begin(void)
{
    struct scene *scene = open_scene();
    PUMP_UNTIL(scene, is_joined(scene->listener));
    follow(scene, 0, 1);
    PUMP_UNTIL(scene, scene->connected[1] == 1);
    assert_int_equal(scene->sound[1], 0);
    scene->is_playing = true;
    PUMP_UNTIL(scene, heard_count > 0 && scene->sound[1] == 1);
    return scene;
}

/* Plays so many more, and waits until the last of them that can come has come. */
static void play_on(struct scene *scene, uint32_t frames)
{
    uint32_t end = scene->next_number + frames;
    PUMP_UNTIL(scene, scene->next_number >= end);
}

static void stop_playing(struct scene *scene)
{
    for (unsigned i = 0; i < PARENTS; i++)
        scene->ways[i].lose_one_in = 0;
    play_on(scene, 5);
    scene->is_playing = false;
    PUMP_UNTIL(scene, heard[heard_count - 1].number == scene->next_number - 1);
}

/* What a slow machine did not get sent in time is not what is tested here. */
static uint64_t late(const struct scene *scene)
{
    struct transport_totals totals;
    transport_totals(scene->relay->transport, &totals);
    uint64_t sum = totals.program_late + totals.dropped_full;
    for (unsigned i = 0; i < PARENTS; i++) {
        transport_totals(scene->parents[i], &totals);
        sum += totals.program_late + totals.dropped_full;
    }
    return sum;
}

/* Each once, in order; index and time in step with what was played. Returns how many are missing. */
static uint64_t check_heard(const struct scene *scene)
{
    uint64_t missing = 0;
    for (size_t i = 0; i < heard_count; i++) {
        assert_int_equal(heard[i].timestamp,
                         scene->timestamp_of_0 + heard[i].number * FRAME_SAMPLES_SHORT);
        if (i == 0)
            continue;
        assert_true(heard[i].number > heard[i - 1].number);
        assert_int_equal((uint16_t)(heard[i].seq - heard[0].seq),
                         (uint16_t)(heard[i].number - heard[0].number));
        missing += heard[i].number - heard[i - 1].number - 1;
    }
    return missing;
}

/* But for so many, and those that were late: workers tell what they counted twice a second. */
static void assert_all_heard(struct scene *scene, uint64_t tolerated)
{
    PUMP_UNTIL(scene, check_heard(scene) <= tolerated + late(scene));
}

static void test_the_program_is_heard_as_it_was_played(void **state)
{
    (void)state;
    struct scene *scene = begin();
    play_on(scene, 400);
    stop_playing(scene);
    assert_all_heard(scene, 0);
    PUMP_UNTIL(scene, heard_count + late(scene) >= 400);
    assert_int_equal(scene->ended[1], 0);
    struct upstream_totals totals;
    upstream_totals(scene->upstream, &totals);
    assert_true(totals.frames >= heard_count);
    assert_int_equal(totals.forged, 0);
    close_scene(scene);
}

static void test_two_in_a_hundred_lost_are_not_missed(void **state)
{
    (void)state;
    enum { FRAMES = 2000 };
    struct scene *scene = begin();
    scene->ways[0].lose_one_in = 50;
    play_on(scene, FRAMES);
    stop_playing(scene);
    assert_in_range(scene->ways[0].lost, FRAMES / 100, FRAMES / 25);
    assert_all_heard(scene, FRAMES / 1000);
    PUMP_UNTIL(scene, scene->counts.counts.repaired_red > 0);
    close_scene(scene);
}

static void test_what_redundancy_does_not_bring_is_asked_for(void **state)
{
    (void)state;
    struct scene *scene = begin();
    scene->ways[0].lose_one_in = 3; /* three in a row are lost now and then */
    play_on(scene, 400);
    stop_playing(scene);
    (void)check_heard(scene);
    PUMP_UNTIL(scene, scene->counts.asked > 0 && scene->counts.counts.repaired_again > 0);
    close_scene(scene);
}

static void test_the_parent_counts_a_relay_that_hears(void **state)
{
    (void)state;
    struct scene *scene = begin();
    const struct transport_event *counts = &scene->parent_counts[0];
    PUMP_UNTIL(scene, counts->relays_hearing == 1);
    assert_int_equal(counts->connected, 1);
    assert_int_equal(counts->relays, 1);
    assert_int_equal(counts->hearing, 1);
    PUMP_UNTIL(scene, scene->relay->counts.connected == 1);
    assert_int_equal(scene->relay->counts.relays, 0);
    close_scene(scene);
}

static void test_a_living_parent_gives_way_unheard(void **state)
{
    (void)state;
    struct scene *scene = begin();
    play_on(scene, 100);
    follow(scene, 1, 2);
    PUMP_UNTIL(scene, scene->ended[1] == 1);
    assert_int_equal(scene->cause[1], PEER_END_NONE);
    assert_int_equal(scene->sound[2], 1);
    play_on(scene, 100);
    stop_playing(scene);
    assert_all_heard(scene, 0);
    assert_int_equal(scene->ended[2], 0);
    close_scene(scene);
}

static void test_a_lost_parent_is_told_and_another_goes_on(void **state)
{
    (void)state;
    struct scene *scene = begin();
    scene->ways[0].lose_one_in = 10;
    play_on(scene, 100);
    scene->ways[0].is_cut = true; /* in the middle of its losses */
    PUMP_UNTIL(scene, scene->silent[1] == 1);
    follow(scene, 1, 2);
    PUMP_UNTIL(scene, scene->ended[1] == 1);
    play_on(scene, 100);
    stop_playing(scene);
    uint64_t missing = check_heard(scene); /* none twice, none out of step */
    assert_true(missing > 0);
    assert_int_equal(heard[heard_count - 1].number - heard[0].number + 1 - heard_count, missing);
    PUMP_UNTIL(scene, scene->counts.counts.missing > 0);
    assert_int_equal(scene->counts.counts.restarts, 0);
    close_scene(scene);
}

static void test_a_parent_that_comes_back_is_heard_again(void **state)
{
    (void)state;
    struct scene *scene = begin();
    play_on(scene, 50);
    scene->ways[0].is_cut = true;
    PUMP_UNTIL(scene, scene->silent[1] == 1);
    scene->ways[0].is_cut = false;
    PUMP_UNTIL(scene, scene->sound[1] == 2);
    play_on(scene, 50);
    stop_playing(scene);
    (void)check_heard(scene);
    assert_int_equal(scene->ended[1], 0);
    close_scene(scene);
}

static void test_a_newer_parent_replaces_one_that_never_came(void **state)
{
    (void)state;
    struct scene *scene = begin();
    scene->ways[1].is_cut = true;
    follow(scene, 1, 2); /* is never reached */
    struct upstream_parent third = ask_parent(scene, 0, 3);
    assert_int_equal(upstream_follow(scene->upstream, ROOM, 0, &third), 0);
    PUMP_UNTIL(scene, scene->ended[2] == 1);
    assert_int_equal(scene->connected[2], 0);
    assert_int_equal(scene->cause[2], PEER_END_NONE);
    assert_int_equal(scene->ended[3], 0);
    close_scene(scene);
}

static void test_a_false_parent_is_refused(void **state)
{
    (void)state;
    struct scene *scene = begin();
    struct upstream_parent parent = ask_parent(scene, 1, 2);
    parent.fingerprint.bytes[0] ^= 1;
    assert_int_equal(upstream_follow(scene->upstream, ROOM, 0, &parent), 0);
    PUMP_UNTIL(scene, scene->ended[2] == 1);
    assert_int_equal(scene->cause[2], PEER_END_FINGERPRINT);
    assert_int_equal(scene->connected[2], 0);
    play_on(scene, 20);
    stop_playing(scene);
    assert_all_heard(scene, 0);
    close_scene(scene);
}

static void test_strangers_datagrams_change_nothing(void **state)
{
    (void)state;
    struct scene *scene = begin();
    struct upstream_totals totals;
    uint8_t noise[200] = {0x80, OPUS};
    for (unsigned i = 0; i < 200; i++) {
        noise[2] = (uint8_t)i;
        noise[1] = i % 2 == 0 ? OPUS : 201;
        send_on(&scene->ways[0], &scene->ways[0].relay, noise, sizeof(noise));
        play_on(scene, 1);
    }
    stop_playing(scene);
    assert_all_heard(scene, 0);
    PUMP_UNTIL(scene, (upstream_totals(scene->upstream, &totals), totals.forged >= 200));
    assert_int_equal(scene->ended[1], 0);
    close_scene(scene);
}

static void test_a_closed_room_is_told_and_may_be_opened_again(void **state)
{
    (void)state;
    struct scene *scene = begin();
    play_on(scene, 50);
    upstream_close(scene->upstream, ROOM);
    upstream_close(scene->upstream, ROOM);
    PUMP_UNTIL(scene, scene->closed == 1);
    assert_true(scene->counts.next_index >= 50);
    struct upstream_parent parent = ask_parent(scene, 1, 2);
    assert_int_equal(upstream_follow(scene->upstream, ROOM, scene->counts.next_index, &parent), 0);
    size_t before = heard_count;
    PUMP_UNTIL(scene, heard_count > before + 20);
    for (size_t i = 1; i < heard_count; i++)
        assert_true(heard[i].number > heard[i - 1].number);
    struct transport_totals totals;
    transport_totals(scene->relay->transport, &totals);
    assert_int_equal(totals.dropped_malformed, 0); /* no index came twice */
    assert_int_equal(scene->ended[1], 0);
    close_scene(scene);
}

static void test_what_cannot_be_followed_is_refused_at_once(void **state)
{
    (void)state;
    struct scene *scene = open_scene();
    struct upstream_parent parent = ask_parent(scene, 0, 1);
    parent.candidate_count = 0;
    assert_int_equal(upstream_follow(scene->upstream, ROOM, 0, &parent), ERR_INVAL);
    parent.candidate_count = 1;
    parent.remote.ufrag[0] = '\0';
    assert_int_equal(upstream_follow(scene->upstream, ROOM, 0, &parent), ERR_INVAL);
    close_scene(scene);
}

static void test_one_room_more_than_the_limit_is_refused(void **state)
{
    (void)state;
    struct scene *scene = open_scene();
    struct upstream_config config = {.transport = scene->relay->transport,
                                     .stage = 1,
                                     .identity = scene->relay->server_identity};
    struct upstream *upstream = NULL;
    struct upstream_parent parent = ask_parent(scene, 0, 1);
    assert_int_equal(upstream_create(&upstream, &config), 0); /* never started */
    for (uint32_t room = 0; room < UPSTREAM_ROOMS_MAX; room++)
        assert_int_equal(upstream_follow(upstream, room, 0, &parent), 0);
    assert_int_equal(upstream_follow(upstream, UPSTREAM_ROOMS_MAX, 0, &parent), ERR_FULL);
    assert_int_equal(upstream_follow(upstream, 0, 0, &parent), 0); /* one more of an open one */
    upstream_close(upstream, 5);
    assert_int_equal(upstream_follow(upstream, UPSTREAM_ROOMS_MAX, 0, &parent), 0);
    upstream_destroy(upstream);
    upstream_destroy(NULL);
    close_scene(scene);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_program_is_heard_as_it_was_played),
        cmocka_unit_test(test_two_in_a_hundred_lost_are_not_missed),
        cmocka_unit_test(test_what_redundancy_does_not_bring_is_asked_for),
        cmocka_unit_test(test_the_parent_counts_a_relay_that_hears),
        cmocka_unit_test(test_a_living_parent_gives_way_unheard),
        cmocka_unit_test(test_a_lost_parent_is_told_and_another_goes_on),
        cmocka_unit_test(test_a_parent_that_comes_back_is_heard_again),
        cmocka_unit_test(test_a_newer_parent_replaces_one_that_never_came),
        cmocka_unit_test(test_a_false_parent_is_refused),
        cmocka_unit_test(test_strangers_datagrams_change_nothing),
        cmocka_unit_test(test_a_closed_room_is_told_and_may_be_opened_again),
        cmocka_unit_test(test_what_cannot_be_followed_is_refused_at_once),
        cmocka_unit_test(test_one_room_more_than_the_limit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
