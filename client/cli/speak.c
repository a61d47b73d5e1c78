/* rostrum speak: a file is a host's microphone, in real time. */
#include "cli.h"
#include "mark.h"
#include "number.h"
#include "session.h"
#include "source.h"

#include "base/clock.h"
#include "base/random.h"

#include <opus/opus.h>

#include <getopt.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    FRAME_US = 20000,
    BITRATE_BPS = 48000,
    EXPECTED_LOSS_PERCENT = 5,
    OPUS_BYTES_MAX = 1275,
    REPORT_EVERY_FRAMES = 50,
    GAP_US = 60 * 1000,
    FRAMES_PER_S = 50,
    LATE_FRAMES_MAX = 25, /* more than half a second behind: the time is lost, not made up */
};

struct speaker {
    uv_timer_t clock;
    struct session *session;
    struct source *source;
    OpusEncoder *encoder;
    struct media *media; /* lent by the session; NULL: down */
    bool mark;
    bool started;
    uint64_t limit_frames; /* 0: to the end of the file */
    uint64_t frames;
    uint64_t start_us;
    int64_t start_wall_us;
    uint32_t first_timestamp;
    uint64_t sent_packets, sent_bytes;
    uint64_t connects;
    uint64_t outages; /* the connection was lost while sound came, and not by SIGUSR1 */
    /* what it hears of the other hosts */
    uint64_t heard_packets, heard_gaps, longest_gap_us;
    uint64_t heard_us;    /* when a packet came last; 0: none on this connection */
    unsigned drops;       /* by SIGUSR1 */
    uint64_t dropped_us;  /* since then it hears nothing; 0: it has not, or hears again */
    uint64_t returned_us; /* the longest that it took to hear again */
    uv_signal_t interrupt, drop;
    int status;
};

/* From one packet of the others to the next, or to the end: sound that stops for good is a gap, too. */
static void note_interval(struct speaker *speaker, uint64_t now_us)
{
    uint64_t gap_us =
        speaker->heard_us != 0 && now_us > speaker->heard_us ? now_us - speaker->heard_us : 0;
    speaker->heard_gaps += gap_us > GAP_US;
    if (gap_us > speaker->longest_gap_us)
        speaker->longest_gap_us = gap_us;
}

static void finish(struct speaker *speaker, int status)
{
    note_interval(speaker, clock_now_us());
    speaker->heard_us = 0;
    speaker->status = status;
    (void)uv_timer_stop(&speaker->clock);
    (void)uv_signal_stop(&speaker->interrupt);
    (void)uv_signal_stop(&speaker->drop);
    session_close(speaker->session);
}

static void report(struct speaker *speaker)
{
    uint8_t packet[128];
    struct writer out = writer_of(packet, sizeof(packet));
    struct rtcp_sender sender = {.ntp = rtcp_ntp_from_wall_ms(clock_wall_ms()),
                                 .timestamp = speaker->first_timestamp +
                                              (uint32_t)speaker->frames * SOURCE_FRAME_SAMPLES,
                                 .packets = (uint32_t)speaker->sent_packets,
                                 .bytes = (uint32_t)speaker->sent_bytes};
    uint32_t ssrc = media_ssrc(speaker->media);
    if (rtcp_write_sr(ssrc, &sender, NULL, 0, &out) == 0 &&
        rtcp_write_sdes(ssrc, slice_text("rostrum-cli"), &out) == 0)
        media_send_rtcp(speaker->media, writer_slice(&out));
}

/* One frame: read, mark, encode, send. False: the file is over. */
static bool speak_frame(struct speaker *speaker)
{
    int16_t pcm[SOURCE_FRAME_SAMPLES];
    uint8_t opus[OPUS_BYTES_MAX];
    if (!source_read(speaker->source, pcm))
        return false;
    if (speaker->mark)
        mark_write(pcm, SOURCE_FRAME_SAMPLES,
                   speaker->start_wall_us + (int64_t)(speaker->frames * FRAME_US));
    int bytes = opus_encode(speaker->encoder, pcm, SOURCE_FRAME_SAMPLES, opus, sizeof(opus));
    uint32_t timestamp =
        speaker->first_timestamp + (uint32_t)speaker->frames * SOURCE_FRAME_SAMPLES;
    if (bytes > 0 && speaker->media != NULL &&
        media_send(speaker->media, timestamp, slice_of(opus, (size_t)bytes)) == 0) {
        speaker->sent_packets++;
        speaker->sent_bytes += (uint64_t)bytes;
        if (speaker->sent_packets % REPORT_EVERY_FRAMES == 1)
            report(speaker);
    }
    speaker->frames++;
    return speaker->limit_frames == 0 || speaker->frames < speaker->limit_frames;
}

static void on_clock(uv_timer_t *timer)
{
    struct speaker *speaker = timer->data;
    uint64_t now_us = clock_now_us();
    uint64_t due = (now_us - speaker->start_us) / FRAME_US;
    /* A frame is complete, and sent, when its last sample has been spoken. */
    if (due > speaker->frames + LATE_FRAMES_MAX)
        speaker->frames = due - 1;
    while (speaker->frames < due)
        if (!speak_frame(speaker)) {
            finish(speaker, EXIT_OK);
            return;
        }
    uint64_t next_us = speaker->start_us + (speaker->frames + 1) * FRAME_US;
    (void)uv_timer_start(timer, on_clock, next_us > now_us ? (next_us - now_us + 999) / 1000 : 0,
                         0);
}

static void on_up(void *ctx, struct media *media)
{
    struct speaker *speaker = ctx;
    speaker->media = media;
    speaker->connects++;
    if (speaker->started)
        return;
    speaker->started = true;
    speaker->start_us = clock_now_us();
    speaker->start_wall_us = mark_wall_us();
    on_clock(&speaker->clock);
}

static void on_down(void *ctx)
{
    struct speaker *speaker = ctx;
    speaker->media = NULL;
    speaker->outages += speaker->heard_us != 0 && speaker->dropped_us == 0;
    speaker->heard_us = 0;
}

static void on_rtp(void *ctx, const struct rtp_packet *packet, uint64_t now_us)
{
    struct speaker *speaker = ctx;
    (void)packet;
    if (speaker->dropped_us != 0) {
        uint64_t took_us = now_us - speaker->dropped_us;
        if (took_us > speaker->returned_us)
            speaker->returned_us = took_us;
        speaker->dropped_us = 0;
    }
    speaker->heard_packets++;
    note_interval(speaker, now_us);
    speaker->heard_us = now_us;
}

/* The account is told as at any other end. */
static void on_interrupt(uv_signal_t *signal, int number)
{
    (void)number;
    finish(signal->data, EXIT_OK);
}

static void on_drop(uv_signal_t *signal, int number)
{
    struct speaker *speaker = signal->data;
    (void)number;
    if (speaker->media == NULL)
        return;
    speaker->drops++;
    speaker->dropped_us = clock_now_us();
    session_drop(speaker->session);
}

static void on_room(void *ctx, const char *state)
{
    struct speaker *speaker = ctx;
    if (strcmp(state, "ended") != 0 && strcmp(state, "published") != 0)
        return;
    speaker->heard_us = 0; /* no gap: nobody speaks any more */
    finish(speaker, EXIT_OK);
}

static void on_end(void *ctx, int status)
{
    finish(ctx, status);
}

static int prepare(struct speaker *speaker, const char *path, bool loop)
{
    int err = source_open(&speaker->source, path, loop);
    if (err != 0)
        return EXIT_FAILED;
    int opus_err;
    speaker->encoder = opus_encoder_create(48000, 1, OPUS_APPLICATION_VOIP, &opus_err);
    if (speaker->encoder == NULL)
        return cli_fail("cannot make an Opus encoder: %s", opus_strerror(opus_err));
    (void)opus_encoder_ctl(speaker->encoder, OPUS_SET_BITRATE(BITRATE_BPS));
    (void)opus_encoder_ctl(speaker->encoder, OPUS_SET_INBAND_FEC(1));
    (void)opus_encoder_ctl(speaker->encoder, OPUS_SET_PACKET_LOSS_PERC(EXPECTED_LOSS_PERCENT));
    return EXIT_OK;
}

static int run(struct speaker *speaker, const struct session_params *params)
{
    if (session_create(&speaker->session, params) != 0)
        return EXIT_FAILED;
    (void)uv_timer_init(session_loop(speaker->session), &speaker->clock);
    (void)uv_signal_init(session_loop(speaker->session), &speaker->interrupt);
    (void)uv_signal_init(session_loop(speaker->session), &speaker->drop);
    speaker->clock.data = speaker->interrupt.data = speaker->drop.data = speaker;
    (void)uv_signal_start(&speaker->drop, on_drop, SIGUSR1);
    (void)uv_signal_start(&speaker->interrupt, on_interrupt, SIGINT);
    session_run(speaker->session);
    session_destroy(speaker->session);
    return speaker->status;
}

static void print(const struct cli *cli, const struct speaker *speaker)
{
    double seconds = (double)speaker->frames * FRAME_US / 1e6;
    if (cli->json)
        (void)printf("{\"seconds\":%.2f,\"packets\":%" PRIu64 ",\"connects\":%" PRIu64
                     ",\"outages\":%" PRIu64 ",\"heard_packets\":%" PRIu64
                     ",\"heard_gaps_over_60ms\":%" PRIu64
                     ",\"heard_longest_gap_ms\":%.1f,\"drops\":%u,\"returned_ms\":%.1f}\n",
                     seconds, speaker->sent_packets, speaker->connects, speaker->outages,
                     speaker->heard_packets, speaker->heard_gaps,
                     (double)speaker->longest_gap_us / 1000, speaker->drops,
                     (double)speaker->returned_us / 1000);
    else
        (void)printf("spoke %.2f s in %" PRIu64 " packets, connected %" PRIu64 " times\n", seconds,
                     speaker->sent_packets, speaker->connects);
}

int command_speak(const struct cli *cli, int argc, char **argv)
{
    static const struct option options[] = {
        {"token", required_argument, NULL, 't'},   {"consent", no_argument, NULL, 'c'},
        {"loop", no_argument, NULL, 'l'},          {"mark", no_argument, NULL, 'm'},
        {"seconds", required_argument, NULL, 's'}, {NULL, 0, NULL, 0},
    };
    struct speaker speaker = {.first_timestamp = random_u32()};
    struct session_params params = {.server = cli->server,
                                    .token = cli->token,
                                    .on_up = on_up,
                                    .on_down = on_down,
                                    .on_rtp = on_rtp,
                                    .on_room = on_room,
                                    .on_end = on_end,
                                    .ctx = &speaker};
    bool loop = false;
    uint32_t seconds;
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 't':
            params.token = optarg;
            break;
        case 'c':
            params.consent = true;
            break;
        case 'l':
            loop = true;
            break;
        case 'm':
            speaker.mark = true;
            break;
        case 's':
            if (!number_in(&seconds, optarg, 1, CLI_SECONDS_MAX))
                return cli_usage("speak: --seconds: '%s'; allowed: 1 to %d", optarg,
                                 CLI_SECONDS_MAX);
            speaker.limit_frames = seconds * (uint64_t)FRAMES_PER_S;
            break;
        default:
            return cli_usage("speak: unknown option or missing value");
        }
    }
    if (optind != argc - 2)
        return cli_usage(
            "usage: speak SLUG FILE --token T --consent [--loop] [--mark] [--seconds N]");
    if (params.token == NULL)
        return cli_usage("speak needs the host's --token, or --token-file before the command");
    params.slug = argv[optind];
    int status = prepare(&speaker, argv[optind + 1], loop);
    if (status == EXIT_OK)
        status = run(&speaker, &params);
    if (status == EXIT_OK)
        print(cli, &speaker);
    if (speaker.encoder != NULL)
        opus_encoder_destroy(speaker.encoder);
    source_close(speaker.source);
    return status;
}
