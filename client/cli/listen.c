/* rostrum listen: a listener that counts what really arrives. */
#include "cli.h"
#include "keeper.h"
#include "mark.h"
#include "number.h"
#include "session.h"

#include "base/clock.h"
#include "rostrum/opus_frame.h"
#include "rostrum/reception.h"

#include <opus/opus.h>

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    GAP_US = 60000,
    SHORT_SAMPLES = 960, /* 20 ms */
    REPORT_EVERY_MS = 1000,
    LATENCIES_MAX = 4096,
    PCM_MAX = 5760,
    DECODE_CHANNELS = 1,
};

struct ear {
    uv_timer_t clock; /* reports, and the end of --seconds */
    uv_signal_t interrupt;
    struct session *session;
    struct media *media; /* lent; NULL: down */
    struct keeper *keeper;
    struct reception reception; /* of the present connection */
    OpusDecoder *decoder;       /* with --marked */
    struct mark_finder finder;
    double latency_ms[LATENCIES_MAX];
    unsigned latency_count;
    uint64_t started_us, first_us, last_us, stop_us;
    uint64_t samples; /* of sound, in the packets that came */
    unsigned longest_packet_samples;
    uint64_t packets, expected, duplicates, gaps, longest_gap_us, connects, retransmissions_asked;
    uint32_t first_place; /* in line; 0: it never stood in one */
    uint64_t placed_us;   /* since then it stands there; 0: it does not */
    uint64_t waited_us;   /* in line, all together */
    int status;
};

static void finish(struct ear *ear, int status)
{
    ear->status = status;
    (void)uv_timer_stop(&ear->clock);
    (void)uv_signal_stop(&ear->interrupt);
    session_close(ear->session);
}

/* ---- reports ---- */

static void send_report(struct ear *ear, uint64_t now_us)
{
    uint8_t packet[160];
    struct writer out = writer_of(packet, sizeof(packet));
    struct rtcp_block block;
    uint32_t ssrc = media_ssrc(ear->media);
    size_t blocks = reception_block(&ear->reception, &block, now_us) ? 1 : 0;
    if (rtcp_write_rr(ssrc, &block, blocks, &out) == 0 &&
        rtcp_write_sdes(ssrc, slice_text("rostrum-cli"), &out) == 0)
        media_send_rtcp(ear->media, writer_slice(&out));
}

static void ask_again(struct ear *ear, uint64_t now_us)
{
    uint16_t seqs[RTCP_NACK_MAX];
    uint8_t packet[256];
    struct writer out = writer_of(packet, sizeof(packet));
    size_t count = reception_missing(&ear->reception, seqs, RTCP_NACK_MAX, now_us, 0);
    if (count == 0 || ear->media == NULL)
        return;
    ear->retransmissions_asked += count;
    uint32_t ssrc = media_ssrc(ear->media);
    if (rtcp_write_rr(ssrc, NULL, 0, &out) == 0 &&
        rtcp_write_nack(ssrc, ear->reception.ssrc, seqs, count, &out) == 0)
        media_send_rtcp(ear->media, writer_slice(&out));
}

static void on_clock(uv_timer_t *timer)
{
    struct ear *ear = timer->data;
    uint64_t now_us = clock_now_us();
    if (ear->media != NULL)
        send_report(ear, now_us);
    if (ear->stop_us != 0 && now_us >= ear->stop_us)
        finish(ear, EXIT_OK);
}

/* The account is told as at any other end. */
static void on_interrupt(uv_signal_t *signal, int number)
{
    (void)number;
    finish(signal->data, EXIT_OK);
}

/* ---- what arrives ---- */

static void look_for_mark(struct ear *ear, struct slice opus)
{
    int16_t pcm[PCM_MAX * DECODE_CHANNELS];
    size_t offset;
    int samples = opus_decode(ear->decoder, opus.data, (opus_int32)opus.bytes, pcm, PCM_MAX, 0);
    if (samples <= 0 || !mark_find(&ear->finder, pcm, (size_t)samples, &offset) ||
        ear->latency_count == LATENCIES_MAX)
        return;
    /* Heard at the earliest: a sample can be played when its packet is here and those before it
     * have sounded. */
    int64_t heard_us = mark_wall_us() + (int64_t)(offset * 1000 / 48);
    ear->latency_ms[ear->latency_count++] = (double)(heard_us % 1000000) / 1000.0;
}

/* A packet comes when its last sample was spoken: a longer one may take so much longer. What counts
 * is the time beyond that, as if all packets were of 20 ms. */
static void count_gap(struct ear *ear, unsigned samples, uint64_t now_us)
{
    uint64_t longer_us =
        samples > SHORT_SAMPLES ? (uint64_t)(samples - SHORT_SAMPLES) * 1000 / 48 : 0;
    bool is_later =
        now_us > ear->last_us; /* of two sockets, or by some microseconds, it may not be */
    uint64_t interval_us = ear->last_us != 0 && is_later ? now_us - ear->last_us : 0;
    uint64_t gap_us = interval_us > longer_us ? interval_us - longer_us : 0;
    if (gap_us > GAP_US)
        ear->gaps++;
    if (gap_us > ear->longest_gap_us)
        ear->longest_gap_us = gap_us;
    if (is_later)
        ear->last_us = now_us;
}

static void count_packet(struct ear *ear, struct slice opus, uint64_t now_us)
{
    int samples = opus_frame_samples(opus);
    unsigned known_samples = samples > 0 ? (unsigned)samples : 0;
    ear->samples += known_samples;
    if (known_samples > ear->longest_packet_samples)
        ear->longest_packet_samples = known_samples;
    count_gap(ear, known_samples, now_us);
}

static void on_rtp(void *ctx, const struct rtp_packet *packet, uint64_t now_us)
{
    struct ear *ear = ctx;
    uint64_t ext_seq;
    if (!reception_take(&ear->reception, packet, now_us, &ext_seq)) {
        ear->duplicates++;
        return;
    }
    if (ear->first_us == 0)
        ear->first_us = now_us;
    ear->packets++;
    count_packet(ear, packet->payload, now_us);
    if (ear->decoder != NULL)
        look_for_mark(ear, packet->payload);
    if (ear->keeper != NULL)
        keeper_push(ear->keeper, ext_seq, packet->timestamp, packet->payload);
    ask_again(ear, now_us);
}

static void on_rtcp(void *ctx, const struct rtcp_packet *packet, uint64_t now_us)
{
    struct ear *ear = ctx;
    if (packet->kind == RTCP_SR && packet->ssrc == ear->reception.ssrc)
        reception_sender_report(&ear->reception, packet->report.sender.ntp, now_us);
}

/* ---- the session ---- */

static void on_up(void *ctx, struct media *media)
{
    struct ear *ear = ctx;
    ear->media = media;
    ear->connects++;
    reception_init(&ear->reception);
}

static void on_down(void *ctx)
{
    struct ear *ear = ctx;
    ear->media = NULL;
    ear->expected += reception_expected(&ear->reception);
    reception_init(&ear->reception);
    keeper_restart(ear->keeper);
}

static void on_room(void *ctx, const char *state)
{
    struct ear *ear = ctx;
    bool over = strcmp(state, "ended") == 0 || strcmp(state, "published") == 0 ||
                strcmp(state, "withdrawn") == 0 || strcmp(state, "cancelled") == 0;
    if (over)
        finish(ear, ear->packets > 0 ? EXIT_OK : cli_fail("the room is %s", state));
}

static void on_line(void *ctx, const struct line_place *place)
{
    struct ear *ear = ctx;
    uint64_t now_us = clock_now_us();
    if (place == NULL) {
        ear->waited_us += ear->placed_us != 0 ? now_us - ear->placed_us : 0;
        ear->placed_us = 0;
        (void)fputs("rostrum: a seat is free\n", stderr);
        return;
    }
    if (ear->placed_us == 0)
        ear->placed_us = now_us;
    if (ear->first_place == 0)
        ear->first_place = place->place;
    (void)fprintf(stderr, "rostrum: in line: place %" PRIu32 " of %" PRIu32, place->place,
                  place->in_line);
    if (place->has_wait)
        (void)fprintf(stderr, ", %" PRIu32 " to %" PRIu32 " s\n", place->from_s, place->to_s);
    else
        (void)fputs(", for an unknown time\n", stderr);
}

static void on_end(void *ctx, int status)
{
    finish(ctx, status);
}

/* ---- the account ---- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(const struct ear *ear, unsigned percent)
{
    return ear->latency_count == 0 ? 0 : ear->latency_ms[(ear->latency_count - 1) * percent / 100];
}

static void print_line(const struct cli *cli, const struct ear *ear)
{
    if (cli->json && ear->first_place == 0)
        (void)fputs(",\"waited_s\":null,\"first_place\":null", stdout);
    else if (cli->json)
        (void)printf(",\"waited_s\":%.1f,\"first_place\":%" PRIu32,
                     (double)ear->waited_us / 1000000, ear->first_place);
    else if (ear->first_place != 0)
        (void)printf("waited %.1f s in line, first at place %" PRIu32 "\n",
                     (double)ear->waited_us / 1000000, ear->first_place);
}

static void print(const struct cli *cli, struct ear *ear)
{
    uint64_t expected = ear->expected + reception_expected(&ear->reception);
    uint64_t lost = expected > ear->packets ? expected - ear->packets : 0;
    double first_ms = ear->first_us == 0 ? -1 : (double)(ear->first_us - ear->started_us) / 1000;
    qsort(ear->latency_ms, ear->latency_count, sizeof(double), compare);
    if (cli->json)
        (void)printf("{\"packets\":%" PRIu64 ",\"lost\":%" PRIu64 ",\"duplicates\":%" PRIu64
                     ",\"gaps_over_60ms\":%" PRIu64
                     ",\"longest_gap_ms\":%.1f,\"asked_again\":%" PRIu64
                     ",\"first_sound_ms\":%.1f,\"connects\":%" PRIu64 ",\"sound_ms\":%" PRIu64
                     ",\"longest_packet_ms\":%u,\"latency_ms\":",
                     ear->packets, lost, ear->duplicates, ear->gaps,
                     (double)ear->longest_gap_us / 1000, ear->retransmissions_asked, first_ms,
                     ear->connects, ear->samples / 48, ear->longest_packet_samples / 48);
    else
        (void)printf(
            "%" PRIu64 " packets, %" PRIu64 " lost, %" PRIu64 " doubled, %" PRIu64
            " gaps over 60 ms (longest %.1f ms), first sound after %.1f ms, connected %" PRIu64
            " times\n",
            ear->packets, lost, ear->duplicates, ear->gaps, (double)ear->longest_gap_us / 1000,
            first_ms, ear->connects);
    if (ear->latency_count > 0)
        (void)printf(cli->json ? "{\"count\":%u,\"p50\":%.1f,\"p95\":%.1f,\"max\":%.1f}"
                               : "latency of %u marks: p50 %.1f ms, p95 %.1f ms, max %.1f ms",
                     ear->latency_count, percentile(ear, 50), percentile(ear, 95),
                     percentile(ear, 100));
    else if (cli->json)
        (void)fputs("null", stdout);
    if (!cli->json && ear->latency_count > 0)
        (void)puts("");
    print_line(cli, ear);
    if (cli->json)
        (void)puts("}");
}

static int run(struct ear *ear, const struct session_params *params)
{
    if (session_create(&ear->session, params) != 0)
        return EXIT_FAILED;
    (void)uv_timer_init(session_loop(ear->session), &ear->clock);
    (void)uv_signal_init(session_loop(ear->session), &ear->interrupt);
    ear->clock.data = ear->interrupt.data = ear;
    (void)uv_signal_start(&ear->interrupt, on_interrupt, SIGINT);
    (void)uv_timer_start(&ear->clock, on_clock, REPORT_EVERY_MS, REPORT_EVERY_MS);
    session_run(ear->session);
    session_destroy(ear->session);
    return ear->status;
}

static int make_decoder(struct ear *ear)
{
    int err;
    ear->decoder = opus_decoder_create(48000, DECODE_CHANNELS, &err);
    return ear->decoder != NULL ? EXIT_OK
                                : cli_fail("cannot make an Opus decoder: %s", opus_strerror(err));
}

int command_listen(const struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {{"out", required_argument, NULL, 'o'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"marked", no_argument, NULL, 'm'},
                                            {"pass", required_argument, NULL, 'p'},
                                            {NULL, 0, NULL, 0}};
    static struct ear ear;
    ear.started_us = clock_now_us();
    const char *path = NULL, *pass = NULL;
    uint32_t seconds;
    int option, status = EXIT_OK;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'o')
            path = optarg;
        else if (option == 's' && number_in(&seconds, optarg, 1, CLI_SECONDS_MAX))
            ear.stop_us = ear.started_us + seconds * UINT64_C(1000000);
        else if (option == 's')
            return cli_usage("listen: --seconds: '%s'; allowed: 1 to %d", optarg, CLI_SECONDS_MAX);
        else if (option == 'm')
            status = make_decoder(&ear);
        else if (option == 'p')
            pass = optarg;
        else
            return cli_usage("listen: unknown option or missing value");
    }
    if (optind != argc - 1)
        return cli_usage("usage: listen SLUG [--out FILE.opus] [--seconds N] [--marked] "
                         "[--pass PASS]");
    if (status == EXIT_OK && path != NULL && keeper_open(&ear.keeper, path) != 0)
        status = EXIT_FAILED;
    struct session_params params = {.server = cli->server,
                                    .slug = argv[optind],
                                    .pass = pass,
                                    .on_line = on_line,
                                    .on_up = on_up,
                                    .on_down = on_down,
                                    .on_rtp = on_rtp,
                                    .on_rtcp = on_rtcp,
                                    .on_room = on_room,
                                    .on_end = on_end,
                                    .ctx = &ear};
    if (status == EXIT_OK)
        status = run(&ear, &params);
    if (keeper_close(ear.keeper) != 0)
        status = EXIT_FAILED;
    if (status == EXIT_OK)
        print(cli, &ear);
    if (ear.decoder != NULL)
        opus_decoder_destroy(ear.decoder);
    return status;
}
