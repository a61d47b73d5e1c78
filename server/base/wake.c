#include "base/wake.h"

#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

int wake_init(struct wake *wake)
{
    wake->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return wake->fd < 0 ? ERR_IO : 0;
}

void wake_clear(struct wake *wake)
{
    if (wake->fd >= 0)
        (void)close(wake->fd);
    wake->fd = -1;
}

/* A write can only fail when the counter is at its end, and then fd is readable already. */
void wake_ring(struct wake *wake)
{
    const uint64_t one = 1;
    ssize_t written = write(wake->fd, &one, sizeof(one));
    (void)written;
}

/* A read empties the counter, however many rang; it fails when nobody did. */
void wake_hush(struct wake *wake)
{
    uint64_t count;
    ssize_t got = read(wake->fd, &count, sizeof(count));
    (void)got;
}
