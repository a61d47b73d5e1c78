/* floor.c - the physical floor of the fan-out: what one packet for one listener costs if a program
 * does nothing else. The server's own SRTP engine and the server's own socket, one key, SSRC and
 * sequence number per destination, one pass over all of them every 20 ms; no ICE, no reports, no
 * room. Prints CPU time per packet, kernel included.
 *
 * Like is compared with like: paced as the server is by default, since a loop that never sleeps
 * finds its caches warm (--flat-out shows by how much). --burst shows what it costs to spread a
 * pass over half of the tick, as the server does for the sake of the network.
 */
#include "audience/srtp_batch.h"
#include "base/random.h"
#include "sinks.h"
#include "transport/udp.h"

#include <getopt.h>
#include <netinet/ip.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
    BATCH = AUDIENCE_BATCH,
    HEADER_BYTES = 12,
    SLOT_BYTES = 1536,
    KEY_ALIGN = 64,
    PAYLOAD_TYPE = 111,
    PAYLOAD_MAX = 1200,
    DESTINATIONS_MAX = 50000,
    SAMPLES_PER_MS = 48,
    SOCKET_BUFFER_BYTES = 8 * 1024 * 1024, /* transport/udp.c */
    NS_PER_MS = 1000 * 1000,
    WARM_UP_PASSES = 50, /* buffers are full then, caches as they will be */
};
#define NS_PER_S 1000000000LL

struct options {
    const char *engine;
    enum srtp_profile profile;
    unsigned destinations, payload_bytes, interval_ms;
    unsigned burst; /* packets; 0: a whole pass */
    double seconds;
    bool is_ipv4, is_flat_out, is_json;
};

/* What a pass needs of each destination, packed as the server packs it. */
struct target {
    const void *key;
    uint64_t index;
    uint32_t ssrc;
};

struct loop {
    const struct options *options;
    const struct srtp_engine *engine;
    void *batch;
    int fd;
    struct target *targets;
    struct sockaddr_in6 *to;
    struct sockaddr_in *to_ipv4; /* what the sinks told; used as they are with --ipv4 */
    uint8_t *keys;
    uint8_t *slots; /* BATCH packets */
    uint8_t payload[PAYLOAD_MAX];
    uint32_t timestamp;
    uint64_t sent, refused;
};

static long long clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void die(const char *why)
{
    (void)fprintf(stderr, "floor: %s\n", why);
    exit(EXIT_FAILURE);
}

static void *zeroed(size_t align, size_t bytes)
{
    size_t whole = (bytes + align - 1) / align * align;
    void *memory = aligned_alloc(align, whole);
    if (!memory)
        die("no memory");
    memset(memory, 0, whole);
    return memory;
}

/* ---- set-up ---- */

static void put_u32(uint8_t *out, uint32_t value)
{
    out[0] = (uint8_t)(value >> 24);
    out[1] = (uint8_t)(value >> 16);
    out[2] = (uint8_t)(value >> 8);
    out[3] = (uint8_t)value;
}

static void make_keys(struct loop *loop)
{
    const struct options *options = loop->options;
    size_t key_bytes = loop->engine->key_bytes(options->profile, SRTP_SENDING);
    key_bytes = (key_bytes + KEY_ALIGN - 1) / KEY_ALIGN * KEY_ALIGN;
    loop->keys = zeroed(KEY_ALIGN, key_bytes * options->destinations);
    loop->targets = zeroed(KEY_ALIGN, sizeof(*loop->targets) * options->destinations);
    for (unsigned i = 0; i < options->destinations; i++) {
        struct srtp_master master;
        uint8_t *key = loop->keys + key_bytes * i;
        random_bytes(&master, sizeof(master));
        if (loop->engine->key_init(key, options->profile, SRTP_SENDING, &master) != 0)
            die("the engine makes no key");
        loop->targets[i] = (struct target){.key = key, .index = i, .ssrc = random_u32()};
    }
}

static void find_destinations(struct loop *loop)
{
    unsigned count = loop->options->destinations;
    loop->to = zeroed(KEY_ALIGN, sizeof(*loop->to) * count);
    loop->to_ipv4 = zeroed(KEY_ALIGN, sizeof(*loop->to_ipv4) * count);
    if (!sinks_open(loop->to_ipv4, count))
        exit(EXIT_FAILURE);
    for (unsigned i = 0; i < count; i++) {
        struct sockaddr_in6 *to = &loop->to[i];
        *to =
            (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = loop->to_ipv4[i].sin_port};
        to->sin6_addr.s6_addr[10] = to->sin6_addr.s6_addr[11] = 0xFF;
        memcpy(to->sin6_addr.s6_addr + 12, &loop->to_ipv4[i].sin_addr, 4);
    }
}

/* As transport/udp.c, but of the family that it does not use. */
static int open_ipv4(void)
{
    static const int options[][3] = {
        {SOL_SOCKET, SO_SNDBUF, SOCKET_BUFFER_BYTES},
        {SOL_SOCKET, SO_RCVBUF, SOCKET_BUFFER_BYTES},
        {IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE},
        {IPPROTO_IP, IP_PKTINFO, 1},
    };
    struct sockaddr_in any = {.sin_family = AF_INET};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&any, sizeof(any)) != 0)
        die("no IPv4 socket");
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
        if (setsockopt(fd, options[i][0], options[i][1], &options[i][2], sizeof(int)) != 0)
            die("an option of the IPv4 socket is refused");
    return fd;
}

static int open_dual(void)
{
    struct udp udp;
    uint16_t port = 0;
    if (udp_reserve_port(&port) != 0 || udp_open(&udp, port) != 0 || udp.is_ipv4)
        die("no dual stack socket");
    return udp.fd;
}

static void set_up(struct loop *loop, const struct options *options)
{
    *loop = (struct loop){.options = options, .engine = srtp_engine_find(options->engine)};
    if (!loop->engine)
        die("no such engine in this build");
    if (loop->engine->batch_create(&loop->batch) != 0)
        die("the engine makes no batch");
    find_destinations(loop);
    loop->fd = options->is_ipv4 ? open_ipv4() : open_dual();
    loop->slots = zeroed(KEY_ALIGN, (size_t)BATCH * SLOT_BYTES);
    make_keys(loop);
    random_bytes(loop->payload, sizeof(loop->payload));
}

/* ---- the loop ---- */

static void prepare(struct loop *loop, unsigned slot, struct target *target, struct srtp_job *job)
{
    unsigned payload_bytes = loop->options->payload_bytes;
    uint8_t *data = loop->slots + (size_t)slot * SLOT_BYTES;
    data[0] = 0x80; /* RFC 3550 section 5.1: version 2 */
    data[1] = PAYLOAD_TYPE;
    data[2] = (uint8_t)(target->index >> 8);
    data[3] = (uint8_t)target->index;
    put_u32(data + 4, loop->timestamp);
    put_u32(data + 8, target->ssrc);
    memcpy(data + HEADER_BYTES, loop->payload, payload_bytes);
    *job = (struct srtp_job){.key = target->key,
                             .packet = data,
                             .index = target->index++,
                             .bytes = HEADER_BYTES + payload_bytes};
}

static void send_jobs(struct loop *loop, const struct srtp_job *jobs, unsigned first,
                      unsigned count)
{
    struct mmsghdr messages[BATCH];
    struct iovec parts[BATCH];
    for (unsigned i = 0; i < count; i++) {
        parts[i] = (struct iovec){.iov_base = jobs[i].packet, .iov_len = jobs[i].bytes};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
        if (loop->options->is_ipv4) {
            messages[i].msg_hdr.msg_name = &loop->to_ipv4[first + i];
            messages[i].msg_hdr.msg_namelen = sizeof(loop->to_ipv4[0]);
        } else {
            messages[i].msg_hdr.msg_name = &loop->to[first + i];
            messages[i].msg_hdr.msg_namelen = sizeof(loop->to[0]);
        }
    }
    int sent = sendmmsg(loop->fd, messages, count, MSG_DONTWAIT);
    loop->sent += sent > 0 ? (unsigned)sent : 0;
    loop->refused += count - (sent > 0 ? (unsigned)sent : 0);
}

static void wait_until(long long deadline_ns)
{
    struct timespec deadline = {.tv_sec = deadline_ns / NS_PER_S,
                                .tv_nsec = deadline_ns % NS_PER_S};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &deadline, NULL) != 0)
        continue;
}

/* After `done` packets of a pass that began then: sleeps if a burst is over. */
static void spread(const struct options *options, long long began_ns, unsigned done)
{
    long long half_ns = (long long)options->interval_ms * NS_PER_MS / 2;
    if (options->burst > 0 && done % options->burst < BATCH && done < options->destinations)
        wait_until(began_ns + half_ns * done / options->destinations);
}

static void pass(struct loop *loop, bool does_send)
{
    struct srtp_job jobs[BATCH];
    unsigned destinations = loop->options->destinations;
    long long began_ns = clock_ns(CLOCK_MONOTONIC);
    loop->timestamp += loop->options->interval_ms * SAMPLES_PER_MS;
    for (unsigned first = 0; first < destinations; first += BATCH) {
        unsigned count = destinations - first < BATCH ? destinations - first : BATCH;
        for (unsigned i = 0; i < count; i++)
            prepare(loop, i, &loop->targets[first + i], &jobs[i]);
        if (loop->engine->protect(loop->batch, loop->options->profile, jobs, count) != 0)
            die("the engine failed");
        if (!does_send)
            continue;
        send_jobs(loop, jobs, first, count);
        spread(loop->options, began_ns, first + count);
    }
}

/* Passes for so long; returns how many. *late: of them, not over when the next was due. */
static unsigned passes(struct loop *loop, double seconds, bool does_send, unsigned *late)
{
    const struct options *options = loop->options;
    long long interval_ns = (long long)options->interval_ms * NS_PER_MS;
    long long next_ns = clock_ns(CLOCK_MONOTONIC);
    long long end_ns = next_ns + (long long)(seconds * (double)NS_PER_S);
    unsigned count = 0;
    *late = 0;
    while (clock_ns(CLOCK_MONOTONIC) < end_ns) {
        pass(loop, does_send);
        count++;
        if (options->is_flat_out)
            continue;
        next_ns += interval_ns;
        if (clock_ns(CLOCK_MONOTONIC) > next_ns)
            (*late)++;
        wait_until(next_ns);
    }
    return count;
}

static double cpu_ns_per_packet(struct loop *loop, double seconds, bool does_send, unsigned *late)
{
    long long cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
    unsigned count = passes(loop, seconds, does_send, late);
    cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu_ns;
    return (double)cpu_ns / ((double)count * loop->options->destinations);
}

static void report(const struct loop *loop, double all_ns, double seal_ns, unsigned late)
{
    const struct options *options = loop->options;
    const char *profile = options->profile == SRTP_AEAD_AES_128_GCM ? "gcm" : "cm";
    const char *socket_name = options->is_ipv4 ? "IPv4" : "dual stack";
    const char *pace = options->is_flat_out ? "flat out" : options->burst > 0 ? "spread" : "paced";
    if (options->is_json)
        (void)printf("{\"ns_per_packet\":%.1f,\"seal_ns_per_packet\":%.1f,\"engine\":\"%s\","
                     "\"profile\":\"%s\",\"destinations\":%u,\"payload_bytes\":%u,"
                     "\"interval_ms\":%u,\"pace\":\"%s\",\"socket\":\"%s\",\"sent\":%llu,"
                     "\"refused\":%llu,\"late_passes\":%u}\n",
                     all_ns, seal_ns, loop->engine->name, profile, options->destinations,
                     options->payload_bytes, options->interval_ms, pace, socket_name,
                     (unsigned long long)loop->sent, (unsigned long long)loop->refused, late);
    else
        (void)printf("figure: floor: %.0f ns CPU per packet (%.0f of it RTP and SRTP), %s %s, %u "
                     "destinations, %u bytes, %s, %s socket, %llu sent, %llu refused, %u late\n",
                     all_ns, seal_ns, loop->engine->name, profile, options->destinations,
                     options->payload_bytes, pace, socket_name, (unsigned long long)loop->sent,
                     (unsigned long long)loop->refused, late);
}

/* ---- arguments ---- */

static const char usage[] =
    "floor [--engine auto|openssl|...] [--profile gcm|cm] [--destinations N] [--payload BYTES]\n"
    "      [--interval MS] [--burst PACKETS] [--seconds S] [--flat-out] [--ipv4] [--json]\n";

static unsigned number(const char *text, unsigned max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*text == '\0' || *end != '\0' || value == 0 || value > max)
        die(usage);
    return (unsigned)value;
}

static double seconds_of(const char *text)
{
    char *end;
    double value = strtod(text, &end);
    if (*text == '\0' || *end != '\0' || !(value > 0 && value <= 3600))
        die(usage);
    return value;
}

static enum srtp_profile profile_of(const char *name)
{
    if (strcmp(name, "gcm") == 0)
        return SRTP_AEAD_AES_128_GCM;
    if (strcmp(name, "cm") != 0)
        die(usage);
    return SRTP_AES128_CM_SHA1_80;
}

static void take(struct options *options, int option)
{
    switch (option) {
    case 'e':
        options->engine = optarg;
        break;
    case 'p':
        options->profile = profile_of(optarg);
        break;
    case 'n':
        options->destinations = number(optarg, DESTINATIONS_MAX);
        break;
    case 'b':
        options->payload_bytes = number(optarg, PAYLOAD_MAX);
        break;
    case 'i':
        options->interval_ms = number(optarg, 1000);
        break;
    case 'u':
        options->burst = number(optarg, DESTINATIONS_MAX);
        break;
    case 's':
        options->seconds = seconds_of(optarg);
        break;
    case 'f':
        options->is_flat_out = true;
        break;
    case '4':
        options->is_ipv4 = true;
        break;
    case 'j':
        options->is_json = true;
        break;
    default:
        die(usage);
    }
}

static struct options read_arguments(int argc, char **argv)
{
    static const struct option names[] = {
        {"engine", required_argument, NULL, 'e'},
        {"profile", required_argument, NULL, 'p'},
        {"destinations", required_argument, NULL, 'n'},
        {"payload", required_argument, NULL, 'b'},
        {"interval", required_argument, NULL, 'i'},
        {"burst", required_argument, NULL, 'u'},
        {"seconds", required_argument, NULL, 's'},
        {"flat-out", no_argument, NULL, 'f'},
        {"ipv4", no_argument, NULL, '4'},
        {"json", no_argument, NULL, 'j'},
        {NULL, 0, NULL, 0},
    };
    struct options options = {.engine = "auto",
                              .profile = SRTP_AEAD_AES_128_GCM,
                              .destinations = 4000,
                              .payload_bytes = 120,
                              .interval_ms = 20,
                              .seconds = 10};
    int option;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1)
        take(&options, option);
    return options;
}

int main(int argc, char **argv)
{
    struct options options = read_arguments(argc, argv);
    struct loop loop;
    unsigned late;
    set_up(&loop, &options);
    for (unsigned i = 0; i < WARM_UP_PASSES; i++)
        pass(&loop, true);
    loop.sent = loop.refused = 0;
    double all_ns = cpu_ns_per_packet(&loop, options.seconds, true, &late);
    unsigned ignored;
    double seal_ns = cpu_ns_per_packet(&loop, 1, false, &ignored);
    report(&loop, all_ns, seal_ns, late);
    return EXIT_SUCCESS;
}
