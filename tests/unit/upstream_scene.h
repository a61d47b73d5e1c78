/* upstream_scene.h - for tests: two nodes that have a program, ways from them that lose datagrams,
 * a relay with its upstream, and a listener behind it. All in one process, over loopback.
 *
 * Owner    one test at a time
 * Thread   the test's, which is control, the stages of the two nodes, and the network between
 * Units    microseconds; the program's packets have 2.5 ms, so that many go by in a short time
 * Errors   assertions
 * Spec     none
 */
#ifndef TEST_UPSTREAM_SCENE_H
#define TEST_UPSTREAM_SCENE_H

#include "transport_bench.h"

#include "tree/upstream.h"

enum {
    PARENTS = 2,
    RED = 63,
    FRAME_SAMPLES_SHORT = 120,
    FRAME_US = 2500,
    HEARD_MAX = 20000,
    PROGRAM_START = 77, /* the index that the parents' program has reached */
    TOC_SHORT = 28 << 3 /* RFC 6716 section 3.1: CELT, full band, 2.5 ms, one frame */
};

/* Between a parent and the relay: a socket that passes datagrams on, both ways. */
struct way {
    int fd;
    struct address own, parent, relay; /* relay.port 0: nobody came yet */
    unsigned lose_one_in;              /* of the media packets; 0: none */
    bool is_cut;                       /* nothing goes through at all */
    uint64_t random;
    unsigned passed, lost;
};

struct heard {
    uint16_t seq;
    uint32_t timestamp, number;
};

struct scene {
    struct bench *relay; /* its stage 0 is the upstream */
    struct transport *parents[PARENTS];
    struct way ways[PARENTS];
    struct upstream *upstream;
    struct client *listener;
    bool is_playing;
    uint64_t frame_due_us;
    uint32_t next_number;
    uint32_t timestamp_of_0;
    struct transport_event parent_counts[PARENTS];
    /* of the upstream, by parent's number */
    unsigned connected[8], sound[8], silent[8], ended[8], closed;
    enum peer_end cause[8];
    struct upstream_event counts; /* the last of them */
};

static struct scene scene_under_test;
static struct heard heard[HEARD_MAX];
static size_t heard_count;

static inline void fill_payload(uint32_t number, uint8_t out[PAYLOAD_BYTES])
{
    struct writer w = writer_of(out, PAYLOAD_BYTES);
    writer_u8(&w, TOC_SHORT);
    writer_u32(&w, number);
    memset(out + w.at, (int)(number * 7 % 251), PAYLOAD_BYTES - w.at);
}

static inline void hear(const struct client *client, const struct rtp_packet *rtp)
{
    uint8_t expected[PAYLOAD_BYTES];
    struct cursor c = cursor_of(rtp->payload);
    (void)client;
    cursor_skip(&c, 1);
    assert_true(heard_count < HEARD_MAX);
    heard[heard_count] =
        (struct heard){.seq = rtp->seq, .timestamp = rtp->timestamp, .number = cursor_u32(&c)};
    fill_payload(heard[heard_count++].number, expected);
    assert_memory_equal(rtp->payload.data, expected, PAYLOAD_BYTES);
}

/* ---- making ---- */

static inline struct address loopback(uint16_t port)
{
    struct address address;
    assert_int_equal(address_parse(&address, "127.0.0.1"), 0);
    address.port = port;
    return address;
}

static inline void way_open(struct way *way, const struct transport *parent)
{
    struct sockaddr_in own;
    socklen_t bytes = sizeof(own);
    *way = (struct way){.fd = open_socket(), .random = 99};
    assert_int_equal(getsockname(way->fd, (struct sockaddr *)&own, &bytes), 0);
    way->own = loopback(ntohs(own.sin_port));
    way->parent = loopback(transport_port(parent));
}

static inline struct scene *open_scene(void)
{
    struct scene *scene = &scene_under_test;
    *scene = (struct scene){.timestamp_of_0 = UINT32_MAX - 50 * FRAME_SAMPLES_SHORT};
    heard_count = 0;
    scene->relay = open_bench(1);
    for (unsigned i = 0; i < PARENTS; i++) {
        struct transport_config config = {.workers = 1,
                                          .stages = 1,
                                          .srtp_engine = "auto",
                                          .identity = scene->relay->server_identity};
        assert_int_equal(transport_create(&scene->parents[i], &config), 0);
        assert_int_equal(transport_start(scene->parents[i]), 0);
        assert_int_equal(transport_open_room(scene->parents[i], ROOM), 0);
        way_open(&scene->ways[i], scene->parents[i]);
    }
    struct upstream_config config = {.transport = scene->relay->transport,
                                     .stage = 0,
                                     .identity = scene->relay->server_identity};
    assert_int_equal(upstream_create(&scene->upstream, &config), 0);
    assert_int_equal(upstream_start(scene->upstream), 0);
    scene->listener = join(scene->relay, SEAT_LISTENER);
    scene->listener->on_rtp = hear;
    return scene;
}

static inline void close_scene(struct scene *scene)
{
    upstream_stop(scene->upstream);
    upstream_destroy(scene->upstream);
    for (unsigned i = 0; i < PARENTS; i++) {
        transport_stop(scene->parents[i]);
        transport_destroy(scene->parents[i]);
        (void)close(scene->ways[i].fd);
    }
    close_bench(scene->relay);
}

/* What offer and answer would carry, for a relay's seat at that parent by way of its way. */
static inline struct upstream_parent ask_parent(struct scene *scene, unsigned at, uint32_t number)
{
    struct upstream_parent parent = {
        .number = number,
        .fingerprint = *dtls_identity_fingerprint(scene->relay->server_identity),
        .candidates = {scene->ways[at].own},
        .candidate_count = 1,
        .ssrc = 9000 + number,
        .opus_type = OPUS,
        .red_type = RED,
    };
    struct peer_order order = {
        .kind = SEAT_LISTENER,
        .room = ROOM,
        .dtls = DTLS_SERVER,
        .fingerprint = *dtls_identity_fingerprint(scene->relay->server_identity),
        .ssrc = parent.ssrc,
        .payload_type = OPUS,
        .red_type = RED,
        .is_relay = true,
    };
    upstream_credentials(&parent.local);
    order.id = peer_id_new(scene->parents[at], &order.local);
    parent.remote = credentials_of(&order.local);
    assert_int_equal(transport_add_peer(scene->parents[at], &order), 0);
    scene->ways[at].relay.port = 0;
    return parent;
}

static inline void follow(struct scene *scene, unsigned at, uint32_t number)
{
    struct upstream_parent parent = ask_parent(scene, at, number);
    assert_int_equal(upstream_follow(scene->upstream, ROOM, 0, &parent), 0);
}

/* ---- the loop ---- */

static inline bool loses(struct way *way)
{
    if (way->lose_one_in == 0)
        return false;
    way->random = way->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (way->random >> 33) % way->lose_one_in == 0;
}

static inline void send_on(const struct way *way, const struct address *to, const uint8_t *data,
                           size_t bytes)
{
    struct sockaddr_in target = {.sin_family = AF_INET, .sin_port = htons(to->port)};
    memcpy(&target.sin_addr, to->ip + 12, 4);
    (void)!sendto(way->fd, data, bytes, 0, (const struct sockaddr *)&target, sizeof(target));
}

static inline void run_way(struct way *way)
{
    uint8_t data[2048];
    struct sockaddr_in from;
    socklen_t from_bytes = sizeof(from);
    ssize_t got;
    while ((got = recvfrom(way->fd, data, sizeof(data), 0, (struct sockaddr *)&from, &from_bytes)) >
           0) {
        bool is_down = ntohs(from.sin_port) == way->parent.port;
        bool is_media = packet_kind(slice_of(data, (size_t)got)) == PACKET_RTP;
        if (!is_down)
            way->relay = loopback(ntohs(from.sin_port));
        if (way->is_cut || (is_down && way->relay.port == 0))
            continue;
        if (is_down && is_media && loses(way)) {
            way->lost++;
            continue;
        }
        way->passed += is_down && is_media;
        send_on(way, is_down ? &way->relay : &way->parent, data, (size_t)got);
    }
}

static inline void play_frame(struct scene *scene)
{
    static union {
        struct media_frame frame;
        uint8_t room[sizeof(struct media_frame) + PAYLOAD_BYTES];
    } made;
    uint32_t number = scene->next_number++;
    made.frame =
        (struct media_frame){.kind = MEDIA_PROGRAM,
                             .room = ROOM,
                             .made_us = clock_now_us(),
                             .timestamp = scene->timestamp_of_0 + number * FRAME_SAMPLES_SHORT,
                             .samples = FRAME_SAMPLES_SHORT,
                             .payload_bytes = PAYLOAD_BYTES};
    fill_payload(number, made.room + offsetof(struct media_frame, payload));
    for (unsigned i = 0; i < PARENTS; i++) {
        made.frame.index = PROGRAM_START * (i + 1) + number;
        transport_stage_send(scene->parents[i], 0, &made.frame);
        transport_stage_flush(scene->parents[i], 0);
    }
}

static inline void on_parent_event(void *ctx, const struct transport_event *event)
{
    if (event->kind == TRANSPORT_ROOM_COUNTS)
        *(struct transport_event *)ctx = *event;
}

static inline void on_upstream_event(void *ctx, const struct upstream_event *event)
{
    struct scene *scene = ctx;
    assert_int_equal(event->room, ROOM);
    switch (event->kind) {
    case UPSTREAM_CONNECTED:
        scene->connected[event->parent]++;
        return;
    case UPSTREAM_SOUND:
        scene->sound[event->parent]++;
        return;
    case UPSTREAM_SILENT:
        scene->silent[event->parent]++;
        return;
    case UPSTREAM_ENDED:
        scene->ended[event->parent]++;
        scene->cause[event->parent] = event->cause;
        return;
    case UPSTREAM_CLOSED:
        scene->closed++;
        scene->counts = *event;
        return;
    case UPSTREAM_COUNTS:
        scene->counts = *event;
        return;
    }
}

/* Plays what is due, like a stage: what was missed is caught up with. */
static inline void play(struct scene *scene)
{
    uint64_t now_us = clock_now_us();
    if (!scene->is_playing || now_us < scene->frame_due_us)
        return;
    play_frame(scene);
    scene->frame_due_us =
        scene->frame_due_us == 0 ? now_us + FRAME_US : scene->frame_due_us + FRAME_US;
}

static inline void pump_scene(struct scene *scene)
{
    struct pollfd fds[PARENTS + 3];
    nfds_t count = 0;
    for (unsigned i = 0; i < PARENTS; i++)
        fds[count++] = (struct pollfd){.fd = scene->ways[i].fd, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = scene->listener->fd, .events = POLLIN};
    fds[count++] = (struct pollfd){.fd = upstream_events_fd(scene->upstream), .events = POLLIN};
    fds[count++] =
        (struct pollfd){.fd = transport_events_fd(scene->relay->transport), .events = POLLIN};
    (void)poll(fds, count, 1);
    play(scene);
    for (unsigned i = 0; i < PARENTS; i++) {
        run_way(&scene->ways[i]);
        transport_drain(scene->parents[i], on_parent_event, &scene->parent_counts[i]);
    }
    read_client(scene->listener);
    (void)peer_tick(scene->listener->peer, clock_now_us());
    transport_drain(scene->relay->transport, on_event, scene->relay);
    upstream_drain(scene->upstream, on_upstream_event, scene);
}

#define PUMP_UNTIL(scene, condition)                                                               \
    do {                                                                                           \
        uint64_t give_up_us = clock_now_us() + PATIENCE_US;                                        \
        while (!(condition)) {                                                                     \
            pump_scene(scene);                                                                     \
            assert_true(clock_now_us() < give_up_us);                                              \
        }                                                                                          \
    } while (0)

#endif
