/* recording_fixture.h - what the recorder's tests share: a folder, packets, a disk that fails, a
 * judge.
 *
 * Owner    each test
 * Thread   the test's; struct flaky_disk may be changed while a recorder runs
 * Units    samples at 48 kHz, bytes
 * Errors   cmocka assertions
 * Spec     none
 */
#ifndef RECORDING_FIXTURE_H
#define RECORDING_FIXTURE_H

#include "recording/disk.h"
#include "recording/folder.h"
#include "rostrum/ogg_opus.h"
#include "rostrum/opus_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
    PRE_SKIP = 312,
    FRAME = 960,
    TOC_HYBRID_20 = 0x78, /* configuration 15: hybrid, full band, 20 ms, mono, one frame */
};

/* ---- a folder ---- */

static char test_folder[64];

static int make_test_folder(void **state)
{
    (void)state;
    (void)snprintf(test_folder, sizeof(test_folder), "/tmp/rostrum-recording-XXXXXX");
    return mkdtemp(test_folder) ? 0 : -1;
}

static int remove_test_folder(void **state)
{
    (void)state;
    int system_error;
    for (uint64_t recording = 0; recording < 16; recording++)
        if (folder_remove(test_folder, recording, &system_error) != 0)
            return -1;
    return rmdir(test_folder);
}

/* ---- packets ---- */

struct test_packet {
    size_t bytes;
    uint8_t data[1276];
};

/* One frame of any configuration; what it holds is arbitrary but never empty. */
static inline struct test_packet make_packet(uint8_t toc, size_t bytes)
{
    struct test_packet packet = {.bytes = bytes};
    packet.data[0] = toc;
    for (size_t i = 1; i < bytes; i++)
        packet.data[i] = (uint8_t)(i * 37);
    return packet;
}

/* ---- a disk that fails ---- */

struct flaky_disk {
    struct disk disk;
    atomic_int write_error; /* errno; half of each write reaches the file */
    atomic_int sync_error;
    atomic_int writes_left; /* before write_error counts; -1: none are counted */
    atomic_bool no_room;
    atomic_bool stalled; /* writes wait */
    atomic_uint waiting; /* writes that do */
    atomic_ullong written_bytes;
    atomic_uint writes;
    atomic_uint attempts; /* writes, failed ones too */
    atomic_uint syncs;
};

static inline int flaky_write_at(void *ctx, int fd, struct slice bytes, uint64_t offset)
{
    struct flaky_disk *flaky = ctx;
    const struct disk *real = disk_system();
    atomic_fetch_add(&flaky->attempts, 1);
    atomic_fetch_add(&flaky->waiting, 1);
    while (atomic_load(&flaky->stalled))
        (void)usleep(1000);
    atomic_fetch_sub(&flaky->waiting, 1);
    int error = atomic_load(&flaky->write_error);
    int left = atomic_load(&flaky->writes_left);
    if (error != 0 && left > 0)
        atomic_store(&flaky->writes_left, left - 1);
    if (error != 0 && left <= 0) {
        (void)real->write_at(real->ctx, fd, slice_of(bytes.data, bytes.bytes / 2), offset);
        return error;
    }
    atomic_fetch_add(&flaky->written_bytes, bytes.bytes);
    atomic_fetch_add(&flaky->writes, 1);
    return real->write_at(real->ctx, fd, bytes, offset);
}

static inline int flaky_sync(void *ctx, int fd)
{
    struct flaky_disk *flaky = ctx;
    int error = atomic_load(&flaky->sync_error);
    if (error != 0)
        return error;
    atomic_fetch_add(&flaky->syncs, 1);
    return disk_system()->sync(disk_system()->ctx, fd);
}

static inline bool flaky_has_room(void *ctx, int fd)
{
    (void)fd;
    const struct flaky_disk *flaky = ctx;
    return !atomic_load(&flaky->no_room);
}

static inline void flaky_init(struct flaky_disk *flaky)
{
    memset(flaky, 0, sizeof(*flaky));
    flaky->disk = (struct disk){
        .ctx = flaky, .write_at = flaky_write_at, .sync = flaky_sync, .has_room = flaky_has_room};
}

/* ---- a judge ---- */

struct verdict {
    bool whole;
    bool is_whole_before_tail;
    bool ended;
    int64_t duration_samples;
    uint64_t packets;
    uint64_t filler_packets;
    uint64_t pages;
    uint64_t tail_bytes;
    uint64_t file_bytes;
};

static inline struct verdict judge_file(const char *path)
{
    struct ogg_opus_verify verify;
    ogg_opus_verify_init(&verify);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    static uint8_t chunk[65536];
    ssize_t got;
    uint64_t file_bytes = 0;
    while ((got = read(fd, chunk, sizeof(chunk))) > 0) {
        file_bytes += (uint64_t)got;
        assert_int_equal(ogg_opus_verify_feed(&verify, slice_of(chunk, (size_t)got)), 0);
    }
    (void)close(fd);
    bool whole = ogg_opus_verify_finish(&verify);
    struct verdict verdict = {
        .whole = whole && verify.has_bos,
        .ended = verify.has_eos,
        .duration_samples = verify.duration_samples,
        .packets = verify.packets,
        .filler_packets = verify.filler_packets,
        .pages = verify.pages,
        .tail_bytes = verify.tail_bytes,
        .is_whole_before_tail = verify.has_bos && verify.gaps == 0 && verify.damaged_places == 0 &&
                                verify.invalid_packets == 0,
        .file_bytes = file_bytes,
    };
    ogg_opus_verify_clear(&verify);
    return verdict;
}

/* The value of a tag of the file; "" when it has none. */
static inline void read_tag(const char *path, const char *name, char *out, size_t out_bytes)
{
    static uint8_t header[8192];
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    ssize_t got = read(fd, header, sizeof(header));
    (void)close(fd);
    assert_true(got > 0);
    struct ogg_opus_reader reader;
    struct ogg_opus_packet packet;
    ogg_opus_reader_init(&reader);
    assert_int_equal(ogg_opus_reader_feed(&reader, slice_of(header, (size_t)got)), 0);
    (void)!ogg_opus_reader_next(&reader, &packet);
    assert_true(reader.has_tags);
    struct ogg_opus_tags tags;
    struct slice value = {0};
    assert_int_equal(ogg_opus_tags_parse(&tags, reader.tags_packet), 0);
    out[0] = '\0';
    if (ogg_opus_tag(&tags, name, &value) == 0)
        (void)snprintf(out, out_bytes, "%.*s", (int)value.bytes, (const char *)value.data);
    ogg_opus_reader_clear(&reader);
}

static inline uint64_t size_of_file(const char *path)
{
    struct stat file;
    assert_int_equal(stat(path, &file), 0);
    return (uint64_t)file.st_size;
}

#endif
