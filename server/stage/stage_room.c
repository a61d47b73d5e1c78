#include "stage/stage_room.h"

#include "base/random.h"
#include "base/thread.h"
#include "recording/recorder.h"
#include "stage/encoder.h"
#include "stage/limiter.h"
#include "stage/meter.h"
#include "stage/mixer.h"
#include "stage/packer.h"
#include "transport/media.h"
#include "transport/transport.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A frame under construction, header and payload in one piece. */
struct outgoing {
    _Alignas(struct media_frame) uint8_t bytes[sizeof(struct media_frame) + ENCODER_BYTES_MAX];
};

struct stage_host {
    struct stage_host_params params;
    struct voice *voice;  /* owned */
    struct encoder *feed; /* owned; rests while this host gets what everybody gets */
    bool has_own_feed;    /* `feed` served the last tick */
    struct limiter limiter;
    struct meter meter;
    uint64_t feed_index;
    uint32_t feed_timestamp;
    unsigned arriving_ticks; /* left until this host counts as gone silent */
    unsigned packets;        /* in this tick */
    uint64_t stem_end;       /* position behind the last packet of the stem */
};

struct stage_room {
    struct stage_room_params params;
    unsigned channels;
    unsigned host_count;
    struct stage_host *hosts[STAGE_HOSTS_MAX]; /* owned; NULL: free place */
    struct mixer mixer;
    struct limiter limiter;
    struct encoder *program;   /* owned */
    struct encoder *recording; /* owned */
    struct packer *packer;     /* owned; the program's last station */
    bool is_live;
    uint64_t recording_id;
    uint64_t position;   /* of this tick in the recording */
    uint64_t stem_floor; /* behind the stems of hosts that left: they may come back */
    uint32_t program_timestamp;
    unsigned levels_ticks;
    struct outgoing everybody; /* the program's packet of this tick */
    struct outgoing own;       /* a mix-minus packet */
    int32_t sum[MIXER_VALUES_MAX];
    int16_t pcm[MIXER_VALUES_MAX];
    uint8_t packet[ENCODER_BYTES_MAX];
    struct voice_frame frame;
};

/* ---- made and unmade ---- */

int stage_host_create(struct stage_host **out, unsigned channels)
{
    struct stage_host *host = calloc(1, sizeof(*host));
    if (!host)
        return ERR_NOMEM;
    int err = voice_create(&host->voice, channels);
    if (!err)
        err = encoder_create(&host->feed, ENCODER_FEED, channels, ENCODER_FEED_BPS);
    if (err) {
        stage_host_destroy(host);
        return err;
    }
    meter_init(&host->meter);
    limiter_init(&host->limiter, channels);
    *out = host;
    return 0;
}

void stage_host_destroy(struct stage_host *host)
{
    if (!host)
        return;
    voice_destroy(host->voice);
    encoder_destroy(host->feed);
    free(host);
}

int stage_room_create(struct stage_room **out, const struct stage_room_params *params)
{
    struct stage_room *room = calloc(1, sizeof(*room));
    if (!room)
        return ERR_NOMEM;
    room->params = *params;
    room->channels = params->stereo ? 2 : 1;
    int err = encoder_create(&room->program, ENCODER_PROGRAM, room->channels, params->program_bps);
    if (!err)
        err = encoder_create(&room->recording, ENCODER_RECORDING, room->channels,
                             params->recording_bps);
    if (!err)
        err = packer_create(&room->packer);
    if (err) {
        stage_room_destroy(room);
        return err;
    }
    mixer_init(&room->mixer, room->channels);
    limiter_init(&room->limiter, room->channels);
    room->program_timestamp = random_u32();
    *out = room;
    return 0;
}

void stage_room_destroy(struct stage_room *room)
{
    if (!room)
        return;
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++)
        stage_host_destroy(room->hosts[i]);
    encoder_destroy(room->program);
    encoder_destroy(room->recording);
    packer_destroy(room->packer);
    free(room);
}

uint32_t stage_room_id(const struct stage_room *room)
{
    return room->params.room;
}

bool stage_room_has_hosts(const struct stage_room *room)
{
    return room->host_count > 0;
}

/* ---- orders ---- */

static struct stage_host *find_host(const struct stage_room *room, uint32_t id)
{
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++)
        if (room->hosts[i] && room->hosts[i]->params.host == id)
            return room->hosts[i];
    return NULL;
}

static struct stage_host *place_host(struct stage_room *room, struct stage_host *fresh)
{
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++) {
        if (room->hosts[i])
            continue;
        room->hosts[i] = fresh;
        room->host_count++;
        fresh->stem_end = room->stem_floor;
        return fresh;
    }
    return NULL;
}

void stage_room_set_host(struct stage_room *room, const struct stage_host_params *params,
                         struct stage_host *fresh, uint32_t timestamp)
{
    ASSERT_THREAD(THREAD_STAGE);
    struct stage_host *host = find_host(room, params->host);
    bool is_new = !host;
    if (host)
        stage_host_destroy(fresh);
    else if (fresh)
        host = place_host(room, fresh);
    assert(host); /* control counts the places */
    if (is_new || host->params.peer != params->peer) {
        host->feed_index = 0;
        host->feed_timestamp = timestamp;
        host->has_own_feed = false;
        host->arriving_ticks = 0;
        is_new = true;
    }
    /* A voice that was not agreed to was not decoded either: it starts where it is now. */
    if (is_new || host->params.agreed != params->agreed ||
        host->params.payload_type != params->payload_type ||
        host->params.red_type != params->red_type) {
        voice_reset(host->voice, params->payload_type, params->red_type);
        meter_init(&host->meter);
    }
    host->params = *params;
}

void stage_room_remove_host(struct stage_room *room, uint32_t host)
{
    ASSERT_THREAD(THREAD_STAGE);
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++) {
        struct stage_host *gone = room->hosts[i];
        if (!gone || gone->params.host != host)
            continue;
        if (gone->stem_end > room->stem_floor)
            room->stem_floor = gone->stem_end;
        room->hosts[i] = NULL;
        room->host_count--;
        stage_host_destroy(gone);
    }
}

void stage_room_set_muted(struct stage_room *room, uint32_t host, bool muted)
{
    struct stage_host *found = find_host(room, host);
    if (found)
        found->params.muted = muted;
}

void stage_room_go_live(struct stage_room *room, uint64_t recording, uint64_t start_samples)
{
    ASSERT_THREAD(THREAD_STAGE);
    if (room->is_live)
        return;
    room->is_live = true;
    room->recording_id = recording;
    room->position = start_samples;
    room->stem_floor = start_samples;
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++)
        if (room->hosts[i])
            room->hosts[i]->stem_end = start_samples;
    encoder_restart(room->recording);
}

static void send_program(const void *ctx, const struct media_frame *packet)
{
    const struct stage_io *io = ctx;
    transport_stage_send(io->transport, io->stage, packet);
}

/* Nothing waits in the packer when economy begins, and what waits when it ends goes out first: so rate
 * and length of the packets change together. */
void stage_room_set_economy(struct stage_room *room, bool is_economy, const struct stage_io *io)
{
    ASSERT_THREAD(THREAD_STAGE);
    const struct stage_room_params *params = &room->params;
    bool is_lower = is_economy && params->economy_bps < params->program_bps;
    encoder_set_bps(room->program, is_lower ? params->economy_bps : params->program_bps);
    packer_set_frames(room->packer, is_economy ? PACKER_FRAMES_MAX : 1, send_program, io);
}

void stage_room_end(struct stage_room *room, const struct stage_io *io)
{
    ASSERT_THREAD(THREAD_STAGE);
    if (!room->is_live)
        return;
    room->is_live = false;
    packer_flush(room->packer, send_program, io);
    recorder_push_end(io->recorder, io->stage, room->recording_id, room->position);
}

void stage_room_set_loss(struct stage_room *room, uint32_t loss_permille)
{
    encoder_set_loss(room->program, loss_permille);
}

/* ---- packets ---- */

void stage_room_receive(struct stage_room *room, const struct host_packet *packet,
                        const struct stage_io *io)
{
    struct stage_host *host = find_host(room, packet->host);
    if (!host || host->params.peer != packet->peer)
        return;
    if (++host->packets > STAGE_HOST_PACKETS_TICK) {
        io->counts->bad++;
        return;
    }
    host->arriving_ticks = STAGE_ARRIVING_TICKS;
    if (host->params.agreed)
        voice_receive(host->voice, slice_of(packet->rtp, packet->rtp_bytes), io->counts);
}

void stage_room_skip(struct stage_room *room, uint64_t ticks)
{
    uint64_t samples = ticks * FRAME_SAMPLES;
    room->program_timestamp += (uint32_t)samples;
    if (room->is_live)
        room->position += samples;
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++) {
        if (!room->hosts[i])
            continue;
        room->hosts[i]->feed_timestamp += (uint32_t)samples;
        voice_resync(room->hosts[i]->voice);
    }
}

/* ---- the tick ---- */

static void push_stem(struct stage_room *room, struct stage_host *host, const struct stage_io *io)
{
    for (unsigned i = 0; i < room->frame.packet_count; i++) {
        const struct voice_packet *packet = &room->frame.packets[i];
        uint64_t position = room->position + packet->offset_samples;
        if (position < host->stem_end)
            continue;
        host->stem_end = position + packet->samples;
        recorder_push(io->recorder, io->stage,
                      &(struct track_packet){.recording = room->recording_id,
                                             .position_samples = position,
                                             .track = host->params.host,
                                             .samples = packet->samples,
                                             .bytes = (uint32_t)packet->data.bytes,
                                             .data = packet->data.data});
    }
}

static void mix_hosts(struct stage_room *room, const struct stage_io *io)
{
    mixer_begin(&room->mixer);
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++) {
        struct stage_host *host = room->hosts[i];
        if (!host)
            continue;
        host->packets = 0;
        if (host->arriving_ticks > 0)
            host->arriving_ticks--;
        const int16_t *pcm = NULL;
        if (host->params.agreed) {
            /* A muted voice goes on unheard, so that its buffer stands right when it returns. */
            voice_tick(host->voice, io->counts, &room->frame);
            if (!host->params.muted)
                pcm = room->frame.pcm;
        }
        meter_add(&host->meter, pcm, room->mixer.values);
        if (!pcm)
            continue;
        mixer_add(&room->mixer, i, pcm);
        if (room->is_live)
            push_stem(room, host, io);
    }
}

static bool is_heard(const struct stage_host *host)
{
    return host->params.agreed && !host->params.muted && meter_has_sound(&host->meter);
}

static struct media_frame *frame_of(struct outgoing *outgoing)
{
    return (struct media_frame *)(void *)outgoing->bytes;
}

static void start_frame(struct stage_room *room, struct outgoing *outgoing, uint64_t now_us,
                        size_t payload_bytes)
{
    struct media_frame *frame = frame_of(outgoing);
    frame->room = room->params.room;
    frame->made_us = now_us;
    frame->samples = FRAME_SAMPLES;
    frame->payload_bytes = (uint32_t)payload_bytes;
}

static bool needs_program(const struct stage_room *room)
{
    if (room->is_live)
        return true;
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++)
        if (room->hosts[i] && !is_heard(room->hosts[i]))
            return true;
    return false;
}

/* The mix of all: encoded once for the audience and for those hosts who are not in it themselves,
 * and once more for the recording. */
static void make_program(struct stage_room *room, const struct stage_io *io, uint64_t now_us)
{
    limiter_run(&room->limiter, mixer_program(&room->mixer), room->pcm);
    if (!needs_program(room))
        return;
    struct media_frame *frame = frame_of(&room->everybody);
    start_frame(room, &room->everybody, now_us,
                encoder_encode(room->program, room->pcm, frame->payload));
    if (!room->is_live)
        return;
    frame->kind = MEDIA_PROGRAM;
    frame->peer = 0;
    frame->timestamp = room->program_timestamp;
    packer_push(room->packer, frame, send_program, io);
    size_t bytes = encoder_encode(room->recording, room->pcm, room->packet);
    recorder_push(io->recorder, io->stage,
                  &(struct track_packet){.recording = room->recording_id,
                                         .position_samples = room->position,
                                         .track = RECORDER_PROGRAM,
                                         .samples = FRAME_SAMPLES,
                                         .bytes = (uint32_t)bytes,
                                         .data = room->packet});
}

/* Everybody but this host, from its own encoder. */
static struct media_frame *make_feed(struct stage_room *room, unsigned place, uint64_t now_us)
{
    struct stage_host *host = room->hosts[place];
    if (!host->has_own_feed) {
        encoder_restart(host->feed);
        limiter_init(&host->limiter, room->channels);
        host->has_own_feed = true;
    }
    mixer_minus(&room->mixer, place, room->sum);
    limiter_run(&host->limiter, room->sum, room->pcm);
    start_frame(room, &room->own, now_us,
                encoder_encode(host->feed, room->pcm, frame_of(&room->own)->payload));
    return frame_of(&room->own);
}

/* 20 ms of silence, which costs nothing. */
static struct media_frame *make_silence(struct stage_room *room, uint64_t now_us)
{
    start_frame(room, &room->own, now_us,
                encoder_silence(room->channels, frame_of(&room->own)->payload));
    return frame_of(&room->own);
}

static unsigned count_heard(const struct stage_room *room)
{
    unsigned count = 0;
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++)
        count += room->hosts[i] && is_heard(room->hosts[i]);
    return count;
}

/* Who is heard gets all others; when none of them is heard, as it is most of the time while one
 * speaks, there is nothing to encode. Who is not heard gets what everybody gets. */
static void send_feeds(struct stage_room *room, const struct stage_io *io, uint64_t now_us)
{
    unsigned heard = count_heard(room);
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++) {
        struct stage_host *host = room->hosts[i];
        if (!host)
            continue;
        struct media_frame *frame = frame_of(&room->everybody);
        bool needs_own = is_heard(host) && heard > 1;
        if (needs_own)
            frame = make_feed(room, i, now_us);
        else if (is_heard(host))
            frame = make_silence(room, now_us);
        host->has_own_feed = needs_own;
        frame->kind = MEDIA_HOST;
        frame->peer = host->params.peer;
        frame->index = host->feed_index++;
        frame->timestamp = host->feed_timestamp;
        host->feed_timestamp += FRAME_SAMPLES;
        transport_stage_send(io->transport, io->stage, frame);
    }
}

void stage_room_tick(struct stage_room *room, const struct stage_io *io, uint64_t now_us)
{
    ASSERT_THREAD(THREAD_STAGE);
    if (room->is_live || room->host_count > 0) {
        mix_hosts(room, io);
        make_program(room, io, now_us);
        send_feeds(room, io, now_us);
    }
    room->program_timestamp += FRAME_SAMPLES;
    if (room->is_live)
        room->position += FRAME_SAMPLES;
}

bool stage_room_levels(struct stage_room *room, struct stage_event *out)
{
    if (room->host_count == 0 || ++room->levels_ticks < STAGE_LEVELS_TICKS)
        return false;
    room->levels_ticks = 0;
    out->kind = STAGE_LEVELS;
    out->room = room->params.room;
    out->late_us = 0;
    out->level_count = 0;
    for (unsigned i = 0; i < STAGE_HOSTS_MAX; i++) {
        struct stage_host *host = room->hosts[i];
        if (!host)
            continue;
        out->levels[out->level_count++] =
            (struct stage_level){.host = host->params.host,
                                 .level_dbov = meter_take(&host->meter),
                                 .speaking = meter_is_speaking(&host->meter),
                                 .arriving = host->arriving_ticks > 0};
    }
    return true;
}
