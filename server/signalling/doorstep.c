#include "signalling/doorstep.h"

#include "admission/limits.h"
#include "signalling/bare_request.h"
#include "signalling/http.h"

#include <sys/socket.h>

enum { PEEKED_BYTES = 4096 }; /* longer heads go the usual way */

/* For so long as one answer takes, a client like all others: it holds its share of sockets. */
static bool serve(struct signalling *signalling, int fd, const struct address *peer,
                  const struct bare_request *asked)
{
    struct client client = {
        .signalling = signalling, .fd = fd, .peer = *peer, .from = *peer, .wait = CLIENT_BUSY};
    if (!limits_take_socket(signalling->limits, peer))
        return false;
    bool is_answered = http_answer_bare(&client, asked);
    limits_return_socket(signalling->limits, &client.from);
    return is_answered;
}

bool doorstep_answer(struct signalling *signalling, int fd, const struct address *peer)
{
    char bytes[PEEKED_BYTES];
    struct bare_request asked;
    ssize_t got = recv(fd, bytes, sizeof(bytes), MSG_PEEK | MSG_DONTWAIT);
    if (got <= 0 || bare_request_read(&asked, slice_of(bytes, (size_t)got)) != 0 ||
        !serve(signalling, fd, peer, &asked))
        return false;
    /* What is closed unread is reset, and the answer may be lost with it. */
    (void)!recv(fd, bytes, (size_t)got, MSG_DONTWAIT | MSG_TRUNC);
    return true;
}
