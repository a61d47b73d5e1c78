/* room_house.h - a whole node below signalling, with real store, transport, recorder and stage, in a temporary
 * folder. For the tests of room/. */
#ifndef TESTS_ROOM_HOUSE_H
#define TESTS_ROOM_HOUSE_H

#include "admission/admission.h"
#include "base/clock.h"
#include "base/random.h"
#include "config/config.h"
#include "recording/recorder.h"
#include "room/connection.h"
#include "room/room.h"
#include "rostrum/srtp_link.h"
#include "transport/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HOUSE_SEATS = 5, HOUSE_WAIT_US = 20 * 1000 * 1000 };

struct house {
    char folder[64];
    struct config config;
    struct dtls_identity *identity;
    struct store *store;
    struct admission *admission;
    struct transport *transport;
    struct recorder *recorder;
    struct stage *stage;
    struct rooms *rooms;
};

static void house_path(const struct house *house, const char *name, char out[128])
{
    (void)snprintf(out, 128, "%s/%s", house->folder, name);
}

/* Builds and starts it on what lies in the folder. */
static void house_start(struct house *house)
{
    char path[128], problem[STORE_PROBLEM_MAX];
    house->config =
        (struct config){.public_address_count = 1, .economy_bps = 32000, .seats = HOUSE_SEATS};
    assert_int_equal(address_parse(&house->config.public_addresses[0], "127.0.0.1"), 0);
    assert_int_equal(srtp_link_startup(), 0);
    assert_int_equal(dtls_identity_create(&house->identity, NULL), 0);
    house_path(house, "rostrum.db", path);
    assert_int_equal(store_create(&house->store, path, problem), 0);
    struct transport_config transport = {
        .workers = 2, .stages = 1, .srtp_engine = "auto", .identity = house->identity};
    assert_int_equal(transport_create(&house->transport, &transport), 0);
    house_path(house, "recordings", path);
    assert_int_equal(recorder_create(&house->recorder, path, 1), 0);
    struct stage_config stage = {
        .threads = 1, .transport = house->transport, .recorder = house->recorder};
    assert_int_equal(stage_create(&house->stage, &stage), 0);
    assert_int_equal(
        admission_create(&house->admission, &(struct admission_params){.seats = HOUSE_SEATS}), 0);
    struct rooms_deps deps = {.config = &house->config,
                              .store = house->store,
                              .transport = house->transport,
                              .stage = house->stage,
                              .recorder = house->recorder,
                              .admission = house->admission,
                              .identity = house->identity};
    assert_int_equal(rooms_create(&house->rooms, &deps), 0);
    assert_int_equal(store_start(house->store), 0);
    assert_int_equal(transport_start(house->transport), 0);
    assert_int_equal(recorder_start(house->recorder), 0);
    assert_int_equal(stage_start(house->stage), 0);
    rooms_resume(house->rooms);
}

static void house_stop(struct house *house)
{
    rooms_close(house->rooms);
    stage_stop(house->stage);
    recorder_stop(house->recorder);
    transport_stop(house->transport);
    store_stop(house->store);
    rooms_destroy(house->rooms);
    stage_destroy(house->stage);
    recorder_destroy(house->recorder);
    transport_destroy(house->transport);
    admission_destroy(house->admission);
    store_destroy(house->store);
    dtls_identity_destroy(house->identity);
}

static int house_remove_entry(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info;
    (void)kind;
    (void)ftw;
    return remove(path);
}

static int house_setup(void **state)
{
    static struct house house;
    house = (struct house){0};
    (void)snprintf(house.folder, sizeof(house.folder), "/tmp/rostrum-house-XXXXXX");
    if (mkdtemp(house.folder) == NULL)
        return -1;
    house_start(&house);
    *state = &house;
    return 0;
}

static int house_teardown(void **state)
{
    struct house *house = *state;
    house_stop(house);
    return nftw(house->folder, house_remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Takes events until the condition holds; fails the test if it never does. */
#define HOUSE_UNTIL(house, condition)                                                              \
    do {                                                                                           \
        uint64_t house_end_us = clock_now_us() + HOUSE_WAIT_US;                                    \
        while (!(condition)) {                                                                     \
            assert_true(clock_now_us() < house_end_us);                                            \
            house_pump(house);                                                                     \
        }                                                                                          \
    } while (0)

static void house_pump(struct house *house)
{
    struct pollfd fds[] = {{.fd = transport_events_fd(house->transport), .events = POLLIN},
                           {.fd = stage_events_fd(house->stage), .events = POLLIN},
                           {.fd = recorder_events_fd(house->recorder), .events = POLLIN},
                           {.fd = store_events_fd(house->store), .events = POLLIN}};
    (void)poll(fds, 4, 50);
    rooms_drain(house->rooms);
    rooms_tick(house->rooms, clock_now_us());
}

/* ---- what tests do again and again ---- */

static struct room *house_room(struct house *house, const char *slug)
{
    char problem[ROOM_PROBLEM_MAX];
    struct room *room = NULL;
    struct room_draft draft = {.slug = slug, .title = "An evening"};
    assert_int_equal(rooms_add(house->rooms, &draft, NULL, NULL, &room, problem), 0);
    return room;
}

static inline uint32_t house_invite(struct room *room, const char *name, enum role role,
                                    char token[TOKEN_CHARS + 1])
{
    char problem[ROOM_PROBLEM_MAX];
    uint32_t host = 0;
    assert_int_equal(room_invite(room, name, role, token, &host, problem), 0);
    return host;
}

static int house_steer(struct room *room, enum steer action)
{
    char problem[ROOM_PROBLEM_MAX] = "";
    int err = room_steer(room, action, NULL, NULL, problem);
    assert_true((err == 0) == (problem[0] == '\0'));
    return err;
}

static inline void house_agree(struct house *house, struct room *room, uint32_t host)
{
    assert_int_equal(room_agree(room, host, consent_wording(), NULL, NULL), 0);
    HOUSE_UNTIL(house, room_host(room, host)->agreed);
}

/* An offer as a client writes it: another endpoint at each call, or the same with new ICE credentials. */
static const char *house_offer(enum sdp_direction direction, bool same_endpoint)
{
    static char text[4096], ufrag[9], pwd[25];
    static struct sdp_fingerprint fingerprint = {.hash = SDP_SHA256, .bytes = 32};
    if (!same_endpoint)
        random_bytes(fingerprint.digest, 32);
    random_ice_chars(ufrag, 8);
    random_ice_chars(pwd, 24);
    struct sdp_local local = {.session_id = 1,
                              .direction = direction,
                              .setup = SDP_ACTPASS,
                              .ufrag = ufrag,
                              .pwd = pwd,
                              .fingerprint = fingerprint,
                              .cname = direction == SDP_RECVONLY ? NULL : "test",
                              .ssrc = 1,
                              .stream_id = "s",
                              .track_id = "t"};
    struct writer out = writer_of(text, sizeof(text));
    assert_int_equal(sdp_write_offer(&local, &out), 0);
    return text;
}

struct house_ear {
    unsigned up, lost;
    char cause[32];
};

static void house_on_event(void *owner, enum connection_event event, const char *cause)
{
    struct house_ear *ear = owner;
    if (event == CONNECTION_UP) {
        ear->up++;
        return;
    }
    ear->lost++;
    (void)snprintf(ear->cause, sizeof(ear->cause), "%s", cause);
}

static inline int house_connect(struct room *room, uint32_t host, struct house_ear *ear,
                                struct connection **out, struct refusal *refusal)
{
    static char answer[ANSWER_MAX];
    struct connection_params params = {
        .host = host,
        .offer = slice_text(house_offer(host == 0 ? SDP_RECVONLY : SDP_SENDRECV, false)),
        .on_event = house_on_event,
        .owner = ear};
    *refusal = (struct refusal){0};
    int err = connection_open(out, room, &params, answer, refusal);
    if (err == 0)
        assert_non_null(strstr(answer, "a=ice-lite"));
    else
        assert_true(refusal->message[0] != '\0');
    return err;
}

#endif
