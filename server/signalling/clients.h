/* clients.h - who is connected: let in by their share and by what is left.
 *
 * Of each client it is known whether we wait for it: for its first request, for the next one, for its hello. Those cost a
 * descriptor and bring nothing; when too many wait, the one that waits longest makes way for whoever comes. So sockets that
 * are held open keep nobody out. The last of the descriptors are for hosts and the admin: listeners get none of them, and
 * half of them are for addresses where a host was before.
 *
 * Owner    signalling
 * Thread   control, unless named
 * Units    microseconds, monotonic
 * Errors   who cannot be had is refused: at best with a fixed answer, else by closing
 * Spec     none
 */
#ifndef SIGNALLING_CLIENTS_H
#define SIGNALLING_CLIENTS_H

#include "signalling/signalling_internal.h"

/* Before the first client. */
void clients_init(struct signalling *signalling);
/* Somebody was accepted and nothing is read yet. False: refused; the descriptor is closed next. True: *peer is set. */
bool clients_admit(struct signalling *signalling, int fd, struct address *peer);
/* What they hear who are refused. */
#define CLIENTS_COME_AGAIN                                                                         \
    "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\n"                                       \
    "Content-Length: 0\r\nConnection: close\r\n\r\n"
/* Any thread. The last that is said to somebody; the caller closes the descriptor. */
void clients_turn_away(int fd, const char *answer);
/* Nonzero: close. The new client waits. */
int clients_add(struct signalling *signalling, struct lws *wsi);
void clients_remove(struct lws *wsi);
void client_wait(struct client *client, enum client_wait wait);
/* Somebody new asks, or a listener offers: whether its address and network may do that once more at this moment. */
struct refusal;
bool client_may_join(struct client *client, struct refusal *refusal);
/* For a session without a socket that stays: holds a socket's share, until limits_return_socket(). */
bool client_may_listen(struct client *client, struct refusal *refusal);
/* Once a second: asks the system how much memory is left. */
void clients_tick(struct signalling *signalling);
/* What is left is for hosts: no listener and no download any more. */
bool clients_are_short(const struct signalling *signalling);

#endif
