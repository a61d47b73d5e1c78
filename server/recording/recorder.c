#include "recording/recorder.h"

#include "base/clock.h"
#include "base/ring.h"
#include "base/thread.h"
#include "base/wake.h"
#include "recording/folder.h"
#include "recording/publication.h"
#include "recording/recorder_internal.h"
#include "recording/recording.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    CACHE_LINE_BYTES = 64,
    STAGES_MAX = 256,
    RECORDINGS_MAX = 256,            /* open at once */
    PACKETS_BYTES = 8 * 1024 * 1024, /* 10 s of 6 rooms of 10 hosts each: 130 kB/s a room */
    ENDS_BYTES = 16 * 1024,          /* 300 ends: there are never more rooms on a stage */
    ORDERS_BYTES = 256 * 1024,
    EVENTS_BYTES = 1024 * 1024,
    IDLE_MS = 500, /* the longest nap with open recordings: syncs and retries */
    FOLDER_MODE = 0750,
    NAME_BYTES_MAX = RECORDER_NAME_MAX * 4,
};

/* On a stage's packet ring; the packet's bytes follow. */
struct packet_record {
    struct track_packet packet; /* its data pointer is not used */
};

/* On a stage's ring of ends: of its own, for an end must get through when packets no longer do. */
struct end_record {
    uint64_t recording;
    uint64_t end_samples;
};

struct feed {
    _Alignas(CACHE_LINE_BYTES) struct ring *packets; /* owned; stage -> recorder */
    struct ring *ends;                               /* owned; stage -> recorder */
    bool pushed; /* the stage's: something to ring the bell for */
};

enum order_kind { ORDER_BEGIN, ORDER_FINISH, ORDER_NAME, ORDER_DELETE };

struct order {
    enum order_kind kind;
    uint32_t host;                  /* NAME */
    char name[NAME_BYTES_MAX + 1];  /* NAME */
    struct recording_params params; /* NAME, DELETE: only the number */
};

struct recorder {
    char folder[FOLDER_PATH_BYTES];
    unsigned stages;
    struct feed *feeds;  /* owned; one per stage, each on its own cache line */
    struct ring *orders; /* owned; control -> recorder */
    struct ring *events; /* owned; recorder -> control */
    struct wake bell;
    struct wake events_bell;
    struct thread thread;
    bool started;
    atomic_bool stopping;
    /* the thread's */
    struct recording_env env;
    unsigned recording_count;
    struct recording *recordings[RECORDINGS_MAX]; /* owned */
};

/* ---- events: recorder -> control ---- */

static bool emit(void *ctx, const struct recorder_event *event)
{
    struct recorder *recorder = ctx;
    size_t bytes =
        offsetof(struct recorder_event, stems) + event->stem_count * sizeof(event->stems[0]);
    if (ring_push(recorder->events, event, bytes) != 0)
        return false;
    wake_ring(&recorder->events_bell);
    return true;
}

int recorder_events_fd(const struct recorder *recorder)
{
    return recorder->events_bell.fd;
}

void recorder_drain(struct recorder *recorder,
                    void (*on_event)(void *ctx, const struct recorder_event *event), void *ctx)
{
    ASSERT_THREAD(THREAD_CONTROL);
    wake_hush(&recorder->events_bell);
    size_t bytes;
    const void *record;
    while ((record = ring_peek(recorder->events, &bytes)) != NULL) {
        struct recorder_event event = {0};
        memcpy(&event, record, bytes);
        ring_release(recorder->events);
        on_event(ctx, &event);
    }
}

/* ---- recordings (recorder thread) ---- */

static struct recording *find(const struct recorder *recorder, uint64_t number)
{
    for (unsigned i = 0; i < recorder->recording_count; i++)
        if (recorder->recordings[i]->params.recording == number)
            return recorder->recordings[i];
    return NULL;
}

static void refuse(struct recorder *recorder, uint64_t number, int error, int system_error)
{
    struct recorder_event event = {
        .kind = RECORDER_FAULT, .recording = number, .error = error, .system_error = system_error};
    (void)emit(recorder, &event);
}

static void forget(struct recorder *recorder, uint64_t number)
{
    for (unsigned i = 0; i < recorder->recording_count; i++) {
        if (recorder->recordings[i]->params.recording != number)
            continue;
        recording_destroy(recorder->recordings[i]);
        recorder->recordings[i] = recorder->recordings[--recorder->recording_count];
        return;
    }
}

static void forget_if_over(struct recorder *recorder, const struct recording *recording)
{
    if (recording->over)
        forget(recorder, recording->params.recording);
}

static struct recording *add(struct recorder *recorder, const struct recording_params *params)
{
    struct recording *recording = NULL;
    int err = recorder->recording_count < RECORDINGS_MAX ? 0 : ERR_FULL;
    if (err == 0)
        err = recording_create(&recording, &recorder->env, params);
    if (err != 0) {
        refuse(recorder, params->recording, err, 0);
        return NULL;
    }
    recorder->recordings[recorder->recording_count++] = recording;
    return recording;
}

static void begin(struct recorder *recorder, const struct recording_params *params, uint64_t now_us)
{
    if (find(recorder, params->recording)) {
        refuse(recorder, params->recording, ERR_EXIST, 0);
        return;
    }
    struct recording *recording = add(recorder, params);
    if (recording)
        recording_open(recording, now_us, clock_wall_ms());
}

static void finish(struct recorder *recorder, const struct recording_params *params,
                   uint64_t now_us)
{
    struct recording *recording = find(recorder, params->recording);
    if (recording && !recording->ending) {
        publication_begin(recording, recording->head_samples, now_us);
    } else if (!recording) {
        recording = add(recorder, params);
        if (!recording)
            return;
        publication_finish(recording, now_us);
    }
    forget_if_over(recorder, recording);
}

static void delete (struct recorder *recorder, uint64_t number)
{
    forget(recorder, number);
    int system_error = 0;
    int err = folder_remove(recorder->folder, number, &system_error);
    if (err != 0)
        refuse(recorder, number, err, system_error);
}

static void obey(struct recorder *recorder, const struct order *order, uint64_t now_us)
{
    struct recording *recording = find(recorder, order->params.recording);
    switch (order->kind) {
    case ORDER_BEGIN:
        begin(recorder, &order->params, now_us);
        break;
    case ORDER_FINISH:
        finish(recorder, &order->params, now_us);
        break;
    case ORDER_NAME:
        if (recording)
            recording_name_stem(recording, order->host, order->name);
        break;
    case ORDER_DELETE:
        delete (recorder, order->params.recording);
        break;
    }
}

/* ---- the loop (recorder thread) ---- */

/* One, so that however many there are, packets are taken between them. False: there was none. */
static bool take_order(struct recorder *recorder, uint64_t now_us)
{
    size_t bytes;
    const struct order *order = ring_peek(recorder->orders, &bytes);
    if (!order)
        return false;
    obey(recorder, order, now_us);
    ring_release(recorder->orders);
    return true;
}

static void drain_packets(struct recorder *recorder, struct feed *feed, uint64_t now_us)
{
    size_t bytes;
    const struct packet_record *record;
    while ((record = ring_peek(feed->packets, &bytes)) != NULL) {
        struct track_packet packet = record->packet;
        packet.data = (const uint8_t *)(record + 1);
        struct recording *recording = find(recorder, packet.recording);
        if (recording)
            recording_push(recording, &packet, now_us);
        ring_release(feed->packets);
    }
}

/* An end that can be seen was pushed behind all of its packets: those first. */
static void drain_feed(struct recorder *recorder, struct feed *feed, uint64_t now_us)
{
    size_t bytes;
    const struct end_record *end;
    while ((end = ring_peek(feed->ends, &bytes)) != NULL) {
        drain_packets(recorder, feed, now_us);
        struct recording *recording = find(recorder, end->recording);
        if (recording && !recording->ending) {
            publication_begin(recording, end->end_samples, now_us);
            forget_if_over(recorder, recording);
        }
        ring_release(feed->ends);
    }
    drain_packets(recorder, feed, now_us);
}

static void tick(struct recorder *recorder, uint64_t now_us)
{
    /* backwards: forgetting moves the last one into the gap */
    for (unsigned i = recorder->recording_count; i-- > 0;) {
        struct recording *recording = recorder->recordings[i];
        if (recording->ending && recording->opened)
            publication_tick(recording, now_us);
        else
            recording_tick(recording, now_us, clock_wall_ms());
        forget_if_over(recorder, recording);
    }
}

static void drain_all(struct recorder *recorder)
{
    bool obeyed;
    do {
        uint64_t now_us = clock_now_us();
        obeyed = take_order(recorder, now_us);
        for (unsigned i = 0; i < recorder->stages; i++)
            drain_feed(recorder, &recorder->feeds[i], now_us);
        tick(recorder, now_us);
    } while (obeyed);
}

static void run(void *arg)
{
    struct recorder *recorder = arg;
    while (!atomic_load(&recorder->stopping)) {
        struct pollfd bell = {.fd = recorder->bell.fd, .events = POLLIN};
        (void)poll(&bell, 1, recorder->recording_count > 0 ? IDLE_MS : -1);
        wake_hush(&recorder->bell);
        drain_all(recorder);
    }
    drain_all(recorder); /* the stages have stopped: this is the rest */
    while (recorder->recording_count > 0) {
        recording_park(recorder->recordings[0]);
        forget(recorder, recorder->recordings[0]->params.recording);
    }
}

/* ---- packets: stages -> recorder ---- */

void recorder_push(struct recorder *recorder, unsigned stage, const struct track_packet *packet)
{
    ASSERT_THREAD(THREAD_STAGE);
    struct feed *feed = &recorder->feeds[stage];
    if (packet->bytes == 0 || packet->bytes > RECORDER_PACKET_MAX)
        return;
    feed->pushed = true; /* even if there is no room: then the recorder had better wake up */
    struct packet_record *record = ring_reserve(feed->packets, sizeof(*record) + packet->bytes);
    if (!record)
        return; /* counted by the ring; the hole will be filled */
    record->packet = *packet;
    memcpy(record + 1, packet->data, packet->bytes);
    ring_commit(feed->packets, sizeof(*record) + packet->bytes);
}

void recorder_push_end(struct recorder *recorder, unsigned stage, uint64_t recording,
                       uint64_t end_samples)
{
    ASSERT_THREAD(THREAD_STAGE);
    const struct end_record end = {.recording = recording, .end_samples = end_samples};
    struct feed *feed = &recorder->feeds[stage];
    feed->pushed = true;
    (void)!ring_push(feed->ends, &end, sizeof(end));
}

void recorder_flush(struct recorder *recorder, unsigned stage)
{
    ASSERT_THREAD(THREAD_STAGE);
    struct feed *feed = &recorder->feeds[stage];
    if (feed->pushed)
        wake_ring(&recorder->bell);
    feed->pushed = false;
}

uint64_t recorder_dropped_packets(const struct recorder *recorder)
{
    uint64_t packets = 0;
    for (unsigned i = 0; i < recorder->stages; i++)
        packets += ring_refused(recorder->feeds[i].packets);
    return packets;
}

/* ---- orders: control -> recorder ---- */

static int push_order(struct recorder *recorder, const struct order *order)
{
    ASSERT_THREAD(THREAD_CONTROL);
    int err = ring_push(recorder->orders, order, sizeof(*order));
    if (err == 0)
        wake_ring(&recorder->bell);
    return err;
}

int recorder_begin(struct recorder *recorder, const struct recording_params *params)
{
    struct order order = {.kind = ORDER_BEGIN, .params = *params};
    return push_order(recorder, &order);
}

int recorder_finish(struct recorder *recorder, const struct recording_params *params)
{
    struct order order = {.kind = ORDER_FINISH, .params = *params};
    return push_order(recorder, &order);
}

int recorder_name_stem(struct recorder *recorder, uint64_t recording, uint32_t host,
                       const char *name)
{
    struct order order = {.kind = ORDER_NAME, .host = host, .params = {.recording = recording}};
    size_t bytes = strlen(name);
    if (host == RECORDER_PROGRAM || bytes > NAME_BYTES_MAX)
        return ERR_INVAL;
    memcpy(order.name, name, bytes);
    return push_order(recorder, &order);
}

int recorder_delete(struct recorder *recorder, uint64_t recording)
{
    struct order order = {.kind = ORDER_DELETE, .params = {.recording = recording}};
    return push_order(recorder, &order);
}

/* ---- life ---- */

static int create_feeds(struct recorder *recorder, unsigned stages)
{
    recorder->feeds = aligned_alloc(CACHE_LINE_BYTES, stages * sizeof(*recorder->feeds));
    if (!recorder->feeds)
        return ERR_NOMEM;
    memset(recorder->feeds, 0, stages * sizeof(*recorder->feeds));
    recorder->stages = stages;
    int err = 0;
    for (unsigned i = 0; err == 0 && i < stages; i++) {
        err = ring_create(&recorder->feeds[i].packets, PACKETS_BYTES);
        if (err == 0)
            err = ring_create(&recorder->feeds[i].ends, ENDS_BYTES);
    }
    return err;
}

static int create_inside(struct recorder *recorder, unsigned stages)
{
    if (mkdir(recorder->folder, FOLDER_MODE) != 0 && errno != EEXIST)
        return ERR_IO;
    int err = create_feeds(recorder, stages);
    if (err == 0)
        err = ring_create(&recorder->orders, ORDERS_BYTES);
    if (err == 0)
        err = ring_create(&recorder->events, EVENTS_BYTES);
    if (err == 0)
        err = wake_init(&recorder->bell);
    if (err == 0)
        err = wake_init(&recorder->events_bell);
    return err;
}

int recorder_create(struct recorder **out, const char *folder, unsigned stages)
{
    if (stages == 0 || stages > STAGES_MAX || strlen(folder) >= FOLDER_PATH_BYTES)
        return ERR_INVAL;
    struct recorder *recorder = calloc(1, sizeof(*recorder));
    if (!recorder)
        return ERR_NOMEM;
    memcpy(recorder->folder, folder, strlen(folder) + 1);
    recorder->bell.fd = -1;
    recorder->events_bell.fd = -1;
    recorder->env = (struct recording_env){
        .folder = recorder->folder, .disk = disk_system(), .emit = emit, .ctx = recorder};
    int err = create_inside(recorder, stages);
    if (err != 0) {
        recorder_destroy(recorder);
        return err;
    }
    *out = recorder;
    return 0;
}

void recorder_destroy(struct recorder *recorder)
{
    if (!recorder)
        return;
    recorder_stop(recorder);
    for (unsigned i = 0; i < recorder->stages; i++) {
        ring_destroy(recorder->feeds[i].packets);
        ring_destroy(recorder->feeds[i].ends);
    }
    free(recorder->feeds);
    ring_destroy(recorder->orders);
    ring_destroy(recorder->events);
    wake_clear(&recorder->bell);
    wake_clear(&recorder->events_bell);
    free(recorder);
}

int recorder_start(struct recorder *recorder)
{
    atomic_store(&recorder->stopping, false);
    int err = thread_start(&recorder->thread, "recorder", THREAD_RECORDER, run, recorder);
    recorder->started = err == 0;
    return err;
}

void recorder_stop(struct recorder *recorder)
{
    if (!recorder->started)
        return;
    atomic_store(&recorder->stopping, true);
    wake_ring(&recorder->bell);
    thread_join(&recorder->thread);
    recorder->started = false;
}

void recorder_use_disk(struct recorder *recorder, const struct disk *disk)
{
    recorder->env.disk = disk;
}

int recorder_file_path(const struct recorder *recorder, uint64_t recording, uint32_t track,
                       char *out, unsigned out_bytes)
{
    return folder_file(recorder->folder, recording, track, out, out_bytes);
}
