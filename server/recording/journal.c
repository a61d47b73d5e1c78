#include "recording/journal.h"

#include "base/random.h"
#include "recording/tail.h"
#include "rostrum/opus_frame.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
    FILE_MODE = 0640,
    /* Two of these make a page of fillers, whatever frame size they have. */
    FILLER_SAMPLES = JOURNAL_PAGE_SAMPLES / 2,
    TOC_SILENCE_MONO = 0xF8, /* RFC 6716 section 3.1: CELT, full band, 20 ms, mono, one frame */
    TOC_STEREO = 0x04,
    TOC_CODE_3 = 0x03,
    SILENT_FRAME_SAMPLES = 960,
    SILENT_FRAME = 0xFFFE,                    /* RFC 6716 section 4.3: the silence flag is set */
    CONCEALED_SAMPLES = JOURNAL_PAGE_SAMPLES, /* longer holes turn silent */
    TAG_BYTES_MAX = 1024,                     /* NAME=value */
    HEADER_BYTES_MAX = JOURNAL_TAGS_BYTES + 512,
};
#define ENCODER "Rostrum " ROSTRUM_VERSION

static int fail(struct journal *journal, int system_error)
{
    journal->system_error = system_error;
    return ERR_IO;
}

/* ---- pages ---- */

/* Gives up what is in memory and goes back to the last page that is whole on disk. */
static void rewind_to_written(struct journal *journal)
{
    journal->out_bytes = 0;
    journal->granule_staged = journal->granule_written;
    journal->page_seq_staged = journal->page_seq_written;
    ogg_opus_writer_init(&journal->writer, journal->serial, journal->page_seq_written,
                         journal->granule_written);
}

static int write_out(struct journal *journal)
{
    if (journal->out_bytes == 0)
        return 0;
    int error =
        journal->disk->write_at(journal->disk->ctx, journal->fd,
                                slice_of(journal->out, journal->out_bytes), journal->file_bytes);
    if (error != 0) {
        /* If even cutting fails: later pages start at the same offset, and recovery finds the last.
         */
        int ignored = ftruncate(journal->fd, (off_t)journal->file_bytes);
        (void)ignored;
        journal->failed = true;
        rewind_to_written(journal);
        return fail(journal, error);
    }
    journal->file_bytes += journal->out_bytes;
    journal->granule_written = journal->granule_staged;
    journal->page_seq_written = journal->page_seq_staged;
    journal->out_bytes = 0;
    journal->dirty = true;
    return 0;
}

/* Moves the page being collected to `out`; writes `out` first when it has no room for it. */
static int stage_page(struct journal *journal)
{
    struct writer out =
        writer_of(journal->out + journal->out_bytes, sizeof(journal->out) - journal->out_bytes);
    int err = ogg_opus_writer_flush(&journal->writer, &out);
    if (err == ERR_FULL && journal->out_bytes > 0) {
        err = write_out(journal);
        if (err != 0)
            return err;
        out = writer_of(journal->out, sizeof(journal->out));
        err = ogg_opus_writer_flush(&journal->writer, &out);
    }
    if (err != 0)
        return err;
    journal->out_bytes += out.at;
    journal->granule_staged = journal->writer.granule;
    journal->page_seq_staged = journal->writer.page_seq;
    return 0;
}

static int64_t page_samples(const struct journal *journal)
{
    return journal->writer.granule - journal->granule_staged;
}

/* Collects a packet; stages the page before it when it is full. */
static int add(struct journal *journal, struct slice packet)
{
    int samples = opus_frame_samples(packet);
    if (samples < 0)
        return ERR_PROTO;
    int err = 0;
    if (page_samples(journal) + samples > JOURNAL_PAGE_SAMPLES)
        err = stage_page(journal);
    if (err == 0)
        err = ogg_opus_writer_add(&journal->writer, packet);
    if (err == ERR_FULL) {
        err = stage_page(journal);
        if (err == 0)
            err = ogg_opus_writer_add(&journal->writer, packet);
    }
    if (err != 0)
        return err;
    journal->toc = packet.data[0];
    journal->has_toc = true;
    journal->last_packet_samples = (unsigned)samples;
    return 0;
}

/* After each addition: a page that is full goes to the file at once. */
static int settle(struct journal *journal)
{
    if (page_samples(journal) >= JOURNAL_PAGE_SAMPLES) {
        int err = stage_page(journal);
        if (err != 0)
            return err;
    }
    return write_out(journal);
}

/* ---- silence ---- */

static uint8_t filler_toc(const struct journal *journal)
{
    if (journal->has_toc)
        return journal->toc;
    return journal->head.channels == 2 ? TOC_SILENCE_MONO | TOC_STEREO : TOC_SILENCE_MONO;
}

/* Adds a packet that stands for none: what comes later still looks like the track's last real one. */
static int add_filling(struct journal *journal, struct slice packet)
{
    uint8_t toc = filler_toc(journal);
    int err = add(journal, packet);
    journal->toc = toc;
    return err;
}

/* Concealed by the decoder: at most `samples`, a multiple of the smallest frame. */
static int add_concealed(struct journal *journal, uint8_t toc, unsigned samples)
{
    uint8_t packet[OPUS_FILLER_BYTES_MAX];
    struct writer out = writer_of(packet, sizeof(packet));
    unsigned covered;
    int err = opus_frame_filler(toc, samples, &out, &covered);
    return err == 0 ? add_filling(journal, writer_slice(&out)) : err;
}

/* Digital silence: concealment after loud sound would hum on for as long as the hole lasts. */
static int add_silent(struct journal *journal, unsigned samples)
{
    unsigned frames = samples / SILENT_FRAME_SAMPLES;
    if (frames == 0)
        return add_concealed(journal, TOC_SILENCE_MONO, samples); /* of silence */
    uint8_t packet[2 + 2 * FILLER_SAMPLES / SILENT_FRAME_SAMPLES];
    struct writer out = writer_of(packet, sizeof(packet));
    writer_u8(&out, TOC_SILENCE_MONO | TOC_CODE_3);
    writer_u8(&out, (uint8_t)frames); /* RFC 6716 section 3.2.5: all of one size, no padding */
    for (unsigned i = 0; i < frames; i++)
        writer_u16(&out, SILENT_FRAME);
    return add_filling(journal, writer_slice(&out));
}

/* Up to `granule`, less than one smallest frame short of it. A hole that may be mere loss is concealed,
 * and so is the start of a longer one, which fades out. */
static int add_silence(struct journal *journal, int64_t granule)
{
    bool is_long = granule - journal->writer.granule > CONCEALED_SAMPLES;
    int64_t silent_from = is_long ? journal->writer.granule + FILLER_SAMPLES : granule;
    int err = 0;
    while (err == 0 && granule - journal->writer.granule >= JOURNAL_SLACK_SAMPLES) {
        int64_t hole = granule - journal->writer.granule;
        hole -= hole % JOURNAL_SLACK_SAMPLES;
        unsigned samples = hole < FILLER_SAMPLES ? (unsigned)hole : FILLER_SAMPLES;
        if (journal->writer.granule < silent_from)
            err = add_concealed(journal, filler_toc(journal), samples);
        else
            err = add_silent(journal, samples);
    }
    return err;
}

/* At or beyond `granule`, in frames of the track's own size: the end mark trims the rest. There is a
 * packet in memory then, for the page of the end mark must not be empty. */
static int add_silence_beyond(struct journal *journal, int64_t granule)
{
    unsigned frame = opus_toc_of(filler_toc(journal)).frame_samples;
    int64_t hole = granule - journal->writer.granule;
    int err = hole > 0 ? add_silence(journal, granule - hole % frame) : 0;
    if (err == 0 && (journal->writer.granule < granule || journal->writer.packet_count == 0))
        err = add_concealed(journal, filler_toc(journal), frame);
    return err;
}

/* ---- the stream ---- */

int journal_push(struct journal *journal, uint64_t position_samples, struct slice packet)
{
    int64_t position = (int64_t)position_samples;
    if (journal->failed || journal->ended) {
        journal->dropped_packets++;
        return ERR_BADSTATE;
    }
    if (opus_frame_samples(packet) < 0) {
        journal->dropped_packets++;
        return ERR_PROTO;
    }
    if (position + JOURNAL_SLACK_SAMPLES <= journal->writer.granule) {
        journal->dropped_packets++;
        return 0;
    }
    if (!journal->has_toc) {
        journal->toc = packet.data[0]; /* silence before the first packet looks like it */
        journal->has_toc = true;
    }
    int err = add_silence(journal, position);
    if (err == 0)
        err = add(journal, packet);
    return err == 0 ? settle(journal) : err;
}

int journal_fill(struct journal *journal, uint64_t position_samples)
{
    if (journal->failed || journal->ended)
        return ERR_BADSTATE;
    int err = add_silence(journal, (int64_t)position_samples);
    return err == 0 ? settle(journal) : err;
}

int journal_flush(struct journal *journal)
{
    if (journal->failed || journal->ended)
        return ERR_BADSTATE;
    int err = stage_page(journal);
    return err == 0 ? write_out(journal) : err;
}

int journal_retry(struct journal *journal, uint64_t position_samples)
{
    bool full = journal->system_error == ENOSPC || journal->system_error == EDQUOT;
    if (journal->failed && full && !journal->disk->has_room(journal->disk->ctx, journal->fd))
        return ERR_IO;
    journal->failed = false;
    int err = journal_fill(journal, position_samples);
    return err == 0 ? journal_flush(journal) : err;
}

uint64_t journal_end_min(const struct journal *journal)
{
    int64_t granule = journal->writer.granule;
    if (!journal->ended)
        granule -= journal->last_packet_samples;
    if (granule < journal->granule_written)
        granule = journal->granule_written; /* written pages stay as they are */
    granule -= journal->head.pre_skip_samples;
    return granule > 0 ? (uint64_t)granule : 0;
}

int journal_end(struct journal *journal, uint64_t end_samples)
{
    if (journal->ended)
        return 0;
    journal->failed = false;
    int64_t end_granule = (int64_t)end_samples + journal->head.pre_skip_samples;
    if (end_granule < journal->granule_written)
        end_granule = journal->granule_written;
    int err = add_silence_beyond(journal, end_granule);
    if (err == 0)
        err = write_out(journal);
    if (err != 0)
        return err;
    struct writer out = writer_of(journal->out, sizeof(journal->out));
    bool trim = journal->writer.granule != end_granule;
    err = ogg_opus_writer_end(&journal->writer, trim ? end_granule : -1, &out);
    if (err != 0)
        return err;
    journal->out_bytes = out.at;
    journal->granule_staged = end_granule;
    journal->page_seq_staged = journal->writer.page_seq;
    err = write_out(journal);
    if (err != 0)
        return err;
    journal->writer.granule = end_granule;
    journal->ended = true;
    return 0;
}

int journal_sync(struct journal *journal)
{
    if (!journal->dirty)
        return 0;
    int error = journal->disk->sync(journal->disk->ctx, journal->fd);
    if (error != 0)
        return fail(journal, error);
    journal->dirty = false;
    return 0;
}

uint64_t journal_position(const struct journal *journal)
{
    return (uint64_t)journal->writer.granule;
}

uint64_t journal_duration(const struct journal *journal)
{
    int64_t heard = journal->writer.granule - journal->head.pre_skip_samples;
    return heard > 0 ? (uint64_t)heard : 0;
}

/* ---- header pages ---- */

static void add_tag(struct ogg_opus_tags *tags, char *text, const char *name, const char *value)
{
    if (value[0] == '\0')
        return;
    int bytes = snprintf(text, TAG_BYTES_MAX, "%s=%s", name, value);
    if (bytes < 0 || bytes >= TAG_BYTES_MAX)
        return; /* callers bound their texts; never write half a UTF-8 character */
    tags->tags[tags->count++] = slice_of(text, (size_t)bytes);
}

int journal_write_tags(struct journal *journal, const struct journal_tags *wanted)
{
    char title[TAG_BYTES_MAX];
    char artist[TAG_BYTES_MAX];
    char date[TAG_BYTES_MAX];
    char encoder[TAG_BYTES_MAX];
    char day[sizeof("2026-12-31")] = "";
    time_t seconds = (time_t)(wanted->date_wall_ms / 1000);
    struct tm utc;
    if (gmtime_r(&seconds, &utc))
        (void)strftime(day, sizeof(day), "%Y-%m-%d", &utc);
    if (wanted->artist[0] != '\0')
        (void)snprintf(journal->artist, sizeof(journal->artist), "%s", wanted->artist);
    struct ogg_opus_tags tags = {.vendor = slice_text(ENCODER)};
    add_tag(&tags, title, "TITLE", wanted->title);
    add_tag(&tags, artist, "ARTIST", journal->artist);
    add_tag(&tags, date, "DATE", day);
    add_tag(&tags, encoder, "ENCODER", ENCODER);

    uint8_t header[HEADER_BYTES_MAX];
    struct writer out = writer_of(header, sizeof(header));
    int err =
        ogg_opus_header_write(journal->serial, &journal->head, &tags, JOURNAL_TAGS_BYTES, &out);
    if (err != 0)
        return err;
    int error = journal->disk->write_at(journal->disk->ctx, journal->fd, writer_slice(&out), 0);
    if (error != 0)
        return fail(journal, error);
    journal->dirty = true;
    return 0;
}

/* ---- opening ---- */

static void read_artist(struct journal *journal, const struct ogg_opus_reader *reader)
{
    struct ogg_opus_tags tags;
    struct slice artist;
    if (!reader->has_tags || ogg_opus_tags_parse(&tags, reader->tags_packet) != 0 ||
        ogg_opus_tag(&tags, "ARTIST", &artist) != 0 || artist.bytes > JOURNAL_ARTIST_BYTES_MAX)
        return;
    memcpy(journal->artist, artist.data, artist.bytes);
    journal->artist[artist.bytes] = '\0';
}

/* Takes OpusHead and the artist from the file. False when its header pages are not whole. */
static bool read_header(struct journal *journal)
{
    uint8_t header[HEADER_BYTES_MAX];
    ssize_t got = pread(journal->fd, header, ogg_opus_header_bytes(JOURNAL_TAGS_BYTES), 0);
    if (got <= 0)
        return false;
    struct ogg_opus_reader reader;
    ogg_opus_reader_init(&reader);
    struct ogg_opus_packet packet;
    bool whole = ogg_opus_reader_feed(&reader, slice_of(header, (size_t)got)) == 0 &&
                 ogg_opus_reader_next(&reader, &packet) == ERR_AGAIN && reader.has_head &&
                 reader.has_tags;
    if (whole) {
        journal->head = reader.head;
        read_artist(journal, &reader);
    }
    ogg_opus_reader_clear(&reader);
    return whole;
}

static int start_new(struct journal *journal, const struct journal_params *params)
{
    journal->serial = random_u32();
    journal->file_bytes = ogg_opus_header_bytes(JOURNAL_TAGS_BYTES);
    journal->page_seq_written = 2; /* behind the headers */
    rewind_to_written(journal);
    if (ftruncate(journal->fd, 0) != 0)
        return fail(journal, errno);
    return journal_write_tags(journal, &params->tags);
}

/* Goes on behind the last whole page. */
static int go_on(struct journal *journal, const struct journal_params *params, struct tail *tail)
{
    if (tail->ended && !params->keep_end) {
        int err = tail_find(tail, journal->fd, tail->page_at);
        if (err != 0)
            return fail(journal, EIO);
    }
    journal->found = true;
    journal->serial = tail->serial;
    journal->ended = tail->ended;
    journal->file_bytes = tail->end_at;
    journal->granule_written = tail->granule;
    journal->page_seq_written = tail->page_seq + 1;
    journal->has_toc = tail->has_toc;
    journal->toc = tail->toc;
    rewind_to_written(journal);
    if (ftruncate(journal->fd, (off_t)tail->end_at) != 0)
        return fail(journal, errno);
    if (!read_header(journal)) /* damaged: what is needed is known from here */
        return journal_write_tags(journal, &params->tags);
    return 0;
}

static int open_file(struct journal *journal, const char *path, const struct journal_params *params)
{
    journal->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, FILE_MODE);
    struct stat file;
    if (journal->fd < 0 || fstat(journal->fd, &file) != 0)
        return fail(journal, errno);
    journal->changed_wall_ms = (int64_t)file.st_mtim.tv_sec * 1000 + file.st_mtim.tv_nsec / 1000000;
    struct tail tail;
    int err = tail_find(&tail, journal->fd, (uint64_t)file.st_size);
    if (err == ERR_IO)
        return fail(journal, EIO);
    if (err == ERR_NOENT || (err == 0 && tail.page_seq < 2))
        return start_new(journal, params);
    return err == 0 ? go_on(journal, params, &tail) : err;
}

int journal_open(struct journal **out, const char *path, const struct journal_params *params,
                 int *system_error)
{
    *system_error = 0;
    struct journal *journal = calloc(1, sizeof(*journal));
    if (!journal)
        return ERR_NOMEM;
    journal->fd = -1;
    journal->disk = params->disk;
    journal->head = (struct ogg_opus_head){.channels = params->channels,
                                           .pre_skip_samples = params->pre_skip_samples,
                                           .input_rate_hz = OPUS_RATE_HZ};
    int err = open_file(journal, path, params);
    if (err != 0) {
        *system_error = journal->system_error;
        journal_close(journal);
        return err;
    }
    *out = journal;
    return 0;
}

void journal_close(struct journal *journal)
{
    if (!journal)
        return;
    if (journal->fd >= 0)
        (void)close(journal->fd);
    free(journal);
}
