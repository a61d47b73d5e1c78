/* rostrum verify: is this Ogg Opus file whole? */
#include "cli.h"

#include "rostrum/ogg_opus.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK_BYTES = 64 * 1024 };

static int read_all(FILE *file, struct ogg_opus_verify *verify)
{
    static uint8_t chunk[CHUNK_BYTES];
    size_t bytes;
    while ((bytes = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        int err = ogg_opus_verify_feed(verify, slice_of(chunk, bytes));
        if (err != 0)
            return err;
    }
    return ferror(file) ? ERR_IO : 0;
}

static void print_text(const struct ogg_opus_verify *v, bool whole)
{
    (void)printf("%s: %.3f s, %" PRIu64 " pages, %" PRIu64 " packets (%" PRIu64
                 " fillers), %" PRIu64 " gaps, %" PRIu64 " damaged places, %" PRIu64
                 " bytes of torn tail%s\n",
                 whole ? "whole" : "NOT WHOLE", (double)v->duration_samples / 48000.0, v->pages,
                 v->packets, v->filler_packets, v->gaps, v->damaged_places, v->tail_bytes,
                 v->has_eos ? "" : ", no end mark");
}

static void print_json(const struct ogg_opus_verify *v, bool whole)
{
    (void)printf("{\"whole\":%s,\"duration_ms\":%" PRId64 ",\"pages\":%" PRIu64
                 ",\"packets\":%" PRIu64 ",\"filler_packets\":%" PRIu64
                 ",\"invalid_packets\":%" PRIu64 ",\"gaps\":%" PRIu64 ",\"gap_samples\":%" PRId64
                 ",\"damaged_places\":%" PRIu64 ",\"tail_bytes\":%" PRIu64 ",\"end_mark\":%s}\n",
                 whole ? "true" : "false", v->duration_samples / 48, v->pages, v->packets,
                 v->filler_packets, v->invalid_packets, v->gaps, v->gap_samples, v->damaged_places,
                 v->tail_bytes, v->has_eos ? "true" : "false");
}

int command_verify(const struct cli *cli, int argc, char **argv)
{
    if (argc != 2)
        return cli_usage("usage: verify FILE");
    FILE *file = fopen(argv[1], "rbe");
    if (file == NULL)
        return cli_fail("cannot read %s: %s", argv[1], strerror(errno));
    static struct ogg_opus_verify verify;
    ogg_opus_verify_init(&verify);
    int err = read_all(file, &verify);
    (void)fclose(file);
    bool whole = ogg_opus_verify_finish(&verify);
    int status = whole ? EXIT_OK : EXIT_FAILED;
    if (err != 0)
        status = cli_fail("reading %s failed: %s", argv[1], error_name(err));
    else if (verify.failed)
        status = cli_fail("%s is not an Ogg Opus file", argv[1]);
    else if (cli->json)
        print_json(&verify, whole);
    else
        print_text(&verify, whole);
    ogg_opus_verify_clear(&verify);
    return status;
}
