/* wire.c - a cable that delays and loses: carries Ethernet frames between two interfaces, both ways, in order.
 *
 *     wire INTERFACE INTERFACE        standard input: lines "DELAY_US LOSS_PPM", of each direction; it ends with it
 *
 * For kernels without netem. Frames must come with their checksums made (`ethtool -K ... tx off` at the senders). One
 * that is longer than FRAME_BYTES_MAX, or more than QUEUE_FRAMES that wait, are lost, too.
 *
 * Spec     packet(7)
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <arpa/inet.h>

enum {
    FRAME_BYTES_MAX = 2048,
    QUEUE_FRAMES = 8192,
    SOCKET_BYTES = 8 << 20,
    MILLION = 1000000,
    DELAY_US_MAX = 10 * MILLION,
    LINE_MAX_CHARS = 64,
};

struct frame {
    uint64_t due_us;
    size_t bytes_count;
    uint8_t bytes[FRAME_BYTES_MAX];
};

struct direction {
    int from, to; /* sockets */
    size_t first, count;
    struct frame frames[QUEUE_FRAMES];
};

static struct direction directions[2];
static unsigned delay_us, loss_ppm;

static uint64_t now_us(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * MILLION + (uint64_t)now.tv_nsec / 1000;
}

/* xorshift64* */
static uint64_t dice(void)
{
    static uint64_t state;
    while (state == 0)
        if (getrandom(&state, sizeof(state), 0) != (ssize_t)sizeof(state))
            state = now_us();
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return (state * UINT64_C(2685821657736338717)) >> 32;
}

static int open_end(const char *interface)
{
    const int one = 1, room = SOCKET_BYTES;
    struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL)};
    address.sll_ifindex = (int)if_nametoindex(interface);
    int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0 || address.sll_ifindex == 0 ||
        setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one)) != 0 ||
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
        (void)fprintf(stderr, "wire: %s: %s\n", interface, strerror(errno));
        exit(EXIT_FAILURE);
    }
    return fd;
}

static void take(struct direction *way)
{
    static struct frame lost;
    for (;;) {
        bool is_kept = way->count < QUEUE_FRAMES && dice() % MILLION >= loss_ppm;
        struct frame *frame =
            is_kept ? &way->frames[(way->first + way->count) % QUEUE_FRAMES] : &lost;
        ssize_t bytes = recv(way->from, frame->bytes, sizeof(frame->bytes), MSG_TRUNC);
        if (bytes < 0)
            return;
        if (!is_kept || (size_t)bytes > sizeof(frame->bytes))
            continue;
        frame->bytes_count = (size_t)bytes;
        frame->due_us = now_us() + delay_us;
        way->count++;
    }
}

/* What is due goes; when the next one is, or UINT64_MAX. */
static uint64_t give(struct direction *way)
{
    while (way->count > 0) {
        const struct frame *frame = &way->frames[way->first];
        if (frame->due_us > now_us())
            return frame->due_us;
        /* what the other interface does not take is lost, as on any cable */
        ssize_t sent = send(way->to, frame->bytes, frame->bytes_count, 0);
        (void)sent;
        way->first = (way->first + 1) % QUEUE_FRAMES;
        way->count--;
    }
    return UINT64_MAX;
}

/* False: standard input has ended, or says nonsense. */
static bool read_setting(void)
{
    char line[LINE_MAX_CHARS];
    unsigned delay, loss;
    ssize_t chars = read(STDIN_FILENO, line, sizeof(line) - 1);
    if (chars <= 0)
        return chars < 0 && (errno == EAGAIN || errno == EINTR);
    line[chars] = '\0';
    if (sscanf(line, "%u %u", &delay, &loss) != 2 || delay > DELAY_US_MAX || loss > MILLION)
        return false;
    delay_us = delay;
    loss_ppm = loss;
    (void)printf("set %u %u\n", delay, loss);
    return fflush(stdout) == 0;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        (void)fputs("usage: wire INTERFACE INTERFACE\n", stderr);
        return 2;
    }
    int ends[2] = {open_end(argv[1]), open_end(argv[2])};
    for (unsigned i = 0; i < 2; i++) {
        directions[i].from = ends[i];
        directions[i].to = ends[1 - i];
    }
    struct pollfd watched[] = {{.fd = STDIN_FILENO, .events = POLLIN},
                               {.fd = ends[0], .events = POLLIN},
                               {.fd = ends[1], .events = POLLIN}};
    do {
        if (watched[0].revents != 0 && !read_setting())
            return EXIT_SUCCESS;
        take(&directions[0]);
        take(&directions[1]);
        uint64_t due_us = give(&directions[0]);
        uint64_t other_us = give(&directions[1]);
        uint64_t begin_us = now_us();
        due_us = due_us < other_us ? due_us : other_us;
        uint64_t wait_us = due_us == UINT64_MAX ? MILLION
                           : due_us > begin_us  ? due_us - begin_us
                                                : 0;
        struct timespec wait = {.tv_sec = (time_t)(wait_us / MILLION),
                                .tv_nsec = (long)(wait_us % MILLION) * 1000};
        if (ppoll(watched, 3, &wait, NULL) < 0 && errno != EINTR)
            return EXIT_FAILURE;
    } while (true);
}
