#include "keeper.h"

#include "cli.h"

#include "base/random.h"
#include "rostrum/ogg_opus.h"
#include "rostrum/opus_frame.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    WAITING_MAX = 64, /* power of two, more than KEEPER_HOLD */
    PACKET_MAX = 1500,
    TAGS_BYTES = 256,
    PAGE_SAMPLES = 9600,
    FILL_MAX_SAMPLES = 48000 * 60,
};

struct waiting {
    uint64_t ext_seq;
    uint32_t timestamp;
    uint32_t bytes; /* 0: empty */
    uint8_t data[PACKET_MAX];
};

struct keeper {
    FILE *file;
    bool failed;
    bool started;
    bool restarted; /* the next packet says where time goes on */
    uint64_t next_seq, highest_seq;
    uint32_t next_timestamp;
    uint8_t toc;
    int64_t page_granule; /* at the start of the pending page */
    struct waiting waiting[WAITING_MAX];
    struct ogg_opus_writer writer;
    uint8_t out[OGG_PAGE_BYTES_MAX];
};

static void put(struct keeper *keeper, const struct writer *out)
{
    if (keeper->failed || out->at == 0)
        return;
    if (fwrite(out->data, 1, out->at, keeper->file) == out->at)
        return;
    keeper->failed = true;
    (void)cli_fail("cannot write the recording: %s", strerror(errno));
}

static void flush_page(struct keeper *keeper)
{
    struct writer out = writer_of(keeper->out, sizeof(keeper->out));
    if (ogg_opus_writer_flush(&keeper->writer, &out) == 0)
        put(keeper, &out);
    keeper->page_granule = keeper->writer.granule;
}

int keeper_open(struct keeper **out, const char *path)
{
    struct keeper *keeper = calloc(1, sizeof(*keeper));
    if (keeper == NULL)
        return ERR_NOMEM;
    keeper->file = fopen(path, "wbe");
    if (keeper->file == NULL) {
        (void)cli_fail("cannot write %s: %s", path, strerror(errno));
        free(keeper);
        return ERR_IO;
    }
    uint32_t serial = random_u32();
    struct ogg_opus_head head = {
        .channels = 2, .pre_skip_samples = OGG_PRE_SKIP_CUT, .input_rate_hz = OPUS_RATE_HZ};
    struct ogg_opus_tags tags = {.vendor = slice_text("rostrum " ROSTRUM_VERSION)};
    struct writer bytes = writer_of(keeper->out, sizeof(keeper->out));
    ogg_opus_writer_init(&keeper->writer, serial, 2, 0);
    int err = ogg_opus_header_write(serial, &head, &tags, TAGS_BYTES, &bytes);
    if (err != 0) {
        (void)fclose(keeper->file);
        free(keeper);
        return err;
    }
    put(keeper, &bytes);
    *out = keeper;
    return 0;
}

static void write_packet(struct keeper *keeper, struct slice opus)
{
    int err = ogg_opus_writer_add(&keeper->writer, opus);
    if (err == ERR_FULL) {
        flush_page(keeper);
        err = ogg_opus_writer_add(&keeper->writer, opus);
    }
    if (err == 0 && keeper->writer.granule - keeper->page_granule >= PAGE_SAMPLES)
        flush_page(keeper);
}

/* Time that no packet covers, up to a minute: a longer hole is another source's clock. */
static void write_fillers(struct keeper *keeper, uint32_t samples)
{
    if (samples > FILL_MAX_SAMPLES)
        return;
    while (samples > 0) {
        uint8_t data[OPUS_FILLER_BYTES_MAX];
        struct writer out = writer_of(data, sizeof(data));
        unsigned covered;
        if (opus_frame_filler(keeper->toc, samples, &out, &covered) != 0)
            return;
        write_packet(keeper, writer_slice(&out));
        samples -= covered;
    }
}

static void write_waiting(struct keeper *keeper, const struct waiting *packet)
{
    struct slice opus = slice_of(packet->data, packet->bytes);
    int samples = opus_frame_samples(opus);
    if (samples < 0)
        return;
    if (keeper->started && !keeper->restarted) {
        uint32_t missing = packet->timestamp - keeper->next_timestamp;
        if (missing < 0x80000000u && missing % 120 == 0)
            write_fillers(keeper, missing);
    }
    keeper->toc = packet->data[0];
    keeper->started = true;
    keeper->restarted = false;
    keeper->next_timestamp = packet->timestamp + (uint32_t)samples;
    write_packet(keeper, opus);
}

/* Writes in order up to, not including, `until`; what is not there is passed over. */
static void write_until(struct keeper *keeper, uint64_t until)
{
    for (; keeper->next_seq < until; keeper->next_seq++) {
        struct waiting *packet = &keeper->waiting[keeper->next_seq % WAITING_MAX];
        if (packet->bytes > 0 && packet->ext_seq == keeper->next_seq)
            write_waiting(keeper, packet);
        packet->bytes = 0;
    }
}

void keeper_push(struct keeper *keeper, uint64_t ext_seq, uint32_t timestamp, struct slice opus)
{
    if (opus.bytes == 0 || opus.bytes > PACKET_MAX)
        return;
    if (keeper->highest_seq == 0)
        keeper->next_seq = ext_seq;
    if (ext_seq < keeper->next_seq)
        return; /* its place was written already */
    if (ext_seq >= keeper->next_seq + KEEPER_HOLD)
        write_until(keeper, ext_seq - KEEPER_HOLD + 1);
    struct waiting *packet = &keeper->waiting[ext_seq % WAITING_MAX];
    packet->ext_seq = ext_seq;
    packet->timestamp = timestamp;
    packet->bytes = (uint32_t)opus.bytes;
    memcpy(packet->data, opus.data, opus.bytes);
    if (ext_seq > keeper->highest_seq)
        keeper->highest_seq = ext_seq;
    /* Whatever is in order now need not wait. */
    while (keeper->waiting[keeper->next_seq % WAITING_MAX].bytes > 0 &&
           keeper->waiting[keeper->next_seq % WAITING_MAX].ext_seq == keeper->next_seq)
        write_until(keeper, keeper->next_seq + 1);
}

void keeper_restart(struct keeper *keeper)
{
    if (keeper == NULL || keeper->highest_seq == 0)
        return;
    write_until(keeper, keeper->highest_seq + 1);
    keeper->highest_seq = 0;
    keeper->restarted = true;
}

int keeper_close(struct keeper *keeper)
{
    if (keeper == NULL)
        return 0;
    keeper_restart(keeper);
    struct writer out = writer_of(keeper->out, sizeof(keeper->out));
    if (ogg_opus_writer_end(&keeper->writer, -1, &out) == 0)
        put(keeper, &out);
    if (fclose(keeper->file) != 0 && !keeper->failed) {
        keeper->failed = true;
        (void)cli_fail("cannot write the recording: %s", strerror(errno));
    }
    bool failed = keeper->failed;
    free(keeper);
    return failed ? ERR_IO : 0;
}
