#include "rehearse/inbox.h"

#include "base/clock.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <time.h>

enum {
    CLOCK_TRIES = 5,
    CLOCK_APART_US = 20, /* more between the two readings: we were interrupted */
    NS_PER_S = 1000 * 1000 * 1000,
};

void inbox_init(struct inbox *inbox)
{
    memset(inbox, 0, sizeof(*inbox));
    for (unsigned i = 0; i < INBOX_SLOTS; i++) {
        inbox->parts[i] = (struct iovec){.iov_base = inbox->data[i], .iov_len = INBOX_DATAGRAM_MAX};
        inbox->messages[i].msg_hdr = (struct msghdr){.msg_iov = &inbox->parts[i],
                                                     .msg_iovlen = 1,
                                                     .msg_control = inbox->controls[i],
                                                     .msg_controllen = INBOX_CONTROL_BYTES};
    }
}

static int64_t wall_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * NS_PER_S + now.tv_nsec;
}

uint64_t inbox_begin(struct inbox *inbox)
{
    uint64_t before_us, after_us = clock_now_us();
    int64_t wall;
    unsigned tries = 0;
    do {
        before_us = after_us;
        wall = wall_ns();
        after_us = clock_now_us();
    } while (after_us - before_us > CLOCK_APART_US && ++tries < CLOCK_TRIES);
    stamps_begin(&inbox->stamps, after_us, wall);
    return after_us;
}

unsigned inbox_read(struct inbox *inbox, int fd, bool with_names)
{
    for (unsigned i = 0; i < INBOX_SLOTS; i++) {
        struct msghdr *header = &inbox->messages[i].msg_hdr;
        header->msg_controllen = INBOX_CONTROL_BYTES;
        header->msg_name = with_names ? &inbox->names[i] : NULL;
        header->msg_namelen = with_names ? sizeof(inbox->names[i]) : 0;
    }
    int count = recvmmsg(fd, inbox->messages, INBOX_SLOTS, MSG_DONTWAIT, NULL);
    if (count < 0 &&
        errno == ECONNREFUSED) /* told once about a datagram of ours; behind it lies more */
        count = recvmmsg(fd, inbox->messages, INBOX_SLOTS, MSG_DONTWAIT, NULL);
    return count > 0 ? (unsigned)count : 0;
}

static int64_t stamp_of(struct msghdr *header)
{
    for (struct cmsghdr *part = CMSG_FIRSTHDR(header); part != NULL;
         part = CMSG_NXTHDR(header, part)) {
        struct timespec at;
        if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_TIMESTAMPNS)
            continue;
        memcpy(&at, CMSG_DATA(part), sizeof(at));
        return (int64_t)at.tv_sec * NS_PER_S + at.tv_nsec;
    }
    return 0;
}

struct letter inbox_letter(struct inbox *inbox, unsigned slot)
{
    assert(slot < INBOX_SLOTS);
    struct mmsghdr *message = &inbox->messages[slot];
    bool is_whole = (message->msg_hdr.msg_flags & MSG_TRUNC) == 0;
    struct letter letter = {.data = inbox->data[slot],
                            .bytes = is_whole ? message->msg_len : 0,
                            .arrival_us =
                                stamps_arrival_us(&inbox->stamps, stamp_of(&message->msg_hdr))};
    if (message->msg_hdr.msg_name != NULL &&
        address_from_any(&letter.from, message->msg_hdr.msg_name) != 0)
        letter.bytes = 0;
    return letter;
}
